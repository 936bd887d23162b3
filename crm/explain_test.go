package crm

import (
	"slices"
	"strings"
	"testing"
	"time"
)

var ten = time.Date(2026, 3, 2, 10, 2, 3, 0, time.UTC)

// after returns the instant that many ms after ten.
func after(ms int) Time { return At(ten.Add(time.Duration(ms) * time.Millisecond)) }

func ms(n Millis) *Millis { return &n }

func sockets(n int) *int { return &n }

// ring is an offer of 1002, which is jo's, taken away after 180 ms.
func ring(change ...func(*Offer)) Offer {
	o := Offer{ID: "hq:1.2", Extension: "1002", Agent: "jo", StartedAt: after(0), EndedAt: after(180), Result: ResultRescinded, By: "1001"}
	for _, f := range change {
		f(&o)
	}
	return o
}

func delivery(fate string, at int, change ...func(*Evidence)) Evidence {
	e := Evidence{At: after(at), Kind: EvidenceDelivery, Name: fate, Offer: "hq:1.2", Agent: "jo", Text: fate}
	for _, f := range change {
		f(&e)
	}
	return e
}

func to(n int) func(*Evidence)      { return func(e *Evidence) { e.Sockets = sockets(n) } }
func took(n Millis) func(*Evidence) { return func(e *Evidence) { e.LatencyMS = ms(n) } }
func since(t Time) func(*Evidence)  { return func(e *Evidence) { e.Since = t } }
func answered(o *Offer)             { o.Result, o.By, o.EndedAt = ResultAccepted, "", after(3200) }
func nobodys(o *Offer)              { o.Agent = "" }
func ringing(o *Offer)              { o.Result, o.By, o.EndedAt = "", "", Time{} }
func by(who string) func(*Offer)    { return func(o *Offer) { o.By = who } }
func acknowledged(at int) Evidence {
	return Evidence{At: after(at), Kind: EvidenceAck, Offer: "hq:1.2", Agent: "jo"}
}
func seen(evidence ...Evidence) []Evidence { return evidence }
func boundSince(user string, t Time) Binding {
	return Binding{User: user, PBX: "hq", Extension: "1002", From: t}
}

