package calls

import (
	"strconv"
	"time"

	"patchcord/crm"
)

// life is what is known of the connection and of the Asterisk process behind it.
type life struct {
	Boot      time.Time `json:"boot,omitzero"`    // start of the process; zero when unknown
	Startup   string    `json:"startup,omitzero"` // CoreStartupDate and Time, as sent: local time without a zone
	Up        bool      `json:"up,omitzero"`
	Met       bool      `json:"met,omitzero"`  // there was a connection; before the first there is no gap
	Gap       *crm.Gap  `json:"gap,omitzero"`  // open
	Last      *crm.Gap  `json:"last,omitzero"` // closed, of the connection before this one
	Lost      mark      `json:"lost,omitzero"` // when that connection ended
	Resyncing bool      `json:"sync,omitzero"`
	Resync    mark      `json:"rs,omitzero"` // when the lists began
	Seen      []string  `json:"seen,omitzero"`
	Listed    bool      `json:"ls,omitzero"` // CoreShowChannel items came
	Waiting   []string  `json:"wt,omitzero"` // QueueEntry items: queue and Uniqueid
	Items     int       `json:"qi,omitzero"` // of the list of queues, so far
	Census    census    `json:"census,omitzero"`
}

// connected begins a connection. The first one to a PBX opens no gap.
func (t *Tracker) connected(in Input) {
	if t.life.Up {
		t.echoes.begin(t.at) // the session before may still have been there
	}
	t.life.Up, t.life.Met, t.life.Resyncing, t.life.Seen = true, true, false, nil
	t.members.listed, t.members.items = nil, 0
	t.life.Last = nil
	t.closeGap("") // which remembers it as the last
	if !in.Boot.IsZero() {
		t.booted(in.Boot)
	}
}

// lost ends a connection; what the PBX says from here on we do not hear.
func (t *Tracker) lost(in Input) {
	if t.life.Up && t.life.Gap != nil {
		t.closeGap("")
	}
	t.life.Up, t.life.Resyncing, t.life.Seen = false, false, nil
	if t.life.Gap != nil || !t.life.Met {
		return
	}
	t.life.Lost = t.mark()
	cause := in.Cause
	if cause == "" {
		cause = crm.GapDisconnect
	}
	t.openGap(cause, in.Detail)
}

// openGap opens a gap over every call that has not ended.
func (t *Tracker) openGap(cause crm.GapCause, detail string) {
	if t.life.Gap != nil {
		return
	}
	g := crm.Gap{ID: t.cfg.PBX + ":" + t.gapPlace(), PBX: t.cfg.PBX, StartedAt: crm.At(t.at), Cause: cause, Detail: detail}
	t.life.Gap = &g
	t.life.Census.opens(g.ID)
	for _, c := range t.sorted() {
		if c.alive == 0 || !t.look(c).over().set() {
			if c.alive > 0 {
				c.Missed = true
				c.Gaps = append(c.Gaps, crm.CallGap{StartedAt: g.StartedAt, Cause: cause})
				t.touch(c)
			}
		}
	}
	t.tellGap(crm.GapOpened, g)
}

// gapPlace names the place of the marker that opens a gap.
func (t *Tracker) gapPlace() string {
	if t.pos.IsZero() {
		return strconv.FormatUint(t.seq, 10)
	}
	return t.pos.String()
}

// closeGap closes the open gap, with another cause when that is known now.
func (t *Tracker) closeGap(cause crm.GapCause) {
	if t.life.Gap == nil {
		return
	}
	g := *t.life.Gap
	t.life.Gap = nil
	old := crm.CallGap{StartedAt: g.StartedAt, Cause: g.Cause}
	g.EndedAt = crm.At(t.at)
	if cause != "" {
		g.Cause = cause
	}
	t.replaceGap(old, crm.CallGap{StartedAt: g.StartedAt, EndedAt: g.EndedAt, Cause: g.Cause})
	t.tellGap(crm.GapClosed, g)
	t.life.Last = &g
}

