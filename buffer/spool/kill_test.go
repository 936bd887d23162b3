package spool

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"patchcord/crm"
)

// TestKillLosesNothingAcknowledged kills a process that spools, at random moments. Whatever it said
// was durable must be there, in order, without a hole.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	if dir := os.Getenv("SPOOL_TO"); dir != "" {
		spoolForEver(dir)
	}
	for round := range 5 {
		dir := t.TempDir()
		acked := runAndKill(t, dir, time.Duration(20+rand.IntN(150))*time.Millisecond)
		inner := newMemLog()
		l := mustOpen(t, dir, inner, Config{SegmentBytes: 64 << 10})
		if err := l.Settle(t.Context(), "hq"); err != nil {
			t.Fatal(err)
		}
		got := inner.all()
		if uint64(len(got)) <= acked || topOf(got).Seq+1 != uint64(len(got)) || len(l.Losses("hq")) > 0 {
			t.Fatalf("round %d: %d entries up to %s, up to 1-%d they were acknowledged, losses %+v", round, len(got), topOf(got), acked, l.Losses("hq"))
		}
	}
}

// runAndKill returns the last sequence number that the process had as durable.
func runAndKill(t *testing.T, dir string, life time.Duration) (acked uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKillLosesNothingAcknowledged$")
	cmd.Env = append(os.Environ(), "SPOOL_TO="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	for said.Scan() {
		if _, err := fmt.Sscanf(said.Text(), "durable %d", &acked); err != nil {
			continue
		}
		if life > 0 { // counted from the first entry on
			time.AfterFunc(life, func() { _ = cmd.Process.Kill() })
			life = 0
		}
	}
	if err := cmd.Wait(); err == nil || acked == 0 {
		t.Fatalf("the process ended by itself (%v) or spooled nothing (%d)", err, acked)
	}
	return acked
}

func spoolForEver(dir string) {
	inner := newMemLog()
	inner.setAway(true)
	l, err := Open(dir, inner, Config{SegmentBytes: 64 << 10, Logger: quiet()})
	for seq := uint64(0); err == nil; seq += 7 {
		if _, err = l.Append(context.Background(), "hq", entries(1, seq, seq+6)); err == nil {
			fmt.Println("durable", crm.Position{Epoch: 1, Seq: seq + 6}.Seq)
		}
	}
	fmt.Println(err)
	os.Exit(1)
}
