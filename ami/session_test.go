package ami

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSessionComesUp(t *testing.T) {
	for name, auth := range map[string]Auth{"challenge": AuthAuto, "plain": AuthPlain} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Config{Auth: auth}, []script{up}, func(t *testing.T, b *bench) {
				if got, want := b.phases(), "connecting login booting up"; got != want {
					t.Fatalf("phases: got %q, want %q", got, want)
				}
				st := b.s.State()
				if want := time.Now().Add(-141 * time.Second); !st.Boot.Equal(want) || st.Version != "11.0.0" || st.Attempt != 0 {
					t.Errorf("got %+v, want boot %v", st, want)
				}
				if got, want := b.events(), []string{"FullyBooted"}; !slices.Equal(got, want) {
					t.Errorf("frames: got %v, want %v", got, want)
				}
				if got := b.frames[0]; !got.At.Equal(time.Now()) || got.At.Location() != time.UTC || got.Msg.Get("Uptime") != "141" {
					t.Errorf("frame: got %+v", got)
				}
			})
		})
	}
}

func TestSessionReportsTroubleWithFrames(t *testing.T) {
	server := func(p *peer) {
		p.login(fakeSecret)
		p.send(booted + "Event: A\nPrivilege: call,all\nEvent: Hangup\n\n" + "Event: " + strings.Repeat("x", 70_000) + "\n\n" + "Event: B\n\nEvent: Cut")
	}
	inBubble(t, Config{Auth: AuthPlain}, []script{server, nil}, func(t *testing.T, b *bench) {
		if got, want := b.events(), []string{"FullyBooted", "A", "B"}; !slices.Equal(got, want) {
			t.Errorf("frames: got %v, want %v", got, want)
		}
		var kinds []TroubleKind
		for _, tr := range b.troubled() {
			kinds = append(kinds, tr.Kind)
		}
		if want := []TroubleKind{TroubleSuspect, TroubleOversize, TroublePartial}; !slices.Equal(kinds, want) {
			t.Errorf("troubles: got %v, want %v", kinds, want)
		}
		want := SessionStats{Connections: 1, Frames: 3, Suspect: 1, Oversize: 1, Partial: 1}
		if got := b.s.Stats(); got != want {
			t.Errorf("stats: got %+v, want %+v", got, want)
		}
		if !b.frames[1].Suspect || b.frames[0].Suspect {
			t.Error("the wrong frame is suspect")
		}
	})
}

// RST or FIN in mid-call.
func TestFault_A1_ConnectionLost(t *testing.T) {
	cut := func(p *peer) {
		if p.login(fakeSecret) {
			p.send(booted + newchannel(1))
		}
	}
	inBubble(t, Config{}, []script{cut, nil, nil, nil, nil, nil, nil, nil, nil, nil, up}, func(t *testing.T, b *bench) {
		lost := b.s.State()
		b.wantFailure(t, PhaseDown, ClassNetwork)
		if !lost.LastByte.Equal(time.Now()) || !b.first(t, PhaseDown).LastByte.Equal(lost.LastByte) {
			t.Errorf("last byte: got %v", lost.LastByte)
		}
		if !lost.Boot.IsZero() {
			t.Errorf("the boot of a lost connection stands: %v", lost.Boot)
		}
		began := b.first(t, PhaseDown).Since
		pass(10 * 15 * time.Second)
		b.wantPhase(t, PhaseUp)
		for _, s := range b.since(PhaseDown) {
			if up := s.Phase == PhaseUp; up != s.Down.IsZero() || !up && !s.Down.Equal(began) {
				t.Errorf("%s is down since %v, and the connection was lost at %v", s.Phase, s.Down, began)
			}
		}
		for i, gap := range b.gaps() {
			if most := doubled(firstDelay, mostDelay, i); gap > most {
				t.Errorf("wait %d: got %v, at most %v", i, gap, most)
			}
		}
	})
}

func TestBackoff(t *testing.T) {
	var b backoff
	seen := map[time.Duration]bool{}
	for i := range 200 {
		d := b.next()
		if most := doubled(250*time.Millisecond, 15*time.Second, i); d < 0 || d > most {
			t.Fatalf("delay %d: got %v, at most %v", i, d, most)
		}
		seen[d] = true
	}
	if len(seen) < 100 {
		t.Errorf("only %d different delays in 200: no jitter", len(seen))
	}
	b.reset()
	if d := b.next(); d > 250*time.Millisecond {
		t.Errorf("after reset: got %v", d)
	}
}

