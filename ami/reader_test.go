package ami

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// outcome is all that a Reader says about a stream.
type outcome struct {
	banner   string
	messages []string // each with its typed fields, so that they are compared too
	troubles []string
	stats    ReaderStats
}

func readAll(t testing.TB, r io.Reader, cfg ReaderConfig) outcome {
	t.Helper()
	var out outcome
	cfg.OnTrouble = func(tr Trouble) { out.troubles = append(out.troubles, fmt.Sprint(tr.Kind, tr.Bytes)) }
	reader := NewReader(r, cfg)
	for {
		v, err := reader.Next()
		if err == io.EOF {
			out.banner, out.stats = reader.Banner(), reader.Stats()
			return out
		}
		if err != nil {
			t.Fatalf("next: %v", err)
		}
		out.messages = append(out.messages, describe(v))
	}
}

func describe(v *View) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q suspect=%v", v.Raw(), v.Suspect())
	for k := KeyNone + 1; k < numKeys; k++ {
		if v.Has(k) {
			fmt.Fprintf(&b, " %v=%q", k, v.Field(k))
		}
	}
	return b.String()
}

func (o outcome) equal(p outcome) bool {
	return o.banner == p.banner && slices.Equal(o.messages, p.messages) &&
		slices.Equal(o.troubles, p.troubles) && o.stats == p.stats
}

// chunks reads at most sizes[i] bytes in the i-th read, over and over.
type chunks struct {
	data  []byte
	sizes []byte
	i     int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	size := 1
	if len(c.sizes) > 0 {
		size = 1 + int(c.sizes[c.i%len(c.sizes)])
		c.i++
	}
	n := copy(p, c.data[:min(size, len(c.data))])
	c.data = c.data[n:]
	return n, nil
}

func raws(t *testing.T, stream string) []string {
	t.Helper()
	r := NewReader(strings.NewReader(stream), ReaderConfig{})
	var got []string
	for v, err := r.Next(); err == nil; v, err = r.Next() {
		got = append(got, v.Keep().Raw())
	}
	return got
}

// A frame may be cut at any byte, and many may come in one read.
func TestFault_B1_CutAtAnyByte(t *testing.T) {
	const stream = "Asterisk Call Manager/5.0.4\r\nResponse: Success\r\nMessage: Park successful\n\r\n\r\n" +
		"\r\nEvent: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/1001-00000000\r\nUniqueid: 1.2\r\n\r\n" +
		"Event: A\nX:1\n\nEvent: Long\r\nValue: " + "0123456789012345678901234567890123456789" + "\r\n\r\n" +
		"Event: B\r\nEvent: C\r\n\r\r\n\r\nEvent: Tail"
	limits := ReaderConfig{MaxLine: 40, MaxFrame: 100, MaxHeaders: 4}
	for _, cfg := range []ReaderConfig{{}, limits} {
		want := readAll(t, strings.NewReader(stream), cfg)
		for cut := range len(stream) {
			r := io.MultiReader(strings.NewReader(stream[:cut]), strings.NewReader(stream[cut:]))
			if got := readAll(t, r, cfg); !got.equal(want) {
				t.Fatalf("cut at %d:\n got %+v\nwant %+v", cut, got, want)
			}
		}
		if got := readAll(t, iotest.OneByteReader(strings.NewReader(stream)), cfg); !got.equal(want) {
			t.Fatalf("byte by byte:\n got %+v\nwant %+v", got, want)
		}
	}
}

