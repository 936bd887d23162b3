package intake

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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
	Last     time.Time    `json:"last,omitzero"` // of SessionOpen: when the log before it ends
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
func readable(entries []buffer.Entry, err error, last time.Time, log *slog.Logger) ([]buffer.Entry, error) {
	damaged, ok := errors.AsType[*buffer.DamagedError](err)
	if !ok {
		return entries, err
	}
	log.Error("an entry of the log is damaged; it is passed over, and marked as a gap", "pos", damaged.Pos.String(), "reason", damaged.Reason)
	if last.IsZero() {
		last = time.Now().UTC()
	}
	m := marker{Cause: crm.GapOverflow, Detail: "an entry of the log is damaged: " + damaged.Reason}
	return []buffer.Entry{{Pos: damaged.Pos, At: last, Kind: unreadable, Data: m.encode()}}, nil
}

// inputOf says what an entry of the log means to the fold.
func inputOf(e buffer.Entry) (calls.Input, error) {
	in := calls.Input{Pos: e.Pos, At: e.At}
	if e.Kind == buffer.Frame {
		in.Msg = ami.NewMessage(textOf(e.Data))
		return in, nil
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

// applied folds one input. A frame that the fold cannot bear (a defect of ours) is
// passed over and stays in the log: one poisoned frame must not end a PBX's line,
// nor be met again after every restart.
func applied(fold *calls.Tracker, in calls.Input, log *slog.Logger) (events []crm.Event) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("a frame could not be folded and was passed over; please report it with its place in the log",
				"pos", in.Pos.String(), "event", in.Msg.Event(), "panic", p, "stack", string(debug.Stack()))
		}
	}()
	return fold.Apply(in)
}
