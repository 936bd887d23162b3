package calls

import (
	"fmt"
	"strings"

	"patchcord/crm"
)

// A CallerRule says how callers who come by a trunk are written there, where that is not
// how numbers are dialled in the PBX's region.
type CallerRule struct {
	Trunk  string // pattern as in Config.Trunks; "" is every trunk
	Region string // ISO 3166 code of numbers without a country code; "" is the PBX's
	Strip  string // what the number begins with, and loses; the rule is for no other number
	Add    string // what is put before it then
}

// dialling normalises the numbers of one PBX.
type dialling struct {
	region  string
	prefix  string
	rules   []CallerRule
	trunks  []pattern // of the rules
	numbers *Numbers
}

func newDialling(cfg Config) (dialling, error) {
	d := dialling{region: cfg.Region, prefix: cfg.OutsidePrefix, rules: cfg.CallerRules, numbers: cfg.Numbers}
	if d.numbers == nil {
		d.numbers = NewNumbers()
	}
	for i, r := range cfg.CallerRules {
		if r.Trunk == "" {
			d.trunks = append(d.trunks, pattern{})
			continue
		}
		p, err := parsePatterns("trunk", []string{r.Trunk})
		if err != nil {
			return d, fmt.Errorf("caller rule %d: %w", i, err)
		}
		d.trunks = append(d.trunks, p...)
	}
	return d, nil
}

// caller returns the number of who called by the channel: the first rule that fits both counts.
func (d *dialling) caller(channel, number string) crm.Number {
	tech, device := splitChannel(channel)
	for i, r := range d.rules {
		rest, ok := strings.CutPrefix(number, r.Strip)
		if _, fits := d.trunks[i].match(tech, device); !ok || !fits && r.Trunk != "" {
			continue
		}
		region := r.Region
		if region == "" {
			region = d.region
		}
		return d.numbers.E164(r.Add+rest, region)
	}
	return d.numbers.E164(number, d.region)
}

// called returns the number that somebody dialled for a line to the outside.
func (d *dialling) called(number string) crm.Number {
	return d.numbers.E164(strings.TrimPrefix(number, d.prefix), d.region)
}

// other returns a number of which neither is known.
func (d *dialling) other(number string) crm.Number { return d.numbers.E164(number, d.region) }
