package calls

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"patchcord/crm"
)

// Config says whose calls a Tracker follows. The zero value of a field means what its comment says.
type Config struct {
	PBX    string // first part of every id; required
	Tenant string
	Region string // ISO 3166 code for E.164 numbers; "": only numbers that begin with +
	// Trunks and Extensions override "a device whose name is all digits is an extension,
	// any other a trunk". An entry is a glob over TECH/DEVICE (PJSIP/trunk*), or a regular
	// expression over the device that begins with ^; its first group, if any, is the
	// extension's number (^99(\d{4})$). Trunks are looked at first.
	Trunks, Extensions []string
	OutsidePrefix      string       // what is dialled for an outside line, and is no part of the number
	CallerRules        []CallerRule // the first that fits counts
	Attributes         []string     // channel variables and UserEvent fields to keep
	Evidence           bool         // note what each call was concluded from, for Changes.Evidence
	Pause              func()       // called by Drain after each call, to let others have the processor; nil for none
	Numbers            *Numbers     // shared by folds that meet the same callers; nil: one of its own
}

// Changes is what a Tracker concluded since it was last drained.
type Changes struct {
	Calls []*crm.Call       // records that changed, whole, ended ones too; by id; events may point to the same
	Gaps  []crm.Gap         // that were opened or closed
	State map[string][]byte // rows to keep for Restore; a nil value removes the row

	Evidence []crm.CallEvidence // what was noted of calls; by id
}

// Tracker folds the log of one PBX into call records. It is not safe for concurrent
// use. What it hands out is never changed afterwards.
type Tracker struct {
	cfg   Config
	dev   devices
	dial  dialling
	attrs map[string]bool

	pos crm.Position // last applied
	seq uint64       // inputs so far
	at  time.Time    // time of the input being applied

	calls  map[string]*call      // by every Linkedid
	chans  map[string]*channel   // by Uniqueid, until Hangup
	pairs  map[string]*channel   // first seen half of a Local pair, by the name that both share
	phones map[string][]*channel // channels of an extension, or of a phone that no number names
	rooms  map[string][]*channel // who is in a conference, by bridge
	queues map[string][]*visit   // callers who wait, in order of arrival
	recent []*call               // over, kept a while for what comes late; oldest first
	known  *knownIDs
	echoes *echoes
	desks  desks

	devices devicesNow
	members memberships

	life    life
	touched []*call
	changed map[*call]struct{}
	removed map[string]struct{} // keys of rows of calls that are no more
	gaps    []crm.Gap           // changed since the last Drain
	drained uint64              // seq of the last Drain
	out     []crm.Event
	f       frame
	notes   *notes // nil unless Config.Evidence

	rings []ring // used again by each conclusion, as are the following
	steps []step
	walk  walk
}

// maxRecent bounds how many ended calls are kept for frames that come late; beyond
// it the oldest are let go, and late frames of theirs are ignored.
const maxRecent = 1024

// keepRecent is how long an ended call is kept for what comes late.
const keepRecent = 30 * time.Second

// New returns a Tracker that has seen nothing. The error names the field that is wrong.
func New(cfg Config) (*Tracker, error) {
	if cfg.PBX == "" {
		return nil, fmt.Errorf("calls: PBX is empty")
	}
	dev, err := newDevices(cfg.Trunks, cfg.Extensions)
	if err != nil {
		return nil, fmt.Errorf("calls: %w", err)
	}
	t := &Tracker{
		cfg: cfg, dev: dev, attrs: map[string]bool{},
		calls: map[string]*call{}, chans: map[string]*channel{}, pairs: map[string]*channel{},
		phones: map[string][]*channel{}, rooms: map[string][]*channel{}, queues: map[string][]*visit{},
		known: &knownIDs{}, echoes: newEchoes(), changed: map[*call]struct{}{}, removed: map[string]struct{}{},
		life: life{Census: newCensus()},
	}
	if t.dial, err = newDialling(cfg); err != nil {
		return nil, fmt.Errorf("calls: %w", err)
	}
	for _, a := range cfg.Attributes {
		t.attrs[a] = true
	}
	if cfg.Evidence {
		t.notes = newNotes()
	}
	return t, nil
}

// Apply folds one input and returns the events that it caused, in order, numbered
// from 0. An input whose position is not after the last one is ignored.
func (t *Tracker) Apply(in Input) []crm.Event {
	if !in.Pos.IsZero() {
		if in.Pos.Compare(t.pos) <= 0 {
			return nil
		}
		t.pos = in.Pos
	}
	t.seq++
	t.at, t.out, t.touched = in.At, nil, t.touched[:0]
	if t.notes != nil {
		t.notes.at = in.At
	}
	switch in.Kind {
	case Frame:
		t.frame(in.Msg)
	case Connected:
		t.connected(in)
	case Lost:
		t.lost(in)
	case GapOpen:
		t.openGap(in.Cause, in.Detail)
	case GapClose:
		t.closeGap("")
	case Hole:
		if t.life.Gap == nil { // else it lies in that one
			t.openGap(in.Cause, in.Detail)
			t.closeGap("")
		}
	case ResyncBegin:
		t.resyncBegin()
	case ResyncEnd:
		t.resyncEnd(in.Complete)
	}
	for _, c := range t.touched {
		t.report(c)
	}
	if t.notes != nil {
		t.noteEvents()
	}
	t.ask()
	t.forget()
	for i := range t.out {
		e := &t.out[i]
		e.PBX, e.Tenant, e.Pos, e.N = t.cfg.PBX, t.cfg.Tenant, in.Pos, i
		if e.At.IsZero() {
			e.At = crm.At(t.at)
		}
	}
	return t.out
}