func TestFault_B2_LineEnds(t *testing.T) {
	tests := []struct {
		name, stream string
		want         []string
	}{
		{"CR LF", "A: 1\r\nB: 2\r\n\r\nC: 3\r\n\r\n", []string{"A: 1\r\nB: 2", "C: 3"}},
		{"LF", "A: 1\nB: 2\n\nC: 3\n\n", []string{"A: 1\nB: 2", "C: 3"}},
		{"LF then a CR LF blank line", "A: 1\n\r\nC: 3\r\n\n", []string{"A: 1", "C: 3"}},
		{"CR LF LF", "A: 1\r\n\nC: 3\r\n\n", []string{"A: 1", "C: 3"}},
		{"CR CR LF", "A: 1\r\r\nB: 2\r\n\r\r\n", []string{"A: 1\r\r\nB: 2"}},
		{"extra blank lines", "\r\n\r\nA: 1\r\n\r\n\r\n\n\r\nC: 3\r\n\r\n", []string{"A: 1", "C: 3"}},
		{"LF in a line's end", "Message: Park successful\n\r\n\r\nC: 3\r\n\r\n", []string{"Message: Park successful", "C: 3"}},
		{"banner glued on", "Asterisk Call Manager/11.0.0\r\nA: 1\r\n\r\n", []string{"A: 1"}},
		{"nothing", "\r\n", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := raws(t, test.stream); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestFault_B3_OddLinesAreKept(t *testing.T) {
	const frame = "Event: Odd\r\nno colon here\r\nNoSpace:x\r\nEmpty:\r\nBlank: \r\n:nameless\r\nTwo:  spaces\r\nChanVariable(PJSIP/1001-00000001): A=b: c"
	r := NewReader(strings.NewReader(frame+"\r\n\r\n"), ReaderConfig{})
	v, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Event=Odd", "=no colon here", "NoSpace=x", "Empty=", "Blank=", "=nameless", "Two= spaces", "ChanVariable(PJSIP/1001-00000001)=A=b: c"}
	var view, kept []string
	for name, value := range v.All() {
		view = append(view, string(name)+"="+string(value))
	}
	m := v.Keep()
	for name, value := range m.All() {
		kept = append(kept, name+"="+value)
	}
	if !slices.Equal(view, want) {
		t.Errorf("view: got %q, want %q", view, want)
	}
	if !slices.Equal(kept, want) {
		t.Errorf("kept: got %q, want %q", kept, want)
	}
	if got := m.Raw(); got != frame {
		t.Errorf("raw: got %q, want %q", got, frame)
	}
	if _, ok := m.Lookup("Empty"); !ok {
		t.Error("the empty header was not found")
	}
	if _, ok := m.Lookup("Missing"); ok {
		t.Error("a missing header was found")
	}
}

func TestFault_B4_RepeatedKeysKeepTheirOrder(t *testing.T) {
	r := NewReader(strings.NewReader("Response: Success\r\nOutput: a\r\nOutput: \r\nChanVariable: X=1\r\nOutput: b\r\nChanVariable: Y=2\r\n\r\n"), ReaderConfig{})
	v, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	m := v.Keep()
	if got, want := slices.Collect(m.Values("output")), []string{"a", "", "b"}; !slices.Equal(got, want) {
		t.Errorf("Output: got %q, want %q", got, want)
	}
	if got, want := slices.Collect(m.Values("ChanVariable")), []string{"X=1", "Y=2"}; !slices.Equal(got, want) {
		t.Errorf("ChanVariable: got %q, want %q", got, want)
	}
	if v.Suspect() {
		t.Error("lists made the message suspect")
	}
}

// endless yields n bytes of pattern, without holding them.
type endless struct {
	pattern []byte
	left    int
	at      int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	for filled := 0; filled < n; {
		m := copy(p[filled:n], e.pattern[e.at:])
		filled, e.at = filled+m, (e.at+m)%len(e.pattern)
	}
	e.left -= n
	return n, nil
}

func TestFault_B5_OversizeFramesAreDiscarded(t *testing.T) {
	const after = "\r\n\r\nEvent: After\r\n\r\n"
	tests := []struct {
		name    string
		pattern string
		size    int
	}{
		{"one endless line", "x", 100 << 20},
		{"endless header lines", "Name: value\r\n", 20 << 20},
		{"too many short lines", "a:\n", 3 * 5000},
		{"a line over its limit", "y", 64<<10 + 1},
		{"NULs", "\x00", 10 << 20},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			stream := io.MultiReader(strings.NewReader("Event: Before\r\n\r\n"),
				&endless{pattern: bytes.Repeat([]byte(test.pattern), 1000), left: test.size}, strings.NewReader(after))
			var troubles []Trouble
			r := NewReader(stream, ReaderConfig{OnTrouble: func(tr Trouble) { troubles = append(troubles, tr) }})
			var before, now runtime.MemStats
			runtime.ReadMemStats(&before)
			var events []string
			for v, err := r.Next(); err == nil; v, err = r.Next() {
				events = append(events, string(v.Event()))
			}
			runtime.ReadMemStats(&now)
			if want := []string{"Before", "After"}; !slices.Equal(events, want) {
				t.Errorf("events: got %q, want %q", events, want)
			}
			if len(troubles) != 1 || troubles[0].Kind != TroubleOversize || troubles[0].Bytes < int64(test.size) {
				t.Errorf("troubles: got %+v, want one of %d bytes", troubles, test.size)
			}
			if s := r.Stats(); s.Oversize != 1 || s.OversizeBytes != uint64(troubles[0].Bytes) {
				t.Errorf("stats: got %+v", s)
			}
			if grown := now.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
				t.Errorf("allocated %d bytes on the way", grown)
			}
		})
	}
}

