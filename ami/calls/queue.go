package calls

import (
	"slices"
	"strconv"
	"time"

	"patchcord/crm"
)

// openVisit returns the queue visit that the channel is in, or nil.
func openVisit(ch *channel) *visit {
	if v := lastVisit(ch, ""); v != nil && !v.Leave.set() {
		return v
	}
	return nil
}

// lastVisit returns the channel's last visit of a queue, of any queue for "".
func lastVisit(ch *channel, queue string) *visit {
	if ch == nil {
		return nil
	}
	for i := len(ch.call.Visits) - 1; i >= 0; i-- {
		if v := ch.call.Visits[i]; v.Chan == ch.at && (queue == "" || v.Queue == queue) {
			return v
		}
	}
	return nil
}

func (t *Tracker) queueJoin(ch *channel) {
	f := &t.f
	if ch == nil || f.queue == "" {
		return
	}
	t.position(ch, f.exten)
	ch.Served = t.mark()
	if v := openVisit(ch); v != nil {
		if v.Queue == f.queue {
			v.overtaken(t)
			return
		}
		v.Leave = t.mark() // the leave was not seen
		t.waitsNoMore(v)
	}
	v := &visit{Chan: ch.at, Queue: f.queue, Enter: t.mark()}
	v.Position, _ = strconv.Atoi(f.position)
	ch.call.Visits = append(ch.call.Visits, v)
	t.waits(v)
	t.touch(ch.call)
}

func (t *Tracker) queueLeave(ch *channel) {
	v := lastVisit(ch, t.f.queue)
	if v == nil || v.Leave.set() && !v.Unlisted {
		return
	}
	v.Leave, v.Unlisted = t.mark(), false
	t.waitsNoMore(v)
	t.touch(ch.call)
}

// queueAbandon notes that a caller left unserved, which is not yet that he hung up.
func (t *Tracker) queueAbandon(ch *channel) {
	if v := lastVisit(ch, t.f.queue); v != nil && !v.Leave.set() {
		v.Unserved = true
		t.touch(ch.call)
	}
}

// agentCalled names the queue of a dial that is about to begin.
func (t *Tracker) agentCalled(src *channel) {
	dst := t.chans[t.f.destUniqueid]
	if dst == nil || src == nil || src.call != dst.call {
		return
	}
	d := t.dialOf(src, dst)
	d.Queue, d.Shown = t.f.queue, callerName(t.f.destChannel, t.f.destLineName)
	d.Member = unescape(t.f.member)
	t.keep(dst.call)
}

func (t *Tracker) agentConnect(ch *channel) {
	t.ringTaken(ch, t.chans[t.f.destUniqueid])
	if v := lastVisit(ch, t.f.queue); v != nil && !v.Connected {
		v.Connected = true
		t.touch(ch.call)
	}
}

// queueStatus takes QUEUESTATUS, which Queue() sets when it is left; of the reasons
// not to let a caller in there is no event.
func (t *Tracker) queueStatus(ch *channel, status string) {
	if status == "" {
		return
	}
	switch status {
	case "JOINEMPTY", "JOINUNAVAIL", "FULL":
		m := t.mark()
		v := &visit{Chan: ch.at, Queue: ch.queueApp(), Enter: m, Leave: m, Status: status}
		ch.call.Visits = append(ch.call.Visits, v)
	default:
		v := lastVisit(ch, "")
		if v == nil || v.Status != "" {
			return
		}
		v.Status = status
	}
	t.touch(ch.call)
}

// visitResult says how a visit ended, "" when that is not known.
func (c *call) visitResult(v *visit) string {
	ch := c.Chans[v.Chan]
	switch {
	case v.Connected:
		return "connected"
	case v.Status == "TIMEOUT":
		return "timeout"
	case v.Status == "JOINEMPTY", v.Status == "LEAVEEMPTY", v.Status == "JOINUNAVAIL", v.Status == "LEAVEUNAVAIL":
		return "empty"
	case v.Status == "FULL":
		return "full"
	case !v.Leave.set():
		return ""
	case v.Leave.Seq == c.Cut.Seq:
		return "" // the PBX was gone, not he
	case v.Unserved && ch.leftFrom(v):
		return "abandoned"
	case c.answeredIn(v):
		return ""
	case v.Unserved && ch.Vars && ch.movedOn(v):
		return "transferred" // somebody took him out: Queue() itself would have said why
	case !v.Unserved && ch.movedOn(v):
		return "key"
	}
	return ""
}

// atOnce is how soon the hang-up of a waiting caller follows his leaving the queue, where
// that is told first (an AMI Hangup); an announcement that he is sent on to takes longer.
const atOnce = 300 * time.Millisecond

// leftFrom reports whether the caller hung up while he was waiting.
func (ch *channel) leftFrom(v *visit) bool {
	if ch.Asked.set() {
		return ch.Asked.Seq <= v.Leave.Seq
	}
	return ch.Gone.set() && v.Leave.within(ch.Gone, atOnce) && (ch.Softly.set() || ch.Gone.Seq == v.Leave.Seq)
}

// movedOn reports whether anything happened to the channel after it left the queue.
func (ch *channel) movedOn(v *visit) bool {
	for _, m := range []mark{ch.Served, ch.Asked, ch.Softly, ch.Gone} {
		if m.Seq > v.Leave.Seq {
			return true
		}
	}
	for _, s := range ch.Stays {
		if s.From.Seq > v.Leave.Seq {
			return true
		}
	}
	return false
}

// answeredIn reports whether somebody had answered for the queue, and was still there, when
// the caller left it.
func (c *call) answeredIn(v *visit) bool {
	return slices.ContainsFunc(c.Dials, func(d *dial) bool {
		return d.Src == v.Chan && d.Queue == v.Queue && d.answered() && d.End.Seq <= v.Leave.Seq && !c.Chans[d.Dst].Gone.before(v.Leave)
	})
}

// waits puts a caller among those who wait in the queue, and tells it.
func (t *Tracker) waits(v *visit) {
	t.queues[v.Queue] = append(t.queues[v.Queue], v)
	t.queueState(v.Queue)
}

// waitsNoMore takes him out.
func (t *Tracker) waitsNoMore(v *visit) {
	list := slices.DeleteFunc(t.queues[v.Queue], func(o *visit) bool { return o == v })
	if len(list) == 0 {
		delete(t.queues, v.Queue)
	} else {
		t.queues[v.Queue] = list
	}
	t.queueState(v.Queue)
}

func (t *Tracker) queueState(queue string) {
	s := &crm.QueueState{PBX: t.cfg.PBX, Queue: queue, Waiting: len(t.queues[queue])}
	if s.Waiting > 0 {
		s.Oldest = t.queues[queue][0].Enter.time()
	}
	t.out = append(t.out, crm.Event{Type: crm.QueueStateEvent, Queue: s})
}
