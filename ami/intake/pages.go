package intake

import (
	"context"

	"patchcord/buffer"
	"patchcord/crm"
)

// pages reads a PBX's log page by page, and the next one while the last is worked at. What it read
// ahead may be older than what the log has meanwhile, but a page that is not full is always fresh:
// only after it has the reader seen the end. It is for one goroutine; stop it.
type pages struct {
	log buffer.Log
	pbx string

	ahead chan page // has room for it; nil while nothing is read ahead
	after crm.Position
	limit int
	end   context.CancelFunc // of reading ahead
}

type page struct {
	entries []buffer.Entry
	err     error
}

// read returns at most limit entries after that position. After a full page the next is read ahead.
func (p *pages) read(ctx context.Context, after crm.Position, limit int) ([]buffer.Entry, error) {
	got, ok := p.take(after, limit)
	if !ok {
		got.entries, got.err = p.log.Read(ctx, p.pbx, after, limit)
	}
	if n := len(got.entries); got.err == nil && n > 0 && n >= limit {
		p.readAhead(ctx, got.entries[n-1].Pos, limit)
	}
	return got.entries, got.err
}

func (p *pages) readAhead(ctx context.Context, after crm.Position, limit int) {
	p.ahead, p.after, p.limit = make(chan page, 1), after, limit
	ctx, p.end = context.WithCancel(ctx)
	go func(into chan<- page) {
		entries, err := p.log.Read(ctx, p.pbx, after, limit)
		into <- page{entries, err}
	}(p.ahead)
}

// take returns what was read ahead; false when that was not this, failed, or was the log's end then.
func (p *pages) take(after crm.Position, limit int) (page, bool) {
	if p.ahead == nil {
		return page{}, false
	}
	wanted := p.after == after && p.limit == limit
	if !wanted {
		p.end()
	}
	got := <-p.ahead
	p.end()
	p.ahead = nil
	return got, wanted && got.err == nil && len(got.entries) >= limit
}

// stop ends reading ahead.
func (p *pages) stop() {
	if p.ahead != nil {
		p.take(crm.Position{}, 0)
	}
}
