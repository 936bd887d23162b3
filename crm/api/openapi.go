package api

import (
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"patchcord/crm"
)

const description = `Calls of Asterisk PBXs: live, recorded, and what people add to them.

Times are RFC 3339 UTC with milliseconds, durations integer milliseconds; an absent field is unknown. Lists take limit and
cursor and answer items and next_cursor. Time filters are half open: from is included, until is not. Ids in paths are
percent-encoded. Errors are RFC 9457 problem documents that name the field. Answers are JSON
whatever Accept says; a field or parameter that is unknown or comes twice is refused, and an empty parameter is none. Each login may make 20 requests a second, 60
at once; one more is answered 429 with Retry-After.

400: the body is missing or no JSON. 401: no token that counts. 403: the role may not. 404: there is no such thing, or not for you.
409: it exists already. 412: If-Match does not fit any more. 413: over 64 KiB. 415: not sent as JSON. 422: a field is wrong, which
errors names. 429, 503: try again, after Retry-After where it is there.`

// newHuma returns the adapter on mux. Its own pages are off: the one for reading
// loads scripts from elsewhere.
func newHuma(mux *http.ServeMux, version string) huma.API {
	exactNames()
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	schemas.RegisterTypeAlias(reflect.TypeFor[crm.Time](), reflect.TypeFor[time.Time]())
	schemas.RegisterTypeAlias(reflect.TypeFor[huma.ErrorModel](), reflect.TypeFor[Problem]())
	return humago.New(mux, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "patchcord", Version: version, Description: description},
			Components: &huma.Components{
				Schemas: schemas,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "access_token of /v1/auth/login"},
				},
			},
		},
		Formats:       map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{ownProblems},
	})
}

// documentPush describes the WebSocket, which is no route of huma's.
func documentPush(doc *huma.OpenAPI) {
	problem := map[string]*huma.MediaType{"application/problem+json": {Schema: doc.Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "")}}
	doc.AddOperation(&huma.Operation{
		OperationID: "push", Method: http.MethodGet, Path: "/v1/push", Tags: []string{"push"},
		Summary: "The WebSocket of live events",
		Description: `Upgrades to a WebSocket (RFC 6455) with one JSON object in a text message. The client's first message is
{"op":"hello","ticket":"…","resume":"<cursor>"?}, the ticket from POST /v1/push/ticket. The server answers
{"op":"welcome","cursor":"…","recovered":bool,"now":"…","keepalive_ms":10000,"snapshot":{"calls":[…],"agents":[…],"queues":[…]}} and
then sends {"op":"event","cursor":"…","event":{CloudEvents 1.0}}. recovered true: every event after resume follows, in order;
false: the snapshot replaces what the client knew. {"op":"cursor","cursor":"…"} comes every keepalive_ms: who hears nothing for much
longer has a dead line, and comes back with resume. The client acknowledges a pop with {"op":"ack","offer":"…"}.

Types: call.started, call.answered, call.updated, call.transferred, call.merged, call.ended, offer.created,
offer.accepted, offer.rescinded, offer.ended, agent.state, queue.state, contact.matched, gap.opened, gap.closed. data of
offer.* is {"offer":{…},"call":{…},"contacts":[…]}, of call.* {"call":{…}}.

Close codes: 1000 closed by the client; 1001 no answer to pings for a minute; 1008 not a message of this protocol, or a second hello; 1009 a
message over 16 KiB; 1012 the daemon restarts, and the reason holds retry_ms=<when to come back>; 1013 try again; 4001 no
hello with a valid ticket within 5 s, or the login has ended; 4003 the role may not listen; 4008 too slow: come back and
resume; 4009 replaced, as the user opened more than 5 sockets; 4029 more than 20 messages a second.

What is received follows from role and extensions: an agent's own offers, and of a call everything from his offer until
he is out of it or it ends.`,
		Responses: map[string]*huma.Response{
			"101": {Description: "Switching Protocols"},
			"403": {Description: "A page of another origin", Content: problem},
			"426": {Description: "Not a WebSocket handshake", Content: problem},
			"503": {Description: "Too many connections are being opened", Content: problem},
		},
	})
}

// operationsOf returns the operations of a path.
func operationsOf(item *huma.PathItem) []*huma.Operation {
	var out []*huma.Operation
	for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Patch, item.Head, item.Options, item.Trace} {
		if op != nil {
			out = append(out, op)
		}
	}
	return out
}
