package crm

import "time"

// Role says what a user may do. Whatever is not granted is denied.
type Role string

// The roles.
const (
	RoleOwner       Role = "owner"
	RoleAdmin       Role = "admin"
	RoleSupervisor  Role = "supervisor" // a team
	RoleAgent       Role = "agent"      // himself
	RoleAuditor     Role = "auditor"
	RoleIntegration Role = "integration"
)

// Roles lists every role.
var Roles = [...]Role{RoleOwner, RoleAdmin, RoleSupervisor, RoleAgent, RoleAuditor, RoleIntegration}

// Valid reports whether r is a role.
func (r Role) Valid() bool {
	for _, v := range Roles {
		if r == v {
			return true
		}
	}
	return false
}

// Principal is who asks: made from a verified token, passed explicitly, never
// taken from a context.
type Principal struct {
	Tenant  string
	UserID  string
	Name    string // user name
	Role    Role
	Session string // the login it belongs to (refresh family)
	Version int    // of the user's sessions; a lower one than the user's is revoked
}

// User is who logs in.
type User struct {
	ID           string
	Tenant       string
	Name         string // unique in the tenant, compared without regard to case
	Role         Role
	PasswordHash string // argon2id, PHC string
	Disabled     bool
	Version      int // raised to revoke every session
	CreatedAt    Time
}

// Binding says that a user had an extension of a PBX from one time to another.
type Binding struct {
	UserID    string `json:"-"`
	User      string `json:"user"`
	PBX       string `json:"pbx"`
	Extension string `json:"extension"`
	From      Time   `json:"from,omitzero"`
	Until     Time   `json:"until,omitzero"` // zero: still
}

// Holds reports whether the binding held at t.
func (b Binding) Holds(t time.Time) bool {
	return !t.Before(b.From.Time) && (b.Until.IsZero() || t.Before(b.Until.Time))
}

// Contact is a person or company that calls are matched with by number.
type Contact struct {
	ID        string   `json:"id"`
	Tenant    string   `json:"-"`
	Name      string   `json:"name"`
	Company   string   `json:"company,omitempty"`
	Email     string   `json:"email,omitempty"`
	Numbers   []Number `json:"numbers"` // E.164
	Notes     string   `json:"notes,omitempty"`
	URL       string   `json:"url,omitempty"` // of its page elsewhere
	CreatedAt Time     `json:"created_at,omitzero"`
	UpdatedAt Time     `json:"updated_at,omitzero"`
	Version   int      `json:"version"` // for If-Match
}

// DispositionCode is one of the conclusions an agent may choose from.
type DispositionCode struct {
	Code  string `json:"code"`
	Label string `json:"label"`
}

// DefaultDispositions are the codes a new tenant starts with.
func DefaultDispositions() []DispositionCode {
	return []DispositionCode{
		{"resolved", "Resolved"},
		{"callback", "Call back"},
		{"escalated", "Escalated"},
		{"voicemail", "Left a message"},
		{"no_answer", "Not reached"},
		{"wrong_number", "Wrong number"},
		{"spam", "Spam"},
	}
}
