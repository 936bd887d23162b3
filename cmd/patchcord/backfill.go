package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"patchcord/ami/backfill"
	"patchcord/crm"
)

// ledgers returns where the PBX writes about its calls; nothing is opened or connected
// yet. Files come before databases. Whoever calls closes.
func (p *PBXConfig) ledgers() (l backfill.Ledgers, closers []io.Closer, err error) {
	l.Fold = p.fold()
	b := p.Backfill
	if b == nil {
		return l, nil, nil
	}
	zone, err := p.zone()
	if err != nil {
		return l, nil, err
	}
	var db *backfill.Database
	switch {
	case b.MySQL != "":
		db, err = backfill.OpenMySQL(string(b.MySQL), zone)
	case b.Postgres != "":
		db, err = backfill.OpenPostgres(string(b.Postgres), zone)
	}
	if err != nil {
		return l, nil, fmt.Errorf("PBX %s: backfill: %w", p.Name, err)
	}
	if db != nil {
		l.CEL, l.CDR, closers = db.CEL(), db.CDR(), append(closers, db)
	}
	if b.CELCSV != "" {
		l.CEL = backfill.CELFile(b.CELCSV, b.CELColumns, zone, false)
	}
	if b.CDRCSV != "" {
		l.CDR = backfill.CDRFile(b.CDRCSV, zone, false)
	}
	return l, closers, nil
}

// zone returns the time zone of the PBX, this machine's when none is given.
func (p *PBXConfig) zone() (*time.Location, error) {
	if p.Timezone == "" {
		return time.Local, nil
	}
	zone, err := time.LoadLocation(p.Timezone)
	if err != nil {
		return nil, fmt.Errorf("PBX %s: timezone: %w", p.Name, err)
	}
	return zone, nil
}

// validate reports what is wrong with the keys under backfill.
func (b *BackfillConfig) validate(key string, report reporter) {
	if b == nil {
		return
	}
	if len(b.CELColumns) > 0 {
		if err := backfill.CheckCELColumns(b.CELColumns); err != nil {
			report(key+".cel_columns", "%v", err)
		}
	}
	if b.MySQL != "" && b.Postgres != "" {
		report(key+".postgres", "there is `mysql` too; name the one database that the PBX writes to")
	}
	for _, d := range []struct {
		key  string
		dsn  crm.Secret
		open func(string, *time.Location) (*backfill.Database, error)
	}{{".mysql", b.MySQL, backfill.OpenMySQL}, {".postgres", b.Postgres, backfill.OpenPostgres}} {
		if d.dsn == "" {
			continue
		}
		db, err := d.open(string(d.dsn), nil)
		if err != nil {
			report(key+d.key, "%v", err)
			continue
		}
		db.Close()
	}
}

// addBackfill adds to a PBX's line the part that reads its ledgers after gaps.
func (d *daemon) addBackfill(x *unit, p *PBXConfig) error {
	ledgers, closers, err := p.ledgers()
	if err != nil {
		return err
	}
	x.closers = closers
	w := backfill.New(backfill.Config{
		Ledgers: ledgers, Store: d.store, Dress: d.people.Dress, Logger: d.log,
		Owned: func() bool { return x.line.Status().Owned },
	})
	x.add("back-fill of "+p.Name, w.Run)
	return nil
}

// closeAll closes them all and returns every error.
func closeAll(list []io.Closer) error {
	var errs []error
	for _, c := range list {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