func TestLargestFramesPass(t *testing.T) {
	line := "Value: " + strings.Repeat("v", 64<<10-7)
	frame := strings.Repeat(line+"\n", 15) + "Last: x"
	if got := raws(t, frame+"\n\n"); len(got) != 1 || got[0] != frame {
		t.Errorf("a frame of %d bytes did not pass", len(frame))
	}
	if got := raws(t, strings.Repeat("a:\n", 4096)+"\n"); len(got) != 1 {
		t.Error("a frame of 4096 headers did not pass")
	}
}

func TestFault_B6_BytesAreKeptRaw(t *testing.T) {
	const value = "\xff\xfe\x00\x1b[31m\u202e\x01"
	r := NewReader(strings.NewReader("Event: Newchannel\r\nCallerIDName: "+value+"\r\n\r\n"), ReaderConfig{})
	v, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(v.Field(KeyCallerIDName)); got != value {
		t.Errorf("view: got %q, want %q", got, value)
	}
	if got := v.Keep().Get("CallerIDName"); got != value {
		t.Errorf("kept: got %q, want %q", got, value)
	}
}

func TestFault_B7_Unescape(t *testing.T) {
	tests := []struct{ in, want string }{
		{`plain`, `plain`},
		{`O\'Brien`, `O'Brien`},
		{`Say \"Hi\" \\ there`, `Say "Hi" \ there`},
		{`Say \\\"Hi\\\"`, `Say \"Hi\"`},
		{`a\nb\rc\td\ae\bf\fg\vh\?`, "a\nb\rc\td\ae\bf\fg\vh?"},
		{`unknown \x stays`, `unknown \x stays`},
		{`at the end \`, `at the end \`},
		{`\\`, `\`},
		{`\\n`, `\n`},
		{``, ``},
		{"Zo\xc3\xab \\'", "Zo\xc3\xab '"},
	}
	for _, test := range tests {
		if got := Unescape(test.in); got != test.want {
			t.Errorf("Unescape(%q): got %q, want %q", test.in, got, test.want)
		}
	}
	m := NewMessage("Event: VarSet\r\nCallerIDNum: 1\\'2\r\nDestCallerIDName: O\\'Brien\r\nValue: a\\nb")
	for name, want := range map[string]string{"CallerIDNum": `1\'2`, "DestCalleridName": "O'Brien", "value": "a\nb", "None": ""} {
		if got := m.Text(name); got != want {
			t.Errorf("Text(%s): got %q, want %q", name, got, want)
		}
	}
	if got := NewMessage("Event: UserEvent\r\nValue: a\\nb").Text("Value"); got != `a\nb` {
		t.Errorf("a UserEvent's field: got %q", got)
	}
	for v, want := range map[string]bool{"": true, "<unknown>": true, "<null>": true, "0": false, "unknown": false} {
		if got := Empty(v); got != want {
			t.Errorf("Empty(%q): got %v, want %v", v, got, want)
		}
	}
}

func TestFault_B8_ForgedHeadersAreSuspect(t *testing.T) {
	const head = "Event: Newchannel\r\nPrivilege: call,all\r\nUniqueid: 1.2\r\nLinkedid: 1.2\r\n"
	tests := []struct {
		name, more string
		want       bool
	}{
		{"as Asterisk sends it", "CallerIDNum: 1001\r\n", false},
		{"a second Event", "CallerIDNum: 1\r\nEvent: Hangup\r\n", true},
		{"a second event, in lower case", "CallerIDNum: 1\r\nevent: Hangup\r\n", true},
		{"a second Privilege", "CallerIDNum: 1\r\nPrivilege: call,all\r\n", true},
		{"another Uniqueid", "Uniqueid: 9.9\r\n", true},
		{"the same Uniqueid again", "UniqueID: 1.2\r\n", false},
		{"another Linkedid", "LinkedID: 9.9\r\n", true},
		{"repeated variables", "ChanVariable: A=1\r\nChanVariable: A=2\r\n", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := NewReader(strings.NewReader(head+test.more+"\r\n"), ReaderConfig{})
			v, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if got := v.Suspect(); got != test.want {
				t.Errorf("suspect: got %v, want %v", got, test.want)
			}
			if got := string(v.Event()) + string(v.Field(KeyUniqueid)) + string(v.Field(KeyLinkedid)); got != "Newchannel1.21.2" {
				t.Errorf("the first of each does not win: %s", got)
			}
		})
	}
}

