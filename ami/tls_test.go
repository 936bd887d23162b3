package ami

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"testing"
	"testing/synctest"
	"time"
)

// testCert makes a certificate that signs itself, for pbx.invalid.
func testCert(t *testing.T, from, to time.Time, name string) (tls.Certificate, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: from, NotAfter: to, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, parsed
}

func overTLS(cert tls.Certificate, play script) script {
	return func(p *peer) {
		conn := tls.Server(p.conn, &tls.Config{Certificates: []tls.Certificate{cert}})
		play(&peer{t: p.t, conn: conn, r: NewReader(conn, ReaderConfig{})})
	}
}

func TestFault_A15_TLS(t *testing.T) {
	var start time.Time // of every bubble
	synctest.Test(t, func(*testing.T) { start = time.Now() })
	day := 24 * time.Hour
	good, goodCert := testCert(t, start.Add(-day), start.Add(day), "pbx.invalid")
	old, oldCert := testCert(t, start.Add(-2*day), start.Add(-day), "pbx.invalid")
	other, otherCert := testCert(t, start.Add(-day), start.Add(day), "other.invalid")
	trust := func(c *x509.Certificate) *tls.Config {
		pool := x509.NewCertPool()
		pool.AddCert(c)
		return &tls.Config{RootCAs: pool}
	}
	named := trust(otherCert)
	named.ServerName = "other.invalid"
	pin := sha256.Sum256(oldCert.RawSubjectPublicKeyInfo)
	tests := []struct {
		name string
		cert tls.Certificate
		cfg  *tls.Config
		ok   bool
	}{
		{"trusted authority", good, trust(goodCert), true},
		{"expired", old, trust(oldCert), false},
		{"wrong name", other, trust(otherCert), false},
		{"name given", other, named, true},
		{"self-signed, unknown", good, &tls.Config{}, false},
		{"pinned key", old, PinnedTLS([32]byte{1}, pin), true},
		{"another key than pinned", good, PinnedTLS(pin), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, Config{TLS: test.cfg}, []script{overTLS(test.cert, up), nil}, func(t *testing.T, b *bench) {
				if !test.ok {
					pass(6 * time.Second)
					if st := b.first(t, PhaseDown); st.Class != ClassTLS || st.Err == nil {
						t.Errorf("got %s, %v", st.Class, st.Err)
					}
					return
				}
				pass(time.Hour) // deadlines that pass do not break a TLS connection
				b.wantPhase(t, PhaseUp)
				if got := b.s.State().CertExpires; got.IsZero() {
					t.Error("the certificate's end is not known")
				}
				if got := b.s.cfg.Address; got != "pbx.invalid:5039" {
					t.Errorf("address: got %s", got)
				}
			})
		})
	}
	t.Run("plain port", func(t *testing.T) {
		plain := func(p *peer) { go p.action(); p.write(fakeBanner); time.Sleep(time.Minute) }
		inBubble(t, Config{TLS: &tls.Config{}}, []script{plain, nil}, func(t *testing.T, b *bench) {
			st := b.first(t, PhaseDown)
			if _, ok := errors.AsType[tls.RecordHeaderError](st.Err); !ok || st.Class != ClassTLS {
				t.Errorf("got %s, %v", st.Class, st.Err)
			}
		})
	})
}
