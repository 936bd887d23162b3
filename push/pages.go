package push

// pageSize is what messages share an allocation of.
const pageSize = 32 << 10

// pages is room for the bytes of messages that are kept for about as long as one
// another. What is retained for minutes is so a few large things without pointers, which
// cost the garbage collector nothing, and not tens of thousands of small ones. A
// page lives as long as any of its messages.
type pages struct {
	rest []byte // of the newest page
}

// take returns room for n bytes, with none before them.
func (p *pages) take(n int) []byte {
	if n > pageSize/4 { // what is left of a page is not thrown away for it
		return make([]byte, 0, n)
	}
	if n > len(p.rest) {
		p.rest = make([]byte, pageSize)
	}
	room := p.rest[:0:n]
	p.rest = p.rest[n:]
	return room
}
