// Package calls turns the messages of one PBX into records of its calls.
//
// A Tracker is a pure fold: it does no I/O, starts no goroutine and never asks
// for the time. What it concludes depends on the inputs and their order alone, so
// replaying a log gives the same records and the same events.
//
// It works in two steps. Frames are first reduced to facts about a call: which
// channels there were, who dialled whom, who was in which bridge and when, who
// asked for a hang-up. Then the record is concluded from all facts of the call at
// once, so that what comes late (a DialEnd after the bridge, the Hangup that tells
// a refusal from a timeout, the transfer event after the transfer) corrects what
// was concluded before. Events are the difference between two records.
package calls
