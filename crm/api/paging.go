package api

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"reflect"
	"slices"

	"patchcord/crm"
)

// Paged is the query of every list. Like the other parts of requests it is exported
// because huma reads exported fields only.
type Paged struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Items of a page"`
	Cursor string `query:"cursor" maxLength:"2000" doc:"next_cursor of the page before; opaque"`
}

func (p Paged) page() crm.Page { return crm.Page{Limit: p.Limit, Cursor: p.Cursor} }

// list is one page of items.
type list[T any] struct {
	Items      []T    `json:"items" nullable:"false"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Absent on the last page"`
}

type listOutput[T any] struct{ Body list[T] }

func listOf[T any](items []T, next string) *listOutput[T] {
	if items == nil {
		items = []T{}
	}
	return &listOutput[T]{Body: list[T]{Items: items, NextCursor: next}}
}

// pageOf cuts one page out of a list that is short enough to be read whole. The
// items are sorted by key; a cursor holds the key of the last item seen. No limit is all.
func pageOf[T any](items []T, key func(T) string, p Paged) (*listOutput[T], error) {
	after, ok := openCursor[T](p.Cursor)
	if !ok {
		return nil, &crm.InputError{Field: "cursor", Msg: "is not a cursor of this list; begin without one"}
	}
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	if p.Cursor != "" {
		items = slices.DeleteFunc(items, func(v T) bool { return key(v) <= after })
	}
	if p.Limit == 0 || len(items) <= p.Limit {
		return listOf(items, ""), nil
	}
	items = items[:p.Limit]
	return listOf(items, sealCursor[T](key(items[p.Limit-1]))), nil
}

// sealCursor makes the cursor after the item of that key in a list of T. It keeps no
// secret: it tells a cursor of this list from another's, and from one that was cut.
func sealCursor[T any](key string) string {
	return base64.RawURLEncoding.EncodeToString(append(cursorSum[T](key), key...))
}

// openCursor returns the key that a cursor holds, "" for none.
func openCursor[T any](cursor string) (key string, ok bool) {
	if cursor == "" {
		return "", true
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) < crc32.Size {
		return "", false
	}
	key = string(b[crc32.Size:])
	return key, bytes.Equal(b[:crc32.Size], cursorSum[T](key))
}

func cursorSum[T any](key string) []byte {
	sum := crc32.ChecksumIEEE([]byte(reflect.TypeFor[T]().String() + "\n" + key))
	return binary.BigEndian.AppendUint32(nil, sum)
}
