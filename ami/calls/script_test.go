package calls

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"patchcord/ami"
	"patchcord/crm"
)

// A script writes frames as Asterisk does, a second apart. Invented, after the recorded traces.
type script struct {
	t      testing.TB
	tr     *Tracker
	at     time.Time
	events []crm.Event
}

func newScript(t testing.TB, cfg Config) *script {
	t.Helper()
	tr, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &script{t: t, tr: tr, at: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
}

// input applies one input after a second.
func (s *script) input(in Input) {
	s.at = s.at.Add(time.Second)
	in.At = s.at
	s.events = append(s.events, s.tr.Apply(in)...)
}

// event writes `Event: name` with headers given as "Name=value".
func (s *script) event(name string, headers ...string) {
	var b strings.Builder
	fmt.Fprintf(&b, "Event: %s\r\nPrivilege: call,all\r\n", name)
	for _, h := range headers {
		k, v, _ := strings.Cut(h, "=")
		fmt.Fprintf(&b, "%s: %s\r\n", k, v)
	}
	s.input(Input{Msg: ami.NewMessage(b.String())})
}

// on returns the headers of a channel: "A[PJSIP/1001-1]" is Uniqueid 1772355600.A.
func on(prefix, id, name, linkedid string) []string {
	return []string{prefix + "Channel=" + name, prefix + "Uniqueid=" + id, prefix + "Linkedid=" + linkedid}
}

const (
	idA = "1772355600.1"
	idB = "1772355600.2"
	chA = "PJSIP/trunk-00000001"
	chB = "PJSIP/1001-00000002"
)

// ringing plays an inbound call up to the ringing of 1001.
func (s *script) ringing() {
	s.event("Newchannel", append(on("", idA, chA, idA), "ChannelState=4", "CallerIDNum=02079460018", "CallerIDName=Jane Caller", "Exten=5551001")...)
	s.event("Newchannel", append(on("", idB, chB, idA), "ChannelState=0", "CallerIDNum=1001", "Exten=s")...)
	s.event("DialBegin", append(append(on("", idA, chA, idA), on("Dest", idB, chB, idA)...), "DestConnectedLineName=Jane Caller", "DialString=1001")...)
	s.event("Newstate", append(on("", idB, chB, idA), "ChannelState=5")...)
}

// talking plays on to the conversation.
func (s *script) talking() {
	s.ringing()
	s.event("DialEnd", append(append(on("", idA, chA, idA), on("Dest", idB, chB, idA)...), "DialStatus=ANSWER")...)
	s.event("BridgeEnter", append(on("", idB, chB, idA), "BridgeUniqueid=b1", "BridgeType=basic")...)
	s.event("BridgeEnter", append(on("", idA, chA, idA), "BridgeUniqueid=b1", "BridgeType=basic")...)
}

func (s *script) hangup(id, name string) {
	s.event("Hangup", append(on("", id, name, idA), "Cause=16")...)
}

// list plays a resync: a CoreShowChannels of the channels given as headers.
func (s *script) list(complete bool, items ...[]string) {
	s.input(Input{Kind: ResyncBegin})
	for _, i := range items {
		s.event("CoreShowChannel", append(i, "ActionID=r-1")...)
	}
	s.input(Input{Kind: ResyncEnd, Complete: complete})
}

func (s *script) only() *crm.Call {
	s.t.Helper()
	calls := s.records()
	if len(calls) != 1 {
		s.t.Fatalf("got %d calls, want 1", len(calls))
	}
	return calls[0]
}

func (s *script) records() []*crm.Call {
	var out []*crm.Call
	for _, c := range s.tr.all() {
		if r := s.tr.record(c); r != nil {
			out = append(out, r)
		}
	}
	sortCalls(out)
	return out
}

func (s *script) told(kind crm.EventType) int {
	n := 0
	for _, e := range s.events {
		if e.Type == kind {
			n++
		}
	}
	return n
}
