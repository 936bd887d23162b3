package calls

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"patchcord/crm"
)

// newCall begins the call of a Linkedid, nil when a call of that id, of this boot,
// is over and let go: what comes so late belongs to it, and changes nothing.
func (t *Tracker) newCall(linkedid string) *call {
	n, same := t.known.times(linkedid, t.life.Boot)
	if same {
		return nil
	}
	c := &call{
		Boot: t.life.Boot, Linkedids: []string{linkedid},
		Origins: []origin{{Linkedid: linkedid, First: 0, Seq: t.seq}},
	}
	c.ID = t.callID(linkedid, n)
	if t.life.Gap != nil {
		c.Missed, c.Gaps = true, []crm.CallGap{{StartedAt: t.life.Gap.StartedAt, Cause: t.life.Gap.Cause}}
	}
	t.calls[linkedid] = c
	t.touch(c)
	return c
}

// callID returns the id of a call whose Linkedid was used n times in earlier boots.
func (t *Tracker) callID(linkedid string, n int) string {
	id := t.cfg.PBX + ":" + linkedid
	if n > 0 {
		id += "~" + strconv.Itoa(n+1)
	}
	return id
}

// follow notices that a channel's Linkedid changed, which Asterisk tells only in
// passing: the two calls have become one.
func (t *Tracker) follow(ch *channel, linkedid string) {
	if linkedid == "" || linkedid == ch.Linkedid {
		return
	}
	ch.Linkedid = linkedid
	other := t.calls[linkedid]
	if other == ch.call {
		return
	}
	if other == nil {
		if other = t.newCall(linkedid); other == nil {
			return
		}
		t.inLastGap(other)
	}
	t.merge(other, ch.call)
}

// merge makes one call of two; the older id survives.
func (t *Tracker) merge(a, b *call) {
	if a == b {
		return
	}
	if older(b, a) {
		a, b = b, a
	}
	if b.Told != nil {
		if absorbed := t.record(b); absorbed != nil {
			t.tell(crm.Event{Type: crm.CallMerged, Call: absorbed, Into: a.ID})
		}
	}
	t.noteMerge(a, b)
	for _, c := range []*call{a, b} {
		for i := range c.Origins {
			c.Origins[i].Joined = cmp.Or(c.Origins[i].Joined, t.seq)
		}
	}
	a.absorb(b)
	for _, l := range b.Linkedids {
		t.calls[l] = a
	}
	t.recent = slices.DeleteFunc(t.recent, func(c *call) bool { return c == b || c == a })
	if a.alive == 0 {
		t.recent = append(t.recent, a)
	}
	delete(t.changed, b)
	t.touched = slices.DeleteFunc(t.touched, func(c *call) bool { return c == b })
	t.removed[rowKey(b.ID)] = struct{}{}
	t.touch(a)
}

// absorb moves all facts of b into a.
func (a *call) absorb(b *call) {
	chans, origins := len(a.Chans), len(a.Origins)
	shift := func(p *int) {
		if *p >= 0 {
			*p += chans
		}
	}
	for _, o := range b.Origins {
		shift(&o.First)
		a.Origins = append(a.Origins, o)
	}
	for _, ch := range b.Chans {
		shift(&ch.Peer)
		ch.Origin += origins
		ch.call, ch.at = a, len(a.Chans)
		a.Chans = append(a.Chans, ch)
	}
	for _, d := range b.Dials {
		shift(&d.Src)
		shift(&d.Dst)
	}
	for _, v := range b.Visits {
		shift(&v.Chan)
	}
	for _, x := range b.Transfers {
		shift(&x.By)
		shift(&x.Second)
		shift(&x.Transferee)
	}
	for _, p := range b.Parks {
		shift(&p.Chan)
		shift(&p.Retriever)
	}
	for _, r := range b.Rooms {
		for i := range r.Members {
			shift(&r.Members[i].Chan)
		}
	}
	for _, r := range b.Recs {
		shift(&r.Chan)
	}
	for i := range b.Pickups {
		shift(&b.Pickups[i].Picker)
		shift(&b.Pickups[i].Target)
	}
	for i := range b.Takings {
		shift(&b.Takings[i].By)
		shift(&b.Takings[i].Of)
	}
	for i := range b.Consults {
		shift(&b.Consults[i].Chan)
	}
	a.join(b)
}

