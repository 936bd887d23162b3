package intake

import (
	"context"
	"slices"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

// spooled is what a Line needs of a log that has a spool before it.
type spooled interface {
	Settle(ctx context.Context, pbx string) error
	Losses(pbx string) []buffer.Loss
	Forget(pbx string, losses []buffer.Loss)
}

// settle waits until nothing of an earlier ownership stands before the log.
func (l *Line) settle(ctx context.Context) error {
	if s, ok := l.cfg.Log.(spooled); ok {
		return s.Settle(ctx, l.cfg.PBX)
	}
	return nil
}

// losses turns what the spool lost into gaps, and forgets it once they are recorded. It is for one goroutine.
type losses struct {
	told []buffer.Loss
	upTo crm.Position // of the end of the last gap
}

func (x *losses) look(r *road) {
	s, ok := r.line.cfg.Log.(spooled)
	if !ok {
		return
	}
	pbx := r.line.cfg.PBX
	if len(x.told) > 0 && r.recorder.checkpoint().Compare(x.upTo) >= 0 {
		s.Forget(pbx, x.told)
		x.told = nil
	}
	for _, loss := range s.Losses(pbx) {
		if slices.ContainsFunc(x.told, func(t buffer.Loss) bool { return t.ID == loss.ID }) {
			continue
		}
		end, ok := r.gap(loss)
		if !ok {
			return // not stamped: it is tried again
		}
		x.told, x.upTo = append(x.told, loss), end
	}
}

// gap writes a loss into the log as a gap, and returns the position of its end; false when nothing may be written now.
func (r *road) gap(loss buffer.Loss) (end crm.Position, ok bool) {
	to := loss.To
	if to.Before(loss.From) {
		to = loss.From
	}
	m := marker{Cause: crm.GapOverflow, Detail: loss.Detail}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.sure() {
		return end, false
	}
	last := r.last
	r.stamp(buffer.Entry{At: loss.From.UTC(), Kind: buffer.GapOpen, Data: m.encode()})
	end = r.next
	r.stamp(buffer.Entry{At: to.UTC(), Kind: buffer.GapClose})
	r.last = last // the gap lies in the past
	return end, true
}

// watchSpool looks for losses now and then.
func (r *road) watchSpool(ctx context.Context) error {
	var x losses
	tick := time.NewTicker(markEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			x.look(r)
		}
	}
}
