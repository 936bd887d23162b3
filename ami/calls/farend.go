package calls

import (
	"iter"
	"strings"

	"patchcord/crm"
)

// farEnds concludes the legs over trunks that the call dialled.
func (v *view) farEnds() []crm.FarEnd {
	var out []crm.FarEnd
	for _, d := range v.Dials {
		ch := v.Chans[d.Dst]
		if ch.Kind != trunk || !d.Begin.set() {
			continue
		}
		e := v.ending(d)
		if v.places(d) && d.answered() {
			e = ending{result: crm.ResultAccepted, at: d.End}
		}
		f := crm.FarEnd{Number: crm.Number(v.dialledTo(d.Dst)), For: v.forWhom(d), StartedAt: d.Begin.time(), EndedAt: e.at.time(), Result: e.result}
		if e.result != "" {
			f.RingMS = ringTime(ch.Ring, orElse(earliest(ch.Up, e.at), e.at))
		}
		out = append(out, f)
	}
	return out
}

// forWhom returns the extension or group whose dial led to a trunk leg: the number at
// which the dialplan was when it dialled, unless that is the outside number itself or
// the number that the caller dialled to get here. Distributions name the pairs of a
// follow-me after its extension.
func (v *view) forWhom(d *dial) string {
	number := v.dialledTo(d.Dst)
	top := d
	for o := range v.ringing(d) {
		top = o
	}
	if who := v.followed(d); who != "" {
		return who
	}
	for _, s := range v.Dials {
		switch {
		case s.Forward == "" || v.forwardOf(s) != top:
		case v.Chans[s.Dst].Kind == extension:
			return v.ext(s.Dst)
		case s.Begin.before(d.Begin):
			return v.forWhom(s) // a provider sent on what had been led to it
		}
	}
	if top.Src < 0 {
		return v.leads(localExten(v.Chans[top.Dst].Name), number) // whom a consultation is to, or a click that rings several
	}
	src := v.Chans[top.Src]
	at := top.From
	for _, x := range v.Transfers {
		if x.At.Seq < d.first() && x.At.Seq > top.FromSeq && v.inChain(d, x.Transferee) && dialable(x.Extension) {
			at = x.Extension // of the steps from there nobody told
		}
	}
	if at == src.Exten && src.Kind == trunk || v.click && top.Src == v.starter() && at == localExten(src.Name) {
		return "" // the DID, or the phone that clicked: neither extension nor group that led there
	}
	return v.leads(at, number)
}

// leads returns a number at which the dialplan was when it dialled another one outside; ""
// when it is no other.
func (v *view) leads(at, number string) string {
	if strings.HasSuffix(at, number) {
		return ""
	}
	return digitsAlone(at)
}

// followed returns the extension whose follow-me led to a dial, as its Local channels are
// named: one that the dial was made behind, or one that was dialled beside such a one.
func (v *view) followed(d *dial) string {
	for o := range v.ringing(d) {
		for _, s := range v.Dials {
			if who := followMe(localExten(v.Chans[s.Dst].Name)); who != "" && s.Src == o.Src && v.overlap(s, o) {
				return who
			}
		}
	}
	return ""
}

// ringing goes from d to what led to it through Local pairs that still rang when it began: what one
// dials that was answered, or given up, it dials for itself.
func (v *view) ringing(d *dial) iter.Seq[*dial] {
	return func(yield func(*dial) bool) {
		for o := range v.outward(d) {
			if o.End.before(d.Begin) || !yield(o) {
				return
			}
		}
	}
}

// followMe reads the extension out of FMPR-EXT and RG-EXT-NUMBER, as FreePBX and its
// kin name the Local channels of a follow-me.
func followMe(exten string) string {
	for _, prefix := range []string{"FMPR-", "RG-"} {
		if rest, ok := strings.CutPrefix(exten, prefix); ok {
			ext, _, _ := strings.Cut(rest, "-")
			return digitsOrNone(ext)
		}
	}
	return ""
}
