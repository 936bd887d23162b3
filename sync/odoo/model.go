package odoo

import (
	"context"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// description is the fields that a model has, which differ by version and module. It is read when needed, and again
// after an hour.
type description struct {
	fields map[string]fieldType
	until  time.Time
}

type fieldType struct {
	Type      string  `json:"type"`
	Selection [][]any `json:"selection"` // pairs of key and label
}

func (o *Connector) describe(ctx context.Context, model string) (map[string]fieldType, error) {
	o.mu.Lock()
	known := o.models[model]
	o.mu.Unlock()
	if known != nil && time.Now().Before(known.until) {
		return known.fields, nil
	}
	d := &description{until: time.Now().Add(time.Hour)}
	err := o.call(ctx, model, "fields_get", map[string]any{"attributes": []string{"type", "selection"}}, true, &d.fields)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.models[model] = d
	return d.fields, nil
}

// suit returns the columns as the model takes them. A default one that it does not have is left out; one that an administrator
// mapped is an error.
func suit(fields map[string]fieldType, model string, columns map[string]any) (map[string]any, error) {
	out := make(map[string]any, len(columns))
	for column, v := range columns {
		name, _, _ := strings.Cut(column, "/")
		of, ok := fields[name]
		switch {
		case ok:
			out[column] = of.key(v)
		case ours[column] == "" && column != link:
			return nil, &crmsync.PushError{Class: crmsync.Auth, After: setUp, Reason: model + " has no field " + name}
		}
	}
	return out, nil
}

// key returns the key of a selection that a value means: one model says "in" where another says "inbound".
func (f fieldType) key(v any) any {
	text, _ := v.(string)
	short := v
	for _, option := range f.Selection {
		key, ok := option[0].(string)
		switch {
		case !ok:
		case key == text:
			return v
		case key != "" && strings.HasPrefix(text, key):
			short = key
		}
	}
	return short
}
