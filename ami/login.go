package ami

import (
	"crypto/md5" //nolint:gosec // the manager protocol's challenge is defined with it
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// errLoginReply says that a login was answered by something else than yes or no.
var errLoginReply = errors.New("unexpected answer to the login")

// open waits for the banner and logs in.
func (l *link) open(secret string) error {
	l.due = time.Now().Add(l.s.cfg.BannerTimeout)
	version, err := l.r.ReadBanner()
	if err != nil {
		return l.noBanner(err)
	}
	l.s.update(func(st *State) {
		st.Phase, st.Version, st.CertExpires = PhaseLogin, version, certExpires(l.conn)
	})
	if err := l.login(secret); err != nil {
		return err
	}
	now := time.Now()
	l.loggedIn, l.bootBy = true, now.Add(l.s.cfg.BootTimeout)
	if strings.EqualFold(l.s.cfg.Events, "off") {
		l.bootBy = now // FullyBooted is an event
	}
	l.schedule()
	l.s.counts.connections.Add(1)
	l.s.update(func(st *State) { st.Phase = PhaseBooting })
	return nil
}

func (l *link) noBanner(err error) error {
	switch {
	case errors.Is(err, ErrNotAsterisk):
		return fail(ClassBanner, err)
	case !l.heard.IsZero():
		return fail(ClassBanner, fmt.Errorf("%w: its first line did not end: %w", ErrNotAsterisk, err))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fail(ClassBanner, fmt.Errorf("no banner within %v: %w", l.s.cfg.BannerTimeout, err))
	}
	return fail(ClassCapacity, fmt.Errorf("closed before the banner: %w", err))
}

func (l *link) login(secret string) error {
	login := NewAction("Login", "Username", l.s.cfg.Username)
	if l.s.cfg.Auth == AuthMD5 {
		challenge, err := l.request(NewAction("Challenge", "AuthType", "MD5"))
		if err != nil {
			return err
		}
		sum := md5.Sum([]byte(challenge.Get("Challenge") + secret)) //nolint:gosec // as above
		login.Fields = append(login.Fields, Field{"AuthType", "MD5"}, Field{"Key", hex.EncodeToString(sum[:])})
	} else {
		login.Fields = append(login.Fields, Field{"Secret", secret})
	}
	login.Fields = append(login.Fields, Field{"Events", l.s.cfg.Events})
	_, err := l.request(login)
	return err
}

// request sends an action of the login and waits for its reply.
func (l *link) request(a Action) (Message, error) {
	id := NewActionID()
	wire, err := Encode(nil, a.with("ActionID", id))
	if err != nil {
		return Message{}, fail(ClassAuth, err) // a secret with a line end, say
	}
	if err := l.send(wire); err != nil {
		return Message{}, fail(ClassLogin, fmt.Errorf("send %s: %w", a.Name, err))
	}
	l.due = time.Now().Add(l.s.cfg.LoginTimeout)
	for {
		v, err := l.r.Next()
		if err != nil {
			return Message{}, fail(ClassLogin, fmt.Errorf("answer to %s: %w", a.Name, err))
		}
		if !v.IsReply() || string(v.Field(KeyActionID)) != id {
			continue // nothing else is sent before a login; the deadline bounds it
		}
		return l.judge(a.Name, v.Keep())
	}
}

// judge tells a refusal from an acceptance. Asterisk says "Authentication failed" for
// a wrong secret, an unknown user and a refused address alike.
func (l *link) judge(action string, m Message) (Message, error) {
	text := m.Get("Message")
	switch {
	case strings.EqualFold(m.Response(), "Success"):
		return m, nil
	case strings.Contains(strings.ToLower(text), "already in use"):
		return m, fail(ClassInUse, &ReplyError{Action: action, Text: text})
	case strings.EqualFold(m.Response(), "Error"):
		return m, fail(ClassAuth, &ReplyError{Action: action, Text: text})
	}
	return m, fail(ClassLogin, fmt.Errorf("%w: %.40q", errLoginReply, m.Response()))
}
