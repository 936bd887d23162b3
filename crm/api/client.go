package api

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// client is where a request came from.
type client struct {
	ip     netip.Addr
	origin string // Origin header, "" when it was not a browser's page
	host   string // scheme and host that the client used
	secure bool   // the client's side is https
}

// clientOf believes X-Forwarded-For and -Proto from the configured proxies only.
func (a *API) clientOf(r *http.Request) client {
	c := client{origin: strings.ToLower(r.Header.Get("Origin")), secure: r.TLS != nil}
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err == nil {
		c.ip = addr.Addr().Unmap()
	}
	if a.isProxy(c.ip) {
		c.ip = a.forwardedFor(r, c.ip)
		c.secure = c.secure || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
	}
	if a.publicURL != nil && a.publicURL.Scheme == "https" {
		c.secure = true
	}
	c.host = "http://" + strings.ToLower(r.Host)
	if c.secure {
		c.host = "https://" + strings.ToLower(r.Host)
	}
	return c
}

func (a *API) isProxy(ip netip.Addr) bool {
	return ip.IsValid() && slices.ContainsFunc(a.proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// forwardedFor returns the last address in X-Forwarded-For that is not a proxy's:
// what stands before it was said by nobody we trust.
func (a *API) forwardedFor(r *http.Request, direct netip.Addr) netip.Addr {
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		ip, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return direct
		}
		if ip = ip.Unmap(); !a.isProxy(ip) {
			return ip
		}
	}
	return direct
}

// ownPage reports whether the request came from a page of this site: it has no
// Origin (then it is no page's), or the right one.
func (a *API) ownPage(c client) bool {
	return c.origin == "" || c.origin == a.origin() || c.origin == c.host
}
