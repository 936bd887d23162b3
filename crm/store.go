package crm

import (
	"context"
	"time"
)

// Store keeps everything that outlives the daemon. It is safe for concurrent
// use. One method is one transaction. Every method that takes a tenant sees that
// tenant only. A database that cannot be reached gives an error that wraps ErrUnavailable.
//
// crm/crmtest is the suite that every implementation passes.
type Store interface {
	IngestStore
	CallStore
	EventStore
	ContactStore
	UserStore
	SessionStore
	EvidenceStore
	BackfillStore
	RetentionStore
	Outbox
	JobStore
	// Ping reports whether the store answers.
	Ping(ctx context.Context) error
	Close() error
}

// IngestStore is what the owner of a PBX writes.
type IngestStore interface {
	LeaseStore
	// Resume returns how far the log of pbx was folded, and the fold's state.
	// A PBX that never committed gives the zero Checkpoint.
	Resume(ctx context.Context, pbx string) (Checkpoint, error)
	// Commit applies b in one transaction: records, events, gaps, fold state and
	// checkpoint together. It returns ErrFenced when b.Epoch is not the latest
	// epoch of the PBX, and ErrConflict when the checkpoint is not b.From: then
	// nothing was written. Committing a batch whose To is already the checkpoint
	// is a no-op that returns nil, so a commit of unknown outcome may be repeated.
	// ErrRefused when something in b can never be stored.
	//
	// A call that ended without a contact gets the only contact that has the number of its outside party, if
	// there is one, and after b's events one of contact.matched: nobody was asked in time, or no store was there.
	Commit(ctx context.Context, b Batch) error
	// Gaps returns the gaps of a tenant that overlap [from, until), oldest first; a zero until is open.
	Gaps(ctx context.Context, tenant string, from, until time.Time) ([]Gap, error)
}

// Checkpoint is how far a PBX's log was folded.
type Checkpoint struct {
	Pos   Position
	At    time.Time         // receipt of the newest entry up to Pos, microseconds; zero when unknown
	State map[string][]byte // the fold's own state, by key; one row per open call
}

// Batch is what folding the frames after From up to To produced.
type Batch struct {
	PBX, Tenant string
	Epoch       uint64 // the ownership that commits
	From, To    Position
	At          time.Time         // receipt of the newest entry up to To; zero when unknown
	Calls       []*Call           // whole records; Disposition, Notes and Contact in them are ignored
	Events      []Event           // in order; an id that is stored already is left alone. call.merged merges the records
	Gaps        []Gap             // upserted by id
	State       map[string][]byte // rows to put; a nil value removes the row
	Evidence    []CallEvidence    // appended to what is kept of each call
}

// EvidenceStore keeps why calls came to the screens they came to.
type EvidenceStore interface {
	// AddEvidence appends to what is kept of each call; that of an absorbed one goes to the
	// survivor. Of a call 64 KiB of JSON are kept, of which frames may take 48; what comes
	// beyond is counted. Evidence of a call that is not stored yet is kept for it.
	AddEvidence(ctx context.Context, tenant string, list []CallEvidence) error
	// Evidence returns what is kept of the call in the order of its coming, and how many
	// pieces were left out; nothing for a call of which nothing is known.
	Evidence(ctx context.Context, tenant, callID string) (items []Evidence, more int, err error)
	// CallJobs returns the jobs of those destinations that the call is the lane of, those
	// of calls that it absorbed too, the oldest of each destination first.
	CallJobs(ctx context.Context, tenant, callID string, dests []string) ([]Job, error)
	// SeenExtensions returns the extensions that calls rang, or that talked, at that time
	// or later, by PBX and extension. SeenAt may be a minute behind.
	SeenExtensions(ctx context.Context, tenant string, since time.Time) ([]SeenExtension, error)
}

// SeenExtension is an extension that had part in a call.
type SeenExtension struct {
	PBX       string `json:"pbx"`
	Extension string `json:"extension"`
	SeenAt    Time   `json:"seen_at,omitzero"`
}

