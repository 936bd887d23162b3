package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
)

const cdrHistory = `"","441632960001","1001","from-trunk","""Ada"" <441632960001>","PJSIP/trunk-00000001","PJSIP/1001-00000002","Dial","PJSIP/1001,20","2026-03-02 10:00:00","2026-03-02 10:00:05","2026-03-02 10:01:05",65,60,"ANSWERED","DOCUMENTATION","1772445600.1","","","1772445600.1",1
"","1002","1003","from-internal","""Bob"" <1002>","PJSIP/1002-00000003","PJSIP/1003-00000004","Dial","PJSIP/1003,20","2026-03-02 11:00:00","","2026-03-02 11:00:20",20,0,"NO ANSWER","DOCUMENTATION","1772449200.5","","","1772449200.5",2
half a li`

// importInto runs `patchcord import` on that data folder and returns what it says.
func importInto(t *testing.T, dir string, want int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	tm := &terminal{in: strings.NewReader(""), out: &out, err: &out, environ: []string{"PATCHCORD_DATA_DIR=" + dir}}
	if got := run(t.Context(), tm, append([]string{"import"}, args...)); got != want {
		t.Fatalf("import %s: status %d, want %d:\n%s", strings.Join(args, " "), got, want, out.String())
	}
	return out.String()
}

// TestImportSaysWhatItDidNotRead: who runs it from a script must learn that something is missing.
func TestImportSaysWhatItDidNotRead(t *testing.T) {
	dir := t.TempDir()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write([]byte(cdrHistory)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		file string
		body []byte
		want string
	}{
		"a file that is cut":   {"cut.csv.gz", z.Bytes()[:z.Len()-12], "cut.csv.gz: the file is cut"},
		"another kind of file": {"mail.csv", []byte("Dear sir,\nhow are you?\n"), "no row was understood"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, tt.file)
			if err := os.WriteFile(file, tt.body, 0o600); err != nil {
				t.Fatal(err)
			}
			if said := importInto(t, filepath.Join(dir, "data"), 1, "cdr", "--pbx", "hq", file); !strings.Contains(said, tt.want) {
				t.Errorf("it says %q, want %q", said, tt.want)
			}
		})
	}
}

func TestImportLoadsHistoryOnce(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "Master.csv")
	if err := os.WriteFile(file, []byte(cdrHistory), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if said := importInto(t, data, 0, "cdr", "--pbx", "hq", file); !strings.Contains(said, "2 calls read: 2 new") {
		t.Errorf("it says %q", said)
	}
	if said := importInto(t, data, 0, "cdr", "--pbx", "hq", "--again", file); !strings.Contains(said, "2 calls read: 0 new, 0 filled, 2 known already") {
		t.Errorf("the second time it says %q", said)
	}
	cfg, err := loadConfig("", []string{"PATCHCORD_DATA_DIR=" + data})
	if err != nil {
		t.Fatal(err)
	}
	store, err := openStore(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	c, err := store.Call(t.Context(), "default", "hq:1772445600.1")
	if err != nil {
		t.Fatal(err)
	}
	if c.Outcome != crm.Answered || c.Direction != crm.Inbound || c.Complete || len(c.Gaps) != 0 || c.TalkMS.Duration() != time.Minute {
		t.Errorf("got %+v", c)
	}
	events, err := store.Events(t.Context(), "default", 0, 10)
	if err != nil || len(events) != 0 {
		t.Errorf("%d events were told of history, %v", len(events), err)
	}
}

func TestImportSaysWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"no PBX", "--pbx NAME", []string{"cdr", os.Args[0]}},
		{"nothing to read", "nothing to read", []string{"cel", "--pbx", "hq"}},
		{"a bad name", "no name of a PBX", []string{"cel", "--pbx", "H Q", os.Args[0]}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if said := importInto(t, dir, 1, c.args...); !strings.Contains(said, c.want) {
				t.Errorf("it says %q, want %q in it", said, c.want)
			}
		})
	}
}

func TestBackfillKeysAreChecked(t *testing.T) {
	for _, c := range []struct {
		name string
		b    *BackfillConfig
		want string
	}{
		{"none", nil, ""},
		{"files", &BackfillConfig{CDRCSV: "a", CELCSV: "b"}, ""},
		{"columns that lack one", &BackfillConfig{CELColumns: []string{"eventtype"}}, "backfill.cel_columns"},
		{"two databases", &BackfillConfig{MySQL: "u:p@tcp(h:1)/d", Postgres: "postgres://u@h/d"}, "backfill.postgres"},
		{"a bad address", &BackfillConfig{MySQL: "hunter2@what(/"}, "backfill.mysql"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var said []string
			c.b.validate("backfill", func(key, format string, args ...any) { said = append(said, key) })
			if got := strings.Join(said, " "); got != c.want {
				t.Errorf("problems with %q, want %q", got, c.want)
			}
		})
	}
}
