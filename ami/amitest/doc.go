// Package amitest is a simulated Asterisk: a PBX that speaks the Asterisk
// Manager Interface on a real socket, places telephone calls of its own, keeps a
// ledger of what really happened, and fails on command.
//
// A PBX does not wait for its clients. Its calls go on whether or not anybody is
// connected, and events that nobody hears are lost, as with Asterisk. It enforces
// what Asterisk enforces: a session that cannot be written to for 100 ms is
// closed, an action line has at most 1,024 bytes, an action at most 128 headers.
//
// Calls come from a Traffic (generated from a seed, in the event grammar of
// Asterisk 16 to 22 with chan_pjsip) or from a recorded Trace. The same Traffic
// without a socket is a pure stream: Traffic.Events for benchmarks, Traffic.Generate
// for property tests. CheckOrder holds any stream, recorded or generated, to the
// order that Asterisk keeps.
//
// Time is time.Now and timers, so that everything here runs in a testing/synctest
// bubble when the sockets come from a PipeListener.
//
// The package knows nothing of the daemon that it tests: it imports only package ami
// (to read traces). Every number and name in it is made up or from a range kept for drama.
package amitest
