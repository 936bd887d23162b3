package buffer

import "time"

// Loss is a stretch of entries that were acknowledged and never reach the log: damaged on the disk, or refused
// because another daemon has taken the PBX. Whoever is told of it opens a gap.
type Loss struct {
	ID       string    // the same each time it is told
	From, To time.Time // receipt of the entries around it, or of its first and last
	Detail   string
}
