package ami

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// answering logs in and answers as more says.
func answering(more map[string]func(Action) string) script {
	return func(p *peer) {
		if p.login(fakeSecret) {
			p.send(booted)
			p.serve(more)
		}
	}
}

func never(Action) string { return "" }

func TestDo(t *testing.T) {
	server := answering(map[string]func(Action) string{
		"QueuePause": func(a Action) string { return "$head\nMessage: paused " + a.Get("Queue") + "\n\n" },
		"Hangup": func(a Action) string {
			return "Response: Error\nActionID: " + a.Get("ActionID") + "\nMessage: No such channel\n\n"
		},
		"Command": func(a Action) string {
			return "Response: Error\nActionID: " + a.Get("ActionID") + "\nMessage: Permission denied\n\n"
		},
	})
	inBubble(t, Config{}, []script{server}, func(t *testing.T, b *bench) {
		m, err := b.s.Do(t.Context(), NewAction("QueuePause", "Queue", "sales"))
		if err != nil || m.Get("Message") != "paused sales" {
			t.Errorf("got %q, %v", m.Raw(), err)
		}
		m, err = b.s.Do(t.Context(), NewAction("Hangup", "Channel", "x"))
		if refused, ok := errors.AsType[*ReplyError](err); !ok || refused.Text != "No such channel" || m.Response() != "Error" {
			t.Errorf("got %q, %v", m.Raw(), err)
		}
		if errors.Is(err, ErrPermission) {
			t.Errorf("%v is a permission error", err)
		}
		if _, err = b.s.Do(t.Context(), NewAction("Command")); !errors.Is(err, ErrPermission) {
			t.Errorf("got %v, want permission denied", err)
		}
		if _, err = b.s.Do(t.Context(), NewAction("Ping", "a", "b\n")); !errors.Is(err, ErrAction) {
			t.Errorf("got %v, want refused", err)
		}
		if got, want := b.events(), []string{"FullyBooted", "reply", "reply", "reply"}; !slices.Equal(got, want) {
			t.Errorf("frames: got %v, want %v", got, want)
		}
	})
}

func TestDoWithoutAConnection(t *testing.T) {
	inBubble(t, Config{}, []script{nil}, func(t *testing.T, b *bench) {
		if _, err := b.s.Do(t.Context(), NewAction("Ping")); !errors.Is(err, ErrNotConnected) {
			t.Errorf("got %v", err)
		}
		if _, err := b.s.List(t.Context(), NewAction("QueueStatus")); !errors.Is(err, ErrNotConnected) {
			t.Errorf("list: got %v", err)
		}
	})
}

// The reply never comes.
func TestFault_A18_NoReply(t *testing.T) {
	inBubble(t, Config{}, []script{answering(map[string]func(Action) string{"Park": never})}, func(t *testing.T, b *bench) {
		start := time.Now()
		_, err := b.s.Do(t.Context(), NewAction("Park"))
		if !errors.Is(err, ErrUnknownOutcome) || time.Since(start) != 10*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.s.Do(ctx, NewAction("Park")); !errors.Is(err, ErrUnknownOutcome) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("shorter context: got %v", err)
		}
		if got := len(b.s.link.pending.waiting); got != 0 {
			t.Errorf("%d actions still wait", got)
		}
		b.wantPhase(t, PhaseUp)
	})
}

func TestFault_A18_PendingActionsAreBounded(t *testing.T) {
	inBubble(t, Config{}, []script{answering(map[string]func(Action) string{"Park": never})}, func(t *testing.T, b *bench) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		count := map[string]int{}
		for range maxPending + 10 {
			wg.Go(func() {
				_, err := b.s.Do(t.Context(), NewAction("Park"))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case errors.Is(err, ErrTooManyActions):
					count["refused"]++
				case errors.Is(err, ErrUnknownOutcome):
					count["unknown"]++
				}
			})
		}
		wg.Wait()
		if count["refused"] != 10 || count["unknown"] != maxPending {
			t.Errorf("got %v", count)
		}
	})
}

