//go:build !linux

package background

import "runtime"

// Enter does nothing: elsewhere a thread has no priority of its own.
func Enter() error { return nil }

// Pause lets other goroutines run.
func Pause() { runtime.Gosched() }
