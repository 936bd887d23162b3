package intake

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/ami"
	"patchcord/ami/calls"
	"patchcord/buffer"
	"patchcord/crm"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func TestMarkersComeBackAsInputs(t *testing.T) {
	boot := noon.Add(-time.Hour)
	tests := map[string]struct {
		entry buffer.Entry
		want  calls.Input
	}{
		"a frame": {
			buffer.Entry{Kind: buffer.Frame, Data: []byte("Event: Hangup")},
			calls.Input{Kind: calls.Frame, Msg: ami.NewMessage("Event: Hangup")},
		},
		"a login": {
			buffer.Entry{Kind: buffer.Connected, Data: marker{Version: "11.0.0", Boot: boot}.encode()},
			calls.Input{Kind: calls.Connected, Version: "11.0.0", Boot: boot},
		},
		"a loss": {
			buffer.Entry{Kind: buffer.Lost, Data: marker{Cause: crm.GapDisconnect, Detail: "x"}.encode()},
			calls.Input{Kind: calls.Lost, Cause: crm.GapDisconnect, Detail: "x"},
		},
		"whole lists": {
			buffer.Entry{Kind: buffer.ResyncEnd, Data: marker{Complete: true}.encode()},
			calls.Input{Kind: calls.ResyncEnd, Complete: true},
		},
		"the time": {buffer.Entry{Kind: buffer.Mark}, calls.Input{Kind: calls.Tick}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.entry.At, tt.want.At = noon, noon
			got, err := inputOf(tt.entry)
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, tt.want)
			}
		})
	}
}

func TestNewOwnershipIsALossSinceTheLogEnded(t *testing.T) {
	last := noon.Add(-time.Minute)
	in, err := inputOf(buffer.Entry{At: noon, Kind: buffer.SessionOpen, Data: marker{Node: "a", Last: last, Cause: crm.GapDaemonDown}.encode()})
	if err != nil || in.Kind != calls.Lost || in.Cause != crm.GapDaemonDown || !in.At.Equal(last) {
		t.Errorf("got %+v, %v; want a loss at %v", in, err, last)
	}
}

