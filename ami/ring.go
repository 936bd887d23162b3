package ami

import (
	"cmp"
	"context"
	"strings"
	"sync"
)

// RingConfig says how much a Ring holds. A zero field means its default.
type RingConfig[T any] struct {
	MaxItems int // 65,536
	MaxBytes int // 64 MiB, of what Size says

	Size func(T) int  // bytes that an item stands for; nil means 0
	Shed func(T) bool // whether an item may be lost before others are; nil means none
}

// RingStats counts what went through a Ring.
type RingStats struct {
	Items, Bytes int    // held now
	MostItems    int    // held at once so far
	Shed         uint64 // sheddable items dropped
	Lost         uint64 // other items dropped
}

// A Ring is a queue between a reader that must never wait and a consumer that may.
// Items come out in the order they went in. It is safe for concurrent use.
//
// When it is seven eighths full, sheddable items are refused; when it is full and
// another item comes, all sheddable ones in it are dropped; when there are none left,
// the item that comes is lost. Its room grows with what it holds, and what an outage made
// it hold is given back when it is empty.
type Ring[T any] struct {
	cfg   RingConfig[T]
	ready chan struct{} // holds a token while items may be waiting

	mu        sync.Mutex
	items     []T // guarded by mu; a circle of n items from head
	head, n   int
	sheddable int // of the n
	stats     RingStats
}

// keptRoom is for how many items an empty Ring keeps room.
const keptRoom = 1024

// NewRing returns an empty Ring.
func NewRing[T any](cfg RingConfig[T]) *Ring[T] {
	cfg.MaxItems = cmp.Or(cfg.MaxItems, 64<<10)
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, 64<<20)
	if cfg.Size == nil {
		cfg.Size = func(T) int { return 0 }
	}
	if cfg.Shed == nil {
		cfg.Shed = func(T) bool { return false }
	}
	return &Ring[T]{cfg: cfg, ready: make(chan struct{}, 1)}
}

// NewFrameRing returns a Ring of frames that weighs them by their bytes and sheds
// those that tell the least about calls.
func NewFrameRing(maxFrames, maxBytes int) *Ring[Frame] {
	return NewRing(RingConfig[Frame]{
		MaxItems: maxFrames, MaxBytes: maxBytes,
		Size: func(f Frame) int { return len(f.Msg.Raw()) },
		Shed: func(f Frame) bool { return Sheddable(f.Msg.Event()) },
	})
}

// Sheddable reports whether events of that name are the first to do without: RTCP
// reports, dialplan steps and variables, and the test framework. They are most of the
// traffic (VarSet alone 60 to 75 percent), and no call begins, moves or ends by them.
func Sheddable(event string) bool {
	switch event {
	case "VarSet", "Newexten", "TestEvent":
		return true
	}
	return strings.HasPrefix(event, "RTCP")
}

// Push adds x and never waits. It returns true when x was lost although it is not
// sheddable: from here on what comes out has a gap. What was shed is counted only.
func (r *Ring[T]) Push(x T) (dropped bool) {
	size, shed := r.cfg.Size(x), r.cfg.Shed(x)
	r.mu.Lock()
	defer r.mu.Unlock()
	if shed && !r.fits(size, true) {
		r.stats.Shed++
		return false
	}
	if !r.fits(size, false) {
		r.sweep()
	}
	if !r.fits(size, false) {
		r.stats.Lost++
		return true
	}
	r.add(x, size, shed)
	select {
	case r.ready <- struct{}{}:
	default: // the token is there already
	}
	return false
}

// Pop waits for the next item. Its error is the context's.
func (r *Ring[T]) Pop(ctx context.Context) (T, error) {
	var one [1]T
	_, err := r.PopBatch(ctx, one[:0], 1)
	return one[0], err
}

// PopBatch waits until there is an item, appends up to limit items to dst and
// returns it. Its error is the context's; items are then left where they are.
func (r *Ring[T]) PopBatch(ctx context.Context, dst []T, limit int) ([]T, error) {
	for {
		if err := ctx.Err(); err != nil {
			return dst, err
		}
		select {
		case <-ctx.Done():
			return dst, ctx.Err()
		case <-r.ready:
		}
		if before := len(dst); before < len(r.take(&dst, limit)) {
			return dst, nil
		}
	}
}

// Clear drops what is held, and returns how many items that were.
func (r *Ring[T]) Clear() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.n
	r.items, r.head, r.n, r.sheddable, r.stats.Bytes = nil, 0, 0, 0, 0
	return n
}

// Stats returns what was counted so far.
func (r *Ring[T]) Stats() RingStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Items = r.n
	return s
}

// take moves up to limit items to dst, and gives the token back if some are left.
func (r *Ring[T]) take(dst *[]T, limit int) []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	var zero T
	for ; limit > 0 && r.n > 0; limit-- {
		x := r.items[r.head]
		r.items[r.head] = zero
		r.head = (r.head + 1) % len(r.items)
		r.forget(x)
		*dst = append(*dst, x)
	}
	if r.n == 0 && len(r.items) > keptRoom {
		r.items, r.head = nil, 0
	}
	if r.n > 0 {
		select {
		case r.ready <- struct{}{}:
		default: // a Push was quicker
		}
	}
	return *dst
}

// fits reports whether size more bytes stay within both limits, less a spare part.
// Called with mu held, as all below.
func (r *Ring[T]) fits(size int, spare bool) bool {
	items, bytes := r.cfg.MaxItems, r.cfg.MaxBytes
	if spare {
		items, bytes = items-items/8, bytes-bytes/8
	}
	return r.n < items && r.stats.Bytes+size <= bytes
}

func (r *Ring[T]) add(x T, size int, shed bool) {
	if r.n == len(r.items) {
		r.grow()
	}
	r.items[(r.head+r.n)%len(r.items)] = x
	r.n++
	r.stats.Bytes += size
	r.stats.MostItems = max(r.stats.MostItems, r.n)
	if shed {
		r.sheddable++
	}
}

func (r *Ring[T]) forget(x T) {
	r.n--
	r.stats.Bytes -= r.cfg.Size(x)
	if r.cfg.Shed(x) {
		r.sheddable--
	}
}

func (r *Ring[T]) grow() {
	items := make([]T, min(max(64, 2*len(r.items)), r.cfg.MaxItems))
	for i := range r.n {
		items[i] = r.items[(r.head+i)%len(r.items)]
	}
	r.items, r.head = items, 0
}

// sweep drops all sheddable items. It happens at most once for every eighth of the
// ring that a consumer takes out, because below that no sheddable item gets in.
func (r *Ring[T]) sweep() {
	if r.sheddable == 0 {
		return
	}
	var zero T
	kept := 0
	for i, n := 0, r.n; i < n; i++ {
		at := (r.head + i) % len(r.items)
		x := r.items[at]
		r.items[at] = zero
		if r.cfg.Shed(x) {
			r.forget(x)
			r.stats.Shed++
			continue
		}
		r.items[(r.head+kept)%len(r.items)] = x
		kept++
	}
}
