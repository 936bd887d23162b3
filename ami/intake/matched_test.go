package intake

import (
	"testing"

	"patchcord/buffer"
	"patchcord/crm"
)

// Calls that came while no store was there to ask have their contacts when they are recorded.
func TestWhomNobodyLookedUpIsMatchedWhenItIsRecorded(t *testing.T) {
	t.Parallel()
	entries, _ := poisoned(t)
	stocks(t, func(t *testing.T, log buffer.Log, store allergic) {
		var number crm.Number
		for _, c := range foldWithout(t, life(t, log, store, never).cfg, entries, crm.Position{}) {
			if c.Direction == crm.Inbound && !c.Open() && c.From.E164 != "" {
				number = c.From.E164
			}
		}
		_, err := store.CreateContact(t.Context(), "default", crm.Contact{ID: "c1", Name: "Jane Doe", Numbers: []crm.Number{number}})
		if err != nil {
			t.Fatal(err)
		}
		fill(t, log, entries)
		if err := life(t, log, store, never).resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		matched := 0
		for _, c := range recordsIn(t, store) {
			want := c.Direction != crm.Internal && !c.Open() && c.Outside().E164 == number
			if has := c.Contact != nil && c.Contact.ID == "c1"; has != want {
				t.Errorf("call %s of %s has the contact %+v, want one: %v", c.ID, c.Outside().E164, c.Contact, want)
			}
			if want {
				matched++
			}
		}
		if matched == 0 {
			t.Error("nobody called whom somebody knows")
		}
	})
}
