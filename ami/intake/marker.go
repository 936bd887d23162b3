package intake

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"patchcord/ami"
	"patchcord/ami/calls"
	"patchcord/buffer"
	"patchcord/crm"
)

// marker is the data of an entry that is not a frame. Unused fields are left out.
type marker struct {
	Node     string       `json:"node,omitempty"`
	Name     string       `json:"name,omitempty"` // of the node
	Last     time.Time    `json:"last,omitzero"`  // of SessionOpen: when the log before it ends
	Version  string       `json:"version,omitempty"`
	Boot     time.Time    `json:"boot,omitzero"`
	Cause    crm.GapCause `json:"cause,omitempty"`
	Detail   string       `json:"detail,omitempty"`
	Complete bool         `json:"complete,omitempty"`
	Handed   bool         `json:"handed,omitempty"` // of SessionOpen: nothing was missed since the log's end
}

func (m marker) encode() []byte {
	b, err := json.Marshal(m)
	if err != nil {
		return []byte("{}") // unreachable: only strings, times and a bool
	}
	return b
}

var inputKinds = map[buffer.Kind]calls.Kind{
	buffer.SessionOpen: calls.Lost,
	buffer.Connected:   calls.Connected,
	buffer.Lost:        calls.Lost,
	buffer.GapOpen:     calls.GapOpen,
	buffer.GapClose:    calls.GapClose,
	buffer.ResyncBegin: calls.ResyncBegin,
	buffer.ResyncEnd:   calls.ResyncEnd,
	buffer.Mark:        calls.Tick,
	unreadable:         calls.Hole,
}

// unreadable is an entry that a log holds and cannot give back. It stands in no log.
const unreadable buffer.Kind = '!'

// readable makes of a log's answer one that a fold can take: a damaged entry, at which
// reading would end for ever, is given as one that says so. It was received after the one
// before, of which last is the receipt.
func readable(entries []buffer.Entry, err error, last time.Time) ([]buffer.Entry, error) {
	damaged, ok := errors.AsType[*buffer.DamagedError](err)
	if !ok {
		return entries, err
	}
	if last.IsZero() {
		last = time.Now().UTC()
	}
	m := marker{Cause: crm.GapOverflow, Detail: "an entry of the log is damaged: " + damaged.Reason}
	return []buffer.Entry{{Pos: damaged.Pos, At: last, Kind: unreadable, Data: m.encode()}}, nil
}

// hole says that something was heard and is not recorded.
func hole(e buffer.Entry) calls.Input {
	return calls.Input{Pos: e.Pos, At: e.At, Kind: calls.Hole, Cause: crm.GapOverflow,
		Detail: "entry " + e.Pos.String() + " of the log could not be recorded, and is a dead letter"}
}

// inputOf says what an entry of the log means to the fold.
func inputOf(e buffer.Entry) (calls.Input, error) {
	in := calls.Input{Pos: e.Pos, At: e.At}
	if e.Kind == buffer.Frame {
		in.Msg = ami.NewMessage(textOf(e.Data))
		return in, nil
	}
	if e.Kind == buffer.Redriven {
		l, err := letterIn(e)
		in.Msg = ami.NewMessage(textOf(l.Data))
		return in, err
	}
	kind, ok := inputKinds[e.Kind]
	if !ok {
		return in, fmt.Errorf("entry %s: unknown kind %q", e.Pos, e.Kind)
	}
	var m marker
	if len(e.Data) > 0 {
		if err := json.Unmarshal(e.Data, &m); err != nil {
			return in, fmt.Errorf("entry %s: %w", e.Pos, err)
		}
	}
	in.Kind, in.Boot, in.Version = kind, m.Boot, m.Version
	in.Cause, in.Detail, in.Complete = m.Cause, m.Detail, m.Complete
	if e.Kind == buffer.SessionOpen && m.Handed {
		in.Kind = calls.Tick
		return in, nil
	}
	if e.Kind == buffer.SessionOpen && !m.Last.IsZero() {
		in.At = m.Last // what came after the log's end was not heard
	}
	return in, nil
}

// letterIn returns the dead letter that an entry applies again.
func letterIn(e buffer.Entry) (l buffer.Letter, err error) {
	if err := json.Unmarshal(e.Data, &l); err != nil {
		return l, fmt.Errorf("entry %s: %w", e.Pos, err)
	}
	return l, nil
}

// applied folds one input. One that the fold cannot bear (a defect of ours) is an error, and
// leaves a fold that may have taken half of it.
func applied(fold *calls.Tracker, in calls.Input) (events []crm.Event, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the fold panicked at %s: %v\n%s", cmp.Or(in.Msg.Event(), "a marker"), p, debug.Stack())
		}
	}()
	return fold.Apply(in), nil
}
