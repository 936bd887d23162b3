package hubspottest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Dispositions of the account.
const (
	Connected = "f240bbac-87c9-4f6e-bf70-924b57d47db7"
	Resolved  = "0a1b2c3d-0000-4000-8000-00000000e5ed"
)

// decode reads a body that has no other members than out.
func decode(w http.ResponseWriter, r *http.Request, out any) bool {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return false
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(out); err != nil {
		fail(w, http.StatusBadRequest, "VALIDATION_ERROR", "Invalid input JSON: "+err.Error(), nil)
		return false
	}
	return true
}

type input struct {
	ID         string            `json:"id"`
	IDProperty string            `json:"idProperty"`
	Trace      string            `json:"objectWriteTraceId"`
	Properties map[string]string `json:"properties"`
}

// upsert is POST calls/batch/upsert. Results come in another order than the inputs.
func (s *Server) upsert(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Inputs []input `json:"inputs"`
	}
	if !decode(w, r, &body) {
		return
	}
	seen := map[string]bool{}
	traced := !s.Whole
	for _, in := range body.Inputs {
		switch {
		case in.IDProperty != Key:
			fail(w, http.StatusBadRequest, "VALIDATION_ERROR", "Unable to perform update/upsert by non-unique 0-48 property "+in.IDProperty, nil)
			return
		case in.ID == "" || in.Properties == nil || in.Properties[Key] != "" && in.Properties[Key] != in.ID:
			fail(w, http.StatusBadRequest, "VALIDATION_ERROR", "Some required fields were not set: [id, properties]", nil)
			return
		case seen[in.ID]:
			fail(w, http.StatusBadRequest, "VALIDATION_ERROR", "Duplicate IDs found in batch input: ["+in.ID+"]. IDs must be unique", nil)
			return
		case s.conflict[in.ID] > 0:
			s.conflict[in.ID]--
			fail(w, http.StatusConflict, "CONFLICT", "Call already exists. Existing ID: 1", nil)
			return
		}
		seen[in.ID] = true
		traced = traced && in.Trace != ""
	}
	if len(body.Inputs) == 0 || len(body.Inputs) > 100 {
		fail(w, http.StatusBadRequest, "VALIDATION_ERROR", "The maximum batch size is 100", nil)
		return
	}
	s.apply(w, body.Inputs, traced)
}

func (s *Server) apply(w http.ResponseWriter, inputs []input, traced bool) {
	var good []input
	errors := []map[string]any{}
	for _, in := range inputs {
		wrong := s.check(in)
		if wrong == nil {
			good = append(good, in)
			continue
		}
		text, _ := json.Marshal([]any{wrong}) // maps of texts: it cannot fail
		message := "Property values were not valid: " + string(text)
		if !traced {
			fail(w, http.StatusBadRequest, "VALIDATION_ERROR", message, []map[string]any{
				{"message": wrong["message"], "code": wrong["error"], "context": map[string][]string{"propertyName": {wrong["name"]}}},
			})
			return
		}
		errors = append(errors, map[string]any{
			"status": "error", "category": "VALIDATION_ERROR", "message": message, "context": map[string][]string{"objectWriteTraceId": {in.Trace}},
			"errors": []any{}, "links": map[string]string{},
		})
	}
	results := []map[string]any{}
	for i := len(good) - 1; i >= 0; i-- {
		results = append(results, s.put(good[i]))
	}
	status := http.StatusOK
	answer := map[string]any{"status": "COMPLETE", "results": results, "startedAt": stamp(time.Now()), "completedAt": stamp(time.Now())}
	if len(errors) > 0 {
		status = http.StatusMultiStatus
		answer["numErrors"], answer["errors"] = len(errors), errors
	}
	write(w, status, answer)
}

