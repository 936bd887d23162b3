package crmsync

import (
	"net/url"
	"strings"
)

// batch is the activities that jobs come to, each key once: of two jobs with one key the later
// wins, and both get the outcome.
type batch struct {
	list    []Activity
	at      map[string]int   // place in list by key
	jobs    map[string][]int // places of the jobs by key
	refused map[string]error
}

func (b *batch) add(job int, a Activity) {
	if b.jobs == nil {
		b.jobs, b.refused = map[string][]int{}, map[string]error{}
	}
	b.jobs[a.Key] = append(b.jobs[a.Key], job)
	if i, ok := b.at[a.Key]; ok {
		b.list[i] = a
		return
	}
	b.at[a.Key] = len(b.list)
	b.list = append(b.list, a)
}

// refuse gives the jobs of a key an outcome without a write.
func (b *batch) refuse(key string, err error) { b.refused[key] = err }

// only refuses every activity but that one, and reports whether there is one.
func (b *batch) only(one *Activity, err error) bool {
	if one == nil {
		return false
	}
	kept := one.Key
	for _, a := range b.list {
		if a.Key != kept {
			b.refuse(a.Key, err)
		}
	}
	return true
}

// drop takes activities out of what is written.
func (b *batch) drop(unwanted func(Activity) bool) {
	kept := b.list[:0]
	for _, a := range b.list {
		if !unwanted(a) {
			kept = append(kept, a)
		}
	}
	b.list = kept
}

// all gives every job of an activity the same outcome.
func (b *batch) all(errs []error, err error) []error {
	for _, jobs := range b.jobs {
		for _, i := range jobs {
			errs[i] = err
		}
	}
	return errs
}

// report gives every job the outcome of its activity.
func (b *batch) report(errs, outcome []error) []error {
	for key, err := range b.refused {
		for _, i := range b.jobs[key] {
			errs[i] = err
		}
	}
	for n, a := range b.list {
		for _, i := range b.jobs[a.Key] {
			errs[i] = outcome[n]
		}
	}
	return errs
}

// ContactID returns the id here of a record of a CRM.
func ContactID(dest string, ref Ref) string { return dest + ":" + ref.Object + ":" + ref.ID }

// ParseContactID takes an id apart; false when it is not of that CRM.
func ParseContactID(dest, id string) (Ref, bool) {
	rest, ours := strings.CutPrefix(id, dest+":")
	object, remote, ok := strings.Cut(rest, ":")
	return Ref{object, remote}, ours && ok && object != "" && remote != ""
}

func escapePath(s string) string { return url.PathEscape(s) }
