package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// errBlocked: the address is none that a webhook may go to.
var errBlocked = errors.New("the address is not allowed")

// private is the own network: only an allowed host may be there. From the special-purpose
// registries of IANA (RFC 6890 and what it lists), as is forbidden.
var private = prefixes(
	"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", // loopback, RFC 1918
	"100.64.0.0/10", // carrier-grade NAT, RFC 6598
	"::1/128", "fc00::/7",
)

// forbidden is nobody's web server: cloud metadata and other link-local services, multicast, reserved,
// documentation, and IPv6 forms that a router turns into some IPv4 address that we do not see.
var forbidden = prefixes(
	"0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16",
	"fe80::/10", "fec0::/10", "ff00::/8",
)

var (
	nat64   = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052: the last 32 bits are an IPv4 address
	sixToFo = netip.MustParsePrefix("2002::/16")    // RFC 3056: bits 16 to 47 are
)

func prefixes(s ...string) (p []netip.Prefix) {
	for _, v := range s {
		p = append(p, netip.MustParsePrefix(v))
	}
	return p
}

type scope int

const (
	public scope = iota
	own
	never
)

// scopeOf tells where an address leads.
func scopeOf(a netip.Addr) scope {
	a = a.WithZone("").Unmap()
	switch b := a.As16(); {
	case !a.IsValid():
		return never
	case a == netip.IPv6Loopback(): // also within ::/96
		return own
	case nat64.Contains(a):
		return scopeOf(netip.AddrFrom4([4]byte(b[12:16])))
	case sixToFo.Contains(a):
		return scopeOf(netip.AddrFrom4([4]byte(b[2:6])))
	case within(forbidden, a):
		return never
	case within(private, a):
		return own
	case a.Is6() && !netip.MustParsePrefix("2000::/3").Contains(a): // the only global unicast there is
		return never
	}
	return public
}

func within(ps []netip.Prefix, a netip.Addr) bool {
	for _, p := range ps {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// control checks every address that is about to be connected to. It is a net.Dialer's
// Control, so it sees what the name was resolved to, and a name that changes between does not help.
func control(ownAllowed, plain bool) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %s", errBlocked, address)
		}
		switch s := scopeOf(ap.Addr()); {
		case s == own && ownAllowed:
			return nil
		case s == public && !plain: // without TLS in the own network only
			return nil
		}
		return fmt.Errorf("%w: %s", errBlocked, ap.Addr())
	}
}
