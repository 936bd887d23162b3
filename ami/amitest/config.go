package amitest

import (
	"cmp"
	"io"
	"time"
)

// Limits of Asterisk's manager.c, the defaults of Config.
const (
	DefaultWriteTimeout = 100 * time.Millisecond
	DefaultAuthTimeout  = 30 * time.Second
	DefaultLoginDelay   = time.Second
	DefaultAuthLimit    = 50

	maxActionLine    = 1024
	maxActionHeaders = 128
	maxSessionQueue  = 1 << 18 // events; Asterisk has no bound, so a session that gets here is closed
)

// User is one section of manager.conf.
type User struct {
	Name, Secret string
	Read, Write  Class // 0 means every class
}

// DefaultUser returns who may log in when Config.Users is empty: "crm" with the
// secret "crmsecret", every class.
func DefaultUser() User { return User{Name: "crm", Secret: "crmsecret"} }

// Config says what the PBX is like. The zero Config is an Asterisk 22 with one
// user, DefaultUser, and no calls.
type Config struct {
	Name       string // of the PBX in ledger ids; default "pbx"
	AMIVersion string // after "Asterisk Call Manager/"; default "11.0.0", Asterisk 16 says "5.0.4"
	Version    string // of Asterisk, in CoreSettings; default "22.10.1"
	SystemName string // prefix of uniqueids and a header of every event, when not empty
	Timestamps bool   // a Timestamp header on every event (timestampevents=yes)
	Users      []User // default DefaultUser

	WriteTimeout    time.Duration // default 100 ms
	AuthTimeout     time.Duration // a client that has not logged in by then is closed; default 30 s
	LoginDelay      time.Duration // before a refusal; default 1 s
	AuthLimit       int           // clients that have not logged in; one more is closed unheard; default 50
	SingleLogin     bool          // allowmultiplelogin=no
	Traffic         *Traffic      // the calls it places; nil for none
	LedgerLog       io.Writer     // gets a JSON line for every call that ended, as it ends; nil for none
	OnEvent         func(Event)   // sees every event as it is sent, in order; must be quick; nil for none
	WithoutGreeting bool          // no FullyBooted and SuccessfulAuth of its own: a recording brings them
}

func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, "pbx")
	c.AMIVersion = cmp.Or(c.AMIVersion, "11.0.0")
	c.Version = cmp.Or(c.Version, "22.10.1")
	c.WriteTimeout = cmp.Or(c.WriteTimeout, DefaultWriteTimeout)
	c.AuthTimeout = cmp.Or(c.AuthTimeout, DefaultAuthTimeout)
	c.LoginDelay = cmp.Or(c.LoginDelay, DefaultLoginDelay)
	c.AuthLimit = cmp.Or(c.AuthLimit, DefaultAuthLimit)
	if len(c.Users) == 0 {
		c.Users = []User{DefaultUser()}
	}
	users := make([]User, len(c.Users))
	for i, u := range c.Users {
		u.Read = cmp.Or(u.Read, AllClasses)
		u.Write = cmp.Or(u.Write, AllClasses)
		users[i] = u
	}
	c.Users = users
	return c
}
