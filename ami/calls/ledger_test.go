package calls

import (
	"compress/gzip"
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"patchcord/crm"
)

// TestLedger: the Linkedids of the records are those that Asterisk's own channel event
// log (CEL) has of the time, each in one record.
func TestLedger(t *testing.T) {
	for _, flavour := range flavours {
		for _, name := range traces(t, flavour) {
			want := celLinkedids(t, filepath.Join(traceDir, flavour, name+".cel.csv"))
			if want == nil || strings.HasPrefix(name, "login-failures") {
				continue
			}
			got, err := Fold(Config{PBX: "pbx"}, openTrace(t, flavour, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, wrong := range celDifferences(got, want) {
				t.Errorf("%s/%s: %s", flavour, name, wrong)
			}
		}
	}
}

// celDifferences returns which of the Linkedids of the CEL are not in one record, and which of the records not in the CEL.
func celDifferences(records []*crm.Call, want []string) []string {
	var ids, wrong []string
	for _, r := range records {
		ids = append(ids, r.Linkedids...)
	}
	for _, id := range ids {
		if strings.Count(strings.Join(ids, " ")+" ", id+" ") > 1 {
			wrong = append(wrong, id+" is in two records")
		}
		if !slices.Contains(want, id) {
			wrong = append(wrong, id+" is not in the CEL")
		}
	}
	for _, id := range want {
		if !slices.Contains(ids, id) {
			wrong = append(wrong, id+" is in no record")
		}
	}
	return wrong
}

// celLinkedid is the column of the Linkedid in the lab's cel_custom.conf.
const celLinkedid = 15

// celLinkedids returns the Linkedids of a CEL file, nil when there is none.
func celLinkedids(t *testing.T, path string) []string {
	t.Helper()
	var in io.Reader
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		if f, err = os.Open(path + ".gz"); os.IsNotExist(err) {
			return nil
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in = f
	if strings.HasSuffix(f.Name(), ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	rows := csv.NewReader(in)
	rows.FieldsPerRecord, rows.LazyQuotes = -1, true
	all, err := rows.ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	ids := []string{}
	for _, row := range all {
		// An announcer of a conference has no channel of its own in the CEL, only streams.
		if id := row[celLinkedid]; row[0] == "CHAN_START" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}
