package calls

import (
	"strings"
	"sync"

	"patchcord/crm"
)

// Numbers normalises telephone numbers, each once: that takes 10 to 30 µs, and several
// folds of one PBX meet the same callers. Safe for concurrent use.
type Numbers struct {
	mu    sync.Mutex
	known map[dialled]crm.Number // guarded by mu; "" for what has no E.164 form
}

type dialled struct{ number, region string }

// maxNumbers bounds how many are remembered; beyond it all are forgotten.
const maxNumbers = 4096

// NewNumbers returns one that has met nobody.
func NewNumbers() *Numbers { return &Numbers{known: map[dialled]crm.Number{}} }

// E164 is crm.E164; "" when that gives none.
func (n *Numbers) E164(number, region string) crm.Number {
	key := dialled{number, region}
	n.mu.Lock()
	defer n.mu.Unlock()
	e, ok := n.known[key]
	if !ok {
		e, _ = crm.E164(number, region)
		if len(n.known) >= maxNumbers {
			clear(n.known)
		}
		key.number = strings.Clone(number) // it is a part of a frame, which would stay with it
		n.known[key] = e
	}
	return e
}
