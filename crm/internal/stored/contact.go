package stored

import (
	"strings"

	"patchcord/crm"
)

// SortName returns the form of a name that contacts are sorted by.
func SortName(name string) string { return strings.ReplaceAll(fold(name), "\n", " ") }

// Haystack returns what a search for part of a contact looks in.
func Haystack(c *crm.Contact) string {
	parts := []string{fold(c.Name), fold(c.Company)}
	for _, n := range c.Numbers {
		parts = append(parts, digits(string(n)))
	}
	return strings.Join(parts, "\n")
}

// Needle returns the LIKE pattern, with `\` as its escape, that finds q in a Haystack.
func Needle(q string) string {
	if d := digits(q); d != "" && strings.Trim(q, "+0123456789 -().") == "" {
		return "%" + d + "%"
	}
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(fold(q)) + "%"
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}
