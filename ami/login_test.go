package ami

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFault_A5_Banner(t *testing.T) {
	tests := []struct {
		name  string
		play  script
		after time.Duration // when it must have failed
	}{
		{"none", func(p *peer) { time.Sleep(time.Hour) }, 5 * time.Second},
		{"another service", func(p *peer) { p.write("SSH-2.0-OpenSSH_9.2p1\r\n"); time.Sleep(time.Hour) }, 0},
		{"binary garbage", func(p *peer) { p.write("\x15\x03\x01\x00\x02\x02\x46"); time.Sleep(time.Hour) }, 0},
		{"never ends", func(p *peer) { p.write("Asterisk Call Manager/" + strings.Repeat("1", 300)); time.Sleep(time.Hour) }, 0},
		{"half of it", func(p *peer) { p.write("Asterisk Call"); time.Sleep(time.Hour) }, 5 * time.Second},
		{"half of it, then closed", func(p *peer) { p.write("Asterisk Call") }, 0},
		{"no version", func(p *peer) { p.write("Asterisk Call Manager/\r\n"); time.Sleep(time.Hour) }, 0},
		{"10 MB of garbage", func(p *peer) { p.write(strings.Repeat("\xff\x00garbage\r\n", 1<<20)) }, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, Config{}, []script{test.play, nil}, func(t *testing.T, b *bench) {
				pass(test.after)
				down := b.first(t, PhaseDown)
				if down.Class != ClassBanner || down.Err == nil {
					t.Errorf("got %s, %v", down.Class, down.Err)
				}
			})
		})
	}
	t.Run("late but in time", func(t *testing.T) {
		late := func(p *peer) { time.Sleep(4900 * time.Millisecond); up(p) }
		inBubble(t, Config{}, []script{late}, func(t *testing.T, b *bench) {
			pass(4900 * time.Millisecond)
			b.wantPhase(t, PhaseUp)
		})
	})
}

func TestFault_A6_LoginRefused(t *testing.T) {
	wrong := func(p *peer) { p.login("another secret") }
	inBubble(t, Config{}, []script{wrong}, func(t *testing.T, b *bench) {
		pass(time.Second)
		b.wantFailure(t, PhaseRefused, ClassAuth)
		if wait := time.Until(b.s.State().RetryAt); wait < 30*time.Second || wait > 38*time.Second {
			t.Errorf("first wait: got %v", wait)
		}
		pass(24 * time.Hour)
		dials := b.pbx.dialed()
		for i := range dials {
			hour := 0
			for _, d := range dials[i:] {
				if d.Sub(dials[i]) < time.Hour {
					hour++
				}
			}
			if hour > 12 {
				t.Fatalf("%d attempts in the hour after %v", hour, dials[i])
			}
		}
		for i, gap := range b.gaps() {
			if least := doubled(30*time.Second, 10*time.Minute, i); gap < least || gap > least*5/4+2*time.Second {
				t.Errorf("wait %d: got %v, want about %v", i, gap, least)
			}
		}
		before := len(dials)
		b.s.RetryNow()
		pass(2 * time.Second)
		if got := len(b.pbx.dialed()); got != before+1 {
			t.Errorf("RetryNow: %d attempts more", got-before)
		}
	})
}

func TestFault_A6_ChangedSecretIsTriedAtOnce(t *testing.T) {
	var secret safeString
	secret.set("wrong")
	cfg := Config{Secret: secret.get}
	inBubble(t, cfg, []script{up}, func(t *testing.T, b *bench) {
		pass(40 * time.Minute)
		b.wantFailure(t, PhaseRefused, ClassAuth)
		secret.set(fakeSecret)
		pass(5 * time.Second)
		b.wantPhase(t, PhaseUp)
	})
}

func TestFault_A6_SecretThatKeepsChanging(t *testing.T) {
	n := 0
	cfg := Config{Secret: func() (string, error) { n++; return strings.Repeat("x", n%100+1), nil }}
	inBubble(t, cfg, []script{up}, func(t *testing.T, b *bench) {
		pass(3 * time.Hour)
		if got := len(b.pbx.dialed()); got > 12*3+1 {
			t.Errorf("%d attempts in three hours", got)
		}
	})
}

func TestUnreadableSecret(t *testing.T) {
	var secret safeString
	cfg := Config{Secret: func() (string, error) {
		if s, _ := secret.get(); s != "" {
			return s, nil
		}
		return "", errors.New("no such file")
	}}
	inBubble(t, cfg, []script{up}, func(t *testing.T, b *bench) {
		b.wantFailure(t, PhaseRefused, ClassSecret)
		if got := len(b.pbx.dialed()); got != 0 {
			t.Errorf("dialled %d times without a secret", got)
		}
		secret.set(fakeSecret)
		pass(5 * time.Second)
		b.wantPhase(t, PhaseUp)
	})
}

func TestFault_A7_AlreadyInUse(t *testing.T) {
	inUse := func(p *peer) {
		p.write(fakeBanner)
		a := p.action()
		time.Sleep(time.Second)
		p.refuse(a, "Login Already In Use")
	}
	inBubble(t, Config{Auth: AuthPlain}, []script{inUse, inUse, inUse, up}, func(t *testing.T, b *bench) {
		pass(time.Second)
		b.wantFailure(t, PhaseInUse, ClassInUse)
		if !strings.Contains(b.s.State().Text, "allowmultiplelogin") {
			t.Errorf("text: %q", b.s.State().Text)
		}
		pass(50 * time.Second)
		b.wantPhase(t, PhaseUp)
		for _, gap := range b.gaps() {
			if gap < 6*time.Second || gap > 16*time.Second {
				t.Errorf("wait: got %v", gap-time.Second)
			}
		}
	})
}

func TestFault_A8_ClosedBeforeTheBanner(t *testing.T) {
	inBubble(t, Config{}, []script{func(*peer) {}}, func(t *testing.T, b *bench) {
		b.wantFailure(t, PhaseCapacity, ClassCapacity)
		pass(10 * time.Minute)
		if got := len(b.pbx.dialed()); got < 40 || got > 200 { // 15 s at most, half of it on average
			t.Errorf("%d attempts in ten minutes", got)
		}
		b.pbx.mu.Lock()
		defer b.pbx.mu.Unlock()
		if open := len(b.pbx.conns) - len(b.pbx.dials); open != 0 {
			t.Errorf("%d connections at once", open)
		}
	})
}

func TestFault_A9_NotFullyBooted(t *testing.T) {
	starting := func(p *peer) {
		p.login(fakeSecret)
		p.send("Event: PeerStatus\nPrivilege: system,all\nPeer: PJSIP/1001\n\n")
		go p.serve(nil)
		time.Sleep(90 * time.Second)
		p.send(strings.ReplaceAll(booted, "141", "2"))
		time.Sleep(time.Hour)
	}
	inBubble(t, Config{}, []script{starting}, func(t *testing.T, b *bench) {
		pass(89 * time.Second)
		b.wantPhase(t, PhaseBooting)
		pass(time.Second)
		b.wantPhase(t, PhaseUp)
		if got, want := b.s.State().Boot, time.Now().Add(-2*time.Second); !got.Equal(want) {
			t.Errorf("boot: got %v, want %v", got, want)
		}
		if got, want := b.events(), []string{"PeerStatus", "FullyBooted"}; !slices.Equal(got, want) {
			t.Errorf("frames: got %v, want %v", got, want)
		}
	})
}

func TestFault_A9_NoSystemClass(t *testing.T) {
	limited := func(p *peer) {
		p.login(fakeSecret)
		go p.serve(nil)
		p.send(newchannel(1))
		time.Sleep(time.Minute)
		p.send(booted)
		time.Sleep(time.Hour)
	}
	inBubble(t, Config{}, []script{limited}, func(t *testing.T, b *bench) {
		pass(9999 * time.Millisecond)
		b.wantPhase(t, PhaseBooting)
		pass(time.Millisecond)
		b.wantPhase(t, PhaseUp)
		if st := b.s.State(); !st.Boot.IsZero() || st.BootMark != "2026-11-22 01:45:18" || st.Degraded() {
			t.Errorf("got %+v", st)
		}
		pass(51 * time.Second) // FullyBooted after all
		if st := b.s.State(); st.Boot.IsZero() || st.Phase != PhaseUp {
			t.Errorf("got %+v", st)
		}
	})
}
