package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"patchcord/ami"
	"patchcord/ami/calls"
	"patchcord/buffer"
	"patchcord/crm"
)

// What an entry that the store refuses is given: so many commits of its own, and that time
// after the first of them, longer after each.
const (
	poisonTries = 3
	poisonPause = 50 * time.Millisecond
)

// poison is how a recorder gets past entries that cannot be recorded. An entry that the fold cannot
// bear is known. One that the store refuses has spoiled a batch: what is not committed is folded anew
// in ever smaller steps, until it stands alone and is refused alone. Either becomes a dead letter before
// the checkpoint passes it, with a gap in its place.
type poison struct {
	spoiled bool                        // the fold has taken what it should not have, and must be rewound
	folded  int                         // entries since the last commit
	step    int                         // entries to be folded at once; 0 means readLimit
	tries   int                         // commits of the entry that stands alone
	passed  map[crm.Position]calls.Kind // what is folded in the place of entries that are put aside; until the next commit
}

// poisonError is an entry that cannot be folded.
type poisonError struct {
	entry  buffer.Entry
	reason error
}

// Error implements error.
func (p *poisonError) Error() string {
	return "entry " + p.entry.Pos.String() + ": " + p.reason.Error()
}

func (p *poison) limit() int {
	if p.step == 0 {
		return readLimit
	}
	return p.step
}

// widen takes larger steps again, after a commit.
func (p *poison) widen() {
	if p.step, p.tries = 2*p.step, 0; p.step >= readLimit {
		p.step = 0
	}
}

// pass has the input folded in the place of the entry.
func (p *poison) pass(pos crm.Position, as calls.Kind) {
	if p.passed == nil {
		p.passed = map[crm.Position]calls.Kind{}
	}
	p.passed[pos] = as
}

// input says what the entry means to the recorded fold.
func (r *recorder) input(e buffer.Entry) (calls.Input, error) {
	as, passed := r.poison.passed[e.Pos]
	switch {
	case passed && as == calls.Tick:
		return calls.Input{Pos: e.Pos, At: e.At, Kind: calls.Tick}, nil
	case passed:
		return hole(e), nil
	case e.Kind == unreadable:
		return calls.Input{}, errors.New("the log cannot give it back: it is damaged")
	case e.Kind == buffer.Redriven:
		return r.redriven.input(e)
	}
	return inputOf(e)
}

// setAside deals with why entries, the last that were read, are not committed. It returns nil
// when they are to be read again.
func (r *recorder) setAside(ctx context.Context, entries []buffer.Entry, err error) error {
	p := &r.poison
	p.spoiled = true
	if bad, ok := errors.AsType[*poisonError](err); ok {
		return r.bury(ctx, bad.entry, bad.reason, 1)
	}
	if !errors.Is(err, crm.ErrRefused) {
		return err
	}
	if p.folded > 1 || len(entries) == 0 {
		p.step = max(1, min(p.folded, readLimit)/2)
		return nil
	}
	e := entries[0]
	if as, passed := p.passed[e.Pos]; passed {
		if as == calls.Tick {
			return err // nothing is refused, so it is not the entry
		}
		p.pass(e.Pos, calls.Tick) // not even the gap was taken
		return nil
	}
	if p.tries++; p.tries < poisonTries {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(poisonPause * time.Duration(p.tries)):
			return nil
		}
	}
	return r.bury(ctx, e, err, p.tries)
}

// bury makes the entry a dead letter and has it passed over: a gap stands in its place. One
// that was re-driven leaves its first gap alone.
func (r *recorder) bury(ctx context.Context, e buffer.Entry, why error, tries int) error {
	l := buffer.Letter{Pos: e.Pos, At: e.At, Kind: e.Kind, Data: e.Data, Reason: why.Error(), Tries: tries, Node: r.node}
	as := calls.Hole
	if first, err := letterIn(e); e.Kind == buffer.Redriven && err == nil {
		l.Pos, l.At, l.Kind, l.Data, l.Again = first.Pos, first.At, first.Kind, first.Data, true
		as = calls.Tick
	}
	if e.Kind == unreadable {
		l.Data = nil // of it there is only a word of ours
	}
	if err := r.dead.Put(ctx, r.pbx, l); err != nil {
		return fmt.Errorf("put entry %s aside, which cannot be recorded: %w", e.Pos, err)
	}
	r.poison.pass(e.Pos, as)
	event := ""
	if l.Kind == buffer.Frame {
		event = ami.NewMessage(textOf(l.Data)).Event()
	}
	r.logger.Error("an entry of the log cannot be recorded; it is a dead letter, and a gap stands in its place: see patchcord deadletter",
		"pos", l.Pos.String(), "event", event, "tries", tries, "err", why)
	return nil
}
