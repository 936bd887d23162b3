package calls

import "slices"

func (t *Tracker) parked(*channel) {
	f := &t.f
	ee := t.chans[f.parkee]
	if ee == nil {
		return
	}
	if p := openPark(ee); p != nil {
		return
	}
	p := &park{Chan: ee.at, Space: f.space, Retriever: -1, span: span{From: t.mark()}}
	if kind, _ := t.dev.classify(f.parkerDial + "-0"); kind != trunk {
		p.By = t.dev.deviceOf(f.parkerDial)
	} else if i := slices.IndexFunc(ee.call.Chans, func(o *channel) bool { return o != ee && o.over(f.parkerDial) && o.satWith(ee) }); i >= 0 {
		p.By = ee.call.who(i)
	} // else it is he himself, whom a Redirect sent there
	ee.Served = t.mark()
	ee.call.Parks = append(ee.call.Parks, p)
	t.touch(ee.call)
}

// over reports whether the channel is one of the device.
func (ch *channel) over(device string) bool {
	tech, name := splitChannel(ch.Name)
	return tech+"/"+name == device
}

// satWith reports whether the channel was in the ordinary bridge that another was in last.
func (ch *channel) satWith(o *channel) bool {
	for _, s := range slices.Backward(o.Stays) {
		if s.Kind == "" {
			return ch.wasIn(s.Bridge)
		}
	}
	return false
}

func openPark(ch *channel) *park {
	for i := len(ch.call.Parks) - 1; i >= 0; i-- {
		if p := ch.call.Parks[i]; p.Chan == ch.at && !p.To.set() {
			return p
		}
	}
	return nil
}

func (t *Tracker) unparked(*channel) {
	ee, by := t.chans[t.f.parkee], t.chans[t.f.retriever]
	if ee == nil {
		return
	}
	if by != nil && by.call != ee.call {
		t.merge(by.call, ee.call)
	}
	t.endPark(ee, "retrieved", by.place())
}

func (t *Tracker) parkTimeout(*channel) { t.endPark(t.chans[t.f.parkee], "timeout", -1) }

func (t *Tracker) parkGiveUp(*channel) { t.endPark(t.chans[t.f.parkee], "abandoned", -1) }

func (t *Tracker) endPark(ee *channel, result string, retriever int) {
	if ee == nil {
		return
	}
	if p := openPark(ee); p != nil {
		p.To, p.Result, p.Retriever = t.mark(), result, retriever
		t.touch(ee.call)
	}
}
