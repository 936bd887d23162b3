package buffer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"patchcord/crm"
)

// Letter is a dead letter: an entry of a PBX's log that could not be recorded, and was passed over.
type Letter struct {
	Pos    crm.Position `json:"pos"` // in the PBX's log; it names the letter
	At     time.Time    `json:"at"`  // of receipt
	Kind   Kind         `json:"kind"`
	Data   []byte       `json:"data,omitempty"` // as the log had it; nil when it could not give it back
	Reason string       `json:"reason,omitempty"`
	Tries  int          `json:"tries,omitempty"`
	Node   string       `json:"node,omitempty"`  // id of the node that gave it up
	Again  bool         `json:"again,omitempty"` // it was re-driven, and refused once more

	Since time.Time    `json:"-"` // when it was put aside
	Ask   crm.Position `json:"-"` // names the request to re-drive it that is not done yet; zero when there is none
}

// Asked reports whether the letter is to be re-driven, and was not yet.
func (l Letter) Asked() bool { return !l.Ask.IsZero() }

// Redrivable reports whether the entry may be applied again: a frame, of which the bytes are kept.
func (l Letter) Redrivable() bool { return l.Kind == Frame && len(l.Data) > 0 }

// Errors that callers branch on.
var (
	// ErrNoLetter: the PBX has no dead letter of that position, or no more.
	ErrNoLetter = errors.New("no such dead letter")
	// ErrOnlyThere: the entry means something at its place in the log only, or cannot be read any more.
	ErrOnlyThere = errors.New("the entry is no frame that could be applied again")
)

// A PBX's dead letters are bounded; the oldest are given up for new ones.
const (
	maxLetters     = 1000
	maxLetterBytes = 16 << 20 // of data
)

// The kinds of entries of a log of dead letters. A letter is waiting from its entry until one that settles it.
const (
	letterPut     Kind = 'L' // Data: JSON of the Letter, a line feed, and the letter's Data; earlier versions had it in the JSON
	letterAsked   Kind = 'A' // Data: JSON of a verdict
	letterSettled Kind = 'S' // likewise
)

type verdict struct {
	Pos crm.Position `json:"pos"`
	How string       `json:"how"`          // as LetterRedrive
	By  string       `json:"by,omitempty"` // user, or "" for the daemon
}

// DeadLetters keeps the dead letters of every PBX in a log of their own beside the PBX's: what was
// put aside, asked and settled, in the order of its coming, at positions 1-1, 1-2 and so on. Any
// process may add to it: whoever comes second at a position takes the next. It is safe for concurrent use.
type DeadLetters struct {
	log    Log
	logger *slog.Logger
}

// NewDeadLetters returns the dead letters that log keeps. A nil logger discards.
func NewDeadLetters(log Log, logger *slog.Logger) *DeadLetters {
	return &DeadLetters{log: log, logger: cmp.Or(logger, slog.New(slog.DiscardHandler))}
}

// deadKey is the name of the log. No PBX has a colon in its name.
func deadKey(pbx string) string { return pbx + ":dead" }

// Top changes whenever something about the PBX's letters does.
func (d *DeadLetters) Top(ctx context.Context, pbx string) (crm.Position, error) {
	return d.log.Top(ctx, deadKey(pbx))
}

// List returns the letters that wait, by position.
func (d *DeadLetters) List(ctx context.Context, pbx string) ([]Letter, error) {
	b, _, err := d.read(ctx, pbx)
	if err != nil {
		return nil, err
	}
	list := make([]Letter, 0, len(b))
	for _, h := range b {
		list = append(list, h.Letter)
	}
	slices.SortFunc(list, func(x, y Letter) int { return x.Pos.Compare(y.Pos) })
	return list, nil
}

