package backfill

import (
	"slices"
	"strings"
	"time"
)

// A leg is one channel of a group, as all its rows together tell.
type leg struct {
	id, name string
	first    int // place of its first row
	rows     []int
	start    time.Time
	end      time.Time // of its last row
	answer   time.Time // zero when it was not answered
	called   string    // AppDial, AppQueue or AppDial2 when the PBX called it, else ""
	dialplan bool      // it runs the dialplan
	num      string    // first number that it was given after it was made
	cause    int
	hungBy   string // channel that asked for the hang-up
	status   string // DIALSTATUS at its end
	hasEnd   bool   // there is a CHAN_END
	hungUp   bool

	src    *leg   // who dialled it; nil: the PBX
	string string // the dial string, "" when unknown
	dialed bool   // it was dialled, by src or the PBX
	ended  bool   // the end of its dial was told
	sent   bool   // first half of a Local pair by which a call goes on that a phone forwarded
}

// calledApps are what Asterisk shows as the application of a channel that was called:
// by Dial, by Queue, by an Originate.
const (
	byDial      = "AppDial"
	byQueue     = "AppQueue"
	byOriginate = "AppDial2"
)

func isCalled(app string) bool { return app == byDial || app == byQueue || app == byOriginate }

// legs returns the channels of the rows, in the order in which they began, and by Uniqueid.
func legs(rows []CEL) ([]*leg, map[string]*leg) {
	var list []*leg
	by := map[string]*leg{}
	for i := range rows {
		r := &rows[i]
		l := by[r.Uniqueid]
		if l == nil {
			l = &leg{id: r.Uniqueid, name: r.Channel, first: i, start: r.At}
			by[l.id] = l
			list = append(list, l)
		}
		l.add(i, r)
	}
	return list, by
}

func (l *leg) add(i int, r *CEL) {
	l.rows, l.end = append(l.rows, i), r.At
	switch {
	case isCalled(r.App) && l.called == "":
		l.called = r.App
	case r.App != "" && !isCalled(r.App):
		l.dialplan = true
	}
	if r.Type != "CHAN_START" && l.num == "" {
		l.num = r.Num
	}
	switch r.Type {
	case "ANSWER":
		if l.answer.IsZero() {
			l.answer = r.At
		}
	case "HANGUP":
		e := extraOf(r)
		l.cause, l.hungBy, l.status, l.hungUp = int(e.HangupCause), e.HangupBy, e.DialStatus, true
	case "CHAN_END":
		l.hasEnd = true
	}
}

// localHalf returns the name that both halves of a Local pair share, and which it is.
func (l *leg) localHalf() (base string, half byte) {
	if !strings.HasPrefix(l.name, "Local/") || len(l.name) < 2 || l.name[len(l.name)-2] != ';' {
		return "", 0
	}
	return l.name[:len(l.name)-2], l.name[len(l.name)-1]
}

// localExten returns EXT of Local/EXT@context-….
func (l *leg) localExten() string {
	rest, ok := strings.CutPrefix(l.name, "Local/")
	if !ok {
		return ""
	}
	exten, _, _ := strings.Cut(rest, "@")
	return exten
}

// device returns the part of the name between the slash and the last dash.
func device(channel string) string {
	_, rest, _ := strings.Cut(channel, "/")
	if i := strings.LastIndexByte(rest, '-'); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// dialString returns the part of the data of Dial that made the channel: PJSIP/1001 of
// PJSIP/1001&PJSIP/1002,20,t for PJSIP/1001-00000001; "" when none did.
func dialString(data, channel string) string {
	list, _, _ := strings.Cut(data, ",")
	tech, _, _ := strings.Cut(channel, "/")
	dev := device(channel)
	for _, s := range strings.Split(list, "&") {
		t, rest, ok := strings.Cut(s, "/")
		if !ok || t != tech {
			continue
		}
		if tech == "Local" {
			if strings.HasPrefix(dev, strings.TrimSuffix(rest, "/n")) {
				return s
			}
			continue
		}
		if rest == dev || strings.HasPrefix(rest, dev+"/") || strings.HasSuffix(rest, "@"+dev) || strings.Contains(rest, "@"+dev+"/") {
			return s
		}
	}
	return ""
}

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

// otherHalf returns the other half of the Local pair of which l is one, or nil.
func otherHalf(list []*leg, l *leg) *leg {
	base, half := l.localHalf()
	for _, o := range list {
		if other, its := o.localHalf(); base != "" && other == base && its != half {
			return o
		}
	}
	return nil
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
		for _, l := range list {
			if _, half := l.localHalf(); l.first > i && half == 0 && l.called == byDial {
				if by.lastBefore(l.first) == i && two.lastBefore(l.first) == two.first {
					sent[l] = two
				}
				break
			}
		}
	}
	return sent
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
		if !c.mayDial(l, base) {
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
