package crm

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The times of a lease. An owner renews every third of LeaseTTL and stops by
// itself at LeaseFence, counted on its own monotonic clock from before the last
// renewal it knows of, so it has stopped before anybody else may begin.
const (
	LeaseTTL   = 10 * time.Second
	LeaseRenew = 3 * time.Second
	LeaseFence = 7 * time.Second
	// LeaseHold is how long a PBX that was handed to a node is kept for it.
	LeaseHold = 2 * time.Second
	// NodeTTL is how long a node counts as alive after its last beat.
	NodeTTL = 8 * time.Second
)

// ErrHeld: another node has the PBX. Errors that wrap it are a *HeldError.
var ErrHeld = errors.New("the PBX is held by another node")

// HeldError says who has a PBX, and for how long unless the lease is renewed.
type HeldError struct {
	PBX, Node string
	Left      time.Duration
}

// Error implements error.
func (e *HeldError) Error() string {
	return fmt.Sprintf("PBX %s is held by node %s for %v more, unless it renews", e.PBX, e.Node, e.Left.Round(time.Millisecond))
}

// Unwrap returns ErrHeld.
func (e *HeldError) Unwrap() error { return ErrHeld }

// Lease is who owns a PBX. Left is counted by the store's clock, so nodes' clocks may differ.
type Lease struct {
	PBX       string
	Node      string        // id; "" when it was given back
	Epoch     uint64        // of the latest ownership
	Left      time.Duration // until anybody may take it; 0 or less: now
	Up        bool          // the owner is logged in to the PBX
	Successor string        // id of the node that the owner asked to take it; "" for none
	Ready     bool          // the successor is logged in, and keeps what it hears
	Handed    bool          // Node is the successor: the owner has given it up for him, with all it heard in the log
	Pos       Position      // the checkpoint
}

// Free reports whether any node may take the PBX.
func (l Lease) Free() bool { return l.Node == "" || l.Left <= 0 }

// Node is a daemon among several.
type Node struct {
	ID, Name string
	PBXs     []string // that it has in its configuration
	Leaving  bool     // it is being stopped, and takes nothing
	Sharing  bool     // its log of frames is one that other nodes can read
}

// Cluster is who is there and who owns what, at one moment.
type Cluster struct {
	Nodes  []Node  // that are alive, by id
	Leases []Lease // of every PBX that was ever taken, by name
}

// LeaseStore is how several nodes agree who owns a PBX. All times are of the
// store's clock. What an owner calls returns ErrFenced when the epoch is not the
// latest of the PBX, or its node gave the PBX away.
type LeaseStore interface {
	// TakePBX begins a new ownership of pbx by the node with that id, for LeaseTTL, and
	// returns its epoch, higher than every earlier one. It registers the PBX with its tenant
	// when it is new; ErrConflict when it belongs to another tenant. Only a PBX that is
	// free, or the node's own already, can be taken; else a *HeldError (ErrHeld).
	TakePBX(ctx context.Context, pbx, tenant, node string) (epoch uint64, err error)
	// RenewPBX extends the ownership to LeaseTTL from now, and says whether the session is up.
	RenewPBX(ctx context.Context, pbx, node string, epoch uint64, up bool) error
	// OfferPBX asks a node to log in and be ready to take the PBX; "" takes that back.
	OfferPBX(ctx context.Context, pbx, node string, epoch uint64, successor string) error
	// ReadyPBX says that the successor is ready, or no more; ErrFenced when the owner did not ask it.
	ReadyPBX(ctx context.Context, pbx, successor string, epoch uint64, ready bool) error
	// ReleasePBX ends the ownership: the PBX is free. With a successor it is that node's
	// for LeaseHold, and after that free.
	ReleasePBX(ctx context.Context, pbx, node string, epoch uint64, successor string) error
	// Beat says that the node is alive and what it is.
	Beat(ctx context.Context, n Node) error
	// Cluster returns who is alive and who owns what.
	Cluster(ctx context.Context) (Cluster, error)
}
