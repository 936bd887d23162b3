package salesforce

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"time"

	crmsync "patchcord/sync"
)

// object is what calls are in an organisation, as data. The zero value is one of its own: what is written to it is mapped.
type object struct {
	fields, merged map[string]string
	links          map[string]map[string]string
	createOnly     []string
	limits         map[string]int
	renamed        map[string]string // what a field is called where it is not called so
	defaults       map[string]string
	compared       []string // what a reconciliation looks at
	began          string   // the field that says when a call began
	dated          bool     // and has the date alone
	described      bool     // editions differ in what it has: it is asked
}

var objects = map[string]object{
	"Task": {
		fields: map[string]string{
			"Subject": "{direction} call {number|from_name}", "Status": "Completed", "Priority": "Normal", "TaskSubtype": "Call",
			"CallType": "{direction}", "CallDurationInSeconds": "{talk_seconds}", "CallDisposition": "{disposition|outcome}",
			"CallObject": "{call}", "ActivityDate": "{date}", "Description": "{disposition_note}\n{notes}", "OwnerId": "{owner}",
		},
		merged: map[string]string{
			"Subject": "Part of call {call}", "CallObject": "{call}",
			"Description": "This call became part of another. What it came to stands there: {url|call}",
		},
		links: map[string]map[string]string{
			"Contact": {"WhoId": "{contact}"}, "Lead": {"WhoId": "{contact}"}, "Account": {"WhatId": "{contact}"},
		},
		createOnly: []string{"TaskSubtype"},
		limits:     map[string]int{"Subject": 255, "CallDisposition": 255, "CallObject": 255, "CallType": 40, "Description": 32000},
		compared:   []string{"CallDisposition", "CallDurationInSeconds"},
		began:      "ActivityDate", dated: true,
	},
	// VoiceCall is of Salesforce Voice and of Sales Dialer ("Object Reference", VoiceCall: create and upsert from 62.0 on). Times, type and
	// both numbers are not nillable there, and most fields cannot be changed: not CallDisposition, but Description, where an agent's summary
	// of the call is. RelatedRecordId takes an account, a contact or a lead. What an organisation has of these its description says.
	"VoiceCall": {
		fields: map[string]string{
			"VendorCallKey": "{key}", "CallType": "{direction}", "FromPhoneNumber": "{from}", "ToPhoneNumber": "{to}",
			"CallStartDateTime": "{started_at}", "CallEndDateTime": "{ended_at|answered_at|started_at}",
			"CallDurationInSeconds": "{talk_seconds}", "CallDisposition": "{disposition|outcome}", "OwnerId": "{owner}",
			"Description": "{disposition|outcome}\n{disposition_note}\n{notes}",
		},
		merged: map[string]string{
			"CallDisposition": "part of {call}", "Description": "This call became part of another. What it came to stands there: {url|call}",
		},
		links: map[string]map[string]string{
			"Contact": {"RelatedRecordId": "{contact}"}, "Lead": {"RelatedRecordId": "{contact}"}, "Account": {"RelatedRecordId": "{contact}"},
		},
		createOnly: []string{"VendorCallKey", "CallType", "FromPhoneNumber", "ToPhoneNumber", "CallStartDateTime"},
		limits:     map[string]int{"CallDisposition": 255, "CallType": 40, "FromPhoneNumber": 40, "ToPhoneNumber": 40, "Description": 32000},
		renamed:    map[string]string{"FromPhoneNumber": "RecipientContactInfo", "ToPhoneNumber": "CallerContactInfo"}, // by 62.0, in these words
		defaults:   map[string]string{"FromPhoneNumber": "unknown", "ToPhoneNumber": "unknown"},
		compared:   []string{"CallDurationInSeconds"},
		began:      "CallStartDateTime",
		described:  true,
	},
}

// between returns the condition that a call began in [from, until], as exactly as the field can tell.
func (o object) between(from, until time.Time) string {
	form := "2006-01-02T15:04:05Z"
	if o.dated {
		form = time.DateOnly
	}
	return o.began + " >= " + from.UTC().Format(form) + " AND " + o.began + " <= " + until.UTC().Format(form)
}

// description is what an organisation says of an object's fields.
type description map[string]described

type described struct {
	create, update bool
	length         int // of a text; 0 when it does not say
}

// describe asks for it once (REST API, "sObject Describe"). nil is of an object that is the same everywhere.
func (s *Connector) describe(ctx context.Context) (description, error) {
	if !s.kind.described {
		return nil, nil
	}
	s.mu.Lock()
	has := s.has
	s.mu.Unlock()
	if has != nil {
		return has, nil
	}
	a, err := s.do(ctx, http.MethodGet, "/sobjects/"+s.cfg.Object+"/describe", nil, true)
	if err != nil {
		return nil, err
	}
	var got struct {
		Fields []struct {
			Name       string `json:"name"`
			Createable bool   `json:"createable"`
			Updateable bool   `json:"updateable"`
			Length     int    `json:"length"`
			ExternalID bool   `json:"externalId"`
			IDLookup   bool   `json:"idLookup"`
		} `json:"fields"`
	}
	if err := json.Unmarshal(a.Body, &got); err != nil {
		return nil, &crmsync.PushError{Class: crmsync.Transient, Reason: "the description of " + s.cfg.Object + " cannot be read", Err: err}
	}
	has, keyed := description{}, false
	for _, f := range got.Fields {
		has[f.Name] = described{f.Createable, f.Updateable, f.Length}
		keyed = keyed || f.Name == s.cfg.KeyField && (f.ExternalID || f.IDLookup)
	}
	if !keyed {
		return nil, (&crmsync.PushError{Reason: s.cfg.Object + " has no external id " + s.cfg.KeyField + " that our user may see"}).SetUp("")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.has = has
	return has, nil
}

// trim takes out of a record what is ours by default and the organisation does not have, or lets nobody write. What it
// has by another name is given by that.
func (s *Connector) trim(record map[string]any, a crmsync.Activity, has description) {
	if has == nil {
		return
	}
	for field, v := range maps.Clone(record) {
		_, byDefault := s.kind.fields[field]
		_, links := a.Links[field]
		if !byDefault && !links {
			continue
		}
		f, name := has[field], field
		if other, ok := s.kind.renamed[field]; ok && !f.create && !f.update {
			f, name = has[other], other
		}
		delete(record, field)
		if !f.create && !f.update {
			continue
		}
		if text, ok := v.(string); ok && f.length > 0 {
			v = crmsync.Clip(text, f.length)
		}
		record[name] = v
	}
}
