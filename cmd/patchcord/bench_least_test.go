package main

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"patchcord/ami"
)

// startLeast starts a server that pops and does nothing else, in place of a daemon: what is left
// of the figure then is what sockets and the machine take.
func (b *bench) startLeast(t *testing.T) {
	t.Helper()
	b.daemon, b.url = startServer(t, "least", "PATCHCORD_TEST_PBX="+b.pbx.address)
	if err := b.pbx.pbx.WaitSessions(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
}

// leastStaff are agents whose tickets are their extensions.
func leastStaff(n int) []agent {
	staff := make([]agent, n)
	for i := range staff {
		e := strconv.Itoa(1001 + i)
		staff[i] = agent{name: e, extension: e, ticket: e}
	}
	return staff
}

// least is a server that writes a pop to the phone's socket for every DialBegin it reads, and keeps nothing.
func least(pbx string) error {
	onSignals()
	spareProcessors()
	seats := &seats{of: map[string]*websocket.Conn{}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- http.Serve(ln, seats) }()
	in, err := overhear(pbx)
	if err != nil {
		return err
	}
	go func() { ended <- seats.pop(ami.NewReader(in, ami.ReaderConfig{})) }()
	fmt.Println(ln.Addr())
	return <-ended
}

// seats are the sockets of least, by extension.
type seats struct {
	up websocket.Upgrader
	mu sync.Mutex
	of map[string]*websocket.Conn // guarded by mu
}

func (s *seats) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := s.up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	var hello struct{ Ticket string }
	if c.ReadJSON(&hello) != nil || c.WriteMessage(websocket.TextMessage, []byte(`{"op":"welcome"}`)) != nil {
		c.Close()
		return
	}
	s.mu.Lock()
	s.of[hello.Ticket] = c
	s.mu.Unlock()
	readAll(c)
}

// pop writes what rings to whom it rings, until the PBX is gone.
func (s *seats) pop(r *ami.Reader) error {
	for {
		v, err := r.Next()
		if err != nil {
			return err
		}
		if string(v.Event()) != "DialBegin" {
			continue
		}
		phone, _, _ := strings.Cut(strings.TrimPrefix(string(v.Field(ami.KeyDestChannel)), "PJSIP/"), "-")
		s.mu.Lock()
		c := s.of[phone]
		s.mu.Unlock()
		if c == nil {
			continue
		}
		message := fmt.Sprintf(`{"op":"event","event":{"type":"offer.created","data":{"offer":{"id":"%s:%s"}}}}`, benchPBX, v.Field(ami.KeyDestUniqueid))
		if err := c.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
			return err
		}
	}
}
