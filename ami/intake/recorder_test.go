package intake

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/ami/calls"
	"patchcord/buffer"
	"patchcord/crm"
)

// slowStore takes its time for every commit.
type slowStore struct {
	crm.IngestStore
	takes time.Duration
}

func (s slowStore) Commit(context.Context, crm.Batch) error {
	time.Sleep(s.takes)
	return nil
}

func slowRecorder(t *testing.T, takes time.Duration) *recorder {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	r := &recorder{
		pbx: "hq", store: slowStore{takes: takes}, people: NewPeople(nil, nil, log), match: newMatcher(nil, log), logger: log, bear: applied,
		queue: make(chan []buffer.Entry, recorderQueue), state: map[string][]byte{},
	}
	var err error
	if r.fold, err = calls.Restore(calls.Config{PBX: "hq"}, nil); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSlowCommitsLeaveNothingOut: what comes in the meantime is in the next one.
func TestSlowCommitsLeaveNothingOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		r := slowRecorder(t, 3*time.Second)
		go func() {
			for n := range uint64(60) {
				r.durable([]buffer.Entry{{Pos: crm.Position{Epoch: 1, Seq: n + 1}, At: time.Now(), Kind: buffer.Mark}})
				time.Sleep(2 * time.Second)
			}
		}()
		if err := r.run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
		if got := r.checkpoint(); got.Seq != 60 {
			t.Errorf("committed to %v, want all", got)
		}
	})
}
