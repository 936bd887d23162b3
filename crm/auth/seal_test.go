package auth

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestSealOpensOnlyWithItsKeyAndID(t *testing.T) {
	k1, k2 := bytes.Repeat([]byte{1}, KeyLen), bytes.Repeat([]byte{2}, KeyLen)
	sealed, err := seal(k1, "a", []byte("seed"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := open(k1, "a", sealed); err != nil || string(got) != "seed" {
		t.Errorf("open: got %q, %v", got, err)
	}
	if bytes.Contains(sealed, []byte("seed")) {
		t.Error("the plain text is in what was sealed")
	}
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)-1] ^= 1
	for name, try := range map[string]func() ([]byte, error){
		"another key":   func() ([]byte, error) { return open(k2, "a", sealed) },
		"another id":    func() ([]byte, error) { return open(k1, "b", sealed) },
		"a flipped bit": func() ([]byte, error) { return open(k1, "a", flipped) },
		"too short":     func() ([]byte, error) { return open(k1, "a", sealed[:5]) },
		"nothing":       func() ([]byte, error) { return open(k1, "a", nil) },
	} {
		if _, err := try(); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

func TestLoadKeyMakesItOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	first, err := LoadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadKey(path)
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("second load: equal %v, %v", bytes.Equal(first, again), err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %v, %v, want 0600", info.Mode(), err)
	}
	if _, err := os.Stat(path + ".new"); !os.IsNotExist(err) {
		t.Errorf("the temporary file stayed: %v", err)
	}
}

func TestLoadKeyRefusesDamage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if err := os.WriteFile(path, []byte("c2hvcnQ=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); err == nil {
		t.Error("a short key was accepted")
	}
	if _, err := LoadKey(filepath.Join(dir, "no such folder", "key")); err == nil {
		t.Error("a key in a missing folder was made")
	}
	if _, err := New(Config{Key: []byte("short")}); err == nil {
		t.Error("New took a short key")
	}
}

func TestABoxOpensWhatItSealed(t *testing.T) {
	key := bytes.Repeat([]byte{1}, KeyLen)
	b, err := NewBox(key, "crm/bitrix")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := b.Seal([]byte("refresh"))
	if err != nil || bytes.Contains(sealed, []byte("refresh")) {
		t.Fatalf("sealed %q, %v", sealed, err)
	}
	if got, err := b.Open(sealed); err != nil || string(got) != "refresh" {
		t.Errorf("opened %q, %v", got, err)
	}
	other, err := NewBox(key, "crm/another")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(sealed); err == nil {
		t.Error("another box opened it")
	}
	if _, err := NewBox(key[1:], "x"); err == nil {
		t.Error("a short key makes a box")
	}
}
