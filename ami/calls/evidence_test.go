package calls_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"patchcord/ami"
	"patchcord/ami/calls"
	"patchcord/crm"
)

// foldNoted folds a trace with notes and returns the records and the evidence by call.
func foldNoted(t *testing.T, path string, evidence bool) (map[string]*crm.Call, map[string][]crm.Evidence) {
	t.Helper()
	tr, err := ami.OpenTrace(path)
	if err != nil {
		t.Fatal(err)
	}
	tracker, err := calls.New(calls.Config{PBX: "pbx", Evidence: evidence})
	if err != nil {
		t.Fatal(err)
	}
	records, noted := map[string]*crm.Call{}, map[string][]crm.Evidence{}
	n := 0
	err = calls.Feed(tr, func(in calls.Input) {
		for _, e := range tracker.Apply(in) {
			if e.Type == crm.CallMerged {
				noted[e.Into] = append(noted[e.Into], noted[e.Call.ID]...)
				delete(noted, e.Call.ID)
				delete(records, e.Call.ID)
			}
		}
		if n++; n%7 != 0 {
			return
		}
		collect(tracker.Drain(), records, noted)
	})
	if err != nil {
		t.Fatal(err)
	}
	collect(tracker.Drain(), records, noted)
	return records, noted
}

func collect(ch calls.Changes, records map[string]*crm.Call, noted map[string][]crm.Evidence) {
	for _, c := range ch.Calls {
		records[c.ID] = c
	}
	for _, e := range ch.Evidence {
		noted[e.CallID] = append(noted[e.CallID], e.Items...)
	}
}

func TestEvidenceOfAQueueCall(t *testing.T) {
	records, noted := foldNoted(t, "../../testdata/traces/22/inbound-queue-answered.ami", true)
	if len(records) != 1 || len(noted) != 1 {
		t.Fatalf("%d records, evidence of %d calls", len(records), len(noted))
	}
	for id, items := range noted {
		for _, want := range []struct {
			kind       crm.EvidenceKind
			name, text string
		}{
			{crm.EvidenceRule, "direction", "by a trunk"},
			{crm.EvidenceFrame, "QueueCallerJoin", "joins queue"},
			{crm.EvidenceOffer, "created", "is rung"},
			{crm.EvidenceOffer, "accepted", "answered"},
			{crm.EvidenceRule, "outcome", "answered: two people"},
		} {
			if !slices.ContainsFunc(items, func(e crm.Evidence) bool {
				return e.Kind == want.kind && e.Name == want.name && strings.Contains(e.Text, want.text)
			}) {
				t.Errorf("%s: no %s %s with %q", id, want.kind, want.name, want.text)
			}
		}
		if !slices.IsSortedFunc(items, func(a, b crm.Evidence) int { return a.Pos.Compare(b.Pos) }) {
			t.Errorf("%s: not in order of the log", id)
		}
	}
}

// outside is a run of digits that is too long for a number of the house. Uniqueids
// and the numbers that channels are told apart by stand after a dash or around a dot.
var outside = regexp.MustCompile(`(^|[^-.0-9a-f])\+?[0-9]{7,}($|[^.0-9])`)

func TestEvidenceChangesNoRecordAndHoldsNoOutsideNumber(t *testing.T) {
	paths, err := filepath.Glob("../../testdata/traces/2*/*.ami")
	if err != nil || len(paths) < 20 {
		t.Fatalf("%d traces: %v", len(paths), err)
	}
	for _, path := range paths {
		plain, _ := foldNoted(t, path, false)
		records, noted := foldNoted(t, path, true)
		if got, want := jsonOf(t, records), jsonOf(t, plain); got != want {
			t.Errorf("%s: with evidence\n%s\nwithout\n%s", path, got, want)
		}
		for id, items := range noted {
			if records[id] == nil {
				t.Errorf("%s: evidence of %s, which is no call", path, id)
			}
			for _, e := range items {
				if e.Text == "" || e.Pos.IsZero() || outside.MatchString(e.Text) || outside.MatchString(e.Channel) {
					t.Errorf("%s: %+v", path, e)
				}
			}
		}
		for id, c := range records {
			if len(noted[id]) == 0 {
				t.Errorf("%s: no evidence of %s", path, c.ID)
			}
		}
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMembersOfAQueueAreNotedWhenACallJoins(t *testing.T) {
	tracker, err := calls.New(calls.Config{PBX: "pbx", Evidence: true})
	if err != nil {
		t.Fatal(err)
	}
	seq := uint64(0)
	say := func(lines ...string) {
		seq++
		tracker.Apply(calls.Input{Pos: crm.Position{Epoch: 1, Seq: seq}, Msg: ami.NewMessage(strings.Join(lines, "\r\n") + "\r\n\r\n")})
	}
	say("Event: QueueMember", "ActionID: 0", "Queue: sales", "Location: PJSIP/1009", "Status: 1", "Paused: 0", "InCall: 0") // of an earlier list
	say("Event: QueueParams", "ActionID: 1", "Queue: sales")
	say("Event: QueueMember", "ActionID: 1", "Queue: sales", "Location: PJSIP/1001", "Status: 1", "Paused: 0", "InCall: 0")
	say("Event: QueueMember", "ActionID: 1", "Queue: sales", "Location: Local/1002@from-queue/n", "Status: 1", "Paused: 0", "InCall: 0")
	say("Event: QueueMemberPause", "Queue: sales", "Interface: Local/1002@from-queue/n", "Status: 2", "Paused: 1", "PausedReason: lunch", "InCall: 0")
	say("Event: QueueMemberAdded", "Queue: sales", "Interface: PJSIP/1003", "Status: 1")
	say("Event: QueueMemberRemoved", "Queue: sales", "Interface: PJSIP/1003", "Status: 1")
	channel := []string{"Channel: PJSIP/trunk-1", "Uniqueid: 1700000000.1", "Linkedid: 1700000000.1", "ChannelState: 4", "Exten: 500"}
	say(append([]string{"Event: Newchannel"}, channel...)...)
	say(append([]string{"Event: QueueCallerJoin", "Queue: sales", "Position: 1"}, channel...)...)
	var got []crm.QueueMember
	for _, e := range tracker.Drain().Evidence {
		for _, item := range e.Items {
			got = append(got, item.Members...)
			if item.Partial {
				t.Errorf("a list that came whole is said to be partial: %+v", item)
			}
		}
	}
	want := []crm.QueueMember{{Extension: "1001", Status: "free"}, {Extension: "1002", Status: "in use", Paused: true, Reason: "lunch"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
