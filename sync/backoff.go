package crmsync

import (
	"math/rand/v2"
	"time"
)

const (
	firstDelay = 2 * time.Second
	maxDelay   = time.Hour
)

// nominalDelay is the delay after the n-th attempt, n from 1, before jitter: 2 s doubled each time, up to 1 h.
func nominalDelay(attempts int) time.Duration {
	if attempts > 11 { // 2 s × 2^11 is over an hour
		return maxDelay
	}
	return min(firstDelay<<max(0, attempts-1), maxDelay)
}

// delayAfter is the nominal delay times 0.5 to 1.5.
func delayAfter(attempts int) time.Duration {
	d := nominalDelay(attempts)
	return d/2 + rand.N(d)
}

// attemptsWithin returns how many attempts the delays spread over so long a time.
func attemptsWithin(giveUp time.Duration) int {
	n := 1
	for sum := nominalDelay(1); sum < giveUp; sum += nominalDelay(n) {
		n++
	}
	return n
}
