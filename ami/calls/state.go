package calls

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"patchcord/crm"
)

// Rows of state: one for the tracker itself, one for the ids of calls that ended, one for
// who is logged in at which phone, one for the phones that are reached, one for the members
// of queues, one for each call that frames can still be about.
const (
	selfKey    = "tracker"
	endedKey   = "ended"
	desksKey   = "desks"
	devicesKey = "devices"
	membersKey = "members"
	callPrefix = "call/"
)

func rowKey(id string) string { return callPrefix + id }

// self is the tracker's own row.
type self struct {
	Pos  crm.Position `json:"pos"`
	Seq  uint64       `json:"seq"`
	Life life         `json:"life"`

	Again uint64 `json:"echo,omitempty"` // of echoes
	Until uint64 `json:"echoes,omitempty"`
}

// saveState puts the rows that changed since the last Drain.
func (t *Tracker) saveState(rows map[string][]byte) {
	for key := range t.removed {
		rows[key] = nil
	}
	for c := range t.changed {
		if t.calls[c.Linkedids[0]] == c {
			rows[rowKey(c.ID)] = mustJSON(c)
		}
		t.pause()
	}
	if t.seq != t.drained {
		t.drained = t.seq
		rows[selfKey] = mustJSON(self{Pos: t.pos, Seq: t.seq, Life: t.life, Again: t.echoes.again, Until: t.echoes.until})
	}
	t.echoes.save(rows)
	if t.desks.changed {
		t.desks.changed = false
		rows[desksKey] = mustJSON(t.desks.user)
	}
	if t.devices.changed {
		t.devices.changed = false
		rows[devicesKey] = mustJSON(t.devices.away)
	}
	if t.members.changed {
		t.members.changed = false
		rows[membersKey] = mustJSON(t.members.of)
	}
	if t.known.changed {
		t.known.changed = false
		rows[endedKey] = mustJSON(t.known.recent())
	}
}

// mustJSON encodes facts; they are plain values, which always encode.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}

// Restore returns a Tracker that goes on where Drain's rows left off. cfg must be the
// same: facts were understood with it. An error names the row that cannot be read.
func Restore(cfg Config, state map[string][]byte) (*Tracker, error) {
	t, err := New(cfg)
	if err != nil {
		return nil, err
	}
	if row := state[selfKey]; row != nil {
		var s self
		if err := json.Unmarshal(row, &s); err != nil {
			return nil, fmt.Errorf("calls: state %s: %w", selfKey, err)
		}
		t.pos, t.seq, t.life, t.drained = s.Pos, s.Seq, s.Life, s.Seq
		t.echoes.again, t.echoes.until = s.Again, s.Until
	}
	if err := t.echoes.restore(state); err != nil {
		return nil, err
	}
	if row := state[endedKey]; row != nil {
		var ids []knownID
		if err := json.Unmarshal(row, &ids); err != nil {
			return nil, fmt.Errorf("calls: state %s: %w", endedKey, err)
		}
		for _, k := range ids {
			t.known.add(k.ID, k.Boot)
		}
		t.known.changed = false
	}
	if row := state[desksKey]; row != nil {
		if err := json.Unmarshal(row, &t.desks.user); err != nil {
			return nil, fmt.Errorf("calls: state %s: %w", desksKey, err)
		}
	}
	if row := state[devicesKey]; row != nil {
		if err := json.Unmarshal(row, &t.devices.away); err != nil {
			return nil, fmt.Errorf("calls: state %s: %w", devicesKey, err)
		}
		for _, of := range t.devices.away {
			t.devices.known += len(of)
		}
	}
	if row := state[membersKey]; row != nil {
		if err := json.Unmarshal(row, &t.members.of); err != nil {
			return nil, fmt.Errorf("calls: state %s: %w", membersKey, err)
		}
		for _, of := range t.members.of {
			t.members.known += len(of)
		}
	}
	var list []*call
	for key, row := range state {
		if !strings.HasPrefix(key, callPrefix) || row == nil {
			continue
		}
		c := &call{}
		if err := json.Unmarshal(row, c); err != nil {
			return nil, fmt.Errorf("calls: state %s: %w", key, err)
		}
		list = append(list, c)
	}
	t.adopt(list)
	return t, nil
}

// adopt rebuilds the tables from the facts.
func (t *Tracker) adopt(list []*call) {
	slices.SortFunc(list, func(a, b *call) int {
		if d := compareIDs(a.Linkedids[0], b.Linkedids[0]); d != 0 {
			return d
		}
		return strings.Compare(a.ID, b.ID)
	})
	for _, c := range list {
		for _, l := range c.Linkedids {
			t.calls[l] = c
		}
		if c.Told != nil && c.Told.Offers == nil {
			c.Told.Offers = map[string]crm.Result{}
		}
		for i, ch := range c.Chans {
			ch.call, ch.at = c, i
			if !ch.Gone.set() {
				t.enroll(ch)
				if base, _, ok := localBase(ch.Name); ok && ch.Peer < 0 {
					t.pairs[base] = ch
				}
				if s := ch.bridge(); s != nil && s.Kind == conference {
					t.rooms[s.Bridge] = append(t.rooms[s.Bridge], ch)
				}
			}
		}
		for _, v := range c.Visits {
			if !v.Leave.set() {
				t.queues[v.Queue] = append(t.queues[v.Queue], v)
			}
		}
		if c.alive == 0 {
			t.recent = append(t.recent, c)
		}
	}
	t.inOrder()
}

// inOrder puts what was rebuilt into the order in which it came.
func (t *Tracker) inOrder() {
	for _, list := range t.phones {
		slices.SortStableFunc(list, func(a, b *channel) int { return int(a.Born.Seq) - int(b.Born.Seq) })
	}
	for _, list := range t.rooms {
		slices.SortStableFunc(list, func(a, b *channel) int {
			return int(a.Stays[len(a.Stays)-1].From.Seq) - int(b.Stays[len(b.Stays)-1].From.Seq)
		})
	}
	for _, list := range t.queues {
		slices.SortStableFunc(list, func(a, b *visit) int { return int(a.Enter.Seq) - int(b.Enter.Seq) })
	}
	slices.SortStableFunc(t.recent, func(a, b *call) int { return int(a.lastSeq()) - int(b.lastSeq()) })
}

func (c *call) lastSeq() uint64 {
	last := c.Cut.Seq
	for _, ch := range c.Chans {
		last = max(last, ch.Gone.Seq)
	}
	return last
}

// sorted returns every call in memory, in the order of their first frames.
func (t *Tracker) sorted() []*call {
	list := t.all()
	slices.SortFunc(list, func(a, b *call) int {
		if a.Origins[0].Seq < b.Origins[0].Seq {
			return -1
		}
		if a.Origins[0].Seq > b.Origins[0].Seq {
			return 1
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}
