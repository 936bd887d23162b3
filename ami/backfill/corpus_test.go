package backfill

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/ami/calls"
	"patchcord/crm"
)

const traceDir = "../../testdata/traces"

// celTraces returns FLAVOUR/NAME of every trace that has a channel event log.
func celTraces(t testing.TB) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"*/*.cel.csv", "*/*.cel.csv.gz"} {
		found, err := filepath.Glob(filepath.Join(traceDir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			name, _ := filepath.Rel(traceDir, path)
			name, _, _ = strings.Cut(name, ".cel.csv")
			out = append(out, filepath.ToSlash(name))
		}
	}
	slices.Sort(out)
	return out
}

// plain returns the path of a file, unpacked when it is stored packed.
func plain(t testing.TB, path string) string {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		return path
	}
	f, err := os.Open(path + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := os.WriteFile(out, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

// celCalls returns what the channel event log of a trace tells.
func celCalls(t testing.TB, trace string) []*crm.Call {
	t.Helper()
	src := CELFile(plain(t, filepath.Join(traceDir, trace+".cel.csv")), nil, time.UTC, true)
	var out []*crm.Call
	g := newGrouper(func(g Group) error {
		var cut time.Time
		if !g.Ended {
			cut = g.Rows[len(g.Rows)-1].At
		}
		list, err := FoldCEL(calls.Config{PBX: "pbx"}, g, cut)
		out = append(out, list...)
		return err
	})
	rep, err := src.Rows(context.Background(), time.Time{}, time.Time{}, g.add)
	if err != nil || rep.Bad != 0 {
		t.Fatalf("%s: %v, %d bad rows", trace, err, rep.Bad)
	}
	if err := g.flush(); err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(out, func(a, b *crm.Call) int { return a.StartedAt.Compare(b.StartedAt.Time) })
	return out
}

func expectation(t testing.TB, trace string) (any, bool) {
	t.Helper()
	for _, path := range []string{trace, filepath.Base(trace)} {
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

// notTold are fields that a record made of CEL may lack, however the expectation has them.
var notTold = regexp.MustCompile(`\.(ring_ms|hold_ms|wait_ms|consult_ms|shown_name|position|recordings|attributes|complete|gaps|space|cause|vmstatus)$|` +
	`queue_visits(\[\d\]\.\w+)?$|\.queue$`)

// celDelay is by how many ms more a row may be late than the frame of the same thing;
// of a recording made on a machine with much else to do, where it is the frames that
// were late, lateFrames.
const (
	celDelay   = 100
	lateFrames = 1000
)

// recordedLate returns the names of the scenarios that were recorded on such a machine.
func recordedLate(t *testing.T) map[string]bool {
	t.Helper()
	late := map[string]bool{}
	for _, file := range []string{"scenarios_chains.py", "scenarios_distro_chains.py", "scenarios_further.py", "scenarios_distro_further.py"} {
		b, err := os.ReadFile(filepath.Join("../../testdata/asterisk-lab", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^@\w*scenario\w*\('([^']+)'`).FindAllStringSubmatch(string(b), -1) {
			late[m[1]] = true
		}
	}
	if len(late) < 90 {
		t.Errorf("%d scenarios were found in the lab, want 90 at least", len(late))
	}
	return late
}

// celTellsLess are fields, by trace, that CEL does not tell, or tells otherwise than
// the events: what is known of it, and why.
var celTellsLess = map[string]string{
	// Rows say that the PBX answered, not what it did then: no application writes any.
	"chanspy": "outcome", "conference-alone": "outcome", "dialplan-echo": "outcome", "dtmf-userevent-varset": "outcome",
	"ivr-abandoned": "outcome", "ivr-menu-abandoned": "outcome",
	"bot-caller-leaves": "outcome", "bot-in-room": "outcome", "bot-internal": "outcome",
	"desk-login": "outcome", "queue-barge": "outcome", "queue-login-code": "outcome", "queue-pause-code": "outcome",
	"queue-whisper": "outcome", "voicemail-check": "outcome", "originate-application": "outcome",
	"inbound-queue-abandoned": "outcome", "inbound-queue-joinempty": "outcome", "queue-full": "outcome",
	// (16 writes no rows of what is played, nor a queue's name before somebody answers.)
	"originate-voicemail-customer": "outcome ended_by", "queue-two-callers": "outcome", "queue-voicemail": "outcome ended_by",
	"ivr-timeout-queue": "completed", "queue-blind-voicemail": "completed", "queue-local-mailbox": "completed", "queue-callback": "outcome",
	"queue-one-round-voicemail": "outcome ended_by result", "queue-ringall-together": "queue queue_visits",
	"queue-blond-queue":                        "queue_visits via",
	"inbound-queue-timeout-overflow-voicemail": "outcome", "queue-overflow-answered": "queue_visits",
	"blind-transfer-voicemail": "ended_by completed", "callee-sent-voicemail": "completed",
	// A member stops ringing: by the ring time, or because the caller left the queue.
	"queue-key": "result by", "queue-redirected": "result by", "queue-leave-empty": "result",
	"attended-transfer-caller-leaves-ringing": "result by", "redirect-ringing-voicemail": "result by",
	"queue-ringall-abandoned": "result by started_at",
	// Nor that the PBX took a phone back, whatever another one said meanwhile; nor what a mobile says that is asked to confirm.
	"group-abandoned": "for", "group-pickup-refused": "for", "followme-confirm-refused": "result",
	// Nor what Dial was told, before it is answered, nor whom an Originate calls.
	"mobile-confirm-abandoned": "number", "mobile-mailbox": "number", "mobile-refused": "number",
	"originate-amd-machine": "number outcome", "originate-amd-queue": "number with",
	// A distribution dials with the prefix taken off, at the place "s".
	"click-to-call-attended": "number with for", "click-to-call-cancelled": "number", "click-to-call-internal": "number direction",
	"click-to-call": "number with for", "click-to-call-voicemail": "number for", "group-forward": "for number",
	"click-to-call-local-blind": "number with for", "click-to-call-local-hold": "number with for", "click-to-call-local-park": "number with for",
	"click-failover-park": "number with", "outbound-code-recall": "number",
	// After a kill there is no last row: the last thing that was said is what is known.
	"sigkill-midcall": "ended_at talk_ms", "sigkill-ringing": "ended_at", "sigkill-everywhere": "ended_at talk_ms outcome",
	// Which row of a move through several bridges is the event's: seconds of music,
	// recording or a masquerade are booked otherwise.
	"ami-bridge": "ended_at started_at", "ami-redirect-both-conference": "answered_at started_at talk_ms",
	"outbound-record-code": "ended_at talk_ms", "queue-pickup": "answered_at", "queue-mobile-agent": "left_at wait_ms",
	// Its expectation is disputed (ami/calls holds the same trace against it).
	"attended-transfer-conference": "ended_at talk_ms left_at completed",
	// Who clicked, where a ring went on to, and where a call was in a queue's or a menu's dialplan.
	"click-attended-code": "number with", "click-application-queue": "number with", "click-customer-rejects": "number direction",
	"click-forwarded": "calls", "taken-click": "to direction outcome number for", "click-two-outside": "number with via", "pickup-of-click": "for", "pickup-group-number": "by for",
	"outbound-failover-cancelled": "outcome ended_by result", "queue-autopause": "outcome result", "queue-to-room": "result by",
	"spied-and-transferred": "outcome", "twin-mobile-answers": "for", "pickup-forwarded": "result by",
	"devices-picked-up": "result by extension", "queue-member-twice": "offers", "click-queue-abandoned": "result by", "outbound-queue-abandoned": "result by",
	"outbound-asked-queue-waiting": "offers via", "group-member-forwards-outside": "for", "click-followme": "number", "click-hunt": "number",
	"consult-code-picked-up": "to", "room-invites-outside": "offers",
	// A Redirect out of ringing has no row, and nothing joins a phone that is called back with the call that it left.
	"redirect-in-transfer": "result by completed via", "blond-redirected": "result by completed via", "recall-nobody": "calls",
	"queue-recall-busy": "calls", "redirect-queued-queue": "result by queue queue_visits", "redirect-queued-voicemail": "result by outcome ended_by",
	"click-queue-cancelled": "result by", "internal-asked-queue-waiting": "via", "local-consult-picked-up": "to", "consult-code-taken": "to",
	"ring-back-busy": "number extension with", "ring-back-noanswer": "outcome to direction",
	// Nor that a call took the place of one that dialled or waited, nor whom who called had sent off when that one leaves the ringing.
	"taken-dialling": "number outcome ended_by offers talks", "taken-queued": "outcome ended_by talks queue_visits",
	"callee-sent-hangs-up": "result by", "caller-blond-noanswer": "offers", "queue-line-joined": "number",
	// Transfer() sends a call away without a row.
	"sent-away-ringing": "ended_by", "sent-away-answered": "ended_by outcome",
	// FollowMe() dials without showing who was dialled, nor which of two who answer at once it takes.
	"followme-application": "result by via extension", "followme-second-sends-on": "result by outcome",
}

// leastCompared is how many fields of the corpus are held against expectations, so
// that a fold which tells nothing does not pass.
const leastCompared = 38_500

// TestCorpusTellsWhatCELKnows folds the recorded channel event logs and holds what
// comes out against the expected records of the same calls.
func TestCorpusTellsWhatCELKnows(t *testing.T) {
	compared, less, late := 0, 0, recordedLate(t)
	for _, trace := range celTraces(t) {
		want, ok := expectation(t, trace)
		if !ok {
			continue
		}
		b, err := json.Marshal(celCalls(t, trace))
		if err != nil {
			t.Fatal(err)
		}
		var got any
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		m := &matcher{delay: celDelay}
		if late[filepath.Base(trace)] {
			m.delay = lateFrames
		}
		if list, _ := got.([]any); len(list) > 0 {
			m.fileStart = startOf(list[0])
		}
		m.match("calls", want, got)
		compared += m.compared
		for _, d := range m.out {
			field, _, _ := strings.Cut(d, ":")
			field = field[strings.LastIndexByte(field, '.')+1:]
			if !slices.Contains(strings.Fields(celTellsLess[filepath.Base(trace)]), field) {
				t.Errorf("%s: %s", trace, d)
			}
			less++
		}
	}
	t.Logf("%d fields compared, %d of them CEL tells less or otherwise", compared, less)
	if compared < leastCompared {
		t.Errorf("only %d fields were compared, want %d at least", compared, leastCompared)
	}
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
	compared         int
	delay            float64 // ms
	out              []string
}

func (m *matcher) differ(path string, want, got any) {
	w, _ := json.Marshal(want)
	g, _ := json.Marshal(got)
	m.out = append(m.out, fmt.Sprintf("%s: got %s, want %s", path, g, w))
}

func (m *matcher) match(path string, want, got any) {
	if got == nil && notTold.MatchString(path) || strings.HasSuffix(path, "].complete") {
		return
	}
	switch w := want.(type) {
	case nil:
		m.compared++
		if got != nil {
			m.differ(path, want, got)
		}
	case []any:
		m.list(path, w, got)
	case map[string]any:
		m.object(path, w, got)
	default:
		m.compared++
		if !reflect.DeepEqual(want, got) {
			m.differ(path, want, got)
		}
	}
}

func (m *matcher) list(path string, want []any, got any) {
	g, _ := got.([]any)
	if len(g) != len(want) {
		m.compared++
		m.differ(path, want, got)
		return
	}
	for i := range want {
		m.match(fmt.Sprintf("%s[%d]", path, i), want[i], g[i])
	}
}

func (m *matcher) fits(path string, want, got any) bool {
	try := matcher{fileStart: m.fileStart, start: m.start, delay: m.delay}
	try.match(path, want, got)
	return len(try.out) == 0
}

func (m *matcher) object(path string, want map[string]any, got any) {
	if either, ok := want["any"].([]any); ok {
		m.compared++
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
		m.compared++
		g, isNumber := got.(float64)
		if !isNumber || math.Abs(g-n) > want["within"].(float64)+m.delay {
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
		m.compared++
		m.differ(path, want, got)
		return
	}
	for _, w := range want {
		i := slices.IndexFunc(rest, func(g any) bool { return m.fits(path, w, g) })
		if i < 0 {
			m.match(path+"[?]", w, rest[0])
			return
		}
		m.match(path+"[?]", w, rest[i])
		rest = slices.Delete(rest, i, i+1)
	}
}

func (m *matcher) instant(path string, after, within float64, got any) {
	m.compared++
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
	if ms := float64(at.Sub(base).Milliseconds()); math.Abs(ms-after) > within+m.delay {
		m.out = append(m.out, fmt.Sprintf("%s: got %v ms after the start, want %v ± %v", path, ms, after, within))
	}
}

func (m *matcher) fields(path string, want map[string]any, got any) {
	g, ok := got.(map[string]any)
	if !ok && got != nil {
		m.compared++
		m.differ(path, want, got)
		return
	}
	if s := startOf(got); strings.HasPrefix(path, "calls[") && strings.Count(path, ".") == 0 && !s.IsZero() {
		saved := m.start
		m.start = s
		defer func() { m.start = saved }()
	}
	for k, w := range want {
		if k == "linkedids_count" {
			ids, _ := g["linkedids"].([]any)
			m.match(path+".linkedids_count", w, float64(len(ids)))
			continue
		}
		m.match(path+"."+k, w, g[k])
	}
}
