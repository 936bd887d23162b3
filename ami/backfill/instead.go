package backfill

import "slices"

// A call that takes the place of another (INVITE with Replaces) has no row that says so:
// see package calls.

// isCaller reports whether the channel began with a call of its own.
func (l *leg) isCaller(rows []CEL) bool { return rows[l.first].Linkedid == l.id }

// findTakers concludes which calls took the place of a ring: a call of its own that is shown
// as called since it was answered. What rang is hung up in that instant, and was called.
func findTakers(rows []CEL, list []*leg, pickers map[string]bool) {
	for _, l := range list {
		if l.called != byDial && l.called != byQueue || !l.isCaller(rows) || l.answer.IsZero() || pickers[l.id] {
			continue
		}
		for _, o := range list {
			if _, half := o.localHalf(); half == 0 && o.called == "" && o.answer.IsZero() && !o.isCaller(rows) && o.hungUp && o.end.Sub(l.answer).Abs() <= sameInstant {
				l.took, o.called, l.called = o, l.called, ""
				break
			}
		}
	}
}

// wasTaken reports whether a call took the place of the ring.
func (t *teller) wasTaken(l *leg) bool {
	return slices.ContainsFunc(t.legs, func(o *leg) bool { return o.took == l })
}

// replaced returns the Uniqueid of whose place in a bridge a call took by its row, "" when
// nobody's: he had been there for a while, left in the same instant, and the PBX hung him up.
func (t *teller) replaced(r *CEL, l *leg) string {
	if l.called != "" || !l.isCaller(t.rows) || l.bridged != r.At {
		return ""
	}
	bridge := extraOf(r).Bridge
	for i := range t.rows {
		o := t.by[t.rows[i].Uniqueid]
		left := t.rows[i].Type == "BRIDGE_EXIT" && extraOf(&t.rows[i]).Bridge == bridge && t.rows[i].At.Sub(r.At).Abs() <= sameInstant
		if left && o != l && r.At.Sub(o.bridged) > sameInstant && o.end.Sub(r.At) <= together && o.hungBy == "" {
			return o.id
		}
	}
	return ""
}
