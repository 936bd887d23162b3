package rest

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/url"
	"strings"

	crmsync "patchcord/sync"
)

// escapes is how a value is written into a body, by its format. before is what stands in front of it.
var escapes = map[string]func(before string, v any) string{
	"json": jsonText,
	"form": func(_ string, v any) string { return url.QueryEscape(plain(v)) },
	"xml":  xmlText,
	"text": func(_ string, v any) string { return plain(v) },
}

// contentTypes is what the formats are called on the wire.
var contentTypes = map[string]string{
	"json": "application/json", "form": "application/x-www-form-urlencoded", "xml": "application/xml; charset=utf-8", "text": "text/plain; charset=utf-8",
}

// pathText escapes for a path, or after a question mark for a query.
func pathText(before string, v any) string {
	if strings.Contains(before, "?") {
		return url.QueryEscape(plain(v))
	}
	return strings.ReplaceAll(url.PathEscape(plain(v)), "..", "%2E%2E") // no step up
}

// jsonText writes a value: inside quotes as part of a text, outside as a value of its own, null when unknown.
func jsonText(before string, v any) string {
	if !quoted(before) {
		b, err := json.Marshal(v)
		if err != nil {
			return "null"
		}
		return string(b)
	}
	b, _ := json.Marshal(plain(v)) // a text: it cannot fail
	return string(b[1 : len(b)-1])
}

// quoted reports whether JSON that ends here is inside a text.
func quoted(s string) bool {
	in := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			in = !in
		case s[i] == '\\' && in:
			i++
		}
	}
	return in
}

func xmlText(_ string, v any) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(plain(v))) // a Builder does not fail
	return b.String()
}

func plain(v any) string {
	if v == nil {
		return ""
	}
	return crmsync.Text(v)
}

// encode writes fields as a body without a template; inside is a path of objects around them.
func encode(format, inside string, fields map[string]any) ([]byte, error) {
	switch format {
	case "json":
		root := map[string]any{}
		for field, v := range fields {
			put(root, field, v)
		}
		var whole any = root
		steps := split(inside)
		for i := len(steps) - 1; i >= 0; i-- {
			whole = map[string]any{steps[i]: whole}
		}
		return json.Marshal(whole)
	case "form":
		form := url.Values{}
		for field, v := range fields {
			form.Set(field, plain(v))
		}
		return []byte(form.Encode()), nil
	}
	return nil, errors.New("the format needs a body")
}

// put sets a field; dots in its name are objects around it.
func put(root map[string]any, field string, v any) {
	steps := split(field)
	for _, s := range steps[:len(steps)-1] {
		inner, ok := root[s].(map[string]any)
		if !ok {
			inner = map[string]any{}
			root[s] = inner
		}
		root = inner
	}
	root[steps[len(steps)-1]] = v
}

func split(path string) []string {
	if path == "" {
		return nil
	}
	return strings.Split(path, ".")
}
