package crmsync_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// edit has a person change fields of the only parked job and try it again.
func edit(t *testing.T, h *house, r *crmsync.Records, fields map[string]*string) {
	t.Helper()
	parked, _ := h.Jobs(t.Context(), "", crm.JobParked, 1)
	if len(parked) != 1 {
		t.Fatalf("%d jobs are parked", len(parked))
	}
	payload, err := r.Edit(t.Context(), parked[0], fields)
	if err != nil {
		t.Fatal(err)
	}
	h.outbox.mu.Lock()
	defer h.outbox.mu.Unlock()
	j := h.jobs[parked[0].ID-1]
	j.Payload, j.State = payload, crm.JobReady
}

// refusing answers every write of a disposition of that code as a validation rule would.
func refusing(code string) func([]crmsync.Activity) []error {
	return func(list []crmsync.Activity) []error {
		for _, a := range list {
			if a.Fields["code"] == code {
				return crmsync.Same(len(list), &crmsync.PushError{Class: crmsync.Permanent, Reason: "no such code"})
			}
		}
		return nil
	}
}

func TestAParkedJobIsWrittenAsAPersonSetIt(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(10)
		d.answer = refusing("resolved")
		w, r := keeping(t, h, d, crmsync.Config{})
		h.happens(crm.CallEnded, call("hq:1", true, "resolved"), "")
		settle(w, 5*time.Second)
		if n := h.count(crm.JobParked); n != 1 {
			t.Fatalf("%d jobs are parked, want 1", n)
		}
		solved := "solved"
		edit(t, h, r, map[string]*string{"code": &solved, "seconds": nil})
		writes, set, err := r.Preview(t.Context(), h.jobs[0].Job)
		if err != nil || writes["code"] != "solved" || set["code"] != "solved" || writes["subject"] == nil || writes["seconds"] != nil {
			t.Errorf("the preview says %v, set %v, %v", writes, set, err)
		}
		settle(w, 5*time.Second)
		if got := d.row("hq:1"); got["code"] != "solved" || got["seconds"] != nil || got["subject"] == nil {
			t.Errorf("written was %v", got)
		}
		f, err := crmsync.NewReconcile(crmsync.ReconcileConfig{Tenant: "default", Records: r, Audited: d, Store: h, Logger: slog.New(slog.DiscardHandler)}).Once(t.Context())
		if err != nil || f.Different != 0 || f.Repaired != 0 {
			t.Errorf("a comparison undoes what a person set: %+v, %v", f, err)
		}
	})
}

func TestAnEditIsChecked(t *testing.T) {
	d := newDesk(1)
	d.caps.Types = map[string]string{"seconds": "int"}
	r := records(newHouse(), d)
	text := "soon"
	_, err := r.Edit(t.Context(), r.Repair("hq:1", "x"), map[string]*string{"seconds": &text})
	if err == nil || !strings.Contains(err.Error(), "fields.seconds") {
		t.Errorf("got %v, want the field named", err)
	}
}

func TestASkippedJobStaysUndone(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(10)
		d.answer = refusing("bad")
		w, r := keeping(t, h, d, crmsync.Config{})
		h.happens(crm.CallEnded, call("hq:1", true, "bad"), "")
		settle(w, 5*time.Second)
		h.jobs[0].State = crm.JobSkipped
		f, err := crmsync.NewReconcile(crmsync.ReconcileConfig{Tenant: "default", Records: r, Audited: d, Store: h, Logger: slog.New(slog.DiscardHandler)}).Once(t.Context())
		if err != nil || f.Skipped != 1 || f.Missing != 0 || f.Repaired != 0 {
			t.Errorf("got %+v, %v; want it left alone", f, err)
		}
	})
}

// TestWhatAPersonSetOutlastsOtherChanges: the call changes after a parked job was edited, in what does not concern the field
// (by a node that knows nothing of it), then in what it stands for.
func TestWhatAPersonSetOutlastsOtherChanges(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, d := newHouse(), newDesk(10)
		d.answer = refusing("resolved")
		w, r := keeping(t, h, d, crmsync.Config{})
		h.happens(crm.CallEnded, call("hq:1", true, "resolved"), "")
		settle(w, 5*time.Second)
		solved := "solved"
		edit(t, h, r, map[string]*string{"code": &solved, "seconds": nil})
		settle(w, 5*time.Second)
		longer := call("hq:1", true, "resolved")
		longer.From.Name = "Ann"
		h.happens(crm.ContactMatched, longer, "")
		settle(w, 5*time.Second)
		if got := d.row("hq:1"); got["code"] != "solved" || got["seconds"] != nil || h.count(crm.JobParked) != 0 {
			t.Errorf("after another change it is %v, %d parked", got, h.count(crm.JobParked))
		}
		h.happens(crm.CallUpdated, call("hq:1", true, "callback"), "")
		settle(w, 5*time.Second)
		if got := d.row("hq:1"); got["code"] != "callback" || got["seconds"] != nil {
			t.Errorf("after another disposition it is %v", got)
		}
	})
}