func TestEntriesThatAreNotUnderstood(t *testing.T) {
	for name, e := range map[string]buffer.Entry{
		"an unknown kind": {Kind: '?'},
		"broken data":     {Kind: buffer.Lost, Data: []byte("{")},
	} {
		if _, err := inputOf(e); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestFramesThatNoRecordNeedsGoFirst(t *testing.T) {
	order := []string{"RTCPSent", "VarSet", "Hangup"}
	before := 4
	for _, name := range order {
		w := worth(buffer.Entry{Kind: buffer.Frame, Data: []byte("Event: " + name + "\r\nPrivilege: x")})
		if w >= before || w == 0 {
			t.Errorf("%s is given up as readily as what comes before it in %q", name, order)
		}
		before = w
	}
	if worth(buffer.Entry{Kind: buffer.Lost}) != 0 {
		t.Error("a marker may be given up")
	}
}

// bindings is a store of bindings alone.
type bindings []crm.Binding

// Bindings returns them.
func (b bindings) Bindings(context.Context, string) ([]crm.Binding, error) {
	if b == nil {
		return nil, crm.ErrUnavailable
	}
	return b, nil
}

// Users returns those who are called cleo and eve; eve is kept out.
func (bindings) Users(context.Context, string) ([]crm.User, error) {
	return []crm.User{{Name: "cleo"}, {Name: "eve", Disabled: true}}, nil
}

// UsersRevision says that nothing ever changes.
func (bindings) UsersRevision(context.Context, string) (int64, error) { return 1, nil }

func TestAgentIsWhoHadTheExtensionThen(t *testing.T) {
	p := NewPeople(bindings{
		{User: "ann", PBX: "hq", Extension: "1001", From: crm.At(noon), Until: crm.At(noon.Add(time.Hour))},
		{User: "ben", PBX: "hq", Extension: "1001", From: crm.At(noon.Add(time.Hour))},
		{User: "cat", PBX: "hq", Extension: "1001", From: crm.At(noon.Add(2 * time.Hour))},
		{User: "dan", PBX: "b", Extension: "1001", From: crm.At(noon)},
	}, []string{"default"}, slog.New(slog.DiscardHandler))
	if err := p.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Duration]string{
		-time.Second: "", 0: "ann", time.Hour - 1: "ann", time.Hour: "ben", 3 * time.Hour: "cat",
	} {
		if got := p.Agent("default", "hq", "1001", noon.Add(at)); got != want {
			t.Errorf("at noon%+v: %q, want %q", at, got, want)
		}
	}
	if got := p.Agent("other", "hq", "1001", noon); got != "" {
		t.Errorf("another tenant's agent: %q", got)
	}
	c := &crm.Call{
		Tenant: "default", PBX: "hq",
		Offers: []crm.Offer{{Extension: "1001", StartedAt: crm.At(noon)}},
		Talks:  []crm.Talk{{Extension: "1001", StartedAt: crm.At(noon.Add(time.Hour))}, {With: "x", StartedAt: crm.At(noon)}},
	}
	p.Dress(c)
	if c.Offers[0].Agent != "ann" || c.Talks[0].Agent != "ben" || c.Talks[1].Agent != "" {
		t.Errorf("dressed: %+v %+v", c.Offers, c.Talks)
	}
}

// leavingBindings are bindings of a store that may be away. Every change raises revision.
type leavingBindings struct {
	bindings
	away     atomic.Bool
	revision atomic.Int64
	reads    atomic.Int64
}

// UsersRevision returns it while the store is there.
func (b *leavingBindings) UsersRevision(context.Context, string) (int64, error) {
	if b.away.Load() {
		return 0, crm.ErrUnavailable
	}
	return b.revision.Load(), nil
}

// Bindings returns them while the store is there.
func (b *leavingBindings) Bindings(ctx context.Context, tenant string) ([]crm.Binding, error) {
	if b.away.Load() {
		return nil, crm.ErrUnavailable
	}
	b.reads.Add(1)
	return b.bindings.Bindings(ctx, tenant)
}

func TestBindingsStayWhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &leavingBindings{bindings: bindings{{User: "ann", PBX: "hq", Extension: "1001", From: crm.At(noon)}}}
		p := NewPeople(store, []string{"default"}, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		synctest.Wait()
		store.away.Store(true)
		time.Sleep(time.Minute)
		if got := p.Agent("default", "hq", "1001", noon); got != "ann" {
			t.Errorf("agent %q after the store went away", got)
		}
		if n := store.reads.Load(); n != 1 {
			t.Errorf("read %d times though nothing changed", n)
		}
		store.bindings = bindings{{User: "bob", PBX: "hq", Extension: "1001", From: crm.At(noon)}}
		store.revision.Add(1)
		store.away.Store(false)
		time.Sleep(refreshEvery)
		synctest.Wait()
		if got := p.Agent("default", "hq", "1001", noon); got != "bob" {
			t.Errorf("agent %q a second after the store is back with bob there", got)
		}
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// contacts answers look-ups after a delay.
type contacts struct {
	found []crm.Contact
	delay time.Duration
	err   error
	set   chan *crm.Match
	sets  []error // of SetContact, in order
}

// MatchNumber implements contactStore.
func (c *contacts) MatchNumber(ctx context.Context, _ string, _ crm.Number) ([]crm.Contact, error) {
	select {
	case <-time.After(c.delay):
		return c.found, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// SetContact implements contactStore.
func (c *contacts) SetContact(_ context.Context, _, _ string, m *crm.Match) (*crm.Call, error) {
	if len(c.sets) > 0 {
		err := c.sets[0]
		c.sets = c.sets[1:]
		return nil, err
	}
	c.set <- m
	return nil, nil
}

func inbound() *crm.Call {
	return &crm.Call{ID: "hq:1", Tenant: "default", Direction: crm.Inbound, From: crm.Party{E164: "+441632960001"}}
}

func TestMatchIsThereBeforeThePhoneRings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &contacts{
			found: []crm.Contact{{ID: "c1", Name: "Jane Doe"}}, delay: 100 * time.Millisecond,
			set: make(chan *crm.Match, 1), sets: []error{crm.ErrNotFound, crm.ErrUnavailable},
		}
		m := newMatcher(store, slog.New(slog.DiscardHandler))
		m.begin(t.Context(), inbound())
		if got := m.of(inbound()); got != nil {
			t.Errorf("before the answer: %+v", got)
		}
		time.Sleep(time.Second)
		got := m.of(inbound())
		if len(got) != 1 || got[0].ID != "c1" || got[0].Score != 1 {
			t.Errorf("after the answer: %+v", got)
		}
		if set := <-store.set; set.ID != "c1" {
			t.Errorf("stored with the call: %+v", set)
		}
		m.end(inbound())
		time.Sleep(2 * time.Minute)
		if got := m.of(inbound()); got != nil {
			t.Errorf("long after the call: %+v", got)
		}
		m.wg.Wait()
	})
}

func TestLateMatchEnrichesThePop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &contacts{found: []crm.Contact{{ID: "c1"}, {ID: "c2"}}, delay: time.Second, set: make(chan *crm.Match, 1)}
		m := newMatcher(store, slog.New(slog.DiscardHandler))
		m.begin(t.Context(), inbound())
		var got []crm.Event
		at := crm.Position{Epoch: 1, Seq: 7}
		m.later(t.Context(), crm.Event{PBX: "hq", Pos: at, Type: crm.OfferCreated, N: 1, Call: inbound()}, func(e *crm.Event) { got = append(got, *e) })
		m.wg.Wait()
		if len(got) != 1 || got[0].Type != crm.ContactMatched || got[0].N == 1 || len(got[0].Matches) != 2 {
			t.Fatalf("published: %+v", got)
		}
		if early := m.takeTold(crm.Position{}); len(early) != 0 {
			t.Errorf("recorded before its ring: %+v", early)
		}
		told := m.takeTold(at)
		if len(told) != 1 || told[0].ID() != got[0].ID() || len(m.takeTold(at)) != 0 {
			t.Errorf("recorded: %+v, want once what was published", told)
		}
		if s := got[0].Matches[0].Score; s != 0.5 {
			t.Errorf("one of two candidates scores %v", s)
		}
		if len(store.set) != 0 {
			t.Error("an ambiguous match was stored as the contact")
		}
	})
}

