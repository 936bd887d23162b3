package main

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"patchcord/ami/amitest/lab"
	"patchcord/crm"
)

// site is a daemon beside an Asterisk, with an agent at each phone that the
// scenarios use and two agents at the 60 phones of the load.
type site struct {
	config   string
	url      string // of the daemon, once it runs
	password string
	boss     *client
	agents   map[string]string // by extension
}

// newSite writes the configuration of a daemon that reaches pbx at address, and
// adds its users.
func newSite(t *testing.T, pbx *lab.PBX, address, more string) *site {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hq.secret"), []byte(pbx.Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	listen := freeAddress(t) // a fixed port, so that a daemon has it again after each of its deaths
	s := &site{config: filepath.Join(dir, "patchcord.yml"), url: "http://" + listen, password: "test " + filepath.Base(dir) + " of the lab", agents: map[string]string{}}
	text := fmt.Sprintf("listen: %s\npbxs:\n  - name: hq\n    address: %s\n    region: GB\n    reader: {username: %s, secret_file: hq.secret}\n%s",
		listen, address, pbx.User, more)
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.add(t, "boss", "--role", "owner")
	for ext := 1001; ext <= 1006; ext++ {
		s.addAgent(t, "desk-"+strconv.Itoa(ext), ext, ext)
	}
	s.addAgent(t, "floor-1", 2001, 2030)
	s.addAgent(t, "floor-2", 2031, 2060)
	return s
}

func (s *site) add(t *testing.T, name string, options ...string) {
	t.Helper()
	args := append([]string{"user", "add", name, "--config", s.config, "--password-stdin"}, options...)
	if status, _, stderr := runCommand(t, s.password+"\n", args...); status != 0 {
		t.Fatalf("add %s: %s", name, stderr)
	}
}

func (s *site) addAgent(t *testing.T, name string, first, last int) {
	t.Helper()
	var options []string
	for ext := first; ext <= last; ext++ {
		options = append(options, "--extension", "hq/"+strconv.Itoa(ext))
		s.agents[strconv.Itoa(ext)] = name
	}
	s.add(t, name, options...)
}

// serve runs the daemon in this process until the test ends.
func (s *site) serve(t *testing.T) {
	t.Helper()
	daemon := start(t, "", "serve", "--config", s.config)
	t.Cleanup(func() {
		daemon.stop()
		if status := daemon.wait(t); status != 0 {
			t.Errorf("the daemon left with %d:\n%s", status, daemon.err)
		}
	})
	daemonURL(t, daemon)
	s.connected(t)
}

// connected waits until the daemon has the PBX, and logs the boss in.
func (s *site) connected(t *testing.T) {
	t.Helper()
	waitFor(t, 30*time.Second, "the daemon to listen", func() bool {
		conn, err := net.Dial("tcp", s.url[len("http://"):])
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	waitFor(t, 30*time.Second, "the PBX to be connected", func() bool { return readyState(t, s.url, "hq") == "connected" })
	s.boss = login(t, s.url, "boss", s.password) // anew each time: logins do not outlast long runs
}

var runsAt = regexp.MustCompile(`msg="patchcord runs" url=(\S+)`)

// daemonURL waits until the daemon says where it listens.
func daemonURL(t *testing.T, c *command) string {
	t.Helper()
	var at []string
	waitFor(t, 30*time.Second, "the daemon to run", func() bool {
		at = runsAt.FindStringSubmatch(c.err.String())
		return at != nil
	})
	return at[1]
}

// records fetches every record there is, and gaps every gap.
func (s *site) records(t *testing.T) []*crm.Call {
	return everything[*crm.Call](t, s.boss, "/v1/calls")
}

func (s *site) gaps(t *testing.T) []crm.Gap { return everything[crm.Gap](t, s.boss, "/v1/gaps") }

// everything fetches all pages of a list.
func everything[T any](t *testing.T, c *client, path string) (all []T) {
	t.Helper()
	for cursor := ""; ; {
		var page struct {
			Items []T    `json:"items"`
			Next  string `json:"next_cursor"`
		}
		if status := c.do(t, "GET", path+"?limit=200&cursor="+url.QueryEscape(cursor), nil, &page); status != 200 {
			t.Fatalf("%s: status %d", path, status)
		}
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all
		}
	}
}

// compare holds the records against what the Asterisk wrote. Both are written a
// little after the fact, so it asks again until they agree or the time is over.
func (s *site) compare(t *testing.T, pbx *lab.PBX, outages []outage, within time.Duration) *comparison {
	t.Helper()
	for deadline := time.Now().Add(within); ; time.Sleep(250 * time.Millisecond) {
		k := &comparison{outages: outages, records: s.records(t), gaps: s.gaps(t)}
		cel, err := pbx.CEL()
		if err != nil {
			t.Fatal(err)
		}
		if k.cdr, err = pbx.CDR(); err != nil {
			t.Fatal(err)
		}
		k.told = tell(cel)
		if k.run(); len(k.wrong) == 0 || time.Now().After(deadline) {
			return k
		}
	}
}

// pops is what the agents' sockets received.
type pops struct {
	mu   sync.Mutex
	seen map[string][]pop // guarded by mu; by Uniqueid of the phone's channel
}

type pop struct {
	agent string
	at    time.Time
}

// listenAsEverybody opens the socket of every agent.
func (s *site) listenAsEverybody(t *testing.T) *pops {
	t.Helper()
	p := &pops{seen: map[string][]pop{}}
	open := map[string]bool{}
	for _, agent := range s.agents {
		if open[agent] {
			continue
		}
		open[agent] = true
		conn, _ := login(t, s.url, agent, s.password).listen(t, "")
		if err := conn.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		go p.collect(conn, agent)
	}
	return p
}

func (p *pops) collect(conn *websocket.Conn, agent string) {
	for {
		var m message
		if err := conn.ReadJSON(&m); err != nil {
			return // the test is over
		}
		if m.Event.Type != "offer.created" {
			continue
		}
		id := m.Event.Data.Offer.ID[len("hq:"):]
		p.mu.Lock()
		p.seen[id] = append(p.seen[id], pop{agent, time.Now()})
		p.mu.Unlock()
	}
}

// check holds the pops against the phones that were called: each came once, to
// that phone's agent and nobody else, and before the phone was answered. It
// returns how many there were.
func (p *pops) check(t *testing.T, told map[string]*told, agents map[string]string) int {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	called := map[string]bool{}
	for _, c := range told {
		for id, r := range c.rings {
			called[id] = true
			seen := p.seen[id]
			if len(seen) != 1 || seen[0].agent != agents[r.extension] {
				t.Errorf("%s rang at %s: the pops came to %v, want %s alone", r.extension, clock(r.at), seen, agents[r.extension])
				continue
			}
			if !r.answered.IsZero() && !seen[0].at.Before(r.answered) {
				t.Errorf("the pop for %s came at %s, after the answer at %s", r.extension, clock(seen[0].at), clock(r.answered))
			}
		}
	}
	for id, seen := range p.seen {
		if !called[id] {
			t.Errorf("a pop came to %v for channel %s, which is no phone that was called", seen, id)
		}
	}
	return len(called)
}

// text reads a setting of a test from the environment.
func text(name, usual string) string { return cmp.Or(os.Getenv(name), usual) }
