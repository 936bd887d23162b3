package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"patchcord/crm"
)

// Cost of a new hash: the argon2id parameters that OWASP's password storage
// cheat sheet gives for one lane.
const (
	argonTime    = 2
	argonKiB     = 19 * 1024
	argonThreads = 1
	argonKeyLen  = 32
	argonSaltLen = 16
)

// Limits of a stored hash's parameters, so that a damaged row cannot eat the machine.
const (
	maxArgonTime = 16
	maxArgonKiB  = 256 * 1024
)

// Length of a password, in characters.
const (
	minPassword = 12
	maxPassword = 128
)

// maxHashWaiters is how many logins may wait for their turn to hash.
const maxHashWaiters = 256

// HashPassword returns the argon2id hash of password as a PHC string. A password
// that is too short or too long gives a *crm.InputError of field "password".
func HashPassword(password crm.Secret) (string, error) {
	if err := checkLength(password); err != nil {
		return "", err
	}
	salt := make([]byte, argonSaltLen)
	rand.Read(salt) // never fails, crypto/rand since Go 1.24
	return encodeHash(salt, argon2.IDKey([]byte(password), salt, argonTime, argonKiB, argonThreads, argonKeyLen)), nil
}

func checkLength(password crm.Secret) error {
	if n := utf8.RuneCountInString(string(password)); n < minPassword || n > maxPassword {
		return &crm.InputError{Field: "password", Msg: fmt.Sprintf("must have %d to %d characters", minPassword, maxPassword)}
	}
	return nil
}

func encodeHash(salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonKiB, argonTime, argonThreads,
		b64.EncodeToString(salt), b64.EncodeToString(key))
}

// argonHash is a parsed PHC string.
type argonHash struct {
	time, kib uint32
	threads   uint8
	salt, key []byte
}

func parseHash(phc string) (argonHash, error) {
	var h argonHash
	var version int
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return h, errors.New("password hash: want argon2id")
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return h, fmt.Errorf("password hash: unknown version %q", parts[2])
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.kib, &h.time, &h.threads); err != nil {
		return h, fmt.Errorf("password hash: parameters: %w", err)
	}
	if h.time < 1 || h.time > maxArgonTime || h.kib > maxArgonKiB || h.threads < 1 {
		return h, errors.New("password hash: parameters out of range")
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return h, fmt.Errorf("password hash: salt: %w", err)
	}
	if h.key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil {
		return h, fmt.Errorf("password hash: key: %w", err)
	}
	if len(h.key) < 16 {
		return h, errors.New("password hash: key too short")
	}
	return h, nil
}

func (h argonHash) matches(password crm.Secret) bool {
	got := argon2.IDKey([]byte(password), h.salt, h.time, h.kib, h.threads, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(got, h.key) == 1
}

// noUser is what the password of a user who does not exist is compared with: it
// costs what a real comparison costs, and its result is thrown away.
func noUser() argonHash {
	return argonHash{time: argonTime, kib: argonKiB, threads: argonThreads,
		salt: make([]byte, argonSaltLen), key: make([]byte, argonKeyLen)}
}

// hashSlots bounds how many hashes are computed at once: 19 MiB and some 30 ms
// of a core each, which the calls need more. At most maxHashWaiters wait for a
// slot; the next one is told to come back.
type hashSlots struct {
	slots   chan struct{}
	waiting atomic.Int32
}

func newHashSlots() *hashSlots {
	return &hashSlots{slots: make(chan struct{}, max(1, runtime.NumCPU()/2))}
}

func (h *hashSlots) acquire(ctx context.Context) error {
	if h.waiting.Add(1) > maxHashWaiters {
		h.waiting.Add(-1)
		return &ThrottledError{RetryAfter: time.Second}
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *hashSlots) release() { <-h.slots }
