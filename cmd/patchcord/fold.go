package main

import (
	"bufio"
	"encoding/json"
	"fmt"

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
	return `Prints one call record a line on stdout, in order of started_at, and nothing else. With --config, the settings of
the PBX of that name (region, trunks, extensions, attributes) are used.

Example:
  patchcord fold testdata/traces/22/inbound-queue-answered.ami`
}

// Run folds each trace on its own, in the order given.
func (f *foldCmd) Run(t *terminal) error {
	cfg, err := f.foldConfig(t)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(t.out)
	for _, path := range f.Traces {
		records, err := foldFile(cfg, path)
		if err != nil {
			return err
		}
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		for _, c := range records {
			if err := enc.Encode(c); err != nil {
				return fmt.Errorf("write record: %w", err)
			}
		}
	}
	return out.Flush()
}

func foldFile(cfg calls.Config, path string) ([]*crm.Call, error) {
	tr, err := ami.OpenTrace(path)
	if err != nil {
		return nil, err
	}
	records, err := calls.Fold(cfg, tr)
	if err != nil {
		return nil, fmt.Errorf("fold %s: %w", path, err)
	}
	return records, nil
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
