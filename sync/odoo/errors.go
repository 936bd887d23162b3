package odoo

import (
	"errors"
	"net/http"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// verdict is what an exception means.
type verdict struct {
	class crmsync.Class
	after time.Duration
	hint  string
}

// setUp is wrong with the account or the database, and with no call.
const setUp = 15 * time.Minute

// verdicts are ours, by the end of the exception's name (odoo.exceptions, werkzeug.exceptions, psycopg2.errors).
var verdicts = map[string]verdict{
	"AccessDenied":             {class: crmsync.Auth, hint: "is the key still good? Odoo ends it after three months at most"},
	"Unauthorized":             {class: crmsync.Auth, hint: "is the key still good? Odoo ends it after three months at most"},
	"AccessError":              {crmsync.Auth, setUp, "the user lacks a right: to calls, or to read external ids (ir.model.data)"},
	"Forbidden":                {crmsync.Auth, setUp, "the user lacks a right, or the plan has no external API"},
	"NotFound":                 {crmsync.Auth, setUp, "is the model installed, and the database's name right?"},
	"KeyError":                 {crmsync.Auth, setUp, "is the model installed?"},
	"SessionExpiredException":  {class: crmsync.Auth},
	"SerializationFailure":     {class: crmsync.Transient},
	"DeadlockDetected":         {class: crmsync.Transient},
	"LockNotAvailable":         {class: crmsync.Transient},
	"OperationalError":         {class: crmsync.Transient},
	"InterfaceError":           {class: crmsync.Transient},
	"PoolError":                {class: crmsync.Throttle, after: 5 * time.Second},
	"ServiceUnavailable":       {class: crmsync.Transient},
	"UniqueViolation":          {class: crmsync.Transient}, // two first writes of a key raced: the next updates
	"TransactionRollbackError": {class: crmsync.Transient},
}

// exception says what an exception means. What is not listed was refused for one of the records, when some were written; else it is about
// the model: of one that is not there JSON-RPC says no more than UserError (execute_cr of odoo/service/model.py, to Odoo 18). The message is
// left out: it may quote the call.
func exception(name, message string, code int, reads bool) *crmsync.PushError {
	short := name[strings.LastIndexByte(name, '.')+1:]
	v, ok := verdicts[short]
	switch {
	case short == "OperationalError" && strings.Contains(message, "does not exist"):
		v = verdicts["NotFound"]
	case ok:
	case code == http.StatusUnauthorized || code == 100: // 100: the session has ended
		v = verdicts["Unauthorized"]
	case strings.Contains(message, "could not serialize access"):
		v = verdicts["SerializationFailure"]
	case reads:
		v = verdict{crmsync.Auth, setUp, "is the model installed, and are its fields named right?"}
	default:
		v.class = crmsync.Split
	}
	reason := short
	if v.hint != "" {
		reason += " (" + v.hint + ")"
	}
	return &crmsync.PushError{Class: v.class, Reason: reason, After: v.after}
}

// denied reports whether the login is what is refused.
func denied(err error) bool {
	var p *crmsync.PushError
	return errors.As(err, &p) && p.Class == crmsync.Auth && p.After == 0
}
