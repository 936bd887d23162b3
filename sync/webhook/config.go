// Package webhook sends events to a URL: CloudEvents 1.0 in structured JSON, as
// the event log has them, signed by the Standard Webhooks scheme
// (https://www.standardwebhooks.com, symmetric signatures v1).
//
// A receiver may get an event more than once; its webhook-id stays the same. Events of one call come in
// order, others in any. It refuses to be led into the own network: see Config.AllowPrivate.
package webhook

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"patchcord/crm"
)

// Config is one receiver; Name, URL and a secret are required.
type Config struct {
	Name    string          // the destination, unique among all tenants
	URL     string          // https, port 443 or 8443, unless the host is allowed below
	Secrets []crm.Secret    // "whsec_" and base64 of 24 to 64 bytes; two while one replaces the other, both sign
	Types   []crm.EventType // empty means every type

	// AllowHosts names hosts (without port) that may be at private addresses and on any port, and be spoken
	// to without TLS there. AllowPrivate says the same of the URL's host, whatever its name.
	AllowHosts   []string
	AllowPrivate bool

	RootCAs *x509.CertPool // nil means the system's
	Timeout time.Duration  // of one attempt, from look-up to the last byte; 0 means 15 s
}

// Validate reports everything that is wrong.
func (c Config) Validate() error {
	var errs []error
	if c.Name == "" {
		errs = append(errs, &crm.InputError{Field: "name", Msg: "give the webhook a name"})
	}
	if err := c.validateURL(); err != nil {
		errs = append(errs, &crm.InputError{Field: "url", Msg: err.Error()})
	}
	if len(c.Secrets) == 0 || len(c.Secrets) > 2 {
		errs = append(errs, &crm.InputError{Field: "secrets", Msg: "give one secret, or two while one replaces the other"})
	}
	for i, s := range c.Secrets {
		if _, err := key(s); err != nil {
			errs = append(errs, &crm.InputError{Field: fmt.Sprintf("secrets.%d", i), Msg: err.Error()})
		}
	}
	return errors.Join(errs...)
}

func (c Config) validateURL() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return errors.New("want an address like https://example.net/hook")
	case u.User != nil:
		return errors.New("take user and password out of the address: the signature proves who sends")
	case u.Fragment != "":
		return errors.New("take the part after # out of the address")
	case !ascii(u.Hostname()):
		return errors.New("write the host's name in ASCII (xn--…)")
	case (u.Scheme == "https" || u.Scheme == "http") && c.allowed(u):
		return nil
	case u.Scheme != "https":
		return errors.New("want https; http only to an allowed host in the own network")
	case !slices.Contains([]string{"443", "8443"}, cmp.Or(u.Port(), "443")):
		return fmt.Errorf("port %s is not 443 or 8443, and the host is not allowed others", u.Port())
	}
	return nil
}

// allowed reports whether the URL's host may be in the own network.
func (c Config) allowed(u *url.URL) bool {
	return c.AllowPrivate || slices.ContainsFunc(c.AllowHosts, func(h string) bool {
		return strings.EqualFold(strings.TrimSuffix(h, "."), strings.TrimSuffix(u.Hostname(), "."))
	})
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
