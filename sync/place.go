package crmsync

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Place is how far a pull has come that reads one object after the other, each in order of its rows' modification
// stamps, then ids. It is the token of such a pull.
type Place struct {
	Object int             `json:"object"` // number of the one that is being read
	Marks  map[string]Mark `json:"marks"`  // by object: the last row that need not be read again
}

// Mark names a row in that order. Stamps of one object compare as text.
type Mark struct {
	Stamp string `json:"stamp"`
	ID    string `json:"id"`
}

// ParsePlace reads a token; "" is the beginning.
func ParsePlace(token string) (Place, error) {
	if token == "" {
		return Place{Marks: map[string]Mark{}}, nil
	}
	var p Place
	if err := json.Unmarshal([]byte(token), &p); err != nil || p.Marks == nil || p.Object < 0 {
		return Place{}, errors.Join(fmt.Errorf("place of the pull: %q is none", Clip(token, 40)), err)
	}
	return p, nil
}

// Current returns the object to read now, and its mark.
func (p *Place) Current(objects []string) (object string, m Mark) {
	object = objects[p.Object%len(objects)]
	return object, p.Marks[object]
}

// Advance takes over a page of the current object and reports whether there is another page now. A row whose stamp is
// after settled does not move the mark: another row may yet get the same stamp and a smaller id, or a transaction that began
// before it may yet be committed. It is read again.
func (p *Place) Advance(objects []string, rows []Mark, full bool, settled string) (more bool) {
	object, before := p.Current(objects)
	for _, r := range rows {
		if r.Stamp <= settled {
			p.Marks[object] = r
		}
	}
	if full && p.Marks[object] != before {
		return true
	}
	p.Object = (p.Object + 1) % len(objects)
	return p.Object != 0
}

// Token is the token for ParsePlace.
func (p *Place) Token() string {
	b, _ := json.Marshal(p) // texts and a number: it cannot fail
	return string(b)
}
