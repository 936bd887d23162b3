package calls

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"patchcord/crm"
)

// A view is a call looked at as a whole: what its facts add up to.
type view struct {
	*call
	t       *Tracker
	from    int  // channel of the party in From; -1 while nobody is known
	first   int  // first channel of the call; that of From, or the Local half it is behind
	main    int  // origin that the call is named after
	click   bool // the PBX called From first
	links   []link
	parties []int // whose call it ever was, beside From, and who had half of a Local pair with nobody behind it yet
	talks   []*talk
}

// A link is a stretch in which a person is connected with the anchor: the party
// that the conversation is held with.
type link struct {
	ch, anchor int
	near       int // what stands for the person in the anchor's bridge: the person, or half of a Local pair
	span
}

// look concludes who is who and who spoke with whom.
func (t *Tracker) look(c *call) *view {
	v := &view{call: c, t: t, from: -1, first: -1, main: c.mainOrigin()}
	v.first = c.Origins[v.main].First
	if v.first >= len(c.Chans) {
		return v // an empty call, only just made
	}
	v.click = c.wasClicked(v.first)
	v.from = v.placing()
	v.link()
	v.talks = v.conversations()
	return v
}

// wasClicked reports whether the PBX called the call's first channel: by an Originate, or
// because who had called in vain wished to be called back, of which no DialBegin tells.
func (c *call) wasClicked(first int) bool {
	ch, d := c.Chans[first], c.dialTo(first)
	if d == nil {
		return ch.Kind == extension && ch.Ring.set() && !ch.Listed && !c.Missed && !dialable(ch.Exten)
	}
	return d.Src < 0 && !ch.Gone.before(d.Begin)
}

func (m mark) before(n mark) bool { return m.set() && m.Seq < n.Seq }

// mainOrigin returns the oldest origin that has an outside party, else the oldest.
func (c *call) mainOrigin() int {
	order := make([]int, len(c.Origins))
	for i := range order {
		order[i] = i
	}
	if len(order) > 1 {
		slices.SortStableFunc(order, func(a, b int) int {
			x, y := c.Origins[a], c.Origins[b]
			return cmp.Or(compareIDs(x.Linkedid, y.Linkedid), cmp.Compare(x.Seq, y.Seq))
		})
	}
	for _, o := range order {
		for _, ch := range c.Chans {
			if ch.Origin == o && ch.Kind == trunk && !c.sinceJoined(ch) {
				return o
			}
		}
	}
	return order[0]
}

// sinceJoined reports whether the channel began when its call had been joined with another:
// it is then a part of both, whatever its Linkedid.
func (c *call) sinceJoined(ch *channel) bool {
	joined := c.Origins[ch.Origin].Joined
	return joined != 0 && ch.Born.Seq > joined
}

// placing returns the channel of the party that the call is from: the first one, or
// behind a Local pair the phone that its other half called.
func (v *view) placing() int {
	first := v.Chans[v.starter()]
	if first.Kind != plumbing || first.Peer < 0 {
		return first.at
	}
	found := v.first
	for _, d := range v.Dials {
		if !v.rungBy(first.Peer, d) || v.Chans[d.Dst].Kind == plumbing || !v.places(d) {
			continue
		}
		if found == v.first || d.answered() || !v.dialTo(found).answered() && !d.End.set() {
			found = d.Dst
		}
	}
	return found
}

// starter returns the channel that a click-to-call began with: that of the phone, of who
// picked its ring up, or the half of a Local pair to which the phone sent it on.
func (v *view) starter() int {
	for _, p := range v.Pickups {
		if v.click && p.Target == v.first {
			return p.Picker
		}
	}
	if d := v.dialTo(v.first); v.click && d != nil && d.Forward != "" {
		for _, s := range v.Dials {
			if s.Src < 0 && s != d && localExten(v.Chans[s.Dst].Name) == d.Forward {
				return s.Dst
			}
		}
	}
	return v.first
}

