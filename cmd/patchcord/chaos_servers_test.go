package main

import (
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"patchcord/buffer"
	"patchcord/buffer/redisstream"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm"
	"patchcord/crm/postgres"
	"patchcord/crm/postgres/pgtest"
)

// TestChaosRedis kills the Redis of a daemon with SIGKILL. The session to the PBX stays up and
// the spool takes what is said meanwhile, so no call may be other than it happened.
func TestChaosRedis(t *testing.T) {
	rounds(t, "redis", "Redis killed", 50, func(t *testing.T, kills int, random *rand.Rand) tally {
		url, redis := redistest.Start(t)
		v := newServed(t, random, url, pgtest.StartServer(t))
		defer v.tellIfFailed()
		for range kills {
			time.Sleep(between(random, 50*time.Millisecond, 1500*time.Millisecond))
			redis.Kill()
			time.Sleep(between(random, 0, 500*time.Millisecond))
			redis.Restart()
		}
		return v.checkWhole(t)
	})
}

// TestChaosPostgres kills every process of the PostgreSQL of a daemon with SIGKILL: records
// wait in the log, and each is stored once.
func TestChaosPostgres(t *testing.T) {
	rounds(t, "postgres", "PostgreSQL killed", 25, func(t *testing.T, kills int, random *rand.Rand) tally {
		url, _ := redistest.Start(t)
		pg := pgtest.StartServer(t)
		v := newServed(t, random, url, pg)
		defer v.tellIfFailed()
		for range kills {
			time.Sleep(between(random, 50*time.Millisecond, 2000*time.Millisecond))
			pg.Kill()
			time.Sleep(between(random, 0, 500*time.Millisecond))
			pg.Restart()
		}
		return v.checkWhole(t)
	})
}

// served is a daemon on Redis and PostgreSQL.
type served struct {
	*victim
	store crm.Store
	log   buffer.Log
}

// newServed starts one under load.
func newServed(t *testing.T, random *rand.Rand, redis string, pg *pgtest.Server) *served {
	t.Helper()
	pbx, address := servePBX(t, "127.0.0.1:0", chaosTraffic(random))
	v := newVictim(t, pbx, address, "PATCHCORD_STORE="+pg.URL(), "PATCHCORD_BUFFER="+redis)
	s, err := postgres.Open(t.Context(), pg.URL(), postgres.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &served{victim: v, store: s, log: readRedis(t, redis)}
}

func readRedis(t *testing.T, url string) buffer.Log {
	t.Helper()
	l, err := redisstream.Open(t.Context(), url, redisstream.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// check holds what was recorded against the ledger.
func (s *served) check(t *testing.T) tally {
	t.Helper()
	truth := s.finish(s.store)
	records, gaps := recordsOf(t, s.store)
	return compareWithLedger(t, records, gaps, heardIn(t, s.log), truth)
}

// checkWhole is check that wants every call as it happened.
func (s *served) checkWhole(t *testing.T) tally {
	t.Helper()
	y := s.check(t)
	if y.gaps > 0 || y.right != y.calls {
		t.Errorf("%v; want all as they happened, and no gap", y)
	}
	return y
}
