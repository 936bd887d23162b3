// Package race lets tests over all recorded traces be shorter under the race detector, which makes them ten times
// slower and has little to find in what runs on one goroutine. `make seeds` runs them whole.
package race

// Sample returns every n-th of the list under the race detector, from the first on, and else the list.
func Sample[T any](list []T, n int) []T {
	if !Enabled {
		return list
	}
	some := make([]T, 0, len(list)/n+1)
	for i := 0; i < len(list); i += n {
		some = append(some, list[i])
	}
	return some
}
