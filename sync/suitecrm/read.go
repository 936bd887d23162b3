package suitecrm

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// filter is conditions that must all hold: by field and operator. There is no other way to join them and no second field to sort by
// (Filter.php, Sort.php).
type filter map[[2]string]string

const most = 100

// list reads a page of records; page 1 is the first.
func (s *Connector) list(ctx context.Context, module, fields, sort string, page int, f filter) ([]resource, said, error) {
	v := url.Values{"fields[" + module + "]": {fields}, "sort": {sort}, "page[size]": {itoa(most)}, "page[number]": {itoa(page)}}
	for condition, value := range f {
		v.Set("filter["+condition[0]+"]["+condition[1]+"]", value)
	}
	var rows []resource
	answer, err := s.do(ctx, http.MethodGet, "/module/"+module+"?"+v.Encode(), nil, &rows)
	return rows, answer, err
}

// Find implements crmsync.Connector.
func (s *Connector) Find(ctx context.Context, keys []string) (map[string][]string, error) {
	found := map[string][]string{}
	for _, key := range keys {
		there, err := s.there(ctx, "Calls", crmsync.UUID(key))
		if err != nil {
			return nil, err
		}
		if there {
			found[key] = []string{crmsync.UUID(key)}
		}
	}
	return found, nil
}

func (s *Connector) there(ctx context.Context, module, id string) (bool, error) {
	answer, err := s.do(ctx, http.MethodGet, "/module/"+module+"/"+url.PathEscape(id)+"?"+url.Values{"fields[" + module + "]": {"name"}}.Encode(), nil, new(resource))
	if missing(answer.detail, module) {
		return false, nil
	}
	return err == nil, err
}

// Activities implements crmsync.Audited. The cursor is the page.
func (s *Connector) Activities(ctx context.Context, from, until time.Time, cursor string) ([]crmsync.Standing, string, error) {
	page, err := strconv.Atoi(cursor)
	if err != nil { // "" is the beginning
		page = 1
	}
	const fields = "name,status,description"
	during := filter{{"date_start", "gte"}: from.UTC().Format(stamp), {"date_start", "lt"}: until.UTC().Format(stamp)}
	ours := maps.Clone(during)
	ours[[2]string{description, "like"}] = "%[pc%"
	rows, answer, err := s.list(ctx, "Calls", fields, "id", page, ours)
	if strings.Contains(answer.detail, "Filter operator like is invalid") { // versions of before 2021 know none
		rows, _, err = s.list(ctx, "Calls", fields, "id", page, during)
	}
	if err != nil {
		return nil, "", err
	}
	var list []crmsync.Standing
	for _, r := range rows {
		if key := crmsync.KeyIn(r.text(description)); key != "" {
			list = append(list, crmsync.Standing{Key: key, ID: r.ID, Fields: map[string]string{"name": r.text("name"), "status": r.text("status")}})
		}
	}
	if len(rows) < most {
		return list, "", nil
	}
	return list, itoa(page + 1), nil
}

// listed reads which of the ids are there; detail is what a refusal says.
func (s *Connector) listed(ctx context.Context, module string, ids []string, rows *[]resource) (detail string, err error) {
	v := url.Values{"fields[" + module + "]": {"name"}, "page[size]": {itoa(most)}, "page[number]": {"1"}, "filter[id][in]": {strings.Join(ids, ",")}}
	answer, err := s.do(ctx, http.MethodGet, "/module/"+module+"?"+v.Encode(), nil, rows)
	return answer.detail, err
}
