package redisstream_test

import (
	"fmt"
	"testing"

	"patchcord/buffer"
	"patchcord/buffer/buffertest"
	"patchcord/buffer/redisstream"
	"patchcord/buffer/redisstream/redistest"
)

func openLog(t testing.TB, url string, cfg redisstream.Config) *redisstream.Log {
	t.Helper()
	l, err := redisstream.Open(t.Context(), url, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func TestConformance(t *testing.T) {
	url, _ := redistest.Start(t, "--appendfsync", "always")
	n := 0
	buffertest.TestLog(t, func(testing.TB) buffertest.Place {
		n++
		prefix := fmt.Sprintf("test%d:", n)
		return func(t testing.TB) buffer.Log { return openLog(t, url, redisstream.Config{Prefix: prefix}) }
	})
}
