package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"patchcord/crm"
	"patchcord/crm/crmtest"
	"patchcord/crm/postgres/pgtest"
)

func TestEventsAppearInOrderHoweverCommitsAreDelayed(t *testing.T) {
	s, err := Open(t.Context(), pgtest.Start(t), Config{IngestConns: 8, APIConns: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.beforeCommit = func() { time.Sleep(rand.N(10 * time.Millisecond)) }
	crmtest.TestEventOrder(t, s)
}

// TestAnEarlierEventHoldsBackLaterOnes shows the one case in which order would
// break: a transaction that took the lower number commits last.
func TestAnEarlierEventHoldsBackLaterOnes(t *testing.T) {
	ctx := t.Context()
	s := openTemp(t)
	first, err := s.api.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Rollback(ctx)
	n, err := reserve(ctx, tx{Tx: first}, 1)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.api.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Rollback(ctx)
	m, err := reserve(ctx, tx{Tx: second}, 3)
	if err != nil || m != n+1 {
		t.Fatalf("got number %d, %v after %d; want the next one", m, err, n)
	}
	putOne(t, tx{Tx: second}, m)
	if err := second.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, s)

	putOne(t, tx{Tx: first}, n)
	if err := first.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, s, n, m)
}

func TestANumberThatNobodyUsesHoldsNobodyBack(t *testing.T) {
	ctx := t.Context()
	s := openTemp(t)
	lost, err := s.api.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reserve(ctx, tx{Tx: lost}, 1); err != nil {
		t.Fatal(err)
	}
	kept, err := s.api.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	n, err := reserve(ctx, tx{Tx: kept}, 1)
	if err != nil {
		t.Fatal(err)
	}
	putOne(t, tx{Tx: kept}, n)
	if err := errors.Join(kept.Commit(ctx), lost.Rollback(ctx)); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, s, n)
}

// TestEventsThatCameInADumpAreRead: a server that was set up anew counts its transactions from the beginning.
func TestEventsThatCameInADumpAreRead(t *testing.T) {
	address := pgtest.Start(t)
	s := openAt(t, address)
	err := s.write(t.Context(), "put events", func(x tx) error {
		n, err := reserve(t.Context(), x, 2)
		putOne(t, x, n)
		putOne(t, x, n+1)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	outside(t, address, `UPDATE events SET xid = '9000000000'`)
	wantEvents(t, s, 1, 2)
	if top, err := s.Tops(t.Context()); err != nil || top.Log != 2 {
		t.Errorf("the newest of people's is %d, %v; want 2", top.Log, err)
	}
}

// putOne stores an event of a person at n.
func putOne(t *testing.T, x tx, n int64) {
	t.Helper()
	if err := putEvents(t.Context(), x, "default", n, []crm.Event{{Type: crm.CallUpdated}}); err != nil {
		t.Fatal(err)
	}
}

func wantEvents(t *testing.T, s *Store, want ...int64) {
	t.Helper()
	events, err := s.Events(t.Context(), "default", 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []int64
	for _, e := range events {
		got = append(got, e.N)
	}
	if len(got) != len(want) {
		t.Fatalf("got events %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("got events %v, want %v", got, want)
		}
	}
}

func TestNoServerIsUnavailable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), "postgres://nobody:sesame@"+address+"/x?sslmode=disable", Config{})
	if !errors.Is(err, crm.ErrUnavailable) || strings.Contains(err.Error(), "sesame") {
		t.Errorf("got error %v, want %v, and no password", err, crm.ErrUnavailable)
	}
	_, err = Open(t.Context(), "postgres://%zz", Config{})
	if err == nil || errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("got error %v of a URL that is none, want one that is not an outage", err)
	}
}

func TestAConnectionThatIsCutIsUnavailableOnceOnly(t *testing.T) {
	url := pgtest.Start(t)
	s := openAt(t, url)
	err := s.write(t.Context(), "be cut", func(x tx) error {
		var pid int
		if err := x.one(t.Context(), `SELECT pg_backend_pid()`, nil, &pid); err != nil {
			return err
		}
		outside(t, url, `SELECT pg_terminate_backend($1)`, pid)
		_, err := x.exec(t.Context(), `SELECT 1`)
		return err
	})
	if !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("got error %v, want %v", err, crm.ErrUnavailable)
	}
	if err := s.SetSetting(t.Context(), "k", nil, true); err != nil {
		t.Errorf("after the cut: %v", err)
	}
}

func TestAReadOnlyDatabaseIsUnavailableForWriters(t *testing.T) {
	url := pgtest.Start(t)
	openAt(t, url)
	s := openAt(t, url+"&default_transaction_read_only=on")
	if err := s.SetSetting(t.Context(), "k", nil, true); !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("got error %v, want %v", err, crm.ErrUnavailable)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
}

func TestACallerThatGivesUpIsNotAnOutage(t *testing.T) {
	s := openTemp(t)
	ctx, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	_, err := s.Call(ctx, "default", "x")
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("got error %v, want the deadline's", err)
	}
}

func TestANewerSchemaIsRefused(t *testing.T) {
	url := pgtest.Start(t)
	openAt(t, url)
	outside(t, url, `INSERT INTO patchcord_schema (version) VALUES (1000)`)
	if _, err := Open(t.Context(), url, Config{}); !errors.Is(err, crm.ErrNewerSchema) {
		t.Errorf("got error %v, want %v", err, crm.ErrNewerSchema)
	}
}

func TestManyCanOpenANewDatabaseAtOnce(t *testing.T) {
	url := pgtest.Start(t)
	errs := make(chan error, 6)
	for range cap(errs) {
		go func() {
			s, err := Open(t.Context(), url, Config{})
			if err == nil {
				err = s.Close()
			}
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestATenantsOwnDispositionsReplaceTheDefaults(t *testing.T) {
	url := pgtest.Start(t)
	s := openAt(t, url)
	outside(t, url, `INSERT INTO dispositions (tenant, code, label, place) VALUES
		('default', 'b', 'Second', 2), ('default', 'a', 'First', 1)`)
	got, err := s.Dispositions(t.Context(), "default")
	if err != nil || len(got) != 2 || got[0].Code != "a" || got[1].Label != "Second" {
		t.Errorf("got %v, %v; want the tenant's two", got, err)
	}
}

// outside runs a statement on a connection of its own.
func outside(t *testing.T, url, statement string, args ...any) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if _, err := c.Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}
