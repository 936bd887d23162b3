package amitest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"time"

	"patchcord/ami"
)

// Play sends the events of a recorded trace to every session, in the trace's own
// time divided by speed; 0 sends them as fast as it can. What the recorded client
// asked for is left out: banner, login, replies, list items and FullyBooted. The
// time of a trace without a clock stands still.
func (p *PBX) Play(ctx context.Context, t *ami.Trace, speed float64) error {
	pace := pacer{speed: speed}
	for {
		item, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("play: %w", err)
		}
		e, ok := liveEvent(item)
		if !ok {
			continue
		}
		if err := pace.wait(ctx, item.At); err != nil {
			return err
		}
		p.announce(e)
	}
}

// liveEvent turns a frame of a trace into an event, unless it answers an action.
func liveEvent(item ami.TraceItem) (Event, bool) {
	m := item.Msg
	name, privilege := m.Event(), m.Get("Privilege")
	if item.Kind != ami.TraceFrame || name == "" || name == "FullyBooted" || privilege == "Call" {
		return Event{}, false
	}
	if privilege == "" && m.ActionID() != "" {
		return Event{}, false // an item of a list
	}
	return Event{At: item.At, Name: name, Class: ParseClass(privilege), Raw: m.Raw() + "\r\n\r\n"}, true
}

// announce sends an event that the exchange did not make.
func (p *PBX) announce(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.publish(e)
}

// Pace sends events to every session at an even rate, whatever their own times.
// A stream that falls behind is caught up with, not forgotten.
func (p *PBX) Pace(ctx context.Context, events iter.Seq[Event], perSecond float64) error {
	start, n := time.Now(), 0
	for e := range events {
		due := start.Add(time.Duration(float64(n) / perSecond * float64(time.Second)))
		if d := time.Until(due); d > 0 {
			if err := wait(ctx, d); err != nil {
				return err
			}
		} else if ctx.Err() != nil {
			return ctx.Err()
		}
		e.At = time.Now()
		p.announce(e)
		n++
	}
	return nil
}

// Replay sends a recorded trace byte for byte, in its own time divided by speed
// (0: at once), to every client that is logged in; it waits for the first. Only
// recorded banners and answers up to the login are left out, because the
// client has had its own. Where the recorded client logged in again, clients are
// closed, and the next login continues. Config.WithoutGreeting keeps the
// PBX from adding a FullyBooted of its own.
func (p *PBX) Replay(ctx context.Context, amiPath string, speed float64) error {
	t, err := ami.OpenTrace(amiPath)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	data, err := traceBytes(amiPath)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	r := replay{p: p, data: data, pace: pacer{speed: speed}}
	for {
		item, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = r.play(ctx, item)
		}
		if err != nil {
			return fmt.Errorf("replay %s: %w", amiPath, err)
		}
	}
}

type replay struct {
	p      *PBX
	data   []byte
	pos    int
	pace   pacer
	in     bool // the recorded client is logged in
	logins int
}

func (r *replay) play(ctx context.Context, item ami.TraceItem) error {
	if item.Kind == ami.TraceConnected || item.Kind == ami.TraceDisconnected {
		r.in = false
		return nil
	}
	text := r.take(item.Msg.Raw())
	switch {
	case r.in:
		if err := r.pace.wait(ctx, item.At); err != nil {
			return err
		}
		r.p.Send(text)
	case item.Msg.Get("Message") == "Authentication accepted":
		r.in = true
		return r.login(ctx)
	}
	return nil
}

// login waits for a client where the recorded one logged in, a new one each time.
func (r *replay) login(ctx context.Context) error {
	if r.logins++; r.logins > 1 {
		if err := r.p.EndSessions()(ctx); err != nil {
			return err
		}
	}
	return r.p.WaitSessions(ctx, 1)
}

// take returns the bytes of the next message with every line end that follows.
func (r *replay) take(raw string) string {
	start := r.pos
	i := bytes.Index(r.data[start:], []byte(raw))
	if i < 0 {
		return raw + "\r\n\r\n"
	}
	end := start + i + len(raw)
	for end < len(r.data) && (r.data[end] == '\r' || r.data[end] == '\n') {
		end++
	}
	r.pos = end
	return string(r.data[start:end])
}

// traceBytes reads a trace file as it is, decompressed.
func traceBytes(path string) ([]byte, error) {
	if strings.HasSuffix(path, ".gz") {
		return gunzip(path)
	}
	return os.ReadFile(path)
}

// A pacer waits for the times of a recording.
type pacer struct {
	speed float64
	first time.Time // of the recording
	start time.Time // of the replay
}

func (p *pacer) wait(ctx context.Context, at time.Time) error {
	if at.IsZero() || p.speed <= 0 {
		return ctx.Err()
	}
	if p.first.IsZero() {
		p.first, p.start = at, time.Now()
	}
	due := p.start.Add(time.Duration(float64(at.Sub(p.first)) / p.speed))
	return wait(ctx, time.Until(due))
}
