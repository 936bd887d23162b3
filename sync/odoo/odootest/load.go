package odootest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const stamp = "2006-01-02 15:04:05"

// load imports rows under external ids, all or none. A cell is text or empty; a time is in the zone of the context, else in that of
// the user, an hour before UTC.
func (s *Server) load(model string, named map[string]any) (any, *exception) {
	fields, _ := named["fields"].([]any)
	data, _ := named["data"].([]any)
	context, _ := named["context"].(map[string]any)
	messages := []map[string]any{}
	wrong := func(record int, field, text string) {
		m := map[string]any{"type": "error", "message": text}
		if record >= 0 {
			m["record"], m["rows"], m["field"] = record, map[string]int{"from": record, "to": record}, field
		}
		messages = append(messages, m)
	}
	rows := make([]Record, len(data))
	for i, cells := range data {
		rows[i] = Record{}
		for n, v := range cells.([]any) {
			column := fmt.Sprint(fields[n])
			if column == "id" {
				rows[i]["external"] = v
				continue
			}
			name, by, _ := strings.Cut(column, "/")
			field, text := s.cell(model, name, by, v, context["tz"] == "UTC", rows[i])
			if text != "" {
				wrong(i, field, text)
			}
		}
	}
	if len(messages) > 0 {
		return map[string]any{"ids": false, "messages": messages, "nextrow": 0}, nil
	}
	ids := make([]any, len(rows))
	for i, row := range rows {
		ids[i] = s.store(model, row)
	}
	return map[string]any{"ids": ids, "messages": messages, "nextrow": 0}, nil
}

// cell puts a value into a row, or says what is wrong with it, and with which field when that is told.
func (s *Server) cell(model, name, by string, v any, utc bool, row Record) (field, text string) {
	of, known := s.models[model][name]
	str, isText := v.(string)
	switch {
	case !known:
		return "", "Unknown field " + name
	case v == nil || v == false || v == "":
		row[name] = false
		return "", ""
	case !isText:
		return name, "a cell is text"
	case strings.Contains(str, s.Bad()):
		return "", "The constraint says no to " + str
	case of.Type == "many2one":
		if by != ".id" || s.find(of.Relation, str) == nil {
			return name, "No matching record found for database id '" + str + "' in field '" + of.String + "'"
		}
	case of.Type == "selection":
		if !slices.ContainsFunc(of.Selection, func(o []any) bool { return o[0] == str || o[1] == str }) {
			return name, "Value '" + str + "' not found in selection field"
		}
	case of.Type == "float":
		if _, err := strconv.ParseFloat(str, 64); err != nil {
			return name, "'" + str + "' does not seem to be a number"
		}
	case of.Type == "datetime":
		at, err := time.Parse(stamp, str)
		if err != nil {
			return name, "'" + str + "' does not seem to be a valid datetime"
		}
		if !utc {
			at = at.Add(-time.Hour)
		}
		str = at.Format(stamp)
	}
	row[name] = str
	return "", ""
}

// store creates or updates the record of an external id. The module gives a call that is done without a duration one of its own.
func (s *Server) store(model string, row Record) any {
	key := strings.TrimPrefix(fmt.Sprint(row["external"]), "patchcord.")
	old := s.external[key]
	if old == nil {
		s.lastID++
		old = Record{"id": float64(s.lastID), "active": true, "state": "open", "user_id": "7"}
		s.external[key] = old
		s.tables[model] = append(s.tables[model], old)
	}
	for name, v := range row {
		old[name] = v
	}
	old["external"] = key
	if row["state"] == "done" && (old["duration"] == nil || old["duration"] == false || old["duration"] == "0") {
		old["duration"] = "86400"
	}
	return old["id"]
}

// search is search_read; a domain is conditions that must all hold.
func (s *Server) search(model string, named map[string]any) (any, *exception) {
	domain, _ := named["domain"].([]any)
	context, _ := named["context"].(map[string]any)
	rows := s.tables[model]
	if model == "ir.model.data" {
		rows = s.identifiers(domain)
	}
	var found []Record
	for _, r := range rows {
		holds := r["active"] != false || context["active_test"] == false
		for _, c := range domain {
			holds = holds && condition(c.([]any), r)
		}
		if holds {
			found = append(found, r)
		}
	}
	if strings.HasPrefix(fmt.Sprint(named["order"]), "write_date") {
		slices.SortStableFunc(found, func(a, b Record) int { return a["write_date"].(time.Time).Compare(b["write_date"].(time.Time)) })
	} else {
		slices.SortStableFunc(found, func(a, b Record) int { return cmp.Compare(a["id"].(float64), b["id"].(float64)) })
	}
	offset, _ := named["offset"].(float64)
	found = found[min(int(offset), len(found)):]
	if limit, ok := named["limit"].(float64); ok && int(limit) < len(found) {
		found = found[:int(limit)]
	}
	fields, _ := named["fields"].([]any)
	out := []Record{}
	for _, r := range found {
		shown := Record{"id": r["id"]}
		for _, f := range fields {
			name := fmt.Sprint(f)
			if _, known := s.models[model][name]; !known {
				return nil, &exception{"builtins.ValueError", "Invalid field '" + name + "' on model '" + model + "'"}
			}
			shown[name] = false
			if v, ok := r[name]; ok {
				shown[name] = v
			}
			if at, ok := shown[name].(time.Time); ok {
				shown[name] = at.UTC().Format(stamp) // the fraction of the second is not shown
			}
		}
		out = append(out, shown)
	}
	return out, nil
}

// identifiers is the table of external ids; one that is asked for by name is found by the index.
func (s *Server) identifiers(domain []any) []Record {
	var rows []Record
	row := func(name string, r Record) Record {
		return Record{"id": r["id"], "module": "patchcord", "model": "crm.phonecall", "name": name, "res_id": r["id"]}
	}
	for _, c := range domain {
		if c := c.([]any); c[0] == "name" && c[1] == "in" {
			for _, name := range c[2].([]any) {
				if r := s.external[fmt.Sprint(name)]; r != nil {
					rows = append(rows, row(fmt.Sprint(name), r))
				}
			}
			return rows
		}
	}
	for name, r := range s.external {
		rows = append(rows, row(name, r))
	}
	return rows
}

func condition(c []any, r Record) bool {
	field, operator := fmt.Sprint(c[0]), fmt.Sprint(c[1])
	var order int
	switch v := r[field].(type) {
	case time.Time:
		at, err := time.Parse(stamp, fmt.Sprint(c[2]))
		if err != nil {
			return false
		}
		order = v.Compare(at)
	case float64:
		want, ok := c[2].(float64)
		if !ok && operator != "in" {
			return false
		}
		order = cmp.Compare(v, want)
	default:
		order = strings.Compare(fmt.Sprint(v), fmt.Sprint(c[2]))
	}
	switch operator {
	case "=":
		return order == 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "<":
		return order < 0
	case "in":
		return slices.ContainsFunc(c[2].([]any), func(v any) bool { return fmt.Sprint(v) == fmt.Sprint(r[field]) })
	}
	return false
}
