package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
)

// attempt is one use of a route. Its want has a status for each column of attemptColumns.
type attempt struct {
	path string
	body any
	want string
}

// attemptColumns are the users that make every attempt; other is a second agent,
// outsider the admin of another tenant, nobody has no token.
const attemptColumns = "owner admin supervisor agent auditor integration other outsider nobody"

// attempts lists for every route, by operation id, what each user is answered for
// what is his, somebody else's or another tenant's.
func attempts(b *bench, mine, theirs string) map[string][]attempt {
	contact := map[string]any{"name": "N", "numbers": []string{}}
	code, note := map[string]any{"code": "resolved"}, map[string]any{"text": "x"}
	fresh := func() string { return "/v1/contacts/" + b.contact("default") }
	return map[string][]attempt{
		"list-calls":      {{"/v1/calls", nil, "200 200 200 200 403 200 200 200 401"}},
		"list-live-calls": {{"/v1/calls/live", nil, "200 200 200 200 403 200 200 200 401"}},
		"read-call": {
			{callPath(mine), nil, "200 200 200 200 403 200 404 404 401"},
			{callPath(theirs), nil, "404 404 404 404 403 404 404 200 401"},
			{callPath("hq:nothing"), nil, "404 404 404 404 403 404 404 404 401"}},
		"set-disposition": {
			{callPath(mine) + "/disposition", code, "200 200 200 200 403 403 404 404 401"},
			{callPath(theirs) + "/disposition", code, "404 404 404 404 403 403 404 200 401"}},
		"add-note": {
			{callPath(mine) + "/notes", note, "201 201 201 201 403 403 404 404 401"},
			{callPath(theirs) + "/notes", note, "404 404 404 404 403 403 404 201 401"}},
		"hold-call": {
			{callPath(mine) + "/hold", map[string]any{"reason": "case 7"}, "204 204 403 403 403 403 403 404 401"},
			{callPath(theirs) + "/hold", map[string]any{"reason": "case 7"}, "404 404 403 403 403 403 403 204 401"}},
		"release-call":   {{callPath("hq:nothing") + "/hold", nil, "404 404 403 403 403 403 403 404 401"}},
		"list-holds":     {{"/v1/holds", nil, "200 200 403 403 200 403 403 200 401"}},
		"list-contacts":  {{"/v1/contacts", nil, "200 200 200 200 403 200 200 200 401"}},
		"create-contact": {{"/v1/contacts", contact, "201 201 201 201 403 201 201 201 401"}},
		"read-contact":   {{fresh(), nil, "200 200 200 200 403 200 200 404 401"}},
		"update-contact": {{fresh(), contact, "200 200 200 200 403 200 200 404 401"}},
		"delete-contact": {{"/v1/contacts/FRESH", nil, "204 204 204 403 403 204 403 404 401"}},
		"list-agents":    {{"/v1/agents", nil, "200 200 200 200 403 200 200 200 401"}},
		"set-agent":      {{"/v1/agents/agent", map[string]any{"extensions": []string{"hq/1001"}}, "200 200 403 403 403 403 403 404 401"}},
		"list-bindings": {
			{"/v1/agents/agent/extensions", nil, "200 200 200 200 403 200 404 404 401"},
			{"/v1/agents/nobody/extensions", nil, "404 404 404 404 403 404 404 404 401"}},
		"bind-extension": {
			{"/v1/agents/agent/extensions/hq/1001", map[string]any{}, "200 200 200 403 403 403 403 404 401"},
			{"/v1/agents/supervisor/extensions/hq/1001", map[string]any{}, "200 200 403 403 403 403 403 404 401"},
			{"/v1/agents/outsider/extensions/hq/1001", map[string]any{}, "404 404 404 403 403 403 403 200 401"}},
		"unbind-extension": {
			{"/v1/agents/agent/extensions/hq/1009", nil, "404 404 404 403 403 403 403 404 401"},
			{"/v1/agents/supervisor/extensions/hq/1009", nil, "404 404 403 403 403 403 403 404 401"}},
		"explain-call": {
			{callPath(mine) + "/explain", nil, "200 200 200 200 403 403 200 404 401"},
			{callPath(mine) + "/explain?agent=agent", nil, "200 200 200 200 403 403 403 404 401"},
			{callPath(theirs) + "/explain", nil, "404 404 404 404 403 403 404 200 401"},
			{callPath("hq:nothing") + "/explain", nil, "404 404 404 404 403 403 404 404 401"}},
		"list-extensions":        {{"/v1/extensions", nil, "200 200 200 403 403 200 403 200 401"}},
		"list-dispositions":      {{"/v1/dispositions", nil, "200 200 200 200 403 200 200 200 401"}},
		"list-gaps":              {{"/v1/gaps", nil, "200 200 200 403 200 200 403 200 401"}},
		"list-events":            {{"/v1/events", nil, "200 200 200 403 403 200 403 200 401"}},
		"list-webhooks":          {{"/v1/webhooks", nil, "200 200 403 403 403 403 403 200 401"}},
		"list-webhook-jobs":      {{"/v1/webhooks/hook/jobs", nil, "200 200 403 403 403 403 403 404 401"}},
		"redrive-webhook-job":    {{"/v1/webhooks/hook/jobs/PARKED/redrive", nil, "204 204 403 403 403 403 403 404 401"}},
		"redrive-webhook-jobs":   {{"/v1/webhooks/hook/redrive", nil, "200 200 403 403 403 403 403 404 401"}},
		"skip-webhook-job":       {{"/v1/webhooks/hook/jobs/PARKED/skip", map[string]any{"reason": "x"}, "204 204 403 403 403 403 403 404 401"}},
		"list-crms":              {{"/v1/crms", nil, "200 200 200 403 403 200 403 200 401"}},
		"read-crm":               {{"/v1/crms/hook", nil, "200 200 200 403 403 200 403 404 401"}},
		"reconcile-crm":          {{"/v1/crms/hook/reconcile", nil, "202 202 403 403 403 403 403 404 401"}},
		"list-crm-jobs":          {{"/v1/crms/hook/jobs", nil, "200 200 403 403 403 403 403 404 401"}},
		"read-crm-job":           {{"/v1/crms/hook/jobs/PARKED", nil, "200 200 403 403 403 403 403 404 401"}},
		"edit-crm-job":           {{"/v1/crms/hook/jobs/PARKED", map[string]any{"fields": map[string]any{"Subject": "x"}}, "200 200 403 403 403 403 403 404 401"}},
		"redrive-crm-job":        {{"/v1/crms/hook/jobs/PARKED/redrive", nil, "204 204 403 403 403 403 403 404 401"}},
		"redrive-crm-jobs":       {{"/v1/crms/hook/redrive", nil, "200 200 403 403 403 403 403 404 401"}},
		"skip-crm-job":           {{"/v1/crms/hook/jobs/PARKED/skip", map[string]any{}, "204 204 403 403 403 403 403 404 401"}},
		"list-dead-letters":      {{"/v1/deadletters", nil, "200 200 403 403 403 403 403 200 401"}},
		"list-dead-letter-deeds": {{"/v1/deadletters/trail", nil, "200 200 403 403 200 403 403 200 401"}},
		"read-dead-letter":       {{"/v1/deadletters/hq/7-1042", nil, "200 200 403 403 403 403 403 404 401"}},
		"redrive-dead-letter":    {{"/v1/deadletters/hq/7-1042/redrive", nil, "202 202 403 403 403 403 403 404 401"}},
		"redrive-dead-letters":   {{"/v1/deadletters/redrive", nil, "202 202 403 403 403 403 403 202 401"}},
		"drop-dead-letter":       {{"/v1/deadletters/hq/7-1042", nil, "204 204 403 403 403 403 403 404 401"}},
		"me":                     {{"/v1/me", nil, "200 200 200 200 200 200 200 200 401"}},
		"push-ticket":            {{"/v1/push/ticket", nil, "200 200 200 200 403 403 200 200 401"}},
		"login":                  {{"/v1/auth/login", map[string]any{"username": "no", "password": "no"}, "401 401 401 401 401 429 429 429 429"}},
		"refresh":                {{"/v1/auth/refresh", nil, "401 401 401 401 401 401 401 401 401"}},
		"logout":                 {{"/v1/auth/logout", nil, "204 204 204 204 204 204 204 204 401"}},
		"setup":                  {{"/v1/setup", map[string]any{"token": "x", "username": "new", "password": password}, "422 422 422 422 422 422 422 422 422"}},
		"jwks":                   {{"/.well-known/jwks.json", nil, "200 200 200 200 200 200 200 200 200"}},
		"healthz":                {{"/healthz", nil, "200 200 200 200 200 200 200 200 200"}},
		"readyz":                 {{"/readyz", nil, "200 200 200 200 200 200 200 200 200"}},
		"push":                   {{"/v1/push", nil, "404 404 404 404 404 404 404 404 404"}}, // the daemon adds it
	}
}

