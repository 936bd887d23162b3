package ami

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const (
	fakeUser   = "crm"
	fakeSecret = "s3cret"
	fakeBanner = "Asterisk Call Manager/11.0.0\r\n"
	booted     = "Event: FullyBooted\nPrivilege: system,all\nUptime: 141\nLastReload: 141\nStatus: Fully Booted\n\n"
)

// A peer is the server's end of one connection, driven by a script.
type peer struct {
	t    *testing.T
	conn net.Conn
	r    *Reader
}

// A script plays the server on one connection, which ends when it returns.
type script func(p *peer)

// send writes s with CR LF line ends. A connection that is gone is no failure.
func (p *peer) send(s string) {
	p.write(strings.ReplaceAll(s, "\n", "\r\n"))
}

func (p *peer) write(s string) {
	_, _ = io.WriteString(p.conn, s) // what the client did about it is what tests look at
}

// action returns the next action, without a name when the connection is over.
func (p *peer) action() Action {
	v, err := p.r.Next()
	if err != nil {
		return Action{}
	}
	var a Action
	for name, value := range v.Keep().All() {
		if a.Name == "" {
			a.Name = value
			continue
		}
		a.Fields = append(a.Fields, Field{name, value})
	}
	return a
}

func (p *peer) reply(a Action, text string) {
	p.send("Response: Success\nActionID: " + a.Get("ActionID") + "\n" + text + "\n\n")
}

func pong(a Action) string {
	return "Response: Success\nActionID: " + a.Get("ActionID") + "\nPing: Pong\nTimestamp: 1795311887.825579\n\n"
}

func (p *peer) refuse(a Action, text string) {
	p.send("Response: Error\nActionID: " + a.Get("ActionID") + "\nMessage: " + text + "\n\n")
}

// login sends the banner and checks the login; it says "Authentication failed" to a
// wrong one, as Asterisk does, and returns whether it was right.
func (p *peer) login(secret string) bool {
	p.write(fakeBanner)
	a := p.action()
	want := secret
	if a.Name == "Challenge" {
		p.reply(a, "Challenge: 171886131")
		sum := md5.Sum([]byte("171886131" + secret))
		want = hex.EncodeToString(sum[:])
		a = p.action()
	}
	if a.Name == "" {
		return false
	}
	got := a.Get("Secret") + a.Get("Key")
	if a.Name != "Login" || a.Get("Username") != fakeUser || got != want {
		time.Sleep(time.Second)
		p.refuse(a, "Authentication failed")
		return false
	}
	p.reply(a, "Message: Authentication accepted")
	return true
}

// serve answers actions until the connection ends: Ping, CoreStatus and ListCommands
// like Asterisk, others as more says ("" for no answer at all).
func (p *peer) serve(more map[string]func(Action) string) {
	for {
		a := p.action()
		if a.Name == "" {
			return
		}
		head := "Response: Success\nActionID: " + a.Get("ActionID") + "\n"
		if f, ok := more[a.Name]; ok {
			if s := f(a); s != "" {
				p.send(strings.ReplaceAll(s, "$head\n", head))
			}
			continue
		}
		switch a.Name {
		case "Ping":
			p.send(pong(a))
		case "CoreStatus":
			p.send(head + "CoreStartupDate: 2026-11-22\nCoreStartupTime: 01:45:18\n\n")
		case "ListCommands":
			p.send(head + allCommands + "\n")
		default:
			p.refuse(a, "Invalid/unknown command: "+a.Name)
		}
	}
}

const allCommands = "CoreShowChannels: List currently active channels.  (Priv: system,reporting,all)\n" +
	"LoggerRotate: Reload.  (Priv: reporting,all)\nOriginate: Originate a call.  (Priv: originate,all)\n" +
	"Ping: Keepalive command.  (Priv: <none>)\nPark: Park a channel.  (Priv: call,all)\n"

// up logs in, is booted and serves.
func up(p *peer) {
	if p.login(fakeSecret) {
		p.send(booted)
		p.serve(nil)
	}
}

// A fakePBX dials net.Pipes, so it works inside a synctest bubble. The n-th connection
// is played by the n-th script, later ones by the last.
type fakePBX struct {
	t       *testing.T
	scripts []script

	mu    sync.Mutex
	conns []net.Conn  // guarded by mu; the server's ends
	dials []time.Time // guarded by mu
	wg    sync.WaitGroup
}

var errRefusedDial = errors.New("connection refused")

