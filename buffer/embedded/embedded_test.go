package embedded_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patchcord/buffer"
	"patchcord/buffer/buffertest"
	"patchcord/buffer/embedded"
	"patchcord/crm"
)

func openLog(t testing.TB, path string) *embedded.Log {
	t.Helper()
	l, err := embedded.Open(t.Context(), path, embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func TestConformance(t *testing.T) {
	buffertest.TestLog(t, func(t testing.TB) buffertest.Place {
		path := filepath.Join(t.TempDir(), "a log? #1%.db")
		return func(t testing.TB) buffer.Log { return openLog(t, path) }
	})
}

func entries(from, until uint64, size int) (es []buffer.Entry) {
	for seq := from; seq <= until; seq++ {
		es = append(es, buffer.Entry{
			Pos: crm.Position{Epoch: 1, Seq: seq}, At: time.UnixMicro(int64(seq)).UTC(),
			Kind: buffer.Frame, Data: []byte(strings.Repeat("x", size)),
		})
	}
	return es
}

func fill(t testing.TB, l buffer.Log, from, until uint64, size int) {
	t.Helper()
	for seq := from; seq <= until; seq += 500 {
		if _, err := l.Append(t.Context(), "hq", entries(seq, min(seq+499, until), size)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFilesAreForTheOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	fill(t, openLog(t, path), 1, 10, 10)
	files, _ := filepath.Glob(path + "*")
	if len(files) != 3 {
		t.Errorf("got files %q, want the database, -wal and -shm", files)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got mode %v, %v; want 0600", f, info.Mode(), err)
		}
	}
}

func TestFileDoesNotGrowWhileItIsTrimmed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	l := openLog(t, path)
	size := func() int64 {
		sum := int64(0)
		for _, name := range []string{path, path + "-wal"} {
			if info, err := os.Stat(name); err == nil { // the -wal goes when the log is closed
				sum += info.Size()
			}
		}
		return sum
	}
	fill(t, l, 1, 1600, 3000)
	full := size()
	if full < 1600*3000 {
		t.Fatalf("%d bytes cannot hold the entries", full)
	}
	for seq := uint64(1601); seq <= 6400; seq += 800 {
		if err := l.Trim(t.Context(), "hq", crm.Position{Epoch: 1, Seq: seq - 800}); err != nil {
			t.Fatal(err)
		}
		fill(t, l, seq, seq+799, 3000)
	}
	if got := size(); got > full+4<<20 { // as much as the -wal may grow; three times as much was appended
		t.Errorf("the file grew from %d to %d bytes though it held no more", full, got)
	}
	if err := l.Trim(t.Context(), "hq", crm.Position{Epoch: 2}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil { // checkpoints the WAL
		t.Fatal(err)
	}
	if got, want := size(), int64(1024+64)*4096; got > want {
		t.Errorf("the empty log takes %d bytes, want at most %d", got, want)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct {
		prepare string // SQL run on the file before
		raw     []byte // or its content
		path    string
		want    string
	}{
		"another database":   {prepare: `CREATE TABLE calls (id)`, want: "another database"},
		"a newer log":        {prepare: `PRAGMA application_id=1885564007; PRAGMA user_version=7`, want: "schema version 7"},
		"no database at all": {raw: []byte(strings.Repeat("not a database. ", 100)), want: "not a database"},
		"a missing folder":   {path: filepath.Join(dir, "none", "log.db"), want: "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			path := test.path
			if path == "" {
				path = filepath.Join(t.TempDir(), "log.db")
			}
			if test.raw != nil {
				if err := os.WriteFile(path, test.raw, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if test.prepare != "" {
				execSQL(t, path, test.prepare)
			}
			l, err := embedded.Open(t.Context(), path, embedded.Config{})
			if err == nil {
				_ = l.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func execSQL(t testing.TB, path, query string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(query, args...)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestDamageIsFoundAndCanBeSkipped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	l := openLog(t, path)
	fill(t, l, 1, 10, 20)
	execSQL(t, path, `UPDATE entry SET rec = CAST(replace(rec, 'xxx', 'xXx') AS BLOB) WHERE seq = 4`)

	got, err := l.Read(t.Context(), "hq", crm.Position{}, 100)
	if err != nil || len(got) != 3 {
		t.Fatalf("got %d entries, %v; want the 3 before the damage", len(got), err)
	}
	_, err = l.Read(t.Context(), "hq", got[2].Pos, 100)
	var damaged *buffer.DamagedError
	if !errors.As(err, &damaged) || damaged.Pos.Seq != 4 {
		t.Fatalf("got %v, want a DamagedError of 1-4", err)
	}
	if got, err = l.Read(t.Context(), "hq", damaged.Pos, 100); err != nil || len(got) != 6 {
		t.Errorf("got %d entries, %v; want the 6 after the damage", len(got), err)
	}
}

func TestClosedLogIsUnavailable(t *testing.T) {
	l := openLog(t, filepath.Join(t.TempDir(), "log.db"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(context.Background(), "hq", entries(1, 1, 1)); !errors.Is(err, buffer.ErrUnavailable) {
		t.Errorf("append: got %v, want ErrUnavailable", err)
	}
	if err := l.Trim(context.Background(), "hq", crm.Position{Epoch: 1}); !errors.Is(err, buffer.ErrUnavailable) {
		t.Errorf("trim: got %v, want ErrUnavailable", err)
	}
	if _, err := l.Read(context.Background(), "hq", crm.Position{}, 1); !errors.Is(err, buffer.ErrUnavailable) {
		t.Errorf("read: got %v, want ErrUnavailable", err)
	}
}
