package redisstream_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"patchcord/buffer/redisstream"
	"patchcord/buffer/redisstream/redistest"
)

// BenchmarkAppend appends batches of 100 entries of 400 bytes, each followed by a bare
// pipeline of 100 XADDs, and reports how many times longer than that it takes.
func BenchmarkAppend(b *testing.B) {
	const batch = 100
	url, srv := redistest.Start(b)
	l := openLog(b, url, redisstream.Config{})
	bare := srv.Client()
	var ours, theirs time.Duration
	seq := uint64(1)
	for b.Loop() {
		es := entries(1, seq, seq+batch-1)
		begin := time.Now()
		mustAppend(b, l, es)
		ours += time.Since(begin)
		begin = time.Now()
		pipe := bare.Pipeline()
		for _, e := range es {
			pipe.XAdd(b.Context(), &redis.XAddArgs{Stream: "bare", Values: []any{"r", e.Data}})
		}
		if _, err := pipe.Exec(b.Context()); err != nil {
			b.Fatal(err)
		}
		theirs += time.Since(begin)
		seq += batch
	}
	b.ReportMetric(float64(b.N)*batch/ours.Seconds(), "entries/s")
	b.ReportMetric(float64(b.N)*batch/theirs.Seconds(), "bare-entries/s")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "x-bare")
}
