package intake

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"patchcord/ami"
	"patchcord/ami/amitest"
	"patchcord/ami/calls"
	"patchcord/buffer"
	"patchcord/buffer/embedded"
	"patchcord/buffer/redisstream"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm"
	"patchcord/crm/postgres"
	"patchcord/crm/postgres/pgtest"
	"patchcord/crm/sqlite"
	"patchcord/crm/sqlite/sqlitetest"
)

// venom is text that a store of these tests refuses in a record.
const venom = "VENOM"

// allergic is a store that refuses records with venom, until it is cured.
type allergic struct {
	crm.Store
	cure func(t *testing.T)
	show func(t *testing.T) // returns when every event that was committed can be read
}

func allergicSQLite(t *testing.T) allergic {
	path := filepath.Join(t.TempDir(), "store.db")
	s := sqlitetest.Open(t, path, sqlite.Open)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	do := func(t *testing.T, statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for _, on := range []string{"INSERT", "UPDATE"} {
		do(t, `CREATE TRIGGER allergy_`+on+` BEFORE `+on+` ON calls WHEN NEW.record LIKE '%`+venom+`%' BEGIN SELECT RAISE(ABORT, 'allergy'); END`)
	}
	return allergic{s, func(t *testing.T) { do(t, `DROP TRIGGER allergy_INSERT`); do(t, `DROP TRIGGER allergy_UPDATE`) }, func(*testing.T) {}}
}

func allergicPostgres(t *testing.T) allergic {
	url := pgtest.Start(t)
	s, err := postgres.Open(t.Context(), url, postgres.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	db, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close(context.Background()) })
	do := func(t *testing.T, statement string, into ...any) {
		t.Helper()
		if err := db.QueryRow(t.Context(), statement).Scan(into...); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			t.Fatal(err)
		}
	}
	do(t, `ALTER TABLE calls ADD CONSTRAINT allergy CHECK (record NOT LIKE '%`+venom+`%')`)
	return allergic{s, func(t *testing.T) { do(t, `ALTER TABLE calls DROP CONSTRAINT allergy`) }, func(t *testing.T) {
		var last, oldest uint64 // other tests of this server may be in the middle of something
		do(t, `SELECT pg_current_xact_id()::text::int8`, &last)
		eventually(t, "older transactions to end", func() bool {
			do(t, `SELECT pg_snapshot_xmin(pg_current_snapshot())::text::int8`, &oldest)
			return oldest > last
		})
	}}
}

