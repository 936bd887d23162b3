package bitrix24

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	crmsync "patchcord/sync"
)

// Connector is a crmsync.Connector, Contacts, Survivors and Audited for one account.
type Connector struct {
	cfg     Config
	unknown crmsync.Ref
	pulls   crmsync.Pace
	tokens  *crmsync.Tokens // of an app; nil with a webhook
	chain   chain
}

// maxBatch is how many commands a batch may have.
const maxBatch = 50

// fault is an error, of a request and of a command of a batch alike.
type fault struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// timing is what an answer says of the time that a method has used up in the last ten minutes.
type timing struct {
	ResetAt int64 `json:"operating_reset_at"` // Unix seconds
}

// verdicts are ours, by code ("REST API limits", "Error codes").
var verdicts = map[string]struct {
	class crmsync.Class
	after time.Duration
}{
	"QUERY_LIMIT_EXCEEDED":     {crmsync.Throttle, 2 * time.Second}, // a leaky bucket: two requests a second
	"OPERATION_TIME_LIMIT":     {crmsync.Throttle, time.Minute},     // the method is blocked for all, see timing
	"OVERLOAD_LIMIT":           {crmsync.Throttle, 15 * time.Minute},
	"NO_AUTH_FOUND":            {crmsync.Auth, 0},
	"INVALID_CREDENTIALS":      {crmsync.Auth, 15 * time.Minute},
	"expired_token":            {crmsync.Auth, 0},
	"invalid_token":            {crmsync.Auth, 0},
	"wrong_client":             {crmsync.Auth, 15 * time.Minute},
	"PORTAL_DELETED":           {crmsync.Auth, time.Hour},
	"insufficient_scope":       {crmsync.Auth, 15 * time.Minute},
	"ACCESS_DENIED":            {crmsync.Auth, 15 * time.Minute}, // the plan has no REST, or the user no right
	"PAYMENT_REQUIRED":         {crmsync.Auth, time.Hour},
	"ERROR_METHOD_NOT_FOUND":   {crmsync.Auth, 15 * time.Minute},
	"INTERNAL_SERVER_ERROR":    {crmsync.Ambiguous, 0},
	"ERROR_UNEXPECTED_ANSWER":  {crmsync.Ambiguous, 0},
	"ERROR_DATABASE_EXCEPTION": {crmsync.Transient, 0},
}

// refusal says what a code means; without one that is known, the status. The description is left out: it may quote the call.
func (f fault) refusal(a crmsync.Answer, reads bool, t timing) *crmsync.PushError {
	if f.Error == "" && a.Status >= 300 {
		return a.Foreign(reads)
	}
	p := a.Refusal(reads, f.Error)
	v, ok := verdicts[f.Error]
	switch {
	case ok:
		p.Class, p.After = v.class, max(p.After, v.after)
	case a.Status < 300: // of a command
		p.Class, p.Reason = crmsync.Permanent, "refused: "+cmp.Or(crmsync.Clip(f.Error, 100), "is the record at which it is to stand there, and may our user see it?")
	}
	if f.Error == "OPERATION_TIME_LIMIT" && t.ResetAt > 0 {
		p.After = min(10*time.Minute, max(time.Second, time.Until(time.Unix(t.ResetAt, 0))))
	}
	return p
}

// answer is what a request or a command came to.
type answer struct {
	result json.RawMessage
	next   int // where the next page of a list begins, 0 at the end
	err    error
}

// batch runs commands, none of which depends on another, and returns what each came to.
func (b *Connector) batch(ctx context.Context, commands []command, reads bool) []answer {
	out := make([]answer, len(commands))
	cmd := map[string]string{}
	for i, c := range commands {
		cmd[fmt.Sprint("c", i)] = c.method + "?" + c.params.Encode()
	}
	a, err := b.post(ctx, map[string]any{"halt": 0, "cmd": cmd}, reads)
	var got struct {
		fault
		Time   timing `json:"time"`
		Result struct {
			Result object[json.RawMessage] `json:"result"`
			Errors object[fault]           `json:"result_error"`
			Next   object[int]             `json:"result_next"`
			Times  object[timing]          `json:"result_time"`
		} `json:"result"`
	}
	if err == nil {
		decoding := json.Unmarshal(a.Body, &got)
		switch {
		case moved(a) != "":
			err = (&crmsync.PushError{Reason: "the portal has moved to " + moved(a)}).SetUp("put that into url")
		case a.Status >= 300 || got.Error != "":
			err = got.refusal(a, reads, got.Time)
		case decoding != nil && reads:
			err = &crmsync.PushError{Class: crmsync.Transient, Reason: "an answer cannot be read; is the address that of a portal?", Err: decoding}
		case decoding != nil:
			err = &crmsync.PushError{Class: crmsync.Ambiguous, Reason: "an answer cannot be read; is the address that of a portal?", Err: decoding}
		}
	}
	for i := range out {
		key := fmt.Sprint("c", i)
		result, done := got.Result.Result[key]
		f, failed := got.Result.Errors[key]
		switch {
		case err != nil:
			out[i].err = err
		case failed:
			out[i].err = f.refusal(a, reads, got.Result.Times[key])
		case !done:
			out[i].err = &crmsync.PushError{Class: crmsync.Ambiguous, Reason: "the batch does not say what became of it"}
		default:
			out[i] = answer{result: result, next: got.Result.Next[key]}
		}
	}
	return out
}

// command is a method with its parameters.
type command struct {
	method string
	params url.Values
}

// object is an object that is a list when it is empty, as PHP writes it.
type object[V any] map[string]V

// UnmarshalJSON implements json.Unmarshaler.
func (o *object[V]) UnmarshalJSON(b []byte) error {
	if bytes.Equal(bytes.TrimSpace(b), []byte("[]")) {
		return nil
	}
	return json.Unmarshal(b, (*map[string]V)(o))
}
