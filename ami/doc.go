// Package ami speaks the Asterisk Manager Interface: it keeps a session to a PBX, and
// turns the bytes it sends into messages with the time at which they came.
//
// The parts can be used alone. A [Reader] cuts a stream into messages: as a [View]
// without an allocation, or kept as a [Message]. [Encode] makes the bytes of an
// [Action], and refuses what would arrive as something else. A [Session] logs in, reads,
// notices a dead peer, reconnects for ever, and matches replies to actions. A [Ring]
// stands between it and a consumer that may be slow. A [Trace] plays back what was
// recorded.
//
// The package knows nothing of calls: it does not say what events mean, keeps no
// channel or queue, and drops no event that it does not know. Nor does it trust what it
// reads: everything in a message may come from a caller.
//
// Facts about the protocol are from Asterisk's main/manager.c and from recorded traffic
// of Asterisk 16 and 22 (testdata/traces, with the list of what was seen there).
// AMI acknowledges, numbers and repeats nothing, so what was sent while nobody was
// connected is gone: [Handler.OnState] and [Handler.OnTrouble] say when that was so.
package ami
