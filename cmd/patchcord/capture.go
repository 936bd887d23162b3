package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"patchcord/ami"
)

type captureCmd struct {
	PBX string        `help:"Name of the PBX in the configuration; the only one when left out."`
	For time.Duration `help:"Stop after this long, such as 10m; else at Ctrl-C."`
	Out string        `arg:"" help:"Name of the files: OUT.ami, OUT.tim and OUT.sent."`
}

// Help is shown by `patchcord capture --help`.
func (captureCmd) Help() string {
	return `Writes what the PBX sends, byte for byte, and when (OUT.ami, OUT.tim), and what was sent to it without the
secret (OUT.sent). The files hold telephone numbers and names: pass them on with care.

Example:
  patchcord capture --config patchcord.yml --for 10m wrong-call && patchcord fold wrong-call.ami`
}

// Run records until it is stopped.
func (c *captureCmd) Run(ctx context.Context, t *terminal) error {
	cfg, err := loadConfig(t.config, t.environ)
	if err != nil {
		return err
	}
	pbx, err := cfg.pbx(c.PBX)
	if err != nil {
		return err
	}
	session, err := pbx.session(slog.New(slog.NewTextHandler(t.err, nil)))
	if err != nil {
		return err
	}
	rec, err := newRecording(c.Out)
	if err != nil {
		return err
	}
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	session.Dial = rec.dial(session.Dial)
	err = ami.NewSession(session, quiet{}).Run(ctx)
	if ctx.Err() != nil {
		err = nil
	}
	return errors.Join(err, rec.Close())
}

// pbx returns the PBX of that name; the only one when name is "".
func (c *Config) pbx(name string) (*PBXConfig, error) {
	if name == "" && len(c.PBXs) == 1 {
		return &c.PBXs[0], nil
	}
	for i := range c.PBXs {
		if c.PBXs[i].Name == name {
			return &c.PBXs[i], nil
		}
	}
	if len(c.PBXs) == 0 {
		return nil, errors.New("the configuration has no PBX: add one under pbxs, or set PATCHCORD_PBXS_0_NAME and its fellows")
	}
	return nil, fmt.Errorf("say which PBX with --pbx; the configuration names %d, none of them %q", len(c.PBXs), name)
}

// quiet is a handler that does nothing.
type quiet struct{}

func (quiet) OnFrame(ami.Frame)     {}
func (quiet) OnState(ami.State)     {}
func (quiet) OnTrouble(ami.Trouble) {}

// recording writes the bytes of connections, and when they came. Each line of the
// clock is "MS KIND OFFSET LENGTH", the first "0 B <RFC 3339>".
type recording struct {
	began time.Time

	mu        sync.Mutex
	ami, sent *os.File // guarded by mu
	tim       *os.File // guarded by mu
	in, out   int64    // guarded by mu; bytes written to ami and sent
	failed    error    // guarded by mu; the first one
}

func newRecording(name string) (*recording, error) {
	r := &recording{began: time.Now().UTC()}
	for _, f := range []struct {
		to  **os.File
		ext string
	}{{&r.ami, ".ami"}, {&r.tim, ".tim"}, {&r.sent, ".sent"}} {
		file, err := os.OpenFile(name+f.ext, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			r.Close()
			return nil, fmt.Errorf("record: %w; choose another name or remove the file", err)
		}
		*f.to = file
	}
	r.line("0 B %s", r.began.Format(time.RFC3339Nano))
	return r, nil
}

// Close closes the files and returns the first error of writing them.
func (r *recording) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range []*os.File{r.ami, r.tim, r.sent} {
		if f == nil {
			continue
		}
		if err := f.Close(); r.failed == nil {
			r.failed = err
		}
	}
	return r.failed
}

func (r *recording) line(format string, args ...any) {
	_, err := fmt.Fprintf(r.tim, format+"\n", args...)
	r.note(err)
}

func (r *recording) note(err error) {
	if err != nil && r.failed == nil {
		r.failed = fmt.Errorf("record: %w", err)
	}
}

func (r *recording) ms() int64 { return time.Since(r.began).Milliseconds() }

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// dial wraps a dialler so that its connections are recorded.
func (r *recording) dial(dial dialFunc) dialFunc {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		r.mu.Lock()
		r.line("%d C %d 0", r.ms(), r.in)
		r.mu.Unlock()
		return &recordedConn{Conn: conn, to: r}, nil
	}
}

type recordedConn struct {
	net.Conn
	to   *recording
	once sync.Once
}

// Read records what came.
func (c *recordedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	r := c.to
	r.mu.Lock()
	defer r.mu.Unlock()
	if n > 0 {
		_, werr := r.ami.Write(b[:n])
		r.note(werr)
		r.line("%d R %d %d", r.ms(), r.in, n)
		r.in += int64(n)
	}
	if errors.Is(err, io.EOF) {
		c.once.Do(func() { r.line("%d X %d 0", r.ms(), r.in) })
	}
	return n, err
}

// Write records what was sent, with the secret's characters replaced.
func (c *recordedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	r := c.to
	r.mu.Lock()
	defer r.mu.Unlock()
	_, werr := r.sent.Write(maskSecret(b[:n]))
	r.note(werr)
	r.line("%d S %d %d", r.ms(), r.out, n)
	r.out += int64(n)
	return n, err
}

// Close records the end of the connection.
func (c *recordedConn) Close() error {
	r := c.to
	r.mu.Lock()
	c.once.Do(func() { r.line("%d X %d 0", r.ms(), r.in) })
	r.mu.Unlock()
	return c.Conn.Close()
}

// maskSecret replaces the values of Secret and Key headers, keeping the length.
func maskSecret(b []byte) []byte {
	masked := bytes.Clone(b)
	for _, name := range []string{"Secret: ", "Key: "} {
		for from := 0; ; {
			i := bytes.Index(masked[from:], []byte(name))
			if i < 0 {
				break
			}
			from += i + len(name)
			for from < len(masked) && masked[from] != '\r' && masked[from] != '\n' {
				masked[from] = 'x'
				from++
			}
		}
	}
	return masked
}
