package calls

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden records of traces whose expectation agrees")

// TestGolden holds whole records against those that were reviewed. They say more than
// the hand-derived expectations, which are partial, and less on their own: -update
// writes only what agrees with an expectation.
func TestGolden(t *testing.T) {
	for _, flavour := range flavours {
		for _, name := range traces(t, flavour) {
			t.Run(flavour+"/"+name, func(t *testing.T) { golden(t, flavour, name) })
		}
	}
}

func golden(t *testing.T, flavour, name string) {
	t.Helper()
	path := filepath.Join(traceDir, flavour, name+".json")
	got, err := Fold(Config{PBX: "pbx"}, openTrace(t, flavour, name))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, '\n')
	if *update {
		expected, ok := expectation(t, flavour, name)
		if !ok || len(differences(t, flavour, name, expected)) > 0 {
			return
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return // not reviewed yet; TestExpectations holds what is known of it
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, want) {
		g, w := apart(string(b), string(want))
		t.Errorf("got …%s\nwant …%s", g, w)
	}
}
