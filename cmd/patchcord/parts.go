package main

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// part is one long-lived piece of the daemon.
type part struct {
	name string
	run  func(context.Context) error
}

var errReturned = errors.New("stopped without a reason")

// runParts runs every part until ctx ends, or until one stops: then all do.
func runParts(ctx context.Context, parts []part) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range parts {
		g.Go(func() error {
			err := p.run(ctx)
			if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
				return nil // asked to stop, and did
			}
			if err == nil {
				err = errReturned
			}
			return fmt.Errorf("%s: %w", p.name, err)
		})
	}
	return g.Wait()
}
