package calls

import (
	"slices"

	"patchcord/crm"
)

// transfersDone returns the transfers that sent the party somewhere: not those into a parking lot.
func (v *view) transfersDone() []*transfer {
	var out []*transfer
	for _, x := range v.call.Transfers {
		if !v.isParking(x) {
			out = append(out, x)
		}
	}
	return out
}

// isParking reports whether the first thing that became of a transferred party is
// that it was parked, or that it took the place of a consultation that was.
func (v *view) isParking(x *transfer) bool {
	if !x.Blind {
		return slices.ContainsFunc(v.Parks, func(p *park) bool { return p.covers(x.At.Seq) && v.consultedAt(x, p.Chan) })
	}
	return slices.ContainsFunc(v.Parks, func(p *park) bool { return v.parkedBy(x, p) })
}

// parkedBy reports whether a transfer is how the party was parked.
func (v *view) parkedBy(x *transfer, p *park) bool {
	return p.Chan == x.Transferee && together(p.From, x.At) && !slices.ContainsFunc(v.Dials, func(d *dial) bool {
		return d.Begin.Seq > x.At.Seq && d.Begin.Seq < p.From.Seq
	})
}

func (v *view) transfers() []crm.Transfer {
	var out []crm.Transfer
	list := v.transfersDone()
	for i, x := range list {
		next := ^uint64(0)
		if i+1 < len(list) {
			next = list[i+1].At.Seq
		}
		next = min(next, v.pulledAt(x))
		r := crm.Transfer{Kind: "attended", By: v.who(v.transferer(x)), To: x.Extension, At: x.At.time(), Completed: v.completed(x, next)}
		if x.Blind {
			r.Kind = "blind"
		} else {
			r.To = v.targetOf(x)
		}
		out = append(out, r)
	}
	return out
}

// pulledAt returns when somebody took the party out of the ringing that a transfer had led
// to (AMI Redirect): whoever has him then, has him by something else. Never is the greatest.
func (v *view) pulledAt(x *transfer) uint64 {
	for _, d := range v.Dials {
		if d.Src < 0 || d.Src != x.Transferee && d.Src != x.Second || d.Queue != "" || d.Status != "CANCEL" || d.Forward != "" || d.End.Seq < x.At.Seq {
			continue
		}
		if v.taker(d) == string(crm.EndedByCaller) {
			return d.End.Seq
		}
	}
	return ^uint64(0)
}

// transferer returns who transfers: the person, where a Local pair stands for him. So it
// is when the features are the queue's, and its members are behind Local channels.
func (v *view) transferer(x *transfer) int {
	by := x.By
	for _, k := range v.talks {
		if k.near == x.By && k.From.Seq < x.At.Seq {
			by = k.ch
		}
	}
	if ch := v.Chans[by]; ch.Kind == plumbing && ch.Peer >= 0 {
		if s := v.stayAt(ch.Peer, x.At); s != nil { // he only asks: the code that he dialled came through the pair
			for i, o := range v.Chans {
				if at := v.stayAt(i, x.At); at != nil && at.Bridge == s.Bridge && o.Kind != plumbing {
					return i
				}
			}
		}
	}
	return by
}

// targetOf returns whom an attended transfer was to: whoever the transferer was with on the
// other line, at last. The event does not always name him.
func (v *view) targetOf(x *transfer) string {
	target, left := "", uint64(0)
	for i, ch := range v.Chans {
		if i == x.By || i == x.Second || i == x.Transferee {
			continue
		}
		for _, s := range ch.Stays {
			if s.Bridge != x.Bridge || s.From.Seq >= x.At.Seq || s.left() <= left {
				continue
			}
			if who := v.personBehind(i, x.At); who != "" {
				target, left = who, s.left()
			}
		}
	}
	if target != "" {
		return target
	}
	if x.Second >= 0 && x.Second != x.By {
		if e := v.Chans[x.Second].Exten; dialable(e) {
			return e
		}
	}
	return ""
}

// personBehind returns how a channel's person was named at an instant, through Local pairs.
func (v *view) personBehind(ch int, at mark) string {
	if v.Chans[ch].Kind != plumbing {
		return v.who(ch)
	}
	who := ""
	for _, d := range v.Dials {
		if peer := v.Chans[ch].Peer; peer >= 0 && d.Src == peer && d.answered() && d.End.Seq < at.Seq {
			if w := v.personBehind(d.Dst, at); w != "" {
				who = w
			}
		}
	}
	if who == "" {
		if e := localExten(v.Chans[ch].Name); dialable(e) {
			return e
		}
	}
	return who
}

// completed reports whether a person, voicemail or a conference had the party after
// the transfer, and before something else happened to him.
func (v *view) completed(x *transfer, next uint64) bool {
	by := v.transferer(x)
	for _, k := range v.talks {
		if k.ch == by || k.anchor == by || k.From.Seq >= next || !x.Blind && (v.who(k.ch) == v.who(by) || v.who(k.anchor) == v.who(by)) {
			continue // nor is it a transfer when the transferer is rung again, since nobody else answered
		}
		if !k.To.set() || k.To.Seq > x.At.Seq {
			return true
		}
	}
	for _, r := range v.Rooms {
		for _, m := range r.Members {
			there := !x.Blind && m.Chan != by && m.covers(x.At.Seq) // AttendedTransfer comes when he is there already
			if there || m.From.Seq > x.At.Seq && m.From.Seq < next {
				return true
			}
		}
	}
	return slices.ContainsFunc(v.Mails, func(m mailing) bool {
		// else he took the place of the line that voicemail had answered
		return m.At.Seq > x.At.Seq && m.At.Seq < next || v.consultedAt(x, v.find(m.ID))
	})
}

// consultedAt reports whether a channel is where an attended transfer was prepared: the
// transferer's other line, or the far half of the Local pair that was made for it.
func (v *view) consultedAt(x *transfer, ch int) bool {
	if ch == x.Second && x.Second != x.By {
		return true
	}
	near := v.Chans[ch].Peer
	return near >= 0 && v.Chans[near].wasIn(x.Bridge)
}

// wasIn reports whether the channel was ever in the bridge.
func (ch *channel) wasIn(bridge string) bool {
	return slices.ContainsFunc(ch.Stays, func(s stay) bool { return s.Bridge == bridge })
}
