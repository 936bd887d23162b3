package api

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"patchcord/crm"
	"patchcord/crm/auth"
)

func TestTooManyRequestsOfOneLogin(t *testing.T) {
	b := newBench(t)
	b.user("default", "anna", crm.RoleAgent)
	b.user("default", "berta", crm.RoleAgent)
	refused := 0
	for range 2 * requestBurst {
		r := b.get("anna", "/v1/me")
		if r.status == http.StatusTooManyRequests {
			r.problem()
			if r.header.Get("Retry-After") != "1" {
				t.Fatalf("Retry-After %q", r.header.Get("Retry-After"))
			}
			refused++
		}
	}
	if refused == 0 {
		t.Errorf("%d requests at once were let through", 2*requestBurst)
	}
	b.get("berta", "/v1/me").want(200)
}

func TestLimiterMemoryIsBounded(t *testing.T) {
	l := newLimits(requestRate, requestBurst)
	for i := range maxLimiters + 1000 {
		if err := l.take(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.m) > maxLimiters {
		t.Errorf("%d limiters", len(l.m))
	}
}

func TestAgentCannotCopyTheBook(t *testing.T) {
	b := newBench(t)
	agent := caller{Principal: crm.Principal{UserID: "u1", Role: crm.RoleAgent}}
	boss := caller{Principal: crm.Principal{UserID: "u2", Role: crm.RoleSupervisor}}
	var err error
	for range searchBurst + 5 {
		if err = b.api.searchByNumber(agent); err != nil {
			break
		}
	}
	var throttled *auth.ThrottledError
	if !errors.As(err, &throttled) {
		t.Errorf("%d searches at once: got %v", searchBurst+5, err)
	}
	for range searchBurst + 5 {
		if err := b.api.searchByNumber(boss); err != nil {
			t.Fatalf("a supervisor: %v", err)
		}
	}
}
