package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"patchcord/crm"
	"patchcord/crm/background"
	"patchcord/push"
)

const (
	evidenceQueue = 1 << 13 // notices; see evidenceWriter.queue
	evidenceBatch = 500
	evidenceEvery = 100 * time.Millisecond // notices that come within it share a transaction
)

// evidenceWriter keeps what became of pops. It is told by whoever delivers them, who
// waits for nothing: the store is written later, and tried again while it is away.
type evidenceWriter struct {
	store crm.EvidenceStore
	log   *slog.Logger
	queue chan notice  // full: the notice is lost and counted, and the call's explanation does not know of it
	lost  atomic.Int64 // notices
}

// notice is one piece of evidence of a call.
type notice struct {
	tenant, call string
	item         crm.Evidence
}

func newEvidenceWriter(store crm.EvidenceStore, log *slog.Logger) *evidenceWriter {
	return &evidenceWriter{store: store, log: log, queue: make(chan notice, evidenceQueue)}
}

func (w *evidenceWriter) put(n notice) {
	select {
	case w.queue <- n:
	default:
		if w.lost.Add(1) == 1 {
			w.log.Warn("what becomes of pops is not kept: the store is too slow or away")
		}
	}
}

// delivered is push.Config.OnDelivery.
func (w *evidenceWriter) delivered(d push.Delivery) {
	e := crm.Evidence{
		At: crm.At(d.At), Kind: crm.EvidenceDelivery, Name: string(d.Fate), Offer: d.OfferID, Agent: d.User, Extension: d.Extension,
		Since: crm.At(d.LastClosed),
	}
	switch d.Fate {
	case push.Published:
		e.Sockets = &d.Sockets
		e.Text = fmt.Sprintf("handed to %d of %s's screens", d.Sockets, d.User)
	case push.Written:
		e.LatencyMS = crm.MillisOf(d.Latency)
		e.Text = d.User + "'s screen has it"
	case push.Caught:
		e.Text = d.User + "'s screen came while it rang, and has it"
	default:
		e.Text = d.Why
	}
	w.put(notice{d.Tenant, d.CallID, e})
}

// acknowledged is push.Config.OnAck.
func (w *evidenceWriter) acknowledged(a push.Ack) {
	e := crm.Evidence{At: crm.At(a.At), Kind: crm.EvidenceAck, Offer: a.OfferID, Agent: a.User, Text: a.User + "'s screen shows it"}
	if a.Latency > 0 {
		e.LatencyMS = crm.MillisOf(a.Latency)
	}
	w.put(notice{a.Tenant, a.CallID, e})
}

// stale is told of a ring that came too late to be shown, as intake tells it.
func (w *evidenceWriter) stale(e *crm.Event, age time.Duration) {
	o := e.Call.Offer(e.OfferID)
	if o == nil {
		return
	}
	for _, name := range o.Users() {
		w.put(notice{e.Tenant, e.Call.ID, crm.Evidence{
			At: crm.At(time.Now()), Pos: e.Pos, Kind: crm.EvidenceDelivery, Name: crm.PopTooOld, Offer: o.ID, Agent: name, Extension: o.Extension,
			LatencyMS: crm.MillisOf(age), Text: "too old to be shown",
		}})
	}
}

// run writes until ctx ends.
func (w *evidenceWriter) run(ctx context.Context) error {
	return background.Run(func() error { return w.keep(ctx) })
}

func (w *evidenceWriter) keep(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case first := <-w.queue:
			for tenant, list := range w.gather(ctx, first) {
				if err := w.write(ctx, tenant, list); err != nil {
					return err
				}
			}
		}
	}
}

// gather returns what comes within evidenceEvery, by tenant.
func (w *evidenceWriter) gather(ctx context.Context, first notice) map[string][]crm.CallEvidence {
	by := map[string][]crm.CallEvidence{}
	timer := time.NewTimer(evidenceEvery)
	defer timer.Stop()
	n := first
	for count := 1; ; count++ {
		by[n.tenant] = append(by[n.tenant], crm.CallEvidence{CallID: n.call, Items: []crm.Evidence{n.item}})
		if count >= evidenceBatch {
			return by
		}
		select {
		case n = <-w.queue:
		case <-timer.C:
			return by
		case <-ctx.Done():
			return by
		}
	}
}

// write stores the list; a store that is away is tried again until ctx ends. A list
// that was stored though the answer was lost is stored twice, and shown once.
func (w *evidenceWriter) write(ctx context.Context, tenant string, list []crm.CallEvidence) error {
	for wait := evidenceEvery; ; wait = min(2*wait, 5*time.Second) {
		err := w.store.AddEvidence(ctx, tenant, list)
		switch {
		case err == nil:
			if n := w.lost.Swap(0); n > 0 {
				w.log.Warn("what became of some pops was not kept", "notices", n)
			}
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, crm.ErrUnavailable):
			w.log.Error("what became of some pops is not kept", "notices", len(list), "err", err)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait/2 + rand.N(wait)):
		}
	}
}
