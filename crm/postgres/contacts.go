package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

const contactColumns = `c.id, c.name, c.company, c.email, c.numbers, c.notes, c.url, c.created, c.updated, c.version`

// CreateContact implements crm.ContactStore.
func (s *Store) CreateContact(ctx context.Context, tenant string, c crm.Contact) (crm.Contact, error) {
	c.Version = 1
	return s.putContact(ctx, "create contact", tenant, c, `
		INSERT INTO contacts (tenant, id, name, sort, haystack, company, email, numbers, notes, url, created, updated, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $12, $11, $13)`, ts(c.CreatedAt.Time), c.Version)
}

// UpdateContact implements crm.ContactStore.
func (s *Store) UpdateContact(ctx context.Context, tenant string, c crm.Contact) (crm.Contact, error) {
	return s.putContact(ctx, "update contact", tenant, c, `
		UPDATE contacts SET name = $3, sort = $4, haystack = $5, company = $6, email = $7, numbers = $8, notes = $9,
			url = $10, updated = $11, version = version + 1
		WHERE tenant = $1 AND id = $2 AND $12::bigint IN (0, version)`, c.Version)
}

// putContact runs a statement that writes the contact's row, stores its numbers
// and returns it as it is stored then.
func (s *Store) putContact(
	ctx context.Context, doing, tenant string, c crm.Contact, query string, more ...any,
) (out crm.Contact, err error) {
	numbers, err := json.Marshal(c.Numbers)
	if err != nil {
		return crm.Contact{}, err
	}
	args := append([]any{tenant, c.ID, c.Name, stored.SortName(c.Name), stored.Haystack(&c), c.Company, c.Email,
		string(stored.JSON(numbers)), c.Notes, c.URL, ts(c.UpdatedAt.Time)}, more...)
	err = s.write(ctx, doing, func(t tx) error {
		n, err := t.exec(ctx, query, args...)
		if err != nil {
			return err
		}
		if n == 0 {
			return other(ctx, t, tenant, c.ID, c.Version)
		}
		if err := putNumbers(ctx, t, tenant, &c); err != nil {
			return err
		}
		out, err = contact(ctx, t, tenant, c.ID)
		return err
	})
	return out, err
}

// other says why a contact of that version was not met.
func other(ctx context.Context, t tx, tenant, id string, version int) error {
	if _, err := contact(ctx, t, tenant, id); err != nil {
		return err
	}
	return fmt.Errorf("%w: it is no longer version %d", crm.ErrConflict, version)
}

func putNumbers(ctx context.Context, t tx, tenant string, c *crm.Contact) error {
	_, err := t.exec(ctx, `DELETE FROM contact_numbers WHERE tenant = $1 AND id = $2`, tenant, c.ID)
	if err != nil {
		return err
	}
	numbers := make([]string, len(c.Numbers))
	for i, n := range c.Numbers {
		numbers[i] = string(n)
	}
	_, err = t.exec(ctx, `
		INSERT INTO contact_numbers (tenant, id, number) SELECT $1, $2, unnest($3::text[])
		ON CONFLICT DO NOTHING`, tenant, c.ID, numbers)
	return err
}

// Contact implements crm.ContactStore.
func (s *Store) Contact(ctx context.Context, tenant, id string) (c crm.Contact, err error) {
	err = s.read(ctx, "read contact", func(t tx) error {
		c, err = contact(ctx, t, tenant, id)
		return err
	})
	return c, err
}

func contact(ctx context.Context, t tx, tenant, id string) (crm.Contact, error) {
	found, err := contacts(ctx, t, tenant, `FROM contacts AS c WHERE c.tenant = $1 AND c.id = $2`, tenant, id)
	if err == nil && len(found) == 0 {
		err = crm.ErrNotFound
	}
	if err != nil {
		return crm.Contact{}, err
	}
	return found[0], nil
}

func contacts(ctx context.Context, t tx, tenant, from string, args ...any) ([]crm.Contact, error) {
	found := []crm.Contact{}
	err := t.each(ctx, `SELECT `+contactColumns+` `+from, args, func(scan scan) error {
		c := crm.Contact{Tenant: tenant}
		var numbers []byte
		err := scan(&c.ID, &c.Name, &c.Company, &c.Email, &numbers, &c.Notes, &c.URL,
			timeAt{&c.CreatedAt}, timeAt{&c.UpdatedAt}, &c.Version)
		if err != nil {
			return err
		}
		err = json.Unmarshal(numbers, &c.Numbers)
		found = append(found, c)
		return err
	})
	return found, err
}

// DeleteContact implements crm.ContactStore.
func (s *Store) DeleteContact(ctx context.Context, tenant, id string, version int) error {
	return s.write(ctx, "delete contact", func(t tx) error {
		n, err := t.exec(ctx, `DELETE FROM contacts WHERE tenant = $1 AND id = $2 AND $3::bigint IN (0, version)`, tenant, id, version)
		if err == nil && n == 0 {
			return other(ctx, t, tenant, id, version)
		}
		return err
	})
}

// Contacts implements crm.ContactStore.
func (s *Store) Contacts(
	ctx context.Context, tenant, q string, p crm.Page,
) (found []crm.Contact, next string, err error) {
	limit, err := stored.Limit(p.Limit)
	if err != nil {
		return nil, "", err
	}
	after, err := stored.ParseNamePlace(p.Cursor)
	if err != nil {
		return nil, "", err
	}
	err = s.read(ctx, "list contacts", func(t tx) error {
		found, err = contacts(ctx, t, tenant, `
			FROM contacts AS c WHERE c.tenant = $1 AND (c.sort, c.id) > ($2, $3)
				AND ($4 = '%%' OR c.haystack LIKE $4 ESCAPE '\')
			ORDER BY c.sort, c.id LIMIT $5`, tenant, after.Name, after.ID, stored.Needle(q), limit+1)
		return err
	})
	if len(found) > limit {
		found = found[:limit]
		last := found[limit-1]
		next = stored.NamePlace{Name: stored.SortName(last.Name), ID: last.ID}.Cursor()
	}
	return found, next, err
}

// soleContacts returns the contact of each of the numbers that exactly one has.
func soleContacts(ctx context.Context, t tx, tenant string, numbers []crm.Number) (map[crm.Number]crm.Match, error) {
	found := map[crm.Number]crm.Match{}
	err := t.each(ctx, `
		SELECT n.number, min(c.id), min(c.name)
		FROM contact_numbers AS n JOIN contacts AS c ON c.tenant = n.tenant AND c.id = n.id
		WHERE n.tenant = $1 AND n.number = ANY($2) GROUP BY n.number HAVING count(*) = 1`,
		[]any{tenant, numbers}, func(scan scan) error {
			var n crm.Number
			var c crm.Contact
			err := scan(&n, &c.ID, &c.Name)
			found[n] = crm.Matches([]crm.Contact{c})[0]
			return err
		})
	return found, err
}

// MatchNumber implements crm.ContactStore.
func (s *Store) MatchNumber(ctx context.Context, tenant string, e164 crm.Number) (found []crm.Contact, err error) {
	err = s.read(ctx, "match number", func(t tx) error {
		found, err = contacts(ctx, t, tenant, `
			FROM contact_numbers AS n JOIN contacts AS c ON c.tenant = n.tenant AND c.id = n.id
			WHERE n.tenant = $1 AND n.number = $2 ORDER BY c.sort, c.id LIMIT 20`, tenant, string(e164))
		return err
	})
	return found, err
}
