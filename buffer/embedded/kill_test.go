package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"patchcord/buffer"
	"patchcord/buffer/embedded"
	"patchcord/crm"
)

// TestKillLosesNothingAcknowledged kills a process that appends, at random moments. Whatever it
// said was durable must be there, without a hole.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	if path := os.Getenv("APPEND_TO"); path != "" {
		appendForEver(path)
	}
	path := filepath.Join(t.TempDir(), "log.db")
	for round := range 5 {
		acked := runAndKill(t, path, time.Duration(20+rand.IntN(100))*time.Millisecond)
		l := openLog(t, path)
		var got []buffer.Entry
		for {
			more, err := l.Read(t.Context(), "hq", after(got), 5000)
			if err != nil {
				t.Fatal(err)
			}
			if len(more) == 0 {
				break
			}
			got = append(got, more...)
		}
		if uint64(len(got)) < acked || after(got).Seq != uint64(len(got)) {
			t.Fatalf("round %d: %d entries up to %s, %d were acknowledged", round, len(got), after(got), acked)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func after(es []buffer.Entry) crm.Position {
	if len(es) == 0 {
		return crm.Position{}
	}
	return es[len(es)-1].Pos
}

// runAndKill returns the last sequence number that the process had as durable.
func runAndKill(t *testing.T, path string, life time.Duration) (acked uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKillLosesNothingAcknowledged$")
	cmd.Env = append(os.Environ(), "APPEND_TO="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, err := fmt.Sscanf(lines.Text(), "durable %d", &acked); err != nil {
			continue
		}
		if life > 0 { // counted from the first entry on
			time.AfterFunc(life, func() { _ = cmd.Process.Kill() })
			life = 0
		}
	}
	if err := cmd.Wait(); err == nil || acked == 0 {
		t.Fatalf("the process ended by itself (%v) or appended nothing (%d)", err, acked)
	}
	return acked
}

func appendForEver(path string) {
	l, err := embedded.Open(context.Background(), path, embedded.Config{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	top, err := l.Top(context.Background(), "hq")
	for seq := top.Seq + 1; err == nil; seq += 7 {
		if _, err = l.Append(context.Background(), "hq", entries(seq, seq+6, 300)); err == nil {
			fmt.Println("durable", seq+6)
		}
	}
	fmt.Println(err)
	os.Exit(1)
}
