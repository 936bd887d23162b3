//go:build race

package calls

// underRace says that the race detector is on, which makes the fold ten times slower
// and has nothing to find in it: it runs on one goroutine.
const underRace = true
