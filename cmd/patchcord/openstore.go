package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"patchcord/buffer"
	"patchcord/buffer/embedded"
	"patchcord/buffer/redisstream"
	"patchcord/buffer/spool"
	"patchcord/crm"
	"patchcord/crm/postgres"
	"patchcord/crm/sqlite"
)

// openStore opens the store of the configuration and brings its schema up to date.
func openStore(ctx context.Context, cfg *Config) (crm.Store, error) {
	if cfg.Store == sqliteStore {
		s, err := sqlite.Open(ctx, filepath.Join(cfg.DataDir, "patchcord.db"), sqlite.Config{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w%s", cfg.DataDir, err, newer(err))
		}
		return s, nil
	}
	s, err := postgres.Open(ctx, cfg.Store, postgres.Config{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w%s", redactURL(cfg.Store), err, newer(err))
	}
	return s, nil
}

// newer says what to do after going back to an older version.
func newer(err error) string {
	if errors.Is(err, crm.ErrNewerSchema) {
		return "; start the newer patchcord again, or put back a copy of the data from before it ran"
	}
	return ""
}

// openSpool puts before the log what stands in for it on the local disk while it is away.
func openSpool(cfg *Config, log buffer.Log, logger *slog.Logger) (buffer.Log, error) {
	s, err := spool.Open(filepath.Join(cfg.DataDir, "spool"), log, spool.Config{MaxBytes: cfg.SpoolBytes, Logger: logger})
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return s, nil
}

// openLog opens the log of frames of the configuration. With later a Redis that cannot be reached may come later.
func openLog(ctx context.Context, cfg *Config, later bool, log *slog.Logger) (buffer.Log, error) {
	if cfg.Buffer == embeddedLog {
		l, err := embedded.Open(ctx, filepath.Join(cfg.DataDir, "frames.db"), embedded.Config{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", cfg.DataDir, err)
		}
		return l, nil
	}
	l, err := redisstream.Open(ctx, cfg.Buffer, redisstream.Config{Mode: redisstream.Mode(cfg.Durability), Later: later, Logger: log})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", redactURL(cfg.Buffer), err)
	}
	return l, nil
}
