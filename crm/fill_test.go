package crm

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawTelling draws what one source says of a call between 1001 and the outside; parts
// may be absent. step is how fine its times are.
func drawTelling(t *rapid.T, name string, step time.Duration, parts bool) *Call {
	base := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	moment := func(what string, minute int) Time {
		if rapid.IntRange(0, 3).Draw(t, name+what) == 0 {
			return Time{}
		}
		jitter := time.Duration(rapid.IntRange(0, 900).Draw(t, name+what+"ms")) * time.Millisecond
		return At(base.Add(time.Duration(minute)*time.Minute + jitter).Truncate(step))
	}
	text := func(what string, of ...string) string { return rapid.SampledFrom(append(of, "")).Draw(t, name+what) }
	c := &Call{ID: "hq:7.1", PBX: "hq", Linkedids: []string{"7.1"},
		Direction: Direction(text("direction", "inbound")), Outcome: Outcome(text("outcome", "answered", "abandoned")),
		From: Party{Number: Number(text("from", "441632960001"))}, To: Party{Number: Number(text("to", "5551000", "5551001"))},
		StartedAt: moment("start", 0), AnsweredAt: moment("answer", 1), EndedAt: moment("end", 4),
		EndedBy: EndedBy(text("by", "caller", "callee")),
	}
	if text("visit", "sales") != "" {
		c.QueueVisits = []QueueVisit{{Queue: "sales"}}
	}
	if text("talked", "yes") != "" {
		c.Talks = []Talk{{Extension: "1001", Via: "dial", StartedAt: moment("talk", 1), EndedAt: moment("talkend", 3)}}
		c.TalkMS = MillisOf(2 * time.Minute)
	}
	if parts {
		c.Offers = []Offer{{ID: "hq:7.2", Extension: "1001", StartedAt: moment("offer", 0), Result: Result(text("result", "accepted"))}}
		if c.TalkMS == nil {
			c.TalkMS = new(Millis)
		}
	}
	return c
}

func asJSON(t *rapid.T, c *Call) string {
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFillIsIdempotentAndKnowsNoOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		record := drawTelling(t, "heard", time.Millisecond, true)
		record.Gaps = []CallGap{{Cause: GapDisconnect}}
		cel, cdr := drawTelling(t, "cel", time.Millisecond, true), drawTelling(t, "cdr", time.Second, false)
		before := asJSON(t, record)
		one, _ := Fill(record, cel, LedgerCEL)
		one, _ = Fill(one, cdr, LedgerCDR)
		other, _ := Fill(record, cdr, LedgerCDR)
		other, _ = Fill(other, cel, LedgerCEL)
		if a, b := asJSON(t, one), asJSON(t, other); a != b {
			t.Fatalf("CEL then CDR:\n%s\nCDR then CEL:\n%s", a, b)
		}
		for _, again := range []struct {
			found *Call
			by    Ledger
		}{{cel, LedgerCEL}, {cdr, LedgerCDR}} {
			if next, changed := Fill(one, again.found, again.by); changed {
				t.Fatalf("told again, %s changes\n%s to\n%s", again.by, asJSON(t, one), asJSON(t, next))
			}
		}
		if asJSON(t, record) != before {
			t.Fatal("the record that was given was changed")
		}
		if one.Complete || len(one.Gaps) != 1 {
			t.Fatal("filling must not make a record complete")
		}
	})
}

func TestFillPrefersTheBetterSource(t *testing.T) {
	at := func(s string) Time {
		v, err := time.Parse(time.RFC3339Nano, "2026-03-02T09:00:"+s+"Z")
		if err != nil {
			t.Fatal(err)
		}
		return At(v)
	}
	for _, c := range []struct {
		name              string
		record, found, by Time
		ledger            Ledger
	}{
		{"CEL fills what is absent", Time{}, at("05.250"), at("05.250"), LedgerCEL},
		{"CEL replaces what was heard", at("09.000"), at("05.250"), at("05.250"), LedgerCEL},
		{"a ledger in whole seconds leaves the finer time", at("05.250"), at("05.000"), at("05.250"), LedgerCEL},
		{"unless it says another", at("09.250"), at("05.000"), at("05.000"), LedgerCEL},
		{"CDR fills what is absent", Time{}, at("05.000"), at("05.000"), LedgerCDR},
		{"CDR does not replace what was heard", at("09.250"), at("05.000"), at("09.250"), LedgerCDR},
		{"what a ledger does not know stays", at("09.250"), Time{}, at("09.250"), LedgerCEL},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, changed := Fill(&Call{AnsweredAt: c.record}, &Call{AnsweredAt: c.found}, c.ledger)
			if got.AnsweredAt != c.by || changed != (c.record != c.by) {
				t.Errorf("got %v, changed %v, want %v", got.AnsweredAt, changed, c.by)
			}
		})
	}
}

