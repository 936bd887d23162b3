//go:build !linux

package intake

// behind does nothing: elsewhere a thread has no priority of its own.
func (w way) behind() (thread int, err error) { return 0, nil }

func hasten(int) error { return nil }
