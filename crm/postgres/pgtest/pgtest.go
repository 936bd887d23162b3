// Package pgtest gives tests a private PostgreSQL server: one per test binary, on
// a unix socket in a temporary folder, and one empty schema per test (making a
// database takes a second, a schema a millisecond). It needs the server's programs
// and no set-up. The server and its folder go away when the test binary ends,
// however it ends: a shell that holds the other end of a pipe sees to it.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"patchcord/crm/crmtest/child"
)

// errMissing says that the server's programs are not installed.
var errMissing = errors.New("PostgreSQL's initdb and postgres are not installed (apt-get install postgresql)")

// server is the one of this test binary.
var server = sync.OnceValues(start)

// schemas counts what Start made, for names.
var schemas atomic.Int64

// Start returns the URL of an empty schema that lives as long as the test. It
// skips the test when PostgreSQL is not installed, or fails it when the
// environment has REQUIRE_SERVERS=1.
func Start(t testing.TB) string {
	t.Helper()
	s, err := server()
	if errors.Is(err, errMissing) && os.Getenv("REQUIRE_SERVERS") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test%d", schemas.Add(1))
	if err := s.admin(t.Context(), `CREATE SCHEMA `+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.admin(context.Background(), `DROP SCHEMA `+name+` CASCADE`); err != nil {
			t.Error(err)
		}
	})
	return s.url(name)
}

type running struct {
	dir  string    // of the socket
	life io.Closer // the server lives until it is closed, or this process ends
}

func (s *running) url(schema string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/postgres",
		RawQuery: url.Values{"host": {s.dir}, "search_path": {schema}}.Encode()}
	return u.String()
}

// admin runs one statement outside the tests' schemas.
func (s *running) admin(ctx context.Context, statement string) error {
	c, err := pgx.Connect(ctx, s.url("public"))
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, statement)
	return errors.Join(err, c.Close(ctx))
}

// reaper runs the server until its standard input ends. $1 is the programs'
// folder, $2 the server's.
const reaper = `
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c max_connections=200 -c shared_buffers=64MB \
	-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c autovacuum=off -c log_min_messages=fatal &
server=$!
cat
kill -QUIT $server
wait $server
rm -rf "$2"`

func start() (*running, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	as, err := child.Account("postgres")
	if err != nil {
		return nil, err
	}
	dir, err := makeCluster(bin, as)
	if err != nil {
		return nil, err
	}
	shell := child.Command(as, dir, "/bin/sh", "-c", reaper, "sh", bin, dir)
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
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.admin(ctx, `SELECT 1`)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("wait for PostgreSQL: %w", err), s.life.Close())
		case <-tick.C:
		}
	}
}

// programs returns the folder of the newest server there is.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		return "", errMissing
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 when its folder has no number
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}
