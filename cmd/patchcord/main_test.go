package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const trace = "../../testdata/traces/22/inbound-queue-answered.ami"

func TestEverySubcommandHasHelpWithAnExample(t *testing.T) {
	for _, name := range []string{"demo", "serve", "check", "fold", "explain", "capture", "replay", "user", "user add", "user set", "user list", "user disable", "user enable", "migrate", "import", "deadletter", "version"} {
		t.Run(name, func(t *testing.T) {
			status, out, _ := runCommand(t, "", append(strings.Fields(name), "--help")...)
			if status != 0 || !strings.Contains(out, "Example") || !strings.Contains(out, "patchcord "+strings.Fields(name)[0]) {
				t.Errorf("status %d, help:\n%s", status, out)
			}
		})
	}
}

func TestCommandLineThatMakesNoSense(t *testing.T) {
	for _, args := range [][]string{nil, {"nonsense"}, {"fold"}, {"serve", "--nope"}, {"demo", "--port", "x"}} {
		status, out, stderr := runCommand(t, "", args...)
		if status != 2 || out != "" || !strings.Contains(stderr, "--help") {
			t.Errorf("%q: status %d, stdout %q, stderr %q", args, status, out, stderr)
		}
	}
}

func TestCommandLineErrorsNameTheSubcommand(t *testing.T) {
	for want, args := range map[string][]string{
		"try: patchcord --help":          {"nonsense"},
		"try: patchcord fold --help":     {"fold", "--nope"},
		"try: patchcord user add --help": {"user", "add", "--nope"},
	} {
		if _, _, stderr := runCommand(t, "", args...); !strings.Contains(stderr, want) {
			t.Errorf("%q: %s; want %q", args, stderr, want)
		}
	}
}

func TestVersionIsAFlagToo(t *testing.T) {
	_, want, _ := runCommand(t, "", "version")
	if status, out, _ := runCommand(t, "", "--version"); status != 0 || out != want || !strings.HasPrefix(out, "patchcord ") {
		t.Errorf("status %d, %q; want %q", status, out, want)
	}
}

func TestReplayOfAMissingTraceWaitsForNobody(t *testing.T) {
	status, _, stderr := runCommand(t, "", "replay", "--port", "0", "nowhere.ami")
	if status != 1 || !strings.Contains(stderr, "nowhere.ami") || strings.Contains(stderr, "waiting") {
		t.Errorf("status %d, %s", status, stderr)
	}
}

func TestFoldPrintsOneRecordALine(t *testing.T) {
	status, out, stderr := runCommand(t, "", "fold", "--pbx", "hq", trace)
	if status != 0 || stderr != "" || strings.Count(out, "\n") != 1 {
		t.Fatalf("status %d, stderr %q, stdout:\n%s", status, stderr, out)
	}
	var c struct {
		ID, Outcome string
		Tenant      *string
	}
	if err := json.Unmarshal([]byte(out), &c); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(c.ID, "hq:") || c.Outcome != "answered" || c.Tenant != nil {
		t.Errorf("record: %s", out)
	}
}

func TestFoldOfATraceWithoutACallPrintsNothing(t *testing.T) {
	status, out, stderr := runCommand(t, "", "fold", "../../testdata/traces/22/idle-20s.ami")
	if status != 0 || out != "" || stderr != "" {
		t.Errorf("status %d, stdout %q, stderr %q", status, out, stderr)
	}
}

func TestFoldOfAMissingTraceSaysWhich(t *testing.T) {
	status, out, stderr := runCommand(t, "", "fold", "no-such-file.ami")
	if status != 1 || out != "" || !strings.Contains(stderr, "no-such-file.ami") {
		t.Errorf("status %d, stdout %q, stderr %q", status, out, stderr)
	}
}

func TestFoldOfDamagedTracesSaysSoAndLosesNothing(t *testing.T) {
	whole, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(whole); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	clock, err := os.ReadFile(strings.Replace(trace, ".ami", ".tim", 1))
	if err != nil {
		t.Fatal(err)
	}
	for name, clock := range map[string][]byte{"torn": clock[:len(clock)-10], "other": clock[:bytes.LastIndexByte(clock[:len(clock)/2], '\n')+1]} {
		file(name+".ami", whole)
		file(name+".tim", clock)
	}
	later := strings.Replace(trace, "inbound-queue-answered", "direct-answered", 1)
	tests := map[string]struct {
		args   []string
		status int
		lines  int
		says   string
	}{
		"no manager messages":    {[]string{file("a.ami", bytes.Repeat([]byte("no manager\x00"), 9000))}, 0, 0, "no manager message"},
		"an empty file":          {[]string{file("b.ami", nil)}, 0, 0, ""},
		"cut in its last record": {[]string{file("c.ami", whole[:len(whole)-9])}, 0, 1, "passed over"},
		"compressed and cut":     {[]string{file("d.ami.gz", z.Bytes()[:z.Len()-9])}, 1, 1, "unexpected EOF"},
		"its clock is torn":      {[]string{filepath.Join(dir, "torn.ami")}, 1, 1, "trace clock of"},
		"another's clock":        {[]string{filepath.Join(dir, "other.ami")}, 0, 1, "of another trace"},
		"one of two is missing":  {[]string{trace, "nope.ami"}, 1, 1, "nope.ami"},
		"the later one first":    {[]string{later, trace}, 0, 2, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			status, out, stderr := runCommand(t, "", append([]string{"fold"}, tt.args...)...)
			if status != tt.status || strings.Count(out, "\n") != tt.lines || !strings.Contains(stderr, tt.says) || tt.says == "" && stderr != "" {
				t.Errorf("status %d, stderr %q, stdout:\n%s", status, stderr, out)
			}
			if tt.lines == 2 && !strings.Contains(strings.SplitN(out, "\n", 2)[0], `"support"`) {
				t.Errorf("not in order of started_at:\n%s", out)
			}
		})
	}
}

