package crmtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
)

var listTests = []test{
	{"an empty store lists nothing", func(t *testing.T, s crm.Store) {
		calls, next, err := s.Calls(t.Context(), tenant, crm.CallFilter{}, crm.Page{})
		check(t, err)
		if calls == nil || len(calls) != 0 || next != "" {
			t.Fatalf("got %v, next %q; want an empty list", calls, next)
		}
	}},
	{"every filter finds exactly its calls", everyFilter},
	{"newest first, then by id, unknown starts last", func(t *testing.T, s crm.Store) {
		unknown := openCall("hq:9.1", 0)
		unknown.StartedAt = crm.Time{}
		own(t, s, "hq", tenant).store(openCall("hq:1.1", 1), unknown, openCall("hq:1.2", 5), openCall("hq:1.10", 5), openCall("hq:1.3", 3))
		equal(t, "order", ids(t, s, tenant, crm.CallFilter{}, 0), []string{"hq:1.2", "hq:1.10", "hq:1.3", "hq:1.1", "hq:9.1"})
	}},
	{"pages of any size make the whole list, also among equal times", pagesMakeTheList},
	{"paging is not disturbed by new calls", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		for i := range 10 {
			p.store(openCall(fmt.Sprintf("hq:%d.1", i), i))
		}
		first, next, err := s.Calls(t.Context(), tenant, crm.CallFilter{}, crm.Page{Limit: 5})
		check(t, err)
		p.store(openCall("hq:99.1", 99), openCall("hq:0.5", 7))
		rest, next, err := s.Calls(t.Context(), tenant, crm.CallFilter{}, crm.Page{Limit: 50, Cursor: next})
		check(t, err)
		got := []string{}
		for _, c := range slices.Concat(first, rest) {
			got = append(got, strings.TrimSuffix(strings.TrimPrefix(c.ID, "hq:"), ".1"))
		}
		equal(t, "list", got, []string{"9", "8", "7", "6", "5", "4", "3", "2", "1", "0"})
		equal(t, "next", next, "")
	}},
	{"a page has 50 calls unless asked otherwise, 200 at most", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		var calls []*crm.Call
		for i := range 60 {
			calls = append(calls, openCall(fmt.Sprintf("hq:%d.1", i), i))
		}
		p.store(calls...)
		got, next, err := s.Calls(t.Context(), tenant, crm.CallFilter{}, crm.Page{})
		check(t, err)
		if len(got) != 50 || next == "" {
			t.Fatalf("got %d calls, next %q; want 50 and a next page", len(got), next)
		}
		for _, limit := range []int{-1, 201} {
			_, _, err := s.Calls(t.Context(), tenant, crm.CallFilter{}, crm.Page{Limit: limit})
			wantInput(t, err, "limit")
		}
	}},
	{"a cursor from elsewhere is refused", func(t *testing.T, s crm.Store) {
		own(t, s, "hq", tenant).store(openCall("hq:1.1", 1), openCall("hq:1.2", 2))
		_, next, err := s.Calls(t.Context(), tenant, crm.CallFilter{}, crm.Page{Limit: 1})
		check(t, err)
		for _, cursor := range []string{"x", "%%", next[:len(next)-2], next + "A", "A" + next[1:], strings.Repeat("A", 5000)} {
			_, _, err := s.Calls(t.Context(), tenant, crm.CallFilter{}, crm.Page{Cursor: cursor})
			wantInput(t, err, "cursor")
			_, _, err = s.Contacts(t.Context(), tenant, "", crm.Page{Cursor: cursor})
			wantInput(t, err, "cursor")
		}
		_, _, err = s.Contacts(t.Context(), tenant, "", crm.Page{Cursor: next})
		wantInput(t, err, "cursor")
	}},
	{"bad searches are told", func(t *testing.T, s crm.Store) {
		for field, f := range map[string]crm.CallFilter{
			"number": {Number: "123"},
			"q":      {Q: strings.Repeat("x", 201)},
		} {
			_, _, err := s.Calls(t.Context(), tenant, f, crm.Page{})
			wantInput(t, err, field)
		}
		_, _, err := s.Calls(t.Context(), tenant, crm.CallFilter{Number: "0207'; --"}, crm.Page{})
		wantInput(t, err, "number")
	}},
	{"what matches too often to collect is still found", commonConditions},
	{"searches find what a look at every call finds", searchesFindWhatIsThere},
	{"numbers that end alike several times in a call hide no other call", func(t *testing.T, s crm.Store) {
		const n = 400
		var calls []*crm.Call
		for j := range n {
			c := openCall(fmt.Sprintf("hq:%05d.1", j), j)
			c.From = crm.Party{Number: crm.Number(fmt.Sprintf("08%05d7777", j)), E164: crm.Number(fmt.Sprintf("+448%05d7777", j))}
			c.To = crm.Party{Number: crm.Number(fmt.Sprintf("09%05d7777", j)), E164: crm.Number(fmt.Sprintf("+449%05d7777", j))}
			calls = append(calls, c)
		}
		own(t, s, "hq", tenant).store(calls...)
		equal(t, "calls", len(ids(t, s, tenant, crm.CallFilter{Number: "7777"}, 200)), n)
		equal(t, "one of them", ids(t, s, tenant, crm.CallFilter{Number: "003997777"}, 0), []string{"hq:00399.1"})
	}},
	{"a call that moves in time is found at its new place only", func(t *testing.T, s crm.Store) {
		p := own(t, s, "hq", tenant)
		c := endedCall("hq:1.1", 10, "ann", "101", "sales")
		p.store(c)
		moved := c.Clone()
		moved.StartedAt = at(0)
		p.store(moved)
		equal(t, "by agent", ids(t, s, tenant, crm.CallFilter{Agent: "ann"}, 0), []string{"hq:1.1"})
		equal(t, "at the old time", ids(t, s, tenant, crm.CallFilter{Agent: "ann", From: at(5).Time}, 0), []string{})
	}},
}