func TestFault_A18_DisconnectFailsWhatWaits(t *testing.T) {
	server := func(p *peer) {
		if p.login(fakeSecret) {
			p.send(booted)
			for p.action().Name != "Park" {
			}
		}
	}
	inBubble(t, Config{}, []script{server, nil}, func(t *testing.T, b *bench) {
		start := time.Now()
		if _, err := b.s.Do(t.Context(), NewAction("Park")); !errors.Is(err, ErrUnknownOutcome) {
			t.Errorf("got %v", err)
		}
		if got := time.Since(start); got != 0 {
			t.Errorf("it took %v", got)
		}
	})
}

// The reply comes after the deadline, while another action waits.
func TestFault_A19_LateReply(t *testing.T) {
	ids := map[string]bool{}
	server := func(p *peer) {
		if !p.login(fakeSecret) {
			return
		}
		p.send(booted)
		var late Action
		p.serve(map[string]func(Action) string{
			"Park": func(a Action) string {
				ids[a.Get("ActionID")] = true
				if late.Name == "" {
					late = a
					return ""
				}
				return "Response: Success\nActionID: " + late.Get("ActionID") + "\nMessage: late\n\n$head\nMessage: in time\n\n"
			},
		})
	}
	inBubble(t, Config{}, []script{server}, func(t *testing.T, b *bench) {
		if _, err := b.s.Do(t.Context(), NewAction("Park")); !errors.Is(err, ErrUnknownOutcome) {
			t.Fatalf("first: got %v", err)
		}
		m, err := b.s.Do(t.Context(), NewAction("Park"))
		if err != nil || m.Get("Message") != "in time" {
			t.Errorf("second: got %q, %v", m.Raw(), err)
		}
		if got := b.s.Stats().Late; got != 1 {
			t.Errorf("late: got %d, want 1", got)
		}
		if len(ids) != 2 {
			t.Errorf("ids were used again: %v", ids)
		}
	})
}

func TestActionIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := NewActionID()
		if len(id) != 32 || seen[id] {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
	inBubble(t, Config{}, []script{answering(map[string]func(Action) string{"Park": never})}, func(t *testing.T, b *bench) {
		done := make(chan error)
		go func() {
			_, err := b.s.Do(t.Context(), NewAction("Park", "ActionID", "mine"))
			done <- err
		}()
		synctest.Wait()
		if _, err := b.s.Do(t.Context(), NewAction("Park", "ActionID", "mine")); !errors.Is(err, ErrAction) {
			t.Errorf("an id in use: got %v", err)
		}
		if err := <-done; !errors.Is(err, ErrUnknownOutcome) {
			t.Errorf("got %v", err)
		}
	})
}

