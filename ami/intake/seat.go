package intake

import (
	"strings"
	"time"

	"patchcord/crm"
)

// minSkew is how far a PBX's clock is off before that is minded: bindings begin and end by
// our clock, rings by the PBX's, and a frame may take a moment to come.
const minSkew = 2 * time.Second

// seat is who sits at a phone, and how that is known.
type seat struct {
	users []string // the one bound last first
	by    seatKind
	line  line // that they are bound to: the phone's own, or that of who logged in there
}

// seatKind is how it is known who sits at a phone.
type seatKind int

const (
	byBinding seatKind = iota // the phone's extension is theirs, or nobody's
	byLogin                   // they had logged in there at the PBX
	byMember                  // the queue that rang it calls its member by a user's name, or they had logged into one there
)

// at returns who sat at the phone at that time of the PBX's clock. Who logged in there
// at the PBX comes before whose the phone is, and that before the name of a queue's
// member, which often stands in a configuration that nobody has looked at for years.
func (p *People) at(l line, d crm.Desk, when time.Time) seat {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if !when.IsZero() {
		when = when.Add(p.skew[l.pbx])
	}
	if d.LoggedIn != "" {
		theirs := line{l.tenant, l.pbx, d.LoggedIn}
		if users := p.had(theirs, when); len(users) > 0 {
			return seat{users, byLogin, theirs}
		}
	}
	if users := p.had(l, when); len(users) > 0 || d.Member == "" {
		return seat{users, byBinding, l}
	}
	if name, ok := p.named[user{l.tenant, strings.ToLower(d.Member)}]; ok {
		return seat{[]string{name}, byMember, l}
	}
	return seat{nil, byBinding, l}
}

// named returns who sits there as a record carries it.
func (s seat) named() (one string, all []string) { return named(s.users) }

// learnSkew notes how far the PBX's clock is off ours, when a phone begins to ring.
func (p *People) learnSkew(e *crm.Event) {
	if e.Type != crm.OfferCreated || e.Heard.IsZero() || e.At.IsZero() {
		return
	}
	d := e.Heard.Sub(e.At.Time)
	if d.Abs() < minSkew {
		d = 0
	}
	p.mu.Lock()
	p.skew[e.PBX] = d
	p.mu.Unlock()
}
