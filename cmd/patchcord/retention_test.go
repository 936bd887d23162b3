package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
)

// attic is an expirer that takes a second for each transaction and needs three for a class.
type attic struct {
	asked   []crm.Expiry
	at      []time.Time
	cursors map[string]int64
	back    time.Time // until then it is away
}

func (a *attic) Expire(_ context.Context, e crm.Expiry) (int, string, error) {
	if time.Now().Before(a.back) {
		return 0, "", crm.ErrUnavailable
	}
	a.asked, a.at = append(a.asked, e), append(a.at, time.Now())
	time.Sleep(time.Second)
	switch e.Mark {
	case "":
		return 1, "one", nil
	case "one":
		return 1, "two", nil
	}
	return 0, "", nil
}

func (a *attic) OutboxCursor(_ context.Context, dest string) (int64, error) {
	return a.cursors[dest], nil
}

func TestRetentionGoesThroughWhatIsNotKeptForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := &Config{Retention: RetentionConfig{Calls: "730d", Evidence: "forever"},
			Webhooks: []WebhookConfig{{Name: "slow", Tenant: "default"}, {Name: "fast", Tenant: "default"}, {Name: "other", Tenant: "acme"}}}
		store := &attic{cursors: map[string]int64{"slow": 41, "fast": 99, "other": 7}}
		to := &targets{}
		to.set(cfg.destinations())
		r := newRetention(cfg, to, store, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithTimeout(t.Context(), expireFirst+23*time.Hour)
		defer stop()
		began := time.Now()
		if err := r.run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		var got []string
		for i, e := range store.asked {
			if e.Mark == "" {
				got = append(got, string(e.Class)+" of "+e.Tenant)
			} else if wait := store.at[i].Sub(store.at[i-1]); wait != 5*time.Second {
				t.Errorf("a transaction of a second is followed by the next after %v", wait)
			}
			if e.Class == crm.KeepEvents && e.Keep != map[string]int64{"default": 42, "acme": 8}[e.Tenant] {
				t.Errorf("events of %s from %d on are kept", e.Tenant, e.Keep)
			}
		}
		want := []string{"calls of acme", "calls of default", "events of acme", "events of default", "jobs of "}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if age := store.at[0].Sub(store.asked[0].Before); age != 730*24*time.Hour || store.at[0].Sub(began) != expireFirst {
			t.Errorf("calls older than %v go, %v after the start", age, store.at[0].Sub(began))
		}
	})
}

func TestRetentionTriesAgainWhenTheStoreWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &attic{back: time.Now().Add(expireFirst + time.Minute)}
		r := newRetention(&Config{}, &targets{}, store, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithTimeout(t.Context(), expireFirst+2*expireRetry-time.Minute)
		defer stop()
		r.run(ctx)
		if len(store.asked) == 0 || store.asked[0].Class != crm.KeepEvidence {
			t.Errorf("got %v", store.asked)
		}
	})
}

func TestRetentionIsChecked(t *testing.T) {
	for _, text := range []string{"0d", "-1d", "90", "d", "1y", "90 d", "never", "999999d"} {
		var told []string
		report := func(key, format string, _ ...any) { told = append(told, key+" "+format) }
		RetentionConfig{Events: text}.validate(report)
		if len(told) != 1 || !strings.HasPrefix(told[0], "retention.events ") {
			t.Errorf("%q: told %q", text, told)
		}
	}
	RetentionConfig{Calls: "1d", Notes: "forever", Jobs: "36500d"}.validate(func(key, _ string, _ ...any) { t.Errorf("%s is refused", key) })
}
