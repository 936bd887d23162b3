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

// TestStarvedRecorderTakesItsShare: a recorder that only gets the processor when nobody else wants it
// would lag for ever beside something that always does.
func TestStarvedRecorderTakesItsShare(t *testing.T) {
	mark := buffer.Entry{Pos: crm.Position{Epoch: 1, Seq: 1}, Kind: buffer.Mark}
	tests := []struct {
		name  string
		way   way
		takes time.Duration // each commit
		want  time.Duration // until it gives way otherwise; 0 for never
	}{
		{"a commit in no time", idly, 0, 0},
		{"a commit that crawls", idly, 3 * time.Second, 3 * time.Second},
		{"its share, for a minute", steadily, 0, patient},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				r := slowRecorder(t, tt.takes)
				mark.At = time.Now()
				r.durable([]buffer.Entry{mark})
				began := time.Now()
				err := r.record(ctx, tt.way)
				took := time.Since(began)
				switch {
				case tt.want == 0 && !errors.Is(err, context.DeadlineExceeded):
					t.Errorf("after %v: %v, want nothing for an hour", took, err)
				case tt.want > 0 && (!errors.Is(err, errOtherWay) || took < tt.want || took > tt.want+idleCommit+time.Second):
					t.Errorf("after %v: %v, want another way at about %v", took, err, tt.want)
				}
			})
		})
	}
}

// TestRecorderGoesOnWhenItsWayChanges: it is another goroutine then, on another thread.
func TestRecorderGoesOnWhenItsWayChanges(t *testing.T) {
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
