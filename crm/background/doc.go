// Package background is for work that must not hold up a pop: what writes the log and
// the records, on the same processors as what carries the pops.
package background