func everyFilter(t *testing.T, s crm.Store) {
	ctx := t.Context()
	ann := endedCall("hq:1.1", 0, "ann", "101", "sales")
	bob := endedCall("hq:2.1", 10, "bob", "102", "support")
	bob.Direction, bob.Outcome, bob.TalkMS = crm.Outbound, crm.Voicemail, millis(5_000)
	bob.From, bob.To = crm.Party{Number: "102"}, crm.Party{Number: "(0161) 496-0999", E164: "+441614960999"}
	bob.Recordings = []crm.Recording{{File: "a.wav"}}
	both := endedCall("hq:3.1", 20, "ann", "101", "sales")
	both.Offers = append(both.Offers, crm.Offer{ID: "o", Extension: "102", Agent: "bob", Queue: "sales", Result: crm.ResultRescinded})
	live := openCall("hq:4.1", 30)
	p := own(t, s, "hq", tenant)
	p.store(ann, bob, both, live)
	own(t, s, "branch", "other").store(endedCall("hq:1.1", 0, "ann", "101", "sales"))
	_, err := s.AddNote(ctx, tenant, bob.ID, crm.Note{ID: "n", Text: "Wants a Rückruf, très URGENT!", By: "bob", At: at(12)})
	check(t, err)
	_, err = s.SetDisposition(ctx, tenant, bob.ID, crm.Disposition{Code: "callback", By: "bob", At: at(12)}, "")
	check(t, err)
	yes, no := true, false
	for _, c := range []struct {
		name string
		f    crm.CallFilter
		want []string
	}{
		{"none", crm.CallFilter{}, []string{live.ID, both.ID, bob.ID, ann.ID}},
		{"from is included", crm.CallFilter{From: at(10).Time}, []string{live.ID, both.ID, bob.ID}},
		{"until is not", crm.CallFilter{Until: at(10).Time}, []string{ann.ID}},
		{"from and until", crm.CallFilter{From: at(1).Time, Until: at(21).Time}, []string{both.ID, bob.ID}},
		{"an empty interval", crm.CallFilter{From: at(10).Time, Until: at(10).Time}, []string{}},
		{"agent", crm.CallFilter{Agent: "ann"}, []string{both.ID, ann.ID}},
		{"agent of a lost offer", crm.CallFilter{Agent: "bob"}, []string{both.ID, bob.ID}},
		{"agent is exact", crm.CallFilter{Agent: "an"}, []string{}},
		{"offered to", crm.CallFilter{OfferedTo: "bob"}, []string{both.ID, bob.ID}},
		{"agent among those offered to another", crm.CallFilter{OfferedTo: "bob", Agent: "ann"}, []string{both.ID}},
		{"extension of an offer", crm.CallFilter{Extension: "101"}, []string{both.ID, ann.ID}},
		{"extension that called", crm.CallFilter{Extension: "102", Direction: crm.Outbound}, []string{bob.ID}},
		{"extension that was dialled", crm.CallFilter{Extension: "5000"}, []string{live.ID, both.ID, ann.ID}},
		{"queue", crm.CallFilter{Queue: "sales"}, []string{both.ID, ann.ID}},
		{"direction", crm.CallFilter{Direction: crm.Outbound}, []string{bob.ID}},
		{"outcome", crm.CallFilter{Outcome: crm.Answered}, []string{both.ID, ann.ID}},
		{"talk", crm.CallFilter{MinTalk: 5 * time.Second}, []string{both.ID, bob.ID, ann.ID}},
		{"longer talk", crm.CallFilter{MinTalk: 5001 * time.Millisecond}, []string{both.ID, ann.ID}},
		{"longest talk", crm.CallFilter{MinTalk: time.Hour}, []string{}},
		{"disposition", crm.CallFilter{Disposition: "callback"}, []string{bob.ID}},
		{"recorded", crm.CallFilter{HasRecording: &yes}, []string{bob.ID}},
		{"not recorded", crm.CallFilter{HasRecording: &no}, []string{live.ID, both.ID, ann.ID}},
		{"open", crm.CallFilter{OpenOnly: true}, []string{live.ID}},
		{"four digits of the caller", crm.CallFilter{Number: "0123"}, []string{live.ID, both.ID, ann.ID}},
		{"national number", crm.CallFilter{Number: "020 7946 0123"}, []string{live.ID, both.ID, ann.ID}},
		{"digits of the dialled", crm.CallFilter{Number: "4960999"}, []string{bob.ID}},
		{"digits with the country", crm.CallFilter{Number: "441614960999"}, []string{bob.ID}},
		{"E.164", crm.CallFilter{Number: "+441614960999"}, []string{bob.ID}},
		{"E.164 is exact", crm.CallFilter{Number: "+1614960999"}, []string{}},
		{"digits in the middle", crm.CallFilter{Number: "1614960"}, []string{}},
		{"an ending nobody has", crm.CallFilter{Number: "98760123"}, []string{}},
		{"name", crm.CallFilter{Q: "KING"}, []string{live.ID, both.ID, ann.ID}},
		{"words in any order", crm.CallFilter{Q: "urgent rückruf"}, []string{bob.ID}},
		{"accents do not matter", crm.CallFilter{Q: "tres ruckruf"}, []string{bob.ID}},
		{"every word counts", crm.CallFilter{Q: "urgent king"}, []string{}},
		{"part of a word is no word", crm.CallFilter{Q: "urg"}, []string{}},
		{"only signs", crm.CallFilter{Q: `"' % --`}, []string{}},
		{"operators are words", crm.CallFilter{Q: "ada OR nobody"}, []string{}},
		{"all at once", crm.CallFilter{
			From: at(5).Time, Until: at(15).Time, Number: "0999", Agent: "bob", Extension: "102", Queue: "support",
			Direction: crm.Outbound, Outcome: crm.Voicemail, MinTalk: time.Second, Disposition: "callback",
			HasRecording: &yes, Q: "urgent", OfferedTo: "bob",
		}, []string{bob.ID}},
	} {
		t.Run(c.name, func(t *testing.T) {
			equal(t, "calls", ids(t, s, tenant, c.f, 0), c.want)
			equal(t, "calls one by one", ids(t, s, tenant, c.f, 1), c.want)
		})
	}
}