func TestFault_B12_UnterminatedTailIsDropped(t *testing.T) {
	for _, tail := range []string{"Event: Hang", "Event: Hangup\r\nCause: 16\r\n", "Event: Hangup\r\n\r"} {
		got := readAll(t, strings.NewReader("Event: A\r\n\r\n"+tail), ReaderConfig{})
		if len(got.messages) != 1 {
			t.Errorf("tail %q: got messages %q", tail, got.messages)
		}
		want := fmt.Sprint(TroublePartial, len(strings.Trim(tail, "\r\n")))
		if !slices.Equal(got.troubles, []string{want}) || got.stats.Partial != 1 {
			t.Errorf("tail %q: got troubles %v and %+v, want %s", tail, got.troubles, got.stats, want)
		}
	}
	if got := readAll(t, strings.NewReader("Event: A\r\n\r\n\r\n"), ReaderConfig{}); len(got.troubles) != 0 {
		t.Errorf("a blank tail: got troubles %v", got.troubles)
	}
}

func TestNextGoesOnAfterAPassingError(t *testing.T) {
	passing := errors.New("deadline")
	r := NewReader(io.MultiReader(strings.NewReader("Event: A\r\nX"), &failOnce{err: passing}, strings.NewReader(": 1\r\n\r\n")), ReaderConfig{})
	if _, err := r.Next(); !errors.Is(err, passing) {
		t.Fatalf("got %v, want %v", err, passing)
	}
	v, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := v.Keep().Raw(), "Event: A\r\nX: 1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("got %v, want EOF", err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("again: got %v, want EOF", err)
	}
	if _, err := NewReader(noBytes{}, ReaderConfig{}).Next(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a stream that gives nothing: got %v", err)
	}
}

type failOnce struct{ err error }

func (f *failOnce) Read([]byte) (int, error) {
	err := f.err
	f.err = io.EOF
	return 0, err
}

type noBytes struct{}

func (noBytes) Read([]byte) (int, error) { return 0, nil }