// Put puts a letter aside and returns when that is durable. One that is there already is left alone,
// unless it was re-driven since.
func (d *DeadLetters) Put(ctx context.Context, pbx string, l Letter) error {
	b, _, err := d.read(ctx, pbx)
	if err != nil {
		return err
	}
	if h, ok := b[l.Pos]; ok {
		if !l.Again || !h.Asked() {
			return d.confirm(ctx, pbx, h.entry)
		}
		l.Tries += h.Tries
		if err := d.note(ctx, pbx, verdict{Pos: l.Pos, How: LetterRefused}); err != nil {
			return err
		}
	}
	// The bytes of an entry stand as they are: all letters are read whenever one is put aside, and JSON makes
	// them a third longer and takes far longer to read.
	data := append([]byte("\n"), l.Data...)
	l.Data = nil
	if _, err := d.append(ctx, deadKey(pbx), letterPut, l, data...); err != nil {
		return err
	}
	return d.tidy(ctx, pbx)
}

// confirm appends an entry that is there once more: it may not be durable yet.
func (d *DeadLetters) confirm(ctx context.Context, pbx string, e Entry) error {
	_, err := d.log.Append(ctx, deadKey(pbx), []Entry{e})
	if err != nil && !errors.Is(err, ErrFenced) { // what begins a new epoch comes after it
		return fmt.Errorf("dead letter of %s: %w", pbx, err)
	}
	return nil
}

// Redrive asks the PBX's owner to apply the letter again. ErrNoLetter; ErrOnlyThere for one that cannot be.
func (d *DeadLetters) Redrive(ctx context.Context, pbx string, pos crm.Position, by string) error {
	l, err := d.find(ctx, pbx, pos)
	if err != nil || l.Asked() {
		return err
	}
	if !l.Redrivable() {
		return fmt.Errorf("dead letter %s of %s: %w", pos, pbx, ErrOnlyThere)
	}
	v := verdict{pos, LetterRedrive, by}
	if err := d.note(ctx, pbx, v); err != nil {
		return err
	}
	_, err = d.append(ctx, deadKey(pbx), letterAsked, v)
	return err
}

// Drop gives a letter up. ErrNoLetter.
func (d *DeadLetters) Drop(ctx context.Context, pbx string, pos crm.Position, by string) error {
	if _, err := d.find(ctx, pbx, pos); err != nil {
		return err
	}
	return d.settle(ctx, pbx, verdict{pos, LetterDropped, by})
}

// Redriven says that the letter was applied again, and is recorded.
func (d *DeadLetters) Redriven(ctx context.Context, pbx string, pos crm.Position) error {
	return d.settle(ctx, pbx, verdict{Pos: pos, How: LetterRedriven})
}

func (d *DeadLetters) settle(ctx context.Context, pbx string, v verdict) error {
	if err := d.note(ctx, pbx, v); err != nil {
		return err
	}
	if _, err := d.append(ctx, deadKey(pbx), letterSettled, v); err != nil {
		return err
	}
	return d.tidy(ctx, pbx)
}

func (d *DeadLetters) find(ctx context.Context, pbx string, pos crm.Position) (Letter, error) {
	b, _, err := d.read(ctx, pbx)
	if err != nil {
		return Letter{}, err
	}
	h, ok := b[pos]
	if !ok {
		return Letter{}, fmt.Errorf("dead letter %s of %s: %w", pos, pbx, ErrNoLetter)
	}
	return h.Letter, nil
}

// held is a letter that waits, and the entry of the log of dead letters that it stands in.
type held struct {
	Letter
	entry Entry
}

// read folds the log to its end: the letters that wait, by position in the PBX's log.
func (d *DeadLetters) read(ctx context.Context, pbx string) (b map[crm.Position]held, end crm.Position, err error) {
	b = map[crm.Position]held{}
	end, err = d.readAll(ctx, deadKey(pbx), func(e Entry) error { return take(b, e) })
	return b, end, err
}

// readAll gives fn the entries of the log of that name, up to the end that it returns. What is damaged or not
// understood is told and passed over.
func (d *DeadLetters) readAll(ctx context.Context, key string, fn func(Entry) error) (end crm.Position, err error) {
	for {
		entries, err := d.log.Read(ctx, key, end, 200)
		if damaged, ok := errors.AsType[*DamagedError](err); ok {
			d.logger.Error("an entry about dead letters is damaged and passed over", "log", key, "pos", damaged.Pos.String(), "reason", damaged.Reason)
			end = damaged.Pos
			continue
		}
		if err != nil {
			return end, fmt.Errorf("read %s: %w", key, err)
		}
		if len(entries) == 0 {
			return end, nil
		}
		for _, e := range entries {
			end = e.Pos
			if err := fn(e); err != nil {
				d.logger.Error("an entry about dead letters is not understood", "log", key, "pos", e.Pos.String(), "err", err)
			}
		}
	}
}

