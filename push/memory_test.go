package push

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"patchcord/crm"
)

// serveEnv makes the test binary a server for the memory benchmark: "hub", or
// "bare" for gorilla/websocket with the same buffers and nothing else.
const serveEnv = "PATCHCORD_PUSH_TEST_SERVE"

// BenchmarkIdleSocket measures resident memory per idle socket, side by side with
// a bare server; its figures need many sockets: -benchtime 10000x.
func BenchmarkIdleSocket(b *testing.B) {
	bare := residentPerSocket(b, "bare", b.N)
	hub := residentPerSocket(b, "hub", b.N)
	b.ReportMetric(bare, "bare-B/socket")
	b.ReportMetric(hub, "hub-B/socket")
	b.ReportMetric(hub/bare, "ratio")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkPublish is what an event costs the live path, one in ten being a pop,
// each for one of a thousand sockets.
func BenchmarkPublish(b *testing.B) {
	hub := New(Config{Live: &fakeLive{}, QueueLen: 1 << 30, QueueBytes: 1 << 40})
	for i := range 1000 {
		p := anna
		p.Name, p.UserID = fmt.Sprint("agent", i), fmt.Sprint("u", i)
		hub.register(&socket{hub: hub, who: p}, "", nil, nil)
	}
	calls := make([]*crm.Call, 1000)
	for i := range calls {
		calls[i] = ringing(fmt.Sprint("hq:", i), fmt.Sprint("agent", i))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e := event(uint64(i+1), crm.CallUpdated, calls[i%1000], "")
		if i%10 == 0 {
			e.Type, e.OfferID = crm.OfferCreated, calls[i%1000].Offers[0].ID
		}
		hub.Publish(e)
	}
}

// An idle socket of the hub takes at most half as much again as a bare one.
func TestIdleSocketsTakeLittleMemory(t *testing.T) {
	const sockets = 2000
	bare, hub := residentPerSocket(t, "bare", sockets), residentPerSocket(t, "hub", sockets)
	t.Logf("resident memory of an idle socket: bare %.0f bytes, hub %.0f bytes", bare, hub)
	if hub > 1.5*bare {
		t.Errorf("an idle socket takes %.0f bytes, more than 1.5 times a bare one's %.0f", hub, bare)
	}
}

// residentPerSocket starts a server process, opens n sockets to it, and returns
// by how many bytes of resident memory each made it grow.
func residentPerSocket(t testing.TB, kind string, n int) float64 {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"="+kind)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close() // the server ends with its input
	out := bufio.NewReader(pipe)
	ask := func() string {
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatalf("%s server: %v", kind, err)
		}
		return strings.TrimSpace(line)
	}
	addr := ask()
	defer open(t, addr, 50)() // what every server needs once is not counted
	measure := func() float64 {
		fmt.Fprintln(in)
		v, err := strconv.ParseFloat(ask(), 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	before := measure()
	defer open(t, addr, n)()
	return (measure() - before) / float64(n)
}

// open opens n sockets, and returns what closes them.
func open(t testing.TB, addr string, n int) (done func()) {
	t.Helper()
	var all []*websocket.Conn
	for i := range n {
		c, _, err := websocket.DefaultDialer.Dial("ws://"+addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
		if err := c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"op":"hello","ticket":"%d"}`, i)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.ReadMessage(); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		for _, c := range all {
			c.Close()
		}
	}
}

// TestMain makes the binary the server process of the benchmark when it is told so.
func TestMain(m *testing.M) {
	if kind := os.Getenv(serveEnv); kind != "" {
		if err := serveForMemory(kind); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveForMemory prints its address, and for every line it reads its resident bytes.
func serveForMemory(kind string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h := bareHandler()
	if kind == "hub" {
		hub := New(Config{Live: &fakeLive{}})
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { hub.Run(ctx) })
		defer running.Wait()
		defer cancel()
		h = NewHandler(hub, HandlerConfig{Tickets: anybody{}})
	}
	go http.Serve(l, h)
	fmt.Println(l.Addr())
	for in := bufio.NewReader(os.Stdin); ; {
		if _, err := in.ReadString('\n'); err != nil {
			return nil
		}
		bytes, err := resident()
		if err != nil {
			return err
		}
		fmt.Println(bytes)
	}
}

// anybody takes every ticket as a user's of that name.
type anybody struct{}

func (anybody) Redeem(_ context.Context, ticket, _ string) (crm.Principal, error) {
	return crm.Principal{Tenant: "t", UserID: ticket, Name: ticket, Role: crm.RoleAgent}, nil
}

// bareHandler is gorilla/websocket as thrifty as it gets: one parked goroutine a socket.
func bareHandler() http.Handler {
	up := websocket.Upgrader{ReadBufferSize: 512, WriteBufferSize: 1024, WriteBufferPool: &sync.Pool{}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		if _, _, err := c.ReadMessage(); err != nil || c.WriteMessage(websocket.TextMessage, []byte(`{"op":"welcome"}`)) != nil {
			c.Close()
			return
		}
		go func() {
			defer c.Close()
			for {
				if _, _, err := c.ReadMessage(); err != nil {
					return
				}
			}
		}()
	})
}

// resident returns the process's resident bytes after it gave back what it can.
func resident() (int, error) {
	for range 3 {
		runtime.GC()
	}
	debug.FreeOSMemory()
	b, err := os.ReadFile("/proc/self/statm") // proc(5): size, resident, … in pages
	if err != nil {
		return 0, err
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	return pages * os.Getpagesize(), err
}
