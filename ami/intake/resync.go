package intake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"patchcord/ami"
	"patchcord/buffer"
)

// secondLook is how long after a complete list of channels another is asked for:
// a channel is gone when it stands in neither (reliability row A21).
const secondLook = 2500 * time.Millisecond

const (
	queuesEvery = time.Minute            // how often members of queues are read again (reliability row C15)
	afterReload = 500 * time.Millisecond // a reload of everything tells of each module: they are one (row A25)
	afterCode   = time.Second            // after a call of a feature code, by which people log in at phones
	deafAfter   = time.Minute            // without a new channel, before it is asked whether there are some (row A17)
)

// resync asks a PBX, after every login, what is going on, and from then on what no event
// tells of. The answers come through OnFrame like everything else; those about channels
// between two markers in the log.
type resync struct {
	road    *road
	every   time.Duration // between two readings of the queues
	silence time.Duration // in which no new channel is told of, before it is minded
	want    chan struct{} // one place: asking twice is asking once
	loaded  chan struct{} // likewise: the PBX read its configuration anew
	dialled chan struct{} // likewise: somebody dialled a feature code
	refused map[string]bool
	told    atomic.Int64 // when the last new channel was told of, or the login; nanoseconds since 1970
	deaf    atomic.Bool  // there were calls that nobody told of, and none that somebody did since
}

func newResync(r *road) *resync {
	return &resync{
		road: r, every: cmp.Or(r.line.cfg.QueuesEvery, queuesEvery), silence: cmp.Or(r.line.cfg.DeafAfter, deafAfter), refused: map[string]bool{},
		want: make(chan struct{}, 1), loaded: make(chan struct{}, 1), dialled: make(chan struct{}, 1),
	}
}

// begin asks for a resync. It never waits.
func (s *resync) begin() {
	s.told.Store(time.Now().UnixNano())
	raise(s.want)
}

