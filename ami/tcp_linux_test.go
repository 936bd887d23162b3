package ami

import (
	"context"
	"net"
	"syscall"
	"testing"
	"time"
)

// Over a real socket, with the dialler that sessions use by default.
func TestSessionOverTCP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		up(&peer{t: t, conn: conn, r: NewReader(conn, ReaderConfig{})})
	}()
	ready := make(chan State, 1)
	s := NewSession(Config{
		Address: listener.Addr().String(), Username: fakeUser,
		Secret: func() (string, error) { return fakeSecret, nil },
	}, Funcs{State: func(st State) {
		if st.Phase == PhaseUp && len(ready) == 0 {
			ready <- st
		}
	}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	select {
	case st := <-ready:
		if st.Version != "11.0.0" {
			t.Errorf("version: got %q", st.Version)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("not up: %+v", s.State())
	}
	cancel()
	<-done
}

func TestDialSetsTheUserTimeout(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := dialTCP(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var got int
	if err := raw.Control(func(fd uintptr) {
		got, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout)
	}); err != nil {
		t.Fatal(err)
	}
	if err != nil || got != 15_000 {
		t.Errorf("got %d ms, %v, want 15000", got, err)
	}
}
