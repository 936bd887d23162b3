package webhook

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	crmsync "patchcord/sync"
)

// maxRetryAfter is the longest that a receiver may make us wait.
const maxRetryAfter = time.Hour

// refusal is what a status of 300 and above means; after is its Retry-After, 0 without one.
func refusal(status int, after time.Duration) error {
	p := &crmsync.PushError{Class: crmsync.Permanent, Reason: fmt.Sprintf("status %d", status), After: after}
	switch {
	case status == http.StatusGone:
		p.Class = crmsync.Gone
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && after > 0:
		p.Class = crmsync.Throttle
	case status < 400: // redirects are not followed: they could lead anywhere
		p.Class, p.Reason = crmsync.Transient, fmt.Sprintf("status %d: redirects are not followed, correct the address", status)
	case status == http.StatusRequestTimeout, status >= 500:
		p.Class = crmsync.Transient
	}
	return p
}

// retryAfter reads seconds or a date (RFC 9110 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		return min(max(0, time.Duration(seconds)*time.Second), maxRetryAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(now)), maxRetryAfter)
	}
	return 0
}
