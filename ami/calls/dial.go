package calls

// place returns where a channel is in its call's list, -1 for none.
func (ch *channel) place() int {
	if ch == nil {
		return -1
	}
	return ch.at
}

// dialBegin notes that a channel is being called. A source is missing when the PBX
// itself calls: an Originate, or the consultation of a feature code.
func (t *Tracker) dialBegin(src *channel) {
	f := &t.f
	dst := t.chans[f.destUniqueid]
	if dst == nil {
		return
	}
	if src != nil {
		t.position(src, f.exten)
		t.merge(src.call, dst.call)
	}
	d := t.dialOf(src, dst)
	if d.Begin.set() {
		return
	}
	d.Begin, d.String = t.mark(), f.dialString
	if src != nil {
		d.From, d.FromSeq = src.Last, src.LastSeq
	}
	if name := callerName(f.destChannel, f.destLineName); name != "" {
		d.Shown = name
	}
	if q := openVisit(src); q != nil && d.Queue == "" {
		d.Queue = q.Queue
	}
	if dst.Kind == trunk && dst.LegNum == "" && dialable(f.destNum) {
		dst.LegNum = f.destNum
	}
	t.beginConsult(src)
	t.forwardedClick(d, dst)
	t.recalled(d, dst)
	t.touch(dst.call)
}

// dialOf returns the dial of dst that has not ended, a new one if there is none.
func (t *Tracker) dialOf(src, dst *channel) *dial {
	c := dst.call
	if d := c.dialTo(dst.at); d != nil && !d.End.set() {
		return d
	}
	d := &dial{Src: src.place(), Dst: dst.at}
	c.Dials = append(c.Dials, d)
	return d
}

func (t *Tracker) dialState(*channel) {
	dst := t.chans[t.f.destUniqueid]
	if dst == nil || t.f.dialStatus != "RINGING" || dst.Ring.set() {
		return
	}
	dst.Ring = t.mark()
	t.keep(dst.call)
}

// dialEnd notes how a dial ended. It comes twice in queues: the first one counts.
// One without a DialBegin is that of a picker, of who took the ring's place, or of a consultation.
func (t *Tracker) dialEnd(src *channel) {
	dst := t.chans[t.f.destUniqueid]
	if dst == nil {
		return
	}
	if d := dst.call.dialTo(dst.at); d != nil && d.End.set() {
		return
	}
	if src != nil {
		t.merge(src.call, dst.call)
	}
	t.dialTaken(src, dst)
	if t.f.dialStatus == "ANSWER" {
		t.ringTaken(src, dst)
	}
	d := t.dialOf(src, dst)
	d.End, d.Status, d.Forward = t.mark(), t.f.dialStatus, t.f.forward
	t.forwardedClick(d, dst)
	t.touch(dst.call)
}

// forwardedClick joins what a click-to-call became when the phone that was to place it sent
// it on: the PBX calls the other number from nowhere, with another Linkedid, just before it
// tells so (Asterisk main/dial.c and channel.c, ast_call_forward). dst is what one of the
// two dials called.
func (t *Tracker) forwardedClick(d *dial, dst *channel) {
	if d.Src >= 0 {
		return
	}
	var other *channel
	var latest uint64
	for _, ch := range t.chans {
		o := ch.call.dialTo(ch.at)
		if ch.call == dst.call || o == nil || o.Src >= 0 {
			continue
		}
		sent, next := o, dst
		if d.Forward != "" {
			sent, next = d, ch
		}
		if sent.Forward == "" || localExten(next.Name) != sent.Forward || !together(next.call.dialTo(next.at).Begin, sent.End) {
			continue
		}
		if seq := o.first(); seq > latest {
			other, latest = ch, seq
		}
	}
	if other != nil {
		t.merge(dst.call, other.call)
	}
}

