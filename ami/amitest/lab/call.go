package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Recording names the files that one scenario left, as in testdata/traces.
type Recording struct {
	AMI  string // what the server sent
	Tim  string // the clock of AMI
	Sent string // what the scenario sent
	CDR  string // the lines that CDR wrote meanwhile
	CEL  string // the lines that CEL wrote meanwhile
}

// Call runs the named scenario (`asterisk-lab scenarios` lists them) to its end
// and returns its recording, which lives as long as the test.
func (p *PBX) Call(ctx context.Context, scenario string) (Recording, error) {
	dir, err := os.MkdirTemp(p.dir, scenario+"-")
	if err != nil {
		return Recording{}, fmt.Errorf("record %s: %w", scenario, err)
	}
	stem := filepath.Join(dir, scenario)
	args := append([]string{"call", scenario, "--out", stem + ".ami"}, instanceArg(p.Instance)...)
	if _, err := p.lab.run(ctx, p.dir, args...); err != nil {
		return Recording{}, err
	}
	return Recording{
		AMI: stem + ".ami", Tim: stem + ".tim", Sent: stem + ".sent",
		CDR: stem + ".cdr.csv", CEL: stem + ".cel.csv",
	}, nil
}

// Phones registers phones until t ends, each written EXT:POLICY as in the lab's
// README, say "1001:answer=1". It returns when all are registered.
func (p *PBX) Phones(t testing.TB, phones ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	args := append(append([]string{"phones"}, phones...), instanceArg(p.Instance)...)
	cmd := p.lab.command(ctx, p.dir, args...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		t.Fatalf("start phones: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // killed by cancel: its error says only that
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "registered") {
		t.Fatalf("register phones: got %q, %v", line, err)
	}
}

// Dial is one call placed without a scenario.
type Dial struct {
	Number string
	Caller string        // number of the outside caller; default 441632960000
	Name   string        // name of the outside caller; default none
	From   string        // extension that dials; default an outside caller
	Talk   time.Duration // how long to stay after the answer; default 5 s
}

// Dial places one call and returns when it is over. A call that nobody answers
// is an error.
func (p *PBX) Dial(ctx context.Context, d Dial) error {
	args := append([]string{"dial", d.Number}, instanceArg(p.Instance)...)
	for _, o := range [][2]string{{"--cid", d.Caller}, {"--name", d.Name}, {"--from", d.From}, {"--talk", seconds(d.Talk)}} {
		if o[1] != "" {
			args = append(args, o[0], o[1])
		}
	}
	_, err := p.lab.run(ctx, p.dir, args...)
	return err
}

func seconds(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
}

// Load describes generated calls from the trunk.
type Load struct {
	Calls     int           // how many in all
	PerSecond int           // how many start each second
	Number    string        // default 5559000, the queue; 5559001 rings one phone; several, with commas, in turn
	Ring      time.Duration // of each phone; default 500 ms
	Talk      time.Duration // default 3 s
}

// Load places calls with sipp and returns when the last is over. A server at its
// limit fails some of them: they are no error here, the CDR tells.
func (p *PBX) Load(ctx context.Context, l Load) error {
	ctx, cancel := context.WithCancel(ctx)
	ring := "500"
	if l.Ring != 0 {
		ring = strconv.FormatInt(l.Ring.Milliseconds(), 10)
	}
	phones := p.lab.command(ctx, p.dir, append([]string{"uas", ring}, instanceArg(p.Instance)...)...)
	if err := phones.Start(); err != nil {
		cancel()
		return fmt.Errorf("start load phones: %w", err)
	}
	defer func() {
		cancel()
		_ = phones.Wait() // killed by cancel: its error says only that
	}()
	args := []string{"load", strconv.Itoa(l.Calls), strconv.Itoa(l.PerSecond), or(l.Number, "5559000")}
	callers := p.lab.command(ctx, p.dir, append(args, instanceArg(p.Instance)...)...)
	if l.Talk != 0 {
		callers.Env = append(callers.Env, "LAB_TALK_MS="+strconv.FormatInt(l.Talk.Milliseconds(), 10))
	}
	return loadError(callers.Run())
}

// loadError takes sipp's exit status 1, "at least one call failed", for success.
func loadError(err error) error {
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == 1 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("place load: %w", err)
	}
	return nil
}
