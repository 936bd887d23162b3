package backfill

import (
	"bytes"
	"errors"
	"strings"
)

var errQuote = errors.New("a quote is not closed")

// fields splits one line of a CSV file as Asterisk writes it: a quote inside quotes
// is doubled, and a record is one line.
func fields(line []byte, into []string) ([]string, error) {
	into = into[:0]
	for {
		if len(line) == 0 || line[0] != '"' {
			value, rest, more := bytes.Cut(line, []byte{','})
			into = append(into, string(value))
			if !more {
				return into, nil
			}
			line = rest
			continue
		}
		value, rest, err := quoted(line[1:])
		if err != nil {
			return nil, err
		}
		into = append(into, value)
		if len(rest) == 0 {
			return into, nil
		}
		if rest[0] != ',' {
			return nil, errQuote
		}
		line = rest[1:]
	}
}

// quoted returns what stands before the closing quote, and what follows it.
func quoted(line []byte) (value string, rest []byte, err error) {
	var b strings.Builder
	for {
		i := bytes.IndexByte(line, '"')
		if i < 0 {
			return "", nil, errQuote
		}
		b.Write(line[:i])
		line = line[i+1:]
		if len(line) == 0 || line[0] != '"' {
			return b.String(), line, nil
		}
		b.WriteByte('"')
		line = line[1:]
	}
}
