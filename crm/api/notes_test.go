package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
)

func TestDispositionIsSet(t *testing.T) {
	b := newBench(t)
	b.user("default", "anna", crm.RoleAgent)
	b.record("default", "hq", someCall("hq:1.1", "anna"))
	var got crm.Call
	b.do(ask{as: "anna", method: "PUT", path: callPath("hq:1.1") + "/disposition", body: map[string]any{"code": "resolved", "note": "n"}}).want(200).into(&got)
	if d := got.Disposition; d == nil || d.Code != "resolved" || d.Note != "n" || d.By != "anna" || d.At.IsZero() {
		t.Errorf("got %+v", got.Disposition)
	}
	b.get("anna", callPath("hq:1.1")).want(200).into(&got)
	if got.Disposition == nil || got.Disposition.Code != "resolved" {
		t.Errorf("read again: %+v", got.Disposition)
	}
}

func TestDispositionHeedsWhatWasRead(t *testing.T) {
	b := newBench(t)
	b.user("default", "anna", crm.RoleAgent)
	b.record("default", "hq", someCall("hq:1.1", "anna"))
	put := func(match string) reply {
		return b.do(ask{as: "anna", method: "PUT", path: callPath("hq:1.1") + "/disposition", body: map[string]any{"code": "resolved"},
			header: map[string]string{"If-Match": match}})
	}
	read := b.get("anna", callPath("hq:1.1")).want(200).header.Get("ETag")
	set := put(read).want(200).header.Get("ETag")
	if set == "" || set == read || set != b.get("anna", callPath("hq:1.1")).header.Get("ETag") {
		t.Errorf("ETag %s after %s", set, read)
	}
	put(read).want(http.StatusPreconditionFailed).problem()
	put(`"nonsense"`).want(http.StatusPreconditionFailed).problem()
	put("nonsense").field("If-Match")
	put("*").want(200)
	noted := b.do(ask{as: "anna", method: "POST", path: callPath("hq:1.1") + "/notes", body: map[string]any{"text": "n"}}).want(201).header.Get("ETag")
	put(set).want(http.StatusPreconditionFailed)
	put(noted).want(200)
}

func TestDispositionRefuses(t *testing.T) {
	b := newBench(t)
	b.user("default", "anna", crm.RoleAgent)
	b.record("default", "hq", someCall("hq:1.1", "anna"))
	put := func(body any) reply {
		return b.do(ask{as: "anna", method: "PUT", path: callPath("hq:1.1") + "/disposition", body: body})
	}
	put(map[string]any{"code": "made up"}).field("code")
	put(map[string]any{}).field("code")
	put(map[string]any{"code": 7}).field("code")
	put(map[string]any{"code": "resolved", "colour": "red"}).field("colour")
	put(map[string]any{"code": "resolved", "note": strings.Repeat("x", 4001)}).field("note")
	put("{broken").want(http.StatusBadRequest).problem()
	put(nil).want(http.StatusBadRequest).problem()
	b.do(ask{as: "anna", method: "PUT", path: callPath("hq:9.9") + "/disposition", body: map[string]any{"code": "made up"}}).want(404).problem()
}

// lateStore records a call only after a first write to it found nothing.
type lateStore struct {
	crm.Store
	once   sync.Once
	commit func()
}

func (s *lateStore) SetDisposition(ctx context.Context, tenant, id string, d crm.Disposition, seen string) (*crm.Call, error) {
	c, err := s.Store.SetDisposition(ctx, tenant, id, d, seen)
	s.once.Do(s.commit)
	return c, err
}

func TestDispositionOfALiveCallWaitsForItsRecord(t *testing.T) {
	late := &lateStore{}
	b := newBench(t, func(c *Config) { late.Store, c.Store = c.Store, late })
	b.user("default", "anna", crm.RoleAgent)
	call := someCall("hq:1.1", "anna")
	call.Tenant = "default"
	b.live.put(call)
	late.commit = func() { b.record("default", "hq", call) }
	var got crm.Call
	b.do(ask{as: "anna", method: "PUT", path: callPath("hq:1.1") + "/disposition", body: map[string]any{"code": "resolved"}}).want(200).into(&got)
	if got.Disposition == nil || got.Disposition.Code != "resolved" {
		t.Errorf("got %+v", got.Disposition)
	}
}

func TestWhenRecordedGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := whenRecorded(t.Context(), func() (*crm.Call, error) { return nil, crm.ErrNotFound })
		if !errors.Is(err, errPending) || time.Since(began) != commitWait {
			t.Errorf("got %v after %s, want errPending after %s", err, time.Since(began), commitWait)
		}
		if p := problemOf(err); p.Status != http.StatusServiceUnavailable || p.header.Get("Retry-After") != "1" {
			t.Errorf("got %d, Retry-After %q, want 503 and 1", p.Status, p.header.Get("Retry-After"))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := whenRecorded(ctx, func() (*crm.Call, error) { return nil, crm.ErrNotFound }); !errors.Is(err, context.Canceled) {
			t.Errorf("the client has gone: got %v", err)
		}
		other := errors.New("other")
		if _, err := whenRecorded(t.Context(), func() (*crm.Call, error) { return nil, other }); !errors.Is(err, other) {
			t.Errorf("another error: got %v", err)
		}
	})
}

func TestNoteWithAKeyIsAddedOnce(t *testing.T) {
	b := newBench(t)
	b.user("default", "anna", crm.RoleAgent)
	b.user("default", "boss", crm.RoleSupervisor)
	b.record("default", "hq", someCall("hq:1.1", "anna"))
	post := func(who, key, text string) reply {
		return b.do(ask{as: who, method: "POST", path: callPath("hq:1.1") + "/notes", body: map[string]any{"text": text}, header: map[string]string{"Idempotency-Key": key}})
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if r := post("anna", "k1", "first"); r.status != http.StatusCreated {
				t.Errorf("got %d %s", r.status, r.body)
			}
		})
	}
	wg.Wait()
	first := post("anna", "k1", "first").want(201)
	post("anna", "k2", "second").want(201)
	if again := post("anna", "k1", "first").want(201); string(again.body) != string(first.body) {
		t.Errorf("repeated: got %s, want the first answer %s", again.body, first.body)
	}
	post("anna", "k1", "changed").field("Idempotency-Key")
	post("boss", "k1", "first").want(201) // a key is its user's
	post("anna", "bad key", "x").field("Idempotency-Key")
	var got crm.Call
	b.get("boss", callPath("hq:1.1")).want(200).into(&got)
	if len(got.Notes) != 3 {
		t.Errorf("got %d notes, want 3: %+v", len(got.Notes), got.Notes)
	}
}

func TestNoteRefuses(t *testing.T) {
	b := newBench(t)
	b.user("default", "anna", crm.RoleAgent)
	b.record("default", "hq", someCall("hq:1.1", "anna"))
	for _, text := range []any{"", "  \n", strings.Repeat("x", 4001), 7} {
		b.do(ask{as: "anna", method: "POST", path: callPath("hq:1.1") + "/notes", body: map[string]any{"text": text}}).field("text")
	}
}
