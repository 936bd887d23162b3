package main

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/ami"
	"patchcord/ami/amitest"
	"patchcord/ami/calls"
	"patchcord/ami/intake"
	"patchcord/buffer"
	"patchcord/buffer/embedded"
	"patchcord/crm"
	"patchcord/crm/sqlite"
)

// TestChaosPause stops the owner of a PBX, as SIGSTOP does, for longer than its lease, and lets it go on
// when another node has the PBX. Time is simulated: a stop keeps every answer of the store, the log and the
// PBX from the node, and everything that it says from them.
func TestChaosPause(t *testing.T) {
	rounds(t, "pause", "owner paused", 100, func(t *testing.T, faults int, random *rand.Rand) (y tally) {
		synctest.Test(t, func(t *testing.T) { y = pauseOwners(t, faults, random) })
		return y
	})
}

func pauseOwners(t *testing.T, faults int, random *rand.Rand) tally {
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), sqlite.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	log, err := embedded.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	pbx := amitest.New(amitest.Config{
		Name: "hq", Timestamps: true, WriteTimeout: time.Hour, // a pipe has no buffer, a socket holds minutes of this
		Traffic: &amitest.Traffic{Seed: random.Uint64(), Speed: 2, CallsPerSecond: 0.1, Delay: 10 * time.Second},
	})
	ln := amitest.NewPipeListener()
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { pbx.Serve(ctx, ln) })
	nodes := []*pausable{newPausable("a", store, log, ln), newPausable("b", store, log, ln)}
	for _, n := range nodes {
		wg.Go(func() { n.nodes.Run(ctx) })
		wg.Go(func() { n.line.Run(ctx) })
	}
	time.Sleep(3 * time.Second)
	for range faults {
		time.Sleep(between(random, 2*time.Second, 15*time.Second))
		owner, other := nodes[0], nodes[1]
		if other.line.Status().Owned {
			owner, other = other, owner
		}
		owner.stop()
		time.Sleep(between(random, 12*time.Second, 25*time.Second))
		if !owner.line.Status().Owned || !other.line.Status().Owned {
			t.Errorf("after a pause, owner %v and other %v; want both to believe it", owner.line.Status().Owned, other.line.Status().Owned)
		}
		owner.goOn()
		time.Sleep(3 * time.Second)
		if owner.line.Status().Owned {
			t.Errorf("node %s still believes that it owns the PBX", owner.name)
		}
	}
	pbx.Rest()
	time.Sleep(3 * time.Minute)
	records, gaps := recordsOf(t, store)
	tellsOnce(t, store)
	return compareWithLedger(t, records, gaps, heardIn(t, log), pbx.Ledger().Calls())
}

// pausable is a node whose process can be stopped.
type pausable struct {
	name  string
	nodes *intake.Nodes
	line  *intake.Line

	mu   sync.Mutex
	shut chan struct{} // guarded by mu; nil while it runs
}

func newPausable(name string, store *sqlite.Store, log *embedded.Log, ln *amitest.PipeListener) *pausable {
	n := &pausable{name: name}
	quiet := slog.New(slog.DiscardHandler)
	s, l, user := pausedStore{store, n}, pausedLog{log, n}, amitest.DefaultUser()
	n.nodes = intake.NewNodes(intake.NodesConfig{Store: s, Node: crm.Node{ID: name, Name: name, PBXs: []string{"hq"}, Sharing: true}})
	witness := intake.NewWitness(l)
	n.line = intake.New(intake.Config{
		PBX: "hq", Tenant: defaultTenant, Node: name, Nodes: n.nodes, Follow: l, Witness: witness,
		Session: ami.Config{
			Address: "pbx.invalid:5038", Username: user.Name, Secret: func() (string, error) { return user.Secret, nil },
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := ln.Dial(ctx, network, address)
				return pausedConn{c, n}, err
			},
		},
		Fold: calls.Config{PBX: "hq", Tenant: defaultTenant, Region: "GB"}, Log: witness, Store: s,
		People: intake.NewPeople(store, []string{defaultTenant}, quiet), Publish: func(*crm.Event) { n.wait() }, Logger: quiet,
	})
	return n
}

func (n *pausable) stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.shut = make(chan struct{})
}

func (n *pausable) goOn() {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.shut)
	n.shut = nil
}

// wait returns when the process runs.
func (n *pausable) wait() {
	n.mu.Lock()
	shut := n.shut
	n.mu.Unlock()
	if shut != nil {
		<-shut
	}
}

// paused calls f when the process runs, and gives its answer when it does.
func paused[T any](n *pausable, f func() (T, error)) (T, error) {
	n.wait()
	defer n.wait()
	return f()
}

func pausedOne(n *pausable, f func() error) error {
	_, err := paused(n, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

type pausedStore struct {
	*sqlite.Store
	n *pausable
}

func (s pausedStore) Beat(ctx context.Context, self crm.Node) error {
	return pausedOne(s.n, func() error { return s.Store.Beat(ctx, self) })
}

func (s pausedStore) Cluster(ctx context.Context) (crm.Cluster, error) {
	return paused(s.n, func() (crm.Cluster, error) { return s.Store.Cluster(ctx) })
}

func (s pausedStore) TakePBX(ctx context.Context, pbx, tenant, node string) (uint64, error) {
	return paused(s.n, func() (uint64, error) { return s.Store.TakePBX(ctx, pbx, tenant, node) })
}

func (s pausedStore) RenewPBX(ctx context.Context, pbx, node string, epoch uint64, up bool) error {
	return pausedOne(s.n, func() error { return s.Store.RenewPBX(ctx, pbx, node, epoch, up) })
}

func (s pausedStore) Resume(ctx context.Context, pbx string) (crm.Checkpoint, error) {
	return paused(s.n, func() (crm.Checkpoint, error) { return s.Store.Resume(ctx, pbx) })
}

func (s pausedStore) Commit(ctx context.Context, b crm.Batch) error {
	return pausedOne(s.n, func() error { return s.Store.Commit(ctx, b) })
}

// pausedLog is a log on one disk that nodes in one process share.
type pausedLog struct {
	*embedded.Log
	n *pausable
}

func (l pausedLog) Append(ctx context.Context, pbx string, entries []buffer.Entry) (int, error) {
	return paused(l.n, func() (int, error) { return l.Log.Append(ctx, pbx, entries) })
}

func (l pausedLog) Read(ctx context.Context, pbx string, after crm.Position, limit int) ([]buffer.Entry, error) {
	return paused(l.n, func() ([]buffer.Entry, error) { return l.Log.Read(ctx, pbx, after, limit) })
}

// Follow implements buffer.Follower.
func (l pausedLog) Follow(ctx context.Context, pbx string, after crm.Position, limit int, wait time.Duration) ([]buffer.Entry, error) {
	for until := time.Now().Add(wait); ; time.Sleep(50 * time.Millisecond) {
		entries, err := l.Read(ctx, pbx, after, limit)
		if len(entries) > 0 || err != nil || time.Now().After(until) {
			return entries, err
		}
	}
}

type pausedConn struct {
	net.Conn
	n *pausable
}

func (c pausedConn) Read(b []byte) (int, error) {
	return paused(c.n, func() (int, error) { return c.Conn.Read(b) })
}

func (c pausedConn) Write(b []byte) (int, error) {
	return paused(c.n, func() (int, error) { return c.Conn.Write(b) })
}
