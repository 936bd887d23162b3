package amitest

import (
	"strings"
	"testing"
)

// shape is the names of a message's headers, in order.
func shape(raw string) string {
	var names []string
	for line := range strings.SplitSeq(strings.TrimRight(raw, "\r\n"), "\n") {
		name, _, _ := strings.Cut(line, ":")
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func TestGeneratedEventsHaveTheHeadersOfRecordedOnes(t *testing.T) {
	missing := map[string]string{}
	for _, c := range []Config{{}, {Timestamps: true, SystemName: "pbx1"}} {
		traffic := Traffic{Seed: 3, CallsPerSecond: 3, Noise: 1}
		seq, _ := traffic.Events(c, Epoch(), 400)
		for e := range seq {
			s := shape(e.Raw)
			s = strings.ReplaceAll(s, " Timestamp SystemName", "")
			missing[s] = e.Raw
		}
	}
	if len(missing) < 20 {
		t.Errorf("the simulated PBX sent %d kinds of events only", len(missing))
	}
	for _, path := range tracePaths(t) {
		if len(missing) == 0 {
			break
		}
		if strings.Contains(path, "/22") {
			for raw := range recorded(t, path) {
				s := shape(raw)
				delete(missing, s)
				delete(missing, strings.TrimSuffix(s, " ChanVariable ChanVariable ChanVariable"))
			}
		}
	}
	for _, raw := range missing {
		t.Errorf("no recorded event has these headers:\n%s", raw)
	}
}
