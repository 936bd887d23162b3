package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"

	"patchcord/crm"
)

// RetentionConfig says how long things are kept, as days ("90d") or "forever".
// What each class is stands at crm.RetentionClass.
type RetentionConfig struct {
	Calls      string `yaml:"calls"`      // default forever, as notes and recordings
	Notes      string `yaml:"notes"`      //
	Recordings string `yaml:"recordings"` //
	Evidence   string `yaml:"evidence"`   // default 90d
	Events     string `yaml:"events"`     // default 90d
	Jobs       string `yaml:"jobs"`       // default 30d
}

const forever = "forever"

// classes returns how long each class is kept, as it is written in the file or by default.
func (r RetentionConfig) classes() map[crm.RetentionClass]string {
	return map[crm.RetentionClass]string{
		crm.KeepCalls: cmp.Or(r.Calls, forever), crm.KeepNotes: cmp.Or(r.Notes, forever), crm.KeepRecordings: cmp.Or(r.Recordings, forever),
		crm.KeepEvidence: cmp.Or(r.Evidence, "90d"), crm.KeepEvents: cmp.Or(r.Events, "90d"), crm.KeepJobs: cmp.Or(r.Jobs, "30d"),
	}
}

func (r RetentionConfig) validate(report reporter) {
	for class, text := range r.classes() {
		if _, ok := parseDays(text); !ok {
			report("retention."+string(class), "%q is neither a number of days such as 90d nor %q", text, forever)
		}
	}
}

// parseDays reads "90d"; 0 is for ever.
func parseDays(s string) (time.Duration, bool) {
	if s == forever {
		return 0, true
	}
	days, unit := strings.CutSuffix(s, "d")
	n, err := strconv.Atoi(days)
	return time.Duration(n) * 24 * time.Hour, unit && err == nil && n > 0 && n <= 36500
}

const (
	expireFirst = 5 * time.Minute // after the start, which has better things to do
	expireEvery = 24 * time.Hour
	expireRetry = time.Hour // after the store was away
	expireLimit = 200       // things that one transaction looks at: SQLite has one writer, who must not wait long
	expirePause = 4         // times as long as a transaction took, so that it is a fifth of one connection's time
	expireLeast = 10 * time.Millisecond
)

// retention removes what was kept long enough, once a day, a little at a time.
// Several nodes may do so at once: the second finds nothing left.
type retention struct {
	store        expirer
	keep         map[crm.RetentionClass]time.Duration // 0 is for ever
	tenants      []string
	destinations interface{ Destinations(tenant string) []string }
	log          *slog.Logger
}

// expirer is what retention needs of the store.
type expirer interface {
	Expire(ctx context.Context, e crm.Expiry) (removed int, next string, err error)
	OutboxCursor(ctx context.Context, dest string) (int64, error)
}

func newRetention(cfg *Config, to *targets, store expirer, log *slog.Logger) *retention {
	r := &retention{
		store: store, keep: map[crm.RetentionClass]time.Duration{}, tenants: cfg.tenants(), destinations: to, log: log,
	}
	for class, text := range cfg.Retention.classes() {
		r.keep[class], _ = parseDays(text) // it was validated
	}
	return r
}

func (r *retention) run(ctx context.Context) error {
	for wait := expireFirst; ; {
		if err := pause(ctx, wait); err != nil {
			return err
		}
		wait = expireEvery
		if err := r.all(ctx); err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "nothing more is removed for now", "err", err)
			wait = expireRetry
		}
	}
}

// all goes through every class of every tenant.
func (r *retention) all(ctx context.Context) error {
	for _, class := range crm.RetentionClasses {
		if r.keep[class] == 0 {
			continue
		}
		tenants := r.tenants
		if class == crm.KeepJobs {
			tenants = []string{""} // a job belongs to its destination
		}
		for _, tenant := range tenants {
			e := crm.Expiry{Class: class, Tenant: tenant, Before: time.Now().Add(-r.keep[class]), Limit: expireLimit}
			if err := r.expire(ctx, e); err != nil {
				return fmt.Errorf("remove old %s: %w", class, err)
			}
		}
	}
	return nil
}

func (r *retention) expire(ctx context.Context, e crm.Expiry) error {
	sum := 0
	for {
		var err error
		if e.Keep, err = r.unread(ctx, e); err != nil {
			return err
		}
		began := time.Now()
		n, next, err := r.store.Expire(ctx, e)
		if err != nil {
			return err
		}
		sum += n
		if next == "" {
			break
		}
		e.Mark = next
		if err := pause(ctx, max(expireLeast, expirePause*time.Since(began))); err != nil {
			return err
		}
	}
	if sum > 0 {
		r.log.InfoContext(ctx, "removed what was kept long enough", "class", e.Class, "tenant", e.Tenant, "removed", sum)
	}
	return nil
}

// unread returns the first event that a destination of the tenant has still to read.
func (r *retention) unread(ctx context.Context, e crm.Expiry) (int64, error) {
	first := int64(math.MaxInt64)
	if e.Class != crm.KeepEvents {
		return first, nil
	}
	for _, dest := range r.destinations.Destinations(e.Tenant) {
		n, err := r.store.OutboxCursor(ctx, dest)
		if err != nil {
			return 0, err
		}
		first = min(first, n+1)
	}
	return first, nil
}

// pause waits, or ends with the context's error.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
