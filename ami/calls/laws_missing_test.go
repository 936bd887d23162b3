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

// eachHeader rewrites the headers of a frame one by one; "" leaves one out.
func eachHeader(do func(line string) string) func(string) string {
	return func(raw string) string {
		var b strings.Builder
		for line := range strings.Lines(raw) {
			b.WriteString(do(line))
		}
		return b.String()
	}
}

func withoutHeaders(names string) func(string) string {
	dropped, seen := regexp.MustCompile(`^(`+names+`)$`), map[string]bool{}
	return eachHeader(func(line string) string {
		name, _, _ := strings.Cut(line, ": ")
		drop, known := seen[name]
		if !known {
			drop = dropped.MatchString(name)
			seen[name] = drop
		}
		if drop {
			return ""
		}
		return line
	})
}

// withIDs rewrites the value of each Uniqueid and Linkedid.
func withIDs(do func(id string) string) func(string) string {
	return eachHeader(func(line string) string {
		name, id, ok := strings.Cut(line, ": ")
		if !ok || id == "" || id[0] < '0' || id[0] > '9' || !strings.HasSuffix(name, "Uniqueid") && !strings.HasSuffix(name, "Linkedid") || strings.Contains(name, "Bridge") {
			return line
		}
		return name + ": " + do(id)
	})
}

// TestLawMissing: what nothing is concluded from may be missing, and ids may be of any
// form: records stay the same.
func TestLawMissing(t *testing.T) {
	chosen := regexp.MustCompile(`crm-(\d{10})-(\d+)-a`)
	plain := func(r string) string { return r }
	edits := []edit{
		{"fewer events", without("NewConnectedLine", "MusicOnHoldStart", "MusicOnHoldStop", "DeviceStateChange", "ExtensionStatus", "AgentComplete",
			"AgentRingNoAnswer", "QueueMemberStatus", "BridgeMerge", "BridgeCreate", "BridgeDestroy", "LocalBridge", "LocalOptimizationBegin",
			"LocalOptimizationEnd"), plain},
		{"fewer headers", withoutHeaders("DestLinkedid|(Dest)?ChannelStateDesc|ConnectedLineNum|(Dest)?Language|(Dest)?AccountCode|(Dest)?Context|" +
			"(Dest)?Priority|DestExten|BridgeNumChannels|BridgeTechnology|BridgeVideoSourceMode|Cause-txt|TechCause|DestCallerIDName|TransferTarget[A-Za-z]*"), plain},
		{"a system name", withIDs(func(id string) string { return "lab9-" + id }), func(r string) string { return strings.ReplaceAll(r, "lab9-", "") }},
		{"chosen ids", withIDs(func(id string) string {
			second, counter, _ := strings.Cut(strings.TrimRight(id, "\r\n"), ".")
			return "crm-" + second + "-" + counter + "-a\r\n"
		}), func(r string) string { return chosen.ReplaceAllString(r, "$1.$2") }},
	}
	for _, s := range everyStory(t, "load-50", "login", "resync") {
		want := tellAll(t, s.inputs).told(t)
		for _, e := range edits {
			list := make([]Input, 0, len(s.inputs))
			for _, in := range s.inputs {
				if in.Kind == Frame {
					in.Msg = ami.NewMessage(e.do(in.Msg.Raw()))
				}
				list = append(list, in)
			}
			got := map[string]string{}
			for key, record := range tellAll(t, list).told(t) {
				got[e.back(key)] = e.back(record)
			}
			sameRecords(t, s.name+", "+e.name, got, want)
		}
	}
}