func TestOneSentenceForEachRing(t *testing.T) {
	tests := map[string]struct {
		offer    Offer
		evidence []Evidence
		bindings []Binding
		gaps     []CallGap
		verdict  Verdict
		sentence string
	}{
		"popped and acknowledged": {
			ring(answered), seen(delivery(PopPublished, 100, to(2)), delivery(PopWritten, 120, took(42)), acknowledged(1320)), nil, nil, VerdictPopped,
			"popped at 10:02:03.120 on 2 screens, 42 ms after the phone began to ring, acknowledged after 1.2 s; 1002 answered after 3.2 s"},
		"popped, and no screen said so": {
			ring(answered), seen(delivery(PopPublished, 100, to(1)), delivery(PopWritten, 120, took(42))), nil, nil, VerdictPopped,
			"popped at 10:02:03.120 on 1 screen, 42 ms after the phone began to ring, never acknowledged by the screen; 1002 answered after 3.2 s"},
		"the agent connected while the phone rang": {
			ring(ringing), seen(delivery(PopPublished, 1, to(0)), delivery(PopCaught, 900)), nil, nil, VerdictPoppedLate,
			"popped at 10:02:03.900, when jo's screen connected, not acknowledged yet"},
		"nobody was connected any more": {
			ring(), seen(delivery(PopPublished, 1, to(0), since(after(-240_000)))), nil, nil, VerdictNotConnected,
			"rang at 10:02:03.000, but jo was not connected: the last screen closed at 09:58:03.000; rescinded after 180 ms because 1001 answered"},
		"nobody was connected ever": {
			ring(), seen(delivery(PopPublished, 1, to(0))), nil, nil, VerdictNotConnected,
			"rang at 10:02:03.000, but jo was not connected: no screen of jo had been open since the daemon started; rescinded after 180 ms because 1001 answered"},
		"connected to another node": {
			ring(answered), seen(delivery(PopPublished, 1, to(0)), delivery(PopPublished, 2, to(1)), delivery(PopWritten, 5, took(5))), nil, nil, VerdictPopped,
			"popped at 10:02:03.005 on 1 screen, 5 ms after the phone began to ring, never acknowledged by the screen; 1002 answered after 3.2 s"},
		"over before a screen took it": {
			ring(), seen(delivery(PopPublished, 1, to(1))), nil, nil, VerdictRescinded,
			"rang at 10:02:03.000, but rescinded after 180 ms because 1001 answered, before a screen took the pop"},
		"the caller gave up first": {
			ring(by("caller")), seen(delivery(PopPublished, 1, to(1))), nil, nil, VerdictRescinded,
			"rang at 10:02:03.000, but rescinded after 180 ms because the caller gave up, before a screen took the pop"},
		"an outside number is not told": {
			ring(by("07700900123")), seen(delivery(PopPublished, 1, to(1))), nil, nil, VerdictRescinded,
			"rang at 10:02:03.000, but rescinded after 180 ms because somebody outside answered, before a screen took the pop"},
		"the screen was too slow": {
			ring(answered), seen(delivery(PopPublished, 1, to(1)), delivery(PopDropped, 2, func(e *Evidence) { e.Text = "too slow" })), nil, nil, VerdictOverflow,
			"rang at 10:02:03.000, but the pop was lost with jo's screen, which was disconnected: too slow; 1002 answered after 3.2 s"},
		"dropped by one screen, taken by another": {
			ring(answered), seen(delivery(PopPublished, 1, to(2)), delivery(PopDropped, 2), delivery(PopWritten, 3, took(3))), nil, nil, VerdictPopped,
			"popped at 10:02:03.003 on 2 screens, 3 ms after the phone began to ring, never acknowledged by the screen; 1002 answered after 3.2 s"},
		"heard too late": {
			ring(answered), seen(delivery(PopTooOld, 45_000, took(45_000))), nil, nil, VerdictTooOld,
			"rang at 10:02:03.000, but not shown: the ring was 45.0 s old when it was heard, and only rings up to 30 s old are; 1002 answered after 3.2 s"},
		"no user": {
			ring(nobodys), nil, nil, nil, VerdictNoBinding,
			"rang at 10:02:03.000 and popped nowhere: no user is bound to extension 1002; rescinded after 180 ms because 1001 answered"},
		"a user since": {
			ring(nobodys), nil, []Binding{boundSince("ann", after(60_000))}, nil, VerdictNoBinding,
			"rang at 10:02:03.000 and popped nowhere: no user was bound to extension 1002 when it rang; ann has it since 10:03:03.000; rescinded after 180 ms because 1001 answered"},
		"who is logged in there is no user": {
			ring(nobodys), seen(Evidence{Kind: EvidenceIdentity, Name: "binding", Offer: "hq:1.2", Text: "no user is bound to hq/1002, where 2001 is logged in, nor to hq/2001"}), nil, nil, VerdictNoBinding,
			"rang at 10:02:03.000 and popped nowhere: no user is bound to hq/1002, where 2001 is logged in, nor to hq/2001; rescinded after 180 ms because 1001 answered"},
		"the extension was given away while it rang": {
			ring(answered), seen(delivery(PopPublished, 1, to(1)), delivery(PopWritten, 2, took(2)), acknowledged(3)),
			[]Binding{{User: "jo", PBX: "hq", Extension: "1002", From: after(-9000), Until: after(1500)}, boundSince("ann", after(1500))}, nil, VerdictPopped,
			"popped at 10:02:03.002 on 1 screen, 2 ms after the phone began to ring, acknowledged after 1 ms; 1002 answered after 3.2 s; while it rang, at 10:02:04.500, the extension became ann's, and so is what comes next"},
		"the extension was taken away while it rang": {
			ring(ringing), seen(delivery(PopPublished, 1, to(0))), []Binding{{User: "jo", PBX: "hq", Extension: "1002", From: after(-9000), Until: after(1500)}}, nil, VerdictNotConnected,
			"rang at 10:02:03.000, but jo was not connected: no screen of jo had been open since the daemon started; while it rang, at 10:02:04.500, the extension became nobody's, and so is what comes next"},
		"the extension was given away after it rang": {
			ring(), seen(delivery(PopPublished, 1, to(1))), []Binding{{User: "jo", PBX: "hq", Extension: "1002", From: after(-9000), Until: after(1500)}}, nil, VerdictRescinded,
			"rang at 10:02:03.000, but rescinded after 180 ms because 1001 answered, before a screen took the pop"},
		"the PBX was not heard": {
			ring(answered), nil, nil, []CallGap{{StartedAt: after(-1000), EndedAt: after(2000), Cause: GapDisconnect}}, VerdictGap,
			"rang at 10:02:03.000, but no pop: the PBX was not heard from 10:02:02.000 to 10:02:05.000 (disconnect); 1002 answered after 3.2 s"},
		"the node that had the PBX died": {
			ring(answered), seen(Evidence{At: after(1900), Kind: EvidenceOwner, Name: "b", Text: "node b listens to the PBX from here on"}), nil,
			[]CallGap{{StartedAt: after(-1000), EndedAt: after(2000), Cause: GapDaemonDown}}, VerdictGap,
			"rang at 10:02:03.000, but no pop: the PBX was not heard from 10:02:02.000 to 10:02:05.000 (daemon_down; at 10:02:04.900 node b listens to the PBX from here on); 1002 answered after 3.2 s"},
		"a gap that was over explains nothing": {
			ring(answered), nil, nil, []CallGap{{StartedAt: after(-2000), EndedAt: after(-1000), Cause: GapDisconnect}}, VerdictUnknown,
			"was rung at 10:02:03.000; nothing is on record of a pop: the ring was read later, or the record is older than this evidence; 1002 answered after 3.2 s"},
		"somebody else's delivery is not his": {
			ring(ringing), seen(delivery(PopWritten, 5, func(e *Evidence) { e.Agent = "ann" })), nil, nil, VerdictPending,
			"was rung at 10:02:03.000; no word of the pop has come yet"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			call := &Call{ID: "hq:1.1", PBX: "hq", StartedAt: after(-5000), Offers: []Offer{{ID: "hq:1.9", Extension: "1001", Agent: "max"}, tt.offer}, Gaps: tt.gaps}
			x := Explain(Case{Call: call, Evidence: tt.evidence, Bindings: tt.bindings, Now: after(5000).Time})
			if len(x.Sentences) != 2 {
				t.Fatalf("got %d sentences, want one for each ring", len(x.Sentences))
			}
			got := x.Sentences[1]
			if got.Verdict != tt.verdict || got.Sentence != tt.sentence || got.Agent != tt.offer.Agent || got.Extension != "1002" || got.Offer != "hq:1.2" {
				t.Errorf("got  %s %q\nwant %s %q", got.Verdict, got.Sentence, tt.verdict, tt.sentence)
			}
		})
	}
}

