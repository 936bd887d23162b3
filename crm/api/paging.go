package api

import (
	"cmp"
	"encoding/base64"
	"slices"

	"patchcord/crm"
)

// Paged is the query of every list. Like the other parts of requests it is exported
// because huma reads exported fields only.
type Paged struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
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
// items are sorted by key; a cursor is the key of the last item seen. No limit is all.
func pageOf[T any](items []T, key func(T) string, p Paged) (*listOutput[T], error) {
	after, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil {
		return nil, &crm.InputError{Field: "cursor", Msg: "is not a cursor of this list; begin without one"}
	}
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	if p.Cursor != "" {
		items = slices.DeleteFunc(items, func(v T) bool { return key(v) <= string(after) })
	}
	if p.Limit == 0 || len(items) <= p.Limit {
		return listOf(items, ""), nil
	}
	items = items[:p.Limit]
	return listOf(items, base64.RawURLEncoding.EncodeToString([]byte(key(items[p.Limit-1])))), nil
}
