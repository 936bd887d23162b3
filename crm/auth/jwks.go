package auth

import (
	"context"
	"encoding/base64"
)

// JWKSet is a JSON Web Key Set (RFC 7517) of Ed25519 keys (RFC 8037).
type JWKSet struct {
	Keys []JWK `json:"keys"`
}

// JWK is one public key.
type JWK struct {
	KeyType string `json:"kty"`
	Curve   string `json:"crv"`
	X       string `json:"x"`
	Use     string `json:"use"`
	Alg     string `json:"alg"`
	KeyID   string `json:"kid"`
}

// JWKS returns the public keys that verify access tokens now, newest first.
func (s *Service) JWKS(ctx context.Context) (JWKSet, error) {
	set, err := s.keys.current(ctx)
	if err != nil {
		return JWKSet{}, err
	}
	out := JWKSet{Keys: []JWK{}}
	for _, k := range set.live {
		out.Keys = append(out.Keys, JWK{
			KeyType: "OKP", Curve: "Ed25519", X: base64.RawURLEncoding.EncodeToString(k.public),
			Use: "sig", Alg: "EdDSA", KeyID: k.id,
		})
	}
	return out, nil
}
