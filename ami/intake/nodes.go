package intake

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"patchcord/crm"
)

const (
	beatEvery  = 2 * time.Second
	lookEvery  = 250 * time.Millisecond
	lookFast   = 50 * time.Millisecond // while a PBX is being handed over
	lookAlone  = 2 * time.Second
	askWithin  = 2 * time.Second // for one question to the store
	patience   = time.Second     // before a node takes more than its share of what is free
	settled    = 5 * time.Second // a node is there so long before anything is moved to it, and between two moves
	unmoved    = time.Minute     // after a move that failed
	leaveShort = time.Second     // for giving a PBX back when there is nobody to hand it to
)

// NodesConfig says who this node is. Store and Node are needed.
type NodesConfig struct {
	Store crm.LeaseStore
	Node  crm.Node
	// Alone: no other node can reach the store, so nothing is renewed or lost.
	Alone  bool
	Logger *slog.Logger
}

// Nodes is this node's place among several: it says that it is alive, looks who
// else is and who owns which PBX, and settles which of the free ones are for this
// node. One Nodes serves all Lines of a daemon. Safe for concurrent use.
type Nodes struct {
	cfg   NodesConfig
	log   *slog.Logger
	leave chan struct{} // closed by Leave

	mu      sync.Mutex
	leaving bool                 // guarded by mu
	view    crm.Cluster          // guarded by mu; what is below it, too
	seen    time.Time            // of the view; zero before the first
	changed chan struct{}        // closed and replaced with each view and each change of mine
	mine    map[string]bool      // PBXs that this node owns, or is about to take
	freed   map[string]time.Time // since when a PBX is free
	met     map[string]time.Time // when a node was first seen
	moved   time.Time            // when a PBX was last moved for the sake of balance
}

// NewNodes returns a Nodes that knows nothing yet; Run makes it look.
func NewNodes(cfg NodesConfig) *Nodes {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Nodes{
		cfg: cfg, log: cfg.Logger, leave: make(chan struct{}), changed: make(chan struct{}),
		mine: map[string]bool{}, freed: map[string]time.Time{}, met: map[string]time.Time{},
	}
}

// Run beats and looks until ctx ends. While the store is away the last view serves.
func (n *Nodes) Run(ctx context.Context) error {
	failing := false
	var beaten time.Time
	for {
		var err error
		if time.Since(beaten) >= beatEvery && (!n.cfg.Alone || beaten.IsZero()) {
			if err = n.beat(ctx); err == nil {
				beaten = time.Now()
			}
		}
		if lookErr := n.look(ctx); lookErr != nil {
			err = lookErr
		}
		if err != nil && ctx.Err() == nil && !failing {
			n.log.Warn("who else is there is unknown until the store answers", "err", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(n.pace()):
		}
	}
}

// name returns what this node is called; "" when it is alone.
func (n *Nodes) name() string {
	if n == nil || n.cfg.Alone {
		return ""
	}
	return n.cfg.Node.Name
}

func (n *Nodes) pace() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	moving := slices.ContainsFunc(n.view.Leases, func(l crm.Lease) bool { return l.Successor != "" })
	switch {
	case n.cfg.Alone && !n.seen.IsZero():
		return lookAlone
	case moving:
		return lookFast
	}
	return lookEvery
}

func (n *Nodes) beat(ctx context.Context) error {
	n.mu.Lock()
	self := n.cfg.Node
	self.Leaving = n.leaving
	n.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return n.cfg.Store.Beat(ctx, self)
}

func (n *Nodes) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	asked := time.Now()
	view, err := n.cfg.Store.Cluster(ctx)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.view, n.seen = view, asked
	for _, o := range view.Nodes {
		if _, known := n.met[o.ID]; !known {
			n.met[o.ID] = asked
		}
	}
	for id := range n.met {
		if !slices.ContainsFunc(view.Nodes, func(o crm.Node) bool { return o.ID == id }) {
			delete(n.met, id)
		}
	}
	n.tellAll()
	return nil
}

// tellAll wakes whoever waits for a change. n.mu is held.
func (n *Nodes) tellAll() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// lease returns what is known of the PBX's lease, whether anything is known at
// all, and what is closed when there is news.
func (n *Nodes) lease(pbx string) (l crm.Lease, known bool, news <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.find(pbx), !n.seen.IsZero(), n.changed
}

