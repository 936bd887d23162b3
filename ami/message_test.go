package ami

import (
	"fmt"
	"testing"
)

func TestMessage(t *testing.T) {
	m := NewMessage("Event: Newchannel\r\nUniqueID: 1.2\nuniqueid: 9\r\n\r\nno colon\r\nExten:\r\nCallerIDName:  Bob \r\nX:y:z\r\n\r\n")
	tests := []struct {
		name, want string
		ok         bool
	}{
		{"Event", "Newchannel", true},
		{"uniqueid", "1.2", true},
		{"Exten", "", true},
		{"CallerIDName", " Bob ", true},
		{"X", "y:z", true},
		{"Caller", "", false},
		{"no colon", "", false},
		{"", "", false},
	}
	for _, test := range tests {
		if got, ok := m.Lookup(test.name); got != test.want || ok != test.ok {
			t.Errorf("Lookup(%q): got %q, %v, want %q, %v", test.name, got, ok, test.want, test.ok)
		}
	}
	var all []string
	for name, value := range m.All() {
		all = append(all, name+"|"+value)
		if name == "X" {
			break
		}
	}
	want := "[Event|Newchannel UniqueID|1.2 uniqueid|9 |no colon Exten| CallerIDName| Bob  X|y:z]"
	if got := fmt.Sprint(all); got != want {
		t.Errorf("All: got %s, want %s", got, want)
	}
	for value := range m.Values("UNIQUEID") {
		if value != "1.2" {
			t.Errorf("first value: got %q", value)
		}
		break
	}
	if m.Event() != "Newchannel" || m.Response() != "" || m.ActionID() != "" || (Message{}).Get("Event") != "" {
		t.Errorf("got event %q, response %q, id %q", m.Event(), m.Response(), m.ActionID())
	}
}
