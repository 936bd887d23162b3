// Package backfill reads what a PBX wrote about its calls itself, its channel event
// log (CEL) and its call detail records (CDR), and makes call records of it: of what
// was missed while nobody listened, and of history from before the first connection.
//
// A Source gives rows; rows of one conversation become a group; a group is folded
// into records, and those fill what the store does not know (crm.Fill says how). CEL
// tells channels, bridges and hang-ups, so it is told again as AMI frames and folded
// by ami/calls itself. CDR is poorer, and in whole seconds.
//
// Whatever a row says was said by a caller's telephone: it is data, never trusted,
// and never logged.
package backfill
