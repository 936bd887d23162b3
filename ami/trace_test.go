package ami

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patchcord/ami/internal/race"
)

func traceItems(t *testing.T, tr *Trace) []TraceItem {
	t.Helper()
	var items []TraceItem
	for {
		item, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return items
		}
		if err != nil {
			t.Fatalf("next item: %v", err)
		}
		items = append(items, item)
	}
}

func kinds(items []TraceItem) string {
	var b []byte
	for _, item := range items {
		b = append(b, ".CBFX"[item.Kind])
	}
	return string(b)
}

const (
	twoConnections = "Asterisk Call Manager/11.0.0\r\nResponse: Success\r\n\r\n" + // 30 + 21
		"Event: Newchannel\r\nUniqueid: pbx1-1700000000.7\r\n\r\nEvent: Cut\r\nLo" + // 51 + 50 + 14
		"Asterisk Call Manager/11.0.0\r\nEvent: Shutdown\r\n\r\n"
	twoConnectionsClock = "5 C 0 0\n6 R 0 60\n6 S 0 9\n1500 R 60 41\n1600 R 101 14\n2000 X 115 0\n" +
		"2500 C 115 0\n2500 R 115 30\n2600 R 145 19\n3000 X 164 0\n"
)

func TestTraceFollowsItsClock(t *testing.T) {
	tr, err := NewTrace([]byte(twoConnections), []byte(twoConnectionsClock))
	if err != nil {
		t.Fatal(err)
	}
	items := traceItems(t, tr)
	if got, want := kinds(items), "CBFFXCBFX"; got != want {
		t.Fatalf("kinds: got %s, want %s", got, want)
	}
	base := time.Unix(1700000000, 0).UTC().Add(-1500 * time.Millisecond) // the Newchannel came at 1500
	for i, ms := range []int{5, 6, 6, 1500, 2000, 2500, 2500, 2600, 3000} {
		if got, want := items[i].At, base.Add(time.Duration(ms)*time.Millisecond); !got.Equal(want) {
			t.Errorf("item %d: got %v, want %v", i, got, want)
		}
	}
	if got, want := tr.Lost(), int64(len("Event: Cut\r\nLo")); got != want {
		t.Errorf("lost bytes: got %d, want %d", got, want)
	}
}

