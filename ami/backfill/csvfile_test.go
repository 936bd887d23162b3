package backfill

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var firstRow = time.Date(2026, 7, 6, 9, 0, 0, 0, time.UTC)

// celLine is a CHAN_START so many seconds after firstRow.
func celLine(second int) string {
	at := firstRow.Unix() + int64(second)
	return fmt.Sprintf(`"CHAN_START","%d.000000","Ada ""X""","1001","","","","1002","ctx","PJSIP/1001-1","","","3","","%d.1","%d.1","","","",""`+"\n", at, at, at)
}

func celLinesOf(from, until int) string {
	var b strings.Builder
	for i := from; i < until; i++ {
		b.WriteString(celLine(i))
	}
	return b.String()
}

func write(t testing.TB, path, text string, at time.Time) {
	t.Helper()
	b := []byte(text)
	if strings.HasSuffix(path, ".gz") {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		b = z.Bytes()
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// seconds returns the rows that a source gives, in seconds after firstRow.
func secondsOf(t testing.TB, s Source[CEL], from, until time.Time) ([]int, Report) {
	t.Helper()
	var out []int
	rep, err := s.Rows(t.Context(), from, until, func(r *CEL) error {
		out = append(out, int(r.At.Sub(firstRow)/time.Second))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, rep
}

func TestFileGivesWhatConcernsTheTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Master.csv")
	const n = 40_000 // several MB, so that the beginning is searched for
	write(t, path, celLinesOf(0, n), time.Now())
	for _, c := range []struct{ from, until, first, last int }{
		{0, 10, 0, 9}, {20_000, 20_005, 20_000, 20_004}, {n - 2, n + 5, n - 2, n - 1}, {-500, 2, 0, 1},
	} {
		got, rep := secondsOf(t, CELFile(path, nil, time.UTC, false),
			firstRow.Add(time.Duration(c.from)*time.Second), firstRow.Add(time.Duration(c.until)*time.Second))
		if len(got) != c.last-c.first+1 || got[0] != c.first || got[len(got)-1] != c.last || rep.Rows != len(got) {
			t.Errorf("from %d until %d: got %d rows, %v…; want %d to %d", c.from, c.until, len(got), got[:min(3, len(got))], c.first, c.last)
		}
	}
	if got, _ := secondsOf(t, CELFile(path, nil, time.UTC, false), firstRow.Add(n*time.Second), time.Time{}); len(got) != 0 {
		t.Errorf("got %d rows after the last", len(got))
	}
}

func TestFileReadsWhatItWasRotatedTo(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "Master.csv")
	now := time.Now()
	write(t, filepath.Join(dir, "Master.csv-20260601.gz"), celLinesOf(0, 2), now.Add(-time.Hour))
	write(t, filepath.Join(dir, "Master.csv.1"), celLinesOf(2, 4), now.Add(-time.Minute))
	write(t, path, celLinesOf(4, 6), now)
	write(t, filepath.Join(dir, "Other.csv"), celLinesOf(8, 9), now)
	if got, _ := secondsOf(t, CELFile(path, nil, time.UTC, false), time.Time{}, time.Time{}); !slices.Equal(got, []int{0, 1, 2, 3, 4, 5}) {
		t.Errorf("got rows %v, want all of the three files in order", got)
	}
	if got, _ := secondsOf(t, CELFile(path, nil, time.UTC, true), time.Time{}, time.Time{}); !slices.Equal(got, []int{4, 5}) {
		t.Errorf("got rows %v, want those of the file alone", got)
	}
}

func TestFileLeavesALineThatIsBeingWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Master.csv")
	half := celLine(1)
	write(t, path, celLine(0)+half[:len(half)/2], time.Now())
	src := CELFile(path, nil, time.UTC, false)
	if got, rep := secondsOf(t, src, time.Time{}, time.Time{}); !slices.Equal(got, []int{0}) || rep.Bad != 0 {
		t.Errorf("got rows %v, %d bad ones; want the whole row, and the half one left alone", got, rep.Bad)
	}
	write(t, path, celLine(0)+half, time.Now())
	if got, _ := secondsOf(t, src, time.Time{}, time.Time{}); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("got rows %v once it is written", got)
	}
}

func TestFileReportsBadRowsWithTheirLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Master.csv")
	secret := `"CHAN_START","not a time","441632960001"` + "\n"
	long := `"` + strings.Repeat("x", 2*maxLine) + `"` + "\n"
	write(t, path, celLine(0)+secret+celLine(1)+"\"open\n"+long+"\n"+celLine(2), time.Now())
	got, rep := secondsOf(t, CELFile(path, nil, time.UTC, false), time.Time{}, time.Time{})
	if !slices.Equal(got, []int{0, 1, 2}) || rep.Bad != 3 {
		t.Fatalf("got rows %v, report %+v; want 3 rows and 3 bad ones", got, rep)
	}
	var lines []int
	for _, b := range rep.At {
		lines = append(lines, b.Line)
		if strings.Contains(b.Why, "441632960001") || strings.Contains(b.Why, "not a time\"") || b.File != "Master.csv" {
			t.Errorf("the report says %+v, which it must not tell, or of another file", b)
		}
	}
	if !slices.Equal(lines, []int{2, 4, 5}) {
		t.Errorf("got bad lines %v, want 2, 4 and 5", lines)
	}
}

func TestFileCountsLinesFromTheBeginningWhereItDidNotBegin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Master.csv")
	const n = 40_000
	write(t, path, celLinesOf(0, n)+"bad\n", time.Now())
	_, rep := secondsOf(t, CELFile(path, nil, time.UTC, false), firstRow.Add((n-5)*time.Second), time.Time{})
	if len(rep.At) != 1 || rep.At[0].Line != n+1 {
		t.Errorf("got %+v, want line %d", rep.At, n+1)
	}
}

func TestFileThatIsMissingSaysSo(t *testing.T) {
	_, err := CELFile(filepath.Join(t.TempDir(), "Master.csv"), nil, nil, false).
		Rows(context.Background(), time.Time{}, time.Time{}, func(*CEL) error { return nil })
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that the file is not there", err)
	}
}

func TestCELColumnsMayBeOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cel.csv")
	at := strconv.FormatInt(firstRow.Unix(), 10)
	write(t, path, `PJSIP/1001-1,"`+at+`",ANSWER,`+at+".1,"+at+".2\n", time.Now())
	columns := []string{"channame", "eventtime", "eventtype", "uniqueid", "linkedid"}
	if err := CheckCELColumns(columns); err != nil {
		t.Fatal(err)
	}
	var got []CEL
	if _, err := CELFile(path, columns, time.UTC, false).Rows(t.Context(), time.Time{}, time.Time{}, func(r *CEL) error {
		got = append(got, *r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := CEL{Type: "ANSWER", At: firstRow, Channel: "PJSIP/1001-1", Uniqueid: at + ".1", Linkedid: at + ".2"}
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := CheckCELColumns(columns[1:]); err == nil {
		t.Error("columns without channame are taken")
	}
}

func TestCDRLinesOfEveryLength(t *testing.T) {
	base := `"","1001","1002","ctx","""Ada"" <1001>","PJSIP/1001-1","PJSIP/1002-2","Dial","PJSIP/1002,20","2026-07-06 09:00:00","2026-07-06 09:00:02","2026-07-06 09:00:30",30,28,"ANSWERED","DOCUMENTATION"`
	for _, c := range []struct{ name, more, uniqueid, linkedid string }{
		{"with uniqueid", `,"1783328400.1"`, "1783328400.1", "1783328400.1"},
		{"and userfield", `,"1783328400.1","field"`, "1783328400.1", "1783328400.1"},
		{"and the newer columns", `,"1783328400.1","field","","1783328400.0",7`, "1783328400.1", "1783328400.0"},
		{"newer ones without userfield", `,"1783328400.1","","1783328400.0",7`, "1783328400.1", "1783328400.0"},
		{"newer ones without uniqueid", `,"","1783328400.0",7`, "1783328400.0", "1783328400.0"},
		{"without any", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &cdrLines{clock: clock{zone: time.UTC}}
			r, err := p.parse([]byte(base + c.more))
			if c.uniqueid == "" {
				if !errors.Is(err, errNoKey) {
					t.Errorf("got %v, want that there is no uniqueid", err)
				}
				return
			}
			if err != nil || r.Uniqueid != c.uniqueid || r.Linkedid != c.linkedid || !r.Start.Equal(firstRow) || r.Billed != 28*time.Second {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
}

func FuzzFields(f *testing.F) {
	f.Add(`"a ""b""",c,"d,e"`)
	f.Add(`"`)
	f.Fuzz(func(t *testing.T, line string) {
		got, err := fields([]byte(line), nil)
		if err != nil || strings.ContainsAny(line, "\r\n") {
			return
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if err := w.Write(got); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		again, err := fields([]byte(strings.TrimSuffix(b.String(), "\n")), nil)
		if err != nil || !slices.Equal(got, again) {
			t.Errorf("%q is %q, written and read again %q, %v", line, got, again, err)
		}
	})
}
