package push

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
)

// fates gathers what a hub tells of pops.
type fates struct {
	mu   sync.Mutex
	list []Delivery // guarded by mu
}

func (f *fates) tell(d Delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, d)
}

// said returns, in order, "user fate sockets latency".
func (f *fates) said() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []string{}
	for _, d := range f.list {
		out = append(out, fmt.Sprintf("%s %s %d %v", d.User, d.Fate, d.Sockets, d.Latency))
	}
	return out
}

func TestDeliveriesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fates
		r := overPipe(t, Config{OnDelivery: f.tell})
		a, again := r.connect(anna, ""), r.connect(anna, "")
		bert := r.connect(bert, "")
		bert.conn.Close()
		synctest.Wait()
		closed := time.Now()
		time.Sleep(5 * time.Second)

		c := ringing("hq:1", "anna", "bert", "")
		e := event(1, crm.OfferCreated, c, "anna")
		e.Heard = time.Now()
		time.Sleep(42 * time.Millisecond)
		r.hub.Publish(e)
		r.hub.Publish(e) // read again
		r.hub.Publish(event(2, crm.OfferCreated, c, "bert"))
		r.hub.Publish(event(3, crm.OfferCreated, c, "")) // nobody's
		a.events(1)
		again.events(1)
		synctest.Wait()
		want := []string{"anna published 2 0s", "bert published 0 0s", "anna written 0 42ms"}
		got := f.said()
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		for _, d := range f.list {
			if d.Tenant != "t" || d.CallID != "hq:1" || d.OfferID != "hq:"+d.User {
				t.Errorf("not of this pop: %+v", d)
			}
			if d.User == "bert" && !d.LastClosed.Equal(closed) {
				t.Errorf("bert's last socket closed at %v, told %v", closed, d.LastClosed)
			}
			if d.User == "anna" && !d.LastClosed.IsZero() {
				t.Errorf("anna is connected, and told to be gone since %v", d.LastClosed)
			}
		}
	})
}

func TestASharedExtensionPopsAtAllItsUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fates
		var mu sync.Mutex
		var acks []string // guarded by mu
		r := overPipe(t, Config{OnDelivery: f.tell, OnAck: func(a Ack) {
			mu.Lock()
			defer mu.Unlock()
			acks = append(acks, a.User+" "+a.CallID+" "+a.OfferID)
		}})
		a, b := r.connect(anna, ""), r.connect(bert, "")
		c := ringing("hq:1", "bert")
		c.Offers[0].Agents = []string{"anna", "bert"}
		r.hub.Publish(event(1, crm.OfferCreated, c, "bert"))
		for _, s := range []*client{a, b, a} {
			s.say(`{"op":"ack","offer":"hq:bert"}`)
		}
		for _, s := range []*client{a, b} {
			if got := s.events(1); got[0] != "offer.created hq:bert" {
				t.Errorf("got %q", got)
			}
		}
		gone := c.Clone()
		gone.Offers[0].Result = crm.ResultRescinded
		r.hub.Publish(event(2, crm.OfferRescinded, gone, "bert"))
		for _, s := range []*client{a, b} {
			if got := s.events(1); got[0] != "offer.rescinded hq:bert" {
				t.Errorf("got %q", got)
			}
		}
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		slices.Sort(acks)
		if want := []string{"anna hq:1 hq:bert", "bert hq:1 hq:bert"}; !slices.Equal(acks, want) {
			t.Errorf("acks: got %q, want %q", acks, want)
		}
		if n := len(f.said()); n != 4 {
			t.Errorf("got %q, want each user's pop published and written", f.said())
		}
	})
}

func TestAPopThatIsCaughtLateIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fates
		r := overPipe(t, Config{OnDelivery: f.tell})
		c := ringing("hq:1", "anna")
		r.live.set("t", c, ringing("hq:2", "bert"))
		r.hub.Publish(event(1, crm.OfferCreated, c, "anna"))
		time.Sleep(3 * time.Second)
		r.connect(anna, "")
		r.connect(anna, "") // the second screen tells nothing new
		r.connect(super, "")
		synctest.Wait()
		want := []string{"anna published 0 0s", "anna caught 0 3s"}
		if got := f.said(); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestAPopThatIsLostWithItsSocketIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fates
		r := overPipe(t, Config{OnDelivery: f.tell, QueueLen: 4})
		r.connect(anna, "") // takes nothing
		for i := range 20 {
			r.hub.Publish(event(uint64(i+1), crm.OfferCreated, ringing(fmt.Sprint("hq:", i), "anna"), "anna"))
		}
		time.Sleep(time.Minute)
		f.mu.Lock()
		defer f.mu.Unlock()
		if !slices.ContainsFunc(f.list, func(d Delivery) bool { return d.Fate == Dropped && d.User == "anna" && d.Why != "" }) {
			t.Errorf("no pop is told to be lost: %+v", f.list)
		}
	})
}
