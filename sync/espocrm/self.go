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
		Table json.RawMessage `json:"table"` // by scope an object of levels by action, or true
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
// may not create a Call, or does not show it every one: a look-up would miss what belongs to others, and it would be written a second time.
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
	switch may := u.calls(); {
	case may.Read == "no" || may.Create == "no":
		return "", (&crmsync.PushError{Reason: "our user's role may not read, or not create calls"}).SetUp("let it read, create and edit all calls")
	case may.Read != "" && may.Read != "all":
		return "", (&crmsync.PushError{Reason: "our user's role reads calls at the level " + may.Read}).SetUp(
			"a call that it does not see would be written twice: let it read all calls")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.self = self{u.User.ID, time.Now().Add(selfLasts)}
	return e.self.id, nil
}

// levels is what the role may do with calls: all, team, own or no, and to create yes or no; "" when it is not told.
type levels struct {
	Create string `json:"create"`
	Read   string `json:"read"`
}

func (u appUser) calls() levels {
	var scopes map[string]json.RawMessage
	if json.Unmarshal(u.ACL.Table, &scopes) != nil {
		return levels{}
	}
	table, named := scopes["Call"]
	if !named { // what a role does not give is left out (Tools/App/AppService.php), and an administrator's has everything
		return levels{"no", "no"}
	}
	var may levels
	_ = json.Unmarshal(table, &may) // no object: not told
	return may
}
