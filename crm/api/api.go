package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"patchcord/crm"
	"patchcord/crm/auth"
)

// liveCalls is what the API needs of the live fold. A call stays in it until its
// end is in the store, so that a call that was shown is never missing.
type liveCalls interface {
	// Open returns the open calls of the tenant.
	Open(tenant string) []*crm.Call
	// Call returns a call, open or just ended; the id of an absorbed one gives the survivor.
	Call(tenant, id string) (*crm.Call, bool)
	// Phone returns what the PBX said last of the extension.
	Phone(tenant, pbx, extension string) crm.Phone
}

// pbxStatus is what /readyz needs to know of the connections.
type pbxStatus interface {
	PBXs() []PBXStatus
}

// Config configures an API.
type Config struct {
	Store  crm.Store
	Auth   *auth.Service
	Live   liveCalls // nil: no call is live
	Status pbxStatus // nil: no PBX
	// Destinations are the webhooks and CRMs of each tenant; nil: none.
	Destinations destinations
	CRMs         crms        // nil: none
	DeadLetters  deadLetters // nil: none

	PublicURL      string         // what browsers see, "" when they see the listener itself
	TrustedProxies []netip.Prefix // whose X-Forwarded-For and -Proto are believed
	Region         string         // two-letter country of numbers without a + ("GB"); "" takes only +
	Version        string         // of the daemon, shown in /openapi.json; "dev"
	Log            *slog.Logger   // slog.Default()
}

// API is the HTTP interface. It is safe for concurrent use once Handle was
// called for the last time.
type API struct {
	store        crm.Store
	auth         *auth.Service
	live         liveCalls
	status       pbxStatus
	destinations destinations
	crms         crms
	deadLetters  deadLetters
	publicURL    *url.URL // nil when not configured
	proxies      []netip.Prefix
	region       string
	log          *slog.Logger
	policy       map[string]grants
	limits       *limits // requests, per login
	searches     *limits // by number, per agent

	huma   huma.API
	routes *http.ServeMux // the API's own
	outer  *http.ServeMux // what Handle added, and the API's prefixes
}

// New returns an API. Whatever is wrong with c, or with the table of who may do
// what, is an error.
func New(c Config) (*API, error) {
	if c.Store == nil || c.Auth == nil {
		return nil, errors.New("api: Store and Auth are needed")
	}
	a := &API{
		store: c.Store, auth: c.Auth, live: c.Live, status: c.Status, destinations: c.Destinations, crms: c.CRMs, deadLetters: c.DeadLetters, proxies: c.TrustedProxies, region: c.Region,
		log: cmp.Or(c.Log, slog.Default()), policy: policy(), limits: newLimits(requestRate, requestBurst), searches: newLimits(searchRate, searchBurst),
		routes: http.NewServeMux(), outer: http.NewServeMux(),
	}
	if a.live == nil {
		a.live = nothing{}
	}
	if a.status == nil {
		a.status = nothing{}
	}
	if a.destinations == nil {
		a.destinations = nothing{}
	}
	if a.crms == nil {
		a.crms = nothing{}
	}
	if a.deadLetters == nil {
		a.deadLetters = nothing{}
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("api: public URL %q: want https://host", c.PublicURL)
		}
		a.publicURL = u
	}
	a.huma = newHuma(a.routes, cmp.Or(c.Version, "dev"))
	a.huma.UseMiddleware(a.guard)
	a.register()
	if err := a.checkPolicy(); err != nil {
		return nil, err
	}
	if err := a.serveDocs(); err != nil {
		return nil, err
	}
	own := a.wrap(http.HandlerFunc(a.serve))
	for _, prefix := range []string{"/v1/", "/.well-known/", "/openapi.json", "/docs", "/docs/", "/healthz", "/readyz"} {
		a.outer.Handle(prefix, own)
	}
	return a, nil
}

// register adds every route.
func (a *API) register() {
	a.registerLogin()
	a.registerMe()
	a.registerCalls()
	a.registerNotes()
	a.registerContacts()
	a.registerAgents()
	a.registerBindings()
	a.registerExplain()
	a.registerHolds()
	a.registerLists()
	a.registerWebhooks()
	a.registerCRMs()
	a.registerDeadLetters()
	a.registerHealth()
	documentPush(a.huma.OpenAPI())
}

// Handler returns the handler of the API and of everything added by Handle.
func (a *API) Handler() http.Handler { return a.outer }

// Handle adds a route beside the API's, as http.ServeMux.Handle does. The handler
// gets the connection's own ResponseWriter, which can be hijacked; it sets its
// own headers and is not logged. Handle must not be called once the Handler serves.
func (a *API) Handle(pattern string, h http.Handler) { a.outer.Handle(pattern, h) }

func nowhere() *Problem {
	return &Problem{Status: http.StatusNotFound, Detail: "There is nothing at this address; see /docs."}
}

// serve answers a request that no route takes with a problem document, where
// ServeMux would answer in plain text.
func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	h, pattern := a.routes.Handler(r)
	if pattern != "" {
		a.routes.ServeHTTP(w, r)
		return
	}
	probe := &statusProbe{header: make(http.Header)}
	h.ServeHTTP(probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", probe.header.Get("Allow"))
		writeProblem(w, &Problem{Status: probe.status, Detail: "This resource takes " + probe.header.Get("Allow") + "."})
		return
	}
	if r.Method != http.MethodGet && a.added(r.URL.Path) {
		w.Header().Set("Allow", "GET, HEAD")
		writeProblem(w, &Problem{Status: http.StatusMethodNotAllowed, Detail: "This resource takes GET, HEAD."})
		return
	}
	writeProblem(w, nowhere())
}

// added reports whether Handle added something for the very path, which then takes GET alone.
func (a *API) added(path string) bool {
	_, pattern := a.outer.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}})
	return pattern == "GET "+path
}

// statusProbe takes what ServeMux would answer.
type statusProbe struct {
	header http.Header
	status int
}

func (p *statusProbe) Header() http.Header         { return p.header }
func (p *statusProbe) Write(b []byte) (int, error) { return len(b), nil }
func (p *statusProbe) WriteHeader(status int)      { p.status = status }

// nothing is a daemon without live calls, without a PBX and without a CRM.
type nothing struct{}

func (nothing) Open(string) []*crm.Call               { return nil }
func (nothing) Call(string, string) (*crm.Call, bool) { return nil, false }
func (nothing) Phone(_, _, _ string) crm.Phone        { return crm.Phone{} }
func (nothing) PBXs() []PBXStatus                     { return nil }
func (nothing) Destinations(string) []string          { return nil }
func (nothing) CRMs(string) []CRM                     { return nil }

func (nothing) Trail(context.Context, string) ([]DeadLetterDeed, error)   { return nil, nil }
func (nothing) DeadLetters(context.Context, string) ([]DeadLetter, error) { return nil, nil }

func (nothing) Redrive(context.Context, string, string, crm.Position, string) error {
	return crm.ErrNotFound
}

func (nothing) Drop(context.Context, string, string, crm.Position, string) error {
	return crm.ErrNotFound
}

// origin returns the origin that browsers see, or "" when it is the request's own.
func (a *API) origin() string {
	if a.publicURL == nil {
		return ""
	}
	return strings.ToLower(a.publicURL.Scheme + "://" + a.publicURL.Host)
}
