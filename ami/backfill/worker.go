package backfill

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sony/gobreaker/v2"

	"patchcord/crm"
)

// Store is what back-fill needs of the store.
type Store interface {
	crm.BackfillStore
	Gaps(ctx context.Context, tenant string, from, until time.Time) ([]crm.Gap, error)
}

// Config is one PBX's back-fill. Zero fields mean what their comments say.
type Config struct {
	Ledgers Ledgers          // with none every gap is closed by what the lists of the PBX told
	Store   Store            // required
	Dress   func(*crm.Call)  // puts the agents' names into a record; nil: none
	Owned   func() bool      // whether this node owns the PBX; nil: it does
	Told    func(ScanResult) // after every pass, of either lane; nil: nobody
	Logger  *slog.Logger     // nil: none
}

// ScanResult is what one pass over the ledgers came to.
type ScanResult struct {
	Gaps   []crm.Gap // that it was for
	Report Report
	Counts crm.Amended
	Err    error
}

const (
	margin      = time.Minute     // a gap is scanned from so long before to so long after
	scanTimeout = 2 * time.Minute // of one pass; a slow database is one that fails
	breakAfter  = 3               // passes that failed one after another stop scanning
	breakFor    = 30 * time.Second
	settled     = 30 * time.Second // how old the end of a call beside a gap must be, that is on no record
	giveUpAfter = 26 * time.Hour
	laterEvery  = time.Hour // scans go on for calls that are still open
	fourScans   = 4
)

// scanAt returns how long after the end of a gap its n-th scan is due, from 0: rows are
// written when things happen, but CDR at the end of a call, and in batches.
func scanAt(n int) time.Duration {
	switch n {
	case 0:
		return 1500 * time.Millisecond
	case 1:
		return time.Minute
	case 2:
		return 5 * time.Minute
	}
	return laterEvery * time.Duration(n-fourScans+2)
}

// Worker reads a PBX's ledgers for each gap that has ended: within 5 s of its end (30 s of its
// coming into the store, when that is more than two minutes later), and again after 1, 5
// and 60 minutes, then every hour as long as calls of it go on. Gaps
// that lie near one another are scanned together. It stands beside the road of a call
// and never on it: what is slow here only leaves gaps pending. How far it got is stored
// with the gap, so a restart goes on.
type Worker struct {
	cfg     Config
	log     *slog.Logger
	breaker *gobreaker.CircuitBreaker[scanned]
}

// scanned is what a pass found.
type scanned struct {
	report Report
	counts crm.Amended
	by     crm.Ledger // the best that was read
}

// New returns a Worker.
func New(cfg Config) *Worker {
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	w := &Worker{cfg: cfg, log: log.With("pbx", cfg.Ledgers.Fold.PBX)}
	w.breaker = gobreaker.NewCircuitBreaker[scanned](gobreaker.Settings{
		Name: "back-fill of " + cfg.Ledgers.Fold.PBX, MaxRequests: 1, Timeout: breakFor,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakAfter },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			w.log.Warn("back-fill", "state", to.String(), "meaning", meaning(to))
		},
	})
	return w
}

func meaning(s gobreaker.State) string {
	switch s {
	case gobreaker.StateOpen:
		return "the PBX's ledger cannot be read; gaps stay pending"
	case gobreaker.StateHalfOpen:
		return "one scan is tried"
	}
	return "the PBX's ledger is read"
}

// pass scans gaps together and stores how far that got. What failed leaves them as they
// were.
func (w *Worker) pass(ctx context.Context, due, all []crm.Gap) error {
	began := time.Now()
	got, err := w.breaker.Execute(func() (scanned, error) {
		ctx, cancel := context.WithTimeout(ctx, scanTimeout)
		defer cancel()
		return w.newPass(due, all).run(ctx)
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return errPending
	}
	w.tell(ScanResult{Gaps: due, Report: got.report, Counts: got.counts, Err: err})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		w.log.Warn("gaps stay pending; they are scanned again", "gaps", len(due), "first", due[0].ID, "err", err)
		return errPending
	}
	w.log.Info("gaps read in the PBX's ledger", "gaps", len(due), "first", due[0].ID, "by", got.by, "inserted", got.counts.Inserted,
		"filled", got.counts.Filled, "open", got.counts.Open, "rows", got.report.Rows, "bad_rows", got.report.Bad)
	for _, b := range got.report.At {
		w.log.Warn("row of the ledger not understood", "file", b.File, "line", b.Line, "why", b.Why)
	}
	for _, g := range due {
		if err := w.close(ctx, g, closing(&g, got, began)); err != nil {
			return err
		}
	}
	return nil
}

// closing says how a gap is closed after a scan that began at a time. A late one stands
// for those that were due since. Scans is -1 when none is to come.
func closing(g *crm.Gap, got scanned, at time.Time) crm.GapClosing {
	c := crm.GapClosing{By: string(got.by), Missed: g.MissedEstimate, Scans: g.Scans + 1}
	for !at.Before(g.EndedAt.Add(scanAt(c.Scans))) {
		c.Scans++
	}
	switch {
	case got.by == crm.LedgerCEL:
		c.Missed = new(int) // every channel has a row: what is not there was not
	case c.Missed != nil:
		left := max(0, *c.Missed-got.counts.Inserted)
		c.Missed = &left
	}
	if c.Scans >= fourScans && got.counts.Open == 0 {
		c.Scans = -1
	}
	return c
}

func (w *Worker) close(ctx context.Context, g crm.Gap, c crm.GapClosing) error {
	if err := w.cfg.Store.CloseGap(ctx, w.cfg.Ledgers.Fold.Tenant, g.ID, c); err != nil {
		return fmt.Errorf("store how gap %s was closed: %w", g.ID, err)
	}
	return nil
}

func (w *Worker) tell(r ScanResult) {
	if w.cfg.Told != nil {
		w.cfg.Told(r)
	}
}
