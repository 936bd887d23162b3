package main

import (
	"context"
	"sync"
	"time"

	"patchcord/ami"
)

// newCallWait is how long a check waits for a call to begin on a PBX that has calls, and eventWait for the event
// of one that a list shows.
const (
	newCallWait = 3 * time.Second
	eventWait   = time.Second
)

// channels is what a session's events told of.
type channels struct {
	mu   sync.Mutex
	ids  map[string]bool // guarded by mu; Uniqueids of channels that were told to be new
	mute bool            // guarded by mu; an event did not say when it happened
}

// take is an ami.Handler's OnFrame.
func (c *channels) take(f ami.Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Items of lists have no class, and what greets a session never has a time.
	told := f.Msg.Get("Privilege") != "" && f.Msg.Event() != "FullyBooted"
	c.mute = c.mute || told && f.Msg.Get("Timestamp") == ""
	if f.Msg.Event() != "Newchannel" {
		return
	}
	if c.ids == nil {
		c.ids = map[string]bool{}
	}
	c.ids[f.Msg.Get("Uniqueid")] = true
}

func (c *channels) told(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ids[id]
}

func (c *channels) untimed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mute
}

// checkEvents proves that the PBX tells of its calls: what a list has that an earlier one had not, an event must have
// told of. An account without the read class call gets every list all the same.
func checkEvents(ctx context.Context, p *PBXConfig, s *ami.Session, heard *channels, r *report) {
	about := "pbx " + p.Name
	defer func() {
		if heard.untimed() {
			r.say(fine, about, "its events do not say when they happened: `timestampevents = yes` under [general] of manager.conf makes times exact")
		}
	}()
	before := map[string]bool{}
	list, err := s.List(ctx, ami.NewAction("CoreShowChannels"))
	if err != nil {
		return // checkRights has said so
	}
	for _, m := range list {
		before[m.Get("Uniqueid")] = true
	}
	if len(list) > 0 {
		_ = pause(ctx, newCallWait) // a context that ends shows in what follows
	}
	began := []string{}
	list, err = s.List(ctx, ami.NewAction("CoreShowChannels"))
	for _, m := range list {
		if id := m.Get("Uniqueid"); !before[id] {
			began = append(began, id)
		}
	}
	if err != nil || pause(ctx, eventWait) != nil {
		return
	}
	for _, id := range began {
		if !heard.told(id) {
			r.say(broken, about, "%s", ami.ClassDeaf.Advice())
			return
		}
	}
	if len(began) == 0 {
		r.say(fine, about, "no call began meanwhile; that its calls are heard shows only when one does: check again during a call")
		return
	}
	r.say(fine, about, "tells of its calls")
}
