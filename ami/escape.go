package ami

import "strings"

// Escaped reports whether Asterisk C-escapes that header of that event: the names
// that a caller chose (CallerIDName and ConnectedLineName, with Dest, Transferee and
// other prefixes), and Variable and Value of VarSet. Numbers, channel names, ids, and
// what the dialplan puts into a UserEvent are not escaped: undoing escapes there would
// lose a backslash that was really sent.
func Escaped(event, header string) bool {
	if event == "VarSet" && (strings.EqualFold(header, "Variable") || strings.EqualFold(header, "Value")) {
		return true
	}
	return hasSuffixFold(header, "CallerIDName") || hasSuffixFold(header, "ConnectedLineName")
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// Text is Get with the escapes undone, where Asterisk makes any.
func (m Message) Text(name string) string {
	v := m.Get(name)
	if strings.IndexByte(v, '\\') >= 0 && Escaped(m.Event(), name) {
		return Unescape(v)
	}
	return v
}

// Unescape undoes the C escapes \' \" \\ \? \n \r \t \a \b \f \v. Any other
// backslash stays as it is. Use it on headers that are Escaped. With pjsip the quotes
// of a SIP display name come escaped twice.
func Unescape(s string) string {
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i >= 0 && i+1 < len(s) {
		b.WriteString(s[:i])
		if c, ok := unescaped(s[i+1]); ok {
			b.WriteByte(c)
			s = s[i+2:]
		} else {
			b.WriteByte('\\')
			s = s[i+1:]
		}
		i = strings.IndexByte(s, '\\')
	}
	b.WriteString(s)
	return b.String()
}

func unescaped(c byte) (byte, bool) {
	switch c {
	case '\'', '"', '\\', '?':
		return c, true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'a':
		return '\a', true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'v':
		return '\v', true
	}
	return 0, false
}

// Empty reports whether a header's value stands for nothing: Asterisk writes "",
// "<unknown>" (numbers, names, bridge creators) or "<null>" (the Uniqueid of a
// failed OriginateResponse).
func Empty(v string) bool { return v == "" || v == "<unknown>" || v == "<null>" }
