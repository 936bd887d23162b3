package intake

import (
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
)

func TestOneOfThePeersIsFirst(t *testing.T) {
	atNode(t, func(t *testing.T, n *Nodes, s *leases) {
		leaving := aNode("A0")
		leaving.Leaving = true
		for _, c := range []struct {
			name  string
			nodes []crm.Node
			alive int
			first bool
		}{
			{"alone", []crm.Node{aNode("a")}, 1, true},
			{"the first of three", []crm.Node{aNode("a"), aNode("b"), aNode("c")}, 3, true},
			{"behind another", []crm.Node{aNode("0"), aNode("a")}, 2, false},
			{"behind one that leaves", []crm.Node{leaving, aNode("a")}, 1, true},
			{"not in the list yet", []crm.Node{aNode("b")}, 2, true},
		} {
			s.set(c.nodes, nil)
			time.Sleep(2 * lookEvery)
			synctest.Wait()
			if alive, first := n.Peers(); alive != c.alive || first != c.first {
				t.Errorf("%s: %d alive, first %v; want %d, %v", c.name, alive, first, c.alive, c.first)
			}
		}
	})
	if alive, first := NewNodes(NodesConfig{Node: aNode("a")}).Peers(); alive != 1 || first {
		t.Errorf("before it looked: %d alive, first %v", alive, first)
	}
}
