package vtiger

import (
	"sync"
	"time"
)

// clock is the wall clock that an installation lives by: an event has its times as the server's time zone shows them, without
// saying which that is. Safe for concurrent use.
type clock struct {
	zone *time.Location // nil: it is learned

	mu     sync.Mutex
	offset time.Duration // guarded by mu; ahead of UTC, as learned; 0, which is what a stock installation has, until then
	learnt bool          // guarded by mu
}

const wallClock = "2006-01-02 15:04:05"

// show returns the date and the time of day that the server's clock shows at t.
func (c *clock) show(t time.Time) (date, timeOfDay string) {
	zone := c.zone
	if zone == nil {
		c.mu.Lock()
		zone = time.FixedZone("", int(c.offset/time.Second))
		c.mu.Unlock()
	}
	t = t.In(zone)
	return t.Format(time.DateOnly), t.Format(time.TimeOnly)
}

// learn takes a stamp that the server wrote at an instant, and reports whether its clock is another than was thought.
func (c *clock) learn(stamp string, at time.Time) (changed bool) {
	shown, err := time.Parse(wallClock, stamp)
	if err != nil || c.zone != nil {
		return false
	}
	ahead := shown.Sub(at)
	offset := ahead.Round(15 * time.Minute) // there is no zone between
	if (ahead-offset).Abs() > 3*time.Minute || offset.Abs() > 14*time.Hour {
		return false // it is not of now
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	changed = c.offset != offset
	c.offset, c.learnt = offset, true
	return changed
}

// known reports whether the clock is more than a guess.
func (c *clock) known() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.zone != nil || c.learnt
}
