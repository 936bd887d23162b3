package ami

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// decode reads one action back, as a server would, and fails if there is not exactly one.
func decode(t *testing.T, wire []byte) Action {
	t.Helper()
	r := NewReader(bytes.NewReader(wire), ReaderConfig{})
	v, err := r.Next()
	if err != nil {
		t.Fatalf("decode %q: %v", wire, err)
	}
	m := v.Keep()
	if _, err := r.Next(); err != io.EOF || r.Stats().Partial != 0 {
		t.Fatalf("%q is more than one action", wire)
	}
	var a Action
	for name, value := range m.All() {
		if a.Name == "" {
			if name != "Action" {
				t.Fatalf("%q does not begin with its name", wire)
			}
			a.Name = value
			continue
		}
		a.Fields = append(a.Fields, Field{name, value})
	}
	return a
}

func TestEncode(t *testing.T) {
	a := NewAction("Originate", "Channel", "PJSIP/1001", "Variable", "A=1", "Variable", "B= 2", "Empty")
	wire, err := Encode([]byte("before "), a)
	if err != nil {
		t.Fatal(err)
	}
	want := "before Action: Originate\r\nChannel: PJSIP/1001\r\nVariable: A=1\r\nVariable: B= 2\r\nEmpty: \r\n\r\n"
	if got := string(wire); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := a.Get("variable"), "A=1"; got != want {
		t.Errorf("Get: got %q, want %q", got, want)
	}
	if got := a.with("VARIABLE", "C"); len(got.Fields) != 3 || got.Get("Variable") != "C" || len(a.Fields) != 4 {
		t.Errorf("with: got %+v of %+v", got, a)
	}
}

func TestFault_B10_InjectionIsRefused(t *testing.T) {
	for _, evil := range []string{"1001\r\nAction: Command\r\nCommand: core stop now", "1001\n", "\r", "10\x0001"} {
		for name, a := range map[string]Action{
			"value": NewAction("Originate", "CallerID", evil), "field name": NewAction("Originate", evil, "x"), "action name": NewAction(evil),
		} {
			out, err := Encode([]byte("kept"), a)
			if !errors.Is(err, ErrAction) || string(out) != "kept" {
				t.Errorf("%s %q: got %q, %v", name, evil, out, err)
			}
			if name == "value" && err != nil && strings.Contains(err.Error(), "1001") {
				t.Errorf("the error shows the value: %v", err)
			}
		}
	}
	for _, a := range []Action{NewAction(""), NewAction("Ping", "", "x"), NewAction("Ping", "a:b", "x"), NewAction("Ping", "a b", "x"), NewAction("Ping", "action", "Command")} {
		if _, err := Encode(nil, a); !errors.Is(err, ErrAction) {
			t.Errorf("%+v: got %v", a, err)
		}
	}
}

func TestFault_B11_AsteriskLimitsAreCheckedBeforeSending(t *testing.T) {
	fits := NewAction("Ping", "Data", strings.Repeat("x", 1024-len("Data: \r\n")))
	if _, err := Encode(nil, fits); err != nil {
		t.Errorf("a line of 1,024 bytes: %v", err)
	}
	fits.Fields[0].Value += "x"
	if _, err := Encode(nil, fits); !errors.Is(err, ErrAction) {
		t.Errorf("a line of 1,025 bytes: got %v", err)
	}
	many := Action{Name: "Ping", Fields: slices.Repeat([]Field{{"Variable", "a=1"}}, 127)}
	if _, err := Encode(nil, many); err != nil {
		t.Errorf("128 headers: %v", err)
	}
	many.Fields = append(many.Fields, Field{"Variable", "a=1"})
	if _, err := Encode(nil, many); !errors.Is(err, ErrAction) {
		t.Errorf("129 headers: got %v", err)
	}
}

func FuzzEncode(f *testing.F) {
	f.Add("Originate", "CallerID", "\"A\" <1>", "Variable", " x=1")
	f.Add("Ping\r\nAction: X", "a", "b", "c", "d")
	f.Add("Ping", "Action", "b", "c\n", "\x00")
	f.Fuzz(func(t *testing.T, name, n1, v1, n2, v2 string) {
		a := NewAction(name, n1, v1, n2, v2)
		wire, err := Encode(nil, a)
		if err != nil {
			if len(wire) != 0 || !errors.Is(err, ErrAction) {
				t.Errorf("refused with %q, %v", wire, err)
			}
			return
		}
		if got := decode(t, wire); got.Name != a.Name || !slices.Equal(got.Fields, a.Fields) {
			t.Errorf("got %+v, want %+v", got, a)
		}
	})
}
