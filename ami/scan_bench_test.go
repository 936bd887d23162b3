//go:build unix

package ami

import (
	"bytes"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// benchEvents is how many events the benchmarks read: the recorded traces over and
// over, without TestEvent, which only test builds of Asterisk send.
const benchEvents = 200_000

var benchStream = sync.OnceValues(func() ([]byte, error) {
	var once bytes.Buffer
	n := 0
	for _, path := range recordedPaths() {
		tr, err := OpenTrace(path)
		if err != nil {
			return nil, err
		}
		for {
			item, err := tr.Next()
			if err == io.EOF {
				break
			}
			if event := item.Msg.Event(); event != "" && event != "TestEvent" {
				once.WriteString(strings.TrimRight(item.Msg.Raw(), "\r\n") + "\r\n\r\n")
				n++
			}
		}
	}
	if n == 0 {
		return nil, fmt.Errorf("no recorded events")
	}
	times := (benchEvents + n - 1) / n
	return bytes.Repeat(once.Bytes(), times), nil
})

func benchBytes(b *testing.B) (data []byte, events int) {
	b.Helper()
	data, err := benchStream()
	if err != nil {
		b.Fatal(err)
	}
	return data, bytes.Count(data, []byte("\r\n\r\n"))
}

// sink keeps the compiler from leaving work out.
type sink struct{ n int }

// scanLines is the yardstick: every newline of data, and nothing else.
func scanLines(data []byte) (lines int) {
	for {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			return lines
		}
		lines++
		data = data[i+1:]
	}
}

// touch looks at the fields that a call tracker looks at first.
func (s *sink) touch(v *View) {
	s.n += len(v.Event()) + len(v.Field(KeyUniqueid)) + len(v.Field(KeyLinkedid)) + len(v.Field(KeyChannel)) +
		len(v.Field(KeyCallerIDNum)) + len(v.Field(KeyDestUniqueid))
}

// readTyped reads every event of data.
func readTyped(data []byte, s *sink) (events int) {
	r := NewReader(bytes.NewReader(data), ReaderConfig{})
	for v, err := r.Next(); err == nil; v, err = r.Next() {
		events++
		s.touch(v)
	}
	return events
}

func BenchmarkScanNewlines(b *testing.B) {
	data, events := benchBytes(b)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		scanLines(data)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(events), "ns/event")
}

// loopReader yields data over and over.
type loopReader struct {
	data []byte
	at   int
}

func (l *loopReader) Read(p []byte) (int, error) {
	n := copy(p, l.data[l.at:])
	l.at = (l.at + n) % len(l.data)
	return n, nil
}

// BenchmarkReadTyped reads one event a round: 0 allocs/op, 0 B/op.
func BenchmarkReadTyped(b *testing.B) {
	data, _ := benchBytes(b)
	r := NewReader(&loopReader{data: data}, ReaderConfig{})
	b.ReportAllocs()
	var s sink
	for b.Loop() {
		v, err := r.Next()
		if err != nil {
			b.Fatal(err)
		}
		s.touch(v)
	}
}

// BenchmarkReadKept reads one event a round and keeps it: 1 allocs/op.
func BenchmarkReadKept(b *testing.B) {
	data, _ := benchBytes(b)
	r := NewReader(&loopReader{data: data}, ReaderConfig{})
	b.ReportAllocs()
	var kept Message
	for b.Loop() {
		v, err := r.Next()
		if err != nil {
			b.Fatal(err)
		}
		kept = v.Keep()
	}
	if kept.Event() == "" {
		b.Error("the last event has no name")
	}
}

// TestAllocations holds the reader to what the benchmarks promise.
func TestAllocations(t *testing.T) {
	data, err := readTraceFile(recordedPath(t, "22", "inbound-queue-answered"))
	if err != nil {
		t.Fatal(err)
	}
	r := NewReader(&loopReader{data: data[len(fakeBanner):]}, ReaderConfig{})
	var s sink
	var kept Message
	view := testing.AllocsPerRun(2_000, func() {
		if v, err := r.Next(); err == nil {
			s.touch(v)
		}
	})
	keep := testing.AllocsPerRun(2_000, func() {
		if v, err := r.Next(); err == nil {
			kept = v.Keep()
		}
	})
	if view != 0 || keep != 1 || s.n == 0 || kept.Raw() == "" {
		t.Errorf("got %v allocations for a view and %v for a message kept, want 0 and 1", view, keep)
	}
}

// BenchmarkReadTypedVersusScan measures reading against the yardstick in 9
// alternating rounds of CPU time; x-scan is the ratio of the least of each.
func BenchmarkReadTypedVersusScan(b *testing.B) {
	const rounds = 9
	data, events := benchBytes(b)
	var s sink
	if got := readTyped(data, &s); got != events {
		b.Fatalf("read %d events, want %d", got, events)
	}
	var ratio float64
	for b.Loop() {
		var scan, read []time.Duration
		for range rounds {
			scan = append(scan, cpuTime(b, func() { s.n += scanLines(data) }))
			read = append(read, cpuTime(b, func() { readTyped(data, &s) }))
		}
		sort.Slice(scan, func(i, j int) bool { return scan[i] < scan[j] })
		sort.Slice(read, func(i, j int) bool { return read[i] < read[j] })
		ratio = float64(read[0]) / float64(scan[0])
		b.ReportMetric(float64(scan[0].Nanoseconds())/float64(events), "scan-ns/event")
		b.ReportMetric(float64(read[0].Nanoseconds())/float64(events), "read-ns/event")
	}
	b.ReportMetric(ratio, "x-scan")
}

// cpuTime returns how much processor time the process spent while f ran.
func cpuTime(b *testing.B, f func()) time.Duration {
	b.Helper()
	before := usage(b)
	f()
	return usage(b) - before
}

func usage(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
