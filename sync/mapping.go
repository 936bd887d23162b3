package crmsync

import (
	"errors"
	"fmt"
	"html"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"patchcord/crm"
)

// Mapping is what an administrator says about the fields of a CRM, over the connector's
// own. It is data: names in braces, and how to translate their values.
type Mapping struct {
	Fields map[string]string            // field of the CRM to template; "" leaves a field of the connector's out
	Values map[string]map[string]string // by placeholder: our value to theirs, as resolved to a GUID
}

// renderer fills fields; it is made once and never changed.
type renderer struct {
	fields, merged map[string]Template
	said           []string                       // those of fields that hold what people said
	links          map[string]map[string]Template // by object
	values         map[string]map[string]string
	caps           Capabilities
	time           func(time.Time) any
}

func newRenderer(c Capabilities, m Mapping) (*renderer, error) {
	fields := maps.Clone(c.Fields)
	if fields == nil {
		fields = map[string]string{}
	}
	maps.Copy(fields, m.Fields)
	maps.DeleteFunc(fields, func(_, template string) bool { return template == "" })
	r := &renderer{values: map[string]map[string]string{}, caps: c, time: c.Time}
	if r.time == nil {
		r.time = func(t time.Time) any { return t.UTC().Format("2006-01-02T15:04:05Z") }
	}
	var errs []error
	parse := func(from map[string]string) map[string]Template {
		out := map[string]Template{}
		for _, field := range slices.Sorted(maps.Keys(from)) {
			t, err := ParseTemplate(from[field], Placeholders())
			if err != nil {
				errs = append(errs, &crm.InputError{Field: "fields." + field, Msg: err.Error()})
			}
			out[field] = t
		}
		return out
	}
	r.fields, r.merged, r.links = parse(fields), parse(c.Merged), map[string]map[string]Template{}
	for object, of := range c.Links {
		r.links[object] = parse(of)
	}
	for _, field := range slices.Sorted(maps.Keys(r.fields)) {
		if r.fields[field].mentions("disposition_note", "notes") {
			r.said = append(r.said, field)
		}
	}
	for _, values := range []map[string]map[string]string{c.Values, m.Values} {
		for name, translate := range values {
			if !IsPlaceholder(name) {
				errs = append(errs, &crm.InputError{Field: "values." + name, Msg: "is no name of a value"})
			}
			if r.values[name] == nil {
				r.values[name] = map[string]string{}
			}
			maps.Copy(r.values[name], translate)
		}
	}
	return r, errors.Join(errs...)
}

// fill returns the fields that are known. A value without a translation stays as it is, but one
// translated to "" is left out.
func (r *renderer) fill(templates map[string]Template, f *facts) map[string]any {
	out := make(map[string]any, len(templates))
	for field, t := range templates {
		v := t.Value(r.lookup(f), Text)
		if missing := r.caps.Defaults[field]; v == nil && missing != "" {
			v = missing
		}
		if s, ok := v.(string); ok {
			v = typed(clipRunes(without(s, r.caps.Bans[field]), r.caps.Limits[field]), r.caps.Types[field])
		}
		if v != nil && r.caps.AllText {
			v = Text(v)
		}
		if v != nil && v != "" {
			out[field] = v
		}
	}
	return out
}

func (r *renderer) lookup(f *facts) func(name string) any {
	return func(name string) any {
		v := placeholders[name](f)
		switch is := v.(type) {
		case string:
			if to, ok := r.values[name][is]; ok {
				return known(to)
			}
		case time.Time:
			return r.time(is)
		}
		return v
	}
}

// typed returns a text as what the field wants, nil when it is none.
func typed(s, kind string) any {
	var v any = s
	var err error
	switch kind {
	case "bool":
		v, err = strconv.ParseBool(s)
	case "int":
		v, err = strconv.ParseInt(s, 10, 64)
	case "html":
		v = strings.ReplaceAll(html.EscapeString(s), "\n", "<br>")
	}
	if err != nil {
		return nil
	}
	return v
}

// Text writes a value of a placeholder as text.
func Text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case time.Time:
		return v.UTC().Format("2006-01-02 15:04:05Z")
	}
	return fmt.Sprint(v)
}

// without returns s with a space for each of the characters.
func without(s, characters string) string {
	if !strings.ContainsAny(s, characters) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(characters, r) {
			return ' '
		}
		return r
	}, s)
}

// clipRunes cuts s to n characters; 0 is no limit.
func clipRunes(s string, n int) string {
	if n <= 0 || utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n])
}
