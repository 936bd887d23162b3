package crmsync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"patchcord/crm"
)

// Connector writes activities (what a CRM calls a call, a task or an event) to one CRM. It
// knows the wire and nothing of queues. It is safe for concurrent use.
type Connector interface {
	Capabilities() Capabilities
	// Write creates or updates activities, no two of one key and at most Capabilities().Batch, and
	// returns for each nil or a *PushError, as Bulk does.
	Write(ctx context.Context, list []Activity) []error
	// Find returns the CRM's ids of the activities with those keys: none, one, or (only where keys
	// are not unique) several for a key.
	Find(ctx context.Context, keys []string) (map[string][]string, error)
}

// Capabilities is what a CRM can do, as data: the engine and the mapping read it, and nothing asks which CRM it is.
type Capabilities struct {
	Batch int // activities in one Write; 0 means 1
	// Upsert says that Write of a new activity is safe to repeat: the key itself decides. Without it
	// every write is preceded by Find, and Activity.ID is set when the CRM has the activity.
	Upsert bool

	Fields     map[string]string            // default mapping: field of the CRM to template
	Merged     map[string]string            // fields of an activity whose call became part of another
	Links      map[string]map[string]string // fields that link a contact, by its object; left out when it is gone
	CreateOnly []string                     // fields that an update may not have
	Values     map[string]map[string]string // default translation of values, by placeholder
	Limits     map[string]int               // longest text by field, in characters
	Defaults   map[string]string            // what stands in a field that may not be left out, when nothing is known
	Bans       map[string]string            // characters that a text may not hold, by field: each becomes a space
	Types      map[string]string            // what a field wants in place of plain text: "bool", "int" or "html"
	AllText    bool                         // every value is sent as text
	Time       func(time.Time) any          // how the CRM wants times; nil means RFC 3339 UTC
}

// Activity is one call as it is to stand in a CRM.
type Activity struct {
	Key     string // see Key
	ID      string // the CRM's, when it was looked up
	Fields  map[string]any
	Owner   string         // the CRM's id of the user it belongs to, "" for the connection's own
	Contact Ref            // the one contact of this CRM that the other party is; zero when unknown or doubtful
	Links   map[string]any // further fields, that link Contact: to be left out when it turns out to be gone
	Known   bool           // it was written before, by whichever process: what only a new one is to have is left out
	Merged  bool           // the call is part of another now; Fields point there
	Unsure  bool           // an earlier attempt may have written it: only a look-up can tell
	Call    *crm.Call
}

// Ref names a record of a CRM.
type Ref struct{ Object, ID string }

// Key returns the id under which a CRM knows a call: it depends on tenant and call id alone and holds
// 34 characters [0-9a-z]. No dot is in it: some servers take what follows one for a file's type.
func Key(tenant, callID string) string {
	sum := sha256.Sum256([]byte(tenant + "\x00" + callID))
	return "pc" + hex.EncodeToString(sum[:16])
}

// UUID returns the same 128 bits in the form of a UUID (version 8, RFC 9562), for CRMs that take only that.
func UUID(key string) string {
	b, err := hex.DecodeString(key[min(2, len(key)):])
	if err != nil || len(b) != 16 {
		sum := sha256.Sum256([]byte(key))
		b = sum[:16]
	}
	b[6], b[8] = b[6]&0x0F|0x80, b[8]&0x3F|0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
