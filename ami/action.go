package ami

import (
	"errors"
	"fmt"
	"strings"
)

// ErrAction says that an action cannot be sent as it is. Nothing was sent.
var ErrAction = errors.New("action refused before sending")

// Asterisk's own limits: a longer line is answered "line too long", more headers
// "Too many lines in message or allocation failure" (main/manager.c).
const (
	maxActionLine    = 1024 // bytes, its line end included
	maxActionHeaders = 128
)

// An Action is a command to the PBX: `Action: NAME` and its fields, in order.
type Action struct {
	Name   string
	Fields []Field
}

// A Field is one header of an Action. Names may repeat (Variable does).
type Field struct{ Name, Value string }

// NewAction returns an action with fields given as name, value, name, value. A last
// name without a value has an empty one.
func NewAction(name string, namesAndValues ...string) Action {
	a := Action{Name: name}
	for i := 0; i < len(namesAndValues); i += 2 {
		f := Field{Name: namesAndValues[i]}
		if i+1 < len(namesAndValues) {
			f.Value = namesAndValues[i+1]
		}
		a.Fields = append(a.Fields, f)
	}
	return a
}

// Get returns the value of the first field called name, in any case, or "".
func (a Action) Get(name string) string {
	for _, f := range a.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// with returns the action with exactly one field called name.
func (a Action) with(name, value string) Action {
	fields := make([]Field, 0, len(a.Fields)+1)
	fields = append(fields, Field{name, value})
	for _, f := range a.Fields {
		if !strings.EqualFold(f.Name, name) {
			fields = append(fields, f)
		}
	}
	return Action{Name: a.Name, Fields: fields}
}

// Encode appends the bytes of a to dst. It refuses, with an ErrAction, whatever
// would not arrive as exactly this one action: CR, LF or NUL anywhere, a name that
// is empty or has a colon, a blank or a byte outside ASCII, a second Action field, and
// what is over Asterisk's limits (lines of 1,024 bytes, 128 headers). Values are not
// shown in the error.
func Encode(dst []byte, a Action) ([]byte, error) {
	if len(a.Fields)+1 > maxActionHeaders {
		return dst, fmt.Errorf("%w: %d headers, at most %d are allowed", ErrAction, len(a.Fields)+1, maxActionHeaders)
	}
	out, err := appendLine(dst, Field{"Action", a.Name})
	if err != nil || a.Name == "" {
		return dst, fmt.Errorf("%w: its name is %.40q", ErrAction, a.Name)
	}
	for _, f := range a.Fields {
		if strings.EqualFold(f.Name, "Action") {
			return dst, fmt.Errorf("%w: it has a second Action field", ErrAction)
		}
		if out, err = appendLine(out, f); err != nil {
			return dst, err
		}
	}
	return append(out, "\r\n"...), nil
}

func appendLine(dst []byte, f Field) ([]byte, error) {
	if f.Name == "" || strings.ContainsFunc(f.Name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) {
		return dst, fmt.Errorf("%w: %.40q is no header name", ErrAction, f.Name)
	}
	if strings.ContainsAny(f.Value, "\r\n\x00") {
		return dst, fmt.Errorf("%w: the value of %s has a line end or a NUL", ErrAction, f.Name)
	}
	if n := len(f.Name) + len(f.Value) + len(": \r\n"); n > maxActionLine {
		return dst, fmt.Errorf("%w: the line of %s has %d bytes, at most %d are allowed", ErrAction, f.Name, n, maxActionLine)
	}
	dst = append(dst, f.Name...)
	dst = append(dst, ": "...)
	dst = append(dst, f.Value...)
	return append(dst, "\r\n"...), nil
}
