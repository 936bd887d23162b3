package ami

import "time"

// A Frame is one message with the time at which it was received.
type Frame struct {
	At      time.Time // UTC, of the read that completed it
	Msg     Message
	Suspect bool // see View.Suspect
	More    bool // bytes after it are read already: the next frame, or a part of it
}

// Time returns when the message's content happened: by the PBX's clock when the
// message says so (timestampevents = yes in manager.conf), else when it was received.
func (f Frame) Time() (at time.Time, fromPBX bool) {
	if at, ok := ParseTimestamp(f.Msg.Get("Timestamp")); ok && f.Msg.Event() != "" {
		return at, true
	}
	return f.At, false
}
