package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"patchcord/ami/amitest"
)

type replayCmd struct {
	Port   int     `help:"Port on 127.0.0.1; 0 for a free one." default:"5038"`
	Speed  float64 `help:"Times as fast as it was recorded; 0 is as fast as it can." default:"1"`
	User   string  `help:"Manager user that may log in." default:"crm"`
	Secret string  `help:"Secret of that user, for this replay only." default:"crmsecret"`
	Trace  string  `arg:"" help:"Recorded bytes (.ami, .ami.gz); the clock is the .tim file beside them."`
}

// Help is shown by `patchcord replay --help`.
func (replayCmd) Help() string {
	return `Waits for one client to log in, then sends it the recorded bytes at their recorded times, and ends.

Example:
  patchcord replay --port 5038 testdata/traces/22/inbound-queue-answered.ami`
}

// Run serves the trace to one client.
func (c *replayCmd) Run(ctx context.Context, t *terminal) error {
	if _, err := os.Stat(c.Trace); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port)))
	if err != nil {
		return fmt.Errorf("listen: %w; choose another --port", err)
	}
	pbx := amitest.New(amitest.Config{Users: []amitest.User{{Name: c.User, Secret: c.Secret}}, WithoutGreeting: true})
	fmt.Fprintf(t.err, "waiting at %s for a client that logs in as %s\n", ln.Addr(), c.User)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	err = runParts(ctx, []part{
		{"serve", func(ctx context.Context) error { return pbx.Serve(ctx, ln) }},
		{"replay", func(ctx context.Context) error {
			if err := pbx.WaitSessions(ctx, 1); err != nil {
				return err
			}
			if err := pbx.Replay(ctx, c.Trace, c.Speed); err != nil {
				return err
			}
			if err := pbx.EndSessions()(ctx); err != nil { // once everything is sent
				return err
			}
			return errPlayed
		}},
	})
	if errors.Is(err, errPlayed) {
		return nil
	}
	return err
}

// errPlayed ends a replay that is over.
var errPlayed = errors.New("the trace is over")