// pagesMakeTheList also moves the list's end by filters whose calls are collected
// first, so every way of reading a page is paged through.
func pagesMakeTheList(t *testing.T, s crm.Store) {
	var calls []*crm.Call
	want := []string{}
	for i := range 30 {
		c := endedCall(fmt.Sprintf("hq:%02d.1", i), i/7, "ann", "101", "sales")
		calls = append(calls, c)
		want = append(want, c.ID)
	}
	slices.Reverse(want)
	own(t, s, "hq", tenant).store(calls...)
	for _, f := range []crm.CallFilter{
		{}, {Agent: "ann"}, {Agent: "ann", Queue: "sales"}, {Number: "79460123"}, {Q: "ada"}, {MinTalk: time.Second}, {Number: "+442079460123"},
	} {
		for _, limit := range []int{1, 2, 7, 29, 30, 31} {
			equal(t, fmt.Sprintf("pages of %d of %+v", limit, f), ids(t, s, tenant, f, limit), want)
		}
	}
}

// commonConditions stores more calls than a store collects for one condition; a
// store under test is made to collect fewer than this.
func commonConditions(t *testing.T, s crm.Store) {
	const n = 500
	p := own(t, s, "hq", tenant)
	for i := 0; i < n; i += 100 {
		var calls []*crm.Call
		for j := i; j < i+100; j++ {
			c := endedCall(fmt.Sprintf("hq:%05d.1", j), j, "ann", "101", "sales")
			if j == 17 {
				c.Offers[0].Agent, c.Outcome = "rare", crm.Busy
			}
			calls = append(calls, c)
		}
		p.store(calls...)
	}
	for _, c := range []struct {
		f     crm.CallFilter
		first string
		all   int
	}{
		{crm.CallFilter{Q: "ada king"}, "hq:00499.1", n},
		{crm.CallFilter{Number: "0123"}, "hq:00499.1", n},
		{crm.CallFilter{Number: "79460123", Q: "ada", MinTalk: time.Minute, Queue: "sales"}, "hq:00499.1", n},
		{crm.CallFilter{MinTalk: time.Minute}, "hq:00499.1", n},
		{crm.CallFilter{Q: "ada", Outcome: crm.Busy}, "hq:00017.1", 1},
		{crm.CallFilter{Number: "79460123", Agent: "rare", Queue: "sales"}, "hq:00017.1", 1},
		{crm.CallFilter{Q: "ada", Queue: "nowhere"}, "", 0},
		{crm.CallFilter{Q: "nobody", Queue: "sales"}, "", 0},
	} {
		got := ids(t, s, tenant, c.f, 200)
		if len(got) != c.all || c.all > 0 && got[0] != c.first {
			t.Errorf("%+v: got %d calls, want %d from %s", c.f, len(got), c.all, c.first)
		}
	}
}
