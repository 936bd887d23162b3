package odoo

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	crmsync "patchcord/sync"
)

// Connector is a crmsync.Connector, Contacts, Survivors and Audited for one database.
type Connector struct {
	cfg    Config
	tokens *crmsync.Tokens

	mu     *sync.Mutex
	models map[string]*description // guarded by mu
}

// login returns the number of the user, which JSON-RPC wants beside the key in every request; JSON-2 wants the key alone.
func (o *Connector) login(ctx context.Context) (crmsync.Token, error) {
	if o.cfg.API == "json2" {
		return crmsync.Token{Value: string(o.cfg.Secret)}, nil
	}
	var uid any // false when refused
	err := o.rpc(ctx, "common", "authenticate", []any{o.cfg.Database, o.cfg.Username, string(o.cfg.Secret), map[string]any{}}, true, &uid)
	if err != nil {
		return crmsync.Token{}, err
	}
	if n, ok := uid.(float64); ok && n > 0 {
		return crmsync.Token{Value: strconv.FormatFloat(n, 'f', -1, 64)}, nil
	}
	return crmsync.Token{}, &crmsync.PushError{Class: crmsync.Auth, Reason: "the user or the key is refused"}
}

// call calls a method of a model by named arguments, as both transports take them, and decodes what it returns into out. Every call is a
// transaction of its own: what ends with an error has changed nothing.
func (o *Connector) call(ctx context.Context, model, method string, named map[string]any, reads bool, out any) error {
	named["context"] = map[string]any{"tz": "UTC", "lang": "en_US", "active_test": false}
	for again := false; ; again = true {
		token, err := o.tokens.Token(ctx)
		if err != nil {
			return err
		}
		if o.cfg.API == "json2" {
			err = o.json2(ctx, model, method, named, reads, out)
		} else {
			uid, _ := strconv.Atoi(token.Value) // as login wrote it
			args := []any{o.cfg.Database, uid, string(o.cfg.Secret), model, method, []any{}, named}
			err = o.rpc(ctx, "object", "execute_kw", args, reads, out)
		}
		if !denied(err) {
			return err
		}
		o.tokens.Refused(token.Value)
		if again {
			return err
		}
	}
}

// rpc is JSON-RPC: an error has status 200.
func (o *Connector) rpc(ctx context.Context, service, method string, args []any, reads bool, out any) error {
	a, err := o.cfg.Client.Do(ctx, crmsync.Request{
		Method: http.MethodPost, URL: o.cfg.URL + "/jsonrpc", Reads: reads,
		Body: map[string]any{"jsonrpc": "2.0", "method": "call", "id": 1, "params": map[string]any{"service": service, "method": method, "args": args}},
	})
	if err != nil {
		return err
	}
	if a.Status >= 300 {
		return a.Foreign(reads)
	}
	var got struct {
		Result json.RawMessage `json:"result"`
		Error  *struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
			Data    struct {
				Name    string `json:"name"`
				Message string `json:"message"`
			} `json:"data"`
		} `json:"error"`
	}
	if err := json.Unmarshal(a.Body, &got); err != nil {
		return unreadable(reads, err)
	}
	if got.Error != nil {
		return exception(got.Error.Data.Name, got.Error.Data.Message, got.Error.Code, reads)
	}
	if err := json.Unmarshal(got.Result, out); err != nil {
		return unreadable(reads, err)
	}
	return nil
}

// json2 is JSON-2: an error has a status and names the exception.
func (o *Connector) json2(ctx context.Context, model, method string, named map[string]any, reads bool, out any) error {
	header := http.Header{"Authorization": {"bearer " + string(o.cfg.Secret)}, "Content-Type": {"application/json"}}
	if o.cfg.Database != "" {
		header.Set("X-Odoo-Database", o.cfg.Database)
	}
	a, err := o.cfg.Client.Do(ctx, crmsync.Request{
		Method: http.MethodPost, URL: o.cfg.URL + "/json/2/" + url.PathEscape(model) + "/" + url.PathEscape(method), Header: header, Body: named, Reads: reads,
	})
	if err != nil {
		return err
	}
	if a.Status >= 300 {
		var got struct{ Name, Message string }
		if json.Unmarshal(a.Body, &got) != nil || got.Name == "" {
			return a.Foreign(reads)
		}
		return exception(got.Name, got.Message, a.Status, reads)
	}
	if err := json.Unmarshal(a.Body, out); err != nil {
		return unreadable(reads, err)
	}
	return nil
}

func unreadable(reads bool, err error) error {
	p := &crmsync.PushError{Class: crmsync.Ambiguous, Reason: "an answer cannot be read; is the address that of an Odoo?", Err: err}
	if reads {
		p.Class = crmsync.Transient
	}
	return p
}
