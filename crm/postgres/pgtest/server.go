package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"patchcord/crm/crmtest/child"
)

// Server is a PostgreSQL that one test owns and may kill. A commit that it has answered
// survives its kill, unlike one of Start's server. Its methods are for one goroutine.
type Server struct {
	t   testing.TB
	dir string
	bin string
	as  *syscall.Credential
	pid int           // of the process that runs, and of its group; 0 for none
	end chan struct{} // closed when it has ended
}

// StartServer starts one, on a unix socket in a temporary folder. It ends with the test; a
// missing PostgreSQL is as with Start.
func StartServer(t testing.TB) *Server {
	t.Helper()
	bin, err := programs()
	if errors.Is(err, errMissing) && os.Getenv("REQUIRE_SERVERS") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, bin: bin}
	if s.as, err = child.Account("postgres"); err != nil {
		t.Fatal(err)
	}
	if s.dir, err = makeCluster(bin, s.as); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Kill()
		if err := os.RemoveAll(s.dir); err != nil {
			t.Error(err)
		}
	})
	s.Restart()
	return s
}

// URL is the address of its database.
func (s *Server) URL() string { return (&running{dir: s.dir}).url("public") }

// Kill ends every process of the server with SIGKILL. Killing it again is a no-op.
func (s *Server) Kill() {
	if s.pid == 0 {
		return
	}
	for _, pid := range s.processes() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
	}
	<-s.end
	s.pid = 0
}

// Stop pauses every process of the server, Cont lets them go on.
func (s *Server) Stop() { s.signal(syscall.SIGSTOP) }

// Cont lets a stopped server go on.
func (s *Server) Cont() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	for _, pid := range s.processes() {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			s.t.Fatalf("%s to PostgreSQL: %v", sig, err)
		}
	}
}

// processes returns the server's first process and those that it started, each of which leads a group of
// its own. Without /proc it is the first alone.
func (s *Server) processes() []int {
	list := []int{s.pid}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return list
	}
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		var pid, parent int
		var state string
		_, after, _ := strings.Cut(string(b), ") ") // the name before may hold anything
		if _, err := fmt.Sscan(after, &state, &parent); err != nil || parent != s.pid {
			continue
		}
		if _, err := fmt.Sscan(string(b), &pid); err == nil {
			list = append(list, pid)
		}
	}
	return list
}

// Restart starts the server again, with the same data, after killing it if it runs, and
// returns when it answers. Until the last process of a killed one is gone it refuses to start.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := s.launch()
		if err == nil {
			return
		}
		s.Kill()
		if time.Now().After(deadline) {
			s.t.Fatalf("restart PostgreSQL: %v", err)
		}
	}
}

func (s *Server) launch() error {
	cmd := child.Command(s.as, s.dir, filepath.Join(s.bin, "postgres"), "-D", filepath.Join(s.dir, "data"), "-k", s.dir,
		"-c", "listen_addresses=", "-c", "max_connections=100", "-c", "shared_buffers=32MB", "-c", "fsync=off",
		"-c", "autovacuum=off", "-c", "log_min_messages=fatal")
	if err := child.Start(cmd, syscall.SIGKILL); err != nil {
		return err
	}
	end := make(chan struct{})
	s.pid, s.end = cmd.Process.Pid, end
	go func() {
		_ = cmd.Wait() // that it ended is what counts
		close(end)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		err := s.ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-end:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s *Server) ask(ctx context.Context) error {
	c, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return err
	}
	return c.Close(ctx)
}

// makeCluster makes a temporary folder with the data of an empty server.
func makeCluster(bin string, as *syscall.Credential) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "pgtest-"); err != nil {
		return "", err
	}
	if err := initCluster(bin, dir, as); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}

// initCluster makes the data of an empty server in a folder.
func initCluster(bin, dir string, as *syscall.Credential) error {
	if as != nil {
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			return err
		}
	}
	initdb := child.Command(as, dir, filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"),
		"-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}
