package backfill

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"patchcord/ami/calls"
	"patchcord/crm"
)

// A cdrFold makes calls of call detail records. They tell who called whom and when, in
// whole seconds, one row for each pair of channels; not who rang, who ended the call,
// nor why it was not answered.
type cdrFold struct {
	cfg  calls.Config
	kind *calls.Classifier
}

func newCDRFold(cfg calls.Config) (*cdrFold, error) {
	kind, err := calls.NewClassifier(cfg)
	return &cdrFold{cfg: cfg, kind: kind}, err
}

// FoldCDR returns the call that the rows of one Linkedid tell of.
func (f *cdrFold) call(rows []CDR) *crm.Call {
	slices.SortStableFunc(rows, func(a, b CDR) int {
		return cmp.Or(a.Start.Compare(b.Start), -cmp.Compare(bool01(a.Uniqueid == a.Linkedid), bool01(b.Uniqueid == b.Linkedid)))
	})
	first := &rows[0]
	c := &crm.Call{
		ID: f.cfg.PBX + ":" + first.Linkedid, PBX: f.cfg.PBX, Tenant: f.cfg.Tenant, Linkedids: []string{first.Linkedid},
		StartedAt: crm.At(first.Start),
	}
	c.Direction, c.From = f.caller(first, rows)
	if to := cmp.Or(first.DID, first.Dst); dialable(to) && c.Direction != "" {
		c.To = party(to, f.kind.Called(to, c.Direction == crm.Outbound))
	}
	ended := first.end()
	for i := range rows {
		r := &rows[i]
		if r.end().After(ended) {
			ended = r.end()
		}
		f.visit(c, r)
		if k, ok := f.talk(c, r); ok {
			c.Talks = append(c.Talks, k)
		}
	}
	c.EndedAt = crm.At(ended)
	f.conclude(c, rows)
	return c
}

// visit notes that the caller was in a queue, once: a visit may have several rows.
func (f *cdrFold) visit(c *crm.Call, r *CDR) {
	q := queueName(r.Data)
	if r.App != "Queue" || q == "" || strings.HasPrefix(r.Channel, "Local/") ||
		slices.ContainsFunc(c.QueueVisits, func(v crm.QueueVisit) bool { return v.Queue == q }) {
		return
	}
	c.QueueVisits = append(c.QueueVisits, crm.QueueVisit{Queue: q})
}

func bool01(b bool) int {
	if b {
		return 1
	}
	return 0
}

// caller returns the party that the first row is from.
func (f *cdrFold) caller(first *CDR, rows []CDR) (crm.Direction, crm.Party) {
	name, _, _ := strings.Cut(strings.TrimPrefix(first.CallerID, `"`), `" <`)
	if !strings.HasPrefix(first.CallerID, `"`) {
		name = ""
	}
	name = cmp.Or(first.CallerName, name)
	if ext, ok := f.kind.Extension(first.Channel); ok {
		d := crm.Internal
		for i := range rows {
			if rows[i].Uniqueid == first.Uniqueid && f.kind.Trunk(rows[i].DstChannel) && rows[i].DstChannel != "" {
				d = crm.Outbound
			}
		}
		return d, crm.Party{Number: crm.Number(ext), Name: strings.ToValidUTF8(name, "")}
	}
	if !f.kind.Trunk(first.Channel) {
		return "", crm.Party{} // placed by the PBX itself: CDR does not say for whom
	}
	p := crm.Party{}
	if n := cmp.Or(first.Num, first.Src); known(n) {
		p = party(n, f.kind.Caller(first.Channel, n))
	}
	if known(name) {
		p.Name = strings.ToValidUTF8(name, "")
	}
	return crm.Inbound, p
}

// known reports whether a caller's number or name is one.
func known(s string) bool {
	switch strings.ToLower(s) {
	case "", "anonymous", "restricted", "unavailable", "private", "unknown", "<unknown>", "s":
		return false
	}
	return true
}

