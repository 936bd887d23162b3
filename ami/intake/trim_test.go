package intake

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"patchcord/ami"
	"patchcord/ami/amitest"
	"patchcord/ami/calls"
	"patchcord/buffer"
	"patchcord/buffer/redisstream"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm"
)

// lateStore is a store whose commits come late.
type lateStore struct{ allergic }

// Commit commits late.
func (s lateStore) Commit(ctx context.Context, b crm.Batch) error {
	time.Sleep(rand.N(300 * time.Millisecond)) // at random, as a store under load
	return s.allergic.Commit(ctx, b)
}

// trims watches what is trimmed off one log by several nodes.
type trims struct {
	t     *testing.T
	store lateStore

	mu      sync.Mutex
	written []crm.Position // guarded by mu
	most    crm.Position   // guarded by mu: below which something was trimmed
	lines   []*Line        // guarded by mu
}

// watchedLog is the log as one node has it.
type watchedLog struct {
	*redisstream.Log
	w *trims
}

// Append notes what is in the log.
func (l watchedLog) Append(ctx context.Context, pbx string, entries []buffer.Entry) (int, error) {
	n, err := l.Log.Append(ctx, pbx, entries)
	if pbx == "hq" {
		l.w.mu.Lock()
		defer l.w.mu.Unlock()
		for _, e := range entries[:n] {
			l.w.written = append(l.w.written, e.Pos)
		}
	}
	return n, err
}

// Trim wants nothing gone that the recorder, or a node that follows, has not taken.
func (l watchedLog) Trim(ctx context.Context, pbx string, below crm.Position) error {
	if pbx != "hq" {
		return l.Log.Trim(ctx, pbx, below)
	}
	w := l.w
	cp, err := w.store.Resume(ctx, pbx)
	if err != nil {
		return err
	}
	w.mu.Lock()
	var owed []crm.Position
	for _, p := range w.written {
		if p.Compare(cp.Pos) > 0 {
			owed = append(owed, p)
		}
	}
	for _, line := range w.lines {
		if at := line.live.reached(); line.live.running() && below.Compare(at) > 0 {
			w.t.Errorf("trimmed below %s while a node has heard up to %s", below, at)
		}
	}
	if below.Compare(w.most) > 0 {
		w.most = below
	}
	w.mu.Unlock()
	if below.Compare(cp.Pos) > 0 {
		w.t.Errorf("trimmed below %s while the checkpoint is %s", below, cp.Pos)
	}
	if err := l.Log.Trim(ctx, pbx, below); err != nil {
		return err
	}
	for after := cp.Pos; len(owed) > 0; {
		entries, err := l.Read(ctx, pbx, after, 1000)
		if err != nil {
			return err
		}
		for _, e := range entries {
			after = e.Pos
			if len(owed) > 0 && owed[0] == e.Pos {
				owed = owed[1:]
			}
		}
		if len(entries) == 0 && len(owed) > 0 {
			w.t.Errorf("after a trim below %s entry %s is gone, and not recorded", below, owed[0])
			return nil
		}
	}
	return nil
}

