package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"patchcord/ami"
	"patchcord/ami/amitest"
	"patchcord/buffer"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm"
	"patchcord/crm/postgres/pgtest"
)

// TestChaosStorm makes every kind of fault in everything at once: two nodes on Redis and PostgreSQL, which are
// killed and paused, as the nodes are, while the PBX cuts connections, stands still, crashes and is restarted.
func TestChaosStorm(t *testing.T) {
	rounds(t, "storm", "faults of all kinds", 40, func(t *testing.T, faults int, random *rand.Rand) tally {
		s := newStorm(t, random)
		for range faults {
			s.pass(between(random, 50*time.Millisecond, 1500*time.Millisecond))
			s.strike()
		}
		s.calm()
		return s.check()
	})
}

// storm is what faults are made in. It is for one goroutine.
type storm struct {
	*cluster
	t      *testing.T
	random *rand.Rand
	redis  *redistest.Server
	pg     *pgtest.Server
	nodes  map[string]*node
	broken map[string]repair // by what is broken
	told   []string          // what was done
	began  time.Time
}

// repair ends a fault when its time has come.
type repair struct {
	due time.Time
	do  func()
}

func newStorm(t *testing.T, random *rand.Rand) *storm {
	t.Helper()
	url, redis := redistest.Start(t)
	pg := pgtest.StartServer(t)
	traffic := chaosTraffic(random)
	// A click-to-call that is cut off before it dials has not said whom it is for.
	traffic.Scenarios = slices.DeleteFunc(amitest.AllScenarios(), func(s amitest.Scenario) bool { return strings.HasPrefix(string(s), "originate") })
	c := newClusterOn(t, *traffic, true, pg.URL(), url)
	s := &storm{cluster: c, t: t, random: random, redis: redis, pg: pg, nodes: map[string]*node{}, broken: map[string]repair{}, began: time.Now()}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what was done:\n%s", strings.Join(s.told, "\n"))
		}
	})
	s.nodes["a"] = c.start(t, "a")
	c.meet(t, s.nodes["a"])
	s.nodes["b"] = c.start(t, "b")
	s.nodes["b"].becomes(t, "standby", time.Minute)
	return s
}

// tell notes what is done, for whoever looks for the reason of a failure.
func (s *storm) tell(format string, args ...any) {
	s.told = append(s.told, fmt.Sprintf("%s  %s", time.Now().UTC().Format("15:04:05.000"), fmt.Sprintf(format, args...)))
}

// pass lets time pass, and ends what faults end in it.
func (s *storm) pass(d time.Duration) {
	for until := time.Now().Add(d); ; {
		what, r := s.next()
		if what == "" || r.due.After(until) {
			time.Sleep(time.Until(until))
			return
		}
		time.Sleep(time.Until(r.due))
		s.mend(what)
	}
}

// next returns what is mended next, "" when nothing is broken.
func (s *storm) next() (what string, first repair) {
	for w, r := range s.broken {
		if what == "" || r.due.Before(first.due) {
			what, first = w, r
		}
	}
	return what, first
}

func (s *storm) mend(what string) {
	if r, ok := s.broken[what]; ok {
		delete(s.broken, what)
		r.do()
		s.tell("%s is well", what)
	}
}

// breaks says what is broken, and how long and by what it is mended.
func (s *storm) breaks(what, how string, length time.Duration, do func()) {
	s.tell("%s %s for %v", what, how, length.Round(time.Millisecond))
	s.broken[what] = repair{time.Now().Add(length), do}
}

// strike draws a fault of something that is well.
func (s *storm) strike() {
	var well []string
	for _, what := range []string{"node a", "node b", "redis", "postgres", "pbx"} {
		if _, broken := s.broken[what]; !broken {
			well = append(well, what)
		}
	}
	if len(well) == 0 {
		return
	}
	length := between(s.random, 0, 1500*time.Millisecond)
	switch what := well[s.random.IntN(len(well))]; what {
	case "redis":
		s.strikeServer(what, length, s.redis)
	case "postgres":
		s.strikeServer(what, length, s.pg)
	case "pbx":
		s.strikePBX(length)
	default:
		s.strikeNode(what, length)
	}
}