func TestFoldTakesItsRulesFromTheConfiguration(t *testing.T) {
	path := writeConfig(t, onePBX)
	status, _, stderr := runCommand(t, "", "fold", "--config", path, "--pbx", "nobody", trace)
	if status != 1 || !strings.Contains(stderr, "nobody") {
		t.Errorf("status %d, stderr %q", status, stderr)
	}
	if status, out, stderr := runCommand(t, "", "--config", path, "fold", "--pbx", "hq", trace); status != 0 || out == "" {
		t.Errorf("status %d, stderr %q", status, stderr)
	}
}

func TestUsersAreAddedListedAndDisabled(t *testing.T) {
	path := writeConfig(t, onePBX)
	add := []string{"user", "add", "jo", "--config", path, "--extension", "hq/1001", "--extension", "hq/1002", "--password-stdin"}
	if status, _, stderr := runCommand(t, "correct horse battery\n", add...); status != 0 {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
	if status, _, stderr := runCommand(t, "correct horse battery\n", add...); status != 1 || !strings.Contains(stderr, "user set jo") {
		t.Errorf("added twice: status %d, stderr %q", status, stderr)
	}
	set := []string{"user", "set", "jo", "--config", path, "--remove-extension", "hq/1001", "--role", "supervisor"}
	if status, _, stderr := runCommand(t, "", set...); status != 0 {
		t.Fatalf("set: status %d, stderr %q", status, stderr)
	}
	if status, _, stderr := runCommand(t, "", "user", "disable", "jo", "--config", path); status != 0 {
		t.Fatalf("disable: status %d, stderr %q", status, stderr)
	}
	_, out, _ := runCommand(t, "", "user", "list", "--config", path)
	if want := []string{"jo", "supervisor", "disabled", "hq/1002"}; !containsAll(out, want) || strings.Contains(out, "hq/1001") {
		t.Errorf("list lacks one of %q, or shows a phone that was taken away:\n%s", want, out)
	}
}

func TestUserAddRefusesBadInput(t *testing.T) {
	path := writeConfig(t, onePBX)
	tests := map[string]struct {
		stdin string
		args  []string
		want  string
	}{
		"no password":         {"", []string{"jo"}, "password"},
		"a short password":    {"x\n", []string{"jo"}, "password"},
		"an unknown role":     {"correct horse battery\n", []string{"jo", "--role", "king"}, "supervisor"},
		"half an extension":   {"correct horse battery\n", []string{"jo", "--extension", "1001"}, "hq/1001"},
		"no PBX of that name": {"correct horse battery\n", []string{"jo", "--extension", "hx/1001", "--until", "2001-01-01T00:00:00Z"}, "--until"},
		"an empty user name":  {"correct horse battery\n", []string{""}, "name"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"user", "add", "--config", path, "--password-stdin"}, tt.args...)
			status, _, stderr := runCommand(t, tt.stdin, args...)
			if status == 0 || !strings.Contains(stderr, tt.want) {
				t.Errorf("status %d, stderr %q; want it to say %q", status, stderr, tt.want)
			}
		})
	}
}

func TestUserCommandsSayWhatComesToNothing(t *testing.T) {
	path := writeConfig(t, onePBX)
	status, _, stderr := runCommand(t, "correct horse battery\n", "user", "add", "jo", "--config", path, "--password-stdin", "--extension", "hx/1001")
	if status != 0 || !strings.Contains(stderr, `no PBX "hx"`) {
		t.Errorf("status %d, stderr %q; want a note of the unknown PBX", status, stderr)
	}
	if status, _, stderr := runCommand(t, "", "user", "set", "jo", "--config", path); status != 1 || !strings.Contains(stderr, "--role") {
		t.Errorf("status %d, stderr %q; want it to say what can be changed", status, stderr)
	}
}

func containsAll(s string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}