func TestFillKeepsWhatOnlyEventsTell(t *testing.T) {
	start := At(time.Date(2026, 3, 2, 9, 0, 0, int(250*time.Millisecond), time.UTC))
	end := At(start.Add(time.Minute))
	ring := MillisOf(4 * time.Second)
	record := &Call{
		Offers: []Offer{{ID: "hq:7.2", Extension: "1001", Agent: "ann", Queue: "sales", ShownName: "S: Ada", StartedAt: start, RingMS: ring}},
		Talks:  []Talk{{Extension: "1001", Agent: "ann", Via: "queue", StartedAt: start, HoldMS: MillisOf(time.Second)}},
	}
	found := &Call{
		TalkMS: MillisOf(time.Minute),
		Offers: []Offer{{ID: "hq:7.2", Extension: "1001", StartedAt: start, EndedAt: end, Result: ResultAccepted}},
		Talks:  []Talk{{Extension: "1001", With: "441632960001", Via: "dial", StartedAt: start, EndedAt: end}},
	}
	got, _ := Fill(record, found, LedgerCEL)
	wantOffer := Offer{ID: "hq:7.2", Extension: "1001", Agent: "ann", Queue: "sales", ShownName: "S: Ada", StartedAt: start,
		EndedAt: end, RingMS: ring, Result: ResultAccepted}
	if len(got.Offers) != 1 || got.Offers[0].Result != wantOffer.Result || got.Offers[0].ShownName != wantOffer.ShownName ||
		got.Offers[0].Agent != wantOffer.Agent || got.Offers[0].EndedAt != wantOffer.EndedAt || *got.Offers[0].RingMS != *ring {
		t.Errorf("offers: got %+v, want %+v", got.Offers, wantOffer)
	}
	if k := got.Talks[0]; len(got.Talks) != 1 || k.Via != "queue" || k.With != "441632960001" || *k.HoldMS != 1000 || k.EndedAt != end {
		t.Errorf("talks: got %+v", got.Talks)
	}
	if got.RingMS == nil || *got.RingMS != *ring {
		t.Errorf("ring_ms: got %v, want that of the offer which is known to be accepted now", got.RingMS)
	}
}

func TestFillKeepsThatVoicemailWasReached(t *testing.T) {
	got, _ := Fill(&Call{Outcome: Voicemail}, &Call{Outcome: Abandoned}, LedgerCEL)
	if got.Outcome != Voicemail {
		t.Errorf("got %s, want voicemail: ledgers often do not say it", got.Outcome)
	}
	for _, by := range []Ledger{LedgerCEL, LedgerCDR} {
		got, _ = Fill(&Call{Outcome: NoAnswer}, &Call{Outcome: Voicemail}, by)
		if got.Outcome != Voicemail {
			t.Errorf("got %s, want voicemail, which %s says", got.Outcome, by)
		}
	}
	if got, _ = Fill(&Call{Outcome: Answered}, &Call{Outcome: Voicemail}, LedgerCDR); got.Outcome != Answered {
		t.Errorf("got %s, want what was heard: somebody spoke before", got.Outcome)
	}
}

func TestCDROfAnAbsorbedPartSaysNothingOfTheCall(t *testing.T) {
	record := &Call{ID: "hq:7.1", PBX: "hq", Linkedids: []string{"7.1", "7.9"}, From: Party{Number: "1001"}}
	part := &Call{ID: "hq:7.9", PBX: "hq", Linkedids: []string{"7.9"}, Direction: Internal, To: Party{Number: "1002"}}
	if got, changed := Fill(record, part, LedgerCDR); changed || got.To.Number != "" || got.Direction != "" {
		t.Errorf("got %+v; the consultation was to 1002, not the call", got)
	}
	whole := &Call{ID: "hq:7.1", PBX: "hq", Linkedids: []string{"7.1"}, Direction: Outbound, To: Party{Number: "0441632960001"}}
	if got, _ := Fill(record, whole, LedgerCDR); got.To.Number != "0441632960001" || got.Direction != Outbound {
		t.Errorf("got %+v, want what the call's own row says", got)
	}
}