// visible reports whether this is a call between people at all.
func (v *view) visible() bool {
	return v.from >= 0 && (v.Chans[v.from].Kind != plumbing || v.click)
}

// ext returns the number of an extension's channel. A phone whose name does not tell
// counts as the extension of the Local channel that calls it.
func (c *call) ext(i int) string {
	ch := c.Chans[i]
	if ch.Ext != "" {
		return ch.Ext
	}
	if d := c.dialTo(i); d != nil && d.Src >= 0 {
		if e := localExten(c.Chans[d.Src].Name); dialable(e) {
			return e
		}
	}
	return ch.phone()
}

// who returns how a party is named: its extension, or its number.
func (c *call) who(i int) string {
	if i < 0 {
		return ""
	}
	ch := c.Chans[i]
	switch {
	case ch.Kind == extension:
		return c.ext(i)
	case ch.Kind == trunk && c.dialTo(i) != nil:
		return cmp.Or(c.dialledTo(i), anonymous(ch.Num)) // who took a ring was not dialled
	case ch.Kind == trunk:
		return anonymous(ch.Num)
	}
	return ""
}

// dialledTo returns the number that was dialled to reach a trunk leg, as it was dialled
// in the dialplan: what the trunk was given is only the end of it.
func (c *call) dialledTo(i int) string {
	d := c.dialTo(i)
	given := dialledNumber(d.String)
	candidates := []string{c.Chans[i].LegNum}
	if d.Src >= 0 {
		src := c.Chans[d.Src]
		candidates = append(candidates, localExten(src.Name), d.From, src.Last, src.Ran, src.Exten)
	}
	for _, n := range candidates {
		if n != "" && given != "" && strings.HasSuffix(n, given) && dialable(n) {
			return n
		}
	}
	if given == "" {
		return c.Chans[i].LegNum
	}
	return given
}

// dialledNumber returns the number in a dial string: NUMBER@TRUNK, TRUNK/NUMBER,
// TRUNK/sip:NUMBER@HOST, USER:SECRET@HOST/NUMBER, each also with TECH/ before it. A
// secret is never taken for one.
func dialledNumber(s string) string {
	n, host, at := strings.Cut(s, "@")
	n = n[strings.LastIndexByte(n, '/')+1:]
	for _, scheme := range []string{"sip:", "sips:", "tel:"} {
		n = strings.TrimPrefix(n, scheme)
	}
	if _, rest, ok := strings.Cut(host, "/"); ok {
		rest, _, _ = strings.Cut(rest, "@")
		return digitsAlone(rest)
	}
	if at && !strings.Contains(n, ":") {
		return n
	}
	if strings.Contains(s, "/") {
		return digitsAlone(n)
	}
	return ""
}

// digitsAlone returns s if it is something a person dials, else "".
func digitsAlone(s string) string {
	if dialable(s) {
		return s
	}
	return ""
}

// anonymous returns "" for what callers without a number are called.
func anonymous(s string) string {
	switch strings.ToLower(s) {
	case "", "anonymous", "restricted", "unavailable", "private", "unknown", "<unknown>":
		return ""
	}
	return s
}

// outer returns the dial of the Local pair that d was made behind, or nil.
func (c *call) outer(d *dial) *dial {
	if d.Src < 0 {
		return nil
	}
	src := c.Chans[d.Src]
	if src.Kind != plumbing || src.Peer < 0 || !strings.HasSuffix(src.Name, ";2") {
		return nil
	}
	return c.dialTo(src.Peer)
}

// outward goes from d through Local pairs to the dial that led to it.
func (c *call) outward(d *dial) iter.Seq[*dial] {
	return func(yield func(*dial) bool) {
		for range c.Chans { // a pair may be said to have called itself
			if d == nil || !yield(d) {
				return
			}
			d = c.outer(d)
		}
	}
}

// outermost returns the dial that led to d through Local pairs, and the channel that
// dialled it; -1 when the PBX did.
func (c *call) outermost(d *dial) (*dial, int) {
	for o := range c.outward(d) {
		d = o
	}
	if d.Src >= 0 {
		if src := c.Chans[d.Src]; strings.HasSuffix(src.Name, ";2") && src.Peer >= 0 {
			return d, -1 // a pair that nobody dialled: a consultation
		}
	}
	return d, d.Src
}

