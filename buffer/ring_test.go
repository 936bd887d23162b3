package buffer

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"patchcord/crm"
)

func classOf(e Entry) int { return int(e.Data[0] - '0') }

func newRing(maxEntries, maxBytes int) *ring {
	return &ring{maxEntries: maxEntries, maxBytes: maxBytes, shed: classOf, classes: map[int]int{}}
}

func at(seq uint64, class byte, size int) Entry {
	data := make([]byte, max(1, size))
	data[0] = '0' + class
	return Entry{Pos: crm.Position{Epoch: 1, Seq: seq}, At: time.Unix(int64(seq), 0), Kind: Frame, Data: data}
}

func seqs(es []Entry) (s []uint64) {
	for _, e := range es {
		s = append(s, e.Pos.Seq)
	}
	return s
}

func TestRingShedsTheLeastValuableFirst(t *testing.T) {
	tests := map[string]struct {
		classes string // of the entries put before, from sequence 1 on
		put     byte
		ok      bool
		want    []uint64 // sequence numbers left; the one put is 9
	}{
		"the highest class goes, the oldest first": {"12312313", 2, true, []uint64{1, 2, 4, 5, 6, 7, 8, 9}},
		"its own class: the oldest goes":           {"11111111", 1, true, []uint64{2, 3, 4, 5, 6, 7, 8, 9}},
		"it is the least valuable itself":          {"11111112", 3, false, []uint64{1, 2, 3, 4, 5, 6, 7, 8}},
		"nothing may go":                           {"00000000", 0, false, []uint64{1, 2, 3, 4, 5, 6, 7, 8}},
		"a marker pushes a frame out":              {"00000001", 0, true, []uint64{1, 2, 3, 4, 5, 6, 7, 9}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRing(8, 1<<20)
			for i, c := range tt.classes {
				r.put(at(uint64(i+1), byte(c-'0'), 1), 0, 0)
			}
			if ok := r.put(at(9, tt.put, 1), 0, 0); ok != tt.ok {
				t.Errorf("put: got %t, want %t", ok, tt.ok)
			}
			if lost := r.takeLost(); lost.n != 1 || !lost.from.Equal(lost.to) {
				t.Errorf("got lost %+v, want one", lost)
			}
			if got := seqs(r.take(100)); len(got) != 8 || !equalSeqs(got, tt.want) {
				t.Errorf("got entries %d, want %d", got, tt.want)
			}
		})
	}
}

func equalSeqs(a, b []uint64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestRingRefusesWhatNeverFitsWithoutGivingUpOthers(t *testing.T) {
	r := newRing(8, 1000)
	r.put(at(1, 3, 100), 0, 0)
	if r.put(at(2, 1, 2000), 0, 0) {
		t.Error("an entry bigger than the ring was queued")
	}
	if r.len() != 1 {
		t.Errorf("got %d entries left, want 1", r.len())
	}
}

// TestRingKeepsItsBounds puts and takes at random: the bounds hold, order is kept, nothing is
// lost without being counted, and no entry goes while one of a higher class stays.
func TestRingKeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newRing(rapid.IntRange(1, 40).Draw(rt, "entries"), rapid.IntRange(200, 6000).Draw(rt, "bytes"))
		put, taken, lost, last := 0, 0, 0, uint64(0)
		for seq := range uint64(rapid.IntRange(1, 200).Draw(rt, "steps")) {
			if rapid.IntRange(0, 5).Draw(rt, "take") == 0 {
				for _, e := range r.take(rapid.IntRange(1, 10).Draw(rt, "n")) {
					if e.Pos.Seq <= last {
						rt.Fatalf("%d was taken after %d", e.Pos.Seq, last)
					}
					last = e.Pos.Seq
					taken++
				}
			}
			put++
			r.put(at(seq+1, byte(rapid.IntRange(0, 3).Draw(rt, "class")), rapid.IntRange(1, 300).Draw(rt, "size")), 0, 0)
			lost += r.takeLost().n
			if r.len() > r.maxEntries || r.bytes > r.maxBytes || put != taken+lost+r.len() {
				rt.Fatalf("%d entries of %d, %d bytes of %d; %d put, %d taken, %d lost",
					r.len(), r.maxEntries, r.bytes, r.maxBytes, put, taken, lost)
			}
		}
		for r.len() > 0 {
			r.take(7)
		}
		if r.bytes != 0 || r.worst() != 0 {
			rt.Fatalf("an empty ring counts %d bytes, classes %v", r.bytes, r.classes)
		}
	})
}
