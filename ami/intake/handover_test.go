package intake

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

// giving is a store that lets a PBX be given away, and remembers whether it was.
type giving struct {
	Store
	released bool
}

// RenewPBX succeeds.
func (*giving) RenewPBX(context.Context, string, string, uint64, bool) error { return nil }

// OfferPBX succeeds.
func (*giving) OfferPBX(context.Context, string, string, uint64, string) error { return nil }

// ReleasePBX remembers.
func (g *giving) ReleasePBX(context.Context, string, string, uint64, string) error {
	g.released = true
	return nil
}

// topped is a log that ends there, or does not answer.
type topped struct {
	buffer.Log
	top  crm.Position
	fail error
}

// Top implements buffer.Log.
func (l *topped) Top(context.Context, string) (crm.Position, error) { return l.top, l.fail }

// TestPBXIsKeptWhileNobodyCouldTakeIt: an owner that stops hearing before it knows that the log
// answers and is up to date leaves the PBX to nobody: the next one cannot begin.
func TestPBXIsKeptWhileNobodyCouldTakeIt(t *testing.T) {
	const epoch, heard = 3, 7 // entries up to 3-6
	for name, tt := range map[string]struct {
		log  topped
		gone bool
	}{
		"the log has everything":          {topped{top: crm.Position{Epoch: epoch, Seq: heard - 1}}, true},
		"the log is away":                 {topped{fail: buffer.ErrUnavailable}, false},
		"much of it waits in the spool":   {topped{top: crm.Position{Epoch: epoch, Seq: 1}}, false},
		"the log does not know the epoch": {topped{top: crm.Position{Epoch: epoch - 1, Seq: 99}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &giving{}
				nodes := NewNodes(NodesConfig{Node: aNode("a")})
				nodes.view.Leases = []crm.Lease{{PBX: "hq", Node: "a", Epoch: epoch, Successor: "b", Ready: true, Left: time.Minute}}
				l := New(Config{PBX: "hq", Node: "a", Nodes: nodes, Witness: NewWitness(&tt.log), Store: store})
				r := newRoad(l)
				r.epoch, r.next = epoch, crm.Position{Epoch: epoch, Seq: heard}
				err := r.handOver(t.Context(), "b")
				if gone := errors.Is(err, errGiven); gone != tt.gone || store.released != tt.gone || r.isShut() != tt.gone {
					t.Errorf("given away %v (%v), released %v, deaf %v; want all %v", gone, err, store.released, r.isShut(), tt.gone)
				}
			})
		})
	}
}