// consulted reports whether the dial is that of a consultation: made by the
// transferer on another line, or by the PBX for him.
func (v *view) consulted(d *dial) bool {
	if d == nil {
		return false
	}
	led, root := v.outermost(d)
	if root < 0 {
		return !v.places(d) && !v.isAfterPlaced(led, d)
	}
	for i, o := range v.Origins {
		if i != v.main && o.First == root && root != v.starter() {
			return true
		}
	}
	return false
}

// isAfterPlaced reports whether the pair of a click-to-call dialled when it had been answered: for whoever is behind
// it by then, who was sent on or comes back from where he was parked.
func (v *view) isAfterPlaced(placed, d *dial) bool {
	return placed != d && placed.answered() && v.places(placed) && placed.End.before(d.Begin)
}

// places reports whether the dial is that of the phone which places a click-to-call: this
// one, or one by which somebody who is parked was fetched.
func (v *view) places(d *dial) bool {
	if d.Src < 0 && (d.Dst == v.first || slices.ContainsFunc(v.Parks, func(p *park) bool { return p.Retriever == d.Dst })) {
		return true
	}
	start := v.starter()
	first := v.Chans[start]
	if first.Kind != plumbing || first.Peer < 0 || !v.rungBy(first.Peer, d) {
		return d.Dst == start && start != v.first
	}
	f := v.dialTo(start)
	return f == nil || f.Src < 0 && (!f.answered() || d.first() < f.End.Seq)
}

// rungBy reports whether the dial is by that half of a Local pair, or by the one behind the pair with
// which the PBX went on where a phone that the half rang had sent it (302).
func (v *view) rungBy(half int, d *dial) bool {
	if d.Src == half {
		return true
	}
	if d.Src < 0 || v.Chans[d.Src].Peer < 0 {
		return false
	}
	on := v.dialTo(v.Chans[d.Src].Peer)
	return on != nil && on.Src == half && slices.ContainsFunc(v.Dials, func(sent *dial) bool {
		return sent.Src == half && sent.Forward != "" && sent.Forward == localExten(v.Chans[on.Dst].Name)
	})
}

// queueOf returns the queue that a dial rings for. Behind a Local pair that is only
// so until somebody answered there.
func (c *call) queueOf(d *dial) string {
	inner := d
	for o := range c.outward(d) {
		if o != inner && o.End.before(inner.Begin) {
			return ""
		}
		if o.Queue != "" {
			return o.Queue
		}
		inner = o
	}
	return ""
}

// trunks reports whether a person called for a line to the outside.
func (v *view) direction() crm.Direction {
	p := v.Chans[v.from]
	if p.Kind == trunk {
		if v.click {
			return crm.Outbound
		}
		return crm.Inbound
	}
	limit := ^uint64(0)
	if len(v.links) > 0 {
		limit = v.links[0].From.Seq
	}
	for _, x := range v.Transfers {
		limit = min(limit, x.At.Seq)
	}
	for _, d := range v.Dials {
		if ch := v.Chans[d.Dst]; ch.Kind == trunk && (ch.Origin == v.main || v.sinceJoined(ch)) && d.first() < limit && !v.places(d) {
			return crm.Outbound
		}
	}
	if p.Listed && len(v.Dials) == 0 {
		return ""
	}
	if v.click && (!p.Up.set() || v.toNumber() == "" && len(v.lastAttempt()) == 0 && len(v.Visits) == 0) {
		return "" // where it was going nobody said, and it went nowhere
	}
	return crm.Internal
}

// toNumber returns what was dialled first.
func (v *view) toNumber() string {
	first := v.Chans[v.first]
	if !v.click {
		return first.Exten
	}
	if v.first != v.from && first.Ran == "" {
		return v.Chans[v.from].Ran
	}
	return first.Ran
}