func TestEveryRouteForEveryRoleAndOwner(t *testing.T) {
	b := newBench(t)
	users := []struct {
		tenant, name string
		role         crm.Role
	}{
		{"default", "owner", crm.RoleOwner}, {"default", "admin", crm.RoleAdmin}, {"default", "supervisor", crm.RoleSupervisor},
		{"default", "agent", crm.RoleAgent}, {"default", "auditor", crm.RoleAuditor}, {"default", "integration", crm.RoleIntegration},
		{"default", "other", crm.RoleAgent}, {"acme", "outsider", crm.RoleAdmin},
	}
	for _, u := range users {
		b.user(u.tenant, u.name, u.role)
	}
	b.record("default", "hq", someCall("hq:1.1", "agent"))
	b.record("acme", "acme", someCall("acme:1.1", "agent")) // an agent of the same name elsewhere
	table := attempts(b, "hq:1.1", "acme:1.1")
	for path, item := range b.api.huma.OpenAPI().Paths {
		for _, op := range operationsOf(item) {
			cases, ok := table[op.OperationID]
			if !ok {
				t.Errorf("%s %s (%s) is not in the table", op.Method, path, op.OperationID)
			}
			for _, c := range cases {
				t.Run(fmt.Sprint(op.OperationID, " ", c.path), func(t *testing.T) { b.try(t, op.Method, c) })
			}
			if op.OperationID == "logout" { // the tokens of before count no longer
				for _, u := range users {
					b.login(u.tenant, u.name)
				}
			}
		}
	}
}

