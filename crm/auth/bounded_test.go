package auth

import (
	"testing"
	"time"
)

func TestBoundedNeverGrowsBeyondItsLimit(t *testing.T) {
	now := time.Unix(1000, 0)
	b := newBounded[int, int](100)
	for i := range 10_000 {
		b.put(i, i, now, now.Add(time.Duration(i+1)*time.Second))
		if len(b.m) > 100 {
			t.Fatalf("%d entries after %d insertions", len(b.m), i+1)
		}
		if got, ok := b.get(i, now); !ok || got != i {
			t.Fatalf("what was just stored is not there: %d, %v", got, ok)
		}
	}
}

func TestBoundedForgetsWhatExpired(t *testing.T) {
	now := time.Unix(1000, 0)
	b := newBounded[string, int](2)
	b.put("old", 1, now, now.Add(time.Second))
	b.put("new", 2, now, now.Add(time.Hour))
	later := now.Add(time.Second)
	if _, ok := b.get("old", later); ok {
		t.Error("an expired entry was returned")
	}
	b.put("third", 3, later, later.Add(time.Minute))
	if _, ok := b.get("new", later); !ok {
		t.Error("a live entry was pushed out although another had expired")
	}
	b.drop("new")
	if _, ok := b.get("new", later); ok {
		t.Error("a dropped entry was returned")
	}
}

// Ten thousand who came once do not stay in memory for those who come now.
func TestBoundedKeepsNoMoreThanTwiceWhatIsAlive(t *testing.T) {
	now := time.Unix(1000, 0)
	b := newBounded[int, int](1 << 20)
	const alive = 1000
	for i := range 20 * alive {
		now = now.Add(time.Second)
		b.put(i, i, now, now.Add(alive*time.Second))
		if len(b.m) > 2*alive {
			t.Fatalf("%d entries, of which %d are alive", len(b.m), alive)
		}
		if _, ok := b.get(max(0, i-alive+1), now); !ok {
			t.Fatalf("a live entry is gone after %d insertions", i+1)
		}
	}
}
