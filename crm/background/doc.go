// Package background is for work that must not hold up a pop: what writes the log and
// the records, on the same processors as what carries the pops.
package background

// Run does work on a thread in the background, which ends with it, and returns its error.
func Run(work func() error) error {
	ended := make(chan error, 1)
	go func() {
		_ = Enter() // else it is as urgent as pops
		ended <- work()
	}()
	return <-ended
}
