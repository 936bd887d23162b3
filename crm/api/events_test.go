package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
)

func TestEventsReplay(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleSupervisor)
	var calls []*crm.Call
	for i := range 7 {
		calls = append(calls, someCall(fmt.Sprintf("hq:%d.1", i), "anna"))
	}
	b.record("default", "hq", calls...)
	b.record("acme", "acme", someCall("acme:1.1", "x"))
	type page struct {
		Items []struct {
			ID          string `json:"id"`
			SpecVersion string `json:"specversion"`
			Subject     string `json:"subject"`
		} `json:"items"`
		Cursor     string `json:"cursor"`
		NextCursor string `json:"next_cursor"`
	}
	var subjects []string
	after := ""
	for {
		var got page
		b.get("boss", "/v1/events?limit=3&after="+after).want(200).into(&got)
		for _, e := range got.Items {
			if e.SpecVersion != "1.0" || !strings.HasPrefix(e.ID, "pbx/hq/") {
				t.Errorf("got event %+v", e)
			}
			subjects = append(subjects, e.Subject)
		}
		after = got.Cursor
		if got.NextCursor == "" {
			break
		}
	}
	if want := ids([]crm.Call{*calls[0], *calls[1], *calls[2], *calls[3], *calls[4], *calls[5], *calls[6]}); !slices.Equal(subjects, want) {
		t.Errorf("got %v, want %v", subjects, want)
	}
	b.do(ask{as: "boss", method: "PUT", path: callPath("hq:1.1") + "/disposition", body: map[string]any{"code": "resolved"}}).want(200)
	var got page
	b.get("boss", "/v1/events?after="+after).want(200).into(&got)
	if len(got.Items) != 1 || got.Items[0].Subject != "hq:1.1" || !strings.HasPrefix(got.Items[0].ID, "log/") {
		t.Errorf("after a disposition: got %+v", got)
	}
	b.get("boss", "/v1/events?after=x").field("after")
	b.get("boss", "/v1/events?after=-1").field("after")
}

// TestACursorBeyondTheLogIsToldSo: a client that was given it before the database was put
// back from an older copy would else wait, and miss all until the log is as long again.
func TestACursorBeyondTheLogIsToldSo(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleSupervisor)
	b.record("default", "hq", someCall("hq:1.1", "anna"), someCall("hq:2.1", "anna"))
	b.record("acme", "acme", someCall("acme:1.1", "x"))
	for after, want := range map[string]string{"0": "2.", "1": "2.", "2": "2", "3": "3"} { // the third is another tenant's
		if got := cursorAfter(b, after); !strings.HasPrefix(got, want) {
			t.Errorf("after %s the cursor is %s, want %s…", after, got, want)
		}
	}
	for _, after := range []string{"4", "9223372036854775807"} {
		r := b.get("boss", "/v1/events?after="+after)
		r.field("after")
		if p := r.problem(); !strings.Contains(p.Detail, "begin again without it") {
			t.Errorf("after %s it does not say what to do: %s", after, p.Detail)
		}
	}
	b.get("boss", "/v1/events?after=99999999999999999999").field("after") // no number of ours at all
}

// TestACursorOfAnotherLogIsToldSo: the database was put back from an older copy, and the log is longer again than it
// was. What has the number of the event that the client saw last is another one.
func TestACursorOfAnotherLogIsToldSo(t *testing.T) {
	was, is := newBench(t), newBench(t)
	for _, b := range []*bench{was, is} {
		b.user("default", "boss", crm.RoleSupervisor)
		b.user("acme", "chief", crm.RoleSupervisor)
		b.record("default", "hq", someCall("hq:1.1", "anna"))
	}
	old := cursorAfter(was, "")
	later := someCall("hq:2.1", "anna")
	later.StartedAt = crm.At(later.StartedAt.Add(time.Second))
	was.record("default", "branch", someCall("branch:2.1", "anna"))
	lost := cursorAfter(was, "")
	was.record("default", "hq", someCall("hq:3.1", "anna"))
	elsewhere := cursorAfter(was, "")
	is.record("default", "hq", later)
	is.record("acme", "acme", someCall("acme:1.1", "x"))
	is.record("default", "hq", someCall("hq:4.1", "anna"))

	for name, after := range map[string]string{"another event's": lost, "another tenant's": elsewhere} {
		r := is.get("boss", "/v1/events?after="+after)
		r.field("after")
		if p := r.problem(); !strings.Contains(p.Detail, "begin again without it") {
			t.Errorf("%s: it does not say what to do: %s", name, p.Detail)
		}
	}
	if got := cursorAfter(is, old); got != cursorAfter(is, "") {
		t.Errorf("after the event that both have the cursor is %s", got)
	}
	if got, want := cursorAfter(was, elsewhere), elsewhere; got != want {
		t.Errorf("after its newest event the cursor is %s, want %s", got, want)
	}
	for _, after := range []string{"2.", "0.00000000", "2.0000", "1.1.1"} {
		is.get("boss", "/v1/events?after="+after).field("after")
	}
}

// TestACursorWhoseEventHasExpiredIsGood: who was away for long is not told of another log.
func TestACursorWhoseEventHasExpiredIsGood(t *testing.T) {
	b := newBench(t)
	b.user("default", "boss", crm.RoleSupervisor)
	b.record("default", "hq", someCall("hq:1.1", "anna"), someCall("hq:2.1", "anna"))
	seen := cursorAfter(b, "")
	young := someCall("hq:3.1", "anna")
	young.StartedAt = crm.At(young.StartedAt.Add(time.Hour))
	b.record("default", "hq", young)
	expiry := crm.Expiry{Class: crm.KeepEvents, Tenant: "default", Before: young.StartedAt.Time, Keep: 3, Limit: 100}
	if n, _, err := b.store.Expire(t.Context(), expiry); err != nil || n != 2 {
		t.Fatalf("%d events expired, %v; want 2", n, err)
	}
	if got := cursorAfter(b, seen); !strings.HasPrefix(got, "3.") {
		t.Errorf("the cursor is %s, want that of the third event", got)
	}
}

// cursorAfter returns the cursor of the answer with everything after a place.
func cursorAfter(b *bench, after string) string {
	b.t.Helper()
	var got struct {
		Cursor string `json:"cursor"`
	}
	b.get("boss", "/v1/events?after="+after).want(200).into(&got)
	return got.Cursor
}
