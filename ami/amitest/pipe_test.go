package amitest

import (
	"context"
	"iter"
	"net"
	"testing"
	"time"
)

// servePipe runs a PBX without a network; stop ends it.
func servePipe(t *testing.T, cfg Config) (p *PBX, ln *PipeListener, stop func()) {
	t.Helper()
	p, ln = New(cfg), NewPipeListener()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.Serve(ctx, ln) // ends because of stop
	}()
	return p, ln, func() {
		cancel()
		<-done
	}
}

func pipeClient(t *testing.T, ln *PipeListener) *client {
	t.Helper()
	conn, err := ln.Dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, conn)
	c.deadline(time.Hour)
	return c
}

func rawDial(t *testing.T, addr string) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	return conn
}

func take(seq iter.Seq[Event], n int) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		i := 0
		for e := range seq {
			if i++; i > n || !yield(e) {
				return
			}
		}
	}
}
