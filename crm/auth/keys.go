package auth

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"patchcord/crm"
)

const (
	// keyLead is how old a key is before it signs, so that every node has read it.
	keyLead = 5 * time.Second
	// keyLife is how long a key signs before the next one is made.
	keyLife = 90 * 24 * time.Hour
	// keyOverlap is how long a key verifies after its successor signs.
	keyOverlap = accessTTL + 5*time.Minute
	// unknownKeyFresh is how old the keys may be for a token of a key not among them.
	unknownKeyFresh = 250 * time.Millisecond
	// revokedSetting lists the ids of revoked keys, separated by spaces.
	revokedSetting = "auth/revoked-keys"
)

var kidPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// keyring is the signing keys as the store had them at most freshFor ago.
// It is safe for concurrent use.
type keyring struct {
	store   crm.SessionStore
	sealKey []byte
	log     *slog.Logger
	flight  singleflight.Group

	mu     sync.Mutex
	set    *keySet   // guarded by mu; nil before the first load
	loaded time.Time // guarded by mu
}

// keySet is never changed once made.
type keySet struct {
	byHeader map[string]*key // by the exact first segment of a token it signed
	live     []*key          // newest first
}

type key struct {
	id      string
	public  ed25519.PublicKey
	private ed25519.PrivateKey // nil when sealed with another deployment key
	created time.Time
	header  string
}

// current returns the keys, read again when they are older than freshFor.
// When that fails, the keys read before serve on.
func (r *keyring) current(ctx context.Context) (*keySet, error) { return r.within(ctx, freshFor) }

// verifiers returns the keys for a token. One of an unknown key may come from a
// node that has just made its first key, so the keys are read again sooner then.
func (r *keyring) verifiers(ctx context.Context, token string) (*keySet, error) {
	set, err := r.current(ctx)
	if err != nil || set.of(token) != nil || len(token) > maxToken {
		return set, err
	}
	return r.within(ctx, unknownKeyFresh)
}

func (r *keyring) within(ctx context.Context, age time.Duration) (*keySet, error) {
	r.mu.Lock()
	set, fresh := r.set, time.Since(r.loaded) < age
	r.mu.Unlock()
	if set != nil && fresh {
		return set, nil
	}
	v, err, _ := r.flight.Do("keys", func() (any, error) { return r.load(context.WithoutCancel(ctx)) })
	if err != nil {
		if set != nil {
			return set, nil
		}
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	return v.(*keySet), nil
}

func (r *keyring) load(ctx context.Context) (*keySet, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	stored, err := r.store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	revoked, err := r.revoked(ctx)
	if err != nil {
		return nil, err
	}
	set := r.build(stored, revoked, time.Now())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set, r.loaded = set, time.Now()
	return set, nil
}

func (r *keyring) build(stored []crm.SigningKey, revoked []string, now time.Time) *keySet {
	set := &keySet{byHeader: make(map[string]*key)}
	var successor time.Time
	for _, s := range stored {
		retired := !successor.IsZero() && now.After(successor.Add(keyLead+keyOverlap))
		successor = s.CreatedAt.Time
		if retired || slices.Contains(revoked, s.ID) || !kidPattern.MatchString(s.ID) || len(s.Public) != ed25519.PublicKeySize {
			continue
		}
		k := &key{id: s.ID, public: s.Public, created: s.CreatedAt.Time, header: tokenHeader(s.ID)}
		if seed, err := open(r.sealKey, s.ID, s.Sealed); err == nil && len(seed) == ed25519.SeedSize {
			k.private = ed25519.NewKeyFromSeed(seed)
		}
		set.live = append(set.live, k)
		set.byHeader[k.header] = k
	}
	return set
}

func (r *keyring) revoked(ctx context.Context) ([]string, error) {
	b, err := r.store.Setting(ctx, revokedSetting)
	if errors.Is(err, crm.ErrNotFound) {
		return nil, nil
	}
	return strings.Fields(string(b)), err
}

// signer returns the key that signs now, and makes one when there is none or the
// newest is too old.
func (r *keyring) signer(ctx context.Context) (*key, error) {
	set, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if k := set.signer(now); k != nil && now.Sub(k.created) < keyLife {
		return k, nil
	}
	set, err = r.rotate(ctx)
	if err != nil {
		return nil, err
	}
	if k := set.signer(now); k != nil {
		return k, nil
	}
	return nil, errors.New("no signing key")
}

// signer returns the newest key that every node knows by now, else the newest one.
func (s *keySet) signer(now time.Time) *key {
	var young *key
	for _, k := range s.live {
		if k.private == nil {
			continue
		}
		if now.Sub(k.created) >= keyLead {
			return k
		}
		if young == nil {
			young = k
		}
	}
	return young
}

// rotate adds a key to the store and reads them all again.
func (r *keyring) rotate(ctx context.Context) (*keySet, error) {
	v, err, _ := r.flight.Do("rotate", func() (any, error) {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			return nil, err
		}
		id := randomID(12)
		sealed, err := seal(r.sealKey, id, private.Seed())
		if err != nil {
			return nil, err
		}
		ctx := context.WithoutCancel(ctx)
		err = r.store.AddSigningKey(ctx, crm.SigningKey{ID: id, Public: public, Sealed: sealed, CreatedAt: crm.At(time.Now())})
		if err != nil {
			return nil, err
		}
		r.log.Info("made a signing key", "kid", id)
		return r.load(ctx)
	})
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	return v.(*keySet), nil
}

// revoke makes every token of the key worthless.
func (r *keyring) revoke(ctx context.Context, kid string) error {
	if !kidPattern.MatchString(kid) {
		return &crm.InputError{Field: "kid", Msg: "is no key id"}
	}
	revoked, err := r.revoked(ctx)
	if err != nil {
		return fmt.Errorf("revoke key %s: %w", kid, err)
	}
	if !slices.Contains(revoked, kid) {
		revoked = append(revoked, kid)
	}
	if err := r.store.SetSetting(ctx, revokedSetting, []byte(strings.Join(revoked, " ")), false); err != nil {
		return fmt.Errorf("revoke key %s: %w", kid, err)
	}
	_, err = r.load(ctx)
	return err
}

// randomID returns n random bytes in base64url.
func randomID(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
