package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/ami"
	"patchcord/ami/amitest"
	"patchcord/buffer"
	"patchcord/buffer/embedded"
	"patchcord/crm"
	"patchcord/crm/sqlite"
)

func checkAgainstLedger(t *testing.T, dir string, truth []amitest.Call) tally {
	t.Helper()
	records, gaps := stored(t, dir)
	ids, since := heard(t, dir)
	// There is no gap before the first login: what began earlier is not owed.
	owed := slices.DeleteFunc(truth, func(c amitest.Call) bool { return c.StartedAt.Before(since) })
	return compareWithLedger(t, records, gaps, ids, owed)
}

// tally is what a comparison with the ledger found.
type tally struct {
	calls, right, marked int // that are owed; recorded as they happened; not so, and in a gap
	gaps                 int
	lost                 int // in no gap, and missing or otherwise; or heard of, and without a record
	twice                int // Linkedids that stand in two records
	altered              int // not as they happened, and said to be complete
}

func (y tally) String() string {
	return fmt.Sprintf("%d calls: %d as they happened, %d marked by one of %d gaps; %d lost, %d twice, %d altered",
		y.calls, y.right, y.marked, y.gaps, y.lost, y.twice, y.altered)
}

// compareWithLedger holds records against what really happened; heard are the
// Linkedids of every channel whose beginning is in the log.
func compareWithLedger(t *testing.T, records []*crm.Call, gaps []crm.Gap, heard map[string]bool, truth []amitest.Call) tally {
	t.Helper()
	y := tally{calls: len(truth), gaps: len(gaps)}
	fault := func(n *int, format string, args ...any) {
		t.Helper()
		if *n++; *n <= 20 {
			t.Errorf(format, args...)
		}
	}
	byLinkedid := map[string]*crm.Call{}
	for _, c := range records {
		for _, id := range c.Linkedids {
			if other, twice := byLinkedid[id]; twice {
				fault(&y.twice, "Linkedid %s stands in two records, %s and %s", id, other.ID, c.ID)
			}
			byLinkedid[id] = c
		}
	}
	for id := range heard {
		if byLinkedid[id] == nil {
			fault(&y.lost, "a frame of %s is in the log, and no record has it", id)
		}
	}
	for _, call := range truth {
		wrong := "missing"
		if c := byLinkedid[call.Linkedids[0]]; c != nil {
			wrong = strings.Join(differences(call, c), "; ")
			if wrong != "" && c.Complete {
				fault(&y.altered, "%s (%s) is altered and says it is complete: %s", call.ID, call.Scenario, wrong)
			}
			if c.Open() {
				wrong += "; open"
			}
		}
		if wrong == "" {
			y.right++
			continue
		}
		y.marked++
		if !overlapsGap(call, gaps) {
			y.marked--
			fault(&y.lost, "%s (%s) lies in no gap, and is: %s", call.ID, call.Scenario, wrong)
		}
	}
	t.Log(y)
	if y.right == 0 {
		t.Error("no call is as it happened; the comparison cannot be right")
	}
	return y
}

// compareCounts holds everything but times against the ledger.
func compareCounts(t *testing.T, records []*crm.Call, truth []amitest.Call) {
	t.Helper()
	by := map[string][]*crm.Call{}
	for _, r := range records {
		for _, id := range r.Linkedids {
			by[id] = append(by[id], r)
		}
	}
	for _, call := range truth {
		got := by[call.Linkedids[0]]
		if len(got) != 1 {
			t.Errorf("%s (%s) has %d records", call.ID, call.Scenario, len(got))
			continue
		}
		r := got[0]
		is := fmt.Sprint(r.Outcome, " ", r.EndedBy, ", offers ", len(r.Offers), ", talks ", len(r.Talks), ", visits ", len(r.QueueVisits), ", transfers ", len(r.Transfers))
		was := fmt.Sprint(call.Outcome, " ", call.EndedBy, ", offers ", len(call.Offers), ", talks ", len(call.Talks), ", visits ", len(call.QueueVisits), ", transfers ", len(call.Transfers))
		if is != was {
			t.Errorf("%s (%s): %s; really %s", call.ID, call.Scenario, is, was)
		}
	}
}

// tellsOnce wants every call to begin once, ring once and end once in the event log.
func tellsOnce(t *testing.T, store crm.Store) {
	t.Helper()
	told := map[string]int{}
	for after := int64(0); ; {
		page, err := store.Events(t.Context(), defaultTenant, after, 500)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			after = e.N
			var body struct {
				Data struct{ Offer struct{ ID string } }
			}
			if err := json.Unmarshal(e.Body, &body); err != nil {
				t.Fatal(err)
			}
			switch e.Type {
			case crm.CallStarted, crm.CallEnded, crm.OfferCreated:
				told[fmt.Sprint(e.Type, " ", e.CallID, " ", body.Data.Offer.ID)]++
			}
		}
		if len(page) == 0 {
			break
		}
	}
	for what, n := range told {
		if n > 1 {
			t.Errorf("%s was told %d times", strings.TrimSpace(what), n)
		}
	}
	if len(told) == 0 {
		t.Error("nothing was told; the comparison cannot be right")
	}
}

func settled(calls []amitest.Call) bool {
	for _, c := range calls {
		if c.EndedAt.IsZero() {
			return false
		}
	}
	return len(calls) > 0
}

// stored reads every record and gap out of a daemon's folder.
func stored(t *testing.T, dir string) ([]*crm.Call, []crm.Gap) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "patchcord.db"), sqlite.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return recordsOf(t, s)
}

func recordsOf(t *testing.T, s crm.Store) ([]*crm.Call, []crm.Gap) {
	t.Helper()
	gaps, err := s.Gaps(t.Context(), defaultTenant, time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var all []*crm.Call
	for cursor := ""; ; {
		page, next, err := s.Calls(t.Context(), defaultTenant, crm.CallFilter{}, crm.Page{Limit: 200, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if cursor = next; next == "" {
			return all, gaps
		}
	}
}

// heard returns the Linkedid of every channel of which the log has a frame that begins or carries a call,
// and when the PBX was first logged in to.
func heard(t *testing.T, dir string) (ids map[string]bool, since time.Time) {
	t.Helper()
	l, err := embedded.Open(t.Context(), filepath.Join(dir, "frames.db"), embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	entries, err := l.Read(t.Context(), "hq", crm.Position{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	login := slices.IndexFunc(entries, func(e buffer.Entry) bool { return e.Kind == buffer.Connected })
	if login < 0 {
		t.Fatal("the log begins without a login")
	}
	return heardIn(t, l), entries[login].At
}

func heardIn(t *testing.T, l buffer.Log) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for after := (crm.Position{}); ; {
		entries, err := l.Read(t.Context(), "hq", after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return ids
		}
		for _, e := range entries {
			after = e.Pos
			if e.Kind != buffer.Frame {
				continue
			}
			if m := ami.NewMessage(string(e.Data)); m.Event() == "Newchannel" {
				ids[m.Get("Linkedid")] = true
			}
		}
	}
}
