package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"patchcord/ami/amitest"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm"
	"patchcord/crm/postgres/pgtest"
)

// TestChaosAway takes Redis away under load, and then PostgreSQL for three times as long. Its count is
// the seconds that Redis is away. The session stays up, pops reach their agent all the while, and a minute
// after each is back what waited is where it belongs.
func TestChaosAway(t *testing.T) {
	rounds(t, "away", "Redis, PostgreSQL away", 1<<20, func(t *testing.T, seconds int, random *rand.Rand) tally {
		url, redis := redistest.Start(t)
		pg := pgtest.StartServer(t)
		c := newClusterOn(t, amitest.Traffic{
			Seed: random.Uint64(), Speed: 20, CallsPerSecond: 0.4, Noise: 0.3, Delay: 30 * time.Second,
			Focus: &amitest.Focus{Extension: "1001", First: 40 * time.Second, Every: 20 * time.Second},
		}, true, pg.URL(), url)
		n := c.start(t, "a")
		c.meet(t, n)
		conn, _ := login(t, n.url, "agent1001", nodePassword).listen(t, "")
		pops := countPops(t, conn)
		time.Sleep(3 * time.Second)
		for _, away := range []struct {
			what       string
			seconds    int
			stop, cont func()
		}{{"Redis", seconds, redis.Stop, redis.Cont}, {"PostgreSQL", 3 * seconds, pg.Stop, pg.Cont}} {
			sent, _ := c.pbx.Sent()
			before := pops()
			away.stop()
			time.Sleep(time.Duration(away.seconds) * time.Second)
			during := pops() - before
			after, _ := c.pbx.Sent()
			ended := c.ended()
			away.cont()
			back := time.Now()
			waitFor(t, 2*time.Minute, "everything to be recorded", func() bool { return c.recorded(t, ended) })
			took := time.Since(back)
			fmt.Printf("NOTE\t%s away %d s at %d events/s: %d pops meanwhile, recorded %v after its return\n", away.what,
				away.seconds, int(after-sent)/away.seconds, during, took.Round(100*time.Millisecond))
			if took > time.Minute {
				t.Errorf("%s: what waited was recorded %v after its return, want 60 s", away.what, took)
			}
			if during < away.seconds/3 {
				t.Errorf("%d pops in %d s without %s", during, away.seconds, away.what)
			}
		}
		c.pbx.Rest()
		waitFor(t, time.Minute, "every call to end", func() bool { return settled(c.pbx.Ledger().Calls()) })
		waitFor(t, time.Minute, "every record", func() bool { return c.recorded(t, c.ended()) })
		n.end(syscall.SIGTERM)
		records, gaps := recordsOf(t, c.store)
		y := compareWithLedger(t, records, gaps, heardIn(t, c.log), c.owed())
		if y.gaps > 0 || y.right != y.calls {
			t.Errorf("%v; want all as they happened, and no gap", y)
		}
		return y
	})
}

// ended returns a Linkedid of every call that is owed and over.
func (c *cluster) ended() (ids []string) {
	for _, call := range c.owed() {
		if !call.EndedAt.IsZero() {
			ids = append(ids, call.Linkedids[0])
		}
	}
	return ids
}

// recorded reports whether the store has the ended record of each; the last 200 will do.
func (c *cluster) recorded(t *testing.T, ids []string) bool {
	t.Helper()
	calls, _, err := c.store.Calls(t.Context(), defaultTenant, crm.CallFilter{}, crm.Page{Limit: 200})
	if err != nil {
		return false
	}
	over := map[string]bool{}
	for _, call := range calls {
		for _, id := range call.Linkedids {
			over[id] = !call.Open()
		}
	}
	for _, id := range ids[max(0, len(ids)-50):] {
		if !over[id] {
			return false
		}
	}
	return true
}

// countPops returns how many rings the socket has told so far.
func countPops(t *testing.T, conn *websocket.Conn) func() int {
	t.Helper()
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	told := make(chan struct{}, 1<<16)
	go func() {
		for {
			_, b, err := conn.ReadMessage()
			if err != nil {
				return
			}
			if strings.Contains(string(b), `"type":"`+string(crm.OfferCreated)+`"`) {
				told <- struct{}{}
			}
		}
	}()
	return func() int { return len(told) }
}
