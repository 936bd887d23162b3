package calls

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// keeper is a fold of which it is measured what it keeps.
type keeper struct {
	fold   *Tracker
	before int64
	at     time.Time
	calls  int
}

func newKeeper(t *testing.T) *keeper {
	t.Helper()
	cfg := Config{PBX: "hq", Region: "GB", Evidence: true}
	other, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	k := &keeper{fold: other, at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	k.kept(2, time.Second) // what is made once for all folds
	k.before, k.calls = int64(heap()), 0
	if k.fold, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return k
}

// kept returns how many bytes are kept when more calls have come, ended and been let go, one of them every so often.
func (k *keeper) kept(more int, every time.Duration) int64 {
	rest := "X-Rest: " + strings.Repeat("x", 4<<10) + "\r\n"
	for range more {
		k.at = k.at.Add(every)
		frames := append(waitingCall(k.calls), endOf(k.calls)...)
		for i := range frames {
			frames[i] += rest
		}
		feed(k.fold, k.at, frames)
		k.calls++
	}
	k.at = k.at.Add(2 * keepRecent)
	k.fold.Apply(Input{Kind: Tick, At: k.at})
	k.fold.Drain()
	return int64(heap()) - k.before
}

// A fold keeps a bounded amount of calls that are over, and of the frames that told of them nothing:
// what comes from a frame and stays must not hold on to the rest of it.
func TestFoldKeepsLittleOfWhatIsOver(t *testing.T) {
	const most, noise = 5 << 18, 256 << 10 // a table grows sooner or later, as its seed has it
	k := newKeeper(t)
	idle := k.kept(0, 0)
	const calls = maxKnown + maxNumbers - 200 // from so many numbers: the next are about to have all of them forgotten
	full := k.kept(calls, 2*keepRecent)
	later := k.kept(4*maxNumbers, 2*keepRecent)
	t.Logf("a fold takes %d bytes at first, %d after %d calls, %d after %d", idle, full, calls, later, k.calls)
	if full > most {
		t.Errorf("%d bytes are kept, want at most %d", full, most)
	}
	if later > full+noise {
		t.Errorf("%d bytes more are kept after %d calls more", later-full, 4*maxNumbers)
	}
	if idle > most/32 {
		t.Errorf("a fold that has seen nothing takes %d bytes", idle)
	}
	runtime.KeepAlive(k)
}

// Calls that were kept for what comes late are gone when they are let go.
func TestCallsAreGoneWhenTheyAreLetGo(t *testing.T) {
	const calls, most = 200, 2 << 10 // bytes a call; one that is kept takes ten times as much
	k := newKeeper(t)
	if kept := k.kept(calls, time.Millisecond); kept > calls*most {
		t.Errorf("%d bytes are kept of %d calls that were let go", kept, calls)
	}
	runtime.KeepAlive(k)
}

func TestKnownIDs(t *testing.T) {
	k := &knownIDs{}
	boot := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	id := func(n int) string { return "1700000000." + strconv.Itoa(n) }
	for n := range 3 * maxKnown {
		if n%3 == 0 {
			k.add(id(n), boot)
			k.add(id(n), boot.Add(time.Second)) // the same, as far as can be told
			continue
		}
		k.add(id(n), boot.Add(time.Duration(n)*time.Hour))
	}
	k.add(id(3*maxKnown-3), boot.Add(-time.Hour))
	for _, tt := range []struct {
		id   string
		boot time.Time
		n    int
		same bool
	}{
		{id(3*maxKnown - 1), boot, 1, false},
		{id(3*maxKnown - 3), boot, 0, true},
		{id(3*maxKnown - 3), boot.Add(-time.Hour), 0, true},
		{id(3*maxKnown - 3), boot.Add(-2 * time.Hour), 2, false},
		{id(3*maxKnown - 3), time.Time{}, 0, true},
		{id(2*maxKnown + 1), boot, 0, true}, // the oldest that is remembered
		{id(2 * maxKnown), boot, 0, false},
		{"never", boot, 0, false},
	} {
		if n, same := k.times(tt.id, tt.boot); n != tt.n || same != tt.same {
			t.Errorf("%s in the boot of %v: got %d, %v; want %d, %v", tt.id, tt.boot, n, same, tt.n, tt.same)
		}
	}
	list := k.recent()
	if last := list[len(list)-1]; len(list) != keptIDs || last.ID != id(3*maxKnown-3) || !last.Boot.Equal(boot.Add(-time.Hour)) {
		t.Errorf("%d ids are kept, the last is %+v", len(list), last)
	}
	if list[0].ID != id(3*maxKnown-keptIDs+1) {
		t.Errorf("the first that is kept is %+v", list[0])
	}
}

// The chains find all that is in the ring and nothing that has left it, also of a hash that did not
// come for as long as numbers take to look alike.
func TestChains(t *testing.T) {
	const size, alike = 64, 1 << 16
	c, ring, random := newChains(size), make([]uint64, size), rand.New(rand.NewPCG(1, 2))
	for next := range uint64(5 * alike) {
		hash := next/(alike+size/2)%2*size/2 + random.Uint64N(size/2) + size*random.Uint64N(3)
		var got, want []uint64
		for n := range c.find(hash, next) {
			if ring[n%size] == hash {
				got = append(got, n)
			}
		}
		for n := next; n > 0 && next-n < size; n-- {
			if ring[(n-1)%size] == hash {
				want = append(want, n-1)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("before %d: found %v, want %v", next, got, want)
		}
		ring[next%size] = hash
		c.add(hash, next)
	}
}
