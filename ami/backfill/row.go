package backfill

import "time"

// CEL is one row of the channel event log (Asterisk's cel.h; the columns are those of
// the sample cel_custom.conf and of the tables of cel_odbc and cel_pgsql).
type CEL struct {
	Type      string // CHAN_START, ANSWER, HANGUP …
	At        time.Time
	Name, Num string // caller id of the channel at that moment
	Exten     string
	Channel   string
	App, Data string // what the dialplan runs on the channel; AppDial and the like: it was called
	Uniqueid  string
	Linkedid  string
	Extra     string // JSON, by type
}

// CDR is one call detail record. Times are whole seconds.
type CDR struct {
	Src, Dst, CallerID   string // CallerID is "name" <number>
	Channel, DstChannel  string
	App, Data            string // the last application
	Start                time.Time
	Duration, Billed     time.Duration
	Disposition          string // ANSWERED, NO ANSWER, BUSY, FAILED, CONGESTION
	Uniqueid, Linkedid   string // Linkedid is the Uniqueid where the columns have none
	DID, CallerName, Num string // of FreePBX: dialled number, caller's name and number
}

// end is when the record was closed.
func (c *CDR) end() time.Time { return c.Start.Add(c.Duration) }
