package push

import (
	"context"

	"patchcord/crm"
)

// live is what the hub needs of the live fold. A change must be visible here
// before its event is published: then nothing falls between a snapshot and the
// events after it. What it returns is not changed afterwards.
type live interface {
	Open(tenant string) []*crm.Call
	// OpenOf returns of Open the calls in which the user has or had a part, and AgentsOf of
	// Agents his own. When everybody comes back at once, nobody has to wait for all of all.
	OpenOf(tenant, user string) []*crm.Call
	Agents(tenant string) []crm.AgentState
	AgentsOf(tenant, user string) []crm.AgentState
	Queues(tenant string) []crm.QueueState
}

// eventLog is what the hub needs of crm.EventStore.
type eventLog interface {
	EventsSince(ctx context.Context, tenant string, c crm.Cursor, limit int) ([]crm.StoredEvent, error)
	Tops(ctx context.Context) (crm.Cursor, error)
}

// sessions tells which logins count no longer: logged out, disabled, expired.
// Every principal is given once, however many sockets it has.
type sessions interface {
	Revoked(ctx context.Context, ps []crm.Principal) (gone []crm.Principal, err error)
}

// tickets exchanges a single-use ticket, asked for by a page of that origin (in
// lower case, "" when there is none), for whom it was given to; crm.ErrUnauthenticated when it
// is unknown, used, expired, or another origin's.
type tickets interface {
	Redeem(ctx context.Context, ticket, origin string) (crm.Principal, error)
}