func (t *Tracker) replaceGap(old, now crm.CallGap) {
	for _, c := range t.sorted() {
		for i := range c.Gaps {
			if c.Gaps[i] == old {
				c.Gaps[i] = now
				t.touch(c)
			}
		}
	}
}

func (t *Tracker) tellGap(kind crm.EventType, g crm.Gap) {
	t.gaps = append(t.gaps, g)
	t.tell(crm.Event{Type: kind, Gap: &g})
}

// fullyBooted learns when the process began: now less Uptime, in whole seconds.
func (t *Tracker) fullyBooted(*channel) {
	up, err := strconv.ParseInt(t.f.uptime, 10, 32)
	if err != nil || t.at.IsZero() {
		return
	}
	t.booted(t.at.Add(-time.Duration(up) * time.Second))
}

// coreStatus learns the same from another text, which can only be compared.
func (t *Tracker) coreStatus() {
	s := t.f.startupDate + " " + t.f.startupTime
	if t.life.Startup != "" && t.life.Startup != s && t.life.Boot.IsZero() {
		t.restarted()
	}
	t.life.Startup = s
}

func (t *Tracker) booted(boot time.Time) {
	boot = boot.UTC().Truncate(time.Millisecond)
	if t.life.Boot.IsZero() {
		t.life.Boot = boot
		for _, c := range t.sorted() {
			if c.Boot.IsZero() && c.alive > 0 {
				c.Boot = boot
				t.touch(c)
			}
		}
		return
	}
	if sameBoot(t.life.Boot, boot) {
		return
	}
	t.restarted()
	t.life.Boot = boot
	for _, c := range t.sorted() { // those of the process before were let go; these were heard of before its start was
		c.Boot = boot
		t.keep(c)
		for _, l := range c.Linkedids {
			if c.alive == 0 {
				t.known.add(l, boot)
			}
		}
	}
}

// restarted ends every call of the process that is no more, at the end of its
// connection: what became of it later nobody can tell.
func (t *Tracker) restarted() {
	t.echoes.repeatsNothing() // another process repeats nothing
	if g := t.life.Last; g != nil && g.Cause != crm.GapPBXRestart {
		now := *g
		now.Cause = crm.GapPBXRestart
		t.replaceGap(crm.CallGap{StartedAt: g.StartedAt, EndedAt: g.EndedAt, Cause: g.Cause},
			crm.CallGap{StartedAt: now.StartedAt, EndedAt: now.EndedAt, Cause: now.Cause})
		t.life.Last = &now
		t.gaps = append(t.gaps, now)
	}
	at := t.life.Lost
	if !at.set() {
		at = t.mark()
	}
	for _, c := range t.sorted() {
		// Channels made since the connection are of the new process, though we hear of its start only now.
		if c.alive > 0 && c.Origins[0].Seq <= at.Seq {
			t.cut(c, at)
		}
	}
	for _, c := range t.sorted() {
		if c.Origins[0].Seq <= at.Seq {
			t.letGo(c)
		}
	}
	t.life.Census.restarts(t.madeSince(at))
}

// cut ends a call whose channels are gone without a word.
func (t *Tracker) cut(c *call, at mark) {
	over := t.look(c).over().set()
	for _, ch := range c.Chans {
		if !ch.Gone.set() {
			t.gone(ch, at)
		}
	}
	if !over {
		c.Cut, c.Missed = at, true
	}
	t.touch(c)
}

// letGo forgets an ended call at once: ids of the next boot may be the same.
func (t *Tracker) letGo(c *call) {
	for _, l := range c.Linkedids {
		if t.calls[l] == c {
			delete(t.calls, l)
		}
	}
	for i, o := range t.recent {
		if o == c {
			t.recent = append(t.recent[:i:i], t.recent[i+1:]...)
			break
		}
	}
	t.removed[rowKey(c.ID)] = struct{}{}
}
