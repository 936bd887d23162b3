package pgtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"patchcord/crm/crmtest/child"
)

// Serve runs a server on the data in dir/data, which it makes when they are missing,
// and returns the URL of its database and the process that its others come from. It
// keeps what it is told, through a crash too, unless the settings (name=value) say
// otherwise. It ends with the test; the data stay. A missing PostgreSQL is as with Start.
func Serve(t testing.TB, dir string, settings ...string) (url string, pid int) {
	t.Helper()
	bin, err := programs()
	if errors.Is(err, errMissing) && os.Getenv("REQUIRE_SERVERS") != "1" {
		t.Skip(err)
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(err)
	as, err := child.Account("postgres")
	check(err)
	check(os.MkdirAll(dir, 0o755))
	if _, err := os.Stat(filepath.Join(dir, "data", "PG_VERSION")); err != nil {
		check(initCluster(bin, dir, as))
	}
	args := []string{"-D", filepath.Join(dir, "data"), "-k", dir, "-c", "listen_addresses=", "-c", "log_min_messages=fatal"}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	cmd := child.Command(as, dir, filepath.Join(bin, "postgres"), args...)
	check(child.Start(cmd, syscall.SIGINT))
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // a fast shutdown; it may have ended by itself
		_ = cmd.Wait()
	})
	s := &Server{dir: dir}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // it may have much to recover
	defer cancel()
	for err = s.ask(ctx); err != nil; err = s.ask(ctx) {
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return s.URL(), cmd.Process.Pid
}
