package crm

import (
	"cmp"
	"slices"
)

// near reports whether two tellings may be of one instant; an unknown one may be any.
func near(a, b Time) bool {
	return a.IsZero() || b.IsZero() || a.Sub(b.Time).Abs() <= sameMoment
}

func sameOffer(a, b *Offer) bool {
	return a.ID == b.ID || a.Extension == b.Extension && near(a.StartedAt, b.StartedAt)
}

func (f *filler) offer(p, v *Offer) {
	better(f, &p.Extension, v.Extension)
	f.time(&p.StartedAt, v.StartedAt)
	f.time(&p.EndedAt, v.EndedAt)
	if v.Result != "" {
		better(f, &p.Result, v.Result)
		p.By = v.By
	}
	if p.Queue == "" {
		p.Queue = v.Queue
	}
	if p.Agent == "" {
		p.Agent = v.Agent
	}
}

func sameTalk(a, b *Talk) bool {
	return a.Extension == b.Extension && near(a.StartedAt, b.StartedAt)
}

// talk leaves how it came about as it was heard: the events know more of that.
func (f *filler) talk(p, v *Talk) {
	better(f, &p.With, v.With)
	f.time(&p.StartedAt, v.StartedAt)
	f.time(&p.EndedAt, v.EndedAt)
	if p.Via == "" {
		p.Via = v.Via
	}
	if p.Agent == "" {
		p.Agent = v.Agent
	}
}

func sameFarEnd(a, b *FarEnd) bool {
	return (a.Number == b.Number || a.Number == "" || b.Number == "") && near(a.StartedAt, b.StartedAt)
}

func (f *filler) farEnd(p, v *FarEnd) {
	if p.Number == "" {
		p.Number = v.Number
	}
	if p.For == "" {
		p.For = v.For
	}
	f.time(&p.StartedAt, v.StartedAt)
	f.time(&p.EndedAt, v.EndedAt)
	better(f, &p.Result, v.Result)
}

func sameVisit(a, b *QueueVisit) bool {
	return a.Queue == b.Queue && near(a.EnteredAt, b.EnteredAt) && near(a.LeftAt, b.LeftAt)
}

// visit leaves a result that was heard: Queue() itself told it.
func (f *filler) visit(p, v *QueueVisit) {
	f.time(&p.EnteredAt, v.EnteredAt)
	f.time(&p.LeftAt, v.LeftAt)
	if p.Result == "" {
		p.Result = v.Result
	}
}

func sameTransfer(a, b *Transfer) bool { return a.Kind == b.Kind && near(a.At, b.At) }

func (f *filler) transfer(p, v *Transfer) {
	f.time(&p.At, v.At)
	if p.By == "" {
		p.By = v.By
	}
	if p.To == "" {
		p.To = v.To
	}
	p.Completed = p.Completed || v.Completed
}

func sameParked(a, b *Parked) bool { return near(a.StartedAt, b.StartedAt) }

func (f *filler) parked(p, v *Parked) {
	f.time(&p.StartedAt, v.StartedAt)
	f.time(&p.EndedAt, v.EndedAt)
	better(f, &p.Result, v.Result)
	better(f, &p.RetrievedBy, v.RetrievedBy)
	if p.By == "" {
		p.By = v.By
	}
}

func (f *filler) conference(p, v *Conference) {
	f.time(&p.JoinedAt, v.JoinedAt)
	f.time(&p.LeftAt, v.LeftAt)
	for _, w := range v.With {
		if !slices.Contains(p.With, w) {
			p.With = append(p.With, w)
		}
	}
	slices.Sort(p.With)
}

// total brings a record's lists into order and adds up what was absent and is known now.
func total(c *Call) {
	slices.SortStableFunc(c.Offers, func(a, b Offer) int { return a.StartedAt.Compare(b.StartedAt.Time) })
	slices.SortStableFunc(c.Talks, func(a, b Talk) int { return a.StartedAt.Compare(b.StartedAt.Time) })
	slices.SortStableFunc(c.FarEnds, func(a, b FarEnd) int { return a.StartedAt.Compare(b.StartedAt.Time) })
	slices.SortStableFunc(c.Transfers, func(a, b Transfer) int { return a.At.Compare(b.At.Time) })
	slices.SortStableFunc(c.QueueVisits, compareVisits)
	for i := range c.QueueVisits {
		if v := &c.QueueVisits[i]; v.WaitMS == nil && !v.EnteredAt.IsZero() && !v.LeftAt.IsZero() {
			v.WaitMS = MillisOf(max(0, v.LeftAt.Sub(v.EnteredAt.Time)))
		}
	}
	// A visit of which only a ledger tells makes the sum unknown, whichever came first.
	if sum := totalWait(c.QueueVisits); sum == nil || c.WaitMS == nil && len(c.QueueVisits) > 0 {
		c.WaitMS = sum
	}
	for i := range c.Offers {
		if o := &c.Offers[i]; c.RingMS == nil && o.Result == ResultAccepted {
			c.RingMS = clone(o.RingMS)
			break
		}
	}
}

// compareVisits orders visits by their beginning, else their end; those of which
// neither is known come last, by name.
func compareVisits(a, b QueueVisit) int {
	at := func(v QueueVisit) Time {
		if v.EnteredAt.IsZero() {
			return v.LeftAt
		}
		return v.EnteredAt
	}
	x, y := at(a), at(b)
	switch {
	case x.IsZero() && y.IsZero():
		return cmp.Compare(a.Queue, b.Queue)
	case x.IsZero():
		return 1
	case y.IsZero():
		return -1
	}
	return x.Compare(y.Time)
}

// totalWait adds up the visits; nil when one is unknown.
func totalWait(visits []QueueVisit) *Millis {
	sum := new(Millis)
	for _, v := range visits {
		if v.WaitMS == nil {
			return nil
		}
		*sum += *v.WaitMS
	}
	return sum
}
