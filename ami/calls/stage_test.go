package calls

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A stage plays calls that are written down line by line, a tenth of a second each:
//
//	new B PJSIP/1001 ChannelState=0   a channel of A's call; "own" after the device: of its own; C: of C's
//	DialBegin A B DialString=1001     an event of a channel, or of two
//	+b1 A B                           they enter the bridge; -b1 A leaves it
//	joins C A                         C's Linkedid is A's from now on
//	wait 5s
//
// A value @A is the Uniqueid of A. Invented, after the recorded traces.
type stage struct {
	*script
	cast map[string]*actor
	made int
}

type actor struct{ id, name, lid string }

func newStage(t testing.TB, cfg Config) *stage {
	t.Helper()
	return &stage{script: newScript(t, cfg), cast: map[string]*actor{}}
}

func (s *stage) play(text string) {
	s.t.Helper()
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 0 {
			s.line(f)
		}
	}
}

func (s *stage) line(f []string) {
	s.t.Helper()
	switch verb := f[0]; {
	case verb == "new":
		s.enter(f[1], f[2], f[3:])
	case verb == "joins":
		s.cast[f[1]].lid = s.cast[f[2]].lid
	case verb == "wait":
		d, err := time.ParseDuration(f[1])
		if err != nil {
			s.t.Fatal(err)
		}
		s.at = s.at.Add(d)
	case verb[0] == '+', verb[0] == '-':
		event := map[byte]string{'+': "BridgeEnter", '-': "BridgeLeave"}[verb[0]]
		for i, who := range f[1:] {
			if strings.Contains(who, "=") {
				break
			}
			s.say(event, append([]string{who, "BridgeUniqueid=" + verb[1:]}, after(f[1+i:])...))
		}
	default:
		s.say(verb, f[1:])
	}
}

// after returns the headers at the end of a line.
func after(f []string) []string {
	for i, w := range f {
		if strings.Contains(w, "=") {
			return f[i:]
		}
	}
	return nil
}

func (s *stage) enter(who, device string, more []string) {
	s.made++
	a := &actor{id: fmt.Sprintf("1772355600.%d", s.made), name: device}
	if !strings.Contains(device, ";") {
		a.name += fmt.Sprintf("-%08x", s.made)
	}
	a.lid = a.id
	if len(more) > 0 && more[0] == "own" {
		more = more[1:]
	} else if len(more) > 0 && s.cast[more[0]] != nil {
		a.lid, more = s.cast[more[0]].lid, more[1:]
	} else if first := s.cast["A"]; first != nil {
		a.lid = first.lid
	}
	s.cast[who] = a
	s.say("Newchannel", append([]string{who}, more...))
}

func (s *stage) say(event string, words []string) {
	s.t.Helper()
	var headers []string
	prefix := ""
	for _, w := range words {
		k, v, ok := strings.Cut(w, "=")
		if !ok {
			a := s.cast[w]
			if a == nil {
				s.t.Fatalf("%s %v: nobody is called %s", event, words, w)
			}
			headers = append(headers, on(prefix, a.id, a.name, a.lid)...)
			prefix = "Dest"
			continue
		}
		if who, ok := strings.CutPrefix(v, "@"); ok {
			v = s.cast[who].id
		}
		headers = append(headers, k+"="+v)
	}
	s.at = s.at.Add(-900 * time.Millisecond)
	s.event(event, headers...)
}

// field returns what stands at a path of a record, "-" for nothing: outcome,
// offers.0.result, talks.# (how many).
func field(t testing.TB, record any, path string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text(t, record)), &v); err != nil {
		t.Fatal(err)
	}
	for key := range strings.SplitSeq(path, ".") {
		list, isList := v.([]any)
		switch n, err := strconv.Atoi(key); {
		case key == "#":
			v = len(list)
		case err == nil && isList && n < len(list):
			v = list[n]
		case err == nil:
			v = nil
		default:
			object, _ := v.(map[string]any)
			v = object[key]
		}
	}
	if v == nil {
		return "-"
	}
	return fmt.Sprint(v)
}

// A scene is a call and what must be concluded from it: fields and their values.
type scene struct{ name, play, want string }

func tryScenes(t *testing.T, cfg Config, scenes []scene) {
	t.Helper()
	for _, r := range scenes {
		t.Run(r.name, func(t *testing.T) {
			s := newStage(t, cfg)
			s.play(r.play)
			c := s.records()[0]
			for want := range strings.FieldsSeq(r.want) {
				path, value, _ := strings.Cut(want, "=")
				if got := field(t, c, path); got != value {
					t.Errorf("%s is %s, want %s", path, got, value)
				}
			}
			if t.Failed() {
				t.Log(text(t, c))
			}
		})
	}
}