func TestReadBanner(t *testing.T) {
	tests := []struct {
		stream, version string
	}{
		{"Asterisk Call Manager/11.0.0\r\nEvent: A\r\n\r\n", "11.0.0"},
		{"Asterisk Call Manager/1.1\n", "1.1"},
		{"Asterisk Call Manager/\r\n", ""},
		{"Asterisk Call Manager/x.y\r\n", ""},
		{"Asterisk Call Manager/1..2\r\n", ""},
		{"SSH-2.0-OpenSSH_9.2\r\n", ""},
		{"Asterisk Call Manager/1." + strings.Repeat("1", 400) + "\r\n", ""},
	}
	for _, test := range tests {
		version, err := NewReader(strings.NewReader(test.stream), ReaderConfig{}).ReadBanner()
		if version != test.version || (err == nil) != (test.version != "") {
			t.Errorf("%.40q: got %q, %v, want %q", test.stream, version, err, test.version)
		}
		if err != nil && !errors.Is(err, ErrNotAsterisk) {
			t.Errorf("%.40q: got error %v", test.stream, err)
		}
	}
}

func TestFieldsMatchAllOverTheRecordedTraces(t *testing.T) {
	frames := 0
	for _, path := range sampled(t) {
		data, err := readTraceFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r := NewReader(bytes.NewReader(data), ReaderConfig{})
		for v, err := r.Next(); err == nil; v, err = r.Next() {
			frames++
			if frames%4 != 0 {
				continue // looking every name up takes its time
			}
			m := v.Keep()
			for k := KeyNone + 1; k < numKeys; k++ {
				want, ok := m.Lookup(k.String())
				if got := string(v.Field(k)); got != want || v.Has(k) != ok {
					t.Fatalf("%s: %v: got %q, want %q", path, k, got, want)
				}
			}
			if v.Suspect() && bytes.Count(v.Raw(), []byte(bannerPrefix)) == 0 {
				t.Errorf("%s: suspect: %q", path, v.Raw())
			}
		}
		if s := r.Stats(); s.Oversize+s.Partial != 0 {
			t.Errorf("%s: %+v", path, s)
		}
	}
	if frames < 30_000 {
		t.Errorf("read %d frames", frames)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("Asterisk Call Manager/5.0\r\nEvent: A\r\nUniqueid: 1.2\r\n\r\n\r\nEvent: B\nOutput: x\n\n"), []byte{0, 3}, uint8(40))
	f.Add([]byte("Message: Park successful\n\r\n\r\nEvent: A\r\nEvent: B\r\n\r\nEvent: \xff\x00"), []byte{7, 1}, uint8(0))
	f.Add([]byte("A: 1\n\n\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n"), []byte{6}, uint8(4)) // a blank line before an oversize frame
	if data, err := os.ReadFile("../testdata/traces/22/direct-busy.ami"); err == nil {
		f.Add(data[:2048], []byte{200}, uint8(200))
	}
	f.Fuzz(func(t *testing.T, data, sizes []byte, limit uint8) {
		cfg := ReaderConfig{MaxLine: int(limit), MaxFrame: 3 * int(limit), MaxHeaders: int(limit) / 4}
		whole := readAll(t, bytes.NewReader(data), cfg)
		if cut := readAll(t, &chunks{data: data, sizes: sizes}, cfg); !cut.equal(whole) {
			t.Errorf("cut: %+v\nwhole: %+v", cut, whole)
		}
		r := NewReader(bytes.NewReader(data), cfg)
		for v, err := r.Next(); err == nil; v, err = r.Next() {
			m := v.Keep()
			again := NewReader(strings.NewReader(m.Raw()+"\n\n"), ReaderConfig{})
			w, err := again.Next()
			banner := strings.HasPrefix(m.Raw(), bannerPrefix) // it would be taken for one
			if !banner && (err != nil || describe(w) != describe(v)) {
				t.Errorf("read again: got %v, want %v", err, describe(v))
			}
			for k := KeyNone + 1; k < numKeys; k++ {
				want, ok := m.Lookup(k.String())
				if got := string(v.Field(k)); got != want || v.Has(k) != ok {
					t.Errorf("%v: view %q, message %q", k, got, want)
				}
			}
		}
	})
}
