package backfill

import (
	"strconv"
	"testing"
	"time"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestClockReadsBothNightsOfEveryZone writes every quarter of an hour around both
// changes of 2026 as a clock on the wall shows it, and reads it back with the second
// in the Uniqueid.
func TestClockReadsBothNightsOfEveryZone(t *testing.T) {
	for _, c := range []struct {
		zone         string
		spring, fall time.Time // of the change, UTC
	}{
		{"Europe/London", time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC)},
		{"Europe/Berlin", time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC)},
		{"America/New_York", time.Date(2026, 3, 8, 7, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC)},
		{"Australia/Lord_Howe", time.Date(2026, 4, 4, 15, 0, 0, 0, time.UTC), time.Date(2026, 10, 3, 15, 30, 0, 0, time.UTC)},
		{"Asia/Kolkata", time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC)}, // no change
	} {
		for _, change := range []time.Time{c.spring, c.fall} {
			for _, gmt := range []bool{false, true} {
				z := zone(t, c.zone)
				clk := clock{zone: z}
				for after := -3 * time.Hour; after <= 3*time.Hour; after += 15 * time.Minute {
					want := change.Add(after)
					shown := want.In(z)
					if gmt {
						shown = want
					}
					text := shown.Format("2006-01-02 15:04:05")
					id := strconv.FormatInt(want.Unix(), 10) + ".7"
					if got, err := clk.read(text, id, true); err != nil || !got.Equal(want) {
						t.Errorf("%s (usegmtime %v): %s of %s is read as %s, %v; want %s", c.zone, gmt, text, id, got, err, want)
					}
				}
			}
		}
	}
}

func TestClockReadsLaterRowsOfTheRepeatedHour(t *testing.T) {
	z := zone(t, "Europe/London")
	clk := clock{zone: z}
	made := time.Date(2026, 10, 25, 0, 50, 0, 0, time.UTC) // 01:50 for the first time
	id := strconv.FormatInt(made.Unix(), 10) + ".1"
	if _, err := clk.read("2026-10-25 01:50:00", id, true); err != nil {
		t.Fatal(err)
	}
	got, err := clk.read("2026-10-25 01:10:00", id, false) // 20 minutes later, after the change
	if want := made.Add(20 * time.Minute); err != nil || !got.Equal(want) {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

func TestClockReadsEveryForm(t *testing.T) {
	want := time.Date(2026, 7, 6, 9, 0, 0, 250_000_000, time.UTC)
	for _, text := range []string{
		"1783328400.250", "1783328400.250000", "2026-07-06 10:00:00.25", "2026-07-06T10:00:00.250",
		"2026-07-06 09:00:00.25+00", "2026-07-06T09:00:00.25Z",
	} {
		clk := clock{zone: zone(t, "Europe/London")}
		if got, err := clk.read(text, "1783328400.1", false); err != nil || !got.Equal(want) {
			t.Errorf("%q: got %s, %v; want %s", text, got, err, want)
		}
	}
}

func FuzzClockRead(f *testing.F) {
	for _, s := range []string{"1783328400.250", "2026-07-06 10:00:00", "2026-03-29 01:30:00", "", "9999999999999999999"} {
		f.Add(s, "1783328400.1")
	}
	f.Fuzz(func(t *testing.T, text, id string) {
		clk := clock{zone: time.UTC}
		got, err := clk.read(text, id, true)
		if err == nil && got.Year() < 1970 {
			t.Errorf("%q is read as %s", text, got)
		}
		again, err2 := clk.read(text, id, false)
		if (err == nil) != (err2 == nil) || err == nil && !again.Equal(got) {
			t.Errorf("%q is read as %s, then as %s", text, got, again)
		}
	})
}
