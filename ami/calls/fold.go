package calls

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"patchcord/ami"
	"patchcord/crm"
)

// Fold returns the calls of a recorded trace, those that were still open at its end
// too, in order of their start.
func Fold(cfg Config, tr *ami.Trace) ([]*crm.Call, error) {
	t, err := New(cfg)
	if err != nil {
		return nil, err
	}
	records := map[string]*crm.Call{}
	merged := map[string]bool{}
	collect := func() {
		for _, r := range t.Drain().Calls {
			records[r.ID] = r
		}
		for id := range merged {
			delete(records, id)
		}
	}
	err = Feed(tr, func(in Input) {
		for _, e := range t.Apply(in) {
			if e.Type == crm.CallMerged {
				merged[e.Call.ID] = true
			}
		}
		if in.Pos.Seq%drainEvery == 0 {
			collect()
		}
	})
	if err != nil {
		return nil, err
	}
	collect()
	out := make([]*crm.Call, 0, len(records))
	for _, r := range records {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *crm.Call) int { return strings.Compare(a.ID, b.ID) })
	sortCalls(out)
	return out, nil
}

// drainEvery is how many inputs a fold takes before it collects records.
const drainEvery = 4096

// Feed gives the items of a trace as inputs at positions 1-1, 1-2, … A list of
// channels that somebody asked for while it was recorded stands between the markers
// that a daemon writes into its log.
func Feed(tr *ami.Trace, apply func(Input)) error {
	pos := crm.Position{Epoch: 1}
	give := func(in Input) {
		pos.Seq++
		in.Pos = pos
		apply(in)
	}
	var l list
	for {
		item, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read trace: %w", err)
		}
		in := Input{At: item.At}
		switch item.Kind {
		case ami.TraceConnected:
			in.Kind = Connected
		case ami.TraceDisconnected:
			in.Kind, l = Lost, list{}
		case ami.TraceFrame:
			in.Kind, in.Msg = Frame, item.Msg
		default:
			continue
		}
		give(in)
		if in.Kind != Frame {
			continue
		}
		if mark, ok := l.follow(in.Msg); ok {
			mark.At = in.At
			give(mark)
		}
	}
}

// A list follows the answer to CoreShowChannels through a trace (Asterisk
// main/manager.c): a reply, an event per channel, and one that says how many there were.
type list struct {
	id    string // ActionID; "" when the client gave none
	open  bool
	items int
}

// follow returns the marker that belongs after the message, if any.
func (l *list) follow(m ami.Message) (Input, bool) {
	raw := m.Raw()
	switch {
	case strings.HasPrefix(raw, "Response: Success") && header(raw, "Message") == "Channels will follow":
		*l = list{id: header(raw, "ActionID"), open: true}
		return Input{Kind: ResyncBegin}, true
	case !l.open || header(raw, "ActionID") != l.id:
	case strings.HasPrefix(raw, "Event: CoreShowChannelsComplete"):
		l.open = false
		return Input{Kind: ResyncEnd, Complete: header(raw, "ListItems") == strconv.Itoa(l.items)}, true
	case strings.HasPrefix(raw, "Event: CoreShowChannel\r\n"), strings.HasPrefix(raw, "Event: CoreShowChannel\n"):
		l.items++
	}
	return Input{}, false
}
