package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"os"
	"reflect"
	"slices"
)

// runner is a daemon that was opened.
type runner interface {
	Run(ctx context.Context) error
	Close() error
	// adapt takes over a changed configuration while Run runs, as far as that can be done; false: a new daemon must.
	adapt(next *Config) (bool, error)
}

// reloader keeps a daemon running, and puts one of a changed configuration in its
// place when it is told to read the file again (SIGHUP).
type reloader struct {
	load func() (*Config, error)
	// open opens a daemon; a patient one waits for its store.
	open func(ctx context.Context, cfg *Config, patient bool) (runner, error)
	told <-chan os.Signal
	log  *slog.Logger
}

// run runs a daemon of cfg until ctx ends or the daemon does. A file that cannot be
// used, or says what the one before said, changes nothing. Where the daemon of a
// changed one cannot be opened, that of the one before goes on.
func (r *reloader) run(ctx context.Context, cfg *Config) error {
	d, cfg, err := r.begin(ctx, cfg)
	for err == nil {
		had, next, ended := r.until(ctx, d, cfg)
		if next == nil {
			return ended
		}
		d, cfg, err = r.replace(ctx, had, next)
	}
	return err
}

// replace opens a daemon of next, or else of cfg again. Another store is not waited
// for, as its address may be wrong.
func (r *reloader) replace(ctx context.Context, cfg, next *Config) (d runner, taken *Config, err error) {
	if taken = next; next.Store == cfg.Store {
		d, taken, err = r.begin(ctx, next)
	} else {
		d, err = r.open(ctx, next, false)
	}
	switch {
	case err == nil:
		return d, taken, nil
	case ctx.Err() != nil:
		return nil, nil, ctx.Err()
	}
	r.log.Error("patchcord does not start with the changed configuration; it goes on with the one before", "err", err)
	return r.begin(ctx, cfg)
}

// begin opens a daemon of cfg, however long its store takes to come. When it is told
// meanwhile to read the file again, it goes on with what that says, and returns it.
func (r *reloader) begin(ctx context.Context, cfg *Config) (runner, *Config, error) {
	for {
		d, next, err := r.opened(ctx, cfg)
		if next == nil {
			return d, cfg, err
		}
		r.log.Info("the configuration was changed before its daemon had started", "changed", cfg.differing(next))
		cfg = next
	}
}

// opened opens a daemon of cfg, unless it is told first of a configuration that is to take its place.
func (r *reloader) opened(ctx context.Context, cfg *Config) (d runner, next *Config, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		d, err = r.open(ctx, cfg, true)
	}()
	for {
		select {
		case <-done:
			return d, nil, err
		case <-r.told:
		}
		if next = r.changed(cfg); next == nil {
			continue
		}
		stop()
		if <-done; err == nil {
			err = d.Close() // it was there just then
		}
		return nil, next, err
	}
}

// until runs d, and returns what it ended with, or the configuration that is to
// take the place of the one that it had then. d is closed then.
func (r *reloader) until(ctx context.Context, d runner, cfg *Config) (had, next *Config, err error) {
	run, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- d.Run(run) }()
	for {
		select {
		case err := <-done:
			return cfg, nil, errors.Join(err, d.Close())
		case <-r.told:
		}
		next := r.changed(cfg)
		if next == nil {
			continue
		}
		switch taken, err := d.adapt(next); {
		case err != nil:
			r.log.Error("the configuration cannot be used, so nothing was changed", "err", err)
			continue
		case taken:
			r.log.Info("the configuration was changed: these start anew, and everything else goes on", "changed", cfg.changes(next))
			cfg = next
			continue
		}
		r.log.Info("the configuration was changed: every part starts anew, and pages and PBXs connect again", "changed", cfg.differing(next))
		stop()
		if err := errors.Join(<-done, d.Close()); err != nil && !errors.Is(err, context.Canceled) {
			r.log.Warn("what ran did not end well", "err", err)
		}
		if ctx.Err() != nil {
			return cfg, nil, ctx.Err()
		}
		return cfg, next, nil
	}
}

// changed reads the configuration again, and returns it if it is to be taken.
func (r *reloader) changed(cfg *Config) *Config {
	next, err := r.load()
	switch {
	case err != nil:
		r.log.Error("the configuration cannot be used, so nothing was changed", "err", err)
		return nil
	case next.same(cfg):
		r.log.Info("the configuration says what it said before; nothing was changed")
		return nil
	}
	return next
}

// differing says which keys have other values in next, and which units they make others.
func (c *Config) differing(next *Config) []string {
	var list []string
	a, b := reflect.ValueOf(*c), reflect.ValueOf(*next)
	for i := range a.NumField() {
		key, units := a.Type().Field(i).Tag.Get("yaml"), []string{"pbxs", "crms", "webhooks"}
		if key != "" && !slices.Contains(units, key) && !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			list = append(list, key)
		}
	}
	return append(list, c.changes(next)...)
}

// same reports whether a daemon of c would be as one of o. What was only moved to
// other lines is the same; what stands in a secret's file is not.
func (c *Config) same(o *Config) bool {
	a, b := *c, *o
	a.lines, b.lines, a.unknown, b.unknown = nil, nil, nil, nil
	return reflect.DeepEqual(a, b)
}

// sumFiles notes what is in the files that are read once, at the start.
func (c *Config) sumFiles() {
	var files []string
	for i := range c.PBXs {
		if t := c.PBXs[i].TLS; t != nil {
			files = append(files, t.CAFile)
		}
	}
	for i := range c.Webhooks {
		files = append(files, c.Webhooks[i].SecretFile)
	}
	for i := range c.CRMs {
		files = append(files, c.CRMs[i].SecretFile, c.CRMs[i].CAFile)
	}
	c.sums = map[string][sha256.Size]byte{}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			c.sums[f] = sha256.Sum256(b)
		}
	}
}
