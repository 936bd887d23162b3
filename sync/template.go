package crmsync

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Template is a text with named places: "Call from {number|from_name}". There is no code in it, only
// names; the first of several that is known is taken. "{{" is a brace.
type Template struct {
	parts []part
}

type part struct {
	text  string
	names []string // nil for a text
}

// ParseTemplate reads a template; what is not among the names is an error that lists them.
func ParseTemplate(s string, names []string) (Template, error) {
	var t Template
	for s != "" {
		open := strings.IndexByte(s, '{')
		if open < 0 {
			t.parts = append(t.parts, part{text: s})
			break
		}
		if strings.HasPrefix(s[open:], "{{") {
			t.parts = append(t.parts, part{text: s[:open+1]})
			s = s[open+2:]
			continue
		}
		inside, rest, ok := strings.Cut(s[open+1:], "}")
		if !ok {
			return Template{}, fmt.Errorf("a { without a }; write {{ for a brace")
		}
		if open > 0 {
			t.parts = append(t.parts, part{text: s[:open]})
		}
		alternatives := strings.Split(inside, "|")
		for _, n := range alternatives {
			if !slices.Contains(names, n) {
				return Template{}, fmt.Errorf("{%s} is none of %s", n, strings.Join(names, ", "))
			}
		}
		t.parts = append(t.parts, part{names: alternatives})
		s = rest
	}
	return t, nil
}

// Value returns what the template comes to: a single place keeps its type, nil when it is unknown; all
// else is text without space around it, each place written by text. With places none of which is known it is nil.
func (t Template) Value(lookup func(name string) any, text func(any) string) any {
	if len(t.parts) == 1 && t.parts[0].names != nil {
		return t.parts[0].find(lookup)
	}
	var b strings.Builder
	places, filled := 0, 0
	for _, p := range t.parts {
		if p.names == nil {
			b.WriteString(p.text)
			continue
		}
		places++
		if v := p.find(lookup); v != nil {
			filled++
			b.WriteString(text(v))
		}
	}
	if places > 0 && filled == 0 {
		return nil
	}
	return strings.TrimSpace(b.String())
}

// Expand writes every place by text, which sees what stands before it and gets nil for what is unknown.
func (t Template) Expand(lookup func(name string) any, text func(before string, v any) string) string {
	var b strings.Builder
	for _, p := range t.parts {
		if p.names == nil {
			b.WriteString(p.text)
		} else {
			b.WriteString(text(b.String(), p.find(lookup)))
		}
	}
	return b.String()
}

// mentions reports whether any of the names has a place in it.
func (t Template) mentions(names ...string) bool {
	return slices.ContainsFunc(t.parts, func(p part) bool {
		return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(p.names, n) })
	})
}

func (p part) find(lookup func(string) any) any {
	for _, n := range p.names {
		if v := lookup(n); v != nil {
			return v
		}
	}
	return nil
}

// Placeholders lists the names that a template may use.
func Placeholders() []string { return slices.Sorted(maps.Keys(placeholders)) }

// IsPlaceholder reports whether a template may use the name.
func IsPlaceholder(name string) bool { return placeholders[name] != nil }
