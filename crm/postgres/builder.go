package postgres

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"patchcord/crm/internal/stored"
)

// builder writes a statement with its arguments numbered.
type builder struct {
	sql  string
	args []any
}

// add appends text, in which every %s stands for one argument.
func (b *builder) add(text string, args ...any) {
	names := make([]any, len(args))
	for i, a := range args {
		b.args = append(b.args, a)
		names[i] = fmt.Sprintf("$%d", len(b.args))
	}
	b.sql += fmt.Sprintf(text, names...)
}

// limit adds a limit that the plan is made for.
func (b *builder) limit(n int) { b.sql += ` LIMIT ` + strconv.Itoa(n) }

// planned returns the arguments of a statement that is planned for them.
func (b *builder) planned() []any { return append([]any{fresh}, b.args...) }

// bounds keeps what is in the query's time and below the place.
func (b *builder) bounds(started, id string, q *stored.Query, below *stored.Place) {
	if q.From != 0 {
		b.add(` AND `+started+` >= %s`, time.UnixMilli(q.From))
	}
	if q.Until != 0 {
		b.add(` AND `+started+` < %s`, time.UnixMilli(q.Until))
	}
	if below != nil {
		b.add(` AND (`+started+`, `+id+`) < (%s, %s)`, time.UnixMilli(below.Started), below.ID)
	}
}

// conditions keeps the calls that match.
func (b *builder) conditions(q *stored.Query) {
	if len(q.Terms) > 0 {
		b.add(` AND c.terms @@ %s::tsquery`, match(q, ""))
	}
	b.rest(q)
}

// rest keeps the calls that match of those that have the terms.
func (b *builder) rest(q *stored.Query) {
	if q.Ending != "" {
		b.add(` AND strpos(c.numbers, %s) > 0`, "|"+q.Ending)
	}
	if q.MinTalkMS > 0 {
		b.add(` AND c.talk_ms >= %s`, q.MinTalkMS)
	}
}

// match writes a tsquery for the terms of the query, and one more if any. A term
// needs no escape.
func match(q *stored.Query, more string) string {
	var all []string
	for _, t := range q.Terms {
		all = append(all, `'`+t+`'`)
	}
	if more != "" {
		all = append(all, `'`+more+`'`)
	}
	return strings.Join(all, ` & `)
}
