package ami

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
)

var errSwallowed = errors.New("i/o timeout")

// swallow is a dial to where nobody answers.
func (f *fakePBX) swallow(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, errSwallowed
}

type cancelContext struct {
	context.Context
	cancel context.CancelFunc
}

func newCancel(t *testing.T) cancelContext {
	ctx, cancel := context.WithCancel(t.Context())
	return cancelContext{ctx, cancel}
}

// A safeString is a secret that a test changes.
type safeString struct {
	mu sync.Mutex
	s  string // guarded by mu
}

func (s *safeString) set(v string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s = v
}

func (s *safeString) get() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.s, nil
}

// logLines collects each record's message and class.
type logLines struct {
	slog.Handler
	mu    sync.Mutex
	lines []string // guarded by mu
}

func (l *logLines) Handle(_ context.Context, r slog.Record) error {
	line := r.Message + " "
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "class" {
			line += a.Value.String()
		}
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	return nil
}

func testLog() (*slog.Logger, func() []string) {
	l := &logLines{Handler: slog.NewTextHandler(&strings.Builder{}, nil)}
	return slog.New(l), func() []string {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.lines
	}
}
