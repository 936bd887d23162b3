package remotetest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// Oracle runs a script of testdata/oracles, which drives a fake with the vendor's own client (or, in Python, with Debian's package of one),
// and decodes what it prints into out. It runs where REQUIRE_SERVERS=1 and node or python3 is installed, and skips elsewhere.
func Oracle(t *testing.T, out any, script string, args ...string) {
	t.Helper()
	name := "node"
	if filepath.Ext(script) == ".py" {
		name = "/usr/bin/python3" // Debian's own, which its packages are for
	}
	program, err := exec.LookPath(name)
	if err != nil || os.Getenv("REQUIRE_SERVERS") != "1" {
		t.Skipf("the vendor's client runs with REQUIRE_SERVERS=1 and %s", name)
	}
	dir := oracles(t)
	if name == "node" {
		install(t, dir)
	}
	cmd := exec.CommandContext(t.Context(), program, append([]string{filepath.Join(dir, script)}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, stderr.Bytes())
	}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatalf("%s printed %s: %v", script, b, err)
	}
}

// oracles finds the folder from the package under test.
func oracles(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if found := filepath.Join(dir, "testdata", "oracles"); isFile(filepath.Join(found, "package-lock.json")) {
			return found
		}
	}
	t.Fatal("no folder testdata/oracles above the package")
	return ""
}

func isFile(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// install runs npm ci once, also when several packages are tested at the same time.
func install(t *testing.T, dir string) {
	t.Helper()
	lock, err := os.Open(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }() // and that unlocks it
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if isFile(filepath.Join(dir, "node_modules", ".package-lock.json")) {
		return
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, b)
	}
}
