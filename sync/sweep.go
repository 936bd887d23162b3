package crmsync

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"patchcord/crm"
)

// Survivors is a Contacts of a CRM that keeps no trace, or none that we may read, of what was deleted or merged away:
// a Pull asks it again and again about what the replica holds.
type Survivors interface {
	// Existing returns which of the ids of an object, at most 200, the CRM has now.
	Existing(ctx context.Context, object string, ids []string) (map[string]bool, error)
}

// A sweep is spread over many pulls, so that a large book costs a few requests at a time.
const (
	sweepPage  = 200
	sweepPages = 5 // after each pull
)

// sweep removes from the replica what the CRM does not have any more, going on where the last sweep ended.
func (p *Pull) sweep(ctx context.Context) error {
	survivors, ok := p.cfg.Contacts.(Survivors)
	if !ok {
		return nil
	}
	for range sweepPages {
		held, next, err := p.cfg.Store.Contacts(ctx, p.cfg.Tenant, "", crm.Page{Limit: sweepPage, Cursor: p.swept})
		if err != nil {
			return fmt.Errorf("list contacts: %w", err)
		}
		gone, err := p.missing(ctx, survivors, held)
		if err != nil {
			return fmt.Errorf("look for deleted contacts: %w", err)
		}
		if err := p.remove(ctx, gone); err != nil {
			return err
		}
		p.count(Page{Gone: gone})
		if p.swept = next; next == "" {
			return nil
		}
	}
	return nil
}

// missing returns those contacts of this CRM that it does not have.
func (p *Pull) missing(ctx context.Context, s Survivors, held []crm.Contact) ([]Ref, error) {
	ids := map[string][]string{}
	for _, c := range held {
		if ref, ours := ParseContactID(p.cfg.Name, c.ID); ours {
			ids[ref.Object] = append(ids[ref.Object], ref.ID)
		}
	}
	var gone []Ref
	for _, object := range slices.Sorted(maps.Keys(ids)) {
		there, err := s.Existing(ctx, object, ids[object])
		if err != nil {
			return nil, err
		}
		for _, id := range ids[object] {
			if !there[id] {
				gone = append(gone, Ref{object, id})
			}
		}
	}
	return gone, nil
}
