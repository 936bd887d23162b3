package main

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"patchcord/ami/amitest"
	"patchcord/crm/postgres/pgtest"
)

// awaiting starts a daemon on a store that is killed, and returns when it says that it waits.
func awaiting(t *testing.T, pg *pgtest.Server) (d *command, config string, anybody *client) {
	t.Helper()
	_, address := simulated(t, amitest.Config{Name: "hq"})
	config = configFor(t, address, "store: "+quoted(pg.URL())+"\n")
	b, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	at := deadPort(t)
	text := strings.Replace(string(b), "listen: 127.0.0.1:0", "listen: "+at, 1)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	pg.Kill()
	d = start(t, "", "serve", "--config", config)
	waitFor(t, 30*time.Second, "the daemon to say that it waits", func() bool {
		conn, err := net.Dial("tcp", at)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
	return d, config, &client{url: "http://" + at}
}

// TestDaemonWaitsForItsStore: after a power cut PostgreSQL may be up long after the daemon.
func TestDaemonWaitsForItsStore(t *testing.T) {
	t.Parallel()
	pg := pgtest.StartServer(t)
	d, config, anybody := awaiting(t, pg)
	if status := anybody.do(t, "GET", "/healthz", nil, nil); status != http.StatusOK {
		t.Errorf("/healthz: status %d", status)
	}
	var ready struct {
		Status, Store string
		PBXs          []struct{ Name, State, Detail string }
	}
	if status := anybody.do(t, "GET", "/readyz", nil, &ready); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz: status %d", status)
	}
	if ready.Store != "unavailable" || len(ready.PBXs) != 1 || ready.PBXs[0].State != "disconnected" || ready.PBXs[0].Detail == "" {
		t.Errorf("/readyz: %+v", ready)
	}
	if status := anybody.do(t, "GET", "/v1/calls", nil, nil); status != http.StatusServiceUnavailable {
		t.Errorf("/v1/calls: status %d", status)
	}
	began := time.Now()
	for _, once := range [][]string{{"user", "list"}, {"migrate"}, {"check"}} { // who waits for their end can try again himself
		if status, out, stderr := runCommand(t, "", append(once, "--config", config)...); status == 0 || !strings.Contains(out+stderr, "see that PostgreSQL runs there") {
			t.Errorf("%v: status %d: %s%s", once, status, out, stderr)
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the other commands took %v", took)
	}
	pg.Restart()
	waitFor(t, patience, "the PBX to be connected", func() bool {
		return strings.Contains(d.err.String(), "patchcord runs") && readyState(t, anybody.url, "hq") == "connected"
	})
	d.stop()
	if status := d.wait(t); status != 0 {
		t.Errorf("status %d:\n%s", status, d.err)
	}
	if n := strings.Count(d.err.String(), "the store is not there yet"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, d.err)
	}
}

func TestDaemonThatWaitsEndsWhenItIsStopped(t *testing.T) {
	t.Parallel()
	d, _, anybody := awaiting(t, pgtest.StartServer(t))
	d.stop()
	if status := d.wait(t); status != 0 || strings.Contains(d.err.String(), "patchcord runs") {
		t.Errorf("status %d:\n%s", status, d.err)
	}
	if conn, err := net.Dial("tcp", strings.TrimPrefix(anybody.url, "http://")); err == nil {
		conn.Close()
		t.Error("somebody listens still")
	}
}

// TestDaemonThatWaitsSaysThatItsPortIsTaken: not hours later, when the store is there.
func TestDaemonThatWaitsSaysThatItsPortIsTaken(t *testing.T) {
	t.Parallel()
	taken := answering(t, func(net.Conn) {})
	config := writeConfig(t, "store: postgres://u@"+deadPort(t)+"/d?sslmode=disable\nlisten: "+taken+"\n")
	if status, _, stderr := runCommand(t, "", "serve", "--config", config); status != 1 || !strings.Contains(stderr, "listen on "+taken) {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// TestStoreThatRefusesEndsTheStart: what does not pass by itself is said, and not waited for.
func TestStoreThatRefusesEndsTheStart(t *testing.T) {
	t.Parallel()
	address := pgtest.Start(t)
	if status, _, stderr := runCommand(t, "", "migrate", "--config", writeConfig(t, "store: "+quoted(address)+"\n")); status != 0 {
		t.Fatal(stderr)
	}
	c, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if _, err := c.Exec(t.Context(), `INSERT INTO patchcord_schema (version) VALUES (9999)`); err != nil {
		t.Fatal(err)
	}
	changed := func(change func(*url.URL)) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		change(u)
		return u.String()
	}
	for want, store := range map[string]string{
		"start the newer patchcord again": address,
		"make it: createdb":               changed(func(u *url.URL) { u.Path = "/nowhere" }),
		"the password stands in":          changed(func(u *url.URL) { u.User = url.User("stranger") }),
	} {
		config := writeConfig(t, "listen: 127.0.0.1:0\nstore: "+quoted(store)+"\n")
		if status, _, stderr := runCommand(t, "", "serve", "--config", config); status != 1 || !strings.Contains(stderr, want) {
			t.Errorf("status %d, stderr lacks %q: %s", status, want, stderr)
		}
	}
}

// TestStoreThatIsAboutToStartIsWaitedFor has a server that answers, but not yet (57P03 cannot_connect_now).
func TestStoreThatIsAboutToStartIsWaitedFor(t *testing.T) {
	at := answering(t, func(conn net.Conn) {
		length := make([]byte, 4)
		if _, err := io.ReadFull(conn, length); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, conn, int64(length[3])-4); err != nil { // the start-up message is shorter than 256 bytes
			return
		}
		fields := "SFATAL\x00VFATAL\x00C57P03\x00Mthe database system is starting up\x00\x00"
		io.WriteString(conn, "E\x00\x00\x00"+string(rune(len(fields)+4))+fields)
	})
	_, err := openStore(t.Context(), &Config{Store: "postgres://u@" + at + "/d?sslmode=disable"})
	if !passes(err) || !strings.Contains(err.Error(), "starting up") {
		t.Errorf("it is not waited for: %v", err)
	}
}