// find returns the lease as it is by now; without one, a free one. n.mu is held.
func (n *Nodes) find(pbx string) crm.Lease {
	for _, l := range n.view.Leases {
		if l.PBX == pbx {
			l.Left -= time.Since(n.seen)
			return l
		}
	}
	return crm.Lease{PBX: pbx}
}

// claim reports whether this node should take the PBX now, and then counts it as
// its own until drop. What is its own already it takes at once; of what is free,
// its share, and more only when nobody else does.
func (n *Nodes) claim(pbx string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.leaving || n.seen.IsZero() {
		return false
	}
	l := n.find(pbx)
	if l.Node != n.cfg.Node.ID && !n.mine[pbx] {
		if !l.Free() {
			delete(n.freed, pbx)
			return false
		}
		if _, known := n.freed[pbx]; !known {
			n.freed[pbx] = time.Now()
		}
		if len(n.mine) >= n.share() && time.Since(n.freed[pbx]) < patience {
			return false
		}
	}
	delete(n.freed, pbx)
	n.mine[pbx] = true
	return true
}

// share is how many PBXs a node is to have. n.mu is held.
func (n *Nodes) share() int {
	alive := 0
	for _, o := range n.view.Nodes {
		if !o.Leaving {
			alive++
		}
	}
	all := len(n.cfg.Node.PBXs)
	return (all + max(alive, 1) - 1) / max(alive, 1)
}

// learn corrects the view by what the store said when a PBX was to be taken.
func (n *Nodes) learn(held *crm.HeldError) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.view.Leases = slices.DeleteFunc(slices.Clone(n.view.Leases), func(l crm.Lease) bool { return l.PBX == held.PBX })
	n.view.Leases = append(n.view.Leases, crm.Lease{PBX: held.PBX, Node: held.Node, Left: held.Left + time.Since(n.seen)})
}

// drop says that the PBX is not this node's any more.
func (n *Nodes) drop(pbx string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.mine, pbx)
	n.tellAll()
}

// successor returns the node that should have the PBX next: alive for a while,
// able to, and with the fewest; "" when there is none.
func (n *Nodes) successor(pbx string, known time.Duration) (id string, has int) {
	counts := map[string]int{}
	for _, l := range n.view.Leases {
		if !l.Free() {
			counts[l.Node]++
		}
	}
	for _, o := range n.view.Nodes {
		if o.ID == n.cfg.Node.ID || o.Leaving || !o.Sharing || !slices.Contains(o.PBXs, pbx) || time.Since(n.met[o.ID]) < known {
			continue
		}
		if id == "" || counts[o.ID] < has {
			id, has = o.ID, counts[o.ID]
		}
	}
	return id, has
}

// heir returns to whom a PBX goes when this node leaves.
func (n *Nodes) heir(pbx string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.cfg.Node.Sharing || time.Since(n.seen) > crm.NodeTTL {
		return ""
	}
	id, _ := n.successor(pbx, 0)
	return id
}

// surplus returns to whom the PBX should be moved for the sake of balance, "" when
// it should stay. One is moved at a time.
func (n *Nodes) surplus(pbx string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.leaving || !n.cfg.Node.Sharing || len(n.mine) < 2 || time.Since(n.moved) < settled {
		return ""
	}
	id, has := n.successor(pbx, settled)
	if id == "" || has+1 >= len(n.mine) {
		return ""
	}
	n.moved = time.Now()
	return id
}

// stay says that a PBX could not be moved.
func (n *Nodes) stay() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.moved = time.Now().Add(unmoved - settled)
}

// Leave gives every PBX to another node, or back, and returns when that is done or
// ctx ends. From then on this node takes none. Call it once, while Lines and Nodes run.
func (n *Nodes) Leave(ctx context.Context) {
	n.mu.Lock()
	n.leaving = true
	close(n.leave)
	n.mu.Unlock()
	if !n.cfg.Alone {
		if err := n.beat(ctx); err != nil {
			n.log.Warn("the other nodes were not told that this one leaves", "err", err)
		}
	}
	for {
		n.mu.Lock()
		left, news := len(n.mine), n.changed
		n.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-ctx.Done():
			n.log.Warn("stopping before every PBX was handed over", "left", left)
			return
		case <-news:
		}
	}
}
