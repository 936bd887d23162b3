package main

import (
	"crypto/tls"
	"os"
	"strings"
	"time"
)

// expiresSoon is how long before its end a certificate is warned of.
const expiresSoon = 30 * 24 * time.Hour

// checkFiles looks at what stands beside the configuration, and at what the environment adds to it.
func checkFiles(cfg *Config, r *report) {
	if len(cfg.unknown) > 0 {
		r.say(warning, "environment", "%s: no key of the configuration is called so; one that is: PATCHCORD_PBXS_0_NAME", strings.Join(cfg.unknown, ", "))
	}
	for _, path := range cfg.secretFiles() {
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o007 != 0 {
			r.say(warning, "secrets", "%s is open to every user of this machine: chmod o= %s", path, path)
		}
	}
	if cfg.TLS == nil {
		return
	}
	pair, err := tls.LoadX509KeyPair(cfg.TLS.CertFile, cfg.TLS.KeyFile)
	if err != nil {
		r.say(broken, "tls", "%s and %s: %v", cfg.TLS.CertFile, cfg.TLS.KeyFile, err)
		return
	}
	r.say(fine, "tls", "%s and its key belong together", cfg.TLS.CertFile)
	warnExpiry(r, "tls", cfg.TLS.CertFile, pair.Leaf.NotAfter)
}

func warnExpiry(r *report, about, what string, end time.Time) {
	switch left := time.Until(end); {
	case end.IsZero():
	case left <= 0:
		r.say(broken, about, "%s ended on %s", what, end.Format(time.DateOnly))
	case left < expiresSoon:
		r.say(warning, about, "%s ends on %s", what, end.Format(time.DateOnly))
	}
}

// secretFiles names every file that holds a secret.
func (c *Config) secretFiles() []string {
	var list []string
	add := func(path string) {
		if path != "" {
			list = append(list, path)
		}
	}
	for i := range c.PBXs {
		add(c.PBXs[i].Reader.SecretFile)
		add(c.PBXs[i].Actor.SecretFile)
	}
	for i := range c.Webhooks {
		add(c.Webhooks[i].SecretFile)
	}
	for i := range c.CRMs {
		add(c.CRMs[i].SecretFile)
	}
	if c.TLS != nil {
		add(c.TLS.KeyFile)
	}
	return list
}
