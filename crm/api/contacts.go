package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"patchcord/crm"
)

// contactBody is what a client sends of a contact.
type contactBody struct {
	Name    string   `json:"name" minLength:"1" maxLength:"200"`
	Company string   `json:"company,omitempty" maxLength:"200"`
	Email   string   `json:"email,omitempty" maxLength:"254"`
	Numbers []string `json:"numbers,omitempty" maxItems:"50" doc:"In any form; stored in E.164"`
	Notes   string   `json:"notes,omitempty" maxLength:"10000"`
	URL     string   `json:"url,omitempty" maxLength:"2000" doc:"https"`
}

type contactOutput struct {
	ETag string `header:"ETag"`
	Body crm.Contact
}

// ContactID names a contact in a path.
type ContactID struct {
	ID string `path:"id"`
}

type contactsInput struct {
	Paged
	Q      string `query:"q" maxLength:"200" doc:"Part of a name, company or number"`
	Number string `query:"number" maxLength:"40" doc:"Contacts with exactly this number, in any form; excludes q"`
}

type createContactInput struct {
	Keyed
	Body contactBody
}

type updateContactInput struct {
	ContactID
	IfMatch string `header:"If-Match" maxLength:"200" doc:"ETag of the version that was read; without it the last writer wins"`
	Body    contactBody
}

type deleteContactInput struct {
	ContactID
	IfMatch string `header:"If-Match" maxLength:"200" doc:"ETag of the version that was read; without it the contact goes whatever it says by now"`
}

func (a *API) registerContacts() {
	tags := []string{"contacts"}
	route(a, huma.Operation{OperationID: "list-contacts", Method: http.MethodGet, Path: "/v1/contacts", Tags: tags,
		Summary: "Contacts by name, or those with a number"}, a.listContacts)
	route(a, huma.Operation{OperationID: "create-contact", Method: http.MethodPost, Path: "/v1/contacts", Tags: tags,
		DefaultStatus: http.StatusCreated, Summary: "Create a contact"}, a.createContact)
	route(a, huma.Operation{OperationID: "read-contact", Method: http.MethodGet, Path: "/v1/contacts/{id}", Tags: tags,
		Summary: "One contact"}, a.readContact)
	route(a, huma.Operation{OperationID: "update-contact", Method: http.MethodPut, Path: "/v1/contacts/{id}", Tags: tags,
		Summary: "Replace a contact"}, a.updateContact)
	route(a, huma.Operation{OperationID: "delete-contact", Method: http.MethodDelete, Path: "/v1/contacts/{id}", Tags: tags,
		DefaultStatus: http.StatusNoContent, Summary: "Delete a contact"}, a.deleteContact)
}

func (a *API) listContacts(ctx context.Context, c caller, in *contactsInput) (*listOutput[crm.Contact], error) {
	if in.Number == "" {
		contacts, next, err := a.store.Contacts(ctx, c.Tenant, in.Q, in.page())
		if err != nil {
			return nil, err
		}
		return listOf(complete(contacts), next), nil
	}
	if in.Q != "" {
		return nil, &crm.InputError{Field: "q", Msg: "cannot be combined with number"}
	}
	if err := a.searchByNumber(c); err != nil {
		return nil, err
	}
	n, ok := a.e164(in.Number)
	if !ok { // an extension or a short number is nobody's outside number
		return listOf[crm.Contact](nil, ""), nil
	}
	contacts, err := a.store.MatchNumber(ctx, c.Tenant, n)
	if err != nil {
		return nil, err
	}
	return listOf(complete(contacts), ""), nil
}

func (a *API) createContact(ctx context.Context, c caller, in *createContactInput) (*contactOutput, error) {
	contact, err := a.contactOf(in.Body)
	if err != nil {
		return nil, err
	}
	created, err := once(ctx, a, c, in.Key, "create-contact", in.Body, func(id string) (crm.Contact, error) {
		contact.ID = id
		contact.CreatedAt = crm.At(time.Now())
		contact.UpdatedAt = contact.CreatedAt
		got, err := a.store.CreateContact(ctx, c.Tenant, contact)
		if errors.Is(err, crm.ErrConflict) { // made by an earlier attempt with the same key
			return a.store.Contact(ctx, c.Tenant, id)
		}
		return got, err
	})
	if err != nil {
		return nil, fmt.Errorf("create contact: %w", err)
	}
	return contactAnswer(created), nil
}

func (a *API) readContact(ctx context.Context, c caller, in *ContactID) (*contactOutput, error) {
	contact, err := a.store.Contact(ctx, c.Tenant, in.ID)
	if err != nil {
		return nil, err
	}
	return contactAnswer(contact), nil
}