func party(n string, e164 crm.Number) crm.Party {
	return crm.Party{Number: crm.Number(strings.ToValidUTF8(n, "")), E164: e164}
}

// talk returns the conversation that a row tells of: an answered one between two
// devices. Rows of an IVR, of voicemail or of a queue have no second one.
func (f *cdrFold) talk(c *crm.Call, r *CDR) (crm.Talk, bool) {
	if r.Disposition != "ANSWERED" || r.Billed == 0 || r.DstChannel == "" {
		return crm.Talk{}, false
	}
	k := crm.Talk{StartedAt: crm.At(r.end().Add(-r.Billed)), EndedAt: crm.At(r.end())}
	ext, phone := f.kind.Extension(r.DstChannel)
	switch {
	case phone && ext != string(c.From.Number):
		k.Extension, k.With = ext, string(c.From.Number)
	case !phone && !f.kind.Trunk(r.DstChannel):
		return crm.Talk{}, false // a Local channel: the row of its other half tells
	case c.Direction == crm.Outbound:
		k.Extension, k.With = string(c.From.Number), string(c.To.Number)
	default:
		return crm.Talk{}, false
	}
	return k, true
}

// conclude says what the talks add up to, and the outcome where that is certain. BUSY
// is not: with chan_sip a phone that declines gives it too.
func (f *cdrFold) conclude(c *crm.Call, rows []CDR) {
	if len(c.Talks) > 0 {
		slices.SortStableFunc(c.Talks, func(a, b crm.Talk) int { return a.StartedAt.Compare(b.StartedAt.Time) })
		c.Outcome, c.AnsweredAt = crm.Answered, c.Talks[0].StartedAt
		var sum time.Duration
		for _, k := range c.Talks {
			sum += k.EndedAt.Sub(k.StartedAt.Time)
		}
		c.TalkMS = crm.MillisOf(sum)
		return
	}
	all := func(of ...string) bool {
		return !slices.ContainsFunc(rows, func(r CDR) bool { return !slices.Contains(of, r.Disposition) })
	}
	switch {
	case slices.ContainsFunc(rows, func(r CDR) bool { return r.App == "VoiceMail" }):
		c.Outcome = crm.Voicemail
	case all("FAILED", "CONGESTION"):
		c.Outcome = crm.Failed
	}
}

// A cdrGrouper sorts rows by Linkedid. A row is written when its channels part, so the
// rows of one call may lie hours apart.
type cdrGrouper struct {
	emit  func([]CDR) error
	by    map[string]*cdrBunch
	order []*cdrBunch // by their first row
}

type cdrBunch struct {
	rows []CDR
	last time.Time
}

// keepCDR is how long after its last row a call is kept for further ones.
const keepCDR = 4 * time.Hour

func newCDRGrouper(emit func([]CDR) error) *cdrGrouper {
	return &cdrGrouper{emit: emit, by: map[string]*cdrBunch{}}
}

func (g *cdrGrouper) add(r *CDR) error {
	b := g.by[r.Linkedid]
	if b == nil {
		b = &cdrBunch{}
		g.by[r.Linkedid] = b
		g.order = append(g.order, b)
	}
	if len(b.rows) < maxGroup {
		b.rows = append(b.rows, *r)
	}
	if r.end().After(b.last) {
		b.last = r.end()
	}
	return g.sweep(r.end().Add(-keepCDR))
}

func (g *cdrGrouper) sweep(before time.Time) error {
	for len(g.order) > 0 && g.order[0].last.Before(before) {
		b := g.order[0]
		g.order = g.order[1:]
		delete(g.by, b.rows[0].Linkedid)
		if err := g.emit(b.rows); err != nil {
			return err
		}
	}
	return nil
}

func (g *cdrGrouper) flush() error { return g.sweep(time.Unix(1<<40, 0)) }