func TestNobodyIsAskedAboutInternalOrAnonymousCalls(t *testing.T) {
	m := newMatcher(&contacts{}, slog.New(slog.DiscardHandler))
	for name, c := range map[string]*crm.Call{
		"internal":  {ID: "1", Direction: crm.Internal, From: crm.Party{E164: "+441632960001"}},
		"anonymous": {ID: "2", Direction: crm.Inbound},
	} {
		m.begin(t.Context(), c)
		if m.get(c.ID) != nil {
			t.Errorf("%s: somebody is looked up", name)
		}
	}
}

func TestWhoIsCalledIsLookedUpWhenTheCallReachesForATrunk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &contacts{found: []crm.Contact{{ID: "c1"}}, set: make(chan *crm.Match, 2)}
		l := &live{match: newMatcher(store, slog.New(slog.DiscardHandler)), publish: func(*crm.Event) {}}
		c := &crm.Call{ID: "hq:1", Tenant: "default", Direction: crm.Internal, From: crm.Party{Number: "1001"}, To: crm.Party{E164: "+441632960001"}}
		l.tell(t.Context(), &crm.Event{Type: crm.CallStarted, Call: c})
		synctest.Wait()
		if l.match.of(c) != nil {
			t.Error("somebody is looked up for a call between phones")
		}
		out := c.Clone()
		out.Direction = crm.Outbound
		for range 2 {
			l.tell(t.Context(), &crm.Event{Type: crm.CallUpdated, Call: out})
		}
		synctest.Wait()
		if got := l.match.of(out); len(got) != 1 || got[0].ID != "c1" || len(store.set) != 1 {
			t.Errorf("found %+v, stored %d times", got, len(store.set))
		}
		over := out.Clone()
		over.ID, over.EndedAt = "hq:2", crm.At(noon)
		l.tell(t.Context(), &crm.Event{Type: crm.CallUpdated, Call: over})
		if l.match.get("hq:2") != nil {
			t.Error("a call that is over is looked up, and never forgotten")
		}
	})
}

func TestLookUpsHaveADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMatcher(&contacts{delay: time.Hour}, slog.New(slog.DiscardHandler))
		m.begin(t.Context(), inbound())
		time.Sleep(matchDeadline + time.Millisecond)
		if got := m.of(inbound()); got == nil || len(got) != 0 {
			t.Errorf("after the deadline: %+v, want nobody", got)
		}
	})
}

func TestEndedCallsAreKnownUntilTheyAreStored(t *testing.T) {
	var r recent
	at := func(n uint64) crm.Position { return crm.Position{Epoch: 1, Seq: n} }
	r.note(&crm.Event{Type: crm.CallEnded, Pos: at(5), Call: &crm.Call{ID: "a"}})
	r.note(&crm.Event{Type: crm.CallMerged, Pos: at(6), Call: &crm.Call{ID: "b"}, Into: "a"})
	r.note(&crm.Event{Type: crm.CallStarted, Pos: at(7), Call: &crm.Call{ID: "c"}})
	r.forget(at(4))
	if r.ended["a"] == nil || r.merged["b"] != "a" {
		t.Errorf("forgotten before they were stored: %+v", r)
	}
	r.forget(at(6))
	if len(r.ended)+len(r.merged)+len(r.order) != 0 {
		t.Errorf("still known: %+v", r)
	}
}
