package redisstream

import (
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

// keepFor is how long the tail keeps an entry: longer than any replication is behind.
const keepFor = time.Minute

// tail is the end of a PBX's log as this process wrote it, kept in memory: a failover may
// take it from the server, and then it is appended again. When it is full the oldest go.
type tail struct {
	prev    crm.Position // of the entry before the first that is kept, zero when the log began with it
	last    crm.Position // of the newest
	batches []kept
	bytes   int
}

type kept struct {
	entries []buffer.Entry
	bytes   int
	at      time.Time
}

// keep adds entries that the log has now; top was its end before.
func (t *tail) keep(entries []buffer.Entry, top crm.Position, maxBytes int) {
	first := entries[0].Pos
	// What somebody else wrote in between cannot be appended again from here.
	if known := top.Compare(t.last) <= 0 || first.Epoch == t.last.Epoch && first.Compare(top) <= 0; !known {
		*t = tail{prev: top, last: top}
		if first.Compare(top) <= 0 {
			t.prev, t.last = before(first), before(first)
		}
	}
	b := kept{at: time.Now()}
	for _, e := range entries {
		if e.Pos.Compare(t.last) > 0 {
			b.entries = append(b.entries, e)
			b.bytes += len(e.Data) + entryOverhead
			t.last = e.Pos
		}
	}
	if len(b.entries) > 0 {
		t.batches, t.bytes = append(t.batches, b), t.bytes+b.bytes
	}
	t.forget(maxBytes)
}

// entryOverhead is what an entry takes in memory beside its data, about.
const entryOverhead = 80

func (t *tail) forget(maxBytes int) {
	n := 0
	for n < len(t.batches) && (t.bytes > maxBytes || time.Since(t.batches[n].at) > keepFor) {
		b := t.batches[n]
		t.bytes -= b.bytes
		t.prev = b.entries[len(b.entries)-1].Pos
		t.batches[n] = kept{}
		n++
	}
	t.batches = t.batches[n:]
}

// after returns what came after the position, false when not all of it is kept.
func (t *tail) after(pos crm.Position) (entries []buffer.Entry, whole bool) {
	if pos.Compare(t.prev) < 0 {
		return nil, false
	}
	for _, b := range t.batches {
		for _, e := range b.entries {
			if e.Pos.Compare(pos) > 0 {
				entries = append(entries, e)
			}
		}
	}
	return entries, true
}

// before returns a position below p and not below any other that is.
func before(p crm.Position) crm.Position {
	if p.Seq > 0 {
		return crm.Position{Epoch: p.Epoch, Seq: p.Seq - 1}
	}
	return crm.Position{Epoch: p.Epoch - 1, Seq: ^uint64(0)}
}
