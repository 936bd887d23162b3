package sqlite

import (
	"cmp"
	"context"
	"slices"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// putEvents appends events to the log. One of a person gets its place in the log
// as its position; one that is stored already is left alone, its number unused.
func putEvents(ctx context.Context, t tx, tenant string, events []crm.Event) error {
	if len(events) == 0 {
		return nil
	}
	var top int64
	err := t.one(ctx, `UPDATE event_head SET n = n + $1 RETURNING n`, []any{len(events)}, &top)
	if err != nil {
		return err
	}
	var bodies []byte // of the rows of a statement
	return t.rows(ctx, `events (n, tenant, pbx, epoch, seq, num, type, call_id, at, body)`,
		`ON CONFLICT (tenant, pbx, epoch, seq, num) DO NOTHING`, len(events), func(args []any, i int) []any {
			e := events[i]
			n := top - int64(len(events)-1-i)
			if e.PBX == "" {
				e.Pos, e.N = crm.Position{Seq: uint64(n)}, 0
			}
			if len(args) == 0 {
				bodies = bodies[:0]
			}
			from := len(bodies)
			bodies = e.AppendJSON(bodies)
			return append(args, n, tenant, e.PBX, int64(e.Pos.Epoch), int64(e.Pos.Seq), e.N, string(e.Type), e.Subject(), ms(e.At.Time), stored.JSON(bodies[from:]))
		})
}

const eventColumns = `n, pbx, epoch, seq, num, type, call_id, at, body`

// Events implements crm.EventStore.
func (s *Store) Events(ctx context.Context, tenant string, after int64, limit int) (events []crm.StoredEvent, err error) {
	err = s.readLong(ctx, "read events", func(t tx) error {
		events, err = readEvents(ctx, t, `WHERE tenant = $1 AND n > $2 ORDER BY n LIMIT $3`, tenant, after, limit)
		return err
	})
	return events, err
}

// lookAhead is how many events EventsOf looks through at most for those of some types.
const lookAhead = 10_000

// EventsOf implements crm.EventStore. Of what is passed over no body is read.
func (s *Store) EventsOf(
	ctx context.Context, tenant string, after int64, limit int, types ...crm.EventType,
) (events []crm.StoredEvent, upTo int64, err error) {
	err = s.readLong(ctx, "read events", func(t tx) error {
		err := t.one(ctx, `SELECT coalesce(max(n), $2) FROM (SELECT n FROM events WHERE tenant = $1 AND n > $2 ORDER BY n LIMIT $3)`,
			[]any{tenant, after, lookAhead}, &upTo)
		if err != nil || upTo == after {
			return err
		}
		events, err = readEvents(ctx, t, `
			WHERE tenant = $1 AND n > $3 AND n <= $4 AND ($2 = '[]' OR type IN `+inList+`) ORDER BY n LIMIT $5`,
			tenant, list(types), after, upTo, limit)
		return err
	})
	if err == nil && len(events) > 0 && len(events) == limit {
		upTo = events[limit-1].N
	}
	return events, upTo, err
}

// PeopleEvents implements crm.EventStore. The position of such an event is its
// place in the log.
func (s *Store) PeopleEvents(
	ctx context.Context, tenant string, after int64, limit int,
) (events []crm.StoredEvent, err error) {
	err = s.read(ctx, "read people's events", func(t tx) error {
		events, err = readEvents(ctx, t, `
			WHERE tenant = $1 AND pbx = '' AND epoch = 0 AND seq > $2 ORDER BY seq LIMIT $3`, tenant, after, limit)
		return err
	})
	return events, err
}

// EventsSince implements crm.EventStore. Within a source the order of the log is
// the order of positions, so the first of every source are enough to merge.
func (s *Store) EventsSince(
	ctx context.Context, tenant string, c crm.Cursor, limit int,
) (events []crm.StoredEvent, err error) {
	err = s.read(ctx, "read events", func(t tx) error {
		sources, err := sourcesOf(ctx, t, tenant)
		if err != nil {
			return err
		}
		for _, pbx := range sources {
			after := c.PBX[pbx]
			if pbx == "" {
				after = crm.Position{Seq: uint64(c.Log)}
			}
			more, err := readEvents(ctx, t, `
				WHERE tenant = $1 AND pbx = $2 AND (epoch, seq) > ($3, $4)
				ORDER BY epoch, seq, num LIMIT $5`, tenant, pbx, int64(after.Epoch), int64(after.Seq), limit)
			if err != nil {
				return err
			}
			events = append(events, more...)
		}
		return nil
	})
	slices.SortFunc(events, func(a, b crm.StoredEvent) int { return cmp.Compare(a.N, b.N) })
	return events[:min(len(events), max(limit, 0))], err
}

// sourcesOf returns the tenant's PBXs, and "" for what people did.
func sourcesOf(ctx context.Context, t tx, tenant string) ([]string, error) {
	sources := []string{""}
	err := t.each(ctx, `SELECT pbx FROM pbxs WHERE tenant = $1`, []any{tenant}, func(scan scan) error {
		var pbx string
		err := scan(&pbx)
		sources = append(sources, pbx)
		return err
	})
	return sources, err
}

func readEvents(ctx context.Context, t tx, where string, args ...any) ([]crm.StoredEvent, error) {
	events := []crm.StoredEvent{}
	err := t.each(ctx, `SELECT `+eventColumns+` FROM events `+where, args, func(scan scan) error {
		var e crm.StoredEvent
		err := scan(&e.N, &e.PBX, &e.Pos.Epoch, &e.Pos.Seq, &e.Num, &e.Type, &e.CallID, timeAt{&e.At}, &e.Body)
		events = append(events, e)
		return err
	})
	return events, err
}

// NewestEvent implements crm.EventStore.
func (s *Store) NewestEvent(ctx context.Context) (n int64, err error) {
	err = s.read(ctx, "read the newest event's number", func(t tx) error {
		return t.one(ctx, `SELECT n FROM event_head`, nil, &n)
	})
	return n, err
}

// Tops implements crm.EventStore.
func (s *Store) Tops(ctx context.Context) (crm.Cursor, error) {
	c := crm.Cursor{PBX: map[string]crm.Position{}}
	err := s.read(ctx, "read tops", func(t tx) error {
		err := t.each(ctx, `SELECT pbx, pos_epoch, pos_seq FROM pbxs`, nil, func(scan scan) error {
			var pbx string
			var p crm.Position
			err := scan(&pbx, &p.Epoch, &p.Seq)
			c.PBX[pbx] = p
			return err
		})
		if err != nil {
			return err
		}
		return t.one(ctx, `SELECT coalesce(max(n), 0) FROM events WHERE pbx = ''`, nil, &c.Log)
	})
	return c, err
}
