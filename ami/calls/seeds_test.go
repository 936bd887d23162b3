package calls

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"patchcord/ami"
	"patchcord/ami/amitest"
	"patchcord/crm"
)

// seedCalls is how many calls a seed places, beside and after one another.
const seedCalls = 4

// TestSeeds folds what a simulated PBX does for each of many seeds, and holds every
// record against the PBX's own ledger. PATCHCORD_SEEDS says how many, from
// PATCHCORD_SEED on; `make seeds` runs 20,000.
//
// For each seed the log is delivered as it is, and once more by a fold that is put
// away and restored at random places and gets some inputs twice: the records must be the same.
func TestSeeds(t *testing.T) {
	first, count := setting(t, "PATCHCORD_SEED", 1), setting(t, "PATCHCORD_SEEDS", 300)
	var wg sync.WaitGroup
	seeds := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := range seeds {
				if wrong := trySeed(uint64(seed)); wrong != "" {
					t.Errorf("seed %d: %s\nreplay: PATCHCORD_SEED=%d PATCHCORD_SEEDS=1 go test -run TestSeeds ./ami/calls", seed, wrong, seed)
				}
			}
		})
	}
	for i := range count {
		if t.Failed() {
			break
		}
		seeds <- first + i
	}
	close(seeds)
	wg.Wait()
	t.Logf("%d seeds of %d calls", count, seedCalls)
}

func setting(t *testing.T, name string, usual int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return usual
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s=%q: want a number", name, s)
	}
	return n
}

// trySeed returns what is wrong with the records of a seed, "" when nothing is.
func trySeed(seed uint64) string {
	events, truth := amitest.Generate(seed, seedCalls)
	inputs := make([]Input, len(events))
	for i, e := range events {
		inputs[i] = Input{Pos: crm.Position{Epoch: 1, Seq: uint64(i + 1)}, At: e.At, Msg: ami.NewMessage(e.Raw)}
	}
	cfg := Config{PBX: "pbx"}
	records, err := straight(cfg, inputs)
	if err != nil {
		return err.Error()
	}
	if len(records) != len(truth) {
		return fmt.Sprintf("%d records of %d calls", len(records), len(truth))
	}
	for _, call := range truth {
		c := records[call.ID]
		if c == nil {
			return "no record of " + call.ID
		}
		if field := unlike(call, c); field != "" {
			return fmt.Sprintf("%s (%s): %s", call.ID, call.Scenario, field)
		}
	}
	again, err := interrupted(cfg, inputs, rand.New(rand.NewPCG(seed, 9)))
	if err != nil {
		return err.Error()
	}
	for id, c := range records {
		if a, b := mustMarshal(c), mustMarshal(again[id]); !bytes.Equal(a, b) {
			return fmt.Sprintf("%s restored and fed twice:\n%s\nfed once:\n%s", id, b, a)
		}
	}
	return ""
}

func straight(cfg Config, inputs []Input) (map[string]*crm.Call, error) {
	t, err := New(cfg)
	if err != nil {
		return nil, err
	}
	for _, in := range inputs {
		t.Apply(in)
	}
	return byID(nil, t.Drain()), nil
}

func byID(records map[string]*crm.Call, ch Changes) map[string]*crm.Call {
	if records == nil {
		records = map[string]*crm.Call{}
	}
	for _, c := range ch.Calls {
		records[c.ID] = c
	}
	return records
}

// interrupted folds with restarts from the state that was kept, and repeats.
func interrupted(cfg Config, inputs []Input, random *rand.Rand) (map[string]*crm.Call, error) {
	t, err := New(cfg)
	if err != nil {
		return nil, err
	}
	records, state := map[string]*crm.Call{}, map[string][]byte{}
	for i, in := range inputs {
		t.Apply(in)
		if random.IntN(50) == 0 {
			t.Apply(in)
			t.Apply(inputs[max(0, i-random.IntN(20))])
		}
		if random.IntN(100) > 0 {
			continue
		}
		ch := t.Drain()
		byID(records, ch)
		for k, v := range ch.State {
			if v == nil {
				delete(state, k)
				continue
			}
			state[k] = v
		}
		if t, err = Restore(cfg, state); err != nil {
			return nil, err
		}
	}
	return byID(records, t.Drain()), nil
}

func mustMarshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only a record whose type cannot be written
	}
	return b
}

// unlike returns the first field in which a record is not what really happened.
func unlike(truth amitest.Call, c *crm.Call) string {
	checks := []struct {
		field     string
		want, got any
	}{
		{"linkedids", truth.Linkedids, c.Linkedids},
		{"direction", truth.Direction, string(c.Direction)},
		{"from", truth.From.Number + "|" + truth.From.Name, string(c.From.Number) + "|" + c.From.Name},
		{"to", truth.To.Number, string(c.To.Number)},
		{"outcome", truth.Outcome, string(c.Outcome)},
		{"ended_by", truth.EndedBy, string(c.EndedBy)},
		{"started_at", rounded(truth.StartedAt), rounded(amitest.Time(c.StartedAt))},
		{"answered_at", rounded(truth.AnsweredAt), rounded(amitest.Time(c.AnsweredAt))},
		{"ended_at", rounded(truth.EndedAt), rounded(amitest.Time(c.EndedAt))},
		{"wait_ms", near(truth.WaitMS), near(int64(c.WaitMS.Duration() / time.Millisecond))},
		{"talk_ms", near(truth.TalkMS), near(int64(c.TalkMS.Duration() / time.Millisecond))},
		{"hold_ms", near(truth.HoldMS), near(int64(c.HoldMS.Duration() / time.Millisecond))},
		{"offers", offersOf(truth), offersIn(c)},
		{"talks", talksOf(truth), talksIn(c)},
		{"queue_visits", visitsOf(truth), visitsIn(c)},
	}
	for _, k := range checks {
		if fmt.Sprint(k.want) != fmt.Sprint(k.got) && !within(k.want, k.got) {
			return fmt.Sprintf("%s is %v, really %v", k.field, k.got, k.want)
		}
	}
	return ""
}

// near is a duration or an instant in milliseconds that may be off a little: events
// of one moment leave a PBX some milliseconds apart.
type near int64

func rounded(t amitest.Time) near {
	if t.IsZero() {
		return 0
	}
	return near(t.UnixMilli())
}

func within(a, b any) bool {
	x, ok := a.(near)
	y, ok2 := b.(near)
	return ok && ok2 && max(x-y, y-x) <= 30
}

func offersOf(c amitest.Call) []string {
	var list []string
	for _, o := range c.Offers {
		list = append(list, fmt.Sprint(o.ID, " ", o.Extension, " ", o.Queue, " ", o.Result, " ", o.By))
	}
	slices.Sort(list)
	return list
}

func offersIn(c *crm.Call) []string {
	var list []string
	for _, o := range c.Offers {
		list = append(list, fmt.Sprint(o.ID, " ", o.Extension, " ", o.Queue, " ", o.Result, " ", o.By))
	}
	slices.Sort(list)
	return list
}

func talksOf(c amitest.Call) (list []string) {
	for _, k := range c.Talks {
		list = append(list, k.Extension+" with "+k.With+" via "+k.Via)
	}
	return list
}

func talksIn(c *crm.Call) (list []string) {
	for _, k := range c.Talks {
		list = append(list, k.Extension+" with "+k.With+" via "+k.Via)
	}
	return list
}

func visitsOf(c amitest.Call) (list []string) {
	for _, v := range c.QueueVisits {
		list = append(list, fmt.Sprint(v.Queue, " at ", v.Position, " ", v.Result))
	}
	return list
}

func visitsIn(c *crm.Call) (list []string) {
	for _, v := range c.QueueVisits {
		list = append(list, fmt.Sprint(v.Queue, " at ", v.Position, " ", v.Result))
	}
	return list
}
