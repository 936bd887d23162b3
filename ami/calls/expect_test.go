package calls

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/ami"
	"patchcord/crm"
)

const traceDir = "../../testdata/traces"

// flavours are the servers that traces were recorded from.
var flavours = []string{"22", "16", "16-chansip", "22-variant", "16-variant", "22-distro", "16-distro"}

// traces returns the names of a flavour's traces.
func traces(t testing.TB, flavour string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(traceDir, flavour))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".gz")
		if name, ok := strings.CutSuffix(name, ".ami"); ok {
			names = append(names, name)
		}
	}
	return names
}

func openTrace(t testing.TB, flavour, name string) *ami.Trace {
	t.Helper()
	path := filepath.Join(traceDir, flavour, name+".ami")
	if _, err := os.Stat(path); err != nil {
		path += ".gz"
	}
	return openPath(t, path)
}

func openPath(t testing.TB, path string) *ami.Trace {
	t.Helper()
	tr, err := ami.OpenTrace(path)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestExpectations holds every recorded trace against what was concluded about it by
// hand; testdata/traces/expect/README.md describes the notation. What agrees is held
// against its golden record too.
func TestExpectations(t *testing.T) {
	for _, flavour := range flavours {
		for _, name := range traces(t, flavour) {
			t.Run(flavour+"/"+name, func(t *testing.T) {
				got, err := Fold(Config{PBX: "pbx"}, openTrace(t, flavour, name))
				if err != nil {
					t.Fatal(err)
				}
				want, ok := expectation(t, flavour, name)
				if !ok {
					t.Fatal("no expectation was derived for it")
				}
				for _, d := range differences(t, got, want) {
					t.Error(d)
				}
				if !t.Failed() {
					golden(t, filepath.Join(traceDir, flavour, name+".json"), got)
				}
			})
		}
	}
}

func expectation(t testing.TB, flavour, name string) (any, bool) {
	t.Helper()
	for _, path := range []string{filepath.Join(flavour, name), name} {
		b, err := os.ReadFile(filepath.Join(traceDir, "expect", path+".json"))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		var e struct {
			Calls any `json:"calls"`
		}
		if err := json.Unmarshal(b, &e); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return e.Calls, true
	}
	return nil, false
}

func differences(t testing.TB, got []*crm.Call, want any) []string {
	t.Helper()
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var records any
	if err := json.Unmarshal(b, &records); err != nil {
		t.Fatal(err)
	}
	m := matcher{}
	if list, _ := records.([]any); len(list) > 0 {
		m.fileStart = startOf(list[0])
	}
	m.match("calls", want, records)
	return m.out
}

func startOf(record any) time.Time {
	r, _ := record.(map[string]any)
	s, _ := r["started_at"].(string)
	at, _ := time.Parse(time.RFC3339Nano, s)
	return at
}

// A matcher collects where a record is not as expected.
type matcher struct {
	fileStart, start time.Time
	out              []string
}

func (m *matcher) differ(path string, want, got any) {
	w, _ := json.Marshal(want)
	g, _ := json.Marshal(got)
	m.out = append(m.out, fmt.Sprintf("%s: got %s, want %s", path, g, w))
}

func (m *matcher) match(path string, want, got any) {
	switch w := want.(type) {
	case nil:
		if got != nil {
			m.differ(path, want, got)
		}
	case []any:
		m.list(path, w, got)
	case map[string]any:
		m.object(path, w, got)
	default:
		if !reflect.DeepEqual(want, got) {
			m.differ(path, want, got)
		}
	}
}

func (m *matcher) list(path string, want []any, got any) {
	g, _ := got.([]any)
	if len(g) != len(want) {
		m.differ(path, want, got)
		return
	}
	for i := range want {
		m.match(fmt.Sprintf("%s[%d]", path, i), want[i], g[i])
	}
}

// fits reports whether want matches, without saying where not.
func (m *matcher) fits(path string, want, got any) bool {
	try := matcher{fileStart: m.fileStart, start: m.start}
	try.match(path, want, got)
	return len(try.out) == 0
}

func (m *matcher) object(path string, want map[string]any, got any) {
	if either, ok := want["any"].([]any); ok {
		if !slices.ContainsFunc(either, func(w any) bool { return m.fits(path, w, got) }) {
			m.differ(path, want, got)
		}
		return
	}
	if list, ok := want["unordered"].([]any); ok {
		m.unordered(path, list, got)
		return
	}
	if n, ok := want["ms"].(float64); ok {
		g, isNumber := got.(float64)
		if !isNumber || math.Abs(g-n) > want["within"].(float64) {
			m.differ(path, want, got)
		}
		return
	}
	if n, ok := want["after_start_ms"].(float64); ok {
		m.instant(path, n, want["within"].(float64), got)
		return
	}
	m.fields(path, want, got)
}

func (m *matcher) unordered(path string, want []any, got any) {
	rest, _ := got.([]any)
	rest = slices.Clone(rest)
	if len(rest) != len(want) {
		m.differ(path, want, got)
		return
	}
	for _, w := range want {
		i := slices.IndexFunc(rest, func(g any) bool { return m.fits(path, w, g) })
		if i < 0 {
			m.match(path+"[?]", w, rest[0])
			return
		}
		rest = slices.Delete(rest, i, i+1)
	}
}

func (m *matcher) instant(path string, after, within float64, got any) {
	base := m.start
	if strings.HasSuffix(path, ".started_at") && strings.Count(path, ".") == 1 {
		base = m.fileStart
	}
	s, _ := got.(string)
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		m.differ(path, after, got)
		return
	}
	if ms := float64(at.Sub(base).Milliseconds()); math.Abs(ms-after) > within {
		m.out = append(m.out, fmt.Sprintf("%s: got %v ms after the start, want %v ± %v", path, ms, after, within))
	}
}

func (m *matcher) fields(path string, want map[string]any, got any) {
	g, ok := got.(map[string]any)
	if !ok && got != nil {
		m.differ(path, want, got)
		return
	}
	if s := startOf(got); strings.HasPrefix(path, "calls[") && strings.Count(path, ".") == 0 && !s.IsZero() {
		saved := m.start
		m.start = s
		defer func() { m.start = saved }()
	}
	keys := make([]string, 0, len(want))
	for k := range want {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if k == "linkedids_count" {
			ids, _ := g["linkedids"].([]any)
			m.match(path+".linkedids_count", want[k], float64(len(ids)))
			continue
		}
		m.match(path+"."+k, want[k], g[k])
	}
}
