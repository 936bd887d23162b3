package intake

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"patchcord/ami"
	"patchcord/ami/amitest"
	"patchcord/ami/calls"
	"patchcord/buffer"
	"patchcord/buffer/embedded"
	"patchcord/crm"
	"patchcord/crm/sqlite"
	"patchcord/crm/sqlite/sqlitetest"
)

// flaky is a store that fails on command.
type flaky struct {
	*sqlite.Store
	mu   sync.Mutex
	fail []error // guarded by mu; of the next commits, in order
	lie  bool    // guarded by mu; the next commit succeeds and says that it did not
}

// Commit fails as told, else commits.
func (f *flaky) Commit(ctx context.Context, b crm.Batch) error {
	f.mu.Lock()
	var err error
	if len(f.fail) > 0 {
		err, f.fail = f.fail[0], f.fail[1:]
	}
	lie := f.lie
	f.lie = false
	f.mu.Unlock()
	if err != nil {
		return err
	}
	if err := f.Store.Commit(ctx, b); err != nil || !lie {
		return err
	}
	return errors.Join(errors.New("connection lost at commit"), crm.ErrUnavailable)
}

// rig is a line between a simulated PBX, a real log and a real store. The PBX places no calls before up.
type rig struct {
	pbx    *amitest.PBX
	proxy  *amitest.Proxy
	store  *flaky
	log    buffer.Log
	people *People // nobody refreshes it
	line   *Line
	stop   func() // ends the line and its PBX; they end with the test as well

	mu     sync.Mutex
	events []crm.Event // guarded by mu
	told   []time.Time // guarded by mu; when each of them was
}

func newRig(t *testing.T, traffic *amitest.Traffic) *rig {
	t.Helper()
	log, err := embedded.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return newRigOn(t, traffic, log)
}

func newRigOn(t *testing.T, traffic *amitest.Traffic, log buffer.Log) *rig {
	t.Helper()
	store := sqlitetest.Open(t, filepath.Join(t.TempDir(), "store.db"), sqlite.Open)
	return newRigWith(t, traffic, log, &flaky{Store: store})
}

func newRigWith(t *testing.T, traffic *amitest.Traffic, log buffer.Log, store *flaky) *rig {
	t.Helper()
	return newRigOf(t, amitest.Config{Traffic: traffic}, log, store, func(*Config) {})
}

func newRigOf(t *testing.T, pbx amitest.Config, log buffer.Log, store *flaky, change func(*Config)) *rig {
	t.Helper()
	pbx.Name, pbx.Timestamps, pbx.WriteTimeout = "hq", true, 2*time.Second
	r := &rig{pbx: amitest.New(pbx), store: store, log: log}
	r.pbx.Rest()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { r.pbx.Serve(ctx, ln) })
	if r.proxy, err = amitest.NewProxy(ctx, ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	user := amitest.DefaultUser()
	r.people = NewPeople(store, []string{"default"}, slog.New(slog.DiscardHandler))
	cfg := Config{
		PBX: "hq", Tenant: "default", Node: "a", Log: log, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Store: r.store, People: r.people,
		Session: ami.Config{Address: r.proxy.Addr(), Username: user.Name, Secret: func() (string, error) { return user.Secret, nil }},
		Fold:    calls.Config{PBX: "hq", Tenant: "default", Region: "GB"},
		Publish: func(e *crm.Event) {
			r.mu.Lock()
			r.events, r.told = append(r.events, *e), append(r.told, time.Now())
			r.mu.Unlock()
		},
	}
	change(&cfg)
	r.line = New(cfg)
	wg.Go(func() { r.line.Run(ctx) })
	r.stop = sync.OnceFunc(func() { stop(); r.proxy.Close(); wg.Wait() })
	t.Cleanup(r.stop)
	return r
}

func (r *rig) seen(typ crm.EventType) (list []crm.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Type == typ {
			list = append(list, e)
		}
	}
	return list
}

// latestPop returns how many pops were told since that time, and how long after it was
// heard the latest of them was.
func (r *rig) latestPop(since time.Time) (worst time.Duration, pops int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, e := range r.events {
		if e.Type == crm.OfferCreated && e.Heard.After(since) {
			worst, pops = max(worst, r.told[i].Sub(e.Heard)), pops+1
		}
	}
	return worst, pops
}

// records returns what the store has, once every call of the ledger is there and over.
func (r *rig) records(t *testing.T) []*crm.Call {
	t.Helper()
	var list []*crm.Call
	eventually(t, "every call to be recorded", func() bool {
		truth := r.pbx.Ledger().Calls()
		for _, c := range truth {
			if c.EndedAt.IsZero() {
				return false
			}
		}
		var err error
		list, _, err = r.store.Calls(t.Context(), "default", crm.CallFilter{}, crm.Page{Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			if c.Open() {
				return false
			}
		}
		return len(truth) > 0 && len(list) >= len(truth)
	})
	return list
}

// eventually waits for what other goroutines and real sockets bring about. What is slow is no failure, only what
// never comes: records are kept with a small share of a processor that other tests may want too.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	const patience = 5 * time.Minute
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// up waits for the session, and only then lets calls begin, so that none is missed however long a login takes.
func (r *rig) up(t *testing.T) {
	t.Helper()
	r.loggedIn(t)
	r.pbx.Work()
}

func (r *rig) loggedIn(t *testing.T) {
	t.Helper()
	eventually(t, "the session to be up", func() bool { return r.line.Status().State.Phase == ami.PhaseUp })
}
