package backfill

import (
	"slices"
	"strings"
)

// findDiallers concludes who dialled whom, which CEL does not say. The dial string of
// a Dial tells it when the dialling channel has a row at that time; a phone behind a
// Local pair is dialled by its second half; else it is who last did anything.
func findDiallers(rows []CEL, list []*leg) {
	pickers := map[string]bool{}
	for i := range rows {
		if rows[i].Type == "PICKUP" {
			pickers[extraOf(&rows[i]).Picker] = true
		}
	}
	findTakers(rows, list, pickers)
	sent := forwards(rows, list)
	for _, l := range list {
		_, half := l.localHalf()
		if l.cutShort(rows) || l.called == "" && sent[l] != nil {
			l.called = byDial
			if by := sent[l]; by != nil && by.waits(rows, l.first) {
				l.called = byQueue
			}
		}
		switch {
		case pickers[l.id]: // it took the place of a phone that was called
		case l.called == byOriginate:
			l.dialed = true
		case l.called != "":
			l.dialed = true
			if l.src = sent[l]; l.src == nil {
				l.src = dialler(rows, list, l)
			}
			l.sent = half == '1' && sent[l] != nil
			l.string = l.dialledAs(rows)
		case half == '1' && l.first > 0 && rows[l.first].Linkedid != l.id:
			l.dialed = true // a consultation by feature code
		}
	}
	lent := map[*leg]bool{} // whose causes are those of others
	for _, l := range list {
		lent[l] = l.answer.IsZero() && l.hungBy == "" && (l.causeOfAnother(list) || l.src != nil && lent[otherHalf(list, l.src)])
	}
	for l, is := range lent {
		if is {
			l.cause = 0
		}
	}
}

// forwards returns who dials on where a phone had sent the call on to: the pair's first
// half is dialled by the channel of the row FORWARD, which comes after the pair was
// made, and whoever is called next and by no other Dial that shows, by its second half.
func forwards(rows []CEL, list []*leg) map[*leg]*leg {
	sent := map[*leg]*leg{}
	for i := range rows {
		if rows[i].Type != "FORWARD" {
			continue
		}
		number := extraOf(&rows[i]).Forward
		var by, one, two *leg
		for _, l := range list {
			_, half := l.localHalf()
			switch {
			case l.id == rows[i].Uniqueid:
				by = l
			case l.first < i && l.localExten() == number && half == '1':
				one = l
			case l.first < i && l.localExten() == number && half == '2':
				two = l
			}
		}
		if by == nil || one == nil || two == nil {
			continue
		}
		sent[one] = by
		if l := calledNext(list, i, number); l != nil && by.lastBefore(l.first) == i && two.lastBefore(l.first) == two.first {
			sent[l] = two
		}
	}
	return sent
}

// calledNext returns whom Dial called after a row: the phone of the number, else the
// first; nil when nobody was.
func calledNext(list []*leg, row int, number string) (first *leg) {
	for _, l := range list {
		if _, half := l.localHalf(); l.first <= row || half != 0 || l.called != byDial {
			continue
		}
		if device(l.name) == number {
			return l
		}
		if first == nil {
			first = l
		}
	}
	return first
}

// waits reports whether the channel's first row after another began shows it in a queue.
func (l *leg) waits(rows []CEL, after int) bool {
	for _, i := range l.rows {
		if i > after && rows[i].App != "" {
			return rows[i].App == "Queue"
		}
	}
	return false
}

// causeOfAnother reports whether the cause of the channel's hang-up is that of another
// phone which the same dial rang: when a dial ends, it hands the cause to all.
func (l *leg) causeOfAnother(list []*leg) bool {
	if l.src == nil || l.src.end.Sub(l.end) > together {
		return false
	}
	return slices.ContainsFunc(list, func(o *leg) bool {
		return o != l && o.src == l.src && o.cause == l.cause && o.end.Before(l.end) && !o.end.Before(l.start)
	})
}

// cutShort reports whether nothing is known of a channel but that it was made, for
// somebody else's call and at no place of the dialplan: the PBX died while it rang.
func (l *leg) cutShort(rows []CEL) bool {
	r := &rows[l.first]
	_, half := l.localHalf()
	return len(l.rows) == 1 && half == 0 && r.Linkedid != l.id && (r.Exten == "" || r.Exten == "s")
}

func dialler(rows []CEL, list []*leg, l *leg) *leg {
	var named, paired, placed, last *leg
	lastRow := -1
	base, _ := l.localHalf()
	for _, c := range list {
		if !c.mayDial(l, base) || c.linkedid(rows, l.first) != rows[l.first].Linkedid {
			continue
		}
		if c.dials(rows, l) {
			named = c
		}
		if _, half := c.localHalf(); half == '2' && c.localExten() == device(l.name) {
			paired = c
		}
		if c.called == byOriginate && !c.answer.After(l.start) {
			placed = c
		}
		if at := c.lastBefore(l.first); at > lastRow {
			last, lastRow = c, at
		}
	}
	switch {
	case named != nil:
		return named
	case paired != nil:
		return paired
	case placed != nil:
		return placed
	}
	return last
}

// mayDial reports whether c was there when l was made, and could have dialled it.
func (c *leg) mayDial(l *leg, base string) bool {
	if c == l || c.first > l.first || c.rows[len(c.rows)-1] < l.first {
		return false
	}
	other, half := c.localHalf()
	if other != "" && (other == base || half == '1' && c.called != byOriginate) {
		return false
	}
	return c.called == "" || c.called == byOriginate && !c.answer.IsZero() || c.dialplan
}

// dials reports whether a row of c, while l lived, shows that it dialled l.
func (c *leg) dials(rows []CEL, l *leg) bool {
	for _, i := range c.rows {
		r := &rows[i]
		if i < l.first || i > l.rows[len(l.rows)-1] {
			continue
		}
		if r.App == "Dial" && dialString(r.Data, l.name) != "" || r.App == "Queue" && l.called == byQueue {
			return true
		}
	}
	return false
}

// linkedid returns the channel's Linkedid before a row: whom it dials then begins with it.
func (c *leg) linkedid(rows []CEL, before int) string {
	id := rows[c.first].Linkedid
	for _, i := range c.rows {
		if i < before {
			id = rows[i].Linkedid
		}
	}
	return id
}

func (c *leg) lastBefore(row int) int {
	at := -1
	for _, i := range c.rows {
		if i < row {
			at = i
		}
	}
	return at
}

// at returns the number at which the channel was in the dialplan when it dialled, as
// far as rows before tell; of one that an Originate called: those after too, since it
// has no other place than where it was sent.
func (c *leg) at(rows []CEL, before int) string {
	at := ""
	for _, i := range c.rows {
		r := &rows[i]
		if c.called == byOriginate {
			if r.At.After(c.answer) && at == "" && dialable(r.Exten) {
				at = r.Exten
			}
			continue
		}
		if i < before && dialable(r.Exten) {
			at = r.Exten
		}
	}
	return at
}

// dialable reports whether a place of the dialplan is a number that a person dials.
func dialable(s string) bool {
	return s != "" && strings.Trim(s, "0123456789*#+") == ""
}

// dialledAs returns the dial string by which l was called.
func (l *leg) dialledAs(rows []CEL) string {
	if l.src == nil {
		return ""
	}
	for _, i := range l.src.rows {
		if r := &rows[i]; i >= l.first && r.App == "Dial" {
			if s := dialString(r.Data, l.name); s != "" {
				return s
			}
		}
	}
	return ""
}
