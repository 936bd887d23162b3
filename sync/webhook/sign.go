package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"patchcord/crm"
)

// The headers of Standard Webhooks.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp" // of the attempt, seconds since 1970
	HeaderSignature = "webhook-signature" // "v1,<base64>", several apart by spaces
)

// Tolerance is how far a timestamp may be from the receiver's clock.
const Tolerance = 5 * time.Minute

const secretPrefix = "whsec_"

// ErrSignature: a message does not carry a signature of any of the secrets, or is too old or too new.
var ErrSignature = errors.New("the signature does not hold")

// key returns the bytes of a secret; 24 to 64, as Standard Webhooks wants. The prefix may be missing.
func key(s crm.Secret) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(string(s), secretPrefix))
	if err != nil {
		return nil, errors.New(`want "whsec_" and base64`) // the error of base64 tells where, which helps nobody
	}
	if len(b) < 24 || len(b) > 64 {
		return nil, fmt.Errorf("the secret has %d bytes, want 24 to 64; make one with: echo whsec_$(openssl rand -base64 32)", len(b))
	}
	return b, nil
}

// sign returns one signature: HMAC-SHA256 over id, timestamp and body with full stops between.
func sign(key []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signAll sets the three headers, with a signature of every key.
func signAll(h http.Header, keys [][]byte, id string, at time.Time, body []byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(keys))
	for i, k := range keys {
		signatures[i] = sign(k, id, timestamp, body)
	}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderSignature, strings.Join(signatures, " "))
}

// Verify is for receivers written in Go: it returns nil when the message was signed with one
// of the secrets within Tolerance of now, else an error that wraps ErrSignature. body is the raw body.
func Verify(secrets []crm.Secret, h http.Header, body []byte, now time.Time) error {
	id, timestamp := h.Get(HeaderID), h.Get(HeaderTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || id == "" {
		return fmt.Errorf("%w: %s or %s is missing or malformed", ErrSignature, HeaderID, HeaderTimestamp)
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > Tolerance || age < -Tolerance {
		return fmt.Errorf("%w: the timestamp is %s off", ErrSignature, age.Round(time.Second))
	}
	for _, s := range secrets {
		k, err := key(s)
		if err != nil {
			return fmt.Errorf("secret: %w", err)
		}
		want := []byte(sign(k, id, timestamp, body))
		for got := range strings.FieldsSeq(h.Get(HeaderSignature)) {
			if hmac.Equal([]byte(got), want) { // in constant time
				return nil
			}
		}
	}
	return ErrSignature
}
