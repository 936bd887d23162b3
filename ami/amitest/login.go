package amitest

import (
	"context"
	"crypto/md5" //nolint:gosec // AMI's challenge is MD5
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

func (s *session) doChallenge(ctx context.Context, a action) error {
	if !strings.EqualFold(a.get("AuthType"), "MD5") {
		return s.fail(ctx, a, "Must specify AuthType")
	}
	s.challenge = fmt.Sprint(rand.IntN(1 << 30))
	return s.reply(ctx, a, "Success", "Challenge: "+s.challenge)
}

// login answers a Login. Whatever is wrong, the client hears the same words after
// the same delay, and is closed.
func (s *session) login(ctx context.Context, a action) error {
	if s.user.Name != "" {
		return s.reply(ctx, a, "Success", "Message: Already logged in")
	}
	user, ok := s.authenticate(a)
	s.p.mu.Lock()
	inUse := s.p.faults.loginInUse || ok && s.p.cfg.SingleLogin && s.p.holds(user.Name)
	refuse := !ok || s.p.faults.refuseLogins
	s.p.mu.Unlock()
	if inUse || refuse {
		if err := s.sleep(ctx, s.p.cfg.LoginDelay); err != nil {
			return err
		}
		message := "Authentication failed"
		if inUse {
			message = "Login Already In Use"
		}
		if err := s.fail(ctx, a, message); err != nil {
			return err
		}
		return errGone
	}
	if err := s.reply(ctx, a, "Success", "Message: Authentication accepted"); err != nil {
		return err
	}
	return s.join(ctx, a, user)
}

func (s *session) authenticate(a action) (User, bool) {
	for _, u := range s.p.cfg.Users {
		if !strings.EqualFold(u.Name, a.get("Username")) {
			continue
		}
		given, want := a.get("Secret"), u.Secret
		if strings.EqualFold(a.get("AuthType"), "MD5") {
			sum := md5.Sum([]byte(s.challenge + u.Secret)) //nolint:gosec // AMI's challenge is MD5
			given, want = a.get("Key"), hex.EncodeToString(sum[:])
			if s.challenge == "" {
				return User{}, false
			}
		}
		return u, subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1
	}
	return User{}, false
}

// join makes the session hear events.
func (s *session) join(ctx context.Context, a action, user User) error {
	mask := user.Read
	if v := a.get("Events"); v != "" {
		mask &= ParseClass(v)
	}
	now := time.Now()
	p := s.p
	p.mu.Lock()
	s.user, s.mask = user, mask
	booted := !now.Before(p.exchange.booted) && mask.Has(System)
	uptime := int(now.Sub(p.exchange.boot).Seconds())
	p.mu.Unlock()
	if booted && !p.cfg.WithoutGreeting {
		err := s.write(ctx, fmt.Appendf(nil, "Event: FullyBooted\r\nPrivilege: system,all\r\n%s"+
			"Uptime: %d\r\nLastReload: %d\r\nStatus: Fully Booted\r\n\r\n", p.exchange.headers(now), uptime, uptime))
		if err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions[s] = true
	p.note()
	if !p.cfg.WithoutGreeting {
		p.exchange.successfulAuth(s.user.Name, s.conn.RemoteAddr().String(), now)
	}
	return nil
}

// holds reports whether somebody is logged in by that name; mu is held.
func (p *PBX) holds(name string) bool {
	for s, in := range p.sessions {
		if in && s.user.Name == name {
			return true
		}
	}
	return false
}
