// Package push brings events to the screens of the people who may see them,
// while they happen. A Hub takes every event once from the live path, decides who
// may see it, keeps the last minutes for those who come back, and hands it to
// each socket's bounded queue; a Handler is the WebSocket in front of it.
//
// The hub waits for nobody: a socket that does not keep up has its state events
// coalesced, and is then closed. It asks the store only when a client comes back
// after longer than the hub remembers, and never on the way of an event.
//
// # Protocol
//
// Every message is one JSON object in one text message. The client's first one,
// within five seconds, is
//
//	{"op":"hello","ticket":"…","resume":"<cursor>"}
//
// and the server answers
//
//	{"op":"welcome","cursor":"…","recovered":true,"now":"…","keepalive_ms":10000,"snapshot":{"calls":[],"agents":[],"queues":[],"pbxs":[],"contacts":{}}}
//
// With recovered true, every event after the resumed cursor follows, in order,
// and the cursor is the one that was sent; with false the snapshot replaces what
// the client knew. Then come
//
//	{"op":"event","cursor":"…","event":{…CloudEvents 1.0…}}
//	{"op":"pbx","pbx":{"name":"hq","state":"connected","since":"…"}}
//	{"op":"cursor","cursor":"…"}
//
// where the last comes with every keep-alive and says that everything the client may
// see up to that cursor was sent. A keep-alive comes every keepalive_ms, so a client that
// hears nothing for much longer has a dead line. Clients ignore an op they do not know.
// A client that shows a pop says so once:
//
//	{"op":"ack","offer":"<offer id>"}
//
// Close codes are listed at the function closeCode.
package push
