package suitecrm

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// Write implements crmsync.Connector, one or two requests for each.
func (s *Connector) Write(ctx context.Context, list []crmsync.Activity) []error {
	return crmsync.Each(ctx, list, s.write)
}

// write creates the Call, and changes it when it is there. A field that links the contact and is not known is left out.
func (s *Connector) write(ctx context.Context, a crmsync.Activity) error {
	attributes := map[string]any{}
	maps.Copy(attributes, a.Links)
	maps.Copy(attributes, a.Fields) // what the administrator maps counts
	text, _ := attributes[description].(string)
	attributes[description] = crmsync.WithKey(text, a.Key)
	length(attributes, a)
	method := http.MethodPost
	if a.ID != "" {
		method = http.MethodPatch
	}
	for range 4 {
		answer, err := s.do(ctx, method, "/module", map[string]any{
			"data": map[string]any{"type": "Calls", "id": crmsync.UUID(a.Key), "attributes": attributes},
		}, new(resource))
		switch field := unknown(answer.detail, a.Links); {
		case err == nil:
			return nil
		case method == http.MethodPost && strings.Contains(answer.detail, exists):
			method = http.MethodPatch
		case method == http.MethodPatch && missing(answer.detail, "Calls"):
			return &crmsync.PushError{Class: crmsync.Permanent, Reason: "the call was deleted in the CRM; restore it there to have it written", Err: err}
		case field != "":
			delete(attributes, field)
		default:
			return err
		}
	}
	return &crmsync.PushError{Class: crmsync.Transient, Reason: "the call was neither created nor changed"}
}

// unknown returns the field of links that the refusal is about, "" for none.
func unknown(detail string, links map[string]any) string {
	for field := range links {
		if strings.HasPrefix(detail, invalid+field+" ") {
			return field
		}
	}
	return ""
}

// length adds how long a call took, in whole minutes, up: from that its end is computed, and one that is sent is passed over
// (modules/Calls/Call.php). Versions to 7.14 compute it when neither number is empty, which to PHP "0" is, and "00" is not: so there are
// two digits.
func length(attributes map[string]any, a crmsync.Activity) {
	if a.Merged || a.Call.EndedAt.IsZero() || a.Call.StartedAt.IsZero() {
		return
	}
	minutes := int((a.Call.EndedAt.Sub(a.Call.StartedAt.Time) + time.Minute - 1) / time.Minute)
	for field, v := range map[string]string{"duration_hours": twoDigits(minutes / 60), "duration_minutes": twoDigits(minutes % 60)} {
		if _, mapped := attributes[field]; !mapped {
			attributes[field] = v
		}
	}
}

func twoDigits(n int) string { return fmt.Sprintf("%02d", n) }
