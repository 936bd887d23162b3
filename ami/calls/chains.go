package calls

import "iter"

// chains finds, by their hash, which of the last things of a ring may be the one that is sought.
// Things are numbered one after another; those of one hash are a chain from the newest back. What
// has left the ring is not taken out: it ends its chain, as its number is too far back. A map of
// as many takes eight times the memory and more.
//
// Only the last 16 bits of a number are kept. A number that is far older can so pass for one of
// the ring's, which leads to a thing of another hash and to none that is missed: the
// caller compares what it finds.
type chains struct {
	heads []uint16 // newest number by hash; as many as a power of two
	older []uint16 // by place in the ring, the number before it in its chain
}

// newChains returns one for a ring of that size, which is a power of two below 1<<16.
func newChains(size int) chains {
	return chains{heads: make([]uint16, size), older: make([]uint16, size)}
}

func (c *chains) add(hash, number uint64) {
	head := &c.heads[hash%uint64(len(c.heads))]
	c.older[number%uint64(len(c.older))] = *head
	*head = uint16(number)
}

// find yields the numbers that may have the hash, the newest first, of the ring's things before next.
func (c *chains) find(hash, next uint64) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		size := uint64(len(c.older))
		link, back := c.heads[hash%uint64(len(c.heads))], uint64(0)
		for {
			further := uint64(uint16(next) - link)
			if further <= back || further > min(size, next) || !yield(next-further) {
				return
			}
			back = further
			link = c.older[(next-back)%size]
		}
	}
}
