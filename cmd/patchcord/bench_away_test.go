package main

import (
	"fmt"
	"testing"
	"time"

	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm/postgres/pgtest"
)

const (
	awayPerSecond = 500 // of the PBX, by its own clock
	awayRedis     = 10 * time.Minute
	awayPostgres  = 30 * time.Minute
	awayHurry     = 20 // times as fast as that the time of the outage passes
	awayGoal      = 60 // seconds from a server's return until everything is recorded
)

// TestAwayFigure takes Redis away for 10 minutes and PostgreSQL for 30, at 500 events a second. That time is
// simulated: the PBX says what it has to say in so long a time as fast as a daemon takes it. What waits is the
// same, and is drained the same way, while the PBX goes on at its usual rate.
func TestAwayFigure(t *testing.T) {
	onDemand(t)
	for _, x := range []struct {
		what string
		away time.Duration
	}{{"Redis", awayRedis}, {"PostgreSQL", awayPostgres}} {
		t.Run(x.what, func(t *testing.T) {
			url, redis := redistest.Start(t)
			pg := pgtest.StartServer(t)
			t.Setenv("PATCHCORD_BUFFER", url)
			t.Setenv("PATCHCORD_STORE", pg.URL())
			if x.what == "Redis" {
				awayFigure(t, x.what, x.away, redis.Stop, redis.Cont)
			} else {
				awayFigure(t, x.what, x.away, pg.Stop, pg.Cont)
			}
		})
	}
}

func awayFigure(t *testing.T, what string, away time.Duration, stop, cont func()) {
	t.Helper()
	perSecond := float64(number(t, "PATCHCORD_AWAY_EVENTS", awayPerSecond))
	hurry := float64(number(t, "PATCHCORD_AWAY_HURRY", awayHurry))
	b := newBench(t)
	sc := writeScript(t, 1, loadPhones, perSecond, away)
	on := writeScript(t, 2, loadPhones, perSecond, awayGoal*time.Second)
	b.start(t)
	daemon := b.daemon.cmd.Process.Pid
	b.store(t)
	stop()
	began := time.Now()
	if _, err := b.pbx.play(t.Context(), sc, hurry*perSecond); err != nil {
		t.Fatal(err)
	}
	sent := time.Since(began)
	cont()
	b.profile()
	back, own, servers := time.Now(), processorTime(t, daemon), serversTime(t)
	played := make(chan error, 1)
	go func() {
		_, err := b.pbx.play(t.Context(), on, perSecond)
		played <- err
	}()
	waitFor(t, 5*time.Minute, "every call to be recorded", func() bool { return b.ended(t, sc.calls) })
	took := time.Since(back)
	b.profile()
	own, servers = processorTime(t, daemon)-own, serversTime(t)-servers
	if n := b.pbx.pbx.Sessions(); n != 1 {
		t.Errorf("%d sessions, want that from before", n)
	}
	if err := <-played; err != nil {
		t.Fatal(err)
	}
	b.checkStored(t, append(sc.calls, on.calls...))
	figure(t, fmt.Sprintf("%s away for %v at %.0f events a second: until all is recorded", what, away, perSecond), awayGoal, took.Seconds(), "s",
		fmt.Sprintf("%d events, %d calls, in %.0f s; %.0f a second afterwards, by %.0f s of the daemon's processor and %.0f of the servers'",
			len(sc.events), len(sc.calls), sent.Seconds(), float64(len(sc.events))/took.Seconds(), own.Seconds(), servers.Seconds()))
}
