package redisstream_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// front stands between a client and a real server. It plays a server of 7.2 on one
// that is older (it answers WAITAOF), and it can swallow the answer of a script.
type front struct {
	url      string
	upstream string
	old      bool // plays a server of 7.0; set before the first connection

	mu      sync.Mutex
	aof     string   // guarded by mu; the answer to WAITAOF
	swallow int      // guarded by mu; how many more scripts are run and then not answered
	before  int      // guarded by mu; how many scripts are answered before one is not
	seen    []string // guarded by mu; names of the commands
}

func startFront(t testing.TB, upstream string) *front {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{url: "redis://" + l.Addr().String() + "/0", upstream: upstream, aof: "*2\r\n:1\r\n:0\r\n"}
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { _ = l.Close() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { f.serve(c) })
		}
	})
	return f
}

func (f *front) set(aof string, swallow int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.aof, f.swallow, f.seen = aof, swallow, nil
}

// skip answers so many scripts, and the one after them not.
func (f *front) skip(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.swallow = n, 1
}

func (f *front) commands() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen
}

func (f *front) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	up, err := net.Dial("tcp", f.upstream)
	if err != nil {
		return
	}
	defer func() { _ = up.Close() }()
	fromClient, fromServer := bufio.NewReader(c), bufio.NewReader(up)
	for {
		var cmd bytes.Buffer
		if copyValue(&cmd, fromClient) != nil {
			return
		}
		words := strings.Split(strings.ToUpper(cmd.String()), "\r\n") // *n $len word …
		name := words[2]
		own, drop := f.decide(name, words)
		if own != "" {
			_, err = io.WriteString(c, own)
		} else {
			_, err = cmd.WriteTo(up)
			var answer bytes.Buffer
			if err == nil {
				err = copyValue(&answer, fromServer)
			}
			if err == nil && !drop {
				_, err = answer.WriteTo(c)
			}
		}
		if err != nil || drop {
			return
		}
	}
}

func (f *front) decide(name string, words []string) (own string, drop bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, name)
	switch {
	case name == "WAITAOF":
		return f.aof, false
	case name == "COMMAND" && len(words) > 6 && words[6] == "WAITAOF":
		if f.old {
			return "*1\r\n*-1\r\n", false
		}
		return "*1\r\n*1\r\n$7\r\nwaitaof\r\n", false
	case strings.HasPrefix(name, "EVAL") && f.before > 0:
		f.before--
	case strings.HasPrefix(name, "EVAL") && f.swallow > 0:
		f.swallow--
		return "", true
	}
	return "", false
}

// copyValue copies one value of the Redis protocol, versions 2 and 3.
func copyValue(to *bytes.Buffer, from *bufio.Reader) error {
	line, err := from.ReadString('\n')
	if err != nil {
		return err
	}
	to.WriteString(line)
	n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
	switch line[0] {
	case '$', '=', '!':
		if n >= 0 {
			_, err = io.CopyN(to, from, int64(n)+2)
		}
		return err
	case '%':
		n *= 2
	case '*', '~', '>':
	case '+', '-', ':', ',', '#', '_', '(':
		return nil
	default:
		return fmt.Errorf("unknown type %q", line)
	}
	for range n {
		if err := copyValue(to, from); err != nil {
			return err
		}
	}
	return nil
}
