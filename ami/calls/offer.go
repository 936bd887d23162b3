package calls

import (
	"strings"

	"patchcord/crm"
)

// offers concludes the rings of extensions. Several devices of one extension in the
// same dial are one offer.
func (v *view) offers(from string) []crm.Offer {
	var out []crm.Offer
	var of []*dial // first dial of each offer
	var ends []ending
	var rings []mark
	for _, d := range v.Dials {
		ch := v.Chans[d.Dst]
		if ch.Kind != extension || !d.Begin.set() || v.places(d) {
			continue
		}
		e := v.ending(d)
		ext := v.ext(d.Dst)
		i := v.sameOffer(out, of, d, ext)
		if i < 0 {
			o := crm.Offer{ID: v.t.cfg.PBX + ":" + ch.ID, Extension: ext, Queue: v.queueOf(d)}
			if !d.Listed {
				o.StartedAt = d.Begin.time()
			}
			if d.Shown != "" && d.Shown != from {
				o.ShownName = d.Shown
			}
			out, of, ends, rings = append(out, o), append(of, d), append(ends, e), append(rings, ch.Ring)
			continue
		}
		ends[i], rings[i] = better(ends[i], e), earliest(rings[i], ch.Ring)
	}
	for i := range out {
		out[i].Result, out[i].By = ends[i].result, ends[i].by
		out[i].EndedAt = ends[i].at.time()
		if out[i].Result != "" {
			out[i].RingMS = ringTime(rings[i], ends[i].at)
		}
	}
	return out
}

func (v *view) sameOffer(out []crm.Offer, of []*dial, d *dial, ext string) int {
	for i := len(of) - 1; i >= 0; i-- {
		if out[i].Extension == ext && of[i].Src == d.Src && d.Src >= 0 && v.overlap(of[i], d) {
			return i
		}
	}
	return -1
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