func (s *Server) put(in input) map[string]any {
	r := s.byKey[in.ID]
	created := r == nil
	if created {
		r = s.create("calls", map[string]string{Key: in.ID})
		s.byKey[in.ID] = r
	}
	for k, v := range in.Properties {
		if v == "" { // how a value is taken away
			delete(r.Properties, k)
		} else {
			r.Properties[k] = v
		}
	}
	r.At = time.Now()
	answer := view(r, nil)
	answer["new"] = created
	return answer
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// view is a record with some of its properties, nil for all.
func view(r *Record, properties []string) map[string]any {
	shown := map[string]any{"hs_object_id": r.ID}
	for _, p := range properties {
		shown[p] = nil
		if v, ok := r.Properties[p]; ok {
			shown[p] = shownAs(p, v)
		}
		if strings.HasSuffix(p, "lastmodifieddate") {
			shown[p] = stamp(r.At)
		}
	}
	if properties == nil {
		for p, v := range r.Properties {
			shown[p] = shownAs(p, v)
		}
	}
	return map[string]any{"id": r.ID, "properties": shown, "createdAt": stamp(r.At), "updatedAt": stamp(r.At), "archived": false}
}

// shownAs is how a value is read: times are taken as milliseconds too, and given as text.
func shownAs(property, v string) string {
	if ms := millis(v); property == "hs_timestamp" && ms != 0 {
		return stamp(time.UnixMilli(ms))
	}
	return v
}

// kinds is what a property of a call may hold.
var kinds = map[string]*regexp.Regexp{
	Key:                   regexp.MustCompile(`^.+$`),
	"hs_timestamp":        regexp.MustCompile(`^(\d{13}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)$`),
	"hs_call_title":       regexp.MustCompile(`(?s)^.*$`),
	"hs_call_body":        regexp.MustCompile(`(?s)^.*$`),
	"hs_call_direction":   regexp.MustCompile(`^(INBOUND|OUTBOUND)$`),
	"hs_call_duration":    regexp.MustCompile(`^\d+$`),
	"hs_call_from_number": regexp.MustCompile(`^.*$`),
	"hs_call_to_number":   regexp.MustCompile(`^.*$`),
	"hs_call_status":      regexp.MustCompile(`^(BUSY|CALLING_CRM_USER|CANCELED|COMPLETED|CONNECTING|FAILED|IN_PROGRESS|MISSED|NO_ANSWER|QUEUED|RINGING)$`),
	"hs_call_disposition": regexp.MustCompile(`^(` + Connected + `|` + Resolved + `)$`),
	"hubspot_owner_id":    regexp.MustCompile(`^\d+$`),
}

// check returns what is wrong with a call, nil when nothing is.
func (s *Server) check(in input) map[string]string {
	wrong := func(name, code, message string) map[string]string {
		return map[string]string{"isValid": "false", "name": name, "error": code, "message": message}
	}
	if s.byKey[in.ID] == nil && in.Properties["hs_timestamp"] == "" {
		return wrong("hs_timestamp", "REQUIRED_FIELD", "hs_timestamp is required")
	}
	for name, v := range in.Properties {
		kind := kinds[name]
		switch {
		case kind == nil:
			return wrong(name, "PROPERTY_DOESNT_EXIST", fmt.Sprintf("Property %q does not exist", name))
		case v == "" && name != Key && name != "hs_timestamp":
		case !kind.MatchString(v) || len(v) > 65_536:
			return wrong(name, "INVALID_OPTION", fmt.Sprintf("%s was not one of the allowed options", v))
		case name == "hubspot_owner_id" && !s.owners[v]:
			return wrong(name, "INVALID_OWNER_ID", "The owner "+v+" does not exist for hubspot_owner_id")
		case strings.Contains(v, s.Bad()):
			return wrong(name, "INVALID_TEXT", v)
		}
	}
	return nil
}

// associate links calls; linking again changes nothing. One unknown end refuses all.
func (s *Server) associate(w http.ResponseWriter, r *http.Request, object string) {
	type end struct {
		ID string `json:"id"`
	}
	var body struct {
		Inputs []struct{ From, To end } `json:"inputs"`
	}
	if !decode(w, r, &body) {
		return
	}
	for _, in := range body.Inputs {
		if s.byID["calls/"+in.From.ID] == nil || s.byID[object+"/"+in.To.ID] == nil {
			fail(w, http.StatusNotFound, "OBJECT_NOT_FOUND", "One or more objects do not exist", nil)
			return
		}
	}
	for _, in := range body.Inputs {
		if s.links[in.From.ID] == nil {
			s.links[in.From.ID] = map[string]bool{}
		}
		s.links[in.From.ID][object+"/"+s.byID[object+"/"+in.To.ID].ID] = true
	}
	write(w, http.StatusOK, map[string]any{"status": "COMPLETE", "results": []any{}, "startedAt": stamp(time.Now()), "completedAt": stamp(time.Now())})
}
