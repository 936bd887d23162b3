package api

import (
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestClientBehindProxies(t *testing.T) {
	b := newBench(t, func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	for _, c := range []struct {
		name, remote, forwarded, proto string
		ip                             string
		secure                         bool
	}{
		{"direct", "192.0.2.1:5", "", "", "192.0.2.1", false},
		{"a stranger's header", "192.0.2.1:5", "198.51.100.9", "https", "192.0.2.1", false},
		{"one proxy", "10.0.0.1:5", "198.51.100.9", "https", "198.51.100.9", true},
		{"two proxies", "10.0.0.1:5", "198.51.100.9, 10.0.0.2", "http", "198.51.100.9", false},
		{"a forged start", "10.0.0.1:5", "127.0.0.1, 198.51.100.9", "", "198.51.100.9", false},
		{"garbage", "10.0.0.1:5", "who knows", "", "10.0.0.1", false},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:5", "198.51.100.9", "", "198.51.100.9", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = c.remote
			r.Header.Set("X-Forwarded-For", c.forwarded)
			r.Header.Set("X-Forwarded-Proto", c.proto)
			if got := b.api.clientOf(r); got.ip.String() != c.ip || got.secure != c.secure {
				t.Errorf("got %s, secure %v; want %s, %v", got.ip, got.secure, c.ip, c.secure)
			}
		})
	}
}
