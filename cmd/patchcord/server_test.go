package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestCertificateIsReplacedByABetterOneOnly: its files are renewed by others, who err at times.
func TestCertificateIsReplacedByABetterOneOnly(t *testing.T) {
	dir := t.TempDir()
	c := &certificate{files: TLSFiles{filepath.Join(dir, "web.pem"), filepath.Join(dir, "web.key")}, log: slog.New(slog.DiscardHandler)}
	written := time.Now().Add(-time.Hour)
	served := func() int64 {
		t.Helper()
		c.looked = time.Time{} // a second went by
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.Int64()
	}
	put := func(cert, key []byte) {
		t.Helper()
		written = written.Add(time.Minute)
		for path, b := range map[string][]byte{c.files.CertFile: cert, c.files.KeyFile: key} {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, written, written); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, step := range []struct {
		what   string
		serial int64
		lasts  time.Duration
		want   int64
	}{
		{"the first", 1, time.Hour, 1},
		{"a new one", 2, time.Hour, 2},
		{"one whose time is over", 3, -time.Minute, 2},
		{"one after that", 4, time.Hour, 4},
	} {
		put(selfSigned(t, step.serial, step.lasts))
		if got := served(); got != step.want {
			t.Errorf("%s: number %d is served, want %d", step.what, got, step.want)
		}
	}
	put([]byte("half a fi"), nil)
	if got := served(); got != 4 {
		t.Errorf("a broken file: number %d is served, want 4", got)
	}
}

// selfSigned returns a certificate and its key in PEM.
func selfSigned(t *testing.T, serial int64, lasts time.Duration) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lasts)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
}