func TestTraceBase(t *testing.T) {
	const auth = "Event: SuccessfulAuth\r\nEventTV: 2026-11-22T01:39:15.335+0000\r\n\r\n"
	const channel = "Event: Newchannel\r\nUniqueid: 1700000000.7\r\n\r\n"
	const odd = "Event: Newchannel\r\nUniqueid: crm-2550-a\r\n\r\n"
	stamp := "Event: Hangup\r\nTimestamp: 1795311555.000250\r\n\r\n"
	tests := []struct {
		name, data, clock string
		want              time.Time
	}{
		{"its own first line wins", auth, "0 B 2030-01-02T03:04:05+01:00\n0 C 0 0\n1000 R 0 999\n", time.Date(2030, 1, 2, 2, 4, 6, 0, time.UTC)},
		{"else the first login", channel + auth, "0 C 0 0\n1000 R 0 999\n", time.Date(2026, 11, 22, 1, 39, 15, 335e6, time.UTC)},
		{"else the first channel", channel, "0 C 0 0\n1000 R 0 999\n", time.Unix(1700000000, 0)},
		{"a chosen channel id says nothing", odd, "0 C 0 0\n1000 R 0 999\n", time.Time{}},
		{"no clock, no time", auth, "", time.Time{}},
		{"a byte the clock does not know", auth + channel, "0 C 0 0\n1000 R 0 70\n", time.Time{}},
		{"the server's clock is better", auth + stamp, "0 C 0 0\n1000 R 0 999\n", time.Unix(1795311555, 250e3)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tr, err := NewTrace([]byte(test.data), []byte(test.clock))
			if err != nil {
				t.Fatal(err)
			}
			items := traceItems(t, tr)
			if got := items[len(items)-1].At; !got.Equal(test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestTraceWithoutClockGoesByBanners(t *testing.T) {
	lost := strings.Replace(twoConnections, "\r\nLo", "\r\n", 1)
	tr, err := NewTrace([]byte(lost), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := kinds(traceItems(t, tr)), "CBFFXCBF"; got != want {
		t.Errorf("kinds: got %s, want %s", got, want)
	}
}

func TestTraceRefusesABrokenClock(t *testing.T) {
	for _, clock := range []string{"x C 0 0", "1 R 0", "1 R 0 y", "1 C -z", "0 B yesterday", "1", "1 CC 0 0"} {
		if _, err := NewTrace(nil, []byte(clock)); err == nil {
			t.Errorf("clock %q: no error", clock)
		}
	}
}

func TestStoppedTraceEnds(t *testing.T) {
	tr, err := NewTrace([]byte(twoConnections), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Next(); err != nil {
		t.Fatal(err)
	}
	tr.Stop()
	if _, err := tr.Next(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it stopped", err)
	}
}

func TestOpenTrace(t *testing.T) {
	dir := t.TempDir()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write([]byte(strings.Replace(twoConnections, "\r\nLo", "\r\n", 1))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"a.ami": []byte(twoConnections), "a.tim": []byte(twoConnectionsClock), "b.ami.gz": z.Bytes(), "c.ami.gz": []byte("no")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"a.ami": "CBFFXCBFX", "b.ami.gz": "CBFFXCBF"} {
		tr, err := OpenTrace(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := kinds(traceItems(t, tr)); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "d.ami.gz"), z.Bytes()[:z.Len()-9], 0o600); err != nil {
		t.Fatal(err)
	}
	tr, err := OpenTrace(filepath.Join(dir, "d.ami.gz"))
	if !errors.Is(err, io.ErrUnexpectedEOF) || tr == nil {
		t.Fatalf("cut short: %v, trace %v; want both", err, tr)
	}
	if got := kinds(traceItems(t, tr)); got == "" || tr.Messages() == 0 || tr.Size() == 0 {
		t.Errorf("cut short: got %s, %d messages in %d bytes", got, tr.Messages(), tr.Size())
	}
	for _, name := range []string{"absent.ami", "c.ami.gz"} {
		if _, err := OpenTrace(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// recorded returns the paths of all recorded traces.
func recorded(t testing.TB) []string {
	t.Helper()
	paths := recordedPaths()
	if len(paths) < 100 {
		t.Fatalf("found %d recorded traces in ../testdata/traces", len(paths))
	}
	return paths
}

// sampled returns all recorded traces; under the race detector every fourth.
func sampled(t testing.TB) []string {
	t.Helper()
	return race.Sample(recorded(t), 4)
}

func recordedPaths() []string {
	var paths []string
	for _, pattern := range []string{"../testdata/traces/*/*.ami", "../testdata/traces/*/*.ami.gz"} {
		found, _ := filepath.Glob(pattern) // the patterns are well formed
		paths = append(paths, found...)
	}
	return paths
}

// recordedPath returns where one trace is, compressed or not.
func recordedPath(t *testing.T, flavour, name string) string {
	t.Helper()
	for _, path := range recorded(t) {
		if strings.HasPrefix(path, "../testdata/traces/"+flavour+"/"+name+".ami") {
			return path
		}
	}
	t.Fatalf("no recorded trace %s/%s", flavour, name)
	return ""
}

func TestRecordedTracesHaveTimes(t *testing.T) {
	for _, path := range sampled(t) {
		tr, err := OpenTrace(path)
		if err != nil {
			t.Fatal(err)
		}
		var last time.Time
		channels := false
		for i, item := range traceItems(t, tr) {
			channels = channels || item.Msg.Event() == "Newchannel"
			if item.At.IsZero() && channels {
				t.Fatalf("%s: item %d has no time", path, i)
			}
			if item.At.IsZero() {
				continue
			}
			if item.At.Before(last.Add(-2 * time.Second)) {
				t.Errorf("%s: item %d at %v comes after %v", path, i, item.At, last)
			}
			last = item.At
		}
		if tr.Lost() != 0 {
			t.Errorf("%s: %d bytes unterminated", path, tr.Lost())
		}
	}
}