func TestDelaysStartOverAfterAMinuteUp(t *testing.T) {
	minute := func(p *peer) {
		if p.login(fakeSecret) {
			p.send(booted)
			go p.serve(nil)
			time.Sleep(61 * time.Second)
		}
	}
	scripts := append(slices.Repeat([]script{nil}, 10), minute, nil)
	inBubble(t, Config{}, scripts, func(t *testing.T, b *bench) {
		for len(b.pbx.dialed()) < 12 {
			pass(time.Second)
		}
		dials := b.pbx.dialed()
		if got := dials[11].Sub(dials[10]); got > 61*time.Second+firstDelay {
			t.Errorf("after a minute up: dialled again after %v", got-61*time.Second)
		}
	})
}

// A half-open connection: nothing comes, and what is sent goes nowhere, until the
// buffers are full and writes block too.
func TestFault_A2_HalfOpen(t *testing.T) {
	stuck := func(p *peer) {
		if p.login(fakeSecret) {
			p.send(booted)
			time.Sleep(time.Hour)
		}
	}
	inBubble(t, Config{}, []script{stuck, nil}, func(t *testing.T, b *bench) {
		b.wantPhase(t, PhaseUp)
		pass(10 * time.Second)
		down := b.first(t, PhaseDown)
		if got := down.Since.Sub(down.LastByte); got > 10*time.Second {
			t.Errorf("noticed after %v", got)
		}
	})
}

// What is sent arrives, but nothing comes back.
func TestFault_A3_OneWayLoss(t *testing.T) {
	mute := func(p *peer) {
		if p.login(fakeSecret) {
			p.send(booted)
			for p.action().Name != "" { // takes everything and answers nothing
			}
		}
	}
	inBubble(t, Config{}, []script{mute, nil}, func(t *testing.T, b *bench) {
		pass(9999 * time.Millisecond)
		b.wantPhase(t, PhaseUp)
		pass(time.Millisecond)
		down := b.first(t, PhaseDown)
		if down.Class != ClassDead {
			t.Errorf("class: got %s, want dead: %v", down.Class, down.Err)
		}
		if got := down.Since.Sub(down.LastByte); got != 10*time.Second {
			t.Errorf("noticed after %v", got)
		}
	})
}

