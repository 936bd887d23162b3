package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"patchcord/crm"
	"patchcord/crm/sqlite"
	"patchcord/crm/sqlite/sqlitetest"
	crmsync "patchcord/sync"
	"patchcord/sync/webhook"
)

// TestRoadFromTheStoreToTheReceiver commits calls as the fold does, and people's additions, and
// looks at what a receiver that often fails has got in the end.
func TestRoadFromTheStoreToTheReceiver(t *testing.T) {
	store := sqlitetest.Open(t, filepath.Join(t.TempDir(), "store.db"), sqlite.Open)
	var n atomic.Int64
	srv := receive(t, func(w http.ResponseWriter, _ *http.Request) {
		switch n.Add(1) {
		case 3:
			w.WriteHeader(http.StatusInternalServerError)
		case 7:
			panic(http.ErrAbortHandler)
		}
	})
	remote := newRemote(t, webhook.Config{URL: srv.URL, AllowPrivate: true, Types: []crm.EventType{crm.CallStarted, crm.CallEnded, crm.CallUpdated}})
	const calls = 30
	commitCalls(t, store, calls)
	d := crm.Disposition{Code: "resolved", By: "ann", At: crm.At(time.Now())}
	if _, err := store.SetDisposition(t.Context(), "default", "hq:3", d, ""); err != nil {
		t.Fatal(err)
	}
	work(t, store, remote, func() bool {
		done, err := store.Jobs(t.Context(), "hook", crm.JobDone, 1000)
		return err == nil && len(done) == 2*calls+1
	})
	checkReceived(t, srv, 2*calls+1)
}

func commitCalls(t *testing.T, store crm.Store, calls int) {
	t.Helper()
	epoch, err := store.TakePBX(t.Context(), "hq", "default", "a")
	if err != nil {
		t.Fatal(err)
	}
	from := crm.Position{}
	for i := range calls {
		c := &crm.Call{ID: fmt.Sprint("hq:", i), PBX: "hq", Tenant: "default", Linkedids: []string{fmt.Sprint(i)}, StartedAt: crm.At(time.Now())}
		to := crm.Position{Epoch: epoch, Seq: uint64(i + 1)}
		b := crm.Batch{PBX: "hq", Tenant: "default", Epoch: epoch, From: from, To: to, Calls: []*crm.Call{c}}
		for k, typ := range []crm.EventType{crm.CallStarted, crm.OfferCreated, crm.CallEnded} {
			b.Events = append(b.Events, crm.Event{PBX: "hq", Pos: to, N: k, Type: typ, At: c.StartedAt, Tenant: "default", Call: c})
		}
		if err := store.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		from = to
	}
}

// work runs two Workers of one destination, as two nodes do, until done.
func work(t *testing.T, store crm.Store, remote crmsync.Remote, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	for range 2 {
		w := crmsync.NewWorker(crmsync.Config{
			Store: store, Tenant: "default", Remote: remote, Poll: 50 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		})
		go func() { ended <- w.Run(ctx) }()
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(60 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Error("the jobs are not done after a minute")
			cancel()
		}
		if ctx.Err() != nil {
			break
		}
	}
	cancel()
	<-ended
	<-ended
}

// checkReceived wants every event at least once, in order within its call, with its own id.
func checkReceived(t *testing.T, srv *receiver, want int) {
	t.Helper()
	srv.mu.Lock()
	defer srv.mu.Unlock()
	order := map[crm.EventType]int{crm.CallStarted: 1, crm.CallEnded: 2, crm.CallUpdated: 3}
	ids, last := map[string]bool{}, map[string]int{}
	for i, body := range srv.body {
		var e struct {
			ID, Subject, Specversion string
			Type                     crm.EventType
		}
		if err := json.Unmarshal([]byte(body), &e); err != nil || e.Specversion != "1.0" {
			t.Fatalf("got body %s, %v", body, err)
		}
		if got := srv.got[i].Get(webhook.HeaderID); got != e.ID {
			t.Errorf("got webhook-id %q of the event %q", got, e.ID)
		}
		if order[e.Type] < last[e.Subject] {
			t.Errorf("call %s: %s came late", e.Subject, e.Type)
		}
		ids[e.ID], last[e.Subject] = true, order[e.Type]
	}
	if len(ids) != want {
		t.Errorf("got %d different events, want %d", len(ids), want)
	}
}
