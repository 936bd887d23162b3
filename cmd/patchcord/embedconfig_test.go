package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhoMayFrameThePageIsChecked(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"nobody":                   {"embed: {}", "embed.ancestors"},
		"everybody":                {"embed: {ancestors: ['*']}", "embed.ancestors.0"},
		"plain http":               {"embed: {ancestors: ['http://acme.example.net']}", "embed.ancestors.0"},
		"a policy of its own":      {"embed: {ancestors: ['https://a.example.net; script-src *']}", "embed.ancestors.0"},
		"a script without a CRM":   {"embed: {ancestors: ['https://a.example.net'], script: 'https://a.example.net/x.js'}", "embed.crm"},
		"a script of two sources":  {"embed: {ancestors: ['https://a.example.net'], crm: sf, script: 'https://a.example.net/x.js https://evil.example.net/y.js'}", "embed.script"},
		"a CRM that is none":       {"embed: {ancestors: ['https://a.example.net'], crm: sf, script: 'https://a.example.net/x.js'}", "no CRM of kind salesforce"},
		"plain http of the daemon": {"public_url: http://calls.example.net\nembed: {ancestors: ['https://a.example.net']}", "public_url"},
		"one origin, no script":    {"embed: {ancestors: ['https://acme.lightning.force.com', 'https://*.example.net']}", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "p.yml")
			if err := os.WriteFile(file, []byte(tt.text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := loadConfig(file, nil)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