func (a *API) updateContact(ctx context.Context, c caller, in *updateContactInput) (*contactOutput, error) {
	contact, err := a.contactOf(in.Body)
	if err != nil {
		return nil, err
	}
	if contact.Version, err = readVersion(in.IfMatch); err != nil {
		return nil, err
	}
	if err := a.keepsTo(ctx, c, in.ID, contact); err != nil {
		return nil, err
	}
	contact.ID, contact.UpdatedAt = in.ID, crm.At(time.Now())
	updated, err := a.store.UpdateContact(ctx, c.Tenant, contact)
	if errors.Is(err, crm.ErrConflict) {
		return nil, errPrecondition
	}
	if err != nil {
		return nil, fmt.Errorf("update contact: %w", err)
	}
	return contactAnswer(updated), nil
}

func (a *API) deleteContact(ctx context.Context, c caller, in *deleteContactInput) (*struct{}, error) {
	if m := a.crmOf(c, in.ID); m != "" {
		return nil, &crm.InputError{Field: "id", Msg: "is a contact of " + m + "; delete it there, and it goes here too"}
	}
	version, err := readVersion(in.IfMatch)
	if err != nil {
		return nil, err
	}
	err = a.store.DeleteContact(ctx, c.Tenant, in.ID, version)
	if errors.Is(err, crm.ErrConflict) {
		return nil, errPrecondition
	}
	if err != nil {
		return nil, fmt.Errorf("delete contact: %w", err)
	}
	return nil, nil
}

// crmOf returns the CRM that the contact was read from, "" for one that was made here.
func (a *API) crmOf(c caller, id string) string {
	name, _, _ := strings.Cut(id, ":")
	if m, err := a.crm(c, name); err == nil && name != id {
		return m.Status().Name
	}
	return ""
}

// keepsTo refuses to change what a CRM decides of its contact: only the notes are ours.
func (a *API) keepsTo(ctx context.Context, c caller, id string, contact crm.Contact) error {
	m := a.crmOf(c, id)
	if m == "" {
		return nil
	}
	old, err := a.store.Contact(ctx, c.Tenant, id)
	if err != nil {
		return err
	}
	for field, differs := range map[string]bool{
		"name": contact.Name != old.Name, "company": contact.Company != old.Company, "email": contact.Email != old.Email,
		"url": contact.URL != old.URL, "numbers": !slices.Equal(contact.Numbers, old.Numbers),
	} {
		if differs {
			return &crm.InputError{Field: field, Msg: "is as " + m + " has it; change it there. Only the notes of its contacts are kept here"}
		}
	}
	return nil
}

// complete makes a list of every contact's numbers, also of none.
func complete(contacts []crm.Contact) []crm.Contact {
	for i := range contacts {
		if contacts[i].Numbers == nil {
			contacts[i].Numbers = []crm.Number{}
		}
	}
	return contacts
}

func contactAnswer(c crm.Contact) *contactOutput {
	c = complete([]crm.Contact{c})[0]
	return &contactOutput{ETag: strconv.Quote(strconv.Itoa(c.Version)), Body: c}
}

// parseIfMatch returns what stands between the quotes of an If-Match header, "" for none or "*".
func parseIfMatch(s string) (string, error) {
	if s == "" || s == "*" {
		return "", nil
	}
	tag, err := strconv.Unquote(strings.TrimPrefix(s, "W/"))
	if err != nil || tag == "" || s[0] != '"' && s[0] != 'W' {
		return "", &crm.InputError{Field: "If-Match", Msg: "must be an ETag that was handed out here, with its quotes"}
	}
	return tag, nil
}

// readVersion returns the version of a contact that an If-Match header names, 0 for any.
func readVersion(s string) (int, error) {
	tag, err := parseIfMatch(s)
	if err != nil || tag == "" {
		return 0, err
	}
	v, err := strconv.Atoi(tag)
	if err != nil || v < 1 {
		return 0, errPrecondition // no version of any contact
	}
	return v, nil
}

// contactOf checks what JSON Schema cannot, and normalises numbers.
func (a *API) contactOf(in contactBody) (crm.Contact, error) {
	c := crm.Contact{Name: strings.TrimSpace(in.Name), Company: in.Company, Email: in.Email, Notes: in.Notes, URL: in.URL, Numbers: []crm.Number{}}
	if c.Name == "" {
		return c, &crm.InputError{Field: "name", Msg: "must not be blank"}
	}
	if in.URL != "" {
		if u, err := url.Parse(in.URL); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			return c, &crm.InputError{Field: "url", Msg: "must be an https address without user name"}
		}
	}
	for i, s := range in.Numbers {
		n, ok := a.e164(s)
		if !ok {
			return c, &crm.InputError{Field: fmt.Sprintf("numbers[%d]", i), Msg: "is no telephone number; write it with + and country code"}
		}
		if !slices.Contains(c.Numbers, n) {
			c.Numbers = append(c.Numbers, n)
		}
	}
	return c, nil
}
