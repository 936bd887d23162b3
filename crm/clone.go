package crm

import (
	"maps"
	"slices"
)

// Clone returns a copy of c that shares nothing that can be changed.
func (c *Call) Clone() *Call {
	d := *c
	d.Linkedids = slices.Clone(c.Linkedids)
	d.WaitMS, d.RingMS, d.TalkMS, d.HoldMS = clone(c.WaitMS), clone(c.RingMS), clone(c.TalkMS), clone(c.HoldMS)
	d.QueueVisits = slices.Clone(c.QueueVisits)
	for i := range d.QueueVisits {
		d.QueueVisits[i].WaitMS = clone(d.QueueVisits[i].WaitMS)
	}
	d.Offers = slices.Clone(c.Offers)
	for i := range d.Offers {
		d.Offers[i].RingMS = clone(d.Offers[i].RingMS)
		d.Offers[i].Agents = slices.Clone(d.Offers[i].Agents)
	}
	d.Talks = slices.Clone(c.Talks)
	for i := range d.Talks {
		d.Talks[i].Agents = slices.Clone(d.Talks[i].Agents)
		d.Talks[i].HoldMS, d.Talks[i].ConsultMS = clone(d.Talks[i].HoldMS), clone(d.Talks[i].ConsultMS)
	}
	d.FarEnds = slices.Clone(c.FarEnds)
	for i := range d.FarEnds {
		d.FarEnds[i].RingMS = clone(d.FarEnds[i].RingMS)
	}
	d.Transfers = slices.Clone(c.Transfers)
	d.Parked = slices.Clone(c.Parked)
	d.Conferences = slices.Clone(c.Conferences)
	for i := range d.Conferences {
		d.Conferences[i].With = slices.Clone(d.Conferences[i].With)
	}
	d.Recordings = slices.Clone(c.Recordings)
	d.Attributes = maps.Clone(c.Attributes)
	d.Gaps = slices.Clone(c.Gaps)
	d.Notes = slices.Clone(c.Notes)
	d.Disposition, d.Contact = clone(c.Disposition), clone(c.Contact)
	return &d
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
