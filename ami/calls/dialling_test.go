package calls

import (
	"testing"

	"patchcord/crm"
)

func TestCallersAreWrittenAsTheirTrunkDoes(t *testing.T) {
	cfg := Config{PBX: "hq", Region: "GB", OutsidePrefix: "9", CallerRules: []CallerRule{
		{Trunk: "PJSIP/berlin*", Strip: "00", Add: "+"},
		{Trunk: "PJSIP/berlin*", Strip: "0", Add: "+49"},
		{Trunk: "PJSIP/berlin*", Region: "DE"},
		{Trunk: "DAHDI/*", Strip: "9", Region: "US"},
		{Strip: "77#"},
	}}
	d, err := newDialling(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		channel, number string
		want            crm.Number
	}{
		"national, by the trunk's rule":           {"PJSIP/berlin-1-0000000a", "03012345678", "+493012345678"},
		"international, by its other rule":        {"PJSIP/berlin-0000000a", "0033142685300", "+33142685300"},
		"neither, in its region":                  {"PJSIP/berlin-0000000a", "+33142685300", "+33142685300"},
		"another trunk, in the PBX's region":      {"PJSIP/london-0000000a", "02079460018", "+442079460018"},
		"what a trunk puts before it":             {"DAHDI/4-1", "94155552671", "+14155552671"},
		"without what the trunk puts before it":   {"DAHDI/4-1", "02079460018", "+442079460018"},
		"every trunk, a device with a slash too":  {"DAHDI/i1/4-1", "77#02079460018", "+442079460018"},
		"the outside prefix is of what is called": {"PJSIP/london-0000000a", "902079460018", ""},
		"private":                                    {"PJSIP/berlin-0000000a", "anonymous", ""},
		"an extension of another office":             {"PJSIP/berlin-0000000a", "1001", ""},
		"a short code of the network":                {"PJSIP/berlin-0000000a", "115", ""},
		"short, and made no longer by the rule":      {"PJSIP/berlin-0000000a", "0115", ""},
		"nothing":                                    {"PJSIP/berlin-0000000a", "", ""},
		"what only looks like a number of the world": {"PJSIP/london-0000000a", "+123", ""},
	} {
		if got := d.caller(tt.channel, tt.number); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	for number, want := range map[string]crm.Number{
		"902079460018": "+442079460018", "900442079460018": "+442079460018", "02079460018": "+442079460018",
		"9999": "", "999": "", "91001": "", "+442079460018": "+442079460018",
	} {
		if got := d.called(number); got != want {
			t.Errorf("called %s: %q, want %q", number, got, want)
		}
	}
}

func TestTheOutsidePrefixIsNoPartOfTheNumberCalled(t *testing.T) {
	for name, tt := range map[string]struct {
		to   string // the channel that is called
		want crm.Number
	}{
		"to the outside": {"PJSIP/trunk-00000002", "+442079460018"},
		"to a colleague": {"PJSIP/1002-00000002", ""},
	} {
		s := newScript(t, Config{PBX: "hq", Region: "GB", OutsidePrefix: "9"})
		const from = "PJSIP/1001-00000001"
		s.event("Newchannel", append(on("", idA, from, idA), "ChannelState=4", "CallerIDNum=1001", "Exten=902079460018")...)
		s.event("Newchannel", append(on("", idB, tt.to, idA), "ChannelState=0", "Exten=s")...)
		s.event("DialBegin", append(append(on("", idA, from, idA), on("Dest", idB, tt.to, idA)...), "DialString=902079460018@trunk")...)
		if got := s.only().To; got.E164 != tt.want || got.Number != "902079460018" {
			t.Errorf("%s: %+v, want %q", name, got, tt.want)
		}
	}
}

func TestACallerRuleThatIsNoPattern(t *testing.T) {
	if _, err := New(Config{PBX: "hq", CallerRules: []CallerRule{{Trunk: "^("}}}); err == nil {
		t.Error("taken")
	}
}
