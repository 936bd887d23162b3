package salesforcetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// written is the objects that calls become, and their fields that can be written.
var written = map[string]map[string]field{
	"Task": {
		external: {kind: 64}, "Subject": {kind: 255}, "Status": {kind: 40}, "Priority": {kind: 40}, "TaskSubtype": {kind: 40, fixed: true}, "CallType": {kind: 40},
		"CallDurationInSeconds": {kind: "int"}, "CallDisposition": {kind: 255}, "CallObject": {kind: 255}, "ActivityDate": {kind: "date"},
		"Description": {kind: 32000}, "WhoId": {kind: "id"}, "WhatId": {kind: "id"}, "OwnerId": {kind: "id"},
	},
	"VoiceCall": {
		external: {kind: 64}, "VendorCallKey": {kind: 255, fixed: true}, "CallType": {kind: 40, fixed: true, must: true},
		"FromPhoneNumber": {kind: 40, fixed: true, must: true}, "ToPhoneNumber": {kind: 40, fixed: true, must: true},
		"CallStartDateTime": {kind: "time", fixed: true, must: true}, "CallEndDateTime": {kind: "time", fixed: true, must: true},
		"CallDurationInSeconds": {kind: "int", fixed: true}, "CallDisposition": {kind: 255, fixed: true}, "Description": {kind: 4000}, "OwnerId": {kind: "id"},
		"RelatedRecordId": {kind: "id"},
	},
}

// shape is the fields of an object that can be written, by the names of the version.
func (s *Server) shape(object string) map[string]field {
	if object != "VoiceCall" || !s.Renamed {
		return written[object]
	}
	fields := maps.Clone(written[object])
	for old, name := range map[string]string{"FromPhoneNumber": "RecipientContactInfo", "ToPhoneNumber": "CallerContactInfo"} {
		fields[name] = fields[old]
		delete(fields, old)
	}
	return fields
}

// field is what a field takes: a length for text, "int", "date", "time" or "id".
type field struct {
	kind  any
	fixed bool // it cannot be changed
	must  bool // it must be given
}

// writable reports whether the organisation has the object.
func (s *Server) writable(object string) bool {
	return written[object] != nil && (object != "VoiceCall" || s.Voice)
}

// describe is "sObject Describe", of what can be written.
func (s *Server) describe(object string) Row {
	fields := []Row{{"name": "Id"}, {"name": "SystemModstamp"}}
	for name, f := range s.shape(object) {
		length, _ := f.kind.(int)
		fields = append(fields, Row{"name": name, "length": length, "createable": true, "updateable": !f.fixed, "externalId": name == external, "nillable": !f.must})
	}
	return Row{"name": object, "fields": fields}
}

type recordError struct {
	StatusCode string   `json:"statusCode"`
	Message    string   `json:"message"`
	Fields     []string `json:"fields"`
}

type result struct {
	ID      string        `json:"id,omitempty"`
	Success bool          `json:"success"`
	Errors  []recordError `json:"errors"`
	Created *bool         `json:"created,omitempty"`
}

// collection is "sObject Collections upsert": up to 200 records of one type, answered in order.
func (s *Server) collection(w http.ResponseWriter, r *http.Request, object, key string) {
	var in struct {
		AllOrNone *bool `json:"allOrNone"`
		Records   []Row `json:"records"`
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		refuse(w, http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "Content type not supported")
		return
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "JSON_PARSER_ERROR", err.Error())
		return
	}
	if len(in.Records) > 200 {
		refuse(w, http.StatusBadRequest, "INVALID_INPUT", "record list size must be at most 200")
		return
	}
	if !s.writable(object) || key != external {
		refuse(w, http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: "+key)
		return
	}
	s.writes++
	keys := map[any]int{}
	for _, rec := range in.Records {
		keys[rec[key]]++
	}
	results := []result{}
	for _, rec := range in.Records {
		attributes, _ := rec["attributes"].(map[string]any)
		if attributes["type"] != object {
			refuse(w, http.StatusBadRequest, "INVALID_INPUT", "attributes.type is missing or another")
			return
		}
		delete(rec, "attributes")
		if keys[rec[key]] > 1 {
			results = append(results, failed("DUPLICATE_VALUE", "Duplicate external id specified", key))
			continue
		}
		results = append(results, s.put(object, rec))
	}
	answer(w, http.StatusOK, results)
}