func TestEveryUserOfAnExtensionHasHisSentence(t *testing.T) {
	call := &Call{ID: "hq:1.1", PBX: "hq", Offers: []Offer{ring(func(o *Offer) { o.Agents = []string{"ann", "jo"} })}}
	x := Explain(Case{Call: call, Evidence: seen(delivery(PopPublished, 1, to(1)), delivery(PopWritten, 2, took(2)))})
	var got []string
	for _, s := range x.Sentences {
		got = append(got, s.Agent+" "+string(s.Verdict))
	}
	if want := []string{"ann unknown", "jo popped"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhyNotMe(t *testing.T) {
	members := func(m ...QueueMember) []Evidence {
		return []Evidence{{Kind: EvidenceQueue, Queue: "sales", Members: m}}
	}
	mine := []Binding{boundSince("jo", after(-1_000_000))}
	tests := map[string]struct {
		bindings []Binding
		queued   bool
		evidence []Evidence
		others   []*Call
		change   func(*Call)
		verdict  Verdict
		says     string
	}{
		"no extension at all":            {nil, false, nil, nil, nil, VerdictNoBinding, "jo had no extension on hq at that time, and has none now"},
		"an extension since":             {[]Binding{boundSince("jo", after(600_000))}, false, nil, nil, nil, VerdictNoBinding, "hq/1002 is bound since 10:12:03.000"},
		"an extension until":             {[]Binding{{User: "jo", PBX: "hq", Extension: "1002", From: after(-9000), Until: after(-8000)}}, false, nil, nil, nil, VerdictNoBinding, "no extension"},
		"an extension until then":        {[]Binding{{User: "jo", PBX: "hq", Extension: "1002", From: after(-9000), Until: after(-8000)}}, false, nil, nil, nil, VerdictNoBinding, "has none now; hq/1002 was jo's until 10:01:55.000"},
		"an extension until another day": {[]Binding{{User: "jo", PBX: "hq", Extension: "1002", From: after(-200_000_000), Until: after(-90_000_000)}}, false, nil, nil, nil, VerdictNoBinding, "was jo's until 2026-03-01 09:02:03"},
		"the extension is his since it began to ring": {[]Binding{{User: "max", PBX: "hq", Extension: "1002", Until: after(2000)}, boundSince("jo", after(2000))}, false, nil, nil,
			func(c *Call) {
				c.Offers = []Offer{{ID: "hq:1.2", Extension: "1002", Agent: "max", StartedAt: after(0)}}
			}, VerdictNoBinding,
			"not offered: 1002 began to ring at 10:02:03.000, when it was max's; it is jo's only since 10:02:05.000"},
		"the extension was his until it began to ring": {[]Binding{{User: "jo", PBX: "hq", Extension: "1002", From: after(-9000), Until: after(-1000)}}, false, nil, nil,
			func(c *Call) { c.Offers = []Offer{{ID: "hq:1.2", Extension: "1002", StartedAt: after(0)}} }, VerdictNoBinding,
			"when it was nobody's; it was jo's until 10:02:02.000"},
		"somebody else had logged in at his phone": {mine, false, []Evidence{{Kind: EvidenceIdentity, Name: "binding", Offer: "hq:1.2", Agent: "ann", Text: "hq/1002, where 2001 is logged in, is ann's"}}, nil,
			func(c *Call) {
				c.Offers = []Offer{{ID: "hq:1.2", Extension: "1002", Agent: "ann", StartedAt: after(0)}}
			}, VerdictNoBinding,
			"1002 began to ring at 10:02:03.000 for somebody else: hq/1002, where 2001 is logged in, is ann's"},
		"the PBX did not reach his phone": {mine, false, []Evidence{{At: after(1), Kind: EvidenceIdentity, Name: PhoneUnreachable, Extension: "1002"}}, nil, nil, VerdictUnavailable,
			"the PBX did not reach the phone 1002 at 10:02:03.001"},
		"the PBX did not reach another phone": {mine, false, []Evidence{{At: after(1), Kind: EvidenceIdentity, Name: PhoneUnreachable, Extension: "1003"}}, nil, nil, VerdictNotRung, "the call rang 1001"},
		"the PBX was not heard": {mine, false, nil, nil, func(c *Call) { c.Gaps = []CallGap{{StartedAt: after(0), EndedAt: after(900), Cause: GapDaemonDown}} }, VerdictGap,
			"the PBX was not heard from 10:02:03.000 to 10:02:03.900 (daemon_down), so a ring may be missing here"},
		"the call was for others":  {mine, false, nil, nil, nil, VerdictNotRung, "no phone of jo (1002) was rung; the call rang 1001"},
		"members unknown":          {mine, true, nil, nil, nil, VerdictUnknown, "queue sales never rang 1002: who its members were is not on record"},
		"not a member":             {mine, true, members(QueueMember{Extension: "1001"}), nil, nil, VerdictNotMember, "queue sales never rang 1002: not a member"},
		"perhaps a member":         {mine, true, []Evidence{{Kind: EvidenceQueue, Queue: "sales", Partial: true, Members: []QueueMember{{Extension: "1001"}}}}, nil, nil, VerdictUnknown, "whether it is a member is not on record"},
		"paused":                   {mine, true, members(QueueMember{Extension: "1002", Status: "free", Paused: true, Reason: "lunch"}), nil, nil, VerdictPaused, "1002 was paused (lunch)"},
		"paused when it joined":    {mine, true, append(members(QueueMember{Extension: "1002", Paused: true}), members(QueueMember{Extension: "1002", Status: "free"})...), nil, nil, VerdictPaused, "1002 was paused"},
		"in use when it left":      {mine, true, append(members(QueueMember{Extension: "1002", Status: "free"}), members(QueueMember{Extension: "1002", Status: "in use"})...), nil, nil, VerdictInUse, "1002 was in use"},
		"phone gone":               {mine, true, members(QueueMember{Extension: "1002", Status: "unavailable"}), nil, nil, VerdictUnavailable, "1002 was unavailable"},
		"free, and not chosen":     {mine, true, members(QueueMember{Extension: "1002", Status: "free"}), nil, nil, VerdictNotChosen, "1002 was free, and the queue chose others"},
		"another queue's members":  {mine, true, []Evidence{{Kind: EvidenceQueue, Queue: "other", Members: []QueueMember{{Extension: "1002"}}}}, nil, nil, VerdictUnknown, "not on record"},
		"talking elsewhere":        {mine, false, nil, []*Call{{ID: "hq:7.1", Talks: []Talk{{Extension: "1002", Agent: "jo", StartedAt: after(-60_000), EndedAt: after(1000)}}}}, nil, VerdictNotRung, "jo was talking on 1002 in another call since 10:01:03.000, until 10:02:04.000"},
		"talking, but over before": {mine, false, nil, []*Call{{ID: "hq:7.1", Talks: []Talk{{Extension: "1002", Agent: "jo", StartedAt: after(-60_000), EndedAt: after(-30_000)}}}}, nil, VerdictNotRung, "was rung; the call rang 1001"},
		"picked it up":             {mine, false, nil, nil, func(c *Call) { c.Talks = []Talk{{Extension: "1002", Agent: "jo", Via: "pickup"}} }, VerdictTook, "1002 took the call without being rung (via pickup)"},
		"placed it":                {mine, false, nil, nil, func(c *Call) { c.Direction, c.From = Outbound, Party{Number: "1002"} }, VerdictPlaced, "placed from 1002"},
		"placed it, and talked": {mine, false, nil, nil, func(c *Call) {
			c.Direction, c.From = Outbound, Party{Number: "1002"}
			c.Talks = []Talk{{Extension: "1002", Agent: "jo", Via: "dial"}}
		}, VerdictPlaced, "placed from 1002"},
		"an extension on another PBX":   {[]Binding{{User: "jo", PBX: "branch", Extension: "1002"}}, false, nil, nil, nil, VerdictNoBinding, "branch/1002 is bound since"},
		"his name in another case":      {[]Binding{boundSince("Jo", after(-1000))}, false, nil, nil, nil, VerdictNotRung, "(1002)"},
		"somebody else's, of that name": {[]Binding{boundSince("joe", after(-1000))}, false, nil, nil, nil, VerdictNoBinding, "no extension"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			call := &Call{ID: "hq:1.1", PBX: "hq", Direction: Inbound, From: Party{Number: "07700900123"}, StartedAt: after(-5000), EndedAt: after(60_000),
				Offers: []Offer{{ID: "hq:1.9", Extension: "1001", Agent: "max"}}}
			if tt.queued {
				call.QueueVisits = []QueueVisit{{Queue: "sales"}, {Queue: "sales"}}
			}
			if tt.change != nil {
				tt.change(call)
			}
			x := Explain(Case{Call: call, Evidence: tt.evidence, Bindings: tt.bindings, Others: tt.others, Agent: "jo", Now: ten})
			if len(x.Sentences) != 1 {
				t.Fatalf("got %+v", x.Sentences)
			}
			s := x.Sentences[0]
			if s.Verdict != tt.verdict || !strings.Contains(s.Sentence, tt.says) || s.Agent != "jo" {
				t.Errorf("got  %s %q\nwant %s … %q", s.Verdict, s.Sentence, tt.verdict, tt.says)
			}
			if strings.Contains(s.Sentence, "07700900123") {
				t.Errorf("an outside number is told: %q", s.Sentence)
			}
		})
	}
}

func TestEvidenceIsOrderedAndEachPieceOnce(t *testing.T) {
	frame := func(at int, seq uint64, name string) Evidence {
		return Evidence{At: after(at), Pos: Position{Epoch: 1, Seq: seq}, Kind: EvidenceFrame, Name: name}
	}
	x := Explain(Case{
		Call:     &Call{ID: "hq:1.1", Gaps: []CallGap{{StartedAt: after(15), Cause: GapOverflow}}},
		Evidence: seen(frame(10, 2, "b"), frame(10, 1, "a"), delivery(PopWritten, 12), delivery(PopWritten, 12), frame(20, 3, "c")),
		Jobs: []Job{
			{Dest: "hook", Kind: "event", State: JobParked, Attempts: 3, LastErr: "410 Gone"},
			{Dest: "crm", Kind: "call", State: JobDone, Attempts: 1, RunAt: after(18).Time},
		},
		More: 7,
	})
	var got []string
	for _, e := range x.Evidence {
		got = append(got, e.Name)
	}
	if want := []string{"a", "b", PopWritten, string(GapOverflow), "crm", "c", "hook"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if last := x.Evidence[6]; last.Text != "event: parked, last error: 410 Gone" || last.Attempts != 3 || x.More != 7 {
		t.Errorf("got %+v and %d more", last, x.More)
	}
}

func TestOnlyWhatConcernsOneUser(t *testing.T) {
	evidence := seen(delivery(PopWritten, 1), delivery(PopWritten, 2, func(e *Evidence) { e.Agent = "max" }), Evidence{Kind: EvidenceFrame, Name: "Hangup"})
	call := &Call{ID: "hq:1.1", Offers: []Offer{{ID: "hq:1.9", Extension: "1001", Agent: "max"}, ring()}}
	for _, mayKnow := range []bool{true, false} {
		x := Explain(Case{Call: call, Evidence: evidence})
		x.Only("Jo", mayKnow)
		if len(x.Sentences) != 1 || x.Sentences[0].Agent != "jo" {
			t.Errorf("sentences: %+v", x.Sentences)
		}
		want := 1
		if mayKnow {
			want = 2
		}
		if len(x.Evidence) != want {
			t.Errorf("may know the call %v: got %d pieces, want %d", mayKnow, len(x.Evidence), want)
		}
	}
}

func TestTraceHasNoScreens(t *testing.T) {
	x := Explain(Case{Call: &Call{ID: "pbx:1.1", Offers: []Offer{ring(nobodys)}}, Trace: true, Zone: time.FixedZone("", 3600)})
	if s := x.Sentences[0]; s.Verdict != VerdictRang || s.Sentence != "was rung at 11:02:03.000; rescinded after 180 ms because somebody outside answered" {
		t.Errorf("got %s %q", s.Verdict, s.Sentence)
	}
}

func TestWhatToDoNext(t *testing.T) {
	old := boundSince("jo", after(-9000))
	for name, tt := range map[string]struct {
		c    Case
		says string // "" is nothing
	}{
		"all is well":      {Case{Call: &Call{PBX: "hq", Offers: []Offer{ring(answered)}}, Evidence: seen(delivery(PopWritten, 1, took(1)), acknowledged(2))}, ""},
		"no screen said":   {Case{Call: &Call{PBX: "hq", Offers: []Offer{ring(answered)}}, Evidence: seen(delivery(PopWritten, 1, took(1)))}, "reload the page on jo's screen"},
		"no screen":        {Case{Call: &Call{PBX: "hq", Offers: []Offer{ring()}}, Evidence: seen(delivery(PopPublished, 1, to(0)))}, "log in as jo"},
		"nobody's phone":   {Case{Call: &Call{PBX: "hq", Offers: []Offer{ring(nobodys)}}}, "patchcord user set NAME --extension hq/1002"},
		"somebody's since": {Case{Call: &Call{PBX: "hq", Offers: []Offer{ring(nobodys)}}, Bindings: []Binding{boundSince("ann", after(600))}}, ""},
		"no phone":         {Case{Call: &Call{PBX: "hq"}, Agent: "jo"}, "patchcord user set jo --extension hq/NUMBER"},
		"a phone by now":   {Case{Call: &Call{PBX: "hq", EndedAt: after(-10_000)}, Agent: "jo", Bindings: []Binding{old}}, ""},
		"not rung":         {Case{Call: &Call{PBX: "hq"}, Agent: "jo", Bindings: []Binding{old}, Now: ten}, "dialplan"},
		"too old":          {Case{Call: &Call{PBX: "hq", Offers: []Offer{ring()}}, Evidence: seen(delivery(PopTooOld, 1, took(45_000)))}, "/v1/gaps"},
		"a restart":        {Case{Call: &Call{PBX: "hq", Offers: []Offer{ring()}, Gaps: []CallGap{{StartedAt: after(-1), Cause: GapPBXRestart}}}}, "restarted the PBX"},
		"a node down":      {Case{Call: &Call{PBX: "hq", Offers: []Offer{ring()}, Gaps: []CallGap{{StartedAt: after(-1), Cause: GapDaemonDown}}}}, "the node that had the PBX"},
		"a lost link":      {Case{Call: &Call{PBX: "hq", Offers: []Offer{ring()}, Gaps: []CallGap{{StartedAt: after(-1), Cause: GapDisconnect}}}}, "patchcord check"},
		"of a trace":       {Case{Call: &Call{PBX: "hq", Offers: []Offer{ring(nobodys)}}, Trace: true}, ""},
	} {
		x := Explain(tt.c)
		if len(x.Sentences) != 1 {
			t.Fatalf("%s: got %+v", name, x.Sentences)
		}
		if got := x.Sentences[0].Next; (got == "") != (tt.says == "") || !strings.Contains(got, tt.says) {
			t.Errorf("%s: got %q of %+v, want %q", name, got, x.Sentences[0], tt.says)
		}
	}
}
