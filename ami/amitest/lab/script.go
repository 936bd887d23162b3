package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A script is the asterisk-lab command and the cache folder it works in.
type script struct {
	path  string
	cache string
}

// findScript looks for testdata/asterisk-lab in the module that holds dir.
func findScript(dir string) (script, error) {
	root, err := moduleRoot(dir)
	if err != nil {
		return script{}, err
	}
	path := filepath.Join(root, "testdata", "asterisk-lab", "asterisk-lab")
	if _, err := os.Stat(path); err != nil {
		return script{}, err
	}
	cache, err := cacheDir()
	return script{path: path, cache: cache}, err
}

func moduleRoot(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = parent
	}
}

// cacheDir is the folder that the lab uses by itself: ASTERISK_LAB_DIR, else
// asterisk-lab in the user's cache.
func cacheDir() (string, error) {
	if dir := os.Getenv("ASTERISK_LAB_DIR"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "asterisk-lab"), err
}

// command prepares one call of the lab in folder dir.
func (s script) command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "ASTERISK_LAB_DIR="+s.cache, "ASTERISK_LAB_FOR_TEST=1")
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// run calls the lab and returns what it printed on stdout. The error holds the
// end of what it said on stderr.
func (s script) run(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := s.command(ctx, dir, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("asterisk-lab %s: %w: %s", strings.Join(args, " "), err, tail(said.String(), 1000))
	}
	return string(out), nil
}

func tail(s string, n int) string {
	s = strings.TrimSpace(s)
	return s[max(0, len(s)-n):]
}

// variables reads the NAME=VALUE lines of `asterisk-lab env`.
func variables(text string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "="); ok {
			found[name] = value
		}
	}
	return found
}
