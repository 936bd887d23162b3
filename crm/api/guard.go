package api

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"patchcord/crm"
)

// caller is who asks, from where, and how far he reaches on this route.
type caller struct {
	crm.Principal
	client
	reach reach
}

type callerKey struct{}

// guard lets a request through to its route only as the table allows. It runs
// before anything of the request but its header is read.
func (a *API) guard(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	c, err := a.admit(r, ctx.Operation().OperationID)
	if err != nil {
		writeProblem(w, a.problem(ctx.Operation().OperationID, err))
		return
	}
	if err := cmp.Or(eachOnce(r.URL.Query()), unconditional(r, ctx.Operation())); err != nil {
		writeProblem(w, problemOf(err))
		return
	}
	next(huma.WithValue(ctx, callerKey{}, c))
}

// eachOnce refuses a parameter that comes twice: the first would count, and the answer
// be taken for what was asked with the second.
func eachOnce(query url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if len(query[name]) > 1 {
			return &crm.InputError{Field: name, Msg: "may come once; ask once for each"}
		}
	}
	return nil
}

// unconditional refuses an If-Match that the route cannot hold to (RFC 9110 section 13.1.1): who
// sends one takes it that nobody changed the thing meanwhile.
func unconditional(r *http.Request, op *huma.Operation) error {
	match := r.Header.Get("If-Match")
	taken := slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "header" && p.Name == "If-Match" })
	if match == "" || match == "*" || taken || op.Method == http.MethodGet {
		return nil
	}
	return errIfMatch
}

func (a *API) admit(r *http.Request, route string) (caller, error) {
	c := caller{client: a.clientOf(r)}
	if _, public := allow(a.policy, route, ""); public {
		return c, nil
	}
	token, ok := bearer(r.Header.Get("Authorization"))
	if !ok {
		return c, fmt.Errorf("no token: %w", crm.ErrUnauthenticated)
	}
	var err error
	if c.Principal, err = a.auth.Verify(r.Context(), token); err != nil {
		return c, err
	}
	if c.reach, _ = allow(a.policy, route, c.Role); c.reach == nothingAtAll {
		a.log.Warn("request refused", "route", route, "user", c.UserID, "role", c.Role)
		return c, fmt.Errorf("%s as %s: %w", route, c.Role, crm.ErrForbidden)
	}
	return c, a.limits.take(c.Session)
}

func bearer(authorization string) (string, bool) {
	scheme, token, ok := strings.Cut(authorization, " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}

// route adds a route to the API. The handler is given who asks; its error
// becomes a problem document.
func route[I, O any](a *API, op huma.Operation, handle func(context.Context, caller, *I) (*O, error)) {
	op.MaxBodyBytes = maxBody
	op.RejectUnknownQueryParameters = true
	if _, public := allow(a.policy, op.OperationID, ""); !public {
		op.Security = []map[string][]string{{"bearer": {}}}
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		c, _ := ctx.Value(callerKey{}).(caller) // put there by guard; without it the zero caller reaches nothing
		out, err := handle(ctx, c, in)
		if err != nil {
			return nil, a.problem(op.OperationID, err)
		}
		return out, nil
	})
}
