package main

import (
	"encoding/json"
	"strings"
	"testing"
)

const trace = "../../testdata/traces/22/inbound-queue-answered.ami"

func TestEverySubcommandHasHelpWithAnExample(t *testing.T) {
	for _, name := range []string{"demo", "serve", "check", "fold", "explain", "capture", "replay", "user add", "user set", "migrate"} {
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
		"no password":        {"", []string{"jo"}, "password"},
		"a short password":   {"x\n", []string{"jo"}, "password"},
		"an unknown role":    {"correct horse battery\n", []string{"jo", "--role", "king"}, "supervisor"},
		"half an extension":  {"correct horse battery\n", []string{"jo", "--extension", "1001"}, "hq/1001"},
		"an empty user name": {"correct horse battery\n", []string{""}, "name"},
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

func containsAll(s string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}
