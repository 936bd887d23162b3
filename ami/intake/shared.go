package intake

import "unsafe"

// A frame goes from the session into the log and to two folds, and nobody on the way
// changes it: see buffer.Entry. So its text is shared, and not copied at each step.

// bytesOf returns the bytes of s. They must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// textOf returns b as a string. b must not be changed any more.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
