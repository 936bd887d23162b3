package ami

import (
	"errors"
	"slices"
	"time"
)

// A Phase is where a session stands.
type Phase string

// The phases, in the order of a session that goes well, and then of one that does not.
const (
	PhaseConnecting Phase = "connecting" // dialling, then waiting for the banner
	PhaseLogin      Phase = "login"      // logging in
	PhaseBooting    Phase = "booting"    // logged in; the PBX has not said that it is fully booted
	PhaseUp         Phase = "up"

	PhaseDown     Phase = "down"     // no connection; tried again soon
	PhaseCapacity Phase = "capacity" // the PBX takes no more sessions; tried again soon
	PhaseInUse    Phase = "in_use"   // another session of this user is open; tried again in 5 to 15 s
	PhaseRefused  Phase = "refused"  // the login is wrong; tried again slowly, or when the secret changes
	PhaseStopped  Phase = "stopped"  // Run has returned
)

// A Class says what kind of failure it was.
type Class string

// The classes of failure.
const (
	ClassNetwork  Class = "network"  // no connection, or it broke
	ClassDead     Class = "dead"     // connected, but the peer is silent
	ClassDeaf     Class = "deaf"     // connected, but its events do not tell what its lists show; see Session.Deaf
	ClassShutdown Class = "shutdown" // the PBX said that it stops
	ClassCapacity Class = "capacity" // closed before the banner
	ClassBanner   Class = "banner"   // what answered is no Asterisk manager
	ClassTLS      Class = "tls"      // certificate or protocol
	ClassLogin    Class = "login"    // the login was not answered as it should be
	ClassAuth     Class = "auth"     // the login was refused
	ClassInUse    Class = "in_use"   // the user is logged in already
	ClassSecret   Class = "secret"   // the secret could not be read
)

// A State is what is known about a session. It holds no secret and no personal data.
type State struct {
	Phase   Phase
	Since   time.Time // UTC, when the phase began
	Down    time.Time // UTC, since when the session is not up, whatever was tried meanwhile; zero while up
	Attempt int       // since the session was last up, from 1
	RetryAt time.Time // when the next attempt is due; zero unless waiting

	Class Class  // of the failure that ended the last attempt or connection; "" while up
	Text  string // what happened and what to do about it
	Err   error  // the failure itself, nil while up

	Version     string    // of AMI, from the banner
	Boot        time.Time // UTC, when the Asterisk process started, give or take 3 s; zero when unknown
	BootMark    string    // CoreStartupDate and Time, in the PBX's own zone: compare, do not parse; "" when not asked
	LastByte    time.Time // UTC, when anything was last received
	HeardUntil  time.Time // UTC, until when all that the PBX said was received: LastByte, or the begin of a silence whose backlog may not all be here
	CertExpires time.Time // of the server's certificate; zero without TLS
	Missing     []string  // rights that the account needs or had, and does not have
}

// Degraded reports whether the session is up but lacks rights; Missing names them.
func (s State) Degraded() bool { return s.Phase == PhaseUp && len(s.Missing) > 0 }

// Waiting reports whether the session is between two attempts.
func (s State) Waiting() bool {
	return slices.Contains([]Phase{PhaseDown, PhaseCapacity, PhaseInUse, PhaseRefused}, s.Phase)
}

// A failure ends an attempt or a connection.
type failure struct {
	class Class
	text  string
	err   error
}

func (f *failure) Error() string { return string(f.class) + ": " + f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(class Class, err error) error {
	return &failure{class: class, text: advice[class], err: err}
}

// asFailure returns err as a failure; one that nobody classified is the network's.
func asFailure(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	return &failure{class: ClassNetwork, text: advice[ClassNetwork], err: err}
}

func (f *failure) phase() Phase {
	switch f.class {
	case ClassAuth, ClassSecret:
		return PhaseRefused
	case ClassInUse:
		return PhaseInUse
	case ClassCapacity:
		return PhaseCapacity
	}
	return PhaseDown
}

// Advice tells an administrator what to do.
func (c Class) Advice() string { return advice[c] }

var advice = map[Class]string{
	ClassNetwork:  "The PBX cannot be reached. Check its address, that Asterisk runs, that manager.conf has enabled = yes and a bindaddr that is reachable, and the firewall between.",
	ClassDead:     "The PBX stopped answering: the network between is broken, or the machine hangs.",
	ClassDeaf:     "The PBX has calls and tells nothing of them. In manager.conf the user needs read = system,call,agent,user and no eventfilter that keeps back what calls do; then run: asterisk -rx 'manager reload'",
	ClassShutdown: "The PBX was stopped or is restarting. The connection is made again as soon as it is back.",
	ClassCapacity: "The PBX closed the connection before its banner: it has too many sessions that are not logged in. Look for other clients that retry in a loop, or raise authlimit in manager.conf.",
	ClassBanner:   "What answers on this port is no Asterisk manager. Check the port (5038, or 5039 for TLS) and whether it wants TLS.",
	ClassTLS:      "TLS could not be established. Check that the port is the TLS port, and that the certificate is valid now, for this name, and from an authority that is trusted here; a self-signed certificate must be named as its own authority.",
	ClassLogin:    "The PBX did not answer the login as Asterisk does. It may be starting or stopping.",
	ClassAuth:     "The PBX refused the login. It does not say why: check user name and secret, and the permit and deny lines of that user in manager.conf.",
	ClassInUse:    "This user is logged in already and allowmultiplelogin is off. End the other session, give this program a user of its own, or set allowmultiplelogin = yes in manager.conf.",
	ClassSecret:   "The secret of the manager user could not be read. Check the file or variable that holds it.",
}
