package salesforce

import (
	"context"
	"encoding/json"
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

// place is how far a pull has come: what was read of each object up to its modification stamp and id.
type place struct {
	Object int             `json:"object"` // that is being read
	Marks  map[string]mark `json:"marks"`
}

type mark struct {
	Stamp string `json:"stamp"`
	ID    string `json:"id"`
}

const perPull = 2000

// Pull implements crmsync.Contacts. It reads in order of SystemModstamp, then Id, so that nothing is left out when
// many records have one stamp. Of merged records the losers are deleted, and the winner changed.
func (s *Connector) Pull(ctx context.Context, token string) (crmsync.Page, error) {
	p := place{Marks: map[string]mark{}}
	if token != "" {
		if err := json.Unmarshal([]byte(token), &p); err != nil {
			return crmsync.Page{}, fmt.Errorf("place of the pull: %w", err)
		}
	}
	object := s.cfg.Contacts[p.Object%len(s.cfg.Contacts)]
	r, err := s.query(ctx, changes(object, p.Marks[object]), "", true)
	if err != nil {
		return crmsync.Page{}, err
	}
	page := crmsync.Page{Into: map[crmsync.Ref]crmsync.Ref{}}
	for _, record := range r.Records {
		person := s.person(ctx, object, record)
		if record["IsDeleted"] == true || record["IsConverted"] == true {
			page.Gone = append(page.Gone, person.Ref)
			if into := text(record["MasterRecordId"]); into != "" { // "Merge": the loser is deleted and names the winner
				page.Into[person.Ref] = crmsync.Ref{Object: object, ID: into}
			}
		} else {
			page.Changed = append(page.Changed, person)
		}
		p.Marks[object] = mark{text(record["SystemModstamp"]), person.ID}
	}
	page.More = true
	if len(r.Records) < perPull {
		p.Object = (p.Object + 1) % len(s.cfg.Contacts)
		page.More = p.Object != 0
	}
	b, err := json.Marshal(p)
	page.Token = string(b)
	return page, err
}

func changes(object string, m mark) string {
	fields := slices.Concat([]string{"Id", "SystemModstamp", "IsDeleted", "MasterRecordId"}, contactFields[object])
	soql := "SELECT " + strings.Join(fields, ", ") + " FROM " + object
	if at, err := time.Parse("2006-01-02T15:04:05.000-0700", m.Stamp); err == nil {
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
