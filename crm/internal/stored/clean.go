// Package stored turns domain values into what a store keeps: the row of a call,
// its index keys, its words, cursors and clean text. It is what both stores agree
// on, so that a search gives the same calls on either. It does no I/O.
package stored

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Text returns s with invalid UTF-8 and NUL replaced by U+FFFD: PostgreSQL takes
// neither, and what a phone call brought must not stop a batch.
func Text(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// Args cleans the strings among the arguments of a statement, in place.
func Args(args []any) []any {
	for i, a := range args {
		switch v := a.(type) {
		case string:
			args[i] = Text(v)
		case []string:
			args[i] = texts(v)
		}
	}
	return args
}

func texts(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = Text(s)
	}
	return out
}

// JSON replaces every escaped NUL of a JSON text by U+FFFD, so that no reader of
// the record meets one; encoding/json has replaced invalid UTF-8 already.
func JSON(b []byte) []byte {
	if !bytes.Contains(b, []byte(`\u0000`)) {
		return b
	}
	out := bytes.Clone(b)
	for i := 0; i < len(out); i++ {
		if out[i] != '\\' {
			continue
		}
		if bytes.HasPrefix(out[i:], []byte(`\u0000`)) {
			copy(out[i:], `\ufffd`)
		}
		i++ // what follows a backslash is no backslash of its own
	}
	return out
}
