package crmsync_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

// forgetful is a CRM that tells nobody what was deleted.
type forgetful struct {
	pages
	mu   sync.Mutex
	gone map[string]bool // guarded by mu
	most int             // guarded by mu; ids in one question
}

func (f *forgetful) Existing(_ context.Context, _ string, ids []string) (map[string]bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	there := map[string]bool{}
	f.most = max(f.most, len(ids))
	for _, id := range ids {
		there[id] = !f.gone[id]
	}
	return there, nil
}

func TestWhatTheCRMForgotLeavesTheReplica(t *testing.T) {
	sim(t, func(t *testing.T) {
		h, f := newHouse(), &forgetful{gone: map[string]bool{}}
		for i := range 2500 {
			id := fmt.Sprintf("desk:Contact:%04d", i)
			h.contacts[id] = crm.Contact{ID: id}
		}
		h.contacts["mine"], h.contacts["other:Contact:7"] = crm.Contact{ID: "mine"}, crm.Contact{ID: "other:Contact:7"}
		pull := crmsync.NewPull(crmsync.PullConfig{Name: "desk", Tenant: "default", Contacts: f, Store: h, Logger: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- pull.Run(ctx) }()
		synctest.Wait()
		f.mu.Lock()
		f.gone["0001"], f.gone["2400"], f.gone["mine"], f.gone["7"] = true, true, true, true
		f.mu.Unlock()
		time.Sleep(6 * 5 * time.Minute)
		synctest.Wait()
		cancel()
		<-ended
		book := h.book()
		if _, kept := book["desk:Contact:2400"]; len(book) != 2500 || kept || f.most > 200 || pull.Status().Removed != 2 {
			t.Errorf("%d contacts are left, %d ids were asked for at once, %d removed", len(book), f.most, pull.Status().Removed)
		}
	})
}
