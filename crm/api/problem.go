package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"patchcord/crm"
	"patchcord/crm/auth"
)

// Problem is an RFC 9457 problem document.
type Problem struct {
	Type   string         `json:"type,omitempty" doc:"Absent: about:blank, the status says it all"`
	Title  string         `json:"title" doc:"The status in words"`
	Status int            `json:"status"`
	Detail string         `json:"detail,omitempty" doc:"What is wrong and what to do about it"`
	Errors []FieldProblem `json:"errors,omitempty" doc:"Each field that is wrong"`

	header http.Header
}

// FieldProblem says what is wrong with one field.
type FieldProblem struct {
	Field  string `json:"field" doc:"Name of the field, parameter or header; nested ones with dots"`
	In     string `json:"in,omitempty" doc:"body, query, path, header or cookie"`
	Detail string `json:"detail"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

var (
	// errPrecondition: the resource is not the version that If-Match names.
	errPrecondition = errors.New("changed since it was read")
	// errIfMatch: If-Match was sent to a route that cannot hold to it.
	errIfMatch = errors.New("takes no If-Match")
	// errPending: a live call is not in the store yet.
	errPending = errors.New("the call is not recorded yet")
	// errCSRF: a cookie was sent without proof that a page of ours sent it.
	errCSRF = errors.New("not sent by a page of this site")
)

// statusOf chooses the HTTP status for an error and what the client may read of
// it. Only an InputError shows its own text.
func statusOf(err error) (status int, detail string, retry time.Duration) {
	var throttled *auth.ThrottledError
	var input *crm.InputError
	switch {
	case errors.As(err, &input):
		return http.StatusUnprocessableEntity, input.Error(), 0
	case errors.As(err, &throttled):
		return http.StatusTooManyRequests, "Too many requests; try again later.", throttled.RetryAfter
	case errors.Is(err, errWrongPassword):
		return http.StatusUnauthorized, "The user name or the password is wrong.", 0
	case errors.Is(err, crm.ErrUnauthenticated), errors.Is(err, crm.ErrReused):
		return http.StatusUnauthorized, "Log in: this request has no token that counts.", 0
	case errors.Is(err, errCSRF):
		return http.StatusForbidden, "A cookie counts only with the header " + csrfHeader + " and from a page of this site.", 0
	case errors.Is(err, crm.ErrForbidden):
		return http.StatusForbidden, "Your role does not allow this.", 0
	case errors.Is(err, errPrecondition):
		return http.StatusPreconditionFailed, "It was changed since you read it; read it again.", 0
	case errors.Is(err, errIfMatch):
		return http.StatusPreconditionFailed, "This route takes no If-Match and cannot hold to it; send none.", 0
	case errors.Is(err, crm.ErrNotFound):
		return http.StatusNotFound, "There is no such thing, or not for you.", 0
	case errors.Is(err, crm.ErrConflict):
		return http.StatusConflict, "It exists already, or was changed meanwhile.", 0
	case errors.Is(err, errPending):
		return http.StatusServiceUnavailable, "The call is not recorded yet; try again.", time.Second
	case errors.Is(err, crm.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable, "The store does not answer; try again.", time.Second
	}
	return http.StatusInternalServerError, "Something went wrong here; it is in the daemon's log.", 0
}

// problemOf turns an error into what is sent.
func problemOf(err error) *Problem {
	status, detail, retry := statusOf(err)
	p := &Problem{Title: http.StatusText(status), Status: status, Detail: detail, header: make(http.Header)}
	var input *crm.InputError
	if errors.As(err, &input) && input.Field != "" {
		p.Errors = []FieldProblem{{Field: input.Field, Detail: input.Msg}}
	}
	if retry > 0 {
		p.header.Set("Retry-After", strconv.Itoa(int(math.Ceil(retry.Seconds()))))
	}
	if status == http.StatusUnauthorized {
		p.header.Set("WWW-Authenticate", "Bearer")
	}
	return p
}

// problem turns an error of a route into what is sent, and logs the unknown ones.
func (a *API) problem(route string, err error) *Problem {
	p := problemOf(err)
	if p.Status == http.StatusInternalServerError {
		a.log.Error("request", "route", route, "err", err)
	}
	return p
}

// writeProblem sends p outside of huma.
func writeProblem(w http.ResponseWriter, p *Problem) {
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	for k, v := range p.header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone; there is nobody to tell
}

// fieldProblem names the field itself also when it is missing, where huma names
// what it is missing from, and the body when it is wrong as a whole. It says what is
// wanted where huma says what it was given, or Go's pattern for a time.
func fieldProblem(e *huma.ErrorDetail) FieldProblem {
	in, field, _ := strings.Cut(e.Location, ".")
	var missing string
	if n, _ := fmt.Sscanf(e.Message, validation.MsgExpectedRequiredProperty, &missing); n == 1 {
		field = strings.TrimPrefix(field+"."+missing, ".")
	}
	detail := e.Message
	switch {
	case strings.HasPrefix(detail, "invalid date/time"):
		detail = "want a time with its zone, such as 2026-11-22T08:00:00Z; in an address a + is written %2B"
	case strings.HasPrefix(detail, huma.ErrUnknownContentType.Error()):
		detail = "want JSON, with Content-Type: application/json"
	}
	return FieldProblem{Field: cmp.Or(field, in), In: in, Detail: detail}
}

// ownProblems is a huma transformer that turns huma's error model, which repeats
// the values it was sent, into a Problem, which names fields only.
func ownProblems(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := &Problem{Title: m.Title, Status: m.Status, Detail: m.Detail}
	if m.Status >= http.StatusInternalServerError {
		return p, nil
	}
	for _, e := range m.Errors {
		p.Errors = append(p.Errors, fieldProblem(e))
	}
	if len(p.Errors) == 0 && m.Detail == "request body is required" {
		p.Errors = []FieldProblem{{Field: "body", In: "body", Detail: "is missing; want JSON"}}
	}
	if len(p.Errors) > 0 {
		p.Detail = strings.TrimPrefix(p.Errors[0].Field+": ", ": ") + p.Errors[0].Detail
	}
	return p, nil
}
