package calls

func (t *Tracker) blindTransfer(*channel) {
	f := &t.f
	by, ee := t.chans[f.transferer], t.chans[f.transferee]
	if f.result != "Success" || by == nil {
		return
	}
	c := by.call
	x := &transfer{Blind: true, At: t.mark(), By: by.at, Second: -1, Transferee: -1, Extension: f.extension}
	if ee != nil && ee.call == c {
		x.Transferee = ee.at
	} else {
		x.Transferee = c.across(by.at)
	}
	t.addTransfer(c, x)
}

// across returns a channel that is in the same bridge as ch, or -1.
func (c *call) across(ch int) int {
	s := c.Chans[ch].bridge()
	if s == nil {
		return -1
	}
	for i, o := range c.Chans {
		if b := o.bridge(); i != ch && b != nil && b.Bridge == s.Bridge {
			return i
		}
	}
	return -1
}

// attendedTransfer joins the calls that the transferer had on two lines. Whom it is to is
// found in the bridge of the second line: headers of the target may be missing.
func (t *Tracker) attendedTransfer(*channel) {
	f := &t.f
	by, second, ee := t.chans[f.transferer], t.chans[f.second], t.chans[f.transferee]
	if f.result != "Success" || by == nil {
		return
	}
	for _, o := range []*channel{second, ee} {
		if o != nil && o.call != by.call {
			t.merge(by.call, o.call)
		}
	}
	x := &transfer{At: t.mark(), By: by.at, Second: second.place(), Transferee: ee.place(), Bridge: f.secondBridge}
	if second != nil && ee != nil && second != by {
		t.handOver(second, ee)
	}
	t.addTransfer(by.call, x)
}

func (t *Tracker) addTransfer(c *call, x *transfer) {
	for _, o := range c.Transfers {
		if o.Blind == x.Blind && o.By == x.By && o.Transferee == x.Transferee && o.Extension == x.Extension {
			return // a channel transfers another away once
		}
	}
	c.Transfers = append(c.Transfers, x)
	t.touch(c)
}

// handOver lets another channel take the place of one that was in an application: where
// that one waited in a queue, he waits now, and where it was in a conference, he is; of
// which Asterisk 16 does not always tell.
func (t *Tracker) handOver(ch, to *channel) {
	if s := ch.bridge(); s != nil {
		if s.Kind == conference {
			t.leaveRooms(ch, t.mark()) // the two do not meet there
			s.To = t.mark()
			t.enterBridge(to, s.Bridge, conference, t.mark())
			t.joinRoom(to, s.Bridge, "", t.mark())
		}
		return
	}
	for _, v := range ch.call.Visits {
		if v.Chan == ch.at && !v.Leave.set() {
			v.Chan = to.at
		}
	}
}
