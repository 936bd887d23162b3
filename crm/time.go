package crm

import (
	"fmt"
	"time"
)

// timeLayout is RFC 3339 in UTC with milliseconds, the one form in which every
// time leaves patchcord.
const timeLayout = "2006-01-02T15:04:05.000Z"

// Time is an instant that is written as RFC 3339 UTC with milliseconds. The zero
// Time means unknown; fields of this type carry `omitzero`, so it is left out.
type Time struct{ time.Time }

// At returns t as a Time, in UTC and cut to milliseconds, so that what is stored
// equals what is sent.
func At(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{t.UTC().Truncate(time.Millisecond)}
}

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	return []byte(`"` + t.UTC().Format(timeLayout) + `"`), nil
}

// UnmarshalJSON implements json.Unmarshaler; it takes any RFC 3339 time.
func (t *Time) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	v, err := time.Parse(`"`+time.RFC3339Nano+`"`, string(b))
	if err != nil {
		return fmt.Errorf("time %s: want RFC 3339: %w", b, err)
	}
	*t = At(v)
	return nil
}

// Millis is a duration in whole milliseconds. A *Millis that is nil is unknown;
// one that points to 0 is a known zero.
type Millis int64

// MillisOf returns a pointer to d in milliseconds.
func MillisOf(d time.Duration) *Millis {
	m := Millis(d.Milliseconds())
	return &m
}

// Duration returns m as a time.Duration; nil is 0.
func (m *Millis) Duration() time.Duration {
	if m == nil {
		return 0
	}
	return time.Duration(*m) * time.Millisecond
}
