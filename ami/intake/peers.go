package intake

// Peers returns how many nodes are alive and not leaving, this one counted, and whether this is the one
// that does what is done once for all of them: the first by id. Two may think so for a moment, while
// one comes or goes. A node that has not looked around yet is one of one and does nothing for others.
func (n *Nodes) Peers() (alive int, first bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.leaving || n.seen.IsZero() {
		return 1, false
	}
	alive, first = 1, true
	for _, o := range n.view.Nodes {
		if o.Leaving || o.ID == n.cfg.Node.ID {
			continue
		}
		alive++
		first = first && n.cfg.Node.ID < o.ID
	}
	return alive, first
}
