package crmtest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"patchcord/crm"
)

// History makes the calls of one month of a call centre, for benchmarks of long
// histories. The same number gives the same call.
type History struct {
	Calls int       // how many the month has
	Month time.Time // when it begins; its calls start in the first 28 days
}

// What is in a History.
const (
	HistoryPBX    = "hq"
	HistoryAgents = 200
	HistoryQueues = 20
	CommonWord    = "invoice" // in one note of three
	RareWord      = "zeppelin"
	RareCalls     = 3 // calls of a month whose note has RareWord
)

var (
	firstNames = []string{"Ada", "Alan", "Grace", "Edsger", "Barbara", "Donald", "Frances", "Ken", "Radia", "Tim"}
	lastNames  = []string{"Archer", "Baker", "Carter", "Draper", "Fletcher", "Glover", "Hooper", "Mercer", "Porter", "Turner", "Walker", "Wright"}
	noteWords  = []string{"asked", "about", "delivery", "late", "refund", "contract", "address", "change", "upgrade", "broken", "router", "meter", "appointment", "friendly", "angry", "again", "tomorrow", "monday", "manager", "promised"}
	codes      = []string{"resolved", "callback", "sale", "wrong_number"}
)

// Agent returns the name of the n-th agent, Queue that of the n-th queue.
func (History) Agent(n int) string { return fmt.Sprintf("agent%03d", n) }

// Queue returns the name of the n-th queue.
func (History) Queue(n int) string { return fmt.Sprintf("queue%02d", n) }

// Call returns the n-th call of the month, with what people added to it.
func (h History) Call(n int) *crm.Call {
	r := rand.New(rand.NewPCG(uint64(n), 42))
	start := h.Month.Add(time.Duration(float64(28*24*time.Hour) * float64(n) / float64(h.Calls))).Truncate(time.Millisecond)
	id := fmt.Sprintf("%d.%d", start.Unix(), n)
	c := &crm.Call{
		ID: HistoryPBX + ":" + id, PBX: HistoryPBX, Tenant: tenant, Linkedids: []string{id},
		Boot: crm.At(h.Month), StartedAt: crm.At(start), Complete: true,
	}
	if r.IntN(10) < 7 {
		h.inbound(c, r)
	} else {
		h.outbound(c, r)
	}
	h.annotate(c, r, n)
	return c
}

// inbound lets the call wait in a queue and ring one to three agents.
func (h History) inbound(c *crm.Call, r *rand.Rand) {
	caller := outside(r)
	if r.IntN(3) == 0 {
		caller.Name = firstNames[r.IntN(len(firstNames))] + " " + lastNames[r.IntN(len(lastNames))]
	}
	queue := r.IntN(HistoryQueues)
	c.Direction, c.From, c.To = crm.Inbound, caller, crm.Party{Number: crm.Number(fmt.Sprint(5000 + queue))}
	wait := time.Duration(2+r.IntN(90)) * time.Second
	at, left := c.StartedAt.Time, c.StartedAt.Add(wait)
	visit := crm.QueueVisit{Queue: h.Queue(queue), EnteredAt: crm.At(at), LeftAt: crm.At(left), Position: 1, WaitMS: crm.MillisOf(wait), Result: "connected"}
	rings := 1 + r.IntN(3)
	for i := range rings {
		agent := r.IntN(HistoryAgents)
		o := crm.Offer{
			ID: fmt.Sprintf("%s.%d", c.ID, i), Extension: fmt.Sprint(1000 + agent), Agent: h.Agent(agent), Queue: h.Queue(queue),
			StartedAt: crm.At(at), EndedAt: crm.At(left), RingMS: crm.MillisOf(wait / 2), Result: crm.ResultNoAnswer,
		}
		c.Offers = append(c.Offers, o)
	}
	c.WaitMS, c.TalkMS, c.HoldMS = crm.MillisOf(wait), crm.MillisOf(0), crm.MillisOf(0)
	c.Outcome, c.EndedBy, c.EndedAt, c.Cause = crm.Abandoned, crm.EndedByCaller, crm.At(left), 16
	if r.IntN(8) == 0 {
		visit.Result = "abandoned"
		c.QueueVisits = []crm.QueueVisit{visit}
		return
	}
	c.QueueVisits = []crm.QueueVisit{visit}
	last := &c.Offers[rings-1]
	last.Result, c.RingMS = crm.ResultAccepted, last.RingMS
	h.talk(c, r, left, last.Extension, last.Agent, "queue")
}