// CallStore reads call records and keeps what people add to them.
type CallStore interface {
	// Call returns the record with that id; the id of an absorbed call gives the survivor.
	Call(ctx context.Context, tenant, id string) (*Call, error)
	// Calls returns one page, newest StartedAt first (then by id, descending). next is
	// "" on the last page. A cursor that is not from here is an *InputError of field "cursor".
	Calls(ctx context.Context, tenant string, f CallFilter, p Page) (calls []*Call, next string, err error)
	// SetDisposition replaces the call's disposition and appends a call.updated event.
	// ErrNotFound when the call is not stored (yet). Unless seen is "" it must be what
	// SaidTag makes of the stored call, else ErrConflict and nothing is changed.
	SetDisposition(ctx context.Context, tenant, callID string, d Disposition, seen string) (*Call, error)
	// AddNote appends a note and a call.updated event. A note with an id that is there already is left alone.
	AddNote(ctx context.Context, tenant, callID string, n Note) (*Call, error)
	// SetContact stores which contact the call was matched with; nil clears it. It appends a contact.matched
	// event, unless that is what the call has.
	SetContact(ctx context.Context, tenant, callID string, m *Match) (*Call, error)
	// Dispositions returns the codes of the tenant, DefaultDispositions when none were set.
	Dispositions(ctx context.Context, tenant string) ([]DispositionCode, error)
}

// Page asks for at most Limit items (1 to 200, 0 means 50) after Cursor.
type Page struct {
	Limit  int
	Cursor string
}

// CallFilter narrows a list of calls; zero fields do not. Strings are exact
// unless said otherwise; times are half open: From <= StartedAt < Until.
type CallFilter struct {
	From, Until  time.Time
	Number       string // digits, at least 4: the caller's or dialled number ends with them; E.164 with + is exact
	Agent        string // user name of an offer or talk
	Extension    string // of an offer, a talk, From or To
	Queue        string
	Direction    Direction
	Outcome      Outcome
	MinTalk      time.Duration
	Disposition  string
	HasRecording *bool
	Q            string // words in notes, disposition note, caller name or contact name
	OfferedTo    string // user name: only calls that were offered to, or talked by, that agent
	OpenOnly     bool
}

// EventStore reads the event log. Positions appear in order: once n was read,
// nothing below n appears later.
type EventStore interface {
	// Events returns up to limit events of the tenant after the n-th of the log, in order.
	Events(ctx context.Context, tenant string, after int64, limit int) ([]StoredEvent, error)
	// EventsOf is Events narrowed to some types; no types are all. The log was looked through up to its upTo-th event, which is
	// after when there is nothing new: whoever goes on from there misses none.
	EventsOf(ctx context.Context, tenant string, after int64, limit int, types ...EventType) (events []StoredEvent, upTo int64, err error)
	// EventsSince returns up to limit events of the tenant that are after the cursor in their own source, in log order.
	EventsSince(ctx context.Context, tenant string, c Cursor, limit int) ([]StoredEvent, error)
	// PeopleEvents is Events narrowed to what people did (PBX is empty).
	PeopleEvents(ctx context.Context, tenant string, after int64, limit int) ([]StoredEvent, error)
	// NewestEvent returns the last number that the log has given out, 0 for none, whether or not that event is kept.
	// Whoever has read one above it did so before the database was put back from an older copy.
	NewestEvent(ctx context.Context) (int64, error)
	// Tops returns the last durable position of every source.
	Tops(ctx context.Context) (Cursor, error)
}

// Cursor is the position reached in every source.
type Cursor struct {
	PBX map[string]Position // by PBX: the checkpoint, or the last event seen
	Log int64               // what people did
}

// StoredEvent is an event as the log keeps it.
type StoredEvent struct {
	N      int64 // place in the log, from 1
	PBX    string
	Pos    Position
	Num    int
	Type   EventType
	CallID string
	At     Time
	Body   []byte // CloudEvents 1.0 JSON
}

