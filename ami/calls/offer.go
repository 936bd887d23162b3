package calls

import (
	"strings"

	"patchcord/crm"
)

// offers concludes the rings of extensions. Several devices of one extension in the
// same dial are one offer.
func (v *view) offers(from string) []crm.Offer {
	var out []crm.Offer
	rings := v.t.rings[:0] // of each offer
	for _, d := range v.Dials {
		ch := v.Chans[d.Dst]
		if ch.Kind != extension || !d.Begin.set() || v.places(d) {
			continue
		}
		e := v.ending(d)
		ext := v.ext(d.Dst)
		i := v.sameOffer(out, rings, d, ext)
		if i < 0 {
			if out == nil {
				out = make([]crm.Offer, 0, len(v.Dials))
			}
			o := crm.Offer{ID: v.t.offerID(ch), Extension: ext, Queue: v.queueOf(d), StartedAt: d.Begin.time(), Desk: v.desk(d.Dst, d)}
			if d.Shown != "" && d.Shown != from {
				o.ShownName = d.Shown
			}
			out, rings = append(out, o), append(rings, ring{d, ch.Ring, e})
			continue
		}
		rings[i].end, rings[i].began = better(rings[i].end, e), earliest(rings[i].began, ch.Ring)
	}
	for i, r := range rings {
		out[i].Result, out[i].By, out[i].EndedAt = r.end.result, r.end.by, r.end.at.time()
		if out[i].Result != "" {
			out[i].RingMS = ringTime(r.began, r.end.at)
		}
	}
	v.t.rings = rings
	return out
}

// A ring is what an offer is concluded from: the first dial of it, when the first of its
// devices rang, and how it came out.
type ring struct {
	dial  *dial
	began mark
	end   ending
}

func (v *view) sameOffer(out []crm.Offer, rings []ring, d *dial, ext string) int {
	for i := len(rings) - 1; i >= 0; i-- {
		if first := rings[i].dial; out[i].Extension == ext && first.Src == d.Src && d.Src >= 0 && v.overlap(first, d) {
			return i
		}
	}
	return -1
}

// offerID returns the id of what rings at the channel.
func (t *Tracker) offerID(ch *channel) string {
	if ch.offer == "" {
		ch.offer = t.cfg.PBX + ":" + ch.ID
	}
	return ch.offer
}

// better joins the endings of two devices that rang as one offer: the best result
// counts, and it is over when the last one is.
func better(a, b ending) ending {
	at := b.at
	if a.at.Seq > b.at.Seq {
		at = a.at
	}
	switch {
	case a.result == crm.ResultAccepted:
		return a
	case b.result == crm.ResultAccepted:
		return b
	case a.result == "" || b.result == "":
		return ending{}
	case rank(b.result) < rank(a.result):
		a = b
	}
	a.at = at
	return a
}

func rank(r crm.Result) int {
	return strings.Index("rejected busy no_answer rescinded failed", string(r))
}

func ringTime(ring, end mark) *crm.Millis {
	if !ring.set() || end.Seq < ring.Seq {
		return new(crm.Millis)
	}
	return between(ring, end)
}
