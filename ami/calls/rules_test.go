package calls

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var breaks = flag.Bool("breaks", false, "switch every rule of the call record off, one after another, not some")

// someRules is one in how many rules is switched off without -breaks.
const someRules = 20

// A heldRule is a row of RULES.md.
type heldRule struct {
	text string
	held []string // traces and tests
	off  []string // a file of this package, an expression in it, and what to put in its place; nil for none
}

func rules(t *testing.T) []heldRule {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(traceDir, "expect", "RULES.md"))
	if err != nil {
		t.Fatal(err)
	}
	quoted := func(cell string) (out []string) {
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
			out = append(out, strings.ReplaceAll(m[1], "\x00", "|"))
		}
		return out
	}
	var list []heldRule
	for line := range strings.Lines(strings.ReplaceAll(string(b), `\|`, "\x00")) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| rule") {
			continue
		}
		list = append(list, heldRule{strings.TrimSpace(cells[1]), quoted(cells[2]), quoted(cells[3])})
	}
	if len(list) < 50 {
		t.Fatalf("got %d rules, want 50 at least", len(list))
	}
	return list
}

// TestRulesNameWhatThereIs keeps testdata/traces/expect/RULES.md true: each trace that it
// names was recorded and has an expectation, each test exists, and so does each expression.
func TestRulesNameWhatThereIs(t *testing.T) {
	known := map[string]bool{}
	for _, f := range flavours {
		for _, name := range traces(t, f) {
			if _, ok := expectation(t, f, name); ok {
				known[name] = true
			}
		}
	}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, dir := range []string{".", "../backfill"} {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range function.FindAllStringSubmatch(string(source), -1) {
				known[m[1]] = true
			}
		}
	}
	list := rules(t)
	for _, r := range list {
		if len(r.held) == 0 {
			t.Errorf("nothing holds this rule: %s", r.text)
		}
		for _, name := range r.held {
			if !known[name] {
				t.Errorf("%s is neither a test nor a trace with an expectation", name)
			}
		}
	}
	switchable(t, list)
}

// switchable returns the files of this package with a switch at each rule's expression.
func switchable(t *testing.T, list []heldRule) map[string]string {
	t.Helper()
	files := map[string]string{}
	for i, r := range list {
		if r.off == nil {
			continue
		}
		if len(r.off) != 3 {
			t.Fatalf("%s: got %q, want a file, an expression and what to put there", r.text, r.off)
		}
		name, is, as := r.off[0], r.off[1], r.off[2]
		if files[name] == "" {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = string(b)
		}
		if n := strings.Count(files[name], is); n != 1 {
			t.Errorf("%s: %s has %q %d times, want once", r.text, name, is, n)
		}
		files[name] = strings.Replace(files[name], is, fmt.Sprintf("either(%d, %s, %s)", i, as, is), 1)
	}
	return files
}

const theSwitch = `package calls

import (
	"os"
	"strconv"
)

var off = os.Getenv("RULE_OFF")

func either[T any](rule int, as, is T) T {
	if off == strconv.Itoa(rule) {
		return as
	}
	return is
}
`

// TestRulesBreak switches rules off, and wants that what holds them fails: some of them, all with -breaks.
func TestRulesBreak(t *testing.T) {
	list := rules(t)
	binary := buildSwitchable(t, list)
	for i, r := range list {
		if r.off == nil || !*breaks && i%someRules != 0 {
			continue
		}
		t.Run(r.text, func(t *testing.T) {
			var tests, names []string
			for _, name := range r.held {
				if strings.HasPrefix(name, "Test") {
					tests = append(tests, name)
				} else {
					names = append(names, regexp.QuoteMeta(name))
				}
			}
			patterns := []string{"^TestExpectations$/./^(" + strings.Join(names, "|") + ")$", "^(" + strings.Join(tests, "|") + ")$"}
			for _, p := range patterns {
				cmd := exec.CommandContext(t.Context(), binary, "-test.run", p, "-test.failfast")
				cmd.Env = append(os.Environ(), fmt.Sprint("RULE_OFF=", i))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Logf("%s", regexp.MustCompile(`--- FAIL: \S+`).FindAllString(string(out), -1))
					return
				}
			}
			t.Errorf("%s is %s, and nothing fails of %v", r.off[1], r.off[2], r.held)
		})
	}
}

func buildSwitchable(t *testing.T, list []heldRule) string {
	t.Helper()
	dir := t.TempDir()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	files := switchable(t, list)
	files["either.go"] = theSwitch
	replace := map[string]string{}
	for name, source := range files {
		replace[filepath.Join(here, name)] = filepath.Join(dir, name)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "calls.test")
	if err := os.WriteFile(overlay, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay", overlay, "-o", binary, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}
