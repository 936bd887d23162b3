package amitest

import "testing"

// The figure to reach is 200,000 events a second on one core.
func BenchmarkStream(b *testing.B) {
	for name, t := range map[string]Traffic{
		"full": {Seed: 1, CallsPerSecond: 20, Agents: Extensions(100), Noise: 1},
		"lean": {Seed: 1, CallsPerSecond: 20, Agents: Extensions(100), Lean: true},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			seq, _ := t.Events(Config{}, Epoch(), 1<<40)
			n := 0
			for range seq {
				if n++; n >= b.N {
					break
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// One seed of a property test: a PBX, ten calls, everything read.
func BenchmarkSeed(b *testing.B) {
	for seed := 0; b.Loop(); seed++ {
		Generate(uint64(seed), 10)
	}
}

// The figure to reach is 10,000 events a second through one session on loopback.
func BenchmarkSession(b *testing.B) {
	const n = 20000
	for b.Loop() {
		carry(b, n)
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
