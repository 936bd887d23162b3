package backfill

import (
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
	bridged  time.Time // first time it was in a bridge
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
	took   *leg   // the ring whose place it took
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
	case "BRIDGE_ENTER":
		if l.bridged.IsZero() {
			l.bridged = r.At
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
