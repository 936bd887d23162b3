package intake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"patchcord/ami/calls"
	"patchcord/buffer"
	"patchcord/crm"
)

// A dead letter is re-driven by standing in the PBX's log again, at its end and with the time of its
// first receipt: then it is folded and committed as everything is. It may stand there twice, when the daemon ends
// before it has settled the letter; the second one is passed over.

// redriven is which dead letters were applied again. It is a row of the fold's state, and so
// committed with what they brought about.
type redriven struct {
	done    []crm.Position // the last of them, oldest first
	changed bool
}

const (
	redrivenKey = "redriven"
	maxRedriven = 2000 // more than there are dead letters at a time
)

func (x *redriven) restore(state map[string][]byte) error {
	*x = redriven{}
	if row := state[redrivenKey]; row != nil {
		if err := json.Unmarshal(row, &x.done); err != nil {
			return fmt.Errorf("state %s: %w", redrivenKey, err)
		}
	}
	return nil
}

func (x *redriven) save(rows map[string][]byte) {
	if !x.changed {
		return
	}
	x.changed = false
	row, err := json.Marshal(x.done)
	if err == nil { // positions always encode
		rows[redrivenKey] = row
	}
}

// input says what an entry that applies a dead letter again means: nothing, the second time.
func (x *redriven) input(e buffer.Entry) (calls.Input, error) {
	in, err := inputOf(e)
	if err != nil {
		return in, err
	}
	l, err := letterIn(e)
	if err != nil {
		return in, err
	}
	if slices.Contains(x.done, l.Pos) {
		return calls.Input{Pos: e.Pos, At: e.At, Kind: calls.Tick}, nil
	}
	x.done = append(x.done, l.Pos)
	x.done = slices.Clone(x.done[max(0, len(x.done)-maxRedriven):])
	x.changed = true
	return in, nil
}

// redriver does what people ask about dead letters. It is for one goroutine.
type redriver struct {
	road *road
	top  crm.Position                  // of the dead letters, when they were read last
	put  map[crm.Position]crm.Position // where letters stand in the log again, by request
}

// watchDead looks for dead letters, and for what people ask about them, now and then.
func (r *road) watchDead(ctx context.Context) error {
	x := redriver{road: r, put: map[crm.Position]crm.Position{}}
	tick := time.NewTicker(markEvery)
	defer tick.Stop()
	failing := false
	for {
		err := x.look(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			r.line.log.Warn("dead letters are looked after when the log answers", "err", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (x *redriver) look(ctx context.Context) error {
	r, dead := x.road, x.road.line.cfg.Dead
	committed := r.recorder.checkpoint() // before the letters are read: one that was refused again is among them
	top, err := dead.Top(ctx, r.line.cfg.PBX)
	if err != nil || top == x.top && len(x.put) == 0 {
		return err
	}
	letters, err := dead.List(ctx, r.line.cfg.PBX)
	if err != nil {
		return err
	}
	r.dead.Store(int64(len(letters)))
	x.forget(letters)
	asked := false
	for _, l := range letters {
		at, stands := x.put[l.Ask]
		switch {
		case !l.Asked():
		case !stands:
			if at, asked = r.putAgain(l); !asked {
				return nil // nothing may be written now: it is tried again
			}
			x.put[l.Ask] = at
		case committed.Compare(at) >= 0:
			if err := dead.Redriven(ctx, r.line.cfg.PBX, l.Pos); err != nil {
				return err
			}
			r.line.log.Info("a dead letter was applied again", "pos", l.Pos.String(), "at", at.String())
			delete(x.put, l.Ask)
		}
	}
	if asked {
		r.resync.begin() // a call that a late frame begins may have ended long ago
	}
	x.top = top
	return nil
}

// forget lets go of requests that came to nothing: the letter was refused again, or dropped.
func (x *redriver) forget(letters []buffer.Letter) {
	for ask := range x.put {
		if !slices.ContainsFunc(letters, func(l buffer.Letter) bool { return l.Ask == ask }) {
			delete(x.put, ask)
		}
	}
}

// putAgain writes a dead letter into the log, and returns where; false when nothing may be written now.
func (r *road) putAgain(l buffer.Letter) (at crm.Position, ok bool) {
	data, err := json.Marshal(l)
	if err != nil {
		return at, false // unreachable: it came out of JSON
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.sure() {
		return at, false
	}
	last, at := r.last, r.next
	r.stamp(buffer.Entry{At: l.At.UTC(), Kind: buffer.Redriven, Data: data})
	r.last = last // it lies in the past
	return at, true
}