// A synchronous Originate would hold up the whole session.
func TestFault_A22_OriginateIsAsync(t *testing.T) {
	for _, a := range []Action{
		NewAction("Originate", "Channel", "PJSIP/1001"),
		NewAction("originate", "Channel", "PJSIP/1001", "async", "false"),
	} {
		var got Action
		server := answering(map[string]func(Action) string{
			a.Name: func(a Action) string { got = a; return "$head\nMessage: Originate successfully queued\n\n" },
		})
		inBubble(t, Config{Events: "off"}, []script{server}, func(t *testing.T, b *bench) {
			if _, err := b.s.Do(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		})
		if n := strings.Count(strings.ToLower(fmt.Sprint(got.Fields)), "async"); got.Get("Async") != "true" || n != 1 {
			t.Errorf("sent %+v", got)
		}
	}
}

const (
	listStart = "$head\nEventList: start\nMessage: will follow\n\n"
	listItem  = "Event: DeviceStateChange\nActionID: %[1]s\nDevice: PJSIP/%[2]d\n\n"
	listEnd   = "Event: DeviceStateListComplete\nActionID: %[1]s\nEventList: Complete\nListItems: %[2]d\n\n"
)

func TestList(t *testing.T) {
	item := func(a Action, n int) string { return fmt.Sprintf(listItem, a.Get("ActionID"), n) }
	end := func(a Action, n int) string { return fmt.Sprintf(listEnd, a.Get("ActionID"), n) }
	live := "Event: DeviceStateChange\nPrivilege: call,all\nDevice: live\n\n"
	server := answering(map[string]func(Action) string{
		"Whole": func(a Action) string { return listStart + item(a, 1) + live + item(a, 2) + end(a, 2) },
		"Empty": func(a Action) string { return listStart + end(a, 0) },
		"Short": func(a Action) string { return listStart + item(a, 1) + end(a, 2) },
		"Odd": func(a Action) string {
			return listStart + item(a, 1) + strings.Replace(end(a, 1), "ListItems: 1", "ListItems: x", 1)
		},
		"Cancelled": func(a Action) string {
			return listStart + item(a, 1) + strings.Replace(end(a, 1), "EventList: Complete", "EventList: cancelled", 1)
		},
		"Endless": func(a Action) string { return listStart + item(a, 1) },
	})
	tests := []struct {
		action string
		items  []string
		err    error
		took   time.Duration
	}{
		{"Whole", []string{"PJSIP/1", "PJSIP/2"}, nil, 0},
		{"Empty", nil, nil, 0},
		{"Short", nil, ErrIncompleteList, 0},
		{"Odd", nil, ErrIncompleteList, 0},
		{"Cancelled", nil, ErrIncompleteList, 0},
		{"Endless", nil, ErrUnknownOutcome, 30 * time.Second},
	}
	inBubble(t, Config{}, []script{server}, func(t *testing.T, b *bench) {
		for _, test := range tests {
			start := time.Now()
			items, err := b.s.List(t.Context(), NewAction(test.action))
			var got []string
			for _, m := range items {
				got = append(got, m.Get("Device"))
			}
			if !slices.Equal(got, test.items) || !errors.Is(err, test.err) || time.Since(start) != test.took {
				t.Errorf("%s: got %v, %v after %v", test.action, got, err, time.Since(start))
			}
		}
		if _, err := b.s.List(t.Context(), NewAction("Unknown")); err == nil {
			t.Error("an unknown list gave no error")
		}
		want := []string{"FullyBooted", "reply", "DeviceStateChange", "DeviceStateChange", "DeviceStateChange", "DeviceStateListComplete"}
		if got := b.events()[:6]; !slices.Equal(got, want) {
			t.Errorf("frames: got %v, want %v", got, want)
		}
	})
}

func TestAListIsBounded(t *testing.T) {
	w := &waiter{list: true}
	m := NewMessage("Event: CoreShowChannel\r\nX: " + strings.Repeat("x", 1000))
	for range maxListItems {
		if res, ok := w.take(m, false); ok {
			if !errors.Is(res.err, ErrIncompleteList) {
				t.Errorf("got %v", res.err)
			}
			return
		}
	}
	t.Errorf("took %d items of %d bytes", len(w.items), w.bytes)
}

// Every list in the recorded traces is whole, by our count and the server's.
func TestRecordedListsAreComplete(t *testing.T) {
	lists := 0
	for _, path := range recorded(t) {
		data, err := readTraceFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(data, []byte("EventList: start")) {
			continue // reading all the others would take its time
		}
		tr, err := OpenTrace(path)
		if err != nil {
			t.Fatal(err)
		}
		waiting := map[string]*waiter{}
		for _, item := range traceItems(t, tr) {
			m := item.Msg
			isReply := m.Event() == "" && m.Response() != ""
			if isReply && strings.EqualFold(m.Get("EventList"), "start") {
				waiting[m.ActionID()] = &waiter{list: true, action: m.Get("Message")}
			}
			w := waiting[m.ActionID()]
			if w == nil {
				continue
			}
			if res, ok := w.take(m, isReply); ok {
				lists++
				delete(waiting, m.ActionID())
				if res.err != nil {
					t.Errorf("%s: %v", path, res.err)
				}
			}
		}
		if len(waiting) > 0 {
			t.Errorf("%s: %d lists did not end", path, len(waiting))
		}
	}
	if lists < 30 {
		t.Errorf("only %d lists", lists)
	}
}
