package calls

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRulesNameWhatThereIs keeps testdata/traces/expect/RULES.md true: each trace that it
// names was recorded and has an expectation, each test exists.
func TestRulesNameWhatThereIs(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(traceDir, "expect", "RULES.md"))
	if err != nil {
		t.Fatal(err)
	}
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
	rules := 0
	for line := range strings.Lines(string(b)) {
		_, held, ok := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		if !ok || strings.HasPrefix(held, "---") || strings.HasPrefix(held, " held by") {
			continue
		}
		rules++
		names := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(held, -1)
		if len(names) == 0 {
			t.Errorf("nothing holds this rule: %s", line)
		}
		for _, n := range names {
			if !known[n[1]] {
				t.Errorf("%s is neither a test nor a trace with an expectation", n[1])
			}
		}
	}
	if rules < 50 {
		t.Errorf("got %d rules, want 50 at least", rules)
	}
}
