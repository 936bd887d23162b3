package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// PBX is one running Asterisk of the lab. Its methods may be used from several
// goroutines, but two calls of [PBX.Call] at a time would want the same phones.
type PBX struct {
	Version  string
	Instance int

	Addr    string // manager port, plain TCP, host:port
	TLSAddr string // manager port, TLS
	CAFile  string // PEM: the certificate of TLSAddr, for 127.0.0.1 and localhost
	User    string // manager user that may read and write everything
	Secret  string

	CDRPath    string // cdr_csv; empty of older calls when Up returns, absent until the first one ends
	CELPath    string // cel_custom, likewise
	Recordings string // folder of the recordings
	SIPAddr    string // where Asterisk listens for phones and the trunk, UDP

	lab script
	dir string // where child processes run and leave their files
}

// Up starts a server as cfg says and stops it when t ends. It skips t unless
// PATCHCORD_ASTERISK=1 is set, and fails it when the server does not start.
func Up(t testing.TB, cfg Config) *PBX {
	t.Helper()
	if os.Getenv("PATCHCORD_ASTERISK") != "1" {
		t.Skip("a real Asterisk is started only with PATCHCORD_ASTERISK=1 (Linux, root, debootstrap)")
	}
	lab, err := findScript(".")
	if err != nil {
		t.Fatalf("find testdata/asterisk-lab: %v", err)
	}
	c, err := claimInstance(lab.cache, cfg.Instance)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.release)
	p := &PBX{Version: or(cfg.Version, "22"), Instance: c.number, lab: lab, dir: t.TempDir()}
	t.Cleanup(func() {
		if err := p.remove(); err != nil {
			t.Error(err)
		}
	})
	if err := p.start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	return p
}

// firstStart bounds the start of a version whose tree must be built first.
const firstStart = 10 * time.Minute

func (p *PBX) start(ctx context.Context, cfg Config) error {
	ctx, cancel := context.WithTimeout(ctx, firstStart)
	defer cancel()
	if leftBehind(p.lab.cache, p.Instance) {
		if err := p.control(ctx, "down"); err != nil {
			return err
		}
	}
	if err := mark(p.lab.cache, p.Instance); err != nil {
		return fmt.Errorf("mark lab instance %d: %w", p.Instance, err)
	}
	out, err := p.lab.run(ctx, p.dir, cfg.up(p.Instance)...)
	if err != nil {
		return err
	}
	p.describe(variables(out))
	for _, path := range []string{p.CDRPath, p.CELPath} {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("empty the ledger of lab instance %d: %w", p.Instance, err)
		}
	}
	return nil
}

func (p *PBX) describe(v map[string]string) {
	p.Addr, p.TLSAddr, p.CAFile = v["LAB_AMI"], v["LAB_AMI_TLS"], v["LAB_AMI_CA"]
	p.User, p.Secret = "crm", "crmsecret"
	p.CDRPath, p.CELPath = v["LAB_CDR"], v["LAB_CEL"]
	p.Recordings, p.SIPAddr = v["LAB_RECORDINGS"], v["LAB_SIP"]
}

// Kill ends the process with SIGKILL: no Shutdown event, no CDR of live calls.
func (p *PBX) Kill(ctx context.Context) error { return p.control(ctx, "kill") }

// Down stops the process as a service manager would (SIGTERM).
func (p *PBX) Down(ctx context.Context) error { return p.control(ctx, "down") }

// Restart stops the process if it runs and starts it again with the same
// configuration. It returns when Asterisk has booted fully.
func (p *PBX) Restart(ctx context.Context) error { return p.control(ctx, "restart") }

// CLI runs one command of Asterisk's console and returns its output.
func (p *PBX) CLI(ctx context.Context, command string) (string, error) {
	return p.lab.run(ctx, p.dir, append([]string{"cli", command}, instanceArg(p.Instance)...)...)
}

// PID is the process id of the server as it runs now.
func (p *PBX) PID() (int, error) {
	text, err := os.ReadFile(filepath.Join(p.lab.cache, "state", strconv.Itoa(p.Instance), "pid"))
	if err != nil {
		return 0, fmt.Errorf("read pid of lab instance %d: %w", p.Instance, err)
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

func (p *PBX) control(ctx context.Context, verb string) error {
	_, err := p.lab.run(ctx, p.dir, append([]string{verb}, instanceArg(p.Instance)...)...)
	return err
}

// remove stops the server and takes the mark away. It runs after the test, so
// with a context of its own.
func (p *PBX) remove() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := p.control(ctx, "down"); err != nil {
		return err
	}
	return os.Remove(markPath(p.lab.cache, p.Instance))
}
