package lab

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const traces = "../../../testdata/traces"

func TestReadCDROfAnAnsweredQueueCall(t *testing.T) {
	rows, err := ReadCDR(filepath.Join(traces, "22", "inbound-queue-answered.cdr.csv"))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 11, 22, 1, 37, 1, 0, time.UTC)
	want := CDR{
		Src: "441632960001", Dst: "5551000", DContext: "from-trunk", CLID: `"Jane Caller" <441632960001>`,
		Channel: "PJSIP/trunk-00000000", DstChannel: "PJSIP/1001-00000001", LastApp: "Queue", LastData: "support,tTkKxX,,,60",
		Start: start, Answer: start, End: start.Add(4 * time.Second), Duration: 4 * time.Second, Billed: 4 * time.Second,
		Disposition: "ANSWERED", AMAFlags: "DOCUMENTATION", Uniqueid: "1795311421.0", Linkedid: "1795311421.0", Sequence: "0",
	}
	if len(rows) != 1 || rows[0] != want {
		t.Errorf("got %+v, want only %+v", rows, want)
	}
}

func TestReadCELOfAnAnsweredQueueCall(t *testing.T) {
	rows, err := ReadCEL(filepath.Join(traces, "22", "inbound-queue-answered.cel.csv"))
	if err != nil {
		t.Fatal(err)
	}
	want := CEL{
		Event: "STREAM_BEGIN", At: time.UnixMilli(1795311421840).UTC(), CIDName: "Jane Caller", CIDNum: "441632960001",
		ANI: "441632960001", DNID: "5551000", Exten: "5551000", Context: "from-trunk", Channel: "PJSIP/trunk-00000000",
		App: "Queue", AppData: "support,tTkKxX,,,60", AMAFlags: "3", Uniqueid: "1795311421.0", Linkedid: "1795311421.0",
		UserDefType: "MOH_STREAM_BEGIN", Extra: `{"class":"default"}`,
	}
	if len(rows) < 3 || rows[2] != want {
		t.Errorf("got %+v, want the third to be %+v", rows, want)
	}
	if last := rows[len(rows)-1].Event; last != "LINKEDID_END" {
		t.Errorf("last event: got %s, want LINKEDID_END", last)
	}
}

func TestReadCDRWithoutAnAnswer(t *testing.T) {
	rows, err := ReadCDR(filepath.Join(traces, "16-chansip", "direct-noanswer.cdr.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 { // the second is of the exten that the dialplan went on to
		t.Fatalf("got %d rows, want 2", len(rows))
	}
	if r := rows[0]; !r.Answer.IsZero() || r.Disposition != "NO ANSWER" || r.Billed != 0 || r.Duration != 6*time.Second {
		t.Errorf("got %+v, want 6 s without an answer", r)
	}
}

func TestEveryRecordedLedgerIsRead(t *testing.T) {
	for _, kind := range []struct {
		glob string
		ids  func(string) (map[string]bool, error)
	}{{"*.cdr.csv*", cdrLinkedids}, {"*.cel.csv*", celLinkedids}} {
		paths, err := filepath.Glob(filepath.Join(traces, "*", kind.glob))
		if err != nil || len(paths) < 100 {
			t.Fatalf("%s: %d files, %v", kind.glob, len(paths), err)
		}
		for _, path := range paths {
			ids, err := kind.ids(path)
			if err != nil {
				t.Error(err)
			}
			if ids[""] {
				t.Errorf("%s: a row without Linkedid", path)
			}
		}
	}
}

func TestCDRAndCELOfALoadNameTheSameCalls(t *testing.T) {
	a, err := cdrLinkedids(filepath.Join(traces, "22", "load-50.cdr.csv"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := celLinkedids(filepath.Join(traces, "22", "load-50.cel.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(a) != fmt.Sprint(b) || len(a) != 50 {
		t.Errorf("got %d and %d linkedids, want the same 50", len(a), len(b))
	}
}

func cdrLinkedids(path string) (map[string]bool, error) {
	rows, err := ReadCDR(path)
	ids := map[string]bool{}
	for _, r := range rows {
		ids[r.Linkedid] = true
	}
	return ids, err
}

func celLinkedids(path string) (map[string]bool, error) {
	rows, err := ReadCEL(path)
	ids := map[string]bool{}
	for _, r := range rows {
		ids[r.Linkedid] = true
	}
	return ids, err
}

func TestParseRefuses(t *testing.T) {
	good := strings.Repeat(`"",`, 9) + `"2026-11-22 01:37:01","","2026-11-22 01:37:05",4,0` + strings.Repeat(`,""`, 7)
	for _, c := range []struct{ name, text, want string }{
		{"a column too few", `"","1"` + "\n", "wrong number of fields"},
		{"a start that is no time", strings.Replace(good, "2026-11-22 01:37:01", "yesterday", 1), "line 1"},
		{"a duration that is no number, on line 2", good + "\n" + strings.Replace(good, ",4,", ",x,", 1), "line 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := ParseCDR(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
	if rows, err := ParseCDR(strings.NewReader(good)); err != nil || len(rows) != 1 {
		t.Errorf("the line they are made from: got %d rows, %v", len(rows), err)
	}
}

func TestLedgerBeforeTheFirstCallIsEmpty(t *testing.T) {
	p := PBX{CDRPath: filepath.Join(t.TempDir(), "none.csv")}
	if rows, err := p.CDR(); err != nil || rows != nil {
		t.Errorf("got %v, %v, want nothing", rows, err)
	}
}
