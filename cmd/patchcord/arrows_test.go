package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows says which packages of the project each may import, besides itself.
// An edge imports contracts and crm, never another edge; they meet in cmd.
var arrows = map[string][]string{
	"ami":                 nil, // the standard library only, so that others can use it
	"ami/calls":           {"ami", "crm"},
	"ami/intake":          {"ami", "ami/calls", "buffer", "crm", "crm/background"},
	"ami/backfill":        {"ami", "ami/calls", "crm"},
	"ami/amitest":         {"ami"},
	"ami/amitest/lab":     nil,
	"crm":                 nil,
	"crm/internal/stored": {"crm"}, // what the two stores share
	"crm/background":      nil,     // how the stores and the log give way to pops
	"crm/sqlite":          {"crm", "crm/background"},
	"crm/postgres":        {"crm"},
	"crm/auth":            {"crm"},
	"crm/api":             {"crm", "crm/auth"},
	"buffer":              {"crm"},
	"push":                {"crm"},
	"push/desk":           {"crm", "push"},
	"sync":                {"crm"},
	"sync/webhook":        {"sync", "crm"},
	"sync/bitrix24":       {"sync", "crm"},
	"sync/dataverse":      {"sync", "crm"},
	"sync/dolibarr":       {"sync", "crm"},
	"sync/espocrm":        {"sync", "crm"},
	"sync/hubspot":        {"sync", "crm"},
	"sync/odoo":           {"sync", "crm"},
	"sync/rest":           {"sync", "crm"},
	"sync/salesforce":     {"sync", "crm"},
	"sync/suitecrm":       {"sync", "crm"},
	"sync/vtiger":         {"sync", "crm"},
	// Suites and servers for tests.
	"sync/bitrix24/bitrix24test":     nil,
	"sync/dataverse/dataversetest":   nil,
	"sync/dolibarr/dolibarrtest":     nil,
	"sync/espocrm/espocrmtest":       nil,
	"sync/hubspot/hubspottest":       nil,
	"sync/remotetest":                {"sync", "crm"},
	"sync/odoo/odootest":             nil,
	"sync/rest/resttest":             nil,
	"sync/salesforce/salesforcetest": nil,
	"sync/suitecrm/suitecrmtest":     nil,
	"sync/vtiger/vtigertest":         nil,
	"crm/crmtest":                    {"crm"},
	"crm/crmtest/child":              nil,
	"crm/crmtest/powerdisk":          {"crm/crmtest/child"},
	"crm/postgres/pgtest":            {"crm/crmtest/child"},
	"crm/sqlite/sqlitetest":          nil,
	"ami/internal/race":              nil,
	"ami/backfill/mariadbtest":       {"crm/crmtest/child"},
	"buffer/buffertest":              {"buffer", "crm"},
	"buffer/embedded":                {"buffer", "crm", "crm/background"},
	"buffer/redisstream":             {"buffer", "crm"},
	"buffer/spool":                   {"buffer", "crm"},
	"buffer/redisstream/redistest":   {"crm/crmtest/child"},
}

func TestArrowsPointInwards(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "patchcord/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	seen := 0
	for {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(pkg.ImportPath, "patchcord/")
		if strings.HasPrefix(name, "cmd/") {
			continue
		}
		seen++
		checkArrows(t, name, pkg.Imports)
	}
	if seen < 5 {
		t.Errorf("go list saw %d packages; the test looks at nothing", seen)
	}
}

func checkArrows(t *testing.T, name string, imports []string) {
	allowed, known := arrows[name]
	if !known {
		t.Errorf("package %s has no place in the picture: add it to arrows", name)
	}
	for _, imp := range imports {
		to, ours := strings.CutPrefix(imp, "patchcord/")
		switch {
		case !ours && name == "ami" && strings.Contains(imp, "."):
			t.Errorf("ami imports %s: only the standard library is allowed there", imp)
		case !ours || strings.Contains(to, "internal/"):
		case !slices.Contains(allowed, to):
			t.Errorf("%s must not import %s", name, to)
		}
	}
}
