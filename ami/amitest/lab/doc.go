// Package lab gives tests a real Asterisk: it starts the throw-away servers of
// testdata/asterisk-lab, places SIP calls through them, and reads what that
// Asterisk itself wrote about them (CDR and CEL files).
//
// Everything listens on 127.0.0.1 and is stopped when the test ends. Without
// PATCHCORD_ASTERISK=1 in the environment [Up] skips the test and says so; with
// it, a server that does not start fails the test. The first start of a version
// builds its tree (Linux, root, debootstrap; one to two minutes), later ones
// take about two seconds.
//
// The package judges nothing: it is the other side of a comparison, so it uses
// none of the code that is compared with it.
package lab
