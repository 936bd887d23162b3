package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"

	"patchcord/crm"
)

// fakeDaemon runs until it is told to stop.
type fakeDaemon struct {
	node string
	seen *[]string
}

func (f *fakeDaemon) Run(ctx context.Context) error {
	*f.seen = append(*f.seen, "run "+f.node)
	<-ctx.Done()
	return ctx.Err()
}

func (f *fakeDaemon) Close() error {
	*f.seen = append(*f.seen, "close "+f.node)
	return nil
}

// adapt takes another buffer, but for one.
func (f *fakeDaemon) adapt(next *Config) (bool, error) {
	if next.Node != f.node {
		return false, nil
	}
	if next.Buffer == "bad" {
		return true, errors.New("it cannot be used")
	}
	*f.seen = append(*f.seen, "adapt "+next.Buffer)
	return true, nil
}

func TestReloadTakesAGoodFileAndLeavesABadOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		told := make(chan os.Signal, 1)
		var next *Config
		var wrong error
		r := &reloader{
			load: func() (*Config, error) { return next, wrong },
			open: func(ctx context.Context, cfg *Config, patient bool) (runner, error) {
				switch {
				case cfg.Node == "unable":
					return nil, errors.New("the port is taken")
				case cfg.Store == "away" && !patient:
					return nil, crm.ErrUnavailable
				case cfg.Store == "away":
					seen = append(seen, "wait "+cfg.Node)
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return &fakeDaemon{cfg.Node, &seen}, nil
			},
			told: told, log: slog.New(slog.DiscardHandler),
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.run(ctx, &Config{Node: "a"}) }()
		tell := func(cfg *Config, err error, want ...string) {
			t.Helper()
			seen, next, wrong = nil, cfg, err
			told <- syscall.SIGHUP
			synctest.Wait()
			if !slices.Equal(seen, want) {
				t.Errorf("it did %q, want %q", seen, want)
			}
		}
		synctest.Wait()
		tell(nil, errors.New("patchcord.yml:1: lissten: unknown key"))
		tell(&Config{Node: "a", lines: map[string]int{"node": 7}}, nil)
		tell(&Config{Node: "a", Buffer: "x"}, nil, "adapt x")
		tell(&Config{Node: "a", Buffer: "bad"}, nil)
		tell(&Config{Node: "a", Buffer: "x"}, nil)
		tell(&Config{Node: "b"}, nil, "close a", "run b")
		tell(&Config{Node: "unable"}, nil, "close b", "run b")
		tell(&Config{Node: "c", Store: "away"}, nil, "close b", "run b")
		seen = nil
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) || !slices.Equal(seen, []string{"close b"}) {
			t.Errorf("ended with %v after %q", err, seen)
		}
	})
}

// TestReloadIsHeardWhileTheStoreIsWaitedFor: the address of the store may be what has to be put right.
func TestReloadIsHeardWhileTheStoreIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		told := make(chan os.Signal, 1)
		var next *Config
		r := &reloader{
			load: func() (*Config, error) { return next, nil },
			open: func(ctx context.Context, cfg *Config, patient bool) (runner, error) {
				if cfg.Store != "away" {
					return &fakeDaemon{cfg.Node, &seen}, nil
				}
				seen = append(seen, fmt.Sprintf("wait %s %v", cfg.Node, patient))
				<-ctx.Done()
				return nil, ctx.Err()
			},
			told: told, log: slog.New(slog.DiscardHandler),
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.run(ctx, &Config{Node: "a", Store: "away"}) }()
		for _, cfg := range []*Config{{Node: "a", Store: "away"}, {Node: "b", Store: "away"}, {Node: "c"}} {
			synctest.Wait()
			next = cfg
			told <- syscall.SIGHUP
		}
		synctest.Wait()
		stop()
		want := []string{"wait a true", "wait b true", "run c", "close c"}
		if err := <-ended; !errors.Is(err, context.Canceled) || !slices.Equal(seen, want) {
			t.Errorf("it did %q and ended with %v, want %q", seen, err, want)
		}
	})
}

func TestReloadSeesAChangedSecret(t *testing.T) {
	path := writeConfig(t, "webhooks: [{name: w, url: https://example.net/, secret_file: hq.secret}]\n")
	load := func() *Config {
		c, err := loadConfig(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := load()
	if !load().same(before) {
		t.Error("nothing was changed, and it differs")
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "hq.secret"), []byte("whsec_bmV3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if load().same(before) {
		t.Error("a webhook's secret was changed, and it is the same")
	}
}
