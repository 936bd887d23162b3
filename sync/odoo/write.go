package odoo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	crmsync "patchcord/sync"
)

// row is a call on its way.
type row struct {
	place   int // in the list of Write
	key     string
	columns map[string]any
}

// loaded is what load returns: without ids nothing was written.
type loaded struct {
	IDs      any       `json:"ids"` // a list, or false
	Messages []message `json:"messages"`
}

type message struct {
	Type   string `json:"type"`
	Record *int   `json:"record"`
	Rows   *struct {
		From int `json:"from"`
	} `json:"rows"`
	Field string `json:"field"`
}

// of returns the number of the row that it is about, -1 when it does not say.
func (m message) of() int {
	switch {
	case m.Record != nil:
		return *m.Record
	case m.Rows != nil:
		return m.Rows.From
	}
	return -1
}

// Write implements crmsync.Connector. A column that a row leaves empty would be emptied there, so rows that have the same columns go
// together.
func (o *Connector) Write(ctx context.Context, list []crmsync.Activity) []error {
	fields, err := o.describe(ctx, o.cfg.Model)
	if err != nil {
		return crmsync.Same(len(list), err)
	}
	errs := make([]error, len(list))
	groups := map[string][]row{}
	for i, a := range list {
		columns := maps.Clone(a.Links)
		if columns == nil {
			columns = map[string]any{}
		}
		maps.Copy(columns, a.Fields)
		if columns, errs[i] = suit(fields, o.cfg.Model, columns); errs[i] == nil {
			add(groups, row{i, a.Key, columns})
		}
	}
	for _, names := range slices.Sorted(maps.Keys(groups)) {
		o.load(ctx, groups[names], errs)
	}
	return errs
}

func add(groups map[string][]row, r row) {
	names := strings.Join(slices.Sorted(maps.Keys(r.columns)), " ")
	groups[names] = append(groups[names], r)
}

// load writes rows of the same columns in one transaction. What it says of rows takes those out, or the owner or partner out of them, and the
// rest is tried again; a refusal that names no row is tried by halves.
func (o *Connector) load(ctx context.Context, rows []row, errs []error) {
	names := slices.Sorted(maps.Keys(rows[0].columns))
	data := make([][]any, len(rows))
	for i, r := range rows {
		data[i] = []any{module + "." + r.key}
		for _, n := range names {
			data[i] = append(data[i], r.columns[n])
		}
	}
	var got loaded
	err := o.call(ctx, o.cfg.Model, "load", map[string]any{"fields": append([]string{"id"}, names...), "data": data}, false, &got)
	if ids, ok := got.IDs.([]any); err == nil && ok && len(ids) == len(rows) {
		for _, r := range rows {
			errs[r.place] = nil
		}
		return
	}
	refused := map[int]message{}
	for _, m := range got.Messages {
		if at := m.of(); m.Type == "error" && at >= 0 && at < len(rows) {
			refused[at] = m
		}
	}
	if err == nil && len(refused) == 0 {
		err = &crmsync.PushError{Class: crmsync.Split, Reason: fmt.Sprintf("nothing was imported, with %d messages", len(got.Messages))}
	}
	if err != nil {
		for _, r := range rows {
			errs[r.place] = err
		}
		return
	}
	groups := map[string][]row{}
	for i, r := range rows {
		m, bad := refused[i]
		switch {
		case !bad:
			add(groups, r)
		case without(&r, m.Field):
			add(groups, r)
		default:
			errs[r.place] = &crmsync.PushError{Class: crmsync.Permanent, Reason: strings.TrimSpace("the import refuses it: " + m.Field)}
		}
	}
	for _, names := range slices.Sorted(maps.Keys(groups)) { // each has fewer rows or fewer columns
		o.load(ctx, groups[names], errs)
	}
}

// without takes the owner or the partner out of a row, and reports whether the field was one of them.
func without(r *row, field string) bool {
	field, _, _ = strings.Cut(field, "/")
	for _, column := range []string{owner, link} {
		if name, _, _ := strings.Cut(column, "/"); name == field && r.columns[column] != nil {
			r.columns = maps.Clone(r.columns)
			delete(r.columns, column)
			return true
		}
	}
	return false
}