func (f *fakePBX) dial(context.Context, string, string) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := min(len(f.dials), len(f.scripts)-1)
	f.dials = append(f.dials, time.Now())
	if f.scripts[i] == nil {
		return nil, errRefusedDial
	}
	client, server := net.Pipe()
	f.conns = append(f.conns, server)
	f.wg.Go(func() {
		defer server.Close()
		f.scripts[i](&peer{t: f.t, conn: server, r: NewReader(server, ReaderConfig{})})
	})
	return client, nil
}

func (f *fakePBX) dialed() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.dials)
}

func (f *fakePBX) close() {
	f.mu.Lock()
	for _, c := range f.conns {
		c.Close()
	}
	f.mu.Unlock()
	f.wg.Wait()
}

// A record is a Handler that keeps everything.
type record struct {
	mu       sync.Mutex
	frames   []Frame   // guarded by mu, as all
	states   []State   //
	troubles []Trouble //
}

func (r *record) OnFrame(f Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frames = append(r.frames, f)
}

func (r *record) OnState(s State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.states = append(r.states, s)
}

func (r *record) OnTrouble(t Trouble) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.troubles = append(r.troubles, t)
}

// phases returns the phases in the order they were told, each once in a row.
func (r *record) phases() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for _, s := range r.states {
		if len(names) == 0 || names[len(names)-1] != string(s.Phase) {
			names = append(names, string(s.Phase))
		}
	}
	return strings.Join(names, " ")
}

// first returns the first state of that phase.
func (r *record) first(t *testing.T, phase Phase) State {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.states {
		if s.Phase == phase {
			return s
		}
	}
	t.Fatalf("never was %s", phase)
	return State{}
}

// events returns the names of the events told, replies as "reply".
// since returns the states from the first of a phase on.
func (r *record) since(phase Phase) []State {
	r.mu.Lock()
	defer r.mu.Unlock()
	from := slices.IndexFunc(r.states, func(s State) bool { return s.Phase == phase })
	if from < 0 {
		return nil
	}
	return slices.Clone(r.states[from:])
}

func (r *record) events() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for _, f := range r.frames {
		name := f.Msg.Event()
		if name == "" {
			name = "reply"
		}
		names = append(names, name)
	}
	return names
}

func (r *record) troubled() []Trouble {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.troubles)
}

// A bench is a session against a fake PBX in a synctest bubble.
type bench struct {
	*record
	s   *Session
	pbx *fakePBX
}

// inBubble runs a session against scripts, and ends it after f.
func inBubble(t *testing.T, cfg Config, scripts []script, f func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{record: &record{}, pbx: &fakePBX{t: t, scripts: scripts}}
		cfg.Address, cfg.Username, cfg.Dial = "pbx.invalid", fakeUser, b.pbx.dial
		if cfg.Secret == nil {
			cfg.Secret = func() (string, error) { return fakeSecret, nil }
		}
		b.s = NewSession(cfg, b.record)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.s.Run(ctx) }()
		defer func() { // also when f gives up
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("run: got %v, want canceled", err)
			}
			b.pbx.close()
			if got := b.s.State().Phase; got != PhaseStopped {
				t.Errorf("after run: got phase %s", got)
			}
		}()
		synctest.Wait()
		f(t, b)
	})
}

// pass lets time pass until everything has settled.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (b *bench) wantPhase(t *testing.T, want Phase) {
	t.Helper()
	if got := b.s.State(); got.Phase != want {
		t.Fatalf("phase: got %s (%s: %v), want %s", got.Phase, got.Class, got.Err, want)
	}
}

func (b *bench) wantFailure(t *testing.T, phase Phase, class Class) {
	t.Helper()
	st := b.s.State()
	if st.Phase != phase || st.Class != class || st.Err == nil || len(st.Text) < 20 || st.RetryAt.IsZero() {
		t.Fatalf("got %s %s, %v, %q, retry %v; want %s %s", st.Phase, st.Class, st.Err, st.Text, st.RetryAt, phase, class)
	}
	if !st.Waiting() {
		t.Errorf("%s is not waiting", st.Phase)
	}
}

// gaps returns the times between dials.
func (b *bench) gaps() []time.Duration {
	var gaps []time.Duration
	dials := b.pbx.dialed()
	for i := 1; i < len(dials); i++ {
		gaps = append(gaps, dials[i].Sub(dials[i-1]))
	}
	return gaps
}

func newchannel(n int) string {
	return fmt.Sprintf("Event: Newchannel\nPrivilege: call,all\nChannel: PJSIP/1001-%08x\nUniqueid: 1700000000.%d\nLinkedid: 1700000000.%d\n\n", n, n, n)
}
