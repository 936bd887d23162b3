package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"patchcord/crm"
)

// TestCommitMakesNoFiles has a statement change more pages than SQLite of its own accord keeps in memory
// to undo it.
func TestCommitMakesNoFiles(t *testing.T) {
	s := openTemp(t)
	epoch, err := s.TakePBX(t.Context(), "hq", "a", "n")
	if err != nil {
		t.Fatal(err)
	}
	err = s.write(t.Context(), "put state", func(t tx) error {
		for size := 300; size <= 900; size += 300 {
			b := crm.Batch{PBX: "hq", Tenant: "a", Epoch: epoch, State: map[string][]byte{}}
			for i := range 64 * rowsAtOnce {
				b.State[fmt.Sprint(i)] = bytes.Repeat([]byte{'x'}, size)
			}
			if err := putState(context.Background(), t, &b); err != nil {
				return err
			}
		}
		files, err := filepath.Glob("/proc/self/fd/*")
		if err != nil {
			return err
		}
		for _, f := range files {
			if name, err := os.Readlink(f); err == nil && strings.Contains(name, "etilqs_") {
				return fmt.Errorf("SQLite has made %s", name)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