func (s *Server) upsertOne(w http.ResponseWriter, r *http.Request, object, key, value string) {
	rec := Row{}
	if err := json.NewDecoder(r.Body).Decode(&rec); err != nil || !s.writable(object) || key != external {
		refuse(w, http.StatusBadRequest, "JSON_PARSER_ERROR", "cannot be read")
		return
	}
	s.writes++
	rec[key] = value
	res := s.put(object, rec)
	switch {
	case !res.Success:
		refuse(w, http.StatusBadRequest, res.Errors[0].StatusCode, res.Errors[0].Message)
	case *res.Created:
		answer(w, http.StatusCreated, res)
	default:
		answer(w, http.StatusOK, res)
	}
}

func failed(code, message string, fields ...string) result {
	return result{Errors: []recordError{{code, message, fields}}}
}

// put creates or updates a row by its external id.
func (s *Server) put(object string, rec Row) result {
	key, _ := rec[external].(string)
	if key == "" {
		return failed("MISSING_ARGUMENT", external+" not specified", external)
	}
	if s.locked[key] > 0 {
		s.locked[key]--
		return failed("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records: 003000000000001")
	}
	old := s.find(object, external, key)
	for field, v := range rec {
		if bad := s.check(object, field, v, old != nil); bad != nil {
			return result{Errors: []recordError{*bad}}
		}
	}
	for name, f := range s.shape(object) {
		if f.must && old == nil && rec[name] == nil {
			return failed("REQUIRED_FIELD_MISSING", "Required fields are missing: ["+name+"]", name)
		}
	}
	if who, _ := rec["WhoId"].(string); strings.HasPrefix(who, "00Q") && rec["WhatId"] != nil {
		return failed("FIELD_INTEGRITY_EXCEPTION", "a lead has no WhatId", "WhatId")
	}
	created := old == nil
	if created {
		s.insert(object, rec)
		return result{ID: rec["Id"].(string), Success: true, Errors: []recordError{}, Created: &created}
	}
	for field, v := range rec {
		old[field] = v
	}
	old["SystemModstamp"] = s.tick()
	return result{ID: old["Id"].(string), Success: true, Errors: []recordError{}, Created: &created}
}

func (s *Server) check(object, field string, v any, update bool) *recordError {
	f, known := s.shape(object)[field]
	kind := f.kind
	str, isText := v.(string)
	switch {
	case !known:
		return &recordError{"INVALID_FIELD", "No such column '" + field + "' on sobject of type " + object, []string{field}}
	case f.fixed && update:
		return &recordError{"INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: " + field, []string{field}}
	case strings.Contains(str, s.Bad()):
		return &recordError{"FIELD_CUSTOM_VALIDATION_EXCEPTION", "it says " + str, []string{field}}
	case kind == "int":
		if n, ok := v.(float64); !ok || n != float64(int(n)) {
			return &recordError{"JSON_PARSER_ERROR", fmt.Sprintf("Cannot deserialize instance of int from %v", v), []string{field}}
		}
	case !isText:
		return &recordError{"JSON_PARSER_ERROR", "Cannot deserialize instance of string", []string{field}}
	case kind == "id":
		return s.checkID(field, str)
	case kind == "time":
		if _, err := time.Parse(time.RFC3339, str); err != nil {
			return &recordError{"JSON_PARSER_ERROR", "Cannot deserialize instance of datetime from " + str, []string{field}}
		}
	case kind == "date":
		if len(str) != 10 {
			return &recordError{"JSON_PARSER_ERROR", "Cannot deserialize instance of date from " + str, []string{field}}
		}
	case utf8.RuneCountInString(str) > kind.(int):
		return &recordError{"STRING_TOO_LONG", field + ": data value too large", []string{field}}
	}
	return nil
}

func (s *Server) checkID(field, id string) *recordError {
	for object, prefix := range prefixes {
		if !strings.HasPrefix(id, prefix) {
			continue
		}
		for _, r := range s.tables[object] {
			if r["Id"] == id && r["IsDeleted"] == true {
				return &recordError{"ENTITY_IS_DELETED", "entity is deleted", []string{}}
			}
			if r["Id"] == id {
				return nil
			}
		}
	}
	return &recordError{"INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []string{field}}
}
