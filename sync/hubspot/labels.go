package hubspot

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	crmsync "patchcord/sync"
)

// labels is the account's dispositions, which are GUIDs with a label. They are read when one is needed, and again
// after an hour.
type labels struct {
	mu      sync.Mutex
	byLabel map[string]string // guarded by mu; GUID by label in small letters
	until   time.Time         // guarded by mu; when they are read again
}

const labelsLast = time.Hour

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// disposition returns the GUID of a label; a GUID is itself. "" when the account has none such: the title still says it. known is
// whether its labels could be read at all.
func (h *Connector) disposition(ctx context.Context, label string) (id string, known bool) {
	if guid.MatchString(label) {
		return label, true
	}
	l := &h.labels
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.After(l.until) {
		l.until = now.Add(labelsLast)
		if read, err := h.readLabels(ctx); err == nil { // else what was read before counts for another hour
			l.byLabel = read
		} else {
			l.until = now.Add(time.Minute)
		}
	}
	return l.byLabel[strings.ToLower(label)], l.byLabel != nil
}

func (h *Connector) readLabels(ctx context.Context) (map[string]string, error) {
	var list []struct {
		ID      string `json:"id"`
		Label   string `json:"label"`
		Deleted bool   `json:"deleted"`
	}
	_, err := h.do(ctx, crmsync.Request{Method: http.MethodGet, URL: "/calling/v1/dispositions", Reads: true}, &list)
	out := map[string]string{}
	for _, d := range list {
		if !d.Deleted {
			out[strings.ToLower(d.Label)] = d.ID
		}
	}
	return out, err
}