// take applies one entry of the log of dead letters.
func take(b map[crm.Position]held, e Entry) error {
	if e.Kind == letterPut {
		h := held{entry: e}
		head, data, _ := bytes.Cut(e.Data, []byte("\n"))
		if err := json.Unmarshal(head, &h.Letter); err != nil {
			return err
		}
		if len(data) > 0 {
			h.Data = data
		}
		h.Since = e.At
		b[h.Pos] = h
		return nil
	}
	var v verdict
	if err := json.Unmarshal(e.Data, &v); err != nil {
		return err
	}
	switch e.Kind {
	case letterAsked:
		if h, ok := b[v.Pos]; ok {
			h.Ask = e.Pos
			b[v.Pos] = h
		}
	case letterSettled:
		delete(b, v.Pos)
	default:
		return fmt.Errorf("unknown kind %q", e.Kind)
	}
	return nil
}

// appendTries bounds how often another process may be quicker.
const appendTries = 100

// append adds an entry at the end of the log of that name, wherever that is by now: v as JSON, and what follows it.
func (d *DeadLetters) append(ctx context.Context, key string, kind Kind, v any, rest ...byte) (crm.Position, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return crm.Position{}, fmt.Errorf("add to %s: %w", key, err)
	}
	e := Entry{Kind: kind, At: time.Now().UTC().Truncate(time.Microsecond), Data: append(data, rest...)}
	regressed := false
	for range appendTries {
		top, err := d.log.Top(ctx, key)
		if err != nil {
			return e.Pos, fmt.Errorf("add to %s: %w", key, err)
		}
		e.Pos = crm.Position{Epoch: max(top.Epoch, 1), Seq: top.Seq + 1}
		if regressed { // the end of the log is lost; a new epoch goes on without it
			e.Pos = crm.Position{Epoch: e.Pos.Epoch + 1, Seq: 1}
		}
		_, err = d.log.Append(ctx, key, []Entry{e})
		switch {
		case err == nil:
			return e.Pos, nil
		case errors.Is(err, ErrRegressed):
			regressed = true
		case !errors.Is(err, ErrConflict) && !errors.Is(err, ErrFenced):
			return e.Pos, fmt.Errorf("add to %s: %w", key, err)
		}
	}
	return e.Pos, fmt.Errorf("add to %s: %w: others add to it all the time", key, ErrUnavailable)
}

// tidy trims what stands before the oldest letter that is kept, and gives up the oldest beyond the bounds.
func (d *DeadLetters) tidy(ctx context.Context, pbx string) error {
	b, below, err := d.read(ctx, pbx) // what comes after it may be a letter of another process
	if err != nil {
		return err
	}
	list := make([]held, 0, len(b))
	for _, h := range b {
		list = append(list, h)
	}
	slices.SortFunc(list, func(x, y held) int { return y.entry.Pos.Compare(x.entry.Pos) })
	size := 0
	for i, h := range list {
		if size += len(h.Data); i == maxLetters || size > maxLetterBytes && i > 0 {
			if err := d.giveUp(ctx, pbx, i, list[i:]); err != nil {
				return err
			}
			break
		}
		below = h.entry.Pos
	}
	return d.log.Trim(ctx, deadKey(pbx), below)
}

// giveUp writes down which letters are given up for the newer ones that are kept.
func (d *DeadLetters) giveUp(ctx context.Context, pbx string, kept int, list []held) error {
	for _, h := range list {
		if err := d.note(ctx, pbx, verdict{Pos: h.Pos, How: LetterTooMany}); err != nil {
			return err
		}
	}
	d.logger.Error("there are too many dead letters; the oldest were given up", "pbx", pbx, "kept", kept, "given_up", len(list))
	return nil
}
