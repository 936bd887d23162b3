package salesforce

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// contactFields is what is read of each kind of contact, beside Id, SystemModstamp and IsDeleted.
var contactFields = map[string][]string{
	"Contact": {"Name", "Email", "Account.Name", "Phone", "MobilePhone", "HomePhone", "OtherPhone", "AssistantPhone", "MasterRecordId"},
	"Lead":    {"Name", "Email", "Company", "Phone", "MobilePhone", "IsConverted", "MasterRecordId"},
	"Account": {"Name", "Phone", "MasterRecordId"},
}

const perPull = 2000

// Pull implements crmsync.Contacts. It reads in order of SystemModstamp, then Id, so that nothing is left out when
// many records have one stamp. Of merged records the losers are deleted, and the winner changed.
func (s *Connector) Pull(ctx context.Context, token string) (crmsync.Page, error) {
	place, err := crmsync.ParsePlace(token)
	if err != nil {
		return crmsync.Page{}, err
	}
	object, mark := place.Current(s.cfg.Contacts)
	r, err := s.query(ctx, changes(object, mark), "", true)
	if err != nil {
		return crmsync.Page{}, err
	}
	page := crmsync.Page{Into: map[crmsync.Ref]crmsync.Ref{}}
	marks := make([]crmsync.Mark, len(r.Records))
	for i, record := range r.Records {
		person := s.person(ctx, object, record)
		if record["IsDeleted"] == true || record["IsConverted"] == true {
			page.Gone = append(page.Gone, person.Ref)
			if into := text(record["MasterRecordId"]); into != "" { // "Merge": the loser is deleted and names the winner
				page.Into[person.Ref] = crmsync.Ref{Object: object, ID: into}
			}
		} else {
			page.Changed = append(page.Changed, person)
		}
		marks[i] = crmsync.Mark{Stamp: text(record["SystemModstamp"]), ID: person.ID}
	}
	page.More = place.Advance(s.cfg.Contacts, marks, len(r.Records) == perPull, time.Now().Add(-settling).UTC().Format(stampForm))
	page.Token = place.Token()
	return page, nil
}

const (
	stampForm = "2006-01-02T15:04:05.000-0700"
	// settling is how long a modification may take to become visible: a stamp is of the save, and the transaction goes on. Our clock
	// may be wrong by as much.
	settling = 2 * time.Minute
)

func changes(object string, m crmsync.Mark) string {
	fields := slices.Concat([]string{"Id", "SystemModstamp", "IsDeleted", "MasterRecordId"}, contactFields[object])
	soql := "SELECT " + strings.Join(fields, ", ") + " FROM " + object
	if at, err := time.Parse(stampForm, m.Stamp); err == nil {
		stamp := at.UTC().Format("2006-01-02T15:04:05.000Z")
		soql += fmt.Sprintf(" WHERE SystemModstamp > %s OR (SystemModstamp = %s AND Id > %s)", stamp, stamp, literal(m.ID))
	}
	return soql + fmt.Sprintf(" ORDER BY SystemModstamp, Id LIMIT %d", perPull)
}

func (s *Connector) person(ctx context.Context, object string, record map[string]any) crmsync.Person {
	p := crmsync.Person{
		Ref: crmsync.Ref{Object: object, ID: text(record["Id"])}, Name: text(record["Name"]), Email: text(record["Email"]),
		Company: text(record["Company"]),
	}
	if account, ok := record["Account"].(map[string]any); ok {
		p.Company = text(account["Name"])
	}
	for _, field := range contactFields[object] {
		if strings.HasSuffix(field, "Phone") && text(record[field]) != "" {
			p.Numbers = append(p.Numbers, text(record[field]))
		}
	}
	if token, err := s.tokens.Token(ctx); err == nil {
		p.URL = token.Base + "/lightning/r/" + object + "/" + p.ID + "/view"
	}
	return p
}
