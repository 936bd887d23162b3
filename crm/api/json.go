package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// jsonFormat refuses what is no UTF-8 (RFC 8259 section 8.1): encoding/json would store
// a caller's name in Latin-1 with its letters replaced, and say that all is well. Of a
// name that comes twice it would take the last, as others do not (section 4).
var jsonFormat = huma.Format{
	Marshal: huma.DefaultJSONFormat.Marshal,
	Unmarshal: func(data []byte, v any) error {
		if !utf8.Valid(data) {
			return errors.New("want UTF-8")
		}
		if err := json.Unmarshal(data, v); err != nil {
			return err
		}
		return namesOnce(json.NewDecoder(bytes.NewReader(data)))
	},
}

// namesOnce reads one value, and refuses an object in it that has a name twice.
func namesOnce(d *json.Decoder) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('['):
		return each(d, func() error { return namesOnce(d) })
	case json.Delim('{'):
		seen := map[json.Token]bool{}
		return each(d, func() error {
			name, err := d.Token()
			if err != nil {
				return err
			}
			if seen[name] {
				return fmt.Errorf("has %q twice", name)
			}
			seen[name] = true
			return namesOnce(d)
		})
	}
	return nil
}

// each reads the members of an object or a list to its end.
func each(d *json.Decoder, member func() error) error {
	for d.More() {
		if err := member(); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// exactNames has huma take {"Name":…} for an unknown field. It would take it for name, as encoding/json does, but check
// the limits of one of the two where both come.
var exactNames = sync.OnceFunc(func() { huma.ValidateStrictCasing = true })
