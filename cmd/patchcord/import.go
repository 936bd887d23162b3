package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"patchcord/ami/backfill"
	"patchcord/ami/intake"
	"patchcord/crm"
)

type importCmd struct {
	Ledger string `arg:"" enum:"cdr,cel" help:"What the PBX wrote: cdr or cel."`
	File   string `arg:"" optional:"" help:"A Master.csv of cdr_csv or cel_custom (.gz too). Without one: what the PBX's backfill keys name."`
	PBX    string `help:"Name of the PBX whose history it is; not needed when the configuration has one PBX only." placeholder:"hq"`
	Again  bool   `help:"Begin at the beginning, whatever an earlier import came to."`
}

// Help is shown by `patchcord import --help`.
func (importCmd) Help() string {
	return `Loads the calls of before the first connection out of the PBX's own ledger. It may be stopped and started again, and
goes on where it was; what is stored already is not stored twice. It can run beside the daemon.

Imported records have complete: false and no gaps: they were made of the ledger, which does not know when a phone rang
or who held whom. A record that patchcord made itself is never changed when it is complete. Nothing is told to
webhooks and CRMs: what is imported is history.

CEL tells more than CDR. Import cel first if the PBX has it, then cdr for the time before; the order does not matter.

Example:
  patchcord import cdr --pbx hq /var/log/asterisk/cdr-csv/Master.csv`
}

// Run imports one file, or what the configuration names.
func (c *importCmd) Run(ctx context.Context, t *terminal) error {
	if c.File != "" {
		if _, err := os.Stat(c.File); err != nil {
			return fmt.Errorf("import: %w", err)
		}
	}
	cfg, err := loadConfig(t.config, t.environ)
	if err != nil {
		return err
	}
	p, err := c.pbx(cfg)
	if err != nil {
		return err
	}
	im, closers, err := c.source(p)
	if err != nil {
		return err
	}
	defer func() { _ = closeAll(closers) }()
	store, err := openUserStore(ctx, t)
	if err != nil {
		return err
	}
	defer store.Close()
	people := intake.NewPeople(store, []string{p.Tenant}, nil)
	if err := people.Refresh(ctx); err != nil {
		return err
	}
	show := newImportProgress(t.err)
	im.Store, im.Dress, im.Progress, im.Again = store, people.Dress, show.update, c.Again
	sum, err := im.Run(ctx)
	show.end()
	c.report(t.err, sum)
	if err != nil && ctx.Err() != nil {
		fmt.Fprintln(t.err, "stopped; the same command goes on from here")
	}
	return errors.Join(err, c.lacks(sum))
}

// lacks says that what was read was not the whole of it, or nothing at all.
func (c *importCmd) lacks(sum backfill.Progress) error {
	switch {
	case len(sum.Report.Cut) > 0:
		return fmt.Errorf("%s: the file is cut, and what comes after that is missing; fetch it again, and import it with --again", strings.Join(sum.Report.Cut, ", "))
	case sum.Calls == 0 && sum.Report.Bad > 0:
		return fmt.Errorf("nothing was imported: no row was understood as one of %s; is it that ledger, and are its columns the usual ones?", c.Ledger)
	}
	return nil
}

// pbx returns the PBX whose history it is. Without a configuration a name is enough.
func (c *importCmd) pbx(cfg *Config) (*PBXConfig, error) {
	var names []string
	for i := range cfg.PBXs {
		if p := &cfg.PBXs[i]; p.Name == c.PBX || c.PBX == "" && len(cfg.PBXs) == 1 {
			return p, nil
		}
		names = append(names, cfg.PBXs[i].Name)
	}
	switch {
	case c.PBX == "" && len(names) == 0:
		return nil, errors.New("whose history is it? Give --pbx NAME, or a configuration with --config")
	case c.PBX == "":
		return nil, fmt.Errorf("whose history is it? Give --pbx with one of: %s", strings.Join(names, ", "))
	case len(names) > 0:
		return nil, fmt.Errorf("the configuration names no PBX %q; give --pbx with one of: %s", c.PBX, strings.Join(names, ", "))
	case !pbxName.MatchString(c.PBX):
		return nil, fmt.Errorf("%q is no name of a PBX; use small letters, digits, - and _, at most 32", c.PBX)
	}
	return &PBXConfig{Name: c.PBX, Tenant: defaultTenant}, nil
}

// source returns the import of the file, or of the PBX's own sources.
func (c *importCmd) source(p *PBXConfig) (*backfill.Import, []io.Closer, error) {
	im := &backfill.Import{By: crm.Ledger(c.Ledger)}
	ledgers, closers, err := p.ledgers()
	if err != nil {
		return nil, nil, err
	}
	im.Ledgers, im.Name = ledgers, "configured"
	if c.File != "" {
		zone, err := p.zone()
		if err != nil {
			return nil, closers, err
		}
		if im.Name, err = filepath.Abs(c.File); err != nil {
			return nil, closers, err
		}
		var columns []string
		if p.Backfill != nil {
			columns = p.Backfill.CELColumns
		}
		im.Ledgers.CEL, im.Ledgers.CDR = backfill.CELFile(c.File, columns, zone, true), backfill.CDRFile(c.File, zone, true)
	}
	if im.By == crm.LedgerCEL && im.Ledgers.CEL == nil || im.By == crm.LedgerCDR && im.Ledgers.CDR == nil {
		return nil, closers, fmt.Errorf("nothing to read: name a file, or set %s_csv, mysql or postgres under backfill of PBX %s", c.Ledger, p.Name)
	}
	return im, closers, nil
}

// report says what an import came to.
func (c *importCmd) report(w io.Writer, sum backfill.Progress) {
	n := sum.Counts
	fmt.Fprintf(w, "%d calls read: %d new, %d filled, %d known already", sum.Calls, n.Inserted, n.Filled, n.Same)
	if n.Open > 0 {
		fmt.Fprintf(w, ", %d still going on", n.Open)
	}
	fmt.Fprintln(w)
	if sum.Report.Bad > 0 {
		fmt.Fprintf(w, "%d rows were not understood and passed over:\n", sum.Report.Bad)
		for _, b := range sum.Report.At {
			fmt.Fprintf(w, "  %s line %d: %s\n", b.File, b.Line, b.Why)
		}
	}
}

// An importProgress shows on a terminal how far an import is, and nothing elsewhere.
type importProgress struct {
	w     io.Writer
	shown bool
	last  time.Time
}

func newImportProgress(w io.Writer) *importProgress {
	f, ok := w.(*os.File)
	if !ok {
		return &importProgress{}
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &importProgress{}
	}
	return &importProgress{w: w}
}

func (p *importProgress) update(at backfill.Progress) {
	if p.w == nil || time.Since(p.last) < 200*time.Millisecond {
		return
	}
	p.last, p.shown = time.Now(), true
	fmt.Fprintf(p.w, "\r%9d calls, up to %s ", at.Calls, at.At.Local().Format("2006-01-02 15:04"))
}

func (p *importProgress) end() {
	if p.shown {
		fmt.Fprintln(p.w)
	}
}