func embeddedLog(t *testing.T) buffer.Log {
	l, err := embedded.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func redisLog(t *testing.T) buffer.Log {
	url, _ := redistest.Start(t)
	l, err := redisstream.Open(t.Context(), url, redisstream.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// mortal is a store whose daemon dies at a commit: it is not made, and no later one.
type mortal struct {
	crm.IngestStore
	dies func(crm.Batch) bool
	dead bool
}

var errDied = errors.New("the daemon died")

// Commit commits while the daemon lives.
func (m *mortal) Commit(ctx context.Context, b crm.Batch) error {
	if m.dead = m.dead || m.dies(b); m.dead {
		return errDied
	}
	return m.IngestStore.Commit(ctx, b)
}

// life is a recorder of a daemon that takes the PBX.
func life(t *testing.T, log buffer.Log, store crm.Store, dies func(crm.Batch) bool) *recorder {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	epoch, err := store.TakePBX(t.Context(), "hq", "default", "a")
	if err != nil {
		t.Fatal(err)
	}
	return &recorder{
		pbx: "hq", tenant: "default", epoch: epoch, node: "a", log: log, dead: buffer.NewDeadLetters(log, logger),
		store: &mortal{IngestStore: store, dies: dies}, logger: logger, bear: applied,
		people: NewPeople(store, []string{"default"}, logger), match: newMatcher(store, logger),
		cfg: calls.Config{PBX: "hq", Tenant: "default", Region: "GB"}, queue: make(chan []buffer.Entry, recorderQueue),
	}
}

func never(crm.Batch) bool { return false }

// poisoned is the log of some calls in which the queue of one caller is called venom, and where.
func poisoned(t *testing.T) ([]buffer.Entry, crm.Position) {
	t.Helper()
	events, _ := amitest.Generate(7, 60)
	var bad crm.Position
	var entries []buffer.Entry
	for i, e := range events {
		raw, at := e.Raw, amitest.Epoch().Add(time.Duration(i)*10*time.Millisecond)
		pos := crm.Position{Epoch: 1, Seq: uint64(i + 1)}
		if m := ami.NewMessage(raw); bad.IsZero() && i > len(events)/2 && m.Event() == "QueueCallerJoin" {
			bad, raw = pos, strings.Replace(raw, "Queue: "+m.Get("Queue"), "Queue: "+venom, 1)
		}
		entries = append(entries, buffer.Entry{Pos: pos, At: at, Kind: buffer.Frame, Data: []byte(raw)})
	}
	if bad.IsZero() {
		t.Fatal("no caller waits in a queue")
	}
	return entries, bad
}

// stocks calls f on every log with every store.
func stocks(t *testing.T, f func(t *testing.T, log buffer.Log, store allergic)) {
	for name, log := range map[string]func(*testing.T) buffer.Log{"embedded": embeddedLog, "Redis": redisLog} {
		for kind, store := range map[string]func(*testing.T) allergic{"SQLite": allergicSQLite, "PostgreSQL": allergicPostgres} {
			t.Run(name+" and "+kind, func(t *testing.T) {
				t.Parallel()
				f(t, log(t), store(t))
			})
		}
	}
}

func fill(t *testing.T, log buffer.Log, entries []buffer.Entry) {
	t.Helper()
	if _, err := log.Append(t.Context(), "hq", entries); err != nil {
		t.Fatal(err)
	}
}

// passedOver checks that the entry is the one dead letter, that one gap stands in its place and everything
// else is recorded.
func passedOver(t *testing.T, r *recorder, store crm.Store, entries []buffer.Entry, bad crm.Position) buffer.Letter {
	t.Helper()
	letters, err := r.dead.List(t.Context(), "hq")
	if err != nil || len(letters) != 1 || letters[0].Pos != bad {
		t.Fatalf("dead letters %+v, %v; want the one of %s", letters, err, bad)
	}
	cp, err := store.Resume(t.Context(), "hq")
	if last := entries[len(entries)-1].Pos; err != nil || cp.Pos != last {
		t.Errorf("the checkpoint is %s, %v; want %s, the end of the log", cp.Pos, err, last)
	}
	gaps, err := store.Gaps(t.Context(), "default", time.Time{}, time.Time{})
	if err != nil || len(gaps) != 1 || gaps[0].ID != "hq:"+bad.String() || !strings.Contains(gaps[0].Detail, "dead letter") {
		t.Errorf("gaps %+v, %v; want one at %s that speaks of the dead letter", gaps, err, bad)
	}
	records := recordsIn(t, store)
	want := foldWithout(t, r.cfg, entries, bad)
	if len(records) != len(want) {
		t.Errorf("%d records; want %d", len(records), len(want))
	}
	for _, c := range records {
		w := want[c.ID]
		if w == nil {
			t.Errorf("a record of %s; want none", c.ID)
			continue
		}
		if got, want := recordText(t, c), recordText(t, w); got != want {
			t.Errorf("record\n%s\nwant\n%s", got, want)
		}
	}
	return letters[0]
}

func recordText(t *testing.T, c *crm.Call) string {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func recordsIn(t *testing.T, store crm.Store) []*crm.Call {
	t.Helper()
	var all []*crm.Call
	for page := (crm.Page{Limit: 200}); ; {
		list, next, err := store.Calls(t.Context(), "default", crm.CallFilter{}, page)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
		if next == "" {
			return all
		}
		page.Cursor = next
	}
}

// foldWithout returns the records, by id, of a fold that gets a hole in the place of the entry.
func foldWithout(t *testing.T, cfg calls.Config, entries []buffer.Entry, bad crm.Position) map[string]*crm.Call {
	t.Helper()
	tracker, err := calls.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	records := map[string]*crm.Call{}
	for _, e := range entries {
		in, err := inputOf(e)
		if err != nil {
			t.Fatal(err)
		}
		if e.Pos == bad {
			in = hole(e)
		}
		for _, ev := range tracker.Apply(in) {
			if ev.Type == crm.CallMerged {
				delete(records, ev.Call.ID)
			}
		}
		for _, c := range tracker.Drain().Calls {
			records[c.ID] = c
		}
	}
	return records
}

func TestEntryThatTheStoreRefusesIsADeadLetter(t *testing.T) {
	t.Parallel()
	entries, bad := poisoned(t)
	stocks(t, func(t *testing.T, log buffer.Log, store allergic) {
		fill(t, log, entries)
		r := life(t, log, store, never)
		if err := r.resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		l := passedOver(t, r, store, entries, bad)
		if l.Tries != poisonTries || !strings.Contains(l.Reason, "allergy") || !strings.Contains(string(l.Data), venom) || l.Node != "a" {
			t.Errorf("dead letter %+v; want the store's reason, the frame and %d tries", l, poisonTries)
		}
		if c := recordsIn(t, store); !slices.ContainsFunc(c, func(c *crm.Call) bool { return !c.Complete && len(c.QueueVisits) > 0 }) {
			t.Error("no record says that something of it is not recorded")
		}
	})
}

// The daemon is killed after the dead letter was put aside and before the checkpoint passed it.
func TestKilledBetweenDeadLetterAndCommit(t *testing.T) {
	t.Parallel()
	entries, bad := poisoned(t)
	stocks(t, func(t *testing.T, log buffer.Log, store allergic) {
		fill(t, log, entries)
		holed := func(b crm.Batch) bool { return len(b.Gaps) > 0 }
		for range 2 {
			if err := life(t, log, store, holed).resume(t.Context()); !errors.Is(err, errDied) {
				t.Fatalf("the daemon lives on: %v", err)
			}
		}
		r := life(t, log, store, never)
		if letters, err := r.dead.List(t.Context(), "hq"); err != nil || len(letters) != 1 {
			t.Fatalf("dead letters %+v, %v; want one before the commit", letters, err)
		}
		if err := r.resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		passedOver(t, r, store, entries, bad)
	})
}

func TestEntryThatTheFoldCannotBearIsADeadLetter(t *testing.T) {
	t.Parallel()
	entries, bad := poisoned(t)
	store := allergicSQLite(t)
	store.cure(t)
	log := embeddedLog(t)
	fill(t, log, entries)
	r := life(t, log, store, never)
	r.bear = func(fold *calls.Tracker, in calls.Input) ([]crm.Event, error) {
		if in.Kind == calls.Frame && in.Pos == bad {
			applied(fold, in) // half of it is taken
			return applied(nil, in)
		}
		return applied(fold, in)
	}
	if err := r.resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l := passedOver(t, r, store, entries, bad); !strings.Contains(l.Reason, "panicked at QueueCallerJoin") {
		t.Errorf("reason %q", l.Reason)
	}
}

// Under load entries come over the queue, many to a commit.
func TestDeadLetterOutOfTheQueue(t *testing.T) {
	t.Parallel()
	entries, bad := poisoned(t)
	store, log := allergicSQLite(t), embeddedLog(t)
	r := life(t, log, store, never)
	if err := r.resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	fill(t, log, entries)
	for part := range slices.Chunk(entries, 500) {
		r.durable(part)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.run(ctx) }()
	eventually(t, "everything to be committed", func() bool { return r.checkpoint() == entries[len(entries)-1].Pos })
	stop()
	<-ended
	passedOver(t, r, store, entries, bad)
}

func TestRedrivenLetterCountsOnce(t *testing.T) {
	t.Parallel()
	entries, bad := poisoned(t)
	entries = entries[:bad.Seq+5] // the caller still waits
	stocks(t, func(t *testing.T, log buffer.Log, store allergic) {
		fill(t, log, entries)
		r := life(t, log, store, never)
		if err := r.resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		l := passedOver(t, r, store, entries, bad)
		again := func(seq uint64) {
			t.Helper()
			data, err := json.Marshal(l)
			if err != nil {
				t.Fatal(err)
			}
			fill(t, log, []buffer.Entry{{Pos: crm.Position{Epoch: 9, Seq: seq}, At: l.At, Kind: buffer.Redriven, Data: data}})
			if err := r.catchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		ask := func() {
			t.Helper()
			if err := r.dead.Redrive(t.Context(), "hq", bad, "boss"); err != nil {
				t.Fatal(err)
			}
		}
		events := func() int {
			t.Helper()
			store.show(t)
			list, err := store.Events(t.Context(), "default", 0, 10_000)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}

		ask() // its reason is still there
		again(1)
		letters, err := r.dead.List(t.Context(), "hq")
		if err != nil || len(letters) != 1 || letters[0].Asked() || !letters[0].Again || letters[0].Tries != 2*poisonTries {
			t.Fatalf("dead letters %+v, %v; want the same, refused again", letters, err)
		}
		if gaps, err := store.Gaps(t.Context(), "default", time.Time{}, time.Time{}); err != nil || len(gaps) != 1 {
			t.Errorf("gaps %+v, %v; want the first alone", gaps, err)
		}

		store.cure(t)
		before := events()
		ask()
		again(2)
		once := events()
		again(3)                       // as after a crash before it was settled
		r = life(t, log, store, never) // in another life too
		if err := r.resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		again(4)
		if twice := events(); twice != once {
			t.Errorf("%d events, %d after it was applied, %d when it came twice more", before, once, twice)
		}
		if cp, err := store.Resume(t.Context(), "hq"); err != nil || cp.Pos != (crm.Position{Epoch: 9, Seq: 4}) {
			t.Errorf("the checkpoint is %s, %v", cp.Pos, err)
		}
		if c := recordsIn(t, store); !slices.ContainsFunc(c, func(c *crm.Call) bool { return strings.Contains(recordText(t, c), venom) && !c.Complete }) {
			t.Error("no record has what the letter says, and that not all of it was in time")
		}
	})
}
