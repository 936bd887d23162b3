package amitest

import (
	"context"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/ami"
)

const queueTrace = "../../testdata/traces/22/inbound-queue-answered.ami"

func TestPlaySendsTheEventsOfATraceInTheirOwnTime(t *testing.T) {
	tr, err := ami.OpenTrace(queueTrace)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		p, ln, stop := servePipe(t, Config{WithoutGreeting: true})
		defer stop()
		c := pipeClient(t, ln).login()
		start := time.Now()
		go func() { _ = p.Play(t.Context(), tr, 2) }() // an error shows as missing events
		first := c.until("Event: Newchannel")
		if got := Header(first, "Exten"); got != "5551000" {
			t.Errorf("first channel: got Exten %q, want 5551000", got)
		}
		c.until("Event: HangupRequest")
		// 4.524 s after the banner's byte, of which the first events were at 10 ms
		if got, want := time.Since(start), 2250*time.Millisecond; got < want || got > want+20*time.Millisecond {
			t.Errorf("hang-up after %v, want %v at twice the speed", got, want)
		}
	})
}

func TestReplaySendsATraceByteForByte(t *testing.T) {
	for _, path := range []string{queueTrace, "../../testdata/traces/22/park-retrieve.ami", "../../testdata/traces/16/resync-replies.ami"} {
		want, err := os.ReadFile(path)
		if err != nil {
			if want, err = gunzip(path + ".gz"); err != nil {
				t.Fatal(err)
			}
			path += ".gz"
		}
		p, addr := serve(t, Config{WithoutGreeting: true})
		c := dialPBX(t, addr).login()
		done := make(chan error, 1)
		go func() { done <- p.Replay(t.Context(), path, 0) }()
		_, rest, _ := strings.Cut(string(want), "Authentication accepted\r\n\r\n")
		got := make([]byte, 0, len(rest))
		for len(got) < len(rest) {
			buf := make([]byte, 64<<10)
			n, err := c.in.Read(buf)
			got = append(got, buf[:n]...)
			if err != nil {
				t.Fatalf("%s: after %d of %d bytes: %v", path, len(got), len(rest), err)
			}
		}
		if string(got) != rest {
			t.Errorf("%s: the bytes differ", path)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestReplayEndsTheConnectionWhereTheRecordingDid(t *testing.T) {
	p, addr := serve(t, Config{WithoutGreeting: true})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- p.Replay(ctx, "../../testdata/traces/22/shutdown-midcall.ami", 0) }()
	c := dialPBX(t, addr).login()
	c.until("Event: Shutdown")
	c.gone()
	c = dialPBX(t, addr).login()
	c.until("Event: FullyBooted")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWhoLogsInAgainKeepsNoSessionFromEnding(t *testing.T) {
	p, addr := serve(t, Config{})
	logIn := func() *client {
		t.Helper()
		c := dialPBX(t, addr).login()
		if err := p.WaitSessions(t.Context(), 1); err != nil { // it is told so a little before it counts
			t.Fatal(err)
		}
		return c
	}
	first := logIn()
	over := p.EndSessions()
	first.gone()
	if err := p.WaitSessions(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	logIn()
	if err := over(t.Context()); err != nil {
		t.Error(err)
	}
}
