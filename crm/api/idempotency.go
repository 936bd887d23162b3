package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"patchcord/crm"
)

// Keyed is a header of every route that creates.
type Keyed struct {
	Key string `header:"Idempotency-Key" maxLength:"200" pattern:"^[\\x21-\\x7e]+$" patternDescription:"ASCII without blanks" doc:"The same key with the same request gives the same answer for 24 hours"`
}

// once creates something at most once for a key. It is given an id made of the
// key and the request, so a repetition that comes while the first attempt runs,
// or after it crashed, makes the same thing again; what was answered first is
// answered again. Without a key the id is random.
func once[T any](ctx context.Context, a *API, c caller, key, route string, request any, create func(id string) (T, error)) (T, error) {
	var answer T
	if key == "" {
		return create(newID())
	}
	sum, err := requestSum(route, request)
	if err != nil {
		return answer, err
	}
	prior, err := a.store.Idempotent(ctx, c.Tenant, c.UserID, key, &crm.Answer{Request: sum, Body: []byte{}}, time.Now())
	if err != nil {
		return answer, fmt.Errorf("idempotency key: %w", err)
	}
	if prior != nil && !bytes.Equal(prior.Request, sum) {
		return answer, &crm.InputError{Field: "Idempotency-Key", Msg: "was used for another request; use a new one"}
	}
	id := sha256.Sum256([]byte(c.Tenant + "\x00" + c.UserID + "\x00" + key + "\x00" + string(sum)))
	if answer, err = create(base64.RawURLEncoding.EncodeToString(id[:16])); err != nil {
		return answer, err
	}
	return remember(ctx, a, c, key, sum, answer)
}

// remember stores the answer beside its key, or returns the one that is there.
func remember[T any](ctx context.Context, a *API, c caller, key string, sum []byte, answer T) (T, error) {
	body, err := json.Marshal(answer)
	if err != nil {
		return answer, fmt.Errorf("idempotency key: %w", err)
	}
	prior, err := a.store.Idempotent(ctx, c.Tenant, c.UserID, key+" answer", &crm.Answer{Request: sum, Status: 200, Body: body}, time.Now())
	if err != nil {
		return answer, fmt.Errorf("idempotency key: %w", err)
	}
	if prior == nil {
		return answer, nil
	}
	var first T
	if err := json.Unmarshal(prior.Body, &first); err != nil {
		return answer, fmt.Errorf("idempotency key: %w", err)
	}
	return first, nil
}

func requestSum(route string, request any) ([]byte, error) {
	b, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("idempotency key: %w", err)
	}
	sum := sha256.Sum256(append([]byte(route+"\x00"), b...))
	return sum[:], nil
}

// newID returns 128 random bits in base64url.
func newID() string {
	b := make([]byte, 16)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
