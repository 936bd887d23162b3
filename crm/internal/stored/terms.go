package stored

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"patchcord/crm"
)

// Terms returns what a whole call of the tenant is found by in the store's inverted
// index, sorted, each once, separated by spaces: its keys, the words of its notes and
// names, and what would make too many rows of the key index. Every call has terms of
// its tenant with its week, month and year, so that the index can be asked for those
// alone, and with the first two of its disposition: the index goes through all calls of
// the rarest term, and there are fewer with a disposition in a month than with either.
func Terms(tenant string, c *crm.Call, keys, numbers []string) string {
	terms := make([]string, 0, len(keys)+24)
	add := func(kind, value string) {
		if value != "" {
			terms = append(terms, Term(kind+Text(value)))
		}
	}
	for _, k := range keys {
		terms = append(terms, Term(k))
	}
	for i := range c.Offers {
		add(extensionKey, c.Offers[i].Extension)
	}
	for i := range c.Talks {
		add(extensionKey, c.Talks[i].Extension)
	}
	for _, p := range []crm.Party{c.From, c.To} {
		if p.E164 == "" { // an outside number is no extension
			add(extensionKey, string(p.Number))
		}
	}
	add(recordedKey, yesNo(len(c.Recordings) > 0))
	add(directionKey, string(c.Direction))
	add(outcomeKey, string(c.Outcome))
	if c.Disposition != nil {
		add(codeKey, c.Disposition.Code)
	}
	for _, n := range numbers {
		terms = append(terms, endings(n)...)
	}
	for _, w := range Words(wordsOf(c)...) {
		add(wordKey, w)
	}
	for s := aWeek; s <= aYear; s++ {
		term, _ := stretch(tenant, Started(c), s)
		terms = append(terms, term)
	}
	if c.Disposition != nil && c.Disposition.Code != "" {
		for s := aWeek; s <= aMonth; s++ {
			term, _ := codedStretch(tenant, Started(c), s, Text(c.Disposition.Code))
			terms = append(terms, term)
		}
	}
	terms = append(terms, talkTerms(c.TalkMS.Duration())...)
	slices.Sort(terms)
	return strings.Join(slices.Compact(terms), " ")
}

// endings returns the keys of a number as Numbers writes it.
func endings(number string) []string {
	out := []string{endingKey + number[:MinDigits]}
	if len(strings.TrimSuffix(number, "+")) >= longEnding {
		out = append(out, endingKey+number[:longEnding])
	}
	if strings.HasSuffix(number, "+") {
		out = append(out, numberKey+number)
	}
	return out
}

// maxTerm is how many bytes of a key its term tells.
const maxTerm = 250

const hexDigits = "0123456789abcdef"

// Term returns the key as a term: without white space or anything that a query
// language of either store gives a meaning. Different keys up to maxTerm bytes have
// different terms.
func Term(key string) string {
	plain := true
	for i := 0; i < len(key) && plain; i++ {
		plain = isPlain(key[i])
	}
	if plain && len(key) <= maxTerm {
		return key
	}
	var b strings.Builder
	for _, c := range []byte(key[:min(len(key), maxTerm)]) {
		if isPlain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('~')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

// isPlain holds for ASCII letters and digits, and signs that both stores take as letters.
func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == ':' || c == '_' || c == '-' || c == '.' || c == '+'
}

// talks are lengths of talk that have a term, which every call has that reaches them.
var talks = [...]time.Duration{
	time.Second, 10 * time.Second, time.Minute, 3 * time.Minute, 10 * time.Minute, 20 * time.Minute,
	30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 10 * time.Hour,
}

// talkTerms returns the terms of a talk. The last is what calls with at least that talk
// are looked for by, and some that are a little shorter.
func talkTerms(d time.Duration) []string {
	var terms []string
	for _, long := range talks {
		if d >= long {
			terms = append(terms, talkKey+strconv.Itoa(int(long/time.Second)))
		}
	}
	return terms
}

// A span is a stretch of time that every call has a term for.
type span int

const (
	aWeek  span = iota // of Thursdays to Wednesdays, for the first began with 1970
	aMonth             // of the calendar, in UTC, as the year
	aYear
)

const week = 7 * 24 * time.Hour

// stretch returns the term of the span of the tenant that has the instant (ms), and
// when the span begins. An index is asked for one at a time: it merges the calls of
// several before it looks for others among them, which takes many times as long.
func stretch(tenant string, at int64, s span) (term string, lo int64) {
	key, lo := stretchKey(at, s)
	return Term(key + ":" + Text(tenant)), lo
}

// codedStretch is stretch for the calls with a disposition.
func codedStretch(tenant string, at int64, s span, code string) (term string, lo int64) {
	key, lo := stretchKey(at, s)
	return Term(codeAtKey + key + ":" + Text(tenant) + ":" + code), lo
}

func stretchKey(at int64, s span) (key string, lo int64) {
	t := time.UnixMilli(at).UTC()
	switch s {
	case aWeek:
		n := t.Unix() / int64(week/time.Second)
		return weekKey + strconv.FormatInt(n, 10), n * week.Milliseconds()
	case aMonth:
		return monthKey + t.Format("2006-01"), time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	}
	return yearKey + t.Format("2006"), time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
}

func yesNo(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
