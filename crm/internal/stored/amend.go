package stored

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"patchcord/crm"
)

// laterBoots is how many calls with the same Linkedid, of later lives of a PBX, are
// looked at when a ledger tells of one.
const laterBoots = 2

// IDsOf returns the ids under which a call that a ledger tells of may be stored.
func IDsOf(c *crm.Call) []string {
	var ids []string
	for _, l := range c.Linkedids {
		id := c.PBX + ":" + l
		ids = append(ids, id)
		for n := range laterBoots {
			ids = append(ids, id+"~"+strconv.Itoa(n+2))
		}
	}
	if !slices.Contains(ids, c.ID) {
		ids = append(ids, c.ID)
	}
	return ids
}

// LinkedKeys returns the keys, hashed, of calls that absorbed one of the call's Linkedids.
func LinkedKeys(tenant string, c *crm.Call) []int64 {
	keys := make([]int64, len(c.Linkedids))
	for i, l := range c.Linkedids {
		keys[i] = Hash(tenant, linkedidKey+c.PBX+":"+l)
	}
	return keys
}

// SameLife leaves of records with one Linkedid in several lives of the PBX the one
// that began nearest to the call: a ledger does not say which life it tells of.
func SameLife(c *crm.Call, records []*crm.Call) []*crm.Call {
	best := map[string]*crm.Call{}
	for _, r := range records {
		base, _, _ := strings.Cut(r.ID, "~")
		if o := best[base]; o == nil || apart(c, r) < apart(c, o) {
			best[base] = r
		}
	}
	return slices.DeleteFunc(records, func(r *crm.Call) bool {
		base, _, _ := strings.Cut(r.ID, "~")
		return best[base] != r
	})
}

func apart(a, b *crm.Call) time.Duration {
	if a.StartedAt.IsZero() || b.StartedAt.IsZero() {
		return 0
	}
	return a.StartedAt.Sub(b.StartedAt.Time).Abs()
}

// Amended returns what is to be told of a call that was amended; whole is as it is stored now.
func Amended(a *crm.Amendment, p *crm.Plan, whole *crm.Call) []crm.Event {
	at := crm.At(a.At)
	var out []crm.Event
	for _, m := range p.Merge {
		out = append(out, crm.Event{Type: crm.CallMerged, At: at, Tenant: a.Tenant, Call: m, Into: whole.ID})
	}
	return append(out, crm.Event{Type: p.Event, At: at, Tenant: a.Tenant, Call: whole})
}
