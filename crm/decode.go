package crm

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A page of a list is fifty records, and encoding/json takes more time to read them
// than the database to find them. The functions here read what those of encode.go
// write: the same members in the same order. Whatever else a record is, or holds, is
// left to encoding/json.

// ParseJSON sets c to the record that text is. What c has of it are parts of text.
func (c *Call) ParseJSON(text string) error {
	r := reader{text: text}
	*c = Call{}
	c.parse(&r)
	if !r.lost && r.at == len(text) {
		return nil
	}
	*c = Call{}
	return json.Unmarshal([]byte(text), c)
}

func (c *Call) parse(r *reader) {
	r.open()
	parseText(r, `"id":`, &c.ID)
	parseText(r, `"pbx":`, &c.PBX)
	parseText(r, `"tenant":`, &c.Tenant)
	parseTime(r, `"boot":`, &c.Boot)
	parseTexts(r, `"linkedids":`, &c.Linkedids)
	parseText(r, `"direction":`, &c.Direction)
	parseParty(r, `"from":`, &c.From)
	parseParty(r, `"to":`, &c.To)
	parseText(r, `"outcome":`, &c.Outcome)
	parseTime(r, `"started_at":`, &c.StartedAt)
	parseTime(r, `"answered_at":`, &c.AnsweredAt)
	parseTime(r, `"ended_at":`, &c.EndedAt)
	parseMillis(r, `"wait_ms":`, &c.WaitMS)
	parseMillis(r, `"ring_ms":`, &c.RingMS)
	parseMillis(r, `"talk_ms":`, &c.TalkMS)
	parseMillis(r, `"hold_ms":`, &c.HoldMS)
	parseText(r, `"ended_by":`, &c.EndedBy)
	parseInt(r, `"cause":`, &c.Cause)
	parseList(r, `"queue_visits":`, &c.QueueVisits, (*QueueVisit).parse)
	parseList(r, `"offers":`, &c.Offers, (*Offer).parse)
	parseList(r, `"talks":`, &c.Talks, (*Talk).parse)
	parseList(r, `"far_ends":`, &c.FarEnds, (*FarEnd).parse)
	parseRare(r, `"transfers":`, &c.Transfers)
	parseRare(r, `"parked":`, &c.Parked)
	parseRare(r, `"conferences":`, &c.Conferences)
	parseList(r, `"recordings":`, &c.Recordings, (*Recording).parse)
	parseRare(r, `"attributes":`, &c.Attributes)
	parseBool(r, `"complete":`, &c.Complete)
	parseRare(r, `"gaps":`, &c.Gaps)
	if r.member(`"disposition":`) {
		c.Disposition = &Disposition{}
		c.Disposition.parse(r)
	}
	parseList(r, `"notes":`, &c.Notes, (*Note).parse)
	parseRare(r, `"contact":`, &c.Contact)
	r.close()
}

func (q *QueueVisit) parse(r *reader) {
	r.open()
	parseText(r, `"queue":`, &q.Queue)
	parseTime(r, `"entered_at":`, &q.EnteredAt)
	parseTime(r, `"left_at":`, &q.LeftAt)
	parseInt(r, `"position":`, &q.Position)
	parseMillis(r, `"wait_ms":`, &q.WaitMS)
	parseText(r, `"result":`, &q.Result)
	r.close()
}

func (o *Offer) parse(r *reader) {
	r.open()
	parseText(r, `"id":`, &o.ID)
	parseText(r, `"extension":`, &o.Extension)
	parseText(r, `"agent":`, &o.Agent)
	parseTexts(r, `"agents":`, &o.Agents)
	parseText(r, `"queue":`, &o.Queue)
	parseText(r, `"shown_name":`, &o.ShownName)
	parseTime(r, `"started_at":`, &o.StartedAt)
	parseTime(r, `"ended_at":`, &o.EndedAt)
	parseMillis(r, `"ring_ms":`, &o.RingMS)
	parseText(r, `"result":`, &o.Result)
	parseText(r, `"by":`, &o.By)
	r.close()
}

func (t *Talk) parse(r *reader) {
	r.open()
	parseText(r, `"extension":`, &t.Extension)
	parseText(r, `"agent":`, &t.Agent)
	parseTexts(r, `"agents":`, &t.Agents)
	parseText(r, `"with":`, &t.With)
	parseText(r, `"via":`, &t.Via)
	parseTime(r, `"started_at":`, &t.StartedAt)
	parseTime(r, `"ended_at":`, &t.EndedAt)
	parseMillis(r, `"hold_ms":`, &t.HoldMS)
	parseMillis(r, `"consult_ms":`, &t.ConsultMS)
	r.close()
}

func (f *FarEnd) parse(r *reader) {
	r.open()
	parseText(r, `"number":`, &f.Number)
	parseText(r, `"for":`, &f.For)
	parseTime(r, `"started_at":`, &f.StartedAt)
	parseTime(r, `"ended_at":`, &f.EndedAt)
	parseMillis(r, `"ring_ms":`, &f.RingMS)
	parseText(r, `"result":`, &f.Result)
	r.close()
}

func (g *Recording) parse(r *reader) {
	r.open()
	parseText(r, `"file":`, &g.File)
	parseTime(r, `"started_at":`, &g.StartedAt)
	parseTime(r, `"ended_at":`, &g.EndedAt)
	r.close()
}

func (d *Disposition) parse(r *reader) {
	r.open()
	parseText(r, `"code":`, &d.Code)
	parseText(r, `"note":`, &d.Note)
	parseText(r, `"by":`, &d.By)
	parseTime(r, `"at":`, &d.At)
	r.close()
}

