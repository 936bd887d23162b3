package crmsync_test

import (
	"testing"

	crmsync "patchcord/sync"
)

func TestAPlaceMovesOverWhatIsSettled(t *testing.T) {
	objects := []string{"Contact", "Lead"}
	p, err := crmsync.ParsePlace("")
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		rows []crmsync.Mark
		full bool
		mark string // of the object that was read
		more bool
	}{
		{[]crmsync.Mark{{Stamp: "10", ID: "a"}, {Stamp: "10", ID: "b"}}, true, "10b", true},
		{[]crmsync.Mark{{Stamp: "11", ID: "a"}, {Stamp: "31", ID: "a"}}, true, "11a", true},
		{[]crmsync.Mark{{Stamp: "31", ID: "a"}, {Stamp: "32", ID: "a"}}, true, "11a", true}, // nothing is settled: on to the leads
		{nil, false, "", false},
		{[]crmsync.Mark{{Stamp: "12", ID: "z"}}, false, "12z", true},
	}
	for i, s := range steps {
		object, _ := p.Current(objects)
		more := p.Advance(objects, s.rows, s.full, "30")
		if got := p.Marks[object]; got.Stamp+got.ID != s.mark || more != s.more {
			t.Errorf("step %d: the mark of %s is %v, more %v; want %s, %v", i, object, got, more, s.mark, s.more)
		}
		if p, err = crmsync.ParsePlace(p.Token()); err != nil {
			t.Fatal(err)
		}
	}
	for _, token := range []string{"x", "{}", `{"object":-1,"marks":{}}`} {
		if _, err := crmsync.ParsePlace(token); err == nil {
			t.Errorf("%s was taken for a place", token)
		}
	}
}
