package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"patchcord/ami"
	"patchcord/ami/calls"
	"patchcord/crm"
)

type foldCmd struct {
	PBX    string   `help:"Name of the PBX: the first part of every call id." default:"pbx"`
	Traces []string `arg:"" name:"trace" help:"Recorded bytes (.ami, .ami.gz); the clock is the .tim file beside them."`
}

// Help is shown by `patchcord fold --help`.
func (foldCmd) Help() string {
	return `Prints one call record a line on stdout, in order of started_at, and nothing else. What can be read of a damaged trace is
folded, and stderr says what could not. With --config, the settings of
the PBX of that name (region, trunks, extensions, attributes) are used.

Example:
  patchcord fold testdata/traces/22/inbound-queue-answered.ami`
}

// Run folds each trace on its own, and prints the calls of all of them together. What
// can be read of a damaged one is folded; what cannot is told of on stderr.
func (f *foldCmd) Run(ctx context.Context, t *terminal) error {
	cfg, err := f.foldConfig(t)
	if err != nil {
		return err
	}
	var records []*crm.Call
	var broken []error
	for _, path := range f.Traces {
		of, err := foldFile(ctx, cfg, path, t.err)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		records, broken = append(records, of...), append(broken, err)
	}
	inOrder(records)
	out := bufio.NewWriter(t.out)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, c := range records {
		if err := enc.Encode(c); err != nil {
			return fmt.Errorf("write record: %w", err)
		}
	}
	return errors.Join(append(broken, out.Flush())...)
}

// inOrder sorts records by their start. Where one of them has none, as its trace has no
// clock, all stay in the order of their traces.
func inOrder(records []*crm.Call) {
	if slices.ContainsFunc(records, func(c *crm.Call) bool { return c.StartedAt.IsZero() }) {
		return
	}
	slices.SortStableFunc(records, func(a, b *crm.Call) int { return a.StartedAt.Compare(b.StartedAt.Time) })
}

// foldFile returns the calls of a trace, also beside an error: those of the part before it.
func foldFile(ctx context.Context, cfg calls.Config, path string, notes io.Writer) ([]*crm.Call, error) {
	tr, err := ami.OpenTrace(path)
	if tr == nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, tr.Stop)()
	records, folded := calls.Fold(cfg, tr)
	if folded != nil {
		folded = fmt.Errorf("fold %s: %w", path, folded)
	}
	switch {
	case tr.Size() > 0 && tr.Messages() == 0:
		fmt.Fprintf(notes, "patchcord: %s: no manager message in %d bytes; is it what a PBX sent, as patchcord capture records it?\n", path, tr.Size())
	case tr.Lost() > 0:
		fmt.Fprintf(notes, "patchcord: %s: %d of %d bytes are no whole manager message and were passed over\n", path, tr.Lost(), tr.Size())
	}
	if n, ok := tr.Clocked(); ok && n != int64(tr.Size()) {
		fmt.Fprintf(notes, "patchcord: %s: the clock beside it tells of %d bytes and not of %d: it is of another trace or was cut, so times may be wrong or missing\n", path, n, tr.Size())
	}
	return records, errors.Join(err, folded)
}

// foldConfig is how the PBX is to be read: from the configuration file when one is named.
func (f *foldCmd) foldConfig(t *terminal) (calls.Config, error) {
	plain := calls.Config{PBX: f.PBX}
	if t.config == "" {
		return plain, nil
	}
	cfg, err := loadConfig(t.config, t.environ)
	if err != nil {
		return plain, err
	}
	for _, p := range cfg.PBXs {
		if p.Name == f.PBX {
			c := p.fold()
			c.Tenant = "" // a record folded by hand belongs to nobody
			return c, nil
		}
	}
	return plain, fmt.Errorf("%s names no PBX %q; give --pbx one of its names", t.config, f.PBX)
}

// fold returns how the tracker reads this PBX.
func (p *PBXConfig) fold() calls.Config {
	return calls.Config{
		PBX: p.Name, Tenant: p.Tenant, Region: p.Region, OutsidePrefix: p.OutsidePrefix, CallerRules: p.callerRules(),
		Trunks: p.Trunks, Extensions: p.Extensions, Attributes: p.Attributes, Numbers: calls.NewNumbers(),
	}
}

func (p *PBXConfig) callerRules() []calls.CallerRule {
	rules := make([]calls.CallerRule, len(p.CallerRules))
	for i, r := range p.CallerRules {
		rules[i] = calls.CallerRule(r)
	}
	return rules
}
