package amitest

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Unregister takes the extension's phone off the network, or brings it back: its device is
// UNAVAILABLE while no call is at it, and no queue rings it. Calls that are placed to it
// directly are not kept from it.
func (p *PBX) Unregister(extension string, off bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.exchange
	if ph := x.phone(extension); ph != nil {
		x.now = time.Now()
		ph.off = off
		x.deviceMoved(ph)
	}
	p.hurry()
}

// LogIn makes user the one who is logged in at a device, "none" for nobody, in the way of
// FreePBX's device and user mode: it stands in the database, and no event tells of it.
func (p *PBX) LogIn(device, user string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.exchange.database == nil {
		p.exchange.database = map[string]string{}
	}
	p.exchange.database["/DEVICE/"+device+"/type"] = "adhoc"
	p.exchange.database["/DEVICE/"+device+"/user"] = user
}

func (s *session) dbGetTree(ctx context.Context, a action) error {
	prefix := "/"
	for _, part := range []string{a.get("Family"), a.get("Key")} {
		if part != "" {
			prefix += part + "/"
		}
	}
	l := s.build(a, "DBGetTreeComplete", func(x *exchange, l *list) {
		keys := make([]string, 0, len(x.database))
		for k := range x.database {
			if strings.HasPrefix(k, prefix) {
				keys = append(keys, k)
			}
		}
		slices.Sort(keys)
		for _, k := range keys {
			l.item(x, "DBGetTreeResponse", false, func() {
				x.kv("Key", k)
				x.kv("Val", x.database[k])
			})
		}
		if x.old {
			l.off = 1 - len(keys) // Asterisk 16 says 1 of any number, none included
		}
	})
	return s.sendList(ctx, a, "Result will follow", l)
}
