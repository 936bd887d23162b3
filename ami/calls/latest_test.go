package calls

import (
	"reflect"
	"testing"
)

// TestOpenCallsAreAsIfConcludedAnew asks after every input, as screens may.
func TestOpenCallsAreAsIfConcludedAnew(t *testing.T) {
	for _, s := range everyStory(t, "load-50-all") {
		fold, err := New(Config{PBX: "pbx"})
		if err != nil {
			t.Fatal(err)
		}
		kept, asked := 0, 0
		for _, in := range s.inputs {
			fold.Apply(in)
			for _, c := range fold.all() {
				if c.last == nil {
					continue
				}
				if anew := fold.record(c); !reflect.DeepEqual(c.last, anew) {
					t.Fatalf("%s at %s: %+v\nanew %+v", s.name, in.Pos, c.last, anew)
				}
				kept++
			}
			asked += len(fold.Open())
		}
		if asked > 0 && kept == 0 {
			t.Errorf("%s: no record was kept", s.name)
		}
	}
}
