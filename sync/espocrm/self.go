package espocrm

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	crmsync "patchcord/sync"
)

const whoWeAre = "/App/user"

// appUser is what App/user says of who asks.
type appUser struct {
	Token string `json:"token"`
	User  struct {
		ID string `json:"id"`
	} `json:"user"`
	ACL struct {
		Table struct {
			Call json.RawMessage `json:"Call"` // an object of levels by action; of a scope without levels true or false
		} `json:"table"`
	} `json:"acl"`
}

func readUser(a crmsync.Answer) (appUser, error) {
	var u appUser
	if err := json.Unmarshal(a.Body, &u); err != nil || u.User.ID == "" {
		return u, (&crmsync.PushError{Reason: "what answers is no EspoCRM", Err: err}).SetUp("is the address right?")
	}
	return u, nil
}

// self is our own user, as it was told last.
type self struct {
	id    string
	until time.Time // when it is asked again: roles change
}

const selfLasts = time.Hour

// me returns the id of our own user, who gets the calls of nobody: a Call must be assigned to someone. It is an error when its role
// does not show it every Call: a look-up would miss what belongs to others, and it would be written a second time.
func (e *Connector) me(ctx context.Context) (string, error) {
	e.mu.Lock()
	known := e.self
	e.mu.Unlock()
	if time.Now().Before(known.until) {
		return known.id, nil
	}
	a, err := e.do(ctx, http.MethodGet, whoWeAre, nil)
	if err != nil {
		return "", err
	}
	u, err := readUser(a)
	if err != nil {
		return "", err
	}
	if level := u.reads(); level != "" && level != "all" {
		return "", (&crmsync.PushError{Reason: "our user's role reads calls at the level " + level}).SetUp(
			"a call that it does not see would be written twice: let it read all calls")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.self = self{u.User.ID, time.Now().Add(selfLasts)}
	return e.self.id, nil
}

// reads is the level at which the role reads calls: all, team, own or no; "" when it is not told.
func (u appUser) reads() string {
	var levels struct {
		Read string `json:"read"`
	}
	_ = json.Unmarshal(u.ACL.Table.Call, &levels) // no object, or none: not told
	return levels.Read
}
