package webhook

import (
	"errors"
	"net/netip"
	"testing"
)

func TestScopeOfAddresses(t *testing.T) {
	want := map[scope][]string{
		public: {
			"8.8.8.8", "1.1.1.1", "93.184.216.34", "172.15.255.255", "172.32.0.1", "192.167.1.1", "100.63.255.255", "100.128.0.1",
			"11.0.0.1", "9.255.255.255", "126.255.255.255", "128.0.0.1", "169.253.0.1", "223.255.255.255", "198.17.255.255",
			"2606:4700::1111", "2a00:1450::1", "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8",
		},
		own: {
			"127.0.0.1", "127.255.255.254", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1",
			"100.64.0.1", "100.127.255.255", "::1", "fc00::1", "fd12:3456:789a::1", "fdff::1",
			"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:192.168.1.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::1", "2002:c0a8:101::",
		},
		never: {
			"0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.0.1", "192.0.0.1", "192.0.0.170", "192.0.2.1", "192.88.99.1",
			"198.18.0.1", "198.51.100.1", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
			"::", "::127.0.0.1", "::8.8.8.8", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1", "100::1", "2001::1", "2001:db8::1",
			"3fff::1", "5f00::1", "4000::1", "64:ff9b:1::a00:1", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::ffff:169.254.169.254", "::ffff:0.0.0.0",
		},
	}
	for scope, addresses := range want {
		for _, a := range addresses {
			if got := scopeOf(netip.MustParseAddr(a)); got != scope {
				t.Errorf("%s: got scope %d, want %d", a, got, scope)
			}
		}
	}
}

func TestControl(t *testing.T) {
	tests := map[string]struct {
		ownAllowed, plain bool
		address           string
		ok                bool
	}{
		"public":                           {false, false, "8.8.8.8:443", true},
		"own":                              {false, false, "10.0.0.1:443", false},
		"own, allowed":                     {true, false, "10.0.0.1:443", true},
		"own, allowed, without TLS":        {true, true, "[::1]:80", true},
		"public, without TLS":              {true, true, "8.8.8.8:80", false},
		"metadata of the cloud":            {true, true, "169.254.169.254:80", false},
		"metadata of the cloud, with TLS":  {true, false, "[::ffff:a9fe:a9fe]:443", false},
		"an address with a zone":           {true, false, "[fe80::1%eth0]:443", false},
		"something that is not an address": {true, false, "example.net:443", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := control(tt.ownAllowed, tt.plain)("tcp", tt.address, nil)
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, errBlocked) {
				t.Errorf("got %v, want ok %t", err, tt.ok)
			}
		})
	}
}
