package calls

import (
	"testing"
	"unicode/utf8"

	"patchcord/ami"
)

// TestOddBytes: what is no text comes into no record: PJSIP cuts a name in the middle of
// a character, and a SIP number may hold any bytes.
func TestOddBytes(t *testing.T) {
	s := newScript(t, Config{PBX: "hq", Attributes: []string{"CRM_TICKET"}})
	for _, raw := range []string{
		"Event: Newchannel\r\nChannelState: 4\r\nCallerIDNum: 0207\xff9460018\r\nCallerIDName: cut in a character \xe6\x97\r\nExten: 555\xfe1001\r\n",
		"Event: VarSet\r\nVariable: CRM_TICKET\r\nValue: T-\xc0\xaf7\r\n",
		"Event: QueueCallerJoin\r\nQueue: ventes\xe9\r\nPosition: 1\r\n",
		"Event: Newexten\r\nApplication: MixMonitor\r\nAppData: a\xff.wav,b\r\n",
		"Event: MixMonitorStart\r\n",
	} {
		s.input(Input{Msg: ami.NewMessage(raw + "Channel: " + chA + "\r\nUniqueid: " + idA + "\r\nLinkedid: " + idA + "\r\n")})
	}
	c := s.only()
	for name, got := range map[string][2]string{
		"number":    {string(c.From.Number), "02079460018"},
		"name":      {c.From.Name, "cut in a character "},
		"to":        {string(c.To.Number), "5551001"},
		"attribute": {c.Attributes["CRM_TICKET"], "T-7"},
		"queue":     {c.QueueVisits[0].Queue, "ventes"},
		"file":      {c.Recordings[0].File, "a.wav"},
	} {
		if got[0] != got[1] || !utf8.ValidString(got[0]) {
			t.Errorf("%s is %q, want %q", name, got[0], got[1])
		}
	}
}
