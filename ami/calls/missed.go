package calls

import (
	"math"
	"time"
)

// census compares the channels that the PBX made with those that were heard of. An
// Asterisk process numbers its channels one after another, and the number ends every
// Uniqueid that it chooses itself (main/channel.c, Asterisk 16 to 22), so what is left
// out after a gap was missed in it.
type census struct {
	Top      int64  `json:"top"`                // highest number heard of; -1 in a process of which nothing was
	Channels int    `json:"ch,omitempty"`       // ever heard of
	Calls    int    `json:"calls,omitempty"`    // that they were of
	Base     int64  `json:"base,omitempty"`     // highest number before the gap
	Known    int    `json:"known,omitempty"`    // channels heard of since, listed ones too
	After    mark   `json:"after,omitzero"`     // when the first of them was heard of
	Open     string `json:"estimate,omitempty"` // id of the gap of which the estimate is to be made
}

// askAfter is how long after the first channel the estimate is made: those of one
// moment may be told in another order than they were made in.
const askAfter = 2 * time.Second

func newCensus() census { return census{Top: -1} }

// counts notes a channel that was not known before.
func (s *census) counts(id string, now mark, newCall bool) {
	s.Channels++
	if newCall {
		s.Calls++
	}
	_, n, ok := idNumbers(id)
	if !ok {
		return
	}
	if s.Open != "" && n > s.Base {
		if s.Known++; !s.After.set() {
			s.After = now
		}
	}
	s.Top = max(s.Top, n)
}

// opens begins to count for a gap. What was not estimated for one before is found here.
func (s *census) opens(gap string) {
	if s.Open == "" {
		s.Base, s.Known, s.After = s.Top, 0, mark{}
	}
	s.Open = gap
}

// restarts counts from nothing: so many channels of the new process are known, of which
// the highest number is top. What the old one made at its end nobody counts any more.
func (s *census) restarts(known int, top int64) {
	if s.Open != "" {
		s.Base, s.Known = -1, known
	}
	s.Top = top
}

// estimate returns how many calls the channels that were not heard of may have been,
// when that can be told: there were so many channels to a call so far.
func (s *census) estimate(now time.Time) (int, bool) {
	if !s.After.set() || now.Sub(s.After.At) < askAfter {
		return 0, false
	}
	missed := float64(max(0, s.Top-s.Base-int64(s.Known)))
	return int(math.Ceil(missed * float64(s.Calls) / float64(s.Channels))), true
}

// ask makes the estimate for the last gap when there is one to be made.
func (t *Tracker) ask() {
	if t.life.Census.Open == "" {
		return
	}
	n, ok := t.life.Census.estimate(t.at)
	if !ok || t.life.Gap != nil {
		return
	}
	if g := t.life.Last; g != nil && g.ID == t.life.Census.Open {
		now := *g
		now.MissedEstimate = new(n)
		t.life.Last = &now
		t.gaps = append(t.gaps, now)
	}
	t.life.Census.Open = ""
}

// madeSince returns how many channels were made known since, and the highest number of
// them; -1 for none.
func (t *Tracker) madeSince(at mark) (known int, top int64) {
	top = -1
	for _, ch := range t.chans {
		if _, n, ok := idNumbers(ch.ID); ok && ch.Born.Seq > at.Seq {
			known, top = known+1, max(top, n)
		}
	}
	return known, top
}
