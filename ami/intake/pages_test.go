package intake

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

// slowLog is a log of marks, of which every answer takes a second.
type slowLog struct {
	buffer.Log
	mu    sync.Mutex
	n     int // guarded by mu; entries
	reads int // guarded by mu
	fail  int // guarded by mu; the answer that is an error
}

// Read implements buffer.Log.
func (l *slowLog) Read(ctx context.Context, _ string, after crm.Position, limit int) ([]buffer.Entry, error) {
	l.mu.Lock()
	l.reads++
	n, fails := l.n, l.reads == l.fail
	l.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(time.Second):
	}
	if fails {
		return nil, buffer.ErrUnavailable
	}
	var entries []buffer.Entry
	for seq := after.Seq + 1; int(seq) <= n && len(entries) < limit; seq++ {
		entries = append(entries, buffer.Entry{Pos: crm.Position{Epoch: 1, Seq: seq}, Kind: buffer.Mark})
	}
	return entries, nil
}

func (l *slowLog) grow(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n += n
}

// TestPagesReadAhead reads a log in pages of ten while each page takes a second to work at: every entry comes
// once and in order, what was read ahead costs no time, and an end that was seen early is looked at again.
func TestPagesReadAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{n: 35, fail: 3}
		p := pages{log: log, pbx: "hq"}
		defer p.stop()
		began, after, ends, failures := time.Now(), crm.Position{Epoch: 1}, 0, 0
		for ends < 2 {
			entries, err := p.read(t.Context(), after, 10)
			if errors.Is(err, buffer.ErrUnavailable) {
				failures++
				continue
			}
			for _, e := range entries {
				if e.Pos.Seq != after.Seq+1 {
					t.Fatalf("%v after %v", e.Pos, after)
				}
				after = e.Pos
			}
			time.Sleep(time.Second) // work
			if len(entries) < 10 {
				ends++
				log.grow(5)
			}
		}
		if after.Seq != 40 || failures != 0 {
			t.Errorf("read up to %v with %d failures, want 1-40: reading ahead that fails is done again", after, failures)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("took %v, want most pages to be read while others are worked at", took)
		}
	})
}

// countingStore counts commits.
type countingStore struct {
	crm.IngestStore
	commits int
	upTo    crm.Position
}

// Commit counts.
func (s *countingStore) Commit(_ context.Context, b crm.Batch) error {
	s.commits, s.upTo = s.commits+1, b.To
	return nil
}

func TestBacklogIsCommittedInLargeSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := slowRecorder(t, 0)
		store := &countingStore{}
		r.store, r.log = store, &slowLog{n: 2*commitEntries + 1500}
		r.committed, r.applied = crm.Position{Epoch: 1}, crm.Position{Epoch: 1}
		if err := r.catchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := (crm.Position{Epoch: 1, Seq: 2*commitEntries + 1500}); store.upTo != want || store.commits != 3 {
			t.Errorf("%d commits up to %v; want 3 up to %v", store.commits, store.upTo, want)
		}
	})
}
