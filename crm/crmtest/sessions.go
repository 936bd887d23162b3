package crmtest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patchcord/crm"
)

func hash(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// refresh returns a token of the name, issued that many minutes after base, good for an hour.
func refresh(name string, minute int) crm.RefreshToken {
	return crm.RefreshToken{Hash: hash(name), IssuedAt: at(minute).Time, ExpiresAt: at(minute + 60).Time}
}

// login starts family "f" of user "u1" with token "t0"; it ends for good after ten hours.
func login(t *testing.T, s crm.Store) {
	t.Helper()
	r := refresh("t0", 0)
	r.FamilyID, r.UserID, r.AbsoluteExpiry = "f", "u1", at(600).Time
	check(t, s.StartFamily(t.Context(), r))
}

// rotate exchanges one token for another at a minute, with ten seconds of grace.
func rotate(t *testing.T, s crm.Store, old, next string, now time.Time) (crm.RefreshToken, error) {
	t.Helper()
	r := refresh(next, 0)
	r.IssuedAt, r.ExpiresAt = now, now.Add(time.Hour)
	return s.Rotate(t.Context(), hash(old), r, now, 10*time.Second)
}

var sessionTests = []test{
	{"signing keys come newest first, and an id is taken once", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		k1 := crm.SigningKey{ID: "k1", Public: []byte{1}, Sealed: []byte{2, 0}, CreatedAt: at(0)}
		k2 := crm.SigningKey{ID: "k2", Public: []byte{3}, Sealed: []byte{4}, CreatedAt: at(1)}
		check(t, s.AddSigningKey(ctx, k1))
		check(t, s.AddSigningKey(ctx, k2))
		wantErr(t, s.AddSigningKey(ctx, k1), crm.ErrConflict)
		got, err := s.SigningKeys(ctx)
		check(t, err)
		equal(t, "keys", got, []crm.SigningKey{k2, k1})
	}},
	{"a token is exchanged along its chain", func(t *testing.T, s crm.Store) {
		login(t, s)
		got, err := rotate(t, s, "t0", "t1", at(1).Time)
		check(t, err)
		want := refresh("t1", 1)
		want.FamilyID, want.UserID, want.AbsoluteExpiry = "f", "u1", at(600).Time
		equal(t, "successor", got, want)
		_, err = rotate(t, s, "t1", "t2", at(2).Time)
		check(t, err)
	}},
	{"two tabs get the same successor within grace", func(t *testing.T, s crm.Store) {
		login(t, s)
		first, err := rotate(t, s, "t0", "t1", at(1).Time)
		check(t, err)
		again, err := rotate(t, s, "t0", "t1", at(1).Add(10*time.Second))
		check(t, err)
		equal(t, "successor", again, first)
		_, err = rotate(t, s, "t1", "t2", at(2).Time)
		check(t, err)
	}},
	{"a second use after grace revokes the family", func(t *testing.T, s crm.Store) {
		login(t, s)
		_, err := rotate(t, s, "t0", "t1", at(1).Time)
		check(t, err)
		_, err = rotate(t, s, "t0", "t1", at(1).Add(10*time.Second+time.Millisecond))
		wantErr(t, err, crm.ErrReused)
		_, err = rotate(t, s, "t1", "t2", at(2).Time)
		wantErr(t, err, crm.ErrUnauthenticated)
	}},
	{"a second use for another successor revokes the family", func(t *testing.T, s crm.Store) {
		login(t, s)
		_, err := rotate(t, s, "t0", "t1", at(1).Time)
		check(t, err)
		_, err = rotate(t, s, "t0", "other", at(1).Time)
		wantErr(t, err, crm.ErrReused)
		_, err = rotate(t, s, "t1", "t2", at(1).Time)
		wantErr(t, err, crm.ErrUnauthenticated)
		_, err = rotate(t, s, "other", "t2", at(1).Time)
		wantErr(t, err, crm.ErrUnauthenticated)
	}},
	{"unknown and expired tokens are refused", func(t *testing.T, s crm.Store) {
		login(t, s)
		_, err := rotate(t, s, "unknown", "t1", at(1).Time)
		wantErr(t, err, crm.ErrUnauthenticated)
		_, err = rotate(t, s, "t0", "t1", at(60).Time)
		wantErr(t, err, crm.ErrUnauthenticated)
		_, err = rotate(t, s, "t0", "t1", at(59).Time)
		check(t, err)
	}},
	{"no token outlives its login", func(t *testing.T, s crm.Store) {
		login(t, s)
		old := "t0"
		for m := 50; m < 600; m += 50 {
			next := old + "x"
			_, err := rotate(t, s, old, next, at(m).Time)
			check(t, err)
			old = next
		}
		_, err := rotate(t, s, old, "late", at(600).Time)
		wantErr(t, err, crm.ErrUnauthenticated)
	}},
	{"a family is ended by any of its tokens", func(t *testing.T, s crm.Store) {
		login(t, s)
		_, err := rotate(t, s, "t0", "t1", at(1).Time)
		check(t, err)
		check(t, s.EndFamily(t.Context(), hash("unknown"), at(1).Time))
		check(t, s.EndFamily(t.Context(), hash("t0"), at(1).Time))
		check(t, s.EndFamily(t.Context(), hash("t0"), at(1).Time))
		_, err = rotate(t, s, "t1", "t2", at(2).Time)
		wantErr(t, err, crm.ErrUnauthenticated)
	}},
	{"a family is ended by its id", func(t *testing.T, s crm.Store) {
		login(t, s)
		next, err := rotate(t, s, "t0", "t1", at(1).Time)
		check(t, err)
		check(t, s.EndSession(t.Context(), "unknown", at(1).Time))
		_, err = rotate(t, s, "t1", "t2", at(2).Time)
		check(t, err)
		check(t, s.EndSession(t.Context(), next.FamilyID, at(2).Time))
		_, err = rotate(t, s, "t2", "t3", at(3).Time)
		wantErr(t, err, crm.ErrUnauthenticated)
	}},
	{"families that were ended lately are listed, however they were", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		for _, name := range []string{"logged out", "by id", "stolen", "goes on"} {
			r := refresh(name, 0)
			r.FamilyID, r.UserID, r.AbsoluteExpiry = name, "u1", at(600).Time
			check(t, s.StartFamily(ctx, r))
		}
		check(t, s.EndFamily(ctx, hash("logged out"), at(2).Time))
		check(t, s.EndSession(ctx, "by id", at(3).Time))
		_, err := rotate(t, s, "stolen", "t1", at(1).Time)
		check(t, err)
		_, err = rotate(t, s, "stolen", "t2", at(4).Time)
		wantErr(t, err, crm.ErrReused)
		check(t, s.EndSession(ctx, "logged out", at(5).Time)) // ended already
		for _, since := range []struct {
			minute int
			want   []string
		}{{2, []string{"by id", "logged out", "stolen"}}, {3, []string{"by id", "stolen"}}, {5, []string{}}} {
			got, err := s.EndedSince(ctx, at(since.minute).Time)
			check(t, err)
			slices.Sort(got)
			equal(t, fmt.Sprint("ended since minute ", since.minute), got, since.want)
		}
	}},
	{"a login that ended for good is forgotten as others begin", func(t *testing.T, s crm.Store) {
		ctx := t.Context()
		login(t, s)
		_, err := rotate(t, s, "t0", "t1", at(1).Time)
		check(t, err)
		check(t, s.EndSession(ctx, "f", at(2).Time))
		for _, begun := range []struct {
			name   string
			minute int
			left   []string
		}{{"within the hour", 659, []string{"f"}}, {"later", 661, []string{}}} {
			r := refresh(begun.name, begun.minute)
			r.FamilyID, r.UserID, r.AbsoluteExpiry = begun.name, "u1", at(begun.minute+600).Time
			check(t, s.StartFamily(ctx, r))
			got, err := s.EndedSince(ctx, at(0).Time)
			check(t, err)
			equal(t, "ended logins after one begun "+begun.name, got, begun.left)
		}
	}},
	{"of sixteen thieves one gets a successor, and the family ends", func(t *testing.T, s crm.Store) {
		login(t, s)
		var won, reused atomic.Int64
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				r := refresh("t", 1)
				r.Hash = hash(string(rune('a' + i)))
				_, err := s.Rotate(t.Context(), hash("t0"), r, at(1).Time, 10*time.Second)
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, crm.ErrReused):
					reused.Add(1)
				case !errors.Is(err, crm.ErrUnauthenticated):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || reused.Load() < 1 {
			t.Errorf("%d won, %d were told of reuse; want 1 and some", won.Load(), reused.Load())
		}
	}},
	{"a ticket is taken once, in time, for its purpose", ticketOnce},
	{"a request is answered once per key", idempotentAnswer},
}