// ContactStore keeps contacts.
type ContactStore interface {
	// CreateContact stores c; ID, CreatedAt, UpdatedAt are given, Version becomes 1.
	CreateContact(ctx context.Context, tenant string, c Contact) (Contact, error)
	Contact(ctx context.Context, tenant, id string) (Contact, error)
	// UpdateContact replaces the contact; a Version that is not 0 must be the stored one, else ErrConflict.
	UpdateContact(ctx context.Context, tenant string, c Contact) (Contact, error)
	// DeleteContact removes the contact; a version that is not 0 must be the stored one, else ErrConflict.
	DeleteContact(ctx context.Context, tenant, id string, version int) error
	// Contacts returns one page by name, then id; q filters by part of name, company or number.
	Contacts(ctx context.Context, tenant, q string, p Page) (contacts []Contact, next string, err error)
	// MatchNumber returns the contacts that have the E.164 number, at most 20.
	MatchNumber(ctx context.Context, tenant string, e164 Number) ([]Contact, error)
}

// UserStore keeps users and their extensions.
type UserStore interface {
	// CreateUser stores u; ErrConflict when the name is taken.
	CreateUser(ctx context.Context, u User) error
	UserByName(ctx context.Context, tenant, name string) (User, error)
	User(ctx context.Context, id string) (User, error)
	Users(ctx context.Context, tenant string) ([]User, error)
	// UsersRevision is another number whenever a user or a binding of the tenant has changed.
	// Who keeps a copy reads it before Users and Bindings, and these again only when it is new.
	UsersRevision(ctx context.Context, tenant string) (int64, error)
	// UpdateUser stores role, password hash, disabled and version.
	UpdateUser(ctx context.Context, u User) error
	// Bind gives b's extension to the user b.UserID from b.From until b.Until, for good when
	// that is zero, beside whoever else has it: an extension may have several users, and a
	// user several extensions. What he has of that time already becomes one with it. With
	// alone nobody else has the extension then: what they would have is taken away, and what
	// they would have after it stays. ErrNotFound when there is no such user.
	Bind(ctx context.Context, b Binding, alone bool) error
	// Unbind ends the user's binding at that time, and what he would have of the extension
	// later; ErrNotFound when there is neither.
	Unbind(ctx context.Context, userID, pbx, extension string, at time.Time) error
	// Bindings returns all bindings of the tenant, past ones and ones to come included, by their beginning.
	Bindings(ctx context.Context, tenant string) ([]Binding, error)
}

// SessionStore keeps what logins need, so that any node serves any request.
type SessionStore interface {
	// SigningKeys returns every key that is not yet forgotten, newest first.
	SigningKeys(ctx context.Context) ([]SigningKey, error)
	// AddSigningKey stores k; ErrConflict when a key with that id is there.
	AddSigningKey(ctx context.Context, k SigningKey) error
	// StartFamily stores the first refresh token of a login. Like Rotate it forgets some of
	// the logins whose AbsoluteExpiry passed an hour before the token was issued.
	StartFamily(ctx context.Context, t RefreshToken) error
	// Rotate exchanges the token whose hash is old for next (its FamilyID, UserID and
	// AbsoluteExpiry are taken from the old one and returned). Exchanging the same
	// predecessor for the same successor again within grace succeeds. Any other second
	// use revokes the family and gives ErrReused; an unknown, expired or revoked one
	// gives ErrUnauthenticated.
	Rotate(ctx context.Context, old []byte, next RefreshToken, now time.Time, grace time.Duration) (RefreshToken, error)
	// EndFamily revokes the family of the token; an unknown hash is a no-op.
	EndFamily(ctx context.Context, hash []byte, now time.Time) error
	// EndSession revokes a family; one that is not there is a no-op.
	EndSession(ctx context.Context, familyID string, now time.Time) error
	// EndedSince returns the ids of the families that were first revoked then or later, in no order.
	EndedSince(ctx context.Context, since time.Time) ([]string, error)
	// PutTicket stores a single-use ticket; TakeTicket removes and returns it,
	// ErrUnauthenticated when unknown, used or expired.
	PutTicket(ctx context.Context, t Ticket) error
	TakeTicket(ctx context.Context, kind string, hash []byte, now time.Time) (Ticket, error)
	// Idempotent returns the stored answer for the key; when there is none it stores a,
	// unless that is nil, and returns nil. Keys live 24 h.
	Idempotent(ctx context.Context, tenant, userID, key string, a *Answer, now time.Time) (prior *Answer, err error)
	// Setting and SetSetting keep small values of the deployment; a missing one is ErrNotFound.
	// SetSetting with onlyNew returns ErrConflict when there is one.
	Setting(ctx context.Context, key string) ([]byte, error)
	SetSetting(ctx context.Context, key string, value []byte, onlyNew bool) error
}

