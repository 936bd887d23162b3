//go:build !linux

package main

// magicOf returns 0: what a file system is is told by Linux alone.
func magicOf(string) uint32 { return 0 }