func (b *bench) try(t *testing.T, method string, c attempt) {
	want := strings.Fields(c.want)
	for i, who := range strings.Fields(attemptColumns) {
		path := strings.Replace(c.path, "FRESH", b.contact("default"), 1)
		if before, after, ok := strings.Cut(path, "PARKED"); ok {
			path = before + fmt.Sprint(b.parkedJob("hook", fmt.Sprint(method, c.path, i))) + after
		}
		got := b.do(ask{as: who, method: method, path: path, body: c.body})
		if fmt.Sprint(got.status) != want[i] {
			t.Errorf("as %s: got %d %s, want %s", who, got.status, got.body, want[i])
		}
		if got.status >= 400 {
			got.problem()
		}
	}
}

func (b *bench) contact(tenant string) string {
	b.t.Helper()
	id := newID()
	if _, err := b.store.CreateContact(b.t.Context(), tenant, crm.Contact{ID: id, Name: "Somebody"}); err != nil {
		b.t.Fatal(err)
	}
	return id
}

// parkedJob stores a job that a person must look at and returns its id.
func (b *bench) parkedJob(dest, key string) int64 {
	b.t.Helper()
	ctx, now := b.t.Context(), time.Now()
	cursor, err := b.store.OutboxCursor(ctx, dest)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.store.Enqueue(ctx, dest, cursor, cursor+1, []crm.Job{{Lane: key, Key: key, Kind: "call", Payload: []byte("secret payload"), RunAt: now}}); err != nil {
		b.t.Fatal(err)
	}
	jobs, err := b.store.Claim(ctx, dest, now.Add(time.Second), time.Minute, 100)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, j := range jobs {
		if err := b.store.Finish(ctx, j.End(crm.JobResult{State: crm.JobParked, Err: "410 Gone"})); err != nil {
			b.t.Fatal(err)
		}
	}
	return jobs[len(jobs)-1].ID
}

func TestRouteWithoutEntryIsClosed(t *testing.T) {
	for _, role := range crm.Roles {
		if r, public := allow(policy(), "no such route", role); r != nothingAtAll || public {
			t.Errorf("%s: reach %d, public %v", role, r, public)
		}
	}
	b := newBench(t)
	delete(b.api.policy, "me")
	if err := b.api.checkPolicy(); err == nil || !strings.Contains(err.Error(), "me has no entry") {
		t.Errorf("a route without an entry: got %v", err)
	}
	b.user("default", "owner", crm.RoleOwner)
	b.get("owner", "/v1/me").want(http.StatusForbidden)
}

func TestTokenIsLookedAtBeforeTheRequest(t *testing.T) {
	b := newBench(t)
	for _, header := range []string{"", "Bearer", "Bearer x", "Basic YTpi", "bearer a.b.c"} {
		r := b.do(ask{method: "POST", path: "/v1/contacts", body: "{broken", header: map[string]string{"Authorization": header}})
		r.want(http.StatusUnauthorized).problem()
		if r.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%q: no WWW-Authenticate", header)
		}
	}
}
