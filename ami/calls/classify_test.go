package calls

import "testing"

func TestClassifierAgreesWithTheTracker(t *testing.T) {
	c, err := NewClassifier(Config{Trunks: []string{"PJSIP/9999"}, Extensions: []string{"PJSIP/reception"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		channel, ext string
		phone, trunk bool
	}{
		{"PJSIP/1001-0000001a", "1001", true, false},
		{"PJSIP/reception-0000001a", "reception", true, false},
		{"PJSIP/9999-0000001a", "", false, true},
		{"SIP/carrier-0000001a", "", false, true},
		{"Local/1001@from-internal-00000004;1", "", false, false},
	} {
		ext, phone := c.Extension(k.channel)
		if ext != k.ext || phone != k.phone || c.Trunk(k.channel) != k.trunk {
			t.Errorf("%s: got extension %q, %v, trunk %v", k.channel, ext, phone, c.Trunk(k.channel))
		}
	}
}

func TestClassifierRefusesBadPatterns(t *testing.T) {
	if _, err := NewClassifier(Config{Trunks: []string{"^("}}); err == nil {
		t.Error("got no error")
	}
}