func ticketOnce(t *testing.T, s crm.Store) {
	ctx := t.Context()
	want := crm.Ticket{Kind: "push", Hash: hash("x"), Data: []byte("u1\x00"), ExpiresAt: at(1).Time}
	check(t, s.PutTicket(ctx, want))
	_, err := s.TakeTicket(ctx, "setup", hash("x"), at(0).Time)
	wantErr(t, err, crm.ErrUnauthenticated)
	got, err := s.TakeTicket(ctx, "push", hash("x"), at(0).Time)
	check(t, err)
	equal(t, "ticket", got, want)
	_, err = s.TakeTicket(ctx, "push", hash("x"), at(0).Time)
	wantErr(t, err, crm.ErrUnauthenticated)

	want.Hash = hash("late")
	check(t, s.PutTicket(ctx, want))
	_, err = s.TakeTicket(ctx, "push", hash("late"), at(1).Time)
	wantErr(t, err, crm.ErrUnauthenticated)

	want.Hash = hash("race")
	check(t, s.PutTicket(ctx, want))
	var took atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := s.TakeTicket(ctx, "push", hash("race"), at(0).Time); err == nil {
				took.Add(1)
			}
		})
	}
	wg.Wait()
	equal(t, "takers", took.Load(), 1)
}

func idempotentAnswer(t *testing.T, s crm.Store) {
	ctx := t.Context()
	first := &crm.Answer{Request: hash("a"), Status: 201, Body: []byte(`{"a":1}`)}
	other := &crm.Answer{Request: hash("b"), Status: 409, Body: []byte(`{}`)}
	ask := func(tenant, user, key string, a *crm.Answer, now time.Time) *crm.Answer {
		t.Helper()
		prior, err := s.Idempotent(ctx, tenant, user, key, a, now)
		check(t, err)
		return prior
	}
	equal(t, "before", ask(tenant, "u1", "k", nil, at(0).Time), nil)
	equal(t, "first", ask(tenant, "u1", "k", first, at(0).Time), nil)
	equal(t, "second", ask(tenant, "u1", "k", other, at(1).Time), first)
	equal(t, "looked up", ask(tenant, "u1", "k", nil, at(1).Time), first)
	equal(t, "another user's", ask(tenant, "u2", "k", nil, at(1).Time), nil)
	equal(t, "another tenant's", ask("other", "u1", "k", nil, at(1).Time), nil)
	day := at(0).Add(24 * time.Hour)
	equal(t, "almost a day later", ask(tenant, "u1", "k", other, day.Add(-time.Millisecond)), first)
	equal(t, "a day later", ask(tenant, "u1", "k", other, day), nil)
	equal(t, "then", ask(tenant, "u1", "k", nil, day), other)

	var stored atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			prior, err := s.Idempotent(ctx, tenant, "u1", "race", first, at(0).Time)
			if err != nil {
				t.Error(err)
			} else if prior == nil {
				stored.Add(1)
			}
		})
	}
	wg.Wait()
	equal(t, "stored", stored.Load(), 1)
}