// recalled joins, with the call whose party waits, the ring of who asked for him by the
// feature code and left: nobody took the party, so the PBX calls back from nowhere, with
// another Linkedid (Asterisk main/bridge_basic.c, recalling). dst is what it calls.
func (t *Tracker) recalled(d *dial, dst *channel) {
	if d.Src >= 0 || dst.Kind != extension {
		return
	}
	var c *call
	var latest uint64
	for _, o := range t.calls {
		for _, x := range o.Transfers {
			if o != dst.call && !x.Blind && x.At.Seq > latest && o.Chans[x.By].phone() == dst.phone() && o.waitsInVain(x, t.mark()) {
				c, latest = o, x.At.Seq
			}
		}
	}
	if c != nil {
		t.merge(c, dst.call)
	}
}

// waitsInVain reports whether the party of an attended transfer is alone since a moment ago,
// when the Local pair to whom it was asked for was given up.
func (c *call) waitsInVain(x *transfer, now mark) bool {
	if x.Transferee < 0 || c.Chans[x.Transferee].bridge() == nil {
		return false
	}
	bridge, lost := c.Chans[x.Transferee].bridge().Bridge, false
	for i, ch := range c.Chans {
		if b := ch.bridge(); i != x.Transferee && b != nil && b.Bridge == bridge {
			return false
		}
		lost = lost || ch.Kind == plumbing && ch.wasIn(x.Bridge) && ch.Gone.set() && together(ch.Gone, now)
	}
	return lost
}

func (t *Tracker) pickup(picker *channel) {
	target := t.chans[t.f.target]
	if picker == nil || target == nil {
		return
	}
	t.merge(picker.call, target.call)
	c := target.call
	for _, p := range c.Pickups {
		if p.Picker == picker.at && p.Target == target.at {
			return
		}
	}
	c.Pickups = append(c.Pickups, pickup{Picker: picker.at, Target: target.at, At: t.mark()})
	if s := target.bridge(); s != nil && s.Kind == "" && picker.bridge() == nil { // it had just been answered
		t.enterBridge(picker, s.Bridge, "", t.mark())
		c.Takings = append(c.Takings, taking{By: picker.at, Of: target.at, At: t.mark()})
	}
	t.touch(c)
}

// beginConsult notes, with the call that a phone holds, that the phone calls
// somebody on another line. The two calls may or may not be joined later.
func (t *Tracker) beginConsult(line *channel) {
	if line == nil || line.Kind != extension {
		return
	}
	for _, ch := range t.phones[line.phone()] {
		if ch == line || !ch.held() {
			continue
		}
		c := ch.call
		if n := len(c.Consults); n > 0 && c.Consults[n-1].Line == line.ID {
			continue
		}
		c.Consults = append(c.Consults, consult{Chan: ch.at, Line: line.ID, span: span{From: t.mark()}})
		t.keep(c)
	}
}

// endConsults ends the consultations that the channel makes as the other line.
func (t *Tracker) endConsults(line *channel, at mark) {
	for _, ch := range t.phones[line.phone()] {
		for i := range ch.call.Consults {
			if k := &ch.call.Consults[i]; k.Line == line.ID && !k.To.set() {
				k.To = at
				t.keep(ch.call)
			}
		}
	}
}

func (ch *channel) held() bool {
	n := len(ch.Holds)
	return n > 0 && !ch.Holds[n-1].To.set()
}

// hold notes that a phone holds. It may do so again, without an Unhold, when it has somebody else.
func (t *Tracker) hold(ch *channel) {
	if ch == nil || ch.held() && (len(ch.Stays) == 0 || ch.Stays[len(ch.Stays)-1].From.Seq < ch.Holds[len(ch.Holds)-1].From.Seq) {
		return
	}
	ch.Holds = append(ch.Holds, span{From: t.mark()})
	t.touch(ch.call)
}

// unhold ends a hold; one that was not begun means nothing: a REFER sends it always.
func (t *Tracker) unhold(ch *channel) {
	if ch == nil || !ch.held() {
		return
	}
	for i := range ch.Holds {
		if h := &ch.Holds[i]; !h.To.set() {
			h.To = t.mark()
		}
	}
	for i := range ch.call.Consults {
		if k := &ch.call.Consults[i]; k.Chan == ch.at && !k.To.set() {
			k.To = t.mark()
		}
	}
	t.touch(ch.call)
}
