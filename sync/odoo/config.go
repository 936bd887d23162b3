// Package odoo writes calls to Odoo as records of a model under external ids, which `load` upserts, and follows its partners
// by their write dates.
//
// The wire is the external API: JSON-2 of Odoo 19 and later, or JSON-RPC (execute_kw) of every version up to 21. Odoo has no model of
// calls in its community edition; the default one is crm.phonecall of the module crm_phonecall of the OCA, and any other that
// the user may import into will do. An external id is patchcord.KEY, so the key itself decides what is new.
package odoo

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// Config is one database. URL and Secret, an API key or with JSON-RPC a password, are required, and with JSON-RPC Database and Username.
type Config struct {
	URL      string
	API      string // "jsonrpc" or "json2"; "" means "jsonrpc"
	Database string
	Username string
	Secret   crm.Secret

	Model     string // of calls; "" means crm.phonecall
	DateField string // of it, when a call began; "" means "date"
	Batch     int    // calls in one transaction; 0 means 100

	Client crmsync.Client
}

const (
	partners = "res.partner"
	// module is before the dot of our external ids.
	module = "patchcord"
	// stamp is how Odoo writes times, in UTC.
	stamp = "2006-01-02 15:04:05"
	// maxBatch keeps a transaction short.
	maxBatch = 500
)

var (
	model = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$`)
	field = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// New returns a connector, or everything that is wrong with c. It does no I/O.
func New(c Config) (*Connector, error) {
	c.URL = strings.TrimSuffix(c.URL, "/")
	c.API, c.Model = cmp.Or(c.API, "jsonrpc"), cmp.Or(c.Model, "crm.phonecall")
	c.DateField, c.Batch = cmp.Or(c.DateField, "date"), cmp.Or(c.Batch, 100)
	var errs []error
	bad := func(field, msg string) { errs = append(errs, &crm.InputError{Field: field, Msg: msg}) }
	if c.URL == "" {
		bad("url", "give the address of the installation")
	}
	if c.Secret == "" {
		bad("secret_file", "give an API key, or with jsonrpc a password")
	}
	switch c.API {
	case "json2":
	case "jsonrpc":
		if c.Database == "" || c.Username == "" {
			bad("database", "jsonrpc needs a database and a username")
		}
	default:
		bad("api", "is neither jsonrpc nor json2")
	}
	if !model.MatchString(c.Model) {
		bad("model", "want the technical name of a model such as crm.phonecall")
	}
	if !field.MatchString(c.DateField) {
		bad("date_field", "want the technical name of a field such as date")
	}
	if c.Batch < 1 || c.Batch > maxBatch {
		bad("batch", "want 1 to 500")
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	o := &Connector{cfg: c, models: map[string]*description{}, mu: new(sync.Mutex)}
	o.tokens = &crmsync.Tokens{Mint: o.login}
	return o, nil
}

// ours are the default fields. Versions of the model differ: one that a model does not have is left out.
var ours = map[string]string{
	"name": "{direction} call {number|from_name}: {disposition|outcome}", "description": "{disposition_note}\n{notes}", "date": "{started_at}",
	"duration": "{talk_minutes}", "direction": "{outgoing}", "state": "{answered}", "partner_phone": "{number}", owner: "{owner}",
}

// Columns that point at a record by its number; of an owner or partner that is gone they are left out.
const (
	owner = "user_id/.id"
	link  = "partner_id/.id"
)

// Capabilities implements crmsync.Connector.
func (o *Connector) Capabilities() crmsync.Capabilities {
	return crmsync.Capabilities{
		Batch: o.cfg.Batch, Upsert: true, AllText: true, Fields: ours,
		Merged: map[string]string{
			"name": "Part of call {call}", "description": "This call became part of another. What it came to stands there: {url|call}",
		},
		Links: map[string]map[string]string{partners: {link: "{contact}"}},
		Values: map[string]map[string]string{
			"direction": {"inbound": "Inbound", "outbound": "Outbound", "internal": "Internal"},
			"outgoing":  {"true": "outbound", "false": "inbound"},
			// "done" without a duration would be given one by the module: since the call began.
			"answered": {"true": "done", "false": "cancel"},
		},
		Time: func(t time.Time) any { return t.UTC().Format(stamp) },
	}
}