// SigningKey is a key that signs access tokens.
type SigningKey struct {
	ID        string // kid
	Public    []byte // Ed25519
	Sealed    []byte // private key, sealed by the data directory's or the deployment's key
	CreatedAt Time
}

// RefreshToken is one token of a login's rotating chain; only its hash is stored.
type RefreshToken struct {
	Hash           []byte // SHA-256
	FamilyID       string
	UserID         string
	IssuedAt       time.Time
	ExpiresAt      time.Time // idle limit
	AbsoluteExpiry time.Time
}

// Ticket is a single-use credential for one purpose.
type Ticket struct {
	Kind      string // "push", "setup"
	Hash      []byte // SHA-256
	Data      []byte // what it stands for
	ExpiresAt time.Time
}

// Answer is what a request with an Idempotency-Key was answered.
type Answer struct {
	Request []byte // SHA-256 of method, path and body
	Status  int
	Body    []byte
}

// Outbox is the queue of what must reach other systems: filled from the event
// log, emptied by sync workers. Lanes keep order: of one destination and lane,
// only the oldest unfinished job can be claimed; a parked one holds its lane.
type Outbox interface {
	// OutboxCursor returns the last event that was turned into jobs of dest; 0 at first.
	OutboxCursor(ctx context.Context, dest string) (int64, error)
	// Enqueue stores jobs of dest and moves its cursor from one event to another in one
	// transaction; ErrConflict when the cursor is not from. A job whose Key is there already is left alone.
	Enqueue(ctx context.Context, dest string, from, to int64, jobs []Job) error
	// Claim leases up to limit jobs of dest until now+lease, those that have been due longest, and returns
	// them with a new Gen, oldest first. What it costs does not grow with how many wait.
	// A job whose lease ran out is claimable again, with Unsure set: its outcome is unknown.
	Claim(ctx context.Context, dest string, now time.Time, lease time.Duration, limit int) ([]Job, error)
	// Finish ends leases: done, or to be tried at RunAt, or parked. ErrFenced for a job whose Gen is another
	// or whose lease has ended otherwise, ErrNotFound for one that is not there: the others have ended then.
	// The same end may be told again. What stands behind a job in its lane is not due before it.
	Finish(ctx context.Context, ends ...JobEnd) error
	// Jobs lists jobs of dest in a state, oldest first; Redrive makes a parked one ready again,
	// with no attempts counted; ErrConflict when it is not parked.
	Jobs(ctx context.Context, dest string, state JobState, limit int) ([]Job, error)
	Redrive(ctx context.Context, id int64, now time.Time) error
}

// JobState is where a job is.
type JobState string

// The states of a job.
const (
	JobReady  JobState = "ready"
	JobLeased JobState = "leased"
	JobDone   JobState = "done"
	JobParked JobState = "parked" // a person must look at it
	// JobSkipped: a person decided that it is not to be done.
	JobSkipped JobState = "skipped"
)

// Job is one thing to be written to one destination.
type Job struct {
	ID       int64
	Dest     string
	Lane     string // call id: order is kept within it
	Key      string // unique per destination: the event's id, or what makes the write the same
	Kind     string
	Payload  []byte
	State    JobState
	RunAt    time.Time // when it may be claimed: of a leased one, the end of the lease; of an ended one, when it ended
	Attempts int       // claims that count, the present one included
	Gen      int       // of the lease
	Unsure   bool      // an earlier attempt may have succeeded: look before writing
	LastErr  string
}

// JobEnd is the end of an attempt at a job.
type JobEnd struct {
	ID  int64
	Gen int // the lease's
	JobResult
}

// End returns how an attempt at the job ended.
func (j *Job) End(r JobResult) JobEnd { return JobEnd{j.ID, j.Gen, r} }

// JobResult says how an attempt ended.
type JobResult struct {
	State JobState  // JobDone, JobReady or JobParked
	RunAt time.Time // of JobReady; of the others when it ended, zero when nobody looked
	Err   string    // without personal data
	// Free says that the attempt does not count (stopped, throttled).
	Free bool
}
