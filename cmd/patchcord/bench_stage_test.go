package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"patchcord/ami"
	"patchcord/ami/amitest"
)

// script is what a PBX is to send, and what is to come of it.
type script struct {
	events []amitest.Event
	rings  map[string]int    // offer id to the place of its DialBegin among events
	phones map[string]string // offer id to extension
	calls  []amitest.Call
}

// writeScript makes a script of calls among the phones 1001 and on, about as long as said at
// that rate. One event in ten makes a phone ring.
func writeScript(t *testing.T, seed uint64, phones int, perSecond float64, length time.Duration) *script {
	t.Helper()
	return writeScriptOf(t, benchPBX, seed, phones, perSecond, length)
}

// writeScriptOf is writeScript for a PBX with that name.
func writeScriptOf(t *testing.T, name string, seed uint64, phones int, perSecond float64, length time.Duration) *script {
	t.Helper()
	const speed, eventsPerCall = 10, 14.9
	callsPerSecond := perSecond / eventsPerCall
	traffic := amitest.Traffic{
		Seed: seed, Speed: speed, CallsPerSecond: callsPerSecond / speed, MaxLive: 10 * phones,
		Agents: amitest.Extensions(phones), Talk: 4 * time.Second, Lean: true,
		Scenarios: []amitest.Scenario{
			amitest.DirectAnswered, amitest.RingGroup, amitest.RingGroupNobody, amitest.RingGroupNobody,
			amitest.DirectNoAnswer, amitest.DirectCancelled,
		},
	}
	// A second begins the uniqueids of every script, and no two scripts have the same.
	began := time.Now().Truncate(time.Second).Add(-time.Duration(seed) * time.Minute)
	stream, ledger := traffic.Events(amitest.Config{Name: name}, began, int(callsPerSecond*length.Seconds()))
	s := &script{rings: map[string]int{}, phones: map[string]string{}}
	dials := map[string]int{}
	for e := range stream {
		if e.Name == "DialBegin" {
			dials[name+":"+ami.NewMessage(e.Raw).Get("DestUniqueid")] = len(s.events)
		}
		s.events = append(s.events, e)
	}
	s.calls = ledger.Calls()
	for _, c := range s.calls {
		for _, o := range c.Offers {
			at, dialled := dials[o.ID]
			if !dialled {
				t.Fatalf("the script has no DialBegin for the offer %s", o.ID)
			}
			s.rings[o.ID], s.phones[o.ID] = at, o.Extension
		}
	}
	if share := float64(len(s.rings)) / float64(len(s.events)); share < 0.09 || share > 0.11 {
		t.Fatalf("%d of %d events make a phone ring, want one in ten", len(s.rings), len(s.events))
	}
	return s
}

// stage is a PBX that sends scripts to whoever is logged in.
type stage struct {
	name    string
	pbx     *amitest.PBX
	address string
	asked   *atomic.Int64 // how often it was asked for its queues, which comes last
	grain   time.Duration // of what play sends, 0 for none
}

func newStage(t *testing.T) *stage {
	t.Helper()
	return newStageOf(t, benchPBX)
}

// newStageOf is newStage of a PBX with that name.
func newStageOf(t *testing.T, name string) *stage {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{name: name, pbx: amitest.New(amitest.Config{Name: name}), address: ln.Addr().String(), asked: new(atomic.Int64)}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.pbx.Serve(ctx, overheard{ln, s.asked}) }()
	t.Cleanup(func() { stop(); <-served })
	return s
}

// asking returns a wait until a client that is to come has asked each twice for everything that
// is going on. A list that came later would say that the calls of a script are gone: the PBX
// does not know them.
func asking(t *testing.T, stages []*stage) (wait func()) {
	t.Helper()
	before := make([]int64, len(stages))
	for i, s := range stages {
		before[i] = s.asked.Load()
	}
	return func() {
		t.Helper()
		for i, s := range stages {
			waitFor(t, time.Minute, "the daemon to log in and look around", func() bool { return s.asked.Load() >= before[i]+2 })
		}
	}
}

// overheard is a listener that counts what clients ask for.
type overheard struct {
	net.Listener
	asked *atomic.Int64
}

func (o overheard) Accept() (net.Conn, error) {
	c, err := o.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return overheardConn{c, o.asked}, nil
}

type overheardConn struct {
	net.Conn
	asked *atomic.Int64
}

func (c overheardConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.asked.Add(int64(bytes.Count(b[:n], []byte("Action: QueueStatus\r\n"))))
	return n, err
}

// play sends the script at an even rate, and returns when its first event was due.
func (s *stage) play(ctx context.Context, sc *script, perSecond float64) (began time.Time, err error) {
	began = time.Now().Add(10 * time.Millisecond)
	return began, s.pbx.Pace(ctx, onTime(sc.events, began, perSecond, s.grain), 1e9) // as fast as they come
}

func due(began time.Time, i int, perSecond float64) time.Time {
	return began.Add(time.Duration(float64(i) / perSecond * float64(time.Second)))
}

// onTime yields every event when it is due, or with all others that are within the same grain. Go's timers
// may be a millisecond late on a machine that has nothing else to do; the system's are not.
func onTime(events []amitest.Event, began time.Time, perSecond float64, grain time.Duration) iter.Seq[amitest.Event] {
	return func(yield func(amitest.Event) bool) {
		for i, e := range events {
			at := due(began, i, perSecond)
			if grain > 0 {
				at = began.Add((at.Sub(began) + grain - 1).Truncate(grain))
			}
			for d := time.Until(at); d > 0; d = time.Until(at) {
				nap := syscall.NsecToTimespec(d.Nanoseconds())
				if err := syscall.Nanosleep(&nap, nil); err != nil && err != syscall.EINTR {
					return
				}
			}
			if !yield(e) {
				return
			}
		}
	}
}

// echo is the floor: a process that logs in as a daemon does, and sends every byte
// it hears back.
func echo(pbx, back string) error {
	out, err := net.Dial("tcp", back)
	if err != nil {
		return err
	}
	in, err := overhear(pbx)
	if err != nil {
		return err
	}
	for buf := make([]byte, 64<<10); ; {
		n, err := in.Read(buf)
		if _, err := out.Write(buf[:n]); err != nil {
			return err
		}
		if err != nil {
			return err
		}
	}
}

// overhear logs in as a daemon does.
func overhear(pbx string) (net.Conn, error) {
	conn, err := net.Dial("tcp", pbx)
	if err != nil {
		return nil, err
	}
	user := amitest.DefaultUser()
	_, err = fmt.Fprintf(conn, "Action: Login\r\nUsername: %s\r\nSecret: %s\r\nEvents: on\r\n\r\n", user.Name, user.Secret)
	return conn, err
}

// listenBack reads what the echo sends and tells of every DialBegin when it was there.
func listenBack(conn io.Reader, heard func(offerID string, at time.Time)) {
	r := ami.NewReader(conn, ami.ReaderConfig{})
	for {
		v, err := r.Next()
		if err != nil {
			return
		}
		if now := time.Now(); string(v.Event()) == "DialBegin" {
			heard(benchPBX+":"+string(v.Field(ami.KeyDestUniqueid)), now)
		}
	}
}
