package crmsync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"patchcord/crm"
)

// Contacts is a Connector that tells which contacts and accounts the CRM has, and what became of them.
type Contacts interface {
	// Pull returns the next page of changes after the place that token stands for; "" is the
	// beginning. A change may come again; the last word about a record comes last.
	Pull(ctx context.Context, token string) (Page, error)
}

// Page is some changes of contacts.
type Page struct {
	Changed []Person
	Gone    []Ref       // deleted, or merged into another that is, or was, among Changed
	Into    map[Ref]Ref // of those in Gone that were merged: into what
	Token   string      // where the next page begins
	More    bool        // there is a next page now
}

// Person is a contact or an account as the CRM has it.
type Person struct {
	Ref
	Name, Company, Email string
	Numbers              []string // as typed there
	URL                  string   // of its page
}

// PullConfig is what a Pull works with; all but the last four is required.
type PullConfig struct {
	Name, Tenant string
	Contacts     Contacts
	Store        replica
	Region       string        // of numbers without a country code
	Every        time.Duration // between looks for changes; 0 means 5 min
	Destination  *Destination
	Logger       *slog.Logger
}

// replica is what Pull needs of a crm.Store.
type replica interface {
	crm.ContactStore
	Setting(ctx context.Context, key string) ([]byte, error)
	SetSetting(ctx context.Context, key string, value []byte, onlyNew bool) error
}

// Pull keeps a replica of a CRM's contacts, so that a pop needs no round trip to it. Whose word counts is settled by
// where a contact is from: of one that the CRM has, its name, company, mail, numbers and page are the
// CRM's, and the notes are ours. Contacts made here are never touched.
type Pull struct {
	cfg   PullConfig
	op    *operation
	log   *slog.Logger
	swept string // cursor of the replica up to which deletions were looked for; used by Run alone

	mu     sync.Mutex
	status PullStatus // guarded by mu
}

// PullStatus says what a Pull has done since it was made.
type PullStatus struct {
	Changed, Removed int
	Unusable         int // contacts without a number that can be matched
	LastEnd          time.Time
}

// NewPull returns a Pull; Run makes it work.
func NewPull(cfg PullConfig) *Pull {
	log := cmp.Or(cfg.Logger, slog.Default()).With("dest", cfg.Name)
	p := &Pull{cfg: cfg, log: log, op: newOperation("pull", cmp.Or(cfg.Every, 5*time.Minute), cfg.Destination, log)}
	p.op.do = p.page
	return p
}

// Run pulls until ctx is done.
func (p *Pull) Run(ctx context.Context) error { return p.op.run(ctx) }

// Breaker returns the state of its breaker: "closed", "open" or "half-open".
func (p *Pull) Breaker() string { return p.op.gate.breaker.State().String() }

// Status returns a snapshot.
func (p *Pull) Status() PullStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// page takes over one page. Its place is stored after it, so a crash between repeats the page.
func (p *Pull) page(ctx context.Context) (more bool, err error) {
	key := "crm/" + p.cfg.Name + "/pull"
	token, err := p.cfg.Store.Setting(ctx, key)
	if err != nil && !errors.Is(err, crm.ErrNotFound) {
		return false, fmt.Errorf("read place of contacts: %w", err)
	}
	page, err := p.cfg.Contacts.Pull(ctx, string(token))
	if err != nil {
		return false, fmt.Errorf("pull contacts: %w", err)
	}
	for _, person := range page.Changed {
		if err := p.put(ctx, person); err != nil {
			return false, fmt.Errorf("store contact: %w", err)
		}
	}
	for from, into := range page.Into {
		if err := p.follow(ctx, ContactID(p.cfg.Name, from), ContactID(p.cfg.Name, into)); err != nil {
			return false, fmt.Errorf("follow a merge of contacts: %w", err)
		}
	}
	if err := p.remove(ctx, page.Gone); err != nil {
		return false, err
	}
	p.count(page)
	if page.Token != string(token) {
		err = p.cfg.Store.SetSetting(ctx, key, []byte(page.Token), false)
	}
	if page.More || err != nil {
		return err == nil, err
	}
	return false, p.sweep(ctx)
}

func (p *Pull) remove(ctx context.Context, gone []Ref) error {
	for _, ref := range gone {
		err := p.cfg.Store.DeleteContact(ctx, p.cfg.Tenant, ContactID(p.cfg.Name, ref), 0)
		if err != nil && !errors.Is(err, crm.ErrNotFound) {
			return fmt.Errorf("remove contact: %w", err)
		}
	}
	return nil
}

// follow moves our notes of a contact to the one that it was merged into. Doing it again changes nothing.
func (p *Pull) follow(ctx context.Context, from, into string) error {
	old, err := p.cfg.Store.Contact(ctx, p.cfg.Tenant, from)
	if errors.Is(err, crm.ErrNotFound) || err == nil && old.Notes == "" {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := p.cfg.Store.Contact(ctx, p.cfg.Tenant, into)
	if errors.Is(err, crm.ErrNotFound) || err == nil && strings.Contains(c.Notes, old.Notes) {
		return nil
	}
	if err != nil {
		return err
	}
	c.Notes = strings.TrimPrefix(c.Notes+"\n"+old.Notes, "\n")
	c.UpdatedAt, c.Version = crm.At(time.Now()), 0
	_, err = p.cfg.Store.UpdateContact(ctx, p.cfg.Tenant, c)
	return err
}

func (p *Pull) count(page Page) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status.Changed += len(page.Changed)
	p.status.Removed += len(page.Gone)
	if !page.More {
		p.status.LastEnd = time.Now()
	}
}

// maxText is how many bytes of a name are kept: an index of a store takes no more than some, and one record that it refuses would be
// where every pull ends.
const maxText = 500

func (p *Pull) put(ctx context.Context, person Person) error {
	id := ContactID(p.cfg.Name, person.Ref)
	old, err := p.cfg.Store.Contact(ctx, p.cfg.Tenant, id)
	isNew := errors.Is(err, crm.ErrNotFound)
	if err != nil && !isNew {
		return err
	}
	c := old
	c.ID, c.Name, c.Company, c.Email, c.URL = id, Clip(person.Name, maxText), Clip(person.Company, maxText), Clip(person.Email, maxText), person.URL
	c.Numbers = p.numbers(person.Numbers)
	c.UpdatedAt, c.Version = crm.At(time.Now()), 0
	if isNew {
		c.CreatedAt = c.UpdatedAt
		_, err = p.cfg.Store.CreateContact(ctx, p.cfg.Tenant, c)
	} else if !same(c, old) {
		_, err = p.cfg.Store.UpdateContact(ctx, p.cfg.Tenant, c)
	}
	return err
}

// numbers returns those that calls can be matched with, each once.
func (p *Pull) numbers(typed []string) []crm.Number {
	list := []crm.Number{}
	seen := map[crm.Number]bool{}
	for _, s := range typed {
		n, ok := crm.E164(s, p.cfg.Region)
		if ok && !seen[n] {
			seen[n] = true
			list = append(list, n)
		}
	}
	if len(list) == 0 {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.status.Unusable++
	}
	return list
}

// same reports whether what the CRM decides is as it was.
func same(a, b crm.Contact) bool {
	if len(a.Numbers) != len(b.Numbers) {
		return false
	}
	for i := range a.Numbers {
		if a.Numbers[i] != b.Numbers[i] {
			return false
		}
	}
	return a.Name == b.Name && a.Company == b.Company && a.Email == b.Email && a.URL == b.URL
}
