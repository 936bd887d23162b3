package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// KeyLen is the length of a deployment key in bytes.
const KeyLen = 32

// LoadKey reads the deployment key from a file of base64, and makes the file
// (mode 0600) with a random key when there is none. Nodes that share a store
// need the same key; one with another key still verifies every token, but signs
// with keys of its own.
func LoadKey(path string) ([]byte, error) {
	key, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, KeyLen)
	rand.Read(key)
	if err := writeKey(path, key); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make deployment key %s: %w", path, err)
	}
	return readKey(path) // what another process wrote first counts
}

func readKey(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read deployment key: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(key) != KeyLen {
		return nil, fmt.Errorf("deployment key %s: want %d bytes in base64", path, KeyLen)
	}
	return key, nil
}

func writeKey(path string, key []byte) (err error) {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(tmp, path) // unlike Rename, refuses to replace
}

// derive returns a key for one purpose.
func derive(key []byte, purpose string) ([]byte, error) {
	if len(key) != KeyLen {
		return nil, fmt.Errorf("deployment key: want %d bytes, got %d", KeyLen, len(key))
	}
	return hkdf.Key(sha256.New, key, nil, "patchcord "+purpose, KeyLen)
}

// Box seals secrets that the store keeps for other parts, so that who reads the store alone learns nothing.
type Box struct {
	key []byte
	id  string
}

// NewBox returns a Box that opens what was sealed under the same deployment key and id.
func NewBox(deploymentKey []byte, id string) (*Box, error) {
	key, err := derive(deploymentKey, "box")
	return &Box{key, id}, err
}

// Seal encrypts a secret.
func (b *Box) Seal(secret []byte) ([]byte, error) { return seal(b.key, b.id, secret) }

// Open returns what was sealed; an error when it was by another key or under another id.
func (b *Box) Open(sealed []byte) ([]byte, error) { return open(b.key, b.id, sealed) }

// sealVersion is the first byte of what seal returns: AES-256-GCM, nonce first.
const sealVersion = 1

// seal encrypts plain so that only open with the same key and id reads it.
func seal(key []byte, id string, plain []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 1+aead.NonceSize(), 1+aead.NonceSize()+len(plain)+aead.Overhead())
	out[0] = sealVersion
	rand.Read(out[1:])
	return aead.Seal(out, out[1:], plain, []byte(id)), nil
}

// errSealed says that something was sealed with another key.
var errSealed = errors.New("sealed with another key")

func open(key []byte, id string, sealed []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	n := 1 + aead.NonceSize()
	if len(sealed) < n || sealed[0] != sealVersion {
		return nil, errSealed
	}
	plain, err := aead.Open(nil, sealed[1:n], sealed[n:], []byte(id))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return cipher.NewGCM(block)
}
