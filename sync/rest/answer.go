package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// document reads an answer; numbers stay as they are written. What is no JSON has nothing in it.
func document(body []byte) any {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

// all returns what stands at a path: none, one, or with "*" several values.
func all(v any, path string) []any {
	found := []any{v}
	for _, step := range split(path) {
		var next []any
		for _, v := range found {
			next = append(next, under(v, step)...)
		}
		found = next
	}
	if len(found) == 1 && found[0] == nil {
		return nil
	}
	return found
}

func under(v any, step string) []any {
	switch v := v.(type) {
	case map[string]any:
		if step == "*" {
			var values []any
			for _, inner := range v {
				values = append(values, inner)
			}
			return values
		}
		if inner, ok := v[step]; ok {
			return []any{inner}
		}
	case []any:
		if step == "*" {
			return v
		}
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(v) {
			return []any{v[i]}
		}
	}
	return nil
}

// records returns the records at a path: the elements of a list, or the one object that stands there.
func records(v any, path string) []any {
	found := all(v, path)
	if len(found) == 1 {
		if list, ok := found[0].([]any); ok {
			return list
		}
	}
	return found
}

// text returns the first value at a path as text; "" for none, and for what is no single value.
func text(v any, path string) string {
	for _, found := range all(v, path) {
		switch found := found.(type) {
		case string:
			return found
		case json.Number:
			return found.String()
		case bool:
			return strconv.FormatBool(found)
		}
	}
	return ""
}

// rule is a Rule that was looked at.
type rule struct {
	status *regexp.Regexp
	path   string
	is     *regexp.Regexp
	ok     bool
	class  crmsync.Class
	after  time.Duration
	reason string
	drop   []string
}

var classes = map[string]crmsync.Class{
	"throttle": crmsync.Throttle, "transient": crmsync.Transient, "ambiguous": crmsync.Ambiguous, "auth": crmsync.Auth, "permanent": crmsync.Permanent,
}

var statusForm = regexp.MustCompile(`^[1-5](\d\d|xx)$`)

func compile(list []Rule, p *problems) []rule {
	rules := make([]rule, len(list))
	for i, from := range list {
		at := fmt.Sprintf("rest.answers.%d.", i)
		class, known := classes[from.Class]
		if !known && from.Class != "ok" {
			p.add(at+"class", "is none of ok, "+names(classes))
		}
		if from.Status != "" && !statusForm.MatchString(from.Status) {
			p.add(at+"status", "want a status such as 409, or 5xx")
			continue
		}
		if from.Status == "" && from.Is == "" {
			p.add(at+"status", "name a status, or what `is` at a path")
		}
		r := rule{path: from.Path, class: class, ok: from.Class == "ok", reason: from.Reason, drop: from.Drop}
		r.status = regexp.MustCompile("^" + strings.ReplaceAll(from.Status, "xx", `\d\d`))
		if from.Is != "" {
			r.is = regexp.MustCompile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(from.Is), `\*`, ".*") + "$")
		}
		if from.After != "" {
			var err error
			r.after, err = time.ParseDuration(from.After)
			p.check(at+"after", err)
		}
		rules[i] = r
	}
	return rules
}

// judge returns what an answer means: nil when it is well, and the fields to leave out when that may help. Of the answer's text
// nothing is shown: it may quote the call. For names see do.
func (r *Connector) judge(a crmsync.Answer, body any, reads, names bool) (p *crmsync.PushError, drop []string) {
	for i, rule := range r.rules {
		if !rule.status.MatchString(strconv.Itoa(a.Status)) || rule.is != nil && !rule.is.MatchString(text(body, rule.path)) {
			continue
		}
		if rule.ok {
			return nil, nil
		}
		p := a.Refusal(reads, rule.reason)
		p.Class, p.After = rule.class, max(p.After, rule.after)
		if rule.reason == "" {
			p.Reason += fmt.Sprintf(" (answers.%d)", i)
		}
		return p, rule.drop
	}
	if a.Status < 300 {
		return nil, nil
	}
	if names && !reads {
		return a.Refusal(false, ""), nil
	}
	return a.Foreign(reads), nil
}
