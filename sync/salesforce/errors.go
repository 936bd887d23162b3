package salesforce

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// fault is an error as the API writes it. Of a request the name is errorCode, of a record statusCode; both are read.
type fault struct {
	ErrorCode  string   `json:"errorCode"`
	StatusCode string   `json:"statusCode"`
	Message    string   `json:"message"`
	Fields     []string `json:"fields"`
}

func (f fault) code() string { return f.ErrorCode + f.StatusCode }

// verdict is what a code means. What is not listed is permanent: asking again brings the same.
type verdict struct {
	class crmsync.Class
	after time.Duration
	drops []string // fields to leave out and try again: "link" is those that link the contact, "createOnly" those that cannot be changed
}

// verdicts are ours; the codes are those of "Status Codes" in the SOAP API Developer Guide and "Error Responses".
var verdicts = map[string]verdict{
	"UNABLE_TO_LOCK_ROW":                            {class: crmsync.Transient},
	"SERVER_UNAVAILABLE":                            {class: crmsync.Transient},
	"QUERY_TIMEOUT":                                 {class: crmsync.Transient},
	"ALL_OR_NONE_OPERATION_ROLLED_BACK":             {class: crmsync.Transient},
	"PROCESSING_HALTED":                             {class: crmsync.Transient},
	"DUPLICATE_VALUE":                               {class: crmsync.Transient}, // two first writes raced: the next updates
	"UNKNOWN_EXCEPTION":                             {class: crmsync.Ambiguous},
	"ENTITY_IS_DELETED":                             {class: crmsync.Permanent, drops: []string{"link"}},
	"INVALID_CROSS_REFERENCE_KEY":                   {class: crmsync.Permanent, drops: []string{"link", "OwnerId"}},
	"INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": {class: crmsync.Permanent, drops: []string{"link"}},
	"INACTIVE_OWNER_OR_USER":                        {class: crmsync.Permanent, drops: []string{"OwnerId"}},
	"INVALID_FIELD_FOR_INSERT_UPDATE":               {class: crmsync.Permanent, drops: []string{"createOnly"}},
	"API_DISABLED_FOR_ORG":                          {class: crmsync.Auth, after: time.Hour},
	"INVALID_SESSION_ID":                            {class: crmsync.Auth},
	"NOT_FOUND":                                     {class: crmsync.Auth, after: 15 * time.Minute}, // of a request: object, field or version
	"REQUEST_LIMIT_EXCEEDED":                        {class: crmsync.Throttle, after: time.Hour},
	"CONCURRENT_REQUEST_LIMIT":                      {class: crmsync.Throttle, after: 5 * time.Second},
	"JSON_PARSER_ERROR":                             {class: crmsync.Split},
	"INVALID_FIELD":                                 {class: crmsync.Split},
}

func (f fault) verdict() verdict {
	v, ok := verdicts[f.code()]
	switch {
	case f.code() == "REQUEST_LIMIT_EXCEEDED" && strings.Contains(f.Message, "Concurrent"):
		return verdicts["CONCURRENT_REQUEST_LIMIT"]
	case strings.Contains(f.Message, "UNABLE_TO_LOCK_ROW"): // inside what a trigger or flow says
		return verdicts["UNABLE_TO_LOCK_ROW"]
	case !ok:
		return verdict{class: crmsync.Permanent}
	}
	return v
}

// err returns the fault as what came of a push. The message of a record is left out: it may quote the call.
func (f fault) err() *crmsync.PushError {
	v := f.verdict()
	reason := f.code()
	if len(f.Fields) > 0 {
		reason += " (" + strings.Join(f.Fields, ", ") + ")"
	}
	return &crmsync.PushError{Class: v.class, Reason: reason, After: v.after}
}

// refused says what a status of 300 and more means, and whether the session has ended.
func refused(a crmsync.Answer, reads bool) (err *crmsync.PushError, ended bool) {
	var faults []fault
	if json.Unmarshal(a.Body, &faults) != nil || len(faults) == 0 {
		return a.Foreign(reads), a.Status == http.StatusUnauthorized
	}
	err = faults[0].err()
	err.After = max(err.After, a.RetryAfter())
	if _, known := verdicts[faults[0].code()]; !known {
		err = a.Refusal(reads, faults[0].code())
	}
	switch {
	case reads && err.Class == crmsync.Ambiguous:
		err.Class = crmsync.Transient
	case reads && err.Class == crmsync.Split: // a field that is not there: no job is to blame
		return err.SetUp(""), false
	}
	ended = a.Status == http.StatusUnauthorized &&
		!strings.Contains(faults[0].Message, "not attached to Agent") &&
		!strings.Contains(faults[0].Message, "not valid for use with the REST API") // another login gives the same
	return err, ended
}
