package intake

import (
	"path/filepath"
	"testing"
	"time"

	"patchcord/buffer"
	"patchcord/buffer/embedded"
	"patchcord/crm"
)

// TestAStoreThatIsOlderThanItsLogIsHeardAtOnce: the store was put back from a copy, since when the daemon has
// started many times.
func TestAStoreThatIsOlderThanItsLogIsHeardAtOnce(t *testing.T) {
	t.Parallel()
	log, err := embedded.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	at := time.Now().Add(-time.Hour)
	opened := buffer.Entry{Pos: crm.Position{Epoch: 200}, At: at, Kind: buffer.SessionOpen, Data: marker{Node: "a"}.encode()}
	if _, err := log.Append(t.Context(), "hq", []buffer.Entry{opened}); err != nil {
		t.Fatal(err)
	}
	newRigOn(t, nil, log).loggedIn(t)
	if top, err := log.Top(t.Context(), "hq"); err != nil || top.Epoch != 201 {
		t.Errorf("the log is at %s, %v; want epoch 201", top, err)
	}
}
