package api

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"patchcord/crm"
)

// TestRecordsAreAsDocumented holds every record of the recorded traces against the schema of a call in
// /openapi.json: each field is known, and each word one of those that stand there.
func TestRecordsAreAsDocumented(t *testing.T) {
	doc := newBench(t).api.huma.OpenAPI()
	schema := doc.Components.Schemas.Schema(reflect.TypeFor[crm.Call](), true, "")
	files, err := filepath.Glob("../../testdata/traces/[0-9]*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	records := 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var list []any
		if err := json.Unmarshal(b, &list); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for _, record := range list {
			res := &huma.ValidateResult{}
			huma.Validate(doc.Components.Schemas, schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, record, res)
			for _, err := range res.Errors {
				t.Errorf("%s: %v", f, err)
			}
			records++
		}
	}
	if records < 1000 {
		t.Errorf("%d records in %d files", records, len(files))
	}
}
