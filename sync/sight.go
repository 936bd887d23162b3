package crmsync

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// sight watches whether look-ups show what was written. Where they decide what is new, a user of the CRM who does not see what belongs to
// others, or a search that is described wrongly, would have every call written again with each of its versions. So the first new
// activity of each kind is looked up when it is written. When it is not there, nothing more is written until it is found, but now and then
// one of its kind that was never written, which doubles nothing: when that is found, the other was deleted.
type sight struct {
	log *slog.Logger

	mu    sync.Mutex
	good  map[kind]time.Time // guarded by mu; until when new activities of a kind need not be looked up; as many as the CRM has users
	lost  string             // guarded by mu; the key that must be found first; "" for none
	of    kind               // guarded by mu; that one's
	try   time.Time          // guarded by mu; when another of its kind may be written
	tried time.Duration      // guarded by mu; how long before that the last one was
	next  time.Time          // guarded by mu; when that is looked up again
	until time.Time          // guarded by mu; when it is given up, and activities are written again: a person may have deleted it
}

// kind is what a CRM's rights may depend on.
type kind struct{ owner, object string }

func kindOf(a Activity) kind { return kind{a.Owner, a.Contact.Object} }

const (
	sightLasts = time.Hour // rights change
	lookForIt  = time.Minute
	tryAnother = 10 * time.Minute // then twice that, and so on
	giveUpOnIt = 6 * time.Hour
)

// afterWriting is how long an index may take to show what was written.
var afterWriting = [...]time.Duration{0, 2 * time.Second, 8 * time.Second}

// first returns the keys of the activities that are to be looked up: the first new one of each kind.
func (s *sight) first(list []Activity, outcome []error) map[string]kind {
	s.mu.Lock()
	defer s.mu.Unlock()
	due, taken := map[string]kind{}, map[kind]bool{}
	for i, a := range list {
		k := kindOf(a)
		if isNew := outcome[i] == nil && a.ID == "" && !a.Merged; isNew && !taken[k] && time.Now().After(s.good[k]) {
			due[a.Key], taken[k] = k, true
		}
	}
	return due
}

// check looks up what was just written. A look-up that fails says nothing.
func (r *Records) check(ctx context.Context, due map[string]kind) {
	for _, wait := range afterWriting {
		if !pause(ctx, wait) {
			return
		}
		keys := slices.Sorted(maps.Keys(due))
		found, err := r.find(ctx, keys)
		if err != nil {
			return
		}
		for _, key := range keys {
			if len(found[key]) > 0 {
				r.sight.saw(due[key])
				delete(due, key)
			}
		}
		if len(due) == 0 {
			return
		}
	}
	key := slices.Min(slices.Collect(maps.Keys(due)))
	r.sight.misses(key, due[key])
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *sight) saw(k kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.good[k] = time.Now().Add(sightLasts)
	if s.lost != "" && s.of == k {
		s.log.Info("what is written is found; what was not must have been deleted", "key", s.lost)
		s.lost = ""
	}
}

func (s *sight) misses(key string, k kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost != "" {
		return
	}
	clear(s.good)
	s.lost, s.next, s.until = key, time.Now().Add(lookForIt), time.Now().Add(giveUpOnIt)
	s.of, s.try, s.tried = k, time.Now().Add(tryAnother), tryAnother
	s.log.Error("nothing is written until what was written is found", "key", key)
}

// wanted returns the key that must be found before anything is written, "" for none; an error when it is too early to look again.
func (s *sight) wanted() (key string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	switch {
	case s.lost == "":
		return "", nil
	case now.After(s.until):
		s.lost = ""
		return "", nil
	case now.Before(s.next):
		return "", s.refusal()
	}
	s.next = now.Add(lookForIt)
	return s.lost, nil
}

// found takes over what came of looking for that key: an error when it is not there.
func (s *sight) found(key string, ids map[string][]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case key == "" || s.lost == "":
		return nil
	case len(ids[key]) == 0:
		return s.refusal()
	}
	s.log.Info("what was written is found again", "key", key)
	s.lost = ""
	return nil
}

// another returns the one of the activities that may be written though that key is not found, nil for none.
func (s *sight) another(list []Activity, ids map[string][]string) *Activity {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); !now.Before(s.try) {
		for i, a := range list {
			if !a.Known && !a.Unsure && !a.Merged && len(ids[a.Key]) == 0 && kindOf(a) == s.of {
				s.tried *= 2
				s.try = now.Add(s.tried)
				return &list[i]
			}
		}
	}
	return nil
}

// refusal is why nothing is written. s.mu is held.
func (s *sight) refusal() *PushError {
	p := (&PushError{Reason: "the activity with the key " + s.lost + " was written, and is not found", lookup: true, free: true}).SetUp(
		"does our user see what belongs to others, and is the search right? Every version would be another activity")
	p.After = time.Until(s.next)
	return p
}

// ready returns how many jobs may be done for now, as preparing has it.
func (s *sight) ready() (places int, probe bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch now := time.Now(); {
	case s.lost == "":
		return parallel, false
	case now.Before(s.next):
		return 0, false
	}
	return 1, true
}
