package calls

import (
	"regexp"
	"strings"
	"testing"

	"patchcord/ami"
)

// An edit is what another PBX would have sent: the frame's text, "" for nothing.
type edit struct {
	name string
	do   func(raw string) string
	back func(record string) string // undoes in a record what the edit does to ids
}

func without(events ...string) func(string) string {
	return func(raw string) string {
		name, _, _ := strings.Cut(strings.TrimPrefix(raw, "Event: "), "\r\n")
		for _, e := range events {
			if name == e {
				return ""
			}
		}
		return raw
	}
}

func withoutHeaders(names string) func(string) string {
	line := regexp.MustCompile(`(?m)^(` + names + `): .*\r?\n`)
	return func(raw string) string { return line.ReplaceAllString(raw, "") }
}

// TestLawMissing: what nothing is concluded from may be missing, and ids may be of any
// form: records stay the same.
func TestLawMissing(t *testing.T) {
	id := regexp.MustCompile(`(?m)^([A-Za-z]*(?:Uniqueid|Linkedid): )(\d+)\.(\d+)`)
	plain := func(r string) string { return r }
	edits := []edit{
		{"fewer events", without("NewConnectedLine", "MusicOnHoldStart", "MusicOnHoldStop", "DeviceStateChange", "ExtensionStatus", "AgentComplete",
			"AgentRingNoAnswer", "QueueMemberStatus", "BridgeMerge", "BridgeCreate", "BridgeDestroy", "LocalBridge", "LocalOptimizationBegin",
			"LocalOptimizationEnd"), plain},
		{"fewer headers", withoutHeaders("DestLinkedid|(Dest)?ChannelStateDesc|ConnectedLineNum|(Dest)?Language|(Dest)?AccountCode|(Dest)?Context|" +
			"(Dest)?Priority|DestExten|BridgeNumChannels|BridgeTechnology|BridgeVideoSourceMode|Cause-txt|TechCause|DestCallerIDName|TransferTarget[A-Za-z]*"), plain},
		{"a system name", func(raw string) string { return id.ReplaceAllString(raw, "${1}lab9-$2.$3") }, func(r string) string { return strings.ReplaceAll(r, "lab9-", "") }},
		{"chosen ids", func(raw string) string { return id.ReplaceAllString(raw, "${1}crm-$2-$3-a") }, func(r string) string {
			return regexp.MustCompile(`crm-(\d{10})-(\d+)-a`).ReplaceAllString(r, "$1.$2")
		}},
	}
	for _, e := range edits {
		for _, s := range everyStory(t, "load-50", "login", "resync") {
			var list []Input
			for _, in := range s.inputs {
				if in.Kind == Frame {
					in.Msg = ami.NewMessage(e.do(in.Msg.Raw()))
				}
				list = append(list, in)
			}
			want, got := tellAll(t, s.inputs).told(t), map[string]string{}
			for key, record := range tellAll(t, list).told(t) {
				got[e.back(key)] = e.back(record)
			}
			sameRecords(t, s.name+", "+e.name, got, want)
		}
	}
}
