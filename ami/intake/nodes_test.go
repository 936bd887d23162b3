package intake

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

// leases is a crm.LeaseStore that shows what it is told to.
type leases struct {
	crm.LeaseStore
	mu   sync.Mutex
	view crm.Cluster // guarded by mu
	fail error       // guarded by mu
}

// Beat does nothing.
func (l *leases) Beat(context.Context, crm.Node) error { return nil }

// Cluster returns what was set.
func (l *leases) Cluster(context.Context) (crm.Cluster, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.view, l.fail
}

func (l *leases) set(nodes []crm.Node, owners map[string]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.view = crm.Cluster{Nodes: nodes}
	for pbx, node := range owners {
		l.view.Leases = append(l.view.Leases, crm.Lease{PBX: pbx, Node: node, Left: crm.LeaseTTL})
	}
}

var sixPBXs = []string{"p0", "p1", "p2", "p3", "p4", "p5"}

func aNode(id string) crm.Node { return crm.Node{ID: id, Name: id, PBXs: sixPBXs, Sharing: true} }

// claims returns which of the six the node takes now.
func claims(n *Nodes) (got []string) {
	for _, p := range sixPBXs {
		if n.claim(p) {
			got = append(got, p)
		}
	}
	return got
}

// atNode runs fn for node a of a cluster, which looks by itself.
func atNode(t *testing.T, fn func(t *testing.T, n *Nodes, s *leases)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &leases{}
		n := NewNodes(NodesConfig{Store: s, Node: aNode("a")})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		s.set([]crm.Node{aNode("a"), aNode("b")}, nil)
		go func() { done <- n.Run(ctx) }()
		synctest.Wait()
		fn(t, n, s)
		stop()
		<-done
	})
}

func TestFreePBXsAreTakenByShare(t *testing.T) {
	atNode(t, func(t *testing.T, n *Nodes, _ *leases) {
		if got := claims(n); len(got) != 3 {
			t.Errorf("a takes %v, want three of six while b is there", got)
		}
		time.Sleep(patience + lookEvery)
		synctest.Wait()
		if got := claims(n); len(got) != 6 {
			t.Errorf("a has %v, want all that nobody took", got)
		}
	})
}

func TestWhatOthersHaveIsLeftUntilItIsFree(t *testing.T) {
	atNode(t, func(t *testing.T, n *Nodes, s *leases) {
		s.set([]crm.Node{aNode("a"), aNode("b")}, map[string]string{"p0": "b", "p1": "b", "p2": "a", "p3": "b", "p4": "b", "p5": "b"})
		time.Sleep(lookEvery)
		synctest.Wait()
		if got := fmt.Sprint(claims(n)); got != "[p2]" {
			t.Errorf("a takes %s, want its own at once and nothing of b's", got)
		}
		s.mu.Lock()
		s.fail = crm.ErrUnavailable // b's leases run out as this node counts
		s.mu.Unlock()
		time.Sleep(crm.LeaseTTL + patience)
		synctest.Wait()
		claims(n)
		time.Sleep(patience)
		synctest.Wait()
		if got := claims(n); len(got) != 6 {
			t.Errorf("a takes %v after b's leases ran out, want all", got)
		}
	})
}

func TestBalanceMovesOneAtATime(t *testing.T) {
	atNode(t, func(t *testing.T, n *Nodes, s *leases) {
		time.Sleep(patience + lookEvery)
		synctest.Wait()
		claims(n)
		time.Sleep(patience)
		synctest.Wait()
		claims(n)
		all := map[string]string{}
		for _, p := range sixPBXs {
			all[p] = "a"
		}
		s.set([]crm.Node{aNode("a"), aNode("b")}, all)
		time.Sleep(settled + lookEvery)
		synctest.Wait()
		if to := n.surplus("p0"); to != "b" {
			t.Fatalf("p0 goes to %q, want b", to)
		}
		if to := n.surplus("p1"); to != "" {
			t.Errorf("p1 goes to %q right after p0", to)
		}
		for i := range 3 {
			all[sixPBXs[i]] = "b"
			n.drop(sixPBXs[i])
		}
		s.set([]crm.Node{aNode("a"), aNode("b")}, all)
		time.Sleep(2 * settled)
		synctest.Wait()
		if to := n.surplus("p5"); to != "" {
			t.Errorf("p5 goes to %q, though both have three", to)
		}
	})
}

func TestNodeThatLeavesTakesNothing(t *testing.T) {
	atNode(t, func(t *testing.T, n *Nodes, _ *leases) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n.Leave(ctx)
		if got := claims(n); len(got) > 0 {
			t.Errorf("takes %v", got)
		}
	})
}

// taker is a log that takes everything, or nothing.
type taker struct {
	buffer.Log
	fail error
}

// Append implements buffer.Log.
func (l *taker) Append(_ context.Context, _ string, e []buffer.Entry) (int, error) {
	if l.fail != nil {
		return 0, l.fail
	}
	return len(e), nil
}

func TestOwnershipLapsesUnlessRenewedOrWitnessed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &taker{}
		w := NewWitness(log)
		l := newLease(Config{PBX: "hq", Nodes: NewNodes(NodesConfig{}), Witness: w})
		l.renewed(time.Now())
		time.Sleep(crm.LeaseFence - 1)
		synctest.Wait()
		if !l.valid() {
			t.Error("lapsed before its time")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if l.valid() {
			t.Error("valid after its time")
		}
		append1 := func() { w.Append(t.Context(), "hq", []buffer.Entry{{}}) }
		append1() // the store is away, and no newer owner has written
		time.Sleep(crm.LeaseFence - 1)
		synctest.Wait()
		if !l.valid() {
			t.Error("lapsed though the log took an entry")
		}
		log.fail = buffer.ErrFenced
		append1()
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if l.valid() {
			t.Error("valid though the log took nothing any more")
		}
		l.renewed(time.Now())
		if !l.valid() {
			t.Error("not valid though renewed")
		}
	})
}

func TestTwinsAreTakenOnceEach(t *testing.T) {
	var seen twins
	frame := func(s string) buffer.Entry { return buffer.Entry{Kind: buffer.Frame, Data: []byte(s)} }
	one, two := frame("Event: Hangup\r\nTimestamp: 1.1\r\n"), frame("Event: Hangup\r\nTimestamp: 1.2\r\n")
	bare := frame("Event: Hangup\r\n")
	for _, e := range []buffer.Entry{one, one, bare} {
		seen.add(e)
	}
	for i, tt := range []struct {
		e    buffer.Entry
		want bool
	}{{one, true}, {two, false}, {bare, false}, {one, true}, {one, false}} {
		if got := seen.take(tt.e); got != tt.want {
			t.Errorf("%d: %q: got %v, want %v", i, tt.e.Data, got, tt.want)
		}
	}
}

func TestHandedOverOwnershipIsNoLoss(t *testing.T) {
	in, err := inputOf(buffer.Entry{At: noon, Kind: buffer.SessionOpen, Data: marker{Node: "b", Last: noon.Add(-time.Second), Handed: true}.encode()})
	if err != nil || in.Kind != inputKinds[buffer.Mark] || !in.At.Equal(noon) {
		t.Errorf("got %+v, %v; want nothing but the time", in, err)
	}
}
