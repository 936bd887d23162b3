package stored

import (
	"hash/fnv"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"patchcord/crm"
)

// MinDigits is the least number of digits a search by the end of a number takes.
const MinDigits = 4

// A key is one exact thing a call can be found by. Those of agents, queues and open
// calls stand in the store's key index together with the start and id of the call,
// so that a page of the calls with that key is one range of the index, however many
// there are. All of them are terms; see Terms.
const (
	KeyOpen      = "live:"
	agentKey     = "a:"
	queueKey     = "q:"
	linkedidKey  = "l:" // with the PBX before it; one that the id of the call does not tell
	extensionKey = "x:"
	directionKey = "d:"
	outcomeKey   = "o:"
	codeKey      = "s:"
	recordedKey  = "r:"
	numberKey    = "n:" // all digits of a number in E.164, reversed
	endingKey    = "e:" // the last MinDigits or longEnding digits of a number, reversed
	talkKey      = "t:" // seconds that were talked at least, one of talks
	yearKey      = "y:" // tenant and year of the start; as the two below, see stretch
	monthKey     = "m:"
	weekKey      = "k:"
	codeAtKey    = "s" // before the two above: the calls of it with the disposition after it
	wordKey      = "w:"
)

// longEnding is how many last digits of a number have a key beside MinDigits of
// them: those of a number without its area.
const longEnding = 7

// Keys returns what of a whole call stands in the key index, sorted, each once.
func Keys(c *crm.Call) []string {
	keys := make([]string, 0, 8)
	add := func(kind, value string) {
		if value != "" {
			keys = append(keys, Text(kind+value))
		}
	}
	for i := range c.Offers {
		for _, name := range c.Offers[i].Users() {
			add(agentKey, name)
		}
		add(queueKey, c.Offers[i].Queue)
	}
	for i := range c.Talks {
		for _, name := range c.Talks[i].Users() {
			add(agentKey, name)
		}
	}
	for i := range c.QueueVisits {
		add(queueKey, c.QueueVisits[i].Queue)
	}
	if c.Open() {
		keys = append(keys, KeyOpen)
	}
	for _, l := range c.Linkedids {
		if id := c.PBX + ":" + l; id != c.ID {
			keys = append(keys, Text(linkedidKey+id))
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Hash returns what stands for a key of the tenant in the key index. A collision
// brings a call that does not have the key; its terms tell.
func Hash(tenant, key string) int64 {
	h := fnv.New64a()
	h.Write([]byte(Text(tenant) + "\x00" + Text(key)))
	return int64(h.Sum64())
}

// KeyChanges returns which keys, hashed, are to be removed from the key index and
// which to be added to it, for a call that had some and has others. When its start
// moved all of them are.
func KeyChanges(tenant string, had, has []string, moved bool) (less, more []int64) {
	old, now := hashes(tenant, had), hashes(tenant, has)
	for _, k := range old {
		if moved || !slices.Contains(now, k) {
			less = append(less, k)
		}
	}
	for _, k := range now {
		if moved || !slices.Contains(old, k) {
			more = append(more, k)
		}
	}
	return less, more
}

// hashes returns the hash of each key, each once: two may have the same.
func hashes(tenant string, keys []string) []int64 {
	out := make([]int64, len(keys))
	for i, k := range keys {
		out[i] = Hash(tenant, k)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Numbers returns the caller's and dialled numbers that are long enough to be
// searched for, digits only and reversed; a number in E.164 ends with "+".
func Numbers(c *crm.Call) []string {
	var out []string
	for _, p := range []crm.Party{c.From, c.To} {
		e164, sent := reversed(string(p.E164)), reversed(string(p.Number))
		if e164 == "" && strings.HasPrefix(string(p.Number), "+") {
			e164 = sent
		}
		if len(e164) >= MinDigits {
			out = append(out, e164+"+")
		}
		if len(sent) >= MinDigits && !strings.HasPrefix(e164, sent) {
			out = append(out, sent)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// joinNumbers writes numbers so that "|" and reversed digits in it finds an ending.
func joinNumbers(numbers []string) string { return "|" + strings.Join(numbers, "|") }

// reversed returns the ASCII digits of s, last first.
func reversed(s string) string {
	out := make([]byte, 0, len(s))
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] >= '0' && s[i] <= '9' {
			out = append(out, s[i])
		}
	}
	return string(out)
}

func wordsOf(c *crm.Call) []string {
	texts := []string{c.From.Name}
	if c.Disposition != nil {
		texts = append(texts, c.Disposition.Note)
	}
	if c.Contact != nil {
		texts = append(texts, c.Contact.Name)
	}
	for i := range c.Notes {
		texts = append(texts, c.Notes[i].Text)
	}
	return texts
}

const (
	maxWords = 2000 // of one call; more are not found
	maxWord  = 64   // bytes
)

// Words returns the words of the texts as both stores find them: in lower case,
// without accents, sorted, each once. Everything but letters and digits separates.
func Words(texts ...string) []string {
	words := []string{}
	for _, t := range texts {
		for _, w := range strings.FieldsFunc(fold(t), isSeparator) {
			words = append(words, strings.ToValidUTF8(w[:min(len(w), maxWord)], ""))
		}
	}
	slices.Sort(words)
	words = slices.Compact(words)
	return words[:min(len(words), maxWords)]
}

// fold returns s in lower case and without accents.
func fold(s string) string {
	plain := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.M, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(Text(s)))
	return strings.ToLower(plain)
}

func isSeparator(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
