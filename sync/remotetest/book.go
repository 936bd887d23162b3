package remotetest

import (
	"maps"
	"testing"

	crmsync "patchcord/sync"
)

// Book is a replica of contacts, as a crmsync.Pull keeps it.
type Book struct {
	People map[crmsync.Ref]crmsync.Person
	Into   map[crmsync.Ref]crmsync.Ref // of those that were merged: into what
	token  string
}

// Read takes over every page that there is now, and returns how many there were.
func (b *Book) Read(t *testing.T, c crmsync.Contacts) (pages int) {
	t.Helper()
	if b.People == nil {
		b.People, b.Into = map[crmsync.Ref]crmsync.Person{}, map[crmsync.Ref]crmsync.Ref{}
	}
	for more := true; more; pages++ {
		page, err := c.Pull(t.Context(), b.token)
		if err != nil || pages > 200 {
			t.Fatalf("page %d: %v", pages, err)
		}
		for _, p := range page.Changed {
			b.People[p.Ref] = p
		}
		for _, ref := range page.Gone {
			delete(b.People, ref)
		}
		maps.Copy(b.Into, page.Into)
		b.token, more = page.Token, page.More
	}
	return pages
}
