package stored

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"patchcord/crm"
)

// ofACall is evidence as a call of an office leaves it, 20 pieces a list.
func ofACall() []crm.Evidence {
	began := time.Date(2026, 12, 1, 14, 45, 36, 0, time.UTC)
	items := make([]crm.Evidence, 20)
	for i := range items {
		items[i] = crm.Evidence{
			At: crm.At(began.Add(time.Duration(i) * 37 * time.Millisecond)), Pos: crm.Position{Epoch: 1, Seq: uint64(614 + 3*i)}, Kind: crm.EvidenceFrame,
			Name: "Newstate", Channel: fmt.Sprintf("PJSIP/1001-%08x", i/3), Extension: "1001", Text: "is there: a phone of extension 1001",
		}
	}
	return items
}

func TestEvidenceComesBackOutOfItsRow(t *testing.T) {
	items := ofACall()
	open, err := Evidence{}.Add(false, items[:7])
	if err != nil {
		t.Fatal(err)
	}
	ended, err := open.Add(true, items[7:12], items[12:15])
	if err != nil {
		t.Fatal(err)
	}
	late, err := ended.Add(false, items[15:])
	if err != nil {
		t.Fatal(err)
	}
	if packed(open.Body) || !packed(ended.Body) || !packed(late.Body) {
		t.Error("want a body compressed from the end of its call on, and not before")
	}
	if got, err := late.Items(); err != nil || !reflect.DeepEqual(got, items) {
		t.Errorf("got %d items, %v; want the %d that were added", len(got), err, len(items))
	}
}

// BenchmarkEvidenceOfAnEndedCall is what a commit waits for at the end of each call.
func BenchmarkEvidenceOfAnEndedCall(b *testing.B) {
	items, size := ofACall(), 0
	b.ReportAllocs()
	for b.Loop() {
		e, err := Evidence{}.Add(true, items)
		if err != nil {
			b.Fatal(err)
		}
		size = len(e.Body)
	}
	b.ReportMetric(float64(size), "bytes/row")
}
