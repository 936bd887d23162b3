package calls

import "testing"

func TestClassify(t *testing.T) {
	tests := []struct {
		name               string
		trunks, extensions []string
		channel            string
		kind               kind
		ext                string
	}{
		{"digits are an extension", nil, nil, "PJSIP/1001-00000001", extension, "1001"},
		{"a name is a trunk", nil, nil, "PJSIP/trunk-00000001", trunk, ""},
		{"the device ends at the last dash", nil, nil, "PJSIP/trunk-b-00000021", trunk, ""},
		{"chan_sip", nil, nil, "SIP/1001-0000000a", extension, "1001"},
		{"Local is plumbing", nil, nil, "Local/1001@from-queue-00000000;1", plumbing, ""},
		{"an announcer is plumbing", nil, nil, "CBAnn/board-00000000;1", plumbing, ""},
		{"a surrogate is plumbing", nil, nil, "Surrogate/PJSIP/1001-00000001", plumbing, ""},
		{"a bot's socket is plumbing", nil, nil, "AudioSocket/192.0.2.7:9092-40325ec2-5efd-4bd3-805f-53576e581d13", plumbing, ""},
		{"a program's WebSocket is plumbing", nil, nil, "WebSocket/INCOMING/0x7fc73c00c8a0", plumbing, ""},
		{"a program that takes RTP is plumbing", nil, nil, "UnicastRTP/192.0.2.7:5000-0x7fc76000e8c0", plumbing, ""},
		{"no device", nil, nil, "PJSIP", plumbing, ""},
		{"a glob makes a trunk of digits", []string{"PJSIP/9*"}, nil, "PJSIP/900-00000001", trunk, ""},
		{"a glob makes an extension of a name", nil, []string{"PJSIP/reception"}, "PJSIP/reception-00000001", extension, ""},
		{"a glob without a technology", nil, []string{"desk*"}, "SIP/desk1-00000001", extension, ""},
		{"a mapping", nil, []string{`^99(\d{4})$`}, "PJSIP/991003-00000009", extension, "1003"},
		{"a mapping that does not fit", nil, []string{`^99(\d{4})$`}, "PJSIP/1003-00000009", extension, "1003"},
		{"an expression without a group", nil, []string{`^front-.*$`}, "PJSIP/front-desk-00000009", extension, ""},
		{"trunks come first", []string{"PJSIP/10*"}, []string{"PJSIP/1001"}, "PJSIP/1001-00000001", trunk, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := newDevices(tt.trunks, tt.extensions)
			if err != nil {
				t.Fatal(err)
			}
			if k, ext := d.classify(tt.channel); k != tt.kind || ext != tt.ext {
				t.Errorf("classify(%q) = %v, %q; want %v, %q", tt.channel, k, ext, tt.kind, tt.ext)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no PBX":           {},
		"a bad expression": {PBX: "hq", Extensions: []string{"^(1"}},
		"a bad glob":       {PBX: "hq", Trunks: []string{"PJSIP/[a"}},
		"an empty pattern": {PBX: "hq", Trunks: []string{""}},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// TestPhoneBehindLocalChannel: a phone whose own number is not known counts as the
// extension that the Local channel was made for.
func TestPhoneBehindLocalChannel(t *testing.T) {
	s := newScript(t, Config{PBX: "hq", Extensions: []string{"PJSIP/reception"}})
	const one, two = "Local/1009@from-queue-00000001;1", "Local/1009@from-queue-00000001;2"
	s.event("Newchannel", append(on("", idA, chA, idA), "ChannelState=4", "Exten=5551000")...)
	s.event("Newchannel", append(on("", "1772355600.5", one, idA), "ChannelState=0", "Exten=1009")...)
	s.event("Newchannel", append(on("", "1772355600.6", two, idA), "ChannelState=4", "Exten=1009")...)
	s.event("DialBegin", append(on("", idA, chA, idA), on("Dest", "1772355600.5", one, idA)...)...)
	s.event("Newchannel", append(on("", "1772355600.7", "PJSIP/reception-00000007", idA), "ChannelState=0")...)
	s.event("DialBegin", append(on("", "1772355600.6", two, idA), on("Dest", "1772355600.7", "PJSIP/reception-00000007", idA)...)...)
	c := s.only()
	if len(c.Offers) != 1 || c.Offers[0].Extension != "1009" {
		t.Errorf("got offers %+v, want one of 1009", c.Offers)
	}
	if got := s.tr.Call(c.ID); got == nil || got.ID != c.ID {
		t.Errorf("Call(%q) = %v", c.ID, got)
	}
	if got := s.tr.Call("hq:nobody"); got != nil {
		t.Errorf("got %v for a call that is not there", got)
	}
}

// TestTwoDevicesOfOneExtension: with a mapping they ring as one offer.
func TestTwoDevicesOfOneExtension(t *testing.T) {
	got, err := Fold(Config{PBX: "pbx", Extensions: []string{`^99(\d{4})$`}}, openTrace(t, "22-distro", "queue-two-devices"))
	if err != nil {
		t.Fatal(err)
	}
	o := got[0].Offers
	if len(o) != 1 || o[0].Extension != "1003" || o[0].Result != "accepted" || o[0].Queue != "401" {
		t.Errorf("got offers %+v, want one of 1003 for queue 401, accepted", o)
	}
	if k := got[0].Talks; len(k) != 1 || k[0].Extension != "1003" {
		t.Errorf("got talks %+v, want one of 1003", k)
	}
}
