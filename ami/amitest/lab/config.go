package lab

import "slices"

// Config chooses the server. The zero value is Asterisk 22 with pjsip and the
// plain dialplan on a free instance.
type Config struct {
	Version  string // "22" (default) or "16"
	Driver   string // "pjsip" (default) or "sip", which only 16 has
	Dialplan string // "plain" (default) or "distro", which needs pjsip

	// Instance is the number of the lab instance, which fixes its ports; 0
	// means any free one. A number in use fails the test.
	Instance int

	// Set holds settings of the lab's --set (TIMESTAMPEVENTS, CHANNELVARS,
	// CDR_MANAGER, CEL_MANAGER, CDR_UNANSWERED, SYSTEMNAME) by name.
	Set map[string]string
}

// up returns the lab's arguments that start instance n as c says.
func (c Config) up(n int) []string {
	args := append([]string{"up", or(c.Version, "22")}, instanceArg(n)...)
	args = append(args, "--driver", or(c.Driver, "pjsip"), "--dialplan", or(c.Dialplan, "plain"))
	names := make([]string, 0, len(c.Set))
	for name := range c.Set {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		args = append(args, "--set", name+"="+c.Set[name])
	}
	return args
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
