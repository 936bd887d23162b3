package espocrm

import (
	"context"
	"maps"
	"net/http"
	"net/url"

	crmsync "patchcord/sync"
)

// Write implements crmsync.Connector, one request for each.
func (e *Connector) Write(ctx context.Context, list []crmsync.Activity) []error {
	return crmsync.Each(ctx, list, e.write)
}

// write creates the Call or changes it. What is refused for its contact or its owner is written without.
func (e *Connector) write(ctx context.Context, a crmsync.Activity) error {
	method, path := http.MethodPost, "/Call"
	if a.ID != "" {
		method, path = http.MethodPut, "/Call/"+url.PathEscape(a.ID)
	}
	body, err := e.body(ctx, a)
	if err != nil {
		return err
	}
	for lost := map[string]bool{}; ; {
		answer, err := e.do(ctx, method, path, body)
		if err == nil {
			return nil
		}
		drop := drops(answer)
		switch {
		case drop == owner && lost[owner] && a.ID == "": // ours, too, so every one
			return refusal(answer, false).SetUp("in its role, set Assignment Permission to all, let it read all users, and hide no field of Call")
		case drop == "" || lost[drop]:
			return err
		}
		lost[drop] = true
		if drop == link {
			for field := range a.Links {
				delete(body, field)
			}
			continue
		}
		delete(body, ownerField)
		if err := e.assign(ctx, a, body); err != nil {
			return err
		}
	}
}

const ownerField = "assignedUserId"

// lists are the fields that hold several ids. An update does not have them: it would take away whom people added.
var lists = []string{"contactsIds", "leadsIds"}

func (e *Connector) body(ctx context.Context, a crmsync.Activity) (map[string]any, error) {
	body := map[string]any{}
	maps.Copy(body, a.Links)
	for _, field := range lists {
		if id, ok := body[field]; ok {
			body[field] = []any{id}
		}
		if a.ID != "" {
			delete(body, field)
		}
	}
	maps.Copy(body, a.Fields) // what the administrator maps counts
	if e.cfg.KeyField == description {
		text, _ := body[description].(string)
		body[description] = crmsync.WithKey(text, a.Key)
	} else {
		body[e.cfg.KeyField] = a.Key
	}
	return body, e.assign(ctx, a, body)
}

// assign gives a new Call that is nobody's to our own user.
func (e *Connector) assign(ctx context.Context, a crmsync.Activity, body map[string]any) error {
	if _, ok := body[ownerField]; ok || a.ID != "" {
		return nil
	}
	self, err := e.me(ctx)
	body[ownerField] = self
	return err
}
