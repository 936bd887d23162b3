package ami

import "time"

// TroubleKind says what was lost, or may have been.
type TroubleKind string

// The kinds of trouble.
const (
	TroubleOversize TroubleKind = "oversize"   // a message over a limit was discarded; Bytes is its size
	TroublePartial  TroubleKind = "partial"    // the connection ended inside a message, which was dropped
	TroubleSuspect  TroubleKind = "suspect"    // a message was delivered that was probably tampered with
	TroubleLag      TroubleKind = "reader_lag" // the handler kept the reader from reading for Lag
)

// A Trouble is something that the bytes of a connection did not tell whole. It has
// no bytes of the message in it, so it may be logged.
type Trouble struct {
	Kind  TroubleKind
	At    time.Time     // UTC, when it was noticed
	Bytes int64         // of TroubleOversize and TroublePartial
	Lag   time.Duration // of TroubleLag
}