// server is a Redis or a PostgreSQL.
type server interface {
	Kill()
	Restart()
	Stop()
	Cont()
}

func (s *storm) strikeServer(what string, length time.Duration, srv server) {
	if s.random.IntN(2) == 0 {
		srv.Kill()
		s.breaks(what, "is killed", length, srv.Restart)
		return
	}
	srv.Stop()
	s.breaks(what, "is paused", 2*length, srv.Cont)
}

func (s *storm) strikeNode(what string, length time.Duration) {
	name := strings.TrimPrefix(what, "node ")
	n := s.nodes[name]
	again := func() {
		s.mend("postgres") // a daemon does not start without it
		s.nodes[name] = s.start(s.t, name)
	}
	switch s.random.IntN(4) {
	case 0:
		n.cmd.Process.Signal(syscall.SIGSTOP)
		if s.random.IntN(3) == 0 {
			length += crm.LeaseTTL // another takes what it has
		}
		s.breaks(what, "is paused", length, func() { n.cmd.Process.Signal(syscall.SIGCONT) })
	case 1:
		n.cmd.Process.Signal(syscall.SIGTERM)
		s.breaks(what, "is told to stop", length, func() {
			s.mend("redis") // it hands over, or waits in vain for those that cannot answer
			s.mend("postgres")
			n.cmd.Wait()
			again()
		})
	default:
		n.end(syscall.SIGKILL)
		s.breaks(what, "is killed", length, again)
	}
}

func (s *storm) strikePBX(length time.Duration) {
	must := func(err error) {
		if err != nil {
			s.t.Error(err)
		}
	}
	ctx := context.Background()
	switch s.random.IntN(5) {
	case 0:
		s.tell("pbx resets its connections")
		s.pbx.Drop(true)
	case 1:
		s.tell("pbx cuts an event off")
		s.pbx.CutEvent()
	case 2:
		s.pbx.Freeze(true)
		s.breaks("pbx", "stands still", length, func() { s.pbx.Freeze(false) })
	case 3:
		s.tell("pbx crashes")
		must(s.pbx.Crash(ctx, length, length/2))
	case 4:
		s.tell("pbx is shut down")
		must(s.pbx.Shutdown(ctx))
		s.breaks("pbx", "is down", length, func() { must(s.pbx.Restart(length / 2)) })
	}
}

// calm mends everything.
func (s *storm) calm() {
	for _, what := range []string{"redis", "postgres", "pbx", "node a", "node b"} {
		s.mend(what)
	}
	s.tell("all is well")
}

// check lets calls and records come to their ends, and holds them against the ledger.
func (s *storm) check() tally {
	t := s.t
	t.Helper()
	waitFor(t, time.Minute, "a node to log in", func() bool { return s.pbx.Sessions() > 0 })
	s.pbx.Rest()
	waitFor(t, time.Minute, "every call to end", func() bool { return settled(s.pbx.Ledger().Calls()) })
	for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		time.Sleep(time.Second) // for what is in the sockets
		records, _ := recordsOf(t, s.store)
		if !slices.ContainsFunc(records, func(c *crm.Call) bool { return c.Open() }) {
			break // else the comparison says which is open
		}
	}
	for _, n := range s.nodes {
		n.end(syscall.SIGTERM)
	}
	tellsOnce(t, s.store)
	records, gaps := recordsOf(t, s.store)
	y := compareWithLedger(t, records, gaps, heardIn(t, s.log), s.owed())
	if t.Failed() {
		s.tellLog()
	}
	return y
}

// tellLog shows the log of the PBX: markers as they are, frames by their channel.
func (s *storm) tellLog() {
	for after := (crm.Position{}); ; {
		entries, err := s.log.Read(s.t.Context(), "hq", after, 1000)
		if err != nil || len(entries) == 0 {
			return
		}
		for _, e := range entries {
			after = e.Pos
			text := string(e.Data)
			if m := ami.NewMessage(text); e.Kind == buffer.Frame {
				text = fmt.Sprintf("%s %s %s", m.Event(), m.Get("Linkedid"), m.Get("Uniqueid"))
			}
			s.t.Logf("%s %s %c %s", e.Pos, e.At.Format("15:04:05.000"), e.Kind, text)
		}
	}
}
