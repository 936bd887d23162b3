//go:build !linux

package intake

// behind does nothing: elsewhere a thread has no priority of its own.
func behind() error { return nil }