// wantRecords wants one of every call since the first login that lies in no gap: a hand-over may take too long.
func (w *trims) wantRecords(truth []amitest.Call, met time.Time) {
	t := w.t
	t.Helper()
	gaps, err := w.store.Gaps(t.Context(), "default", time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, c := range recordsIn(t, w.store) {
		for _, id := range c.Linkedids {
			known[id] = true
		}
	}
	for _, c := range truth {
		missed := c.StartedAt.Before(met) || slices.ContainsFunc(gaps, func(g crm.Gap) bool {
			return !g.StartedAt.After(c.EndedAt.Time) && (g.EndedAt.IsZero() || !g.EndedAt.Before(c.StartedAt.Time))
		})
		if !missed && !known[c.Linkedids[0]] {
			t.Errorf("%s (%s) has no record and lies in no gap", c.ID, c.Scenario)
		}
	}
}

// TestTrimTakesNothingThatIsStillNeeded runs two nodes on Redis with a slow store and a dead letter, and trims in
// a hurry: never beyond what is recorded, nor beyond what the other node has read, across a hand-over.
func TestTrimTakesNothingThatIsStillNeeded(t *testing.T) {
	t.Parallel()
	url, redis := redistest.Start(t)
	if err := redis.Client().ConfigSet(t.Context(), "stream-node-max-entries", "10").Err(); err != nil { // trims take whole nodes
		t.Fatal(err)
	}
	store := lateStore{allergicSQLite(t)}
	w := &trims{t: t, store: store}
	pbx := amitest.New(amitest.Config{Name: "hq", Timestamps: true, WriteTimeout: 5 * time.Second,
		Traffic: &amitest.Traffic{Seed: 4, Speed: 20, CallsPerSecond: 0.4}})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { pbx.Serve(ctx, ln) })
	var nodes []*Nodes
	for _, name := range []string{"a", "b"} {
		n, line := trimmingNode(t, w, name, url, ln.Addr().String(), store)
		nodes = append(nodes, n)
		wg.Go(func() { n.Run(ctx) })
		wg.Go(func() { line.Run(ctx) })
		if name == "a" {
			eventually(t, "node a to have the PBX", func() bool { return line.Status().State.Phase == ami.PhaseUp })
		}
	}
	met := time.Now()
	trimmed := func(past crm.Position) func() bool {
		return func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.most.Compare(past) > 0
		}
	}
	eventually(t, "something to be trimmed", trimmed(crm.Position{Epoch: 1, Seq: 100}))
	pbx.Send(poisonFrame)
	eventually(t, "the dead letter", func() bool {
		letters, err := w.lines[0].cfg.Dead.List(t.Context(), "hq")
		return err == nil && len(letters) == 1
	})
	w.mu.Lock()
	past := w.written[len(w.written)-1]
	w.mu.Unlock()
	eventually(t, "the dead letter's place to be trimmed", trimmed(past))
	nodes[0].Leave(ctx)
	eventually(t, "what node b wrote to be trimmed", trimmed(crm.Position{Epoch: 2, Seq: 100}))
	pbx.Rest()
	eventually(t, "every call to end", func() bool {
		return !slices.ContainsFunc(pbx.Ledger().Calls(), func(c amitest.Call) bool { return c.EndedAt.IsZero() })
	})
	w.mu.Lock()
	last := w.written[len(w.written)-1]
	w.mu.Unlock()
	eventually(t, "everything to be recorded", func() bool {
		cp, err := store.Resume(t.Context(), "hq")
		return err == nil && cp.Pos.Compare(last) >= 0 && !slices.ContainsFunc(recordsIn(t, store), (*crm.Call).Open)
	})
	w.wantRecords(pbx.Ledger().Calls(), met)
	if letters, err := w.lines[1].cfg.Dead.List(t.Context(), "hq"); err != nil || len(letters) != 1 {
		t.Errorf("dead letters %+v, %v; want the one, however much is trimmed", letters, err)
	}
}

// poisonFrame begins a call that no allergic store takes.
const poisonFrame = "Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/trunk-0000ffff\r\nChannelState: 4\r\nChannelStateDesc: Ring\r\n" +
	"CallerIDNum: 441632960001\r\nCallerIDName: " + venom + "\r\nContext: from-trunk\r\nExten: 5551000\r\nPriority: 1\r\n" +
	"Uniqueid: 1795311421.9000\r\nLinkedid: 1795311421.9000\r\n\r\n"

// trimmingNode is a node with its own client of the log.
func trimmingNode(t *testing.T, w *trims, name, redis, address string, store lateStore) (*Nodes, *Line) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	l, err := redisstream.Open(t.Context(), redis, redisstream.Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	log := watchedLog{l, w}
	witness := NewWitness(log)
	user := amitest.DefaultUser()
	nodes := NewNodes(NodesConfig{Store: store, Node: crm.Node{ID: name, Name: name, PBXs: []string{"hq"}, Sharing: true}, Logger: quiet})
	line := New(Config{
		PBX: "hq", Tenant: "default", Node: name, Nodes: nodes, Follow: l, Witness: witness, Log: witness, Store: store,
		Session: ami.Config{Address: address, Username: user.Name, Secret: func() (string, error) { return user.Secret, nil }},
		Fold:    calls.Config{PBX: "hq", Tenant: "default", Region: "GB"}, People: NewPeople(store, []string{"default"}, quiet),
		Publish: func(*crm.Event) {}, Logger: quiet,
	})
	line.trimEvery, line.trimMargin = 50*time.Millisecond, time.Second
	w.mu.Lock()
	w.lines = append(w.lines, line)
	w.mu.Unlock()
	return nodes, line
}
