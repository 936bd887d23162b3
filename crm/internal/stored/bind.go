package stored

import "patchcord/crm"

// Bound is one row of who had an extension. No is 0 of one that is not stored yet.
type Bound struct {
	No          int64
	UserID      string
	From, Until crm.Time
}

// Rebind returns how the rows of an extension change when it is given to b.UserID: which
// are to be put (changed, or new), and which are to be removed, because they became part
// of another or would not have held at any time.
func Rebind(rows []Bound, b crm.Binding, alone bool) (put []Bound, remove []int64) {
	mine := Bound{UserID: b.UserID, From: b.From, Until: b.Until}
	for _, r := range rows {
		if r.UserID == b.UserID && touches(r, mine) {
			mine = Bound{mine.No, mine.UserID, earlier(r.From, mine.From), later(r.Until, mine.Until)}
			if mine.No != 0 {
				remove = append(remove, r.No)
				continue
			}
			mine.No = r.No
		}
	}
	for _, r := range rows {
		if r.UserID == b.UserID || !alone || !overlaps(r, b) {
			continue
		}
		head, tail := r, Bound{UserID: r.UserID, From: b.Until, Until: r.Until}
		head.Until = b.From
		switch keepsTail := !b.Until.IsZero() && ends(b.Until, r.Until); {
		case r.From.Before(b.From.Time) && keepsTail:
			put = append(put, head, tail)
		case r.From.Before(b.From.Time):
			put = append(put, head)
		case keepsTail:
			tail.No = r.No
			put = append(put, tail)
		default:
			remove = append(remove, r.No)
		}
	}
	return append(put, mine), remove
}

// touches reports whether two stretches of one user are, or would become, one.
func touches(a, b Bound) bool {
	return (a.Until.IsZero() || !a.Until.Before(b.From.Time)) && (b.Until.IsZero() || !b.Until.Before(a.From.Time))
}

func overlaps(r Bound, b crm.Binding) bool {
	return ends(b.From, r.Until) && ends(r.From, b.Until)
}

// ends reports whether an end, for good when it is zero, comes after t.
func ends(t, end crm.Time) bool { return end.IsZero() || end.After(t.Time) }

func earlier(a, b crm.Time) crm.Time {
	if b.Before(a.Time) {
		return b
	}
	return a
}

func later(a, b crm.Time) crm.Time {
	if a.IsZero() || b.IsZero() {
		return crm.Time{}
	}
	if b.After(a.Time) {
		return b
	}
	return a
}