func raise(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// heard looks whether a frame is about something that is to be asked for. It never waits.
func (s *resync) heard(raw string, at time.Time) {
	switch {
	case strings.HasPrefix(raw, "Event: Reload"):
		raise(s.loaded)
	case strings.HasPrefix(raw, "Event: Newchannel"):
		s.told.Store(at.UnixNano())
		if s.deaf.Swap(false) {
			s.road.line.log.Info("the PBX tells of its calls")
			s.road.show()
		}
		if strings.Contains(raw, "\nExten: *") {
			raise(s.dialled)
		}
	}
}

func (s *resync) run(ctx context.Context) error {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.want:
			clear(s.refused) // another login may have other rights
			err = s.whole(ctx)
			tick.Reset(s.every)
		case <-s.loaded:
			clear(s.refused) // modules may have come
			if err = pause(ctx, afterReload); err == nil {
				drop(s.loaded)
				s.read(ctx, "QueueStatus", "DeviceStateList")
				s.logins(ctx, true)
			}
		case <-s.dialled:
			if err = pause(ctx, afterCode); err == nil {
				drop(s.dialled)
				s.logins(ctx, false)
			}
		case <-tick.C:
			s.read(ctx, "QueueStatus")
			s.logins(ctx, false)
			s.listen(ctx)
		}
		if err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// drop forgets what was asked for meanwhile.
func drop(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}

// whole looks twice: a channel is gone when it stands in neither list.
func (s *resync) whole(ctx context.Context) error {
	if _, ok := s.look(ctx, true); !ok {
		return nil // the connection is lost: the next login asks again
	}
	if err := pause(ctx, secondLook); err != nil {
		return err
	}
	s.look(ctx, false)
	return nil
}

// read asks for lists, while the session is up.
func (s *resync) read(ctx context.Context, names ...string) {
	for _, name := range names {
		s.ask(ctx, ami.NewAction(name))
	}
}

// logins reads who is logged in at which phone. FreePBX keeps that in Asterisk's database,
// of which no event tells; it is read again where people do move between phones.
func (s *resync) logins(ctx context.Context, again bool) {
	if again || s.road.live.peopleMove() {
		s.ask(ctx, ami.NewAction("DBGetTree", "Family", "DEVICE"))
	}
}

// ask asks for a list that a PBX may refuse, and then not again until the next login: an
// account without the right has none a minute later.
func (s *resync) ask(ctx context.Context, a ami.Action) {
	if s.refused[a.Name] || !s.road.up() {
		return
	}
	_, err := s.road.session.List(ctx, a)
	refusal, ok := errors.AsType[*ami.ReplyError](err)
	switch {
	case err == nil || ctx.Err() != nil:
	case ok:
		s.refused[a.Name] = true
		s.road.line.log.Info("the PBX refuses a list; what it would tell is not known", "list", a.Name, "answer", refusal.Text)
	default:
		s.partial(a, err)
	}
}

// partial tells of a list that has not the length that it says. What came of it counts:
// Asterisk 16 says 1 of every DBGetTree.
func (s *resync) partial(a ami.Action, err error) {
	s.road.line.log.Debug("a list of the PBX did not come whole", "list", a.Name, "err", err)
}

// listen finds out whether the PBX tells of its calls at all. An account without the
// read class call, or with an eventfilter that lets nothing through, logs in, answers and gets every list.
func (s *resync) listen(ctx context.Context) {
	told := time.Unix(0, s.told.Load())
	if time.Since(told) < s.silence || !s.road.up() || !s.busy(ctx) {
		return
	}
	asked := time.Now()
	channels, ok := s.look(ctx, false)
	settled := asked.Add(-s.silence / 12) // its event may wait behind others
	if !ok || !slices.ContainsFunc(channels, func(m ami.Message) bool { return beganBetween(m, asked, told, settled) }) {
		return
	}
	if !s.deaf.Swap(true) {
		s.road.show()
	}
	s.road.session.Deaf(told)
}

// busy reports whether the PBX says that it has calls; also when it does not say.
func (s *resync) busy(ctx context.Context) bool {
	m, err := s.road.session.Do(ctx, ami.NewAction("CoreStatus"))
	return err != nil || m.Get("CoreCurrentCalls") != "0"
}

// beganBetween reports whether a channel that was listed then is the first of a call, and surely began after from and
// before to. Its Duration is in whole seconds.
func beganBetween(m ami.Message, then, from, to time.Time) bool {
	var hours, minutes, seconds int
	if _, err := fmt.Sscanf(m.Get("Duration"), "%d:%d:%d", &hours, &minutes, &seconds); err != nil {
		return false
	}
	latest := then.Add(-time.Duration(hours*3600+minutes*60+seconds) * time.Second)
	kind, _, _ := strings.Cut(m.Get("Channel"), "/")
	return m.Get("Uniqueid") == m.Get("Linkedid") && !slices.Contains(ownChannels, kind) && latest.Before(to) && latest.Add(-time.Second).After(from)
}

// ownChannels are those that Asterisk makes for itself. It tells of none of them; whether it lists them depends on its version.
var ownChannels = []string{"Announcer", "CBAnn", "CBRec", "Recorder", "Snoop", "Surrogate"}

// look writes one picture of the PBX's channels, bridges and queues into the log, the
// first time its phones too; it returns the channels, and whether it is whole. Channels that are missing end
// calls, so without all of them it is none; of the rest each list counts by itself.
func (s *resync) look(ctx context.Context, first bool) ([]ami.Message, bool) {
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
	if err == nil && first {
		s.read(ctx, "DeviceStateList")
		s.logins(ctx, true)
	}
	s.road.put(buffer.ResyncEnd, time.Now(), marker{Complete: err == nil}.encode())
	return channels, err == nil
}

// list asks for a list without which a picture is only poorer.
func (s *resync) list(ctx context.Context, a ami.Action) {
	if _, err := s.road.session.List(ctx, a); err != nil && ctx.Err() == nil {
		s.partial(a, err)
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
	for _, c := range s.road.live.open("") {
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
