package calls

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"patchcord/ami"
)

// TestLawLists: a list that says what is so, asked for at any point, changes nothing.
func TestLawLists(t *testing.T) {
	for i, s := range everyStory(t, "load", "login", "idle", "resync-replies") {
		want := tellAll(t, s.inputs).told(t)
		got := newTeller(t, lawConfig)
		for n, in := range s.inputs {
			got.tell(in)
			if in.Kind == Frame && (n+i)%29 == 0 {
				got.tell(listAfter(got.t, in)...)
			}
		}
		sameRecords(t, s.name, got.told(t), want)
	}
}

// listAfter returns the list that Asterisk would answer with after the input.
func listAfter(t *Tracker, after Input) []Input {
	out := []Input{{Kind: ResyncBegin, At: after.At}}
	ids := make([]string, 0, len(t.chans))
	for id := range t.chans {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		ch := t.chans[id]
		state, bridge := "4", ""
		switch {
		case ch.Up.set():
			state = stateUp
		case ch.Ring.set():
			state = stateRinging
		}
		if b := ch.bridge(); b != nil {
			bridge = b.Bridge
		}
		row := fmt.Sprintf("Event: CoreShowChannel\r\nActionID: r-1\r\nChannel: %s\r\nUniqueid: %s\r\nLinkedid: %s\r\nChannelState: %s\r\nBridgeId: %s\r\n",
			ch.Name, ch.ID, ch.Linkedid, state, bridge)
		out = append(out, Input{Kind: Frame, At: after.At, Msg: ami.NewMessage(row)})
	}
	return append(out, Input{Kind: ResyncEnd, At: after.At, Complete: true})
}

// TestLawChunks: however the bytes of a trace arrive, they are the same messages.
func TestLawChunks(t *testing.T) {
	var paths []string
	for _, flavour := range flavours {
		for _, name := range traces(t, flavour) {
			if !strings.Contains(name, "load-50") {
				paths = append(paths, filepath.Join(traceDir, flavour, name+".ami"))
			}
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		data := traceBytes(t, rapid.SampledFrom(paths).Draw(rt, "trace"))
		sizes := rapid.SliceOfN(rapid.IntRange(1, 700), 1, 9).Draw(rt, "sizes")
		want := messages(ami.NewReader(bytes.NewReader(data), ami.ReaderConfig{}))
		got := messages(ami.NewReader(&pieces{data: data, sizes: sizes}, ami.ReaderConfig{}))
		if len(want) == 0 || !slices.Equal(got, want) {
			rt.Fatalf("got %d messages, want the %d that come out of one piece", len(got), len(want))
		}
	})
}

func traceBytes(t testing.TB, path string) []byte {
	t.Helper()
	if b, err := os.ReadFile(path); err == nil {
		return b
	}
	f, err := os.Open(path + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// messages returns what a reader gives until it ends, banner first.
func messages(r *ami.Reader) []string {
	var out []string
	if _, err := r.ReadBanner(); err == nil {
		out = append(out, r.Banner())
	}
	for {
		v, err := r.Next()
		if err != nil {
			return out
		}
		out = append(out, v.Keep().Raw())
	}
}

// pieces reads at most sizes[i] bytes in the i-th read, over and over.
type pieces struct {
	data  []byte
	sizes []int
	n     int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.sizes[p.n%len(p.sizes)])], p.data)
	p.n, p.data = p.n+1, p.data[n:]
	return n, nil
}

// TestLawTwoPBXs: two PBXs whose Uniqueids are the same do not touch each other.
func TestLawTwoPBXs(t *testing.T) {
	stories := everyStory(t, "load-50", "login", "idle")
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.SampledFrom(stories).Draw(rt, "story")
		turns := rapid.SliceOfN(rapid.IntRange(1, 40), 1, 12).Draw(rt, "turns")
		names := []string{"hq", "branch"}
		var want, got [2]*teller
		for i, name := range names {
			cfg := lawConfig
			cfg.PBX = name
			want[i], got[i] = newTeller(t, cfg), newTeller(t, cfg)
			want[i].tell(s.inputs...)
		}
		rest := [2][]Input{s.inputs, s.inputs}
		for n := 0; len(rest[0])+len(rest[1]) > 0; n++ {
			i := n % 2
			take := min(turns[n%len(turns)], len(rest[i]))
			got[i].tell(rest[i][:take]...)
			rest[i] = rest[i][take:]
		}
		for i, name := range names {
			records := got[i].told(t)
			sameRecords(rt, s.name+" of "+name, records, want[i].told(t))
			for id := range records {
				if !strings.HasPrefix(id, name+":") {
					rt.Errorf("%s: %s is not of %s", s.name, id, name)
				}
			}
		}
	})
}
