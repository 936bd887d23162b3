package calls

import (
	"time"

	"patchcord/ami"
	"patchcord/crm"
)

// Kind tells a frame from the other things a fold must know.
type Kind byte

// The kinds of input.
const (
	Frame       Kind = iota // Msg is one AMI message
	Connected               // logged in; Boot is set when known
	Lost                    // connection ended; At is when the last byte was received
	GapOpen                 // frames were lost from At on, though connected; Cause says why
	GapClose                // until At
	ResyncBegin             // the frames up to ResyncEnd are list items that we asked for
	ResyncEnd               // Complete says whether all lists came whole
	Tick                    // nothing but the time
	Hole                    // something after At was heard, and cannot be read any more
)

// Input is one entry of a PBX's log, as the tracker takes it.
type Input struct {
	Pos      crm.Position
	At       time.Time // of receipt; zero when unknown (a trace without a clock)
	Kind     Kind
	Msg      ami.Message
	Boot     time.Time // of Connected: start of the Asterisk process, zero when unknown
	Version  string    // of Connected: AMI version in the banner
	Cause    crm.GapCause
	Detail   string
	Complete bool
}
