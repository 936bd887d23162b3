package backfill

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A clock reads the times of one source. They have no zone: local time of the PBX,
// or UTC with usegmtime. A channel's first row begins in the very second that its
// Uniqueid names, which tells the two apart, and also the two passes through the
// hour that is repeated when summer time ends.
type clock struct {
	zone  *time.Location // the PBX's; nil is this machine's
	votes int            // above 0: local time; below: UTC; at most maxVotes either way
}

// maxVotes bounds how long a clock that was set otherwise is read as before.
const maxVotes = 20

// sameSecond is how far the first time of a channel may be from its Uniqueid.
const sameSecond = 2 * time.Second

// layouts are the ways in which Asterisk and the databases write a time without zone.
var layouts = []string{"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999"}

// read returns the instant that text names, of a row of the channel called uniqueid.
// first says that it is the channel's first row.
func (c *clock) read(text, uniqueid string, first bool) (time.Time, error) {
	text = strings.TrimSpace(text)
	if t, ok := epoch(text); ok {
		return t, nil
	}
	if t, err := time.Parse("2006-01-02 15:04:05.999999999-07", text); err == nil {
		c.votes = -maxVotes // a column with a zone, which is told as UTC
		return t.UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t.UTC(), nil
	}
	gm, err := parseIn(text, time.UTC)
	if err != nil {
		return time.Time{}, err
	}
	made := uniqueidTime(uniqueid)
	if first && !made.IsZero() {
		c.learn(gm, made)
	}
	if c.votes < 0 {
		return gm, nil
	}
	return nearest(c.passes(gm), made), nil
}

// learn takes a time as a vote for local time or for UTC, when it tells.
func (c *clock) learn(gm, made time.Time) {
	asUTC := gm.Sub(made).Abs() <= sameSecond
	asLocal := false
	for _, t := range c.passes(gm) {
		asLocal = asLocal || t.Sub(made).Abs() <= sameSecond
	}
	switch {
	case asUTC && !asLocal:
		c.votes = max(c.votes-1, -maxVotes)
	case asLocal && !asUTC:
		c.votes = min(c.votes+1, maxVotes)
	}
}

// passes returns the instants at which a clock on the wall of the zone shows what
// gm shows in UTC: one, two in the hour that is repeated, and for the hour that is
// left out the instant it would have been.
func (c *clock) passes(gm time.Time) []time.Time {
	zone := c.zone
	if zone == nil {
		zone = time.Local
	}
	y, mo, d := gm.Date()
	t := time.Date(y, mo, d, gm.Hour(), gm.Minute(), gm.Second(), gm.Nanosecond(), zone)
	list := []time.Time{t.UTC()}
	for _, near := range []time.Time{t.Add(-3 * time.Hour), t.Add(3 * time.Hour)} {
		_, offset := near.Zone()
		o := gm.Add(-time.Duration(offset) * time.Second)
		if !o.Equal(t) && o.In(zone).Format(layouts[0]) == t.Format(layouts[0]) {
			list = append(list, o)
		}
	}
	return list
}

// nearest returns the first of the instants that is not before the channel was made.
func nearest(list []time.Time, made time.Time) time.Time {
	best := list[0]
	for _, t := range list[1:] {
		fits, was := !t.Before(made.Add(-sameSecond)), !best.Before(made.Add(-sameSecond))
		if fits && (!was || t.Before(best)) || !fits && !was && t.After(best) {
			best = t
		}
	}
	return best
}

func parseIn(text string, zone *time.Location) (time.Time, error) {
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil && t.Year() > 1970 {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("not a time")
}

// epoch reads seconds since 1970 with a fraction, as `dateformat = %s.%q` writes and
// as cel_custom writes without a dateformat.
func epoch(text string) (time.Time, bool) {
	sec, frac, _ := strings.Cut(text, ".")
	s, err := strconv.ParseInt(sec, 10, 64)
	if err != nil || s < 1e6 || s > 1e11 || len(frac) > 9 {
		return time.Time{}, false
	}
	ns := 0
	if frac != "" {
		if ns, err = strconv.Atoi(frac + "000000000"[len(frac):]); err != nil {
			return time.Time{}, false
		}
	}
	return time.Unix(s, int64(ns)).UTC(), true
}

// uniqueidTime returns the second in [systemname-]SECOND.COUNTER, zero when there is none.
func uniqueidTime(id string) time.Time {
	id = id[strings.LastIndexByte(id, '-')+1:]
	sec, counter, ok := strings.Cut(id, ".")
	if !ok {
		return time.Time{}
	}
	s, err := strconv.ParseInt(sec, 10, 64)
	if _, bad := strconv.ParseUint(counter, 10, 63); err != nil || bad != nil || s <= 0 || s > 1e11 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}
