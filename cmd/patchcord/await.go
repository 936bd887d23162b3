package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"patchcord/crm"
	"patchcord/crm/api"
)

// How a daemon waits for a store that is not there yet, as after a power cut.
const (
	storeFirst = 250 * time.Millisecond // doubles
	storeMost  = 3 * time.Second
	storeTold  = time.Minute // from one line of the log to the next
)

// passes reports whether a store that could not be opened is likely to be there later: nobody answers, or it is
// about to start. A password, a newer schema or a certificate does not mend itself.
func passes(err error) bool {
	_, distrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return errors.Is(err, crm.ErrUnavailable) && !distrusted
}

// awaitStore returns when the store, which could not be opened because of why, can be. Until then /healthz says
// that the daemon lives, and /readyz that it has no store.
func awaitStore(ctx context.Context, cfg *Config, log *slog.Logger, why error) error {
	began := time.Now()
	log.Warn("the store is not there yet: the daemon waits for it, and hears no PBX before", "store", redactURL(cfg.Store), "why", why)
	web, err := listenWeb(cfg, api.Waiting(cfg.unheard(began)), log)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	ctx, stop := context.WithCancel(ctx)
	g.Go(func() error {
		if err := web.run(ctx); !errors.Is(err, context.Canceled) {
			return err
		}
		return nil // asked to stop, and did
	})
	g.Go(func() error {
		defer stop()
		return cfg.knock(ctx, log)
	})
	if err := g.Wait(); err != nil {
		return err
	}
	log.Info("the store is there", "store", redactURL(cfg.Store), "after", time.Since(began).Round(time.Millisecond))
	return nil
}

// knock tries to open the store until it can.
func (c *Config) knock(ctx context.Context, log *slog.Logger) error {
	tell := time.Now().Add(storeTold)
	for wait := storeFirst; ; wait = min(2*wait, storeMost) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait/2 + rand.N(wait/2)):
		}
		store, err := openStore(ctx, c)
		switch {
		case err == nil:
			return store.Close()
		case ctx.Err() != nil:
			return ctx.Err()
		case !passes(err):
			return err
		case time.Now().After(tell):
			log.Warn("the daemon still waits for its store", "store", redactURL(c.Store), "why", err)
			tell = time.Now().Add(storeTold)
		}
	}
}

// unheard is how it stands with each PBX while there is no store.
func (c *Config) unheard(since time.Time) []api.PBXStatus {
	list := []api.PBXStatus{}
	for _, p := range c.PBXs {
		list = append(list, api.PBXStatus{Name: p.Name, State: "disconnected", Since: crm.At(since),
			Detail: "The store is not there yet, and this PBX is heard from then on; the daemon's log says why."})
	}
	return list
}
