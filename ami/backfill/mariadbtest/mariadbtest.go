// Package mariadbtest gives tests a private MariaDB server: one per test binary, on a
// unix socket in a temporary folder, and one empty database per test. It needs the
// server's program and no set-up. The server and its folder go away when the test
// binary ends, however it ends: a shell that holds the other end of a pipe sees to it.
package mariadbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // registers the driver "mysql"

	"patchcord/crm/crmtest/child"
)

var errMissing = errors.New("MariaDB's mariadbd and mariadb-install-db are not installed (apt-get install mariadb-server)")

// server is the one of this test binary.
var server = sync.OnceValues(start)

// databases counts what Start made, for names.
var databases atomic.Int64

// Start returns the address (go-sql-driver's DSN) of an empty database that lives as
// long as the test. It skips the test when MariaDB is not installed, or fails it when
// the environment has REQUIRE_SERVERS=1.
func Start(t testing.TB) string {
	t.Helper()
	s, err := server()
	if errors.Is(err, errMissing) && os.Getenv("REQUIRE_SERVERS") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test%d", databases.Add(1))
	if err := s.admin(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.admin(context.Background(), "DROP DATABASE "+name); err != nil {
			t.Error(err)
		}
	})
	return s.dsn(name)
}

type running struct {
	dir  string    // of the socket
	life io.Closer // the server lives until it is closed, or this process ends
}

func (s *running) dsn(database string) string {
	return "root@unix(" + filepath.Join(s.dir, "sock") + ")/" + database
}

// admin runs one statement in no database.
func (s *running) admin(ctx context.Context, statement string) error {
	db, err := sql.Open("mysql", s.dsn(""))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statement)
	return errors.Join(err, db.Close())
}

// reaper runs the server until its standard input ends. $1 is the server's program, $2
// its folder. Nobody but who may read the folder can reach it, so it asks for no password.
const reaper = `
"$1" --no-defaults --datadir="$2/data" --socket="$2/sock" --pid-file="$2/pid" --skip-networking --skip-grant-tables \
	--innodb-buffer-pool-size=16M --innodb-flush-log-at-trx-commit=0 --skip-log-bin --log-error="$2/log" &
server=$!
cat
kill -KILL $server
wait $server
rm -rf "$2"`

func start() (*running, error) {
	program, err := exec.LookPath("mariadbd")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/mariadbd"); err != nil {
			return nil, errMissing
		}
	}
	installer, err := exec.LookPath("mariadb-install-db")
	if err != nil {
		return nil, errMissing
	}
	as, err := child.Account("mysql")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mariadbtest-")
	if err != nil {
		return nil, err
	}
	if as != nil {
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			return nil, err
		}
	}
	install := child.Command(as, dir, installer, "--no-defaults", "--datadir="+filepath.Join(dir, "data"),
		"--auth-root-authentication-method=normal", "--skip-test-db")
	if out, err := install.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("mariadb-install-db: %w: %s", err, out), os.RemoveAll(dir))
	}
	shell := child.Command(as, dir, "/bin/sh", "-c", reaper, "sh", program, dir)
	life, err := shell.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := shell.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s := &running{dir: dir, life: life}
	return s, s.await()
}

// await returns when the server answers.
func (s *running) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.admin(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("wait for MariaDB: %w", err), s.life.Close())
		case <-tick.C:
		}
	}
}
