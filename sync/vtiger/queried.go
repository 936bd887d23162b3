package vtiger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// queried is Pull without the operation sync: in order of modifiedtime and id, all fields that the user's profile shows. What is
// deleted is found by Existing.
func (v *Connector) queried(ctx context.Context, token string) (crmsync.Page, error) {
	if strings.Contains(token, `"since"`) { // the operation worked once
		token = ""
	}
	place, err := crmsync.ParsePlace(token)
	if err != nil {
		return crmsync.Page{}, err
	}
	name, mark := place.Current(v.cfg.Contacts)
	where, err := after(mark)
	if err != nil {
		return crmsync.Page{}, err
	}
	rows, at, err := v.query(ctx, fmt.Sprintf("SELECT * FROM %s%s ORDER BY modifiedtime, id LIMIT 0, %d", name, where, most))
	if err != nil {
		return crmsync.Page{}, err
	}
	var page crmsync.Page
	if page.Changed, err = v.people(ctx, name, rows); err != nil {
		return crmsync.Page{}, err
	}
	marks := make([]crmsync.Mark, len(rows))
	for i, r := range rows {
		marks[i] = crmsync.Mark{Stamp: r.text("modifiedtime"), ID: r.text("id")}
	}
	page.More = place.Advance(v.cfg.Contacts, marks, len(rows) > 0, v.settled(marks, len(rows) == most, at))
	page.Token = place.Token()
	return page, nil
}

// after is what comes behind the mark: there are no parentheses, but "and" binds before "or".
func after(m crmsync.Mark) (string, error) {
	if m.Stamp == "" {
		return "", nil
	}
	if _, err := time.Parse(wallClock, m.Stamp); err != nil || !idForm.MatchString(m.ID) {
		return "", fmt.Errorf("place of the pull: %q, %q is none", crmsync.Clip(m.Stamp, 20), crmsync.Clip(m.ID, 20))
	}
	return fmt.Sprintf(" WHERE modifiedtime > '%s' OR modifiedtime = '%s' AND id > '%s'", m.Stamp, m.Stamp, m.ID), nil
}

// settled returns the stamp after which changes may not be visible yet. While the server's time zone is a guess it is
// taken from the last row, so that what changed just before is read again.
func (v *Connector) settled(rows []crmsync.Mark, full bool, at time.Time) string {
	if v.clock.known() {
		date, timeOfDay := v.clock.show(at.Add(-settling))
		return date + " " + timeOfDay
	}
	if len(rows) == 0 {
		return ""
	}
	last := rows[len(rows)-1].Stamp
	t, err := time.Parse(wallClock, last)
	if err != nil || full {
		return last
	}
	return t.Add(-settling).Format(wallClock)
}

// Existing implements crmsync.Survivors. By the operation sync Pull tells of every deletion itself.
func (v *Connector) Existing(ctx context.Context, name string, ids []string) (map[string]bool, error) {
	there := map[string]bool{}
	if !v.asks.Load() {
		for _, id := range ids {
			there[id] = true
		}
		return there, nil
	}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !idForm.MatchString(id) })
	for some := range slices.Chunk(ids, most) {
		rows, _, err := v.query(ctx, fmt.Sprintf("SELECT id FROM %s WHERE %s LIMIT 0, %d", name, among(some), most))
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			there[r.text("id")] = true
		}
	}
	return there, nil
}

// among is the test for some ids; of one, some versions make no list.
func among(ids []string) string {
	if len(ids) == 1 {
		return "id = '" + ids[0] + "'"
	}
	return "id IN ('" + strings.Join(ids, "','") + "')"
}
