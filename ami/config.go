package ami

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"time"
)

// Auth is how a session proves who it is.
type Auth int

// The ways to log in. Neither replaces TLS: MD5 hides the secret, not the traffic.
const (
	AuthAuto  Auth = iota // AuthMD5 on plain TCP, AuthPlain inside TLS
	AuthPlain             // the secret is sent as it is
	AuthMD5               // the secret is mixed with a challenge, and does not travel
)

// Config says where a Session connects and as whom. Address, Username and Secret must
// be set; every other zero field means its default. It must not change once in use.
type Config struct {
	Name     string // of the PBX, for log lines; Address
	Address  string // host or host:port; 5038, with TLS 5039
	Username string

	// Secret is asked before every login, and about every 5 s while a login stands
	// refused: a new answer is tried at once. It must not block for long.
	Secret func() (string, error)

	Auth Auth
	TLS  *tls.Config // nil: plain TCP. Certificates are verified; ServerName is Address's host
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Events is the event mask of the login: "on", "off" or classes such as
	// "system,call,agent"; "on". A session with "off" is for commands alone.
	Events string

	// Needs names actions that the account must be allowed to run. Those it may not
	// are named in State.Missing.
	Needs []string

	DialTimeout   time.Duration // TCP and TLS; 5 s
	BannerTimeout time.Duration // 5 s
	LoginTimeout  time.Duration // for each reply; Asterisk sleeps 1 s before it refuses; 10 s
	BootTimeout   time.Duration // without FullyBooted, before CoreStatus is asked; 10 s
	PingInterval  time.Duration // of silence before a Ping; 5 s
	PingTimeout   time.Duration // of silence after it, before the peer counts as dead; 5 s
	ActionTimeout time.Duration // for the reply to an action; 10 s
	ListTimeout   time.Duration // for a whole list; 30 s

	Limits ReaderConfig // of the reader; its OnTrouble is not used
	Log    *slog.Logger // one line when an outage begins, changes its nature or ends; none
}

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	var problems []error
	if c.Address == "" {
		problems = append(problems, errors.New("address is empty: give the PBX's host or host:port"))
	}
	if c.Username == "" {
		problems = append(problems, errors.New("username is empty: give a section name of manager.conf"))
	}
	if c.Secret == nil {
		problems = append(problems, errors.New("secret is missing"))
	}
	for _, f := range []Field{{"Username", c.Username}, {"Events", c.Events}} {
		if _, err := appendLine(nil, f); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

func (c Config) withDefaults() Config {
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		port := "5038"
		if c.TLS != nil {
			port = "5039"
		}
		c.Address = net.JoinHostPort(c.Address, port)
	}
	if c.Auth == AuthAuto {
		c.Auth = AuthMD5
		if c.TLS != nil {
			c.Auth = AuthPlain
		}
	}
	c.Name = cmp.Or(c.Name, c.Address)
	c.Events = cmp.Or(c.Events, "on")
	c.DialTimeout = cmp.Or(c.DialTimeout, 5*time.Second)
	c.BannerTimeout = cmp.Or(c.BannerTimeout, 5*time.Second)
	c.LoginTimeout = cmp.Or(c.LoginTimeout, 10*time.Second)
	c.BootTimeout = cmp.Or(c.BootTimeout, 10*time.Second)
	c.PingInterval = cmp.Or(c.PingInterval, 5*time.Second)
	c.PingTimeout = cmp.Or(c.PingTimeout, 5*time.Second)
	c.ActionTimeout = cmp.Or(c.ActionTimeout, 10*time.Second)
	c.ListTimeout = cmp.Or(c.ListTimeout, 30*time.Second)
	if c.Dial == nil {
		c.Dial = dialTCP
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
