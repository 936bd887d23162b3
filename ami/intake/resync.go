package intake

import (
	"context"
	"time"

	"patchcord/ami"
	"patchcord/buffer"
)

// secondLook is how long after a complete list of channels another is asked for:
// a channel is gone when it stands in neither (reliability row A21).
const secondLook = 2500 * time.Millisecond

// resync asks a PBX, after every login, what is going on. The answers come
// through OnFrame like everything else, between two markers in the log.
type resync struct {
	road *road
	want chan struct{} // one place: asking twice is asking once
}

func newResync(r *road) *resync { return &resync{road: r, want: make(chan struct{}, 1)} }

// begin asks for a resync. It never waits.
func (s *resync) begin() {
	select {
	case s.want <- struct{}{}:
	default:
	}
}

func (s *resync) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.want:
		}
		for range 2 {
			if !s.look(ctx) {
				break // the connection is lost: the next login asks again
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(secondLook):
			}
		}
	}
}

// look writes one picture of the PBX's channels, bridges and queues into the log, and
// says whether it is whole. Channels that are missing end calls, so without all of them
// it is none; of the rest each list counts by itself.
func (s *resync) look(ctx context.Context) bool {
	placed := s.placed()
	s.road.put(buffer.ResyncBegin, time.Now(), nil)
	channels, err := s.road.session.List(ctx, ami.Action{Name: "CoreShowChannels"})
	if err != nil && ctx.Err() == nil {
		s.road.line.log.Warn("the list of channels did not come whole; calls are not ended by it", "err", err)
	}
	if err == nil {
		s.list(ctx, ami.NewAction("BridgeList"))
		s.list(ctx, ami.NewAction("QueueStatus"))
		s.status(ctx, unplaced(channels, placed))
	}
	s.road.put(buffer.ResyncEnd, time.Now(), marker{Complete: err == nil}.encode())
	return err == nil
}

// list asks for a list without which a picture is only poorer.
func (s *resync) list(ctx context.Context, a ami.Action) {
	if _, err := s.road.session.List(ctx, a); err != nil && ctx.Err() == nil {
		s.road.line.log.Debug("a list of the PBX did not come whole", "list", a.Name, "err", err)
	}
}

// status asks for more of single channels; of all of them when they are many.
func (s *resync) status(ctx context.Context, names []string) {
	const single = 20
	if len(names) > single {
		s.list(ctx, ami.NewAction("Status"))
		return
	}
	for _, name := range names {
		s.list(ctx, ami.NewAction("Status", "Channel", name))
	}
}

// placed returns the Linkedids of the calls of which it is known which number they called.
func (s *resync) placed() map[string]bool {
	known := map[string]bool{}
	for _, c := range s.road.live.open() {
		for _, id := range c.Linkedids {
			known[id] = c.To.Number != ""
		}
	}
	return known
}

// unplaced returns the names of first channels of other calls: the list of channels
// tells which number a channel is at, Status also which one it called.
func unplaced(channels []ami.Message, placed map[string]bool) (names []string) {
	for _, m := range channels {
		if id := m.Get("Linkedid"); id == m.Get("Uniqueid") && !placed[id] {
			names = append(names, m.Get("Channel"))
		}
	}
	return names
}
