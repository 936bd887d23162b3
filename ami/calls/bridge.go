package calls

// Kinds of bridges that do not connect people with each other.
const (
	waiting    = "wait" // parking, BridgeWait
	conference = "conf" // ConfBridge: everybody in it has a call of his own
)

// bridgeKind says what a bridge is for; "" is an ordinary one.
func bridgeKind(f *frame) string {
	switch {
	case f.bridgeCreator == "ConfBridge":
		return conference
	case f.bridgeType == "parking", f.bridgeType == "holding":
		return waiting
	}
	return ""
}

func (t *Tracker) bridgeEnter(ch *channel) {
	f := &t.f
	if ch == nil || f.bridge == "" {
		return
	}
	kind := bridgeKind(f)
	t.enterBridge(ch, f.bridge, kind, t.mark())
	if s := ch.bridge(); f.state == stateRinging && !ch.Up.set() {
		s.Rings = true
	}
	switch kind {
	case conference:
		t.joinRoom(ch, f.bridge, f.bridgeName, t.mark())
	case "":
		t.placeTaken(ch)
		for _, o := range ch.call.Chans {
			if b := o.bridge(); b != nil && b.Bridge == f.bridge {
				t.reseat(o, t.mark())
			}
		}
	}
}

func (t *Tracker) enterBridge(ch *channel, bridge, kind string, at mark) {
	if s := ch.bridge(); s != nil {
		if s.Bridge == bridge {
			if s.From.At.IsZero() && !at.At.IsZero() { // a list was faster than the event, and knew not since when
				s.From = at
				t.touch(ch.call)
			}
			return
		}
		s.To = t.mark() // the leave was not seen
		t.leaveRooms(ch, s.To)
	}
	ch.Stays = append(ch.Stays, stay{span: span{From: at}, Bridge: bridge, Kind: kind})
	t.touch(ch.call)
}

func (t *Tracker) bridgeLeave(ch *channel) {
	if ch == nil {
		return
	}
	if s := ch.bridge(); s != nil && s.Bridge == t.f.bridge {
		s.To = t.mark()
		if s.Kind == conference {
			t.leaveRooms(ch, t.mark())
		}
		t.touch(ch.call)
	}
}
