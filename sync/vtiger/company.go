package vtiger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	crmsync "patchcord/sync"
)

const (
	// companyParam stands beside the element of a change and names every contact of the event, by their numbers with semicolons
	// between, as the program's own form does. Without it a change leaves an event one contact (modules/Calendar/Activity.php,
	// save_module, of Vtiger 8.2 and of F-RevoCRM 8: it reads the request, which a web service's is to PHP too).
	companyParam = "contactidlist"
	contactField = "contact_id"
	// mostCompany is how many contacts of an event are asked for.
	mostCompany = 50
)

// company returns the numbers of the contacts that an event is to keep through a change, ours among them; none when it has no more than
// one. A query reads a row for each contact but tells one of an event (VtigerModuleOperation.php, query, of the same), so they are
// asked for one by one, the second first: an event that has none, which is nearly every one, costs one request.
func (v *Connector) company(ctx context.Context, a crmsync.Activity) ([]string, error) {
	if a.ID == "" || !idForm.MatchString(a.ID) {
		return nil, nil
	}
	var ids []string
	for n := 1; n < mostCompany; n++ {
		id, there, err := v.companion(ctx, a.ID, n)
		if err != nil || !there && n == 1 {
			return nil, err
		}
		if !there {
			break
		}
		ids = append(ids, id)
	}
	first, _, err := v.companion(ctx, a.ID, 0)
	if err != nil {
		return nil, err
	}
	ids = append([]string{first}, ids...)
	module, ours := "", crmsync.Text(a.Links[contactField])
	for _, id := range ids {
		of, _, _ := strings.Cut(id, "x")
		module = cmp.Or(module, of)
	}
	var numbers []string
	for _, id := range append([]string{ours}, ids...) { // ours, unless it is no contact: then the change is refused for it
		if of, number, ok := strings.Cut(id, "x"); ok && of == module && !slices.Contains(numbers, number) {
			numbers = append(numbers, number)
		}
	}
	return numbers, nil
}

// companion returns the nth contact of an event, "" when that was deleted, and reports whether there is a row for one. A profile may
// not show the field.
func (v *Connector) companion(ctx context.Context, event string, n int) (id string, there bool, err error) {
	rows, _, err := v.query(ctx, fmt.Sprintf("SELECT id, %s FROM Events WHERE id = '%s' ORDER BY %s LIMIT %d, 1", contactField, event, contactField, n))
	if hidden(err) {
		return "", false, nil
	}
	if err != nil || len(rows) == 0 {
		return "", false, err
	}
	return rows[0].text(contactField), true, nil
}