// outbound lets an agent call somebody outside.
func (h History) outbound(c *crm.Call, r *rand.Rand) {
	agent, far := r.IntN(HistoryAgents), outside(r)
	ext := fmt.Sprint(1000 + agent)
	c.Direction, c.From, c.To = crm.Outbound, crm.Party{Number: crm.Number(ext)}, far
	ring := time.Duration(3+r.IntN(30)) * time.Second
	end := c.StartedAt.Add(ring)
	c.WaitMS, c.TalkMS, c.HoldMS = crm.MillisOf(0), crm.MillisOf(0), crm.MillisOf(0)
	c.FarEnds = []crm.FarEnd{{Number: far.Number, StartedAt: c.StartedAt, EndedAt: crm.At(end), RingMS: crm.MillisOf(ring), Result: crm.ResultNoAnswer}}
	c.Outcome, c.EndedBy, c.EndedAt, c.Cause = crm.Cancelled, crm.EndedByCaller, crm.At(end), 16
	if r.IntN(200) == 0 {
		c.Outcome, c.EndedBy = crm.Busy, crm.EndedByCallee
	} else if r.IntN(4) > 0 {
		c.FarEnds[0].Result = crm.ResultAccepted
		h.talk(c, r, end, ext, h.Agent(agent), "dial")
	}
}

// talk connects the call at that time with the extension.
func (h History) talk(c *crm.Call, r *rand.Rand, at time.Time, ext, agent, via string) {
	long := time.Duration(r.ExpFloat64() * float64(3*time.Minute)).Truncate(time.Millisecond)
	end := at.Add(long)
	c.Outcome, c.EndedBy, c.AnsweredAt, c.EndedAt, c.TalkMS = crm.Answered, crm.EndedByCaller, crm.At(at), crm.At(end), crm.MillisOf(long)
	c.Talks = []crm.Talk{{Extension: ext, Agent: agent, Via: via, StartedAt: crm.At(at), EndedAt: crm.At(end), HoldMS: crm.MillisOf(0)}}
	if r.IntN(5) == 0 {
		c.Recordings = []crm.Recording{{File: "/var/spool/asterisk/monitor/" + c.Linkedids[0] + ".wav", StartedAt: crm.At(at), EndedAt: crm.At(end)}}
	}
}

// annotate lets agents dispose of half of the calls and write about a fifth of them.
func (h History) annotate(c *crm.Call, r *rand.Rand, n int) {
	if len(c.Talks) > 0 && r.IntN(2) == 0 {
		c.Disposition = &crm.Disposition{Code: codes[min(r.IntN(12), len(codes)-1)], By: c.Talks[0].Agent, At: c.EndedAt}
	}
	rare := h.Calls > RareCalls && n%(h.Calls/RareCalls) == h.Calls/RareCalls/2
	if r.IntN(5) > 0 && !rare {
		return
	}
	text := "Customer"
	for range 3 + r.IntN(8) {
		text += " " + noteWords[r.IntN(len(noteWords))]
	}
	if r.IntN(3) == 0 {
		text += " " + CommonWord
	}
	if rare {
		text += " " + RareWord
	}
	c.Notes = []crm.Note{{ID: fmt.Sprint("n", n), Text: text, By: h.Agent(r.IntN(HistoryAgents)), At: c.EndedAt}}
}

// outside returns a number of London, as its trunk sends it.
func outside(r *rand.Rand) crm.Party {
	n := r.IntN(10_000_000)
	return crm.Party{Number: crm.Number(fmt.Sprintf("020%08d", 70_000_000+n)), E164: crm.Number(fmt.Sprintf("+4420%08d", 70_000_000+n))}
}
