package postgres

import (
	"cmp"
	"context"
	"slices"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

// reserve gives out k numbers of the event log and returns the first. It must come
// before everything else in a transaction; see the function in the migrations.
func reserve(ctx context.Context, t tx, k int) (first int64, err error) {
	if k == 0 {
		return 0, nil
	}
	err = t.one(ctx, `SELECT reserve_events($1)`, []any{int64(k)}, &first)
	return first, err
}

// bodySize is how many bytes an event takes, about.
const bodySize = 1500

// putEvents appends events to the log from number n on. One of a person gets its
// place in the log as its position; one that is stored already is left alone, its
// number unused.
func putEvents(ctx context.Context, t tx, tenant string, n int64, events []crm.Event) error {
	if len(events) == 0 {
		return nil
	}
	k := len(events)
	pbxs, kinds, calls := make([]string, k), make([]string, k), make([]string, k)
	epochs, seqs, nums := make([]int64, k), make([]int64, k), make([]int64, k)
	ats, bodies := make([]any, k), make([][]byte, k)
	room := make([]byte, 0, bodySize*k)
	for i := range events {
		e := events[i]
		if e.PBX == "" {
			e.Pos, e.N = crm.Position{Seq: uint64(n) + uint64(i)}, 0
		}
		pbxs[i], kinds[i], calls[i] = e.PBX, string(e.Type), e.Subject()
		epochs[i], seqs[i], nums[i] = int64(e.Pos.Epoch), int64(e.Pos.Seq), int64(e.N)
		from := len(room)
		room = e.AppendJSON(room)
		ats[i], bodies[i] = ts(e.At.Time), stored.JSON(room[from:])
	}
	_, err := t.exec(ctx, `
		INSERT INTO events (tenant, n, pbx, epoch, seq, num, type, call_id, at, body)
		SELECT $1, $2 + place - 1, pbx, epoch, seq, num, type, call_id, at, body
		FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[],
			$9::timestamptz[], $10::bytea[])
			WITH ORDINALITY AS e (pbx, epoch, seq, num, type, call_id, at, body, place)
		ON CONFLICT (tenant, pbx, epoch, seq, num) DO NOTHING`,
		tenant, n, pbxs, epochs, seqs, nums, kinds, calls, ats, bodies)
	return err
}

// settled holds for events below the oldest running transaction: nothing comes
// below them any more. One that is seen and is of a transaction to come was written in
// another server, and came in a dump.
const settled = ` AND (xid < pg_snapshot_xmin(pg_current_snapshot()) OR xid >= pg_snapshot_xmax(pg_current_snapshot())) `

const eventColumns = `n, pbx, epoch, seq, num, type, call_id, at, body`

// Events implements crm.EventStore.
func (s *Store) Events(ctx context.Context, tenant string, after int64, limit int) (events []crm.StoredEvent, err error) {
	err = s.readLong(ctx, "read events", func(t tx) error {
		events, err = readEvents(ctx, t, `WHERE tenant = $1 AND n > $2`+settled+`ORDER BY n LIMIT $3`, tenant, after, limit)
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
	wanted := make([]string, len(types))
	for i, t := range types {
		wanted[i] = string(t)
	}
	err = s.readLong(ctx, "read events", func(t tx) error {
		err := t.one(ctx, `SELECT coalesce(max(n), $2) FROM (
			SELECT n FROM events WHERE tenant = $1 AND n > $2`+settled+`ORDER BY n LIMIT $3) AS next`, []any{tenant, after, lookAhead}, &upTo)
		if err != nil || upTo == after {
			return err
		}
		events, err = readEvents(ctx, t, `
			WHERE tenant = $1 AND n > $2 AND n <= $3 AND (cardinality($4::text[]) = 0 OR type = ANY ($4))`+settled+`ORDER BY n LIMIT $5`,
			tenant, after, upTo, wanted, limit)
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
			WHERE tenant = $1 AND pbx = '' AND epoch = 0 AND seq > $2`+settled+`ORDER BY seq LIMIT $3`, tenant, after, limit)
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
				WHERE tenant = $1 AND pbx = $2 AND (epoch, seq) > ($3, $4)`+settled+`ORDER BY epoch, seq, num LIMIT $5`, tenant, pbx, int64(after.Epoch), int64(after.Seq), limit)
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

// NewestEvent implements crm.EventStore. After a crash of the server it may be some
// numbers more, which is no harm.
func (s *Store) NewestEvent(ctx context.Context) (n int64, err error) {
	err = s.read(ctx, "read the newest event's number", func(t tx) error {
		return t.one(ctx, `SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM event_n`, nil, &n)
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
		return t.one(ctx, `SELECT coalesce(max(n), 0) FROM events WHERE pbx = ''`+settled, nil, &c.Log)
	})
	return c, err
}