// join puts together what does not name channels, and restores order.
func (a *call) join(b *call) {
	a.Dials = append(a.Dials, b.Dials...)
	slices.SortStableFunc(a.Dials, func(x, y *dial) int { return cmp.Compare(x.first(), y.first()) })
	a.Visits = append(a.Visits, b.Visits...)
	slices.SortStableFunc(a.Visits, func(x, y *visit) int { return cmp.Compare(x.Enter.Seq, y.Enter.Seq) })
	a.Transfers = append(a.Transfers, b.Transfers...)
	slices.SortStableFunc(a.Transfers, func(x, y *transfer) int { return cmp.Compare(x.At.Seq, y.At.Seq) })
	a.Parks = append(a.Parks, b.Parks...)
	slices.SortStableFunc(a.Parks, func(x, y *park) int { return cmp.Compare(x.From.Seq, y.From.Seq) })
	a.Recs = append(a.Recs, b.Recs...)
	slices.SortStableFunc(a.Recs, func(x, y *recording) int { return cmp.Compare(x.From.Seq, y.From.Seq) })
	for _, r := range b.Rooms {
		a.addRoom(r)
	}
	a.Pickups = append(a.Pickups, b.Pickups...)
	a.Takings = append(a.Takings, b.Takings...)
	slices.SortStableFunc(a.Takings, func(x, y taking) int { return cmp.Compare(x.At.Seq, y.At.Seq) })
	a.Consults = append(a.Consults, b.Consults...)
	a.Linkedids = append(a.Linkedids, b.Linkedids...)
	slices.SortStableFunc(a.Linkedids, func(x, y string) int {
		return cmp.Or(compareIDs(x, y), cmp.Compare(a.firstFrame(x), a.firstFrame(y)))
	})
	a.Mails = append(a.Mails, b.Mails...)
	for k, v := range b.Attributes {
		if a.Attributes == nil {
			a.Attributes = map[string]string{}
		}
		a.Attributes[k] = v
	}
	a.Missed = a.Missed || b.Missed
	for _, g := range b.Gaps {
		if !slices.Contains(a.Gaps, g) {
			a.Gaps = append(a.Gaps, g)
		}
	}
	if a.Boot.IsZero() {
		a.Boot = b.Boot
	}
	a.Told = a.Told.with(b.Told)
	a.alive += b.alive
}

// firstFrame returns when a Linkedid of the call was first heard of.
func (c *call) firstFrame(linkedid string) uint64 {
	for _, o := range c.Origins {
		if o.Linkedid == linkedid {
			return o.Seq
		}
	}
	return 0
}

func (d *dial) first() uint64 {
	if d.Begin.set() {
		return d.Begin.Seq
	}
	return d.End.Seq
}

// older reports whether a is the older call: by the two numbers at the end of the
// Linkedid, or by the first frame when a client chose an id.
func older(a, b *call) bool {
	if d := compareIDs(a.Linkedids[0], b.Linkedids[0]); d != 0 {
		return d < 0
	}
	return a.Origins[0].Seq < b.Origins[0].Seq
}

// compareIDs orders Uniqueids by second and counter; 0 when one was chosen by a client.
func compareIDs(a, b string) int { return numberOf(a).compare(numberOf(b)) }

// An idNumber is what a Uniqueid says of its age; the zero one was chosen by a client.
type idNumber struct{ second, counter int64 }

func numberOf(id string) idNumber {
	second, counter, ok := idNumbers(id)
	if !ok {
		return idNumber{}
	}
	return idNumber{second, counter}
}

func (n idNumber) compare(m idNumber) int {
	if n.second == 0 || m.second == 0 {
		return 0
	}
	return cmp.Or(cmp.Compare(n.second, m.second), cmp.Compare(n.counter, m.counter))
}

// firstSecond is in 2001: what has a smaller number before the dot, a client chose.
const firstSecond = 1_000_000_000

// idNumbers splits [systemname-]SECONDS.COUNTER.
func idNumbers(id string) (second, counter int64, ok bool) {
	id = id[strings.LastIndexByte(id, '-')+1:]
	s, n, found := strings.Cut(id, ".")
	if !found {
		return 0, 0, false
	}
	second, err1 := strconv.ParseInt(s, 10, 64)
	counter, err2 := strconv.ParseInt(n, 10, 64)
	return second, counter, err1 == nil && err2 == nil && second >= firstSecond
}

// bootTolerance is how far two estimates of one start of Asterisk lie apart: Uptime is in whole seconds.
const bootTolerance = 3 * time.Second

// sameBoot reports whether two boots are, or may be, the same.
func sameBoot(a, b time.Time) bool {
	return a.IsZero() || b.IsZero() || a.Sub(b).Abs() <= bootTolerance
}
