package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"

	"patchcord/crm"
	"patchcord/crm/auth"
	"patchcord/crm/sqlite"
)

// agent is somebody who may open one socket.
type agent struct{ name, extension, ticket string }

// hire adds n agents with one password between them to a store that no daemon has
// open yet, the first so many of them with a phone from 1001 on, and gives each a
// ticket: a thousand logins are a thousand password hashes, and no part of what is measured.
func hire(t *testing.T, dir string, n, phones int) []agent {
	t.Helper()
	s := openBenchStore(t, dir)
	defer s.Close()
	key, err := auth.LoadKey(filepath.Join(dir, "deployment.key"))
	if err != nil {
		t.Fatal(err)
	}
	tickets, err := auth.New(auth.Config{Store: patient{s}, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	u, err := auth.NewUser(defaultTenant, "agent", crm.RoleAgent, "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	staff := make([]agent, n)
	for i := range staff {
		a := agent{name: fmt.Sprint("agent", 1001+i), extension: strconv.Itoa(1001 + i)}
		u.ID, u.Name = "u_"+a.name, a.name
		if err := s.CreateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		if i < phones {
			if err := s.Bind(t.Context(), crm.Binding{UserID: u.ID, PBX: benchPBX, Extension: a.extension, From: crm.At(time.Now().Add(-time.Hour))}, false); err != nil {
				t.Fatal(err)
			}
		}
		p := crm.Principal{UserID: u.ID, Tenant: u.Tenant, Session: "bench", Version: u.Version}
		if a.ticket, err = tickets.PushTicket(t.Context(), p, ""); err != nil {
			t.Fatal(err)
		}
		staff[i] = a
	}
	return staff
}

// patient is a store whose tickets last: it takes a while to hire so many.
type patient struct{ *sqlite.Store }

// PutTicket stores a ticket for two days: longer than the one to create the owner.
func (p patient) PutTicket(ctx context.Context, t crm.Ticket) error {
	t.ExpiresAt = time.Now().Add(48 * time.Hour)
	return p.Store.PutTicket(ctx, t)
}

func openBenchStore(t *testing.T, dir string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "patchcord.db"), sqlite.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// desks are the sockets of agents, and what popped up on them.
type desks struct {
	mu    sync.Mutex
	pops  map[string][]popped // guarded by mu; by offer id
	conns []*websocket.Conn   // guarded by mu
}

type popped struct {
	extension string
	at        time.Time
}

// seat opens a socket for each agent.
func (b *bench) seat(t *testing.T, staff []agent) *desks {
	t.Helper()
	d := newDesks(t)
	d.seat(t, b.url, staff)
	return d
}

func newDesks(t *testing.T) *desks {
	d := &desks{pops: map[string][]popped{}}
	t.Cleanup(d.close)
	return d
}

func (d *desks) seat(t *testing.T, url string, staff []agent) {
	t.Helper()
	g, ctx := errgroup.WithContext(t.Context())
	g.SetLimit(16)
	for _, a := range staff {
		g.Go(func() error { return d.open(ctx, url, a) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

func (d *desks) open(ctx context.Context, url string, a agent) error {
	dialer := websocket.Dialer{ReadBufferSize: 1024, WriteBufferSize: 512, HandshakeTimeout: 30 * time.Second}
	conn, _, err := dialer.DialContext(ctx, "ws"+url[len("http"):]+"/v1/push", nil)
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.conns = append(d.conns, conn)
	d.mu.Unlock()
	if err := conn.WriteJSON(map[string]string{"op": "hello", "ticket": a.ticket}); err != nil {
		return err
	}
	var welcome struct{ Op string }
	if err := conn.ReadJSON(&welcome); err != nil || welcome.Op != "welcome" {
		return fmt.Errorf("want a welcome, got %q: %w", welcome.Op, err)
	}
	go d.watch(conn, a.extension)
	return nil
}

// watch notes every pop on a screen, until the socket is closed.
func (d *desks) watch(conn *websocket.Conn, extension string) {
	var buf bytes.Buffer
	for {
		_, r, err := conn.NextReader()
		if err != nil {
			return
		}
		buf.Reset()
		if _, err := buf.ReadFrom(r); err != nil {
			return
		}
		now := time.Now()
		if id, ok := poppedOffer(buf.Bytes()); ok {
			d.note(id, popped{extension, now})
		}
	}
}

func (d *desks) note(id string, p popped) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pops[id] = append(d.pops[id], p)
}

// poppedOffer returns the offer's id when the message is a pop. It looks only for
// what it needs: decoding would take time from what is measured.
func poppedOffer(message []byte) (id string, ok bool) {
	if !bytes.Contains(message, []byte(`"type":"offer.created"`)) {
		return "", false
	}
	_, rest, _ := bytes.Cut(message, []byte(`"offer":{"id":"`))
	name, _, ok := bytes.Cut(rest, []byte(`"`))
	return string(name), ok
}

// take returns the pops so far, and forgets them.
func (d *desks) take() map[string][]popped {
	d.mu.Lock()
	defer d.mu.Unlock()
	pops := d.pops
	d.pops = map[string][]popped{}
	return pops
}

func (d *desks) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.pops)
}

func (d *desks) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		c.Close()
	}
	d.conns = nil
}
