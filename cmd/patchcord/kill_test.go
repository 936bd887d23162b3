package main

import (
	"context"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"patchcord/ami/amitest"
)

// TestKilledDaemonLosesNothingItHeard kills the daemon with SIGKILL at random
// moments under a PBX that does not wait for it, and holds what is stored against
// the PBX's ledger. PATCHCORD_KILLS=100 is the one of testdata/figures.md: an hour of
// calls at twenty times its speed.
func TestKilledDaemonLosesNothingItHeard(t *testing.T) {
	t.Parallel()
	kills := number(t, "PATCHCORD_KILLS", 8)
	seed := uint64(number(t, "PATCHCORD_SEED", 1))
	random := rand.New(rand.NewPCG(seed, 1))
	t.Logf("replay with: PATCHCORD_KILLS=%d PATCHCORD_SEED=%d go test -run %s ./cmd/patchcord", kills, seed, t.Name())

	dir := t.TempDir()
	traffic := amitest.Traffic{Seed: seed, Speed: 20, CallsPerSecond: 0.4, MaxCalls: int(0.4 * 36 * float64(kills))}
	pbx := amitest.New(amitest.Config{Name: "hq", Timestamps: true, Traffic: &traffic})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- pbx.Serve(ctx, ln) }()
	defer func() { stop(); <-served }()

	secret := filepath.Join(dir, "hq.secret")
	if err := os.WriteFile(secret, []byte(amitest.DefaultUser().Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"serve", "--listen", "127.0.0.1:0", "--data-dir", dir, "--pbx-name", "hq", "--pbx-address", ln.Addr().String(),
		"--pbx-username", amitest.DefaultUser().Name, "--pbx-secret-file", secret,
	}
	first := spawn(t, args...)
	if err := pbx.WaitSessions(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	met := time.Now() // what was before the first connection nobody promised to hear
	first.end(syscall.SIGKILL)
	for range kills - 1 {
		p := spawn(t, args...)
		time.Sleep(200*time.Millisecond + rand2(random, 3200*time.Millisecond)) // a random moment is what is tested
		p.end(syscall.SIGKILL)
	}
	last := spawn(t, args...)
	waitFor(t, 2*time.Minute, "every call to end", func() bool {
		return pbx.Ledger().Len() == traffic.MaxCalls && settled(pbx.Ledger().Calls())
	})
	time.Sleep(8 * time.Second) // two complete lists of channels, 2.5 s apart, after the last login
	last.end(syscall.SIGTERM)
	truth := slices.DeleteFunc(pbx.Ledger().Calls(), func(c amitest.Call) bool { return c.StartedAt.Before(met) })
	checkAgainstLedger(t, dir, truth)
	if t.Failed() {
		t.Logf("last daemon's log:\n%s", last.err)
	}
}

func rand2(r *rand.Rand, d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }
