package ami

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// A reload of manager.conf takes a class away: Asterisk says nothing, so we look.
func TestFault_A14_LostClassIsNamed(t *testing.T) {
	without := func(word string) string {
		var lines []string
		for line := range strings.Lines(allCommands) {
			if !strings.Contains(line, word) {
				lines = append(lines, line)
			}
		}
		return "$head\n" + strings.Join(lines, "") + "\n"
	}
	var list safeString
	list.set("$head\n" + allCommands + "\n")
	server := func(p *peer) {
		if !p.login(fakeSecret) {
			return
		}
		p.send(booted)
		go p.serve(map[string]func(Action) string{
			"ListCommands": func(Action) string { s, _ := list.get(); return s },
			"Park": func(a Action) string {
				return "Response: Error\nActionID: " + a.Get("ActionID") + "\nMessage: Permission denied\n\n"
			},
		})
		time.Sleep(time.Minute)
		list.set(without("reporting"))
		p.send("Event: Reload\nPrivilege: system,all\nModule: manager\nStatus: 0\n\n")
		time.Sleep(time.Minute)
		list.set(without("call,all"))
		time.Sleep(time.Hour)
	}
	cfg := Config{Needs: []string{"CoreShowChannels"}}
	inBubble(t, cfg, []script{server}, func(t *testing.T, b *bench) {
		pass(59 * time.Second)
		if st := b.s.State(); st.Degraded() {
			t.Fatalf("missing from the start: %v", st.Missing)
		}
		pass(time.Second)
		st := b.s.State()
		want := []string{"write class reporting", "action CoreShowChannels (system,reporting)"}
		if !st.Degraded() || !slices.Equal(st.Missing, want) {
			t.Errorf("after the reload: got %s %q, want %q", st.Phase, st.Missing, want)
		}
		pass(time.Minute)
		_, err := b.s.Do(t.Context(), NewAction("Park")) // refused, so we look again
		if err == nil {
			t.Error("Park was not refused")
		}
		pass(time.Second)
		if got, want := b.s.State().Missing, []string{"write class call"}; !slices.Equal(got, want) {
			t.Errorf("after the refusal: got %q, want %q", got, want)
		}
	})
}

func TestFault_A14_LostReadClassSystem(t *testing.T) {
	first := func(p *peer) {
		if p.login(fakeSecret) {
			p.send(booted)
			p.send("Event: Shutdown\n\n")
		}
	}
	second := func(p *peer) {
		if p.login(fakeSecret) {
			p.serve(nil)
		}
	}
	inBubble(t, Config{}, []script{first, second}, func(t *testing.T, b *bench) {
		pass(15 * time.Second)
		b.wantPhase(t, PhaseUp)
		if got, want := b.s.State().Missing, []string{"read class system"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestNeedsThatWereNeverAllowed(t *testing.T) {
	inBubble(t, Config{Needs: []string{"Redirect", "NoSuchAction", "Originate"}}, []script{up}, func(t *testing.T, b *bench) {
		want := []string{"action Redirect (call)", "action NoSuchAction (not loaded)"}
		if got := b.s.State(); !slices.Equal(got.Missing, want) || !got.Degraded() {
			t.Errorf("got %q, want %q", got.Missing, want)
		}
	})
}

func TestRecordedListCommands(t *testing.T) {
	for _, flavour := range []string{"16", "22"} {
		tr, err := OpenTrace(recordedPath(t, flavour, "resync-replies"))
		if err != nil {
			t.Fatal(err)
		}
		var list map[string]string
		for _, item := range traceItems(t, tr) {
			if got := commands(item.Msg); len(got) > 50 {
				list = got
			}
		}
		for action, want := range knownClasses {
			if got := list[action]; got != want {
				t.Errorf("%s: %s: got class %q, want %q", flavour, action, got, want)
			}
		}
	}
}
