package calls

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"patchcord/ami"
	"patchcord/ami/internal/race"
	"patchcord/crm"
)

// A story is a log and what it comes to.
type story struct {
	name   string
	inputs []Input
}

func readStory(t testing.TB, flavour, name string) story {
	t.Helper()
	return storyOf(t, flavour+"/"+name, openTrace(t, flavour, name))
}

func storyOf(t testing.TB, name string, tr *ami.Trace) story {
	t.Helper()
	s := story{name: name}
	if err := Feed(tr, func(in Input) { s.inputs = append(s.inputs, in) }); err != nil {
		t.Fatal(err)
	}
	return s
}

// raceShare is how many stories there are for each that the laws are tried on under the race
// detector; `make seeds` tries all of them without it.
const raceShare = 16

// everyStory returns the stories that the laws are tried on: 16 sends the same
// sequences as 22, so its own traces would add time and nothing else. Where there are walks, it is those.
func everyStory(t testing.TB, skip ...string) []story {
	t.Helper()
	var out []story
	if dir := os.Getenv("PATCHCORD_WALKS"); dir != "" {
		for _, path := range walks(t, dir) {
			out = append(out, storyOf(t, filepath.Base(path), openPath(t, path)))
		}
		return out
	}
	n := 0
	for _, flavour := range []string{"22", "16-chansip", "22-distro", "22-variant"} {
		for _, name := range traces(t, flavour) {
			if n++; race.Enabled && n%raceShare != 0 {
				continue
			}
			if !slices.ContainsFunc(skip, func(s string) bool { return strings.Contains(name, s) }) {
				out = append(out, readStory(t, flavour, name))
			}
		}
	}
	return out
}

// A teller feeds inputs to a tracker and keeps what comes out, as a daemon would.
type teller struct {
	cfg     Config
	t       *Tracker
	state   map[string][]byte
	records map[string]*crm.Call
	events  []crm.Event
}

func newTeller(t testing.TB, cfg Config) *teller {
	t.Helper()
	tr, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &teller{cfg: cfg, t: tr, state: map[string][]byte{}, records: map[string]*crm.Call{}}
}

func (s *teller) tell(inputs ...Input) {
	for _, in := range inputs {
		s.events = append(s.events, s.t.Apply(in)...)
	}
}

// drain commits what the tracker concluded.
func (s *teller) drain() {
	ch := s.t.Drain()
	for _, r := range ch.Calls {
		s.records[r.ID] = r
	}
	for k, v := range ch.State {
		if v == nil {
			delete(s.state, k)
			continue
		}
		s.state[k] = v
	}
	for _, e := range s.events {
		if e.Type == crm.CallMerged {
			delete(s.records, e.Call.ID)
		}
	}
}

// crash loses the tracker, and restores it from what was committed.
func (s *teller) crash(t testing.TB) {
	t.Helper()
	tr, err := Restore(s.cfg, s.state)
	if err != nil {
		t.Fatal(err)
	}
	s.t = tr
}

// told returns the records as text, by id.
func (s *teller) told(t testing.TB) map[string]string {
	t.Helper()
	s.drain()
	out := map[string]string{}
	for id, r := range s.records {
		out[id] = text(t, r)
	}
	return out
}

func text(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (s *teller) eventText(t testing.TB) []string {
	t.Helper()
	var out []string
	for i := range s.events {
		out = append(out, text(t, &s.events[i]))
	}
	return out
}

// apart returns two texts from shortly before they differ.
func apart(a, b string) (string, string) {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	i = max(0, i-60)
	return a[min(i, len(a)):min(i+300, len(a))], b[min(i, len(b)):min(i+300, len(b))]
}

// A reporter is a test, or a rapid one.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

func sameRecords(t reporter, what string, got, want map[string]string) {
	t.Helper()
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if got[id] != want[id] {
			g, w := apart(got[id], want[id])
			t.Errorf("%s: %s:\n got …%s\nwant …%s", what, id, g, w)
		}
	}
	for id := range got {
		if _, ok := want[id]; !ok {
			t.Errorf("%s: also got %s", what, got[id])
		}
	}
}

var lawConfig = Config{PBX: "pbx", Region: "GB", Attributes: []string{"CRM_TICKET", "Ticket"}}

func tellAll(t testing.TB, inputs []Input) *teller {
	t.Helper()
	s := newTeller(t, lawConfig)
	s.tell(inputs...)
	return s
}