func (n *Note) parse(r *reader) {
	r.open()
	parseText(r, `"id":`, &n.ID)
	parseText(r, `"text":`, &n.Text)
	parseText(r, `"by":`, &n.By)
	parseTime(r, `"at":`, &n.At)
	r.close()
}

// reader reads a JSON text from its beginning. What it does not take loses it: then it
// takes nothing any more.
type reader struct {
	text string
	at   int
	lost bool
}

// open takes the bracket that begins an object, close the one that ends it.
func (r *reader) open() { r.lost = r.lost || !r.take('{') }

func (r *reader) close() { r.lost = r.lost || !r.take('}') }

// take takes the byte if it is the next.
func (r *reader) take(c byte) bool {
	if r.lost || r.at == len(r.text) || r.text[r.at] != c {
		return false
	}
	r.at++
	return true
}

// member takes the key, which comes with its quotes and colon, if it is the next.
func (r *reader) member(key string) bool {
	if r.lost {
		return false
	}
	rest := r.text[r.at:]
	if r.text[r.at-1] != '{' {
		var more bool
		if rest, more = strings.CutPrefix(rest, ","); !more {
			return false
		}
	}
	if !strings.HasPrefix(rest, key) {
		return false
	}
	r.at = len(r.text) - len(rest) + len(key)
	return true
}

// quoted takes a string.
func (r *reader) quoted() string {
	if !r.take('"') {
		r.lost = true
		return ""
	}
	plain := true
	for i := r.at; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			s := r.text[r.at:i]
			r.at, r.lost = i+1, !plain && !utf8.ValidString(s)
			return s
		case c == '\\':
			var s string
			r.at--
			r.other(&s)
			return s
		case c < ' ':
			r.lost = true
			return ""
		case c >= utf8.RuneSelf:
			plain = false
		}
	}
	r.lost = true
	return ""
}

// other has encoding/json read the next value, a string, a list or an object, into v.
func (r *reader) other(v any) {
	d := json.NewDecoder(strings.NewReader(r.text[r.at:]))
	r.lost = d.Decode(v) != nil
	r.at += int(d.InputOffset())
}

// number takes a whole number.
func (r *reader) number() int64 {
	end := r.at
	for end < len(r.text) && (r.text[end] == '-' || '0' <= r.text[end] && r.text[end] <= '9') {
		end++
	}
	digits := r.text[r.at:end]
	n, err := strconv.ParseInt(digits, 10, 64)
	r.at, r.lost = end, err != nil || len(digits) > 1 && strings.HasPrefix(strings.TrimPrefix(digits, "-"), "0")
	return n
}

func parseText[S ~string](r *reader, key string, s *S) {
	if r.member(key) {
		*s = S(r.quoted())
	}
}

func parseTexts(r *reader, key string, list *[]string) {
	parseList(r, key, list, func(s *string, r *reader) { *s = r.quoted() })
}

func parseList[T any](r *reader, key string, list *[]T, item func(*T, *reader)) {
	if !r.member(key) {
		return
	}
	r.lost = !r.take('[')
	all := []T{}
	for !r.lost && !r.take(']') {
		if len(all) > 0 && !r.take(',') {
			r.lost = true
			return
		}
		all = append(all, *new(T))
		item(&all[len(all)-1], r)
	}
	*list = all
}

// parseRare leaves to encoding/json what few records have.
func parseRare(r *reader, key string, v any) {
	if r.member(key) {
		r.other(v)
	}
}

func parseParty(r *reader, key string, p *Party) {
	if !r.member(key) {
		return
	}
	r.open()
	parseText(r, `"number":`, &p.Number)
	parseText(r, `"name":`, &p.Name)
	parseText(r, `"e164":`, &p.E164)
	r.close()
}

func parseInt(r *reader, key string, n *int) {
	if r.member(key) {
		*n = int(r.number())
	}
}

func parseMillis(r *reader, key string, m **Millis) {
	if r.member(key) {
		n := Millis(r.number())
		*m = &n
	}
}

func parseBool(r *reader, key string, b *bool) {
	if !r.member(key) {
		return
	}
	rest := r.text[r.at:]
	*b = strings.HasPrefix(rest, "true")
	r.lost = !*b && !strings.HasPrefix(rest, "false")
	r.at += len(strconv.FormatBool(*b))
}

func parseTime(r *reader, key string, t *Time) {
	if !r.member(key) {
		return
	}
	var ok bool
	if *t, ok = timeOf(r.quoted()); !ok {
		r.lost = true
	}
}

// timeOf reads a time as Time writes it.
func timeOf(s string) (t Time, ok bool) {
	if len(s) != len(timeLayout) {
		return Time{}, false
	}
	var n [7]int // year, month, day, hour, minute, second, millisecond
	at := 0
	for i := range s {
		switch want, c := timeLayout[i], s[i]; {
		case '0' <= want && want <= '9':
			if c < '0' || c > '9' {
				return Time{}, false
			}
			n[at] = n[at]*10 + int(c-'0')
		case c != want:
			return Time{}, false
		default:
			at++
		}
	}
	if n[3] > 23 || n[4] > 59 || n[5] > 59 {
		return Time{}, false
	}
	t = Time{time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6]*int(time.Millisecond), time.UTC)}
	if _, month, day := t.Date(); int(month) != n[1] || day != n[2] { // there is no such day
		return Time{}, false
	}
	return t, true
}