// Open returns the calls that have not ended, oldest first. They may have been handed
// out before: whoever changes one works on a Clone.
func (t *Tracker) Open() []*crm.Call {
	var out []*crm.Call
	for _, c := range t.all() {
		if r := t.latest(c); r != nil && r.Open() {
			out = append(out, r)
		}
	}
	sortCalls(out)
	return out
}

// Call returns the call with that id, nil when it is neither open nor just ended. It
// may have been handed out before.
func (t *Tracker) Call(id string) *crm.Call {
	for _, c := range t.calls {
		if c.ID == id {
			return t.latest(c)
		}
	}
	return nil
}

// latest returns the record of a call, concluded anew only when its facts changed since:
// all open calls are asked for by every screen that connects, while phones ring.
func (t *Tracker) latest(c *call) *crm.Call {
	if c.last == nil {
		c.last = t.record(c)
	}
	return c.last
}

// Drain returns what changed since the last Drain.
func (t *Tracker) Drain() Changes {
	ch := Changes{Gaps: t.gaps, State: map[string][]byte{}}
	for c := range t.changed {
		if r := t.latest(c); r != nil {
			ch.Calls = append(ch.Calls, r)
		}
		t.pause()
	}
	slices.SortFunc(ch.Calls, func(a, b *crm.Call) int { return strings.Compare(a.ID, b.ID) })
	ch.Evidence = t.drainNotes()
	t.saveState(ch.State)
	t.gaps, t.changed, t.removed = nil, map[*call]struct{}{}, map[string]struct{}{}
	return ch
}

// Discard forgets what changed since the last Drain, for a fold that only tells.
func (t *Tracker) Discard() {
	t.gaps = nil
	clear(t.changed)
	clear(t.removed)
	clear(t.echoes.dirty)
}

// all returns every call that is in memory, in no order.
func (t *Tracker) all() []*call {
	out := make([]*call, 0, len(t.calls))
	for lid, c := range t.calls {
		if c.Linkedids[0] == lid {
			out = append(out, c)
		}
	}
	return out
}

// pause lets others have the processor, as the configuration says.
func (t *Tracker) pause() {
	if t.cfg.Pause != nil {
		t.cfg.Pause()
	}
}

// mark returns the instant of the input being applied.
func (t *Tracker) mark() mark { return mark{Seq: t.seq, At: t.at} }

// touch notes that facts of c changed; its record is concluded when the input is done.
func (t *Tracker) touch(c *call) {
	t.keep(c)
	if !slices.Contains(t.touched, c) {
		t.touched = append(t.touched, c)
	}
}

// keep notes that facts of c changed that nobody needs to hear of now.
func (t *Tracker) keep(c *call) {
	t.changed[c] = struct{}{}
	c.last = nil
}

// forget lets go of ended calls that nothing can come late for any more.
func (t *Tracker) forget() {
	for len(t.recent) > 0 {
		c := t.recent[0]
		if c.alive == 0 && len(t.recent) <= maxRecent && !c.old(t.at) {
			return
		}
		t.recent[0] = nil // what is before a slice's start stays in memory
		t.recent = t.recent[1:]
		if c.alive > 0 { // it came back to life, and will be here again
			continue
		}
		for _, l := range c.Linkedids {
			if t.calls[l] == c {
				delete(t.calls, l)
			}
		}
		t.removed[rowKey(c.ID)] = struct{}{}
	}
}

// old reports whether the call's last channel has been gone for so long that nothing comes late for it.
func (c *call) old(now time.Time) bool {
	last := c.Cut.At
	for _, ch := range c.Chans {
		if ch.Gone.At.After(last) {
			last = ch.Gone.At
		}
	}
	return !last.IsZero() && now.Sub(last) > keepRecent
}

// sortCalls puts the oldest first.
func sortCalls(list []*crm.Call) {
	type place struct {
		call *crm.Call
		id   idNumber
	}
	places := make([]place, len(list))
	for i, c := range list {
		places[i] = place{c, numberOf(c.Linkedids[0])}
	}
	slices.SortStableFunc(places, func(a, b place) int {
		if d := a.call.StartedAt.Compare(b.call.StartedAt.Time); d != 0 {
			return d
		}
		return a.id.compare(b.id)
	})
	for i, p := range places {
		list[i] = p.call
	}
}
