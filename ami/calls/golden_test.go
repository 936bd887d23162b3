package calls

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"patchcord/crm"
)

var update = flag.Bool("update", false, "rewrite the golden records of traces whose expectation agrees")

// golden holds whole records against those that were reviewed. They say more than the
// hand-derived expectations, which are partial, and less on their own: only what agrees
// with an expectation comes here, and is written with -update.
func golden(t *testing.T, path string, got []*crm.Call) {
	t.Helper()
	b, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, '\n')
	if *update {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, want) {
		g, w := apart(string(b), string(want))
		t.Errorf("got …%s\nwant …%s", g, w)
	}
}
