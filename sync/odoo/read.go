package odoo

import (
	"context"
	"strconv"
	"time"

	crmsync "patchcord/sync"
)

// record is a record as search_read has it; what is empty is false.
type record map[string]any

func (r record) text(field string) string {
	switch v := r[field].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// is returns a condition of a domain.
func is(field, operator string, value any) []any { return []any{field, operator, value} }

func (o *Connector) search(ctx context.Context, model string, fields []string, order string, offset, limit int, domain ...any) ([]record, error) {
	var rows []record
	err := o.call(ctx, model, "search_read", map[string]any{
		"domain": domain, "fields": fields, "order": order, "offset": offset, "limit": limit,
	}, true, &rows)
	return rows, err
}

// externalIDs returns our keys of records, by number.
func (o *Connector) externalIDs(ctx context.Context, domain ...any) ([]record, error) {
	domain = append([]any{is("module", "=", module), is("model", "=", o.cfg.Model)}, domain...)
	return o.search(ctx, "ir.model.data", []string{"name", "res_id"}, "id", 0, 10*maxBatch, domain...)
}

// Find implements crmsync.Connector. Of a model that is not there nobody has an external id either, so it is looked at first.
func (o *Connector) Find(ctx context.Context, keys []string) (map[string][]string, error) {
	if _, err := o.describe(ctx, o.cfg.Model); err != nil {
		return nil, err
	}
	rows, err := o.externalIDs(ctx, is("name", "in", keys))
	found := map[string][]string{}
	for _, r := range rows {
		found[r.text("name")] = append(found[r.text("name")], r.text("res_id"))
	}
	return found, err
}

// Activities implements crmsync.Audited. The cursor is how many were read.
func (o *Connector) Activities(ctx context.Context, from, until time.Time, cursor string) ([]crmsync.Standing, string, error) {
	offset, _ := strconv.Atoi(cursor) // "" is the beginning
	rows, err := o.search(ctx, o.cfg.Model, []string{"name"}, "id", offset, maxBatch,
		is(o.cfg.DateField, ">=", from.UTC().Format(stamp)), is(o.cfg.DateField, "<", until.UTC().Format(stamp)))
	if err != nil || len(rows) == 0 {
		return nil, "", err
	}
	ids, names := make([]any, len(rows)), map[string]string{}
	for i, r := range rows {
		ids[i], names[r.text("id")] = r["id"], r.text("name")
	}
	keys, err := o.externalIDs(ctx, is("res_id", "in", ids))
	if err != nil {
		return nil, "", err
	}
	list := make([]crmsync.Standing, len(keys))
	for i, k := range keys {
		list[i] = crmsync.Standing{Key: k.text("name"), ID: k.text("res_id"), Fields: map[string]string{"name": names[k.text("res_id")]}}
	}
	if len(rows) < maxBatch {
		return list, "", nil
	}
	return list, strconv.Itoa(offset + len(rows)), nil
}
