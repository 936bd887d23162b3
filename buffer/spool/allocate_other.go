//go:build !linux

package spool

// Allocate implements File.
func (f osFile) Allocate(size int64) error { return writeZeros(f, size) }
