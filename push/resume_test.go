package push

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"patchcord/crm"
)

// started is n calls beginning, a frame each, from the first frame on.
func started(first, n int) []*crm.Event {
	var out []*crm.Event
	for i := first; i < first+n; i++ {
		out = append(out, event(uint64(i), crm.CallStarted, ringing(fmt.Sprintf("hq:%d", i)), ""))
	}
	return out
}

func names(first, n int) []string {
	var out []string
	for i := first; i < first+n; i++ {
		out = append(out, fmt.Sprintf("call.started hq:%d", i))
	}
	return out
}

func (r *rig) publish(events ...*crm.Event) {
	for _, e := range events {
		r.hub.Publish(e)
	}
}

func TestResumeFromTheRing(t *testing.T) {
	r := overTCP(t, Config{})
	r.publish(started(1, 3)...)
	c := r.connect(super, "")
	r.publish(started(4, 2)...)
	c.events(1)
	c.conn.Close()

	again := r.connect(super, c.cursor)
	if !again.welcome.Recovered || again.welcome.Cursor != c.cursor {
		t.Errorf("recovered %v at %q, want true at %q", again.welcome.Recovered, again.welcome.Cursor, c.cursor)
	}
	r.publish(started(6, 1)...)
	if got, want := again.events(2), names(5, 2); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestResumeWithinAFrame(t *testing.T) {
	r := overTCP(t, Config{})
	c := r.connect(super, "")
	both := started(1, 2)
	both[1].Pos, both[1].N = both[0].Pos, 1
	r.publish(both...)
	c.events(1)
	cursor := c.cursor
	again := r.connect(super, cursor)
	if got, want := again.events(1), names(2, 1); !again.welcome.Recovered || !slices.Equal(got, want) {
		t.Errorf("got %q recovered %v, want %q", got, again.welcome.Recovered, want)
	}
}

func TestAnEventReadAgainIsPublishedOnce(t *testing.T) {
	r := overTCP(t, Config{})
	c := r.connect(super, "")
	r.publish(started(1, 2)...)
	r.publish(started(1, 3)...)
	if got, want := c.events(3), names(1, 3); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A second hub on the same event log is this daemon after a restart, or another node.
func TestResumeFromTheStore(t *testing.T) {
	stored := started(1, 1200)
	cursorAfter := func(e *crm.Event) string { return places{"hq": {e.Pos, e.N}}.String() }
	tests := map[string]struct {
		durable   int // events in the store
		republish int // first event that the new process reads again, 0 for none
		resume    string
		want      []string // nil: not recovered
	}{
		"what is durable follows":                         {1200, 0, cursorAfter(stored[9]), names(11, 1190)},
		"nothing was missed":                              {1200, 0, cursorAfter(stored[1199]), []string{}},
		"the store, then the ring":                        {900, 901, cursorAfter(stored[889]), names(891, 310)},
		"an event that was read again is in the ring":     {900, 901, places{"": logPlace(900), "hq": {pos(1000), 0}}.String(), names(1001, 200)},
		"beyond what became durable":                      {900, 0, cursorAfter(stored[949]), nil},
		"beyond, and another epoch has begun":             {900, 0, places{"hq": {crm.Position{Epoch: 0, Seq: 77}, 0}}.String(), nil},
		"a PBX that never was":                            {900, 0, places{"zz": {pos(1), 0}}.String(), nil},
		"a log position that never was":                   {900, 0, places{"": logPlace(5000), "hq": {pos(900), 0}}.String(), nil},
		"a cursor that is none":                           {900, 0, "%%%", nil},
		"a cursor of another shape":                       {900, 0, "W10", nil},
		"a frame that is in the store, but not the event": {900, 0, places{"hq": {pos(900), 3}}.String(), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			log := &fakeLog{}
			log.store(t, stored[:tt.durable]...)
			r := overTCP(t, Config{Events: log})
			r.hub.SetPBX("t", PBX{Name: "hq", State: "connected"})
			r.hub.seed(t.Context(), "t")
			if tt.republish > 0 {
				r.publish(stored[tt.republish-1:]...)
			}
			c := r.connect(super, tt.resume)
			if c.welcome.Recovered != (tt.want != nil) {
				t.Fatalf("recovered is %v", c.welcome.Recovered)
			}
			r.publish(started(2000, 1)...)
			want := append(tt.want, "call.started hq:2000")
			if got := c.events(len(want)); !slices.Equal(got, want) {
				t.Errorf("got %d events %.100q …, want %d", len(got), got, len(want))
			}
		})
	}
}

func TestReplayFromTheStoreShowsAnAgentOnlyHis(t *testing.T) {
	log := &fakeLog{}
	log.store(t, story()...)
	r := overTCP(t, Config{Events: log})
	r.hub.SetPBX("t", PBX{Name: "hq"})
	c := r.connect(anna, places{"hq": {pos(2), 0}}.String())
	want := []string{"offer.accepted hq:anna", "call.answered hq:1", "call.transferred hq:1"}
	if got := c.events(3); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAStoreThatIsDownCostsTheResumeOnly(t *testing.T) {
	log := &fakeLog{down: true}
	r := overTCP(t, Config{Events: log})
	r.hub.SetPBX("t", PBX{Name: "hq"})
	c := r.connect(super, places{"hq": {pos(2), 0}}.String())
	if c.welcome.Recovered {
		t.Error("recovered without a store")
	}
	r.publish(started(1, 1)...)
	if got, want := c.events(1), names(1, 1); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheFirstCursorOfAQuietDaemonCanBeResumed(t *testing.T) {
	log := &fakeLog{}
	log.store(t, started(1, 5)...)
	r := overTCP(t, Config{Events: log})
	r.hub.SetPBX("t", PBX{Name: "hq"})
	first := r.connect(super, "")
	r.publish(started(9, 1)...)
	again := r.connect(super, first.welcome.Cursor)
	if got, want := again.events(1), names(9, 1); !again.welcome.Recovered || !slices.Equal(got, want) {
		t.Errorf("got %q recovered %v, want %q", got, again.welcome.Recovered, want)
	}
}

func TestRingBounds(t *testing.T) {
	start := time.Now()
	fill := func(r *ring, n int, age time.Duration) {
		for i := range n {
			r.add(entry{msg: message{data: make([]byte, 10)}, src: "hq", at: place{pos(uint64(i + 1)), 0}, when: start.Add(-age)}, start)
		}
	}
	tests := map[string]struct {
		ring  ring
		age   time.Duration
		n     int
		want  int
		floor uint64
	}{
		"young ones stay":               {ring{keep: time.Minute, atLeast: 3, atMost: 100, maxSize: 1e6}, time.Second, 10, 10, 0},
		"of old ones the fewest stay":   {ring{keep: time.Minute, atLeast: 3, atMost: 100, maxSize: 1e6}, time.Hour, 10, 3, 7},
		"never more than the most":      {ring{keep: time.Minute, atLeast: 3, atMost: 5, maxSize: 1e6}, time.Second, 10, 5, 5},
		"never more than so many bytes": {ring{keep: time.Minute, atLeast: 3, atMost: 100, maxSize: 40}, time.Second, 10, 4, 6},
		"many, of several allocations":  {ring{keep: time.Minute, atLeast: 3, atMost: 5 * chunkLen, maxSize: 1e6}, time.Second, 20*chunkLen + 7, 5 * chunkLen, 15*chunkLen + 7},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := tt.ring
			r.floor = make(places)
			fill(&r, tt.n, tt.age)
			if r.count != tt.want || r.size != 10*tt.want || r.floor["hq"].pos.Seq != tt.floor {
				t.Errorf("%d entries of %d bytes above %v, want %d above %d", r.count, r.size, r.floor["hq"], tt.want, tt.floor)
			}
			for i := range r.count {
				if got, want := r.entry(i).at.pos.Seq, tt.floor+uint64(i)+1; got != want {
					t.Fatalf("the %d. entry is %d, want %d", i, got, want)
				}
			}
			if held := len(r.chunks) * chunkLen; held >= r.count+2*chunkLen {
				t.Errorf("room for %d entries is held for %d", held, r.count)
			}
		})
	}
}

func TestCursorsSurviveTheRoundTrip(t *testing.T) {
	c := places{"": logPlace(12), "hq": {pos(7), 3}, "b": {pos(9), wholeFrame}}
	got, err := parseCursor(c.String())
	if err != nil || len(got) != 3 || got[""] != c[""] || got["hq"] != c["hq"] || got["b"] != c["b"] {
		t.Errorf("got %v, %v; want %v", got, err, c)
	}
}

// The cursor is that of encoding/json, whatever a PBX is called.
func TestCursorIsJSON(t *testing.T) {
	for _, c := range []places{
		{}, {"": logPlace(12)}, {"hq": {pos(7), 3}}, {"": logPlace(3), "b": {pos(9), wholeFrame}, "a": {pos(0), beforeFrame}},
		{"zürich \"<east>\"\n": {pos(1), 0}, "": logPlace(1)},
	} {
		w := wireCursor{PBX: map[string]string{}, Log: c[""].pos.Seq}
		for src, p := range c {
			if src != "" {
				w.PBX[src] = p.String()
			}
		}
		want, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := base64.RawURLEncoding.DecodeString(c.String()); err != nil || string(got) != string(want) {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}

// What shares a page keeps its own bytes.
func TestPagesGiveEveryoneHisOwnRoom(t *testing.T) {
	var p pages
	var all [][]byte
	for i := range 5000 {
		n := i * 7 % (pageSize/4 + 100)
		all = append(all, append(p.take(n), bytes.Repeat([]byte{byte(i)}, n)...))
	}
	for i, b := range all {
		if n := i * 7 % (pageSize/4 + 100); len(b) != n || cap(b) != n || bytes.Count(b, []byte{byte(i)}) != n {
			t.Fatalf("the %d. has %d bytes and room for %d, want %d of its own", i, len(b), cap(b), n)
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add(places{"": logPlace(12), "hq": {pos(7), 3}}.String())
	f.Add("")
	f.Add("eyJwIjp7ImEiOiIxLTEvLTEifX0")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseCursor(s)
		if err != nil {
			return
		}
		again, err := parseCursor(c.String())
		if err != nil {
			t.Fatalf("%v does not survive: %v", c, err)
		}
		for src, p := range c {
			if again[src] != p {
				t.Errorf("source %q is %v, was %v", src, again[src], p)
			}
		}
	})
}

// Clients that are cut off again and again, all the time events come: nothing is
// missed, nothing comes twice.
func TestReconnectStorm(t *testing.T) {
	const clients, events = 40, 1000
	r := overTCP(t, Config{Events: &fakeLog{}, QueueLen: 50})
	r.hub.SetPBX("t", PBX{Name: "hq"})
	var wg sync.WaitGroup
	for i := range clients {
		p := super
		p.UserID = fmt.Sprint("u", i)
		c := r.connect(p, "")
		wg.Go(func() { r.ride(t, p, c, events) })
	}
	for i, e := range started(1, events) {
		r.hub.Publish(e)
		if i%100 == 99 {
			for p := range r.hub.principals() {
				r.hub.Kick(p.UserID)
			}
		}
	}
	wg.Wait()
}

// ride reads every event in order, through as many connections as it takes.
func (r *rig) ride(t *testing.T, p crm.Principal, c *client, events int) {
	cursor := c.welcome.Cursor
	for want := 1; want <= events; {
		m, err := c.read()
		if err != nil {
			next, err := r.tryConnect(p, cursor)
			if err != nil {
				continue // cut before the welcome: again
			}
			if c = next; !c.welcome.Recovered {
				t.Errorf("not recovered before event %d", want)
				return
			}
			continue
		}
		if m.Op != "event" {
			continue
		}
		cursor = m.Cursor
		if got := m.describe(); got != fmt.Sprintf("call.started hq:%d", want) {
			t.Errorf("got %s, want event %d", got, want)
			return
		}
		want++
	}
}