// A network that breaks for seconds delivers afterwards what was said meanwhile. While no answer shows that
// all of it is here, a connection that ends may have taken some of it along.
func TestFault_A3_HeardUntil(t *testing.T) {
	const (
		early = 500 * time.Millisecond // when something is heard last before the silence
		late  = 6 * time.Second        // when the first of the rest is
		slow  = 3 * time.Second
	)
	tests := []struct {
		name    string
		answers []time.Duration // how long each Ping's takes; then the connection ends
		want    time.Duration   // after the login
	}{
		{"the rest did not come", nil, early},
		{"all came", []time.Duration{0}, late},
		{"the answer was late itself", []time.Duration{slow}, late},
		{"and the next one was not", []time.Duration{slow, 0}, late + slow},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stalled := func(p *peer) {
				if !p.login(fakeSecret) {
					return
				}
				p.send(booted)
				go func() {
					time.Sleep(early)
					p.send(newchannel(1))
					time.Sleep(late - early)
					p.send(newchannel(2))
					if len(tt.answers) < 2 {
						time.Sleep(slow + slow)
						p.conn.Close()
					}
				}()
				pings := 0
				p.serve(map[string]func(Action) string{"Ping": func(a Action) string {
					if pings++; pings > len(tt.answers) {
						return ""
					}
					time.Sleep(tt.answers[pings-1])
					return pong(a)
				}})
			}
			inBubble(t, Config{PingInterval: time.Minute}, []script{stalled, nil}, func(t *testing.T, b *bench) {
				b.wantPhase(t, PhaseUp)
				began := b.s.State().LastByte
				pass(late - time.Millisecond)
				if got := b.s.State(); got.HeardUntil.Sub(began) != early || got.LastByte.Sub(began) != early {
					t.Errorf("in the silence: heard until %v, last byte at %v, want both at %v", got.HeardUntil.Sub(began), got.LastByte.Sub(began), early)
				}
				pass(5 * slow)
				st := b.s.State()
				if len(tt.answers) < 2 {
					st = b.first(t, PhaseDown)
				}
				if got := st.HeardUntil.Sub(began); got != tt.want {
					t.Errorf("heard until %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestAnIdlePBXStaysUp(t *testing.T) {
	inBubble(t, Config{}, []script{up}, func(t *testing.T, b *bench) {
		pass(2 * time.Hour)
		b.wantPhase(t, PhaseUp)
		if got := len(b.pbx.dialed()); got != 1 {
			t.Errorf("dialled %d times", got)
		}
		if got, want := b.events(), []string{"FullyBooted"}; !slices.Equal(got, want) {
			t.Errorf("frames: got %v, want %v", got, want)
		}
		if got := time.Since(b.s.State().LastByte); got > 5*time.Second {
			t.Errorf("last byte %v ago", got)
		}
		if st := b.s.State(); !st.HeardUntil.Equal(st.LastByte) {
			t.Errorf("heard until %v before the last byte", st.LastByte.Sub(st.HeardUntil))
		}
	})
}

func TestActorIsUpAtOnce(t *testing.T) {
	actor := func(p *peer) {
		if p.login(fakeSecret) {
			p.serve(map[string]func(Action) string{
				"CoreStatus": func(a Action) string {
					return "Response: Error\nActionID: " + a.Get("ActionID") + "\nMessage: Permission denied\n\n"
				},
			})
		}
	}
	inBubble(t, Config{Events: "off", Needs: []string{"Originate"}}, []script{actor}, func(t *testing.T, b *bench) {
		b.wantPhase(t, PhaseUp)
		if st := b.s.State(); st.Degraded() {
			t.Errorf("missing: %v", st.Missing)
		}
	})
}

func TestShutdownEventMakesTheReconnectQuick(t *testing.T) {
	stops := func(p *peer) {
		if p.login(fakeSecret) {
			p.send(booted + "Event: Shutdown\nPrivilege: system,all\nShutdown: Cleanly\nRestart: False\n\n")
		}
	}
	scripts := append(slices.Repeat([]script{nil}, 12), stops, up)
	inBubble(t, Config{}, scripts, func(t *testing.T, b *bench) {
		for len(b.pbx.dialed()) < 14 {
			pass(time.Second)
		}
		if gap := b.gaps()[12]; gap > firstDelay {
			t.Errorf("dialled %v after the shutdown", gap)
		}
		shutdown := slices.ContainsFunc(b.states, func(s State) bool { return s.Class == ClassShutdown })
		if !shutdown {
			t.Error("the class shutdown was never told")
		}
	})
}

func TestOutageIsLoggedOnce(t *testing.T) {
	log, lines := testLog()
	scripts := slices.Repeat([]script{nil}, 20)
	scripts = append(scripts, func(*peer) {}, up)
	inBubble(t, Config{Log: log}, scripts, func(t *testing.T, b *bench) {
		pass(10 * time.Minute)
		b.wantPhase(t, PhaseUp)
		want := []string{"manager session is down network", "manager session is down capacity", "manager session is up again "}
		if got := lines(); !slices.Equal(got, want) {
			t.Errorf("log: got %q, want %q", got, want)
		}
	})
}

func TestRunRefusesAnIncompleteConfig(t *testing.T) {
	err := NewSession(Config{}, nil).Run(t.Context())
	for _, want := range []string{"username", "secret"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want a word about the %s", err, want)
		}
	}
	secret := func() (string, error) { return "", nil }
	if err := (Config{Address: "x", Username: "a\nb", Secret: secret}).Validate(); err == nil {
		t.Error("a user name with a line end was accepted")
	}
	if err := (Config{Username: "a", Secret: secret}).Validate(); err == nil {
		t.Error("an empty address was accepted")
	}
	for address, want := range map[string]string{"pbx": "pbx:5038", "pbx:99": "pbx:99", "::1": net.JoinHostPort("::1", "5038")} {
		if got := (Config{Address: address}).withDefaults().Address; got != want {
			t.Errorf("address %q: got %q, want %q", address, got, want)
		}
	}
}

// SYN goes nowhere: only the context ends the dial, and no other session waits for it.
func TestFault_A4_BlackHole(t *testing.T) {
	inBubble(t, Config{}, []script{up}, func(t *testing.T, b *bench) {
		hole := &fakePBX{t: t}
		dial := Config{Name: "hole", Address: "hole.invalid", Username: fakeUser, Secret: func() (string, error) { return "x", nil }}
		dial.Dial = hole.swallow
		rec := &record{}
		s := NewSession(dial, rec)
		done := make(chan error, 1)
		ctx := newCancel(t)
		go func() { done <- s.Run(ctx) }()
		pass(4999 * time.Millisecond)
		if got := s.State().Phase; got != PhaseConnecting {
			t.Errorf("before the limit: got %s", got)
		}
		pass(time.Millisecond)
		down := rec.first(t, PhaseDown)
		if down.Class != ClassNetwork || !errors.Is(down.Err, errSwallowed) {
			t.Errorf("got %s, %v", down.Class, down.Err)
		}
		b.wantPhase(t, PhaseUp)
		ctx.cancel()
		<-done
	})
}
