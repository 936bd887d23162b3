package hubspot

import (
	"context"
	"net/http"

	crmsync "patchcord/sync"
)

// link joins a call to a contact or company.
type link struct {
	place    int // in the list of Write
	from, to string
}

// linksOf returns what is to be linked, by object.
func linksOf(list []crmsync.Activity, ids map[string]string, errs []error) map[string][]link {
	out := map[string][]link{}
	for i, a := range list {
		if errs[i] == nil && !a.Merged && objects[a.Contact.Object].stamp != "" {
			out[a.Contact.Object] = append(out[a.Contact.Object], link{i, ids[a.Key], a.Contact.ID})
		}
	}
	return out
}

type end struct {
	ID string `json:"id"`
}

// link makes associations of the default type; making one again changes nothing. One to a record that is gone is left out:
// when that spoils the batch, each half is tried by itself.
func (h *Connector) link(ctx context.Context, object string, links []link) []error {
	inputs := make([]map[string]end, len(links))
	for i, l := range links {
		inputs[i] = map[string]end{"from": {l.from}, "to": {l.to}}
	}
	a, err := h.do(ctx, crmsync.Request{
		Method: http.MethodPost, URL: h.places.associations + "calls/" + object + "/batch/associate/default", Body: map[string]any{"inputs": inputs},
	}, nil)
	gone := a.Status == http.StatusBadRequest || a.Status == http.StatusNotFound || a.Status == http.StatusConflict
	switch {
	case err == nil, gone && len(links) == 1:
		return make([]error, len(links))
	case !gone:
		return crmsync.Same(len(links), err)
	}
	half := len(links) / 2
	return append(h.link(ctx, object, links[:half]), h.link(ctx, object, links[half:])...)
}
