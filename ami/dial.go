package ami

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// peerTimeout is how long the operating system lets sent bytes stand unacknowledged,
// and keep-alive probes unanswered. Ping finds a dead peer sooner; this is for writes.
const peerTimeout = 15 * time.Second

func dialTCP(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: peerTimeout, Interval: 5 * time.Second, Count: 3},
		Control:         setUserTimeout,
	}
	return d.DialContext(ctx, network, address)
}

// connect dials and, when asked to, establishes TLS.
func (c *Config) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.DialTimeout)
	defer cancel()
	conn, err := c.Dial(ctx, "tcp", c.Address)
	if err != nil {
		return nil, fail(ClassNetwork, err)
	}
	if c.TLS == nil {
		return conn, nil
	}
	cfg := c.TLS.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(c.Address) // withDefaults made it well formed
	}
	secure := tls.Client(conn, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fail(ClassTLS, err)
	}
	return secure, nil
}

// certExpires returns when the first certificate of the chain ends.
func certExpires(conn net.Conn) time.Time {
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return time.Time{}
	}
	var end time.Time
	for _, cert := range secure.ConnectionState().PeerCertificates {
		if end.IsZero() || cert.NotAfter.Before(end) {
			end = cert.NotAfter
		}
	}
	return end
}

// errNotPinned says that a server showed a key that is not the expected one.
var errNotPinned = errors.New("the server's key is not one of those pinned")

// PinnedTLS returns a TLS configuration for servers with certificates of their own
// making: it accepts a server by the SHA-256 of its public key (its
// SubjectPublicKeyInfo in DER), and by nothing else. Name and dates are not looked at.
func PinnedTLS(sums ...[sha256.Size]byte) *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection decides instead, on resumption too
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return errNotPinned
			}
			sum := sha256.Sum256(s.PeerCertificates[0].RawSubjectPublicKeyInfo)
			if !slices.Contains(sums, sum) {
				return fmt.Errorf("%w: its SHA-256 is %x", errNotPinned, sum)
			}
			return nil
		},
	}
}
