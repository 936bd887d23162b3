package ami

import (
	"math/rand/v2"
	"time"
)

const (
	firstDelay = 250 * time.Millisecond
	mostDelay  = 15 * time.Second
	healthy    = 60 * time.Second // up for so long, a session starts over with its delays

	firstRefused = 30 * time.Second
	mostRefused  = 10 * time.Minute
	refusedLimit = 12 // attempts in an hour that an administrator did not ask for
)

// backoff yields delays that double from first to most. The zero backoff is of a
// connection's.
type backoff struct{ tries int }

// next returns a random delay up to the doubled one: full jitter, so that many
// clients of one PBX do not come back together.
func (b *backoff) next() time.Duration {
	d := doubled(firstDelay, mostDelay, b.tries)
	b.tries++
	return time.Duration(rand.Int64N(int64(d) + 1))
}

func (b *backoff) reset() { b.tries = 0 }

func doubled(first, most time.Duration, times int) time.Duration {
	for ; times > 0 && first < most; times-- {
		first *= 2
	}
	return min(first, most)
}

// A patience paces logins that were refused: 30 s doubling to 10 min, a little more
// for jitter, and never more than 12 in an hour, lest the PBX's log fills and its
// intrusion detection bans us.
type patience struct {
	tries int
	past  []time.Time // refusals of the last hour
}

// refused notes a refusal and returns how long to wait.
func (p *patience) refused(now time.Time) time.Duration {
	p.past = append(p.past, now)
	d := doubled(firstRefused, mostRefused, p.tries)
	p.tries++
	d += time.Duration(rand.Int64N(int64(d/4) + 1))
	return max(d, p.free(now))
}

// free returns how long until another attempt is within the hourly limit.
func (p *patience) free(now time.Time) time.Duration {
	for len(p.past) > 0 && now.Sub(p.past[0]) >= time.Hour {
		p.past = p.past[1:]
	}
	if len(p.past) < refusedLimit {
		return 0
	}
	return p.past[len(p.past)-refusedLimit].Add(time.Hour).Sub(now)
}

// restart begins the delays anew, as after a success or with another secret. The
// hourly limit stays.
func (p *patience) restart() { p.tries = 0 }
