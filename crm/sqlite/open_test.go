package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"patchcord/crm"
)

func TestOnlyTheOwnerCanReadTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "crm.db")
	s := openAt(t, path)
	if err := s.SetSetting(t.Context(), "k", []byte("v"), true); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{path: 0o600, path + "-wal": 0o600, filepath.Dir(path): 0o700} {
		fi, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := fi.Mode().Perm(); got != want {
			t.Errorf("%s: got mode %o, want %o", name, got, want)
		}
	}
}

func TestAFolderThatCannotBeWrittenIsToldWithWhatToDo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, advice := range map[string]string{
		filepath.Join(file, "crm.db"): "choose another data_dir",
		"/proc/crm.db":                "choose another data_dir",
	} {
		_, err := Open(t.Context(), path, Config{})
		if err == nil || !strings.Contains(err.Error(), advice) {
			t.Errorf("%s: got error %v, want one that says %q", path, err, advice)
		}
	}
}

func TestWhatWasCommittedIsThereAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crm.db")
	s := openAt(t, path)
	if err := s.SetSetting(t.Context(), "k", []byte("v"), true); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := openAt(t, path).Setting(t.Context(), "k")
	if err != nil || string(got) != "v" {
		t.Errorf("got %q, %v; want the stored value", got, err)
	}
}

func TestManyCanOpenANewFileAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crm.db")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := Open(t.Context(), path, Config{})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestANewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crm.db")
	s := openAt(t, path)
	if _, err := s.w.Exec(`PRAGMA user_version = 1000`); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path, Config{}); !errors.Is(err, crm.ErrNewerSchema) {
		t.Errorf("got error %v, want %v", err, crm.ErrNewerSchema)
	}
}

func TestAFileLockedByAnotherProcessIsUnavailable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crm.db")
	s := openAt(t, path)
	if _, err := s.w.Exec(`PRAGMA busy_timeout = 1`); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	held, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetSetting(t.Context(), "k", nil, false); !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("got error %v, want %v", err, crm.ErrUnavailable)
	}
	if err := held.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.SetSetting(t.Context(), "k", nil, false); err != nil {
		t.Errorf("after the lock was released: %v", err)
	}
}

func TestAFullDiskIsUnavailableAndRecovers(t *testing.T) {
	s := openTemp(t)
	var pages int
	if err := s.w.QueryRow(`PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if _, err := s.w.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages)); err != nil {
		t.Fatal(err)
	}
	big := make([]byte, 1<<20)
	if err := s.SetSetting(t.Context(), "k", big, false); !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("got error %v, want %v", err, crm.ErrUnavailable)
	}
	if _, err := s.w.Exec(`PRAGMA max_page_count = 100000`); err != nil {
		t.Fatal(err)
	}
	if err := s.SetSetting(t.Context(), "k", big, false); err != nil {
		t.Errorf("after space returned: %v", err)
	}
}

func TestACallerThatGivesUpIsNotAnOutage(t *testing.T) {
	s := openTemp(t)
	ctx, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	_, err := s.Call(ctx, "default", "x")
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("got error %v, want the deadline's", err)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	s := openTemp(t)
	if _, err := s.r.Exec(`INSERT INTO settings (key, value) VALUES ('k', '')`); err == nil {
		t.Error("a reading connection wrote")
	}
}

func TestATenantsOwnDispositionsReplaceTheDefaults(t *testing.T) {
	s := openTemp(t)
	_, err := s.w.Exec(`INSERT INTO dispositions (tenant, code, label, place) VALUES
		('default', 'b', 'Second', 2), ('default', 'a', 'First', 1)`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Dispositions(t.Context(), "default")
	if err != nil || len(got) != 2 || got[0].Code != "a" || got[1].Label != "Second" {
		t.Errorf("got %v, %v; want the tenant's two", got, err)
	}
	got, err = s.Dispositions(t.Context(), "other")
	if err != nil || len(got) != len(crm.DefaultDispositions()) {
		t.Errorf("got %v, %v of another tenant; want the defaults", got, err)
	}
}

func openAt(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // a test may have closed it
	return s
}
