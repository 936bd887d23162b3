package stored

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strconv"
	"strings"

	"patchcord/crm"
)

// Place is a place in a list of calls: below every call that started later, or
// at the same time with a higher id.
type Place struct {
	Started int64 // ms
	ID      string
}

// Cursor returns p in the form that leaves the store.
func (p Place) Cursor() string { return seal("c" + strconv.FormatInt(p.Started, 10) + "\n" + p.ID) }

// ParsePlace reads what Cursor wrote; anything else is an *InputError.
func ParsePlace(cursor string) (*Place, error) {
	at, id, err := open(cursor, "c")
	if err != nil {
		return nil, err
	}
	ms, bad := strconv.ParseInt(at, 10, 64)
	if bad != nil {
		return nil, errCursor()
	}
	return &Place{Started: ms, ID: id}, nil
}

// NamePlace is a place in a list of contacts.
type NamePlace struct{ Name, ID string }

// Cursor returns p in the form that leaves the store.
func (p NamePlace) Cursor() string { return seal("n" + p.Name + "\n" + p.ID) }

// ParseNamePlace reads what Cursor wrote; "" is the beginning.
func ParseNamePlace(cursor string) (NamePlace, error) {
	if cursor == "" {
		return NamePlace{}, nil
	}
	name, id, err := open(cursor, "n")
	return NamePlace{Name: name, ID: id}, err
}

func errCursor() error {
	return &crm.InputError{Field: "cursor", Msg: "not a cursor of this list: start again without one"}
}

// seal encodes text with a checksum. It keeps no secret: it tells a cursor that
// was cut or edited from one that was handed out.
func seal(text string) string {
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(text)))
	return base64.RawURLEncoding.EncodeToString(append(sum, text...))
}

func open(cursor, kind string) (first, id string, err error) {
	b, bad := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if bad != nil || len(b) < 5 || binary.BigEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:]) {
		return "", "", errCursor()
	}
	text, ok := strings.CutPrefix(string(b[4:]), kind)
	at := strings.IndexByte(text, '\n') // neither a time nor a sort name has one
	if !ok || at < 0 {
		return "", "", errCursor()
	}
	return text[:at], text[at+1:], nil
}
