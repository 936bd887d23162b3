package remotetest

import (
	"encoding/json"
	"testing"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// Merged returns the event that a call became part of another.
func Merged(t *testing.T, loser, winner *crm.Call) crm.StoredEvent {
	t.Helper()
	e := crm.Event{PBX: "hq", Pos: crm.Position{Epoch: 1, Seq: 1}, Type: crm.CallMerged, Call: loser, Into: winner.ID}
	body, err := json.Marshal(&e)
	if err != nil {
		t.Fatal(err)
	}
	return crm.StoredEvent{N: 1, PBX: "hq", Pos: e.Pos, Type: e.Type, CallID: loser.ID, Body: body}
}

// absorbs has a written and an unwritten call become part of a third.
func absorbs(t *testing.T, s Subject) {
	written, unwritten, winner := Ended("hq:1.1", "resolved"), Ended("hq:2.1", "resolved"), Ended("hq:3.1", "resolved")
	calls := Calls{written.ID: written, winner.ID: winner}
	r := s.Records(t, calls)
	if err := r.Push(t.Context(), r.Repair(written.ID, "x")); err != nil {
		t.Fatal(err)
	}
	calls[written.ID], calls[unwritten.ID] = winner, winner // as a store has it
	for _, loser := range []*crm.Call{written, unwritten} {
		jobs, err := r.Jobs(Merged(t, loser, winner))
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs { // of a lane each
			if err := r.Push(t.Context(), j); err != nil {
				t.Fatal(err)
			}
		}
	}
	rows := s.Fake.Rows()
	if len(rows) != 2 || rows[crmsync.Key("default", written.ID)] != 1 || rows[crmsync.Key("default", winner.ID)] != 1 {
		t.Errorf("got %v, want the activities of the first and the third call", rows)
	}
}
