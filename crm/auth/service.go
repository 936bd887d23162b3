package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"patchcord/crm"
)

// DefaultTenant is the tenant of whoever does not name one.
const DefaultTenant = "default"

// store is what logins need of crm.Store.
type store interface {
	crm.UserStore
	crm.SessionStore
}

// Config configures a Service.
type Config struct {
	Store store
	Key   []byte // of the deployment, KeyLen bytes: seals signing keys, derives refresh tokens; LoadKey
	// Issuer and Audience of access tokens; "patchcord" both. Deployments that
	// share neither store nor users should differ in them.
	Issuer, Audience string
	Log              *slog.Logger // slog.Default()
}

// Service logs people in and says who a token belongs to. It is safe for concurrent use.
type Service struct {
	store      store
	refreshKey []byte
	keys       *keyring
	issuer     *issuer
	users      *users
	ended      *ended
	throttle   *throttle
	hashes     *hashSlots
	rolls      sync.Map // of rolls by tenant
	log        *slog.Logger
}

// New returns a Service; it fails only for a Key of the wrong length.
func New(c Config) (*Service, error) {
	sealKey, err := derive(c.Key, "signing keys")
	if err != nil {
		return nil, err
	}
	refreshKey, err := derive(c.Key, "refresh tokens")
	if err != nil {
		return nil, err
	}
	log := cmp.Or(c.Log, slog.Default())
	return &Service{
		store:      c.Store,
		refreshKey: refreshKey,
		keys:       &keyring{store: c.Store, sealKey: sealKey, log: log},
		issuer:     newIssuer(cmp.Or(c.Issuer, "patchcord"), cmp.Or(c.Audience, "patchcord")),
		users:      &users{store: c.Store, m: newBounded[string, crm.User](maxCachedUsers)},
		ended:      &ended{store: c.Store},
		throttle:   newThrottle(),
		hashes:     newHashSlots(),
		log:        log,
	}, nil
}

// Credentials are what somebody logs in with.
type Credentials struct {
	Tenant   string // DefaultTenant when empty
	Name     string
	Password crm.Secret
	IP       netip.Addr // of the client, for throttling
}

// Tokens are what a login or refresh gives.
type Tokens struct {
	Access    crm.Secret
	ExpiresIn time.Duration // of Access
	Refresh   crm.Secret
	RefreshBy time.Time // when Refresh expires unless it is used
	Principal crm.Principal
}

// Login checks a password. A wrong one, an unknown and a disabled user all give
// crm.ErrUnauthenticated after the same time; too many attempts a *ThrottledError.
func (s *Service) Login(ctx context.Context, c Credentials) (Tokens, error) {
	c.Tenant = cmp.Or(c.Tenant, DefaultTenant)
	a := attemptOf(c.Tenant, c.Name, c.IP)
	if d := s.throttle.wait(a, time.Now()); d > 0 {
		return Tokens{}, &ThrottledError{RetryAfter: d}
	}
	u, err := s.store.UserByName(ctx, c.Tenant, c.Name)
	if err != nil && !errors.Is(err, crm.ErrNotFound) {
		return Tokens{}, fmt.Errorf("login: %w", err)
	}
	ok, err := s.checkPassword(ctx, a, u, c.Password)
	if err != nil {
		return Tokens{}, fmt.Errorf("login: %w", err)
	}
	if !ok || u.Disabled {
		s.log.Warn("login refused", "ip", c.IP.String())
		return Tokens{}, fmt.Errorf("login: %w", crm.ErrUnauthenticated)
	}
	return s.startSession(ctx, u)
}

// checkPassword compares in one of few slots, and asks the throttle again once it
// has one: what is refused in the slots before counts.
func (s *Service) checkPassword(ctx context.Context, a attempt, u crm.User, password crm.Secret) (bool, error) {
	h := noUser()
	if u.ID != "" {
		var err error
		if h, err = parseHash(u.PasswordHash); err != nil {
			return false, err
		}
	}
	if err := s.hashes.acquire(ctx); err != nil {
		return false, err
	}
	defer s.hashes.release()
	if d := s.throttle.wait(a, time.Now()); d > 0 {
		return false, &ThrottledError{RetryAfter: d}
	}
	if len(password) > 4*maxPassword { // longer than any that could be set
		password = password[:4*maxPassword]
	}
	if ok := h.matches(password) && u.ID != ""; !ok {
		s.throttle.fail(a, time.Now())
		return false, nil
	}
	s.throttle.succeed(a)
	return true, nil
}

// Verify says who an access token belongs to, now: a user who was disabled,
// removed or had his sessions revoked is refused within two seconds, as is a login
// that was ended, and the role is the one he has now. A token that does not count gives
// crm.ErrUnauthenticated; other errors are the store's.
func (s *Service) Verify(ctx context.Context, token string) (crm.Principal, error) {
	keys, err := s.keys.verifiers(ctx, token)
	if err != nil {
		return crm.Principal{}, err
	}
	v, err := s.issuer.verify(token, keys, time.Now())
	if err != nil {
		s.log.Debug("token refused", "why", err)
		return crm.Principal{}, fmt.Errorf("access token: %w", crm.ErrUnauthenticated)
	}
	return s.principal(ctx, v)
}

// Check says whether a principal that was verified some time ago still counts,
// and who he is now. It costs the store two reads per user and two seconds at most.
func (s *Service) Check(ctx context.Context, p crm.Principal) (crm.Principal, error) {
	return s.principal(ctx, verified{userID: p.UserID, tenant: p.Tenant, session: p.Session, version: p.Version})
}

// principal returns who the user is now, if his login still counts.
func (s *Service) principal(ctx context.Context, v verified) (crm.Principal, error) {
	over, err := s.ended.has(ctx, v.session)
	if err != nil {
		return crm.Principal{}, fmt.Errorf("read ended logins: %w", err)
	}
	if over {
		return crm.Principal{}, fmt.Errorf("login was ended: %w", crm.ErrUnauthenticated)
	}
	return s.users.principal(ctx, v.userID, v.tenant, v.session, v.version)
}

// RotateKey makes a new signing key. It signs after five seconds; the old one
// verifies until the tokens it signed have expired.
func (s *Service) RotateKey(ctx context.Context) error {
	_, err := s.keys.rotate(ctx)
	return err
}

// RevokeKey makes every token that the key signed worthless at once (within two
// seconds on other nodes).
func (s *Service) RevokeKey(ctx context.Context, kid string) error {
	return s.keys.revoke(ctx, kid)
}
