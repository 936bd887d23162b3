// Package sqlitetest gives tests stores in SQLite files of their own. The first file of a
// test binary gets its schema by the migrations, every later one is a copy of it: to migrate
// was half of what a test of a store cost, and took ten times as long under the race detector.
package sqlitetest

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Open opens a store without content at path, in a folder that it makes, and closes it with the
// test. open is sqlite.Open, which this package does not import so that sqlite's own tests can use it;
// it gets the zero configuration, and is the same for every call of a test binary.
func Open[C any, S io.Closer](t testing.TB, path string, open func(context.Context, string, C) (S, error)) S {
	t.Helper()
	empty, err := template(func(path string) error {
		var c C
		s, err := open(t.Context(), path, c)
		if err != nil {
			return err
		}
		return s.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, empty, 0o600)); err != nil {
		t.Fatal(err)
	}
	var c C
	s, err := open(t.Context(), path, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var (
	mu   sync.Mutex
	file []byte // guarded by mu; an empty store, nil before the first
)

// template returns the file that create makes, the first time that it is asked.
func template(create func(path string) error) ([]byte, error) {
	mu.Lock()
	defer mu.Unlock()
	if file != nil {
		return file, nil
	}
	dir, err := os.MkdirTemp("", "sqlitetest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "empty.db")
	if err := create(path); err != nil { // its close leaves everything in the one file
		return nil, err
	}
	file, err = os.ReadFile(path)
	return file, err
}
