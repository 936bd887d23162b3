package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"patchcord/ami/calls"
)

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range map[string]string{"patchcord.yml": text, "hq.secret": "pass word\n", "empty.secret": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "patchcord.yml")
}

const onePBX = `
pbxs:
  - name: hq
    address: pbx.example.net:5039
    tls: {}
    reader: {username: patchcord, secret_file: hq.secret}
    region: GB
    trunks: ["PJSIP/trunk*"]
`

func TestConfigWithoutFileIsEmbedded(t *testing.T) {
	c, err := loadConfig("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:8080" || c.Store != "sqlite" || c.Buffer != "embedded" || c.DataDir != "patchcord-data" {
		t.Errorf("defaults: %+v", c)
	}
}

func TestConfigReadsAFile(t *testing.T) {
	path := writeConfig(t, onePBX)
	c, err := loadConfig(path, []string{"PATCHCORD_LISTEN=127.0.0.1:0", "PATCHCORD_PBXS_0_REGION=DE", "OTHER=1"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:0" || c.PBXs[0].Region != "DE" {
		t.Errorf("the environment does not win: listen %q, region %q", c.Listen, c.PBXs[0].Region)
	}
	if want := filepath.Join(filepath.Dir(path), "patchcord-data"); c.DataDir != want {
		t.Errorf("data_dir %q, want it beside the file: %q", c.DataDir, want)
	}
	secret, err := c.PBXs[0].Reader.readSecret()
	if err != nil || secret != "pass word" {
		t.Errorf("secret %q, %v; want it without its last newline", secret, err)
	}
}

func TestConfigFromTheEnvironmentAlone(t *testing.T) {
	c, err := loadConfig("", []string{
		"PATCHCORD_PBXS_0_NAME=hq", "PATCHCORD_PBXS_0_ADDRESS=127.0.0.1:5038", "PATCHCORD_PBXS_0_READER_USERNAME=crm",
		"PATCHCORD_PBXS_0_READER_SECRET=s", "PATCHCORD_PBXS_0_TLS_SERVER_NAME=pbx", "PATCHCORD_PBXS_0_TRUNKS=PJSIP/a*, PJSIP/b*",
		"PATCHCORD_WEBHOOKS_0_NAME=w", "PATCHCORD_WEBHOOKS_0_URL=https://example.net/", "PATCHCORD_WEBHOOKS_0_SECRET=x",
		"PATCHCORD_WEBHOOKS_0_ALLOW_PRIVATE=true",
	})
	if err != nil {
		t.Fatal(err)
	}
	p := c.PBXs[0]
	if p.Name != "hq" || string(p.Reader.Secret) != "s" || p.TLS == nil || p.TLS.ServerName != "pbx" || len(p.Trunks) != 2 || p.Tenant != "default" {
		t.Errorf("pbx: %+v", p)
	}
	if !c.Webhooks[0].AllowPrivate {
		t.Errorf("webhook: %+v", c.Webhooks[0])
	}
}

func TestConfigNamesKeyLineAndFix(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"an unknown key":             {"listen: 127.0.0.1:0\nstorre: sqlite\n", []string{"patchcord.yml:2: storre: unknown key", "`store`"}},
		"an unknown key of a PBX":    {onePBX + "    adress: x\n", []string{"patchcord.yml:9: pbxs.0.adress", "`address`"}},
		"broken YAML":                {"listen: [1\n", []string{"not YAML", "line"}},
		"a tab":                      {"pbxs:\n  - name: hq\n\taddress: h:5038\n", []string{"not YAML", "line 3 is indented with a tab"}},
		"a key that comes twice":     {"listen: 127.0.0.1:0\nstore: sqlite\nlisten: 127.0.0.1:1\n", []string{"patchcord.yml:3: listen: stands in line 1 already"}},
		"a key twice in a PBX":       {onePBX + "    region: GB\n    region: DE\n", []string{"patchcord.yml:10: pbxs.0.region: stands in line 9 already"}},
		"words for a number":         {"node: a\nspool_bytes: lots\n", []string{`patchcord.yml:2: spool_bytes: "lots" is not a whole number`}},
		"a second document":          {"node: a\n---\nlisten: x\n", []string{"one document"}},
		"no mapping at all":          {"hello\n", []string{"patchcord.yml:1: want keys and values"}},
		"a secret in the file":       {strings.Replace(onePBX, "secret_file: hq.secret", "secret: x", 1), []string{"patchcord.yml:6: pbxs.0.reader.secret: unknown key", "`secret_file`"}},
		"a list where a value goes":  {"listen: [a, b]\n", []string{"patchcord.yml:1: listen: want a single value"}},
		"a value where a list goes":  {"pbxs: hq\n", []string{"patchcord.yml:1: pbxs: want a list"}},
		"a bad address":              {"listen: 8080\n", []string{"patchcord.yml:1: listen:", "127.0.0.1:8080"}},
		"open to the network":        {"listen: 0.0.0.0:8080\n", []string{"without encryption", "`tls`"}},
		"a bad store":                {"store: mysql://u:secret@h/d\n", []string{"store:", "…@h/d"}},
		"a missing secret file":      {strings.Replace(onePBX, "hq.secret", "no.secret", 1), []string{"patchcord.yml:6: pbxs.0.reader.secret_file", "no.secret cannot be read"}},
		"a missing secret":           {strings.Replace(onePBX, ", secret_file: hq.secret", "", 1), []string{"reader.secret_file: is missing"}},
		"two PBXs of one name":       {onePBX + strings.TrimPrefix(onePBX, "\npbxs:\n"), []string{"pbxs.1.name", "used twice"}},
		"a bad time zone":            {onePBX + "    timezone: Mars/Base\n", []string{"pbxs.0.timezone"}},
		"an outside prefix in words": {onePBX + "    outside_prefix: nine\n", []string{"patchcord.yml:9: pbxs.0.outside_prefix", "digits"}},
		"a caller rule of no region": {onePBX + "    caller_rules: [{trunk: a, region: Germany}]\n", []string{"pbxs.0.caller_rules.0.region", "two capital letters"}},
		"a caller rule in words":     {onePBX + "    caller_rules: [{strip: zero, add: plus}]\n", []string{"caller_rules.0.strip", "caller_rules.0.add"}},
		"a caller rule of nothing":   {onePBX + "    caller_rules: [{trunk: a}]\n", []string{"caller_rules.0: changes nothing"}},
		"an unknown durability":      {"buffer: redis://h\ndurability: sure\n", []string{"patchcord.yml:2: durability:", "fast, safe nor ha"}},
		"durability without Redis":   {"durability: ha\n", []string{"durability: is for a `buffer` on Redis"}},
		"a region that is none":      {strings.Replace(onePBX, "GB", "UK", 1), []string{"patchcord.yml:7: pbxs.0.region:", "GB for the United Kingdom"}},
		"an empty secret":            {strings.Replace(onePBX, "hq.secret", "empty.secret", 1), []string{"patchcord.yml:6: pbxs.0.reader.secret_file", "is empty"}},
		"a folder for a secret":      {strings.Replace(onePBX, "hq.secret", ".", 1), []string{"reader.secret_file", "folder"}},
		"a port that is none":        {strings.Replace(onePBX, "5039", "99999", 1), []string{"patchcord.yml:4: pbxs.0.address", "5038"}},
		"an address of no host":      {strings.Replace(onePBX, "pbx.example.net", "", 1), []string{"pbxs.0.address"}},
		"half an actor":              {onePBX + "    actor: {username: act}\n", []string{"patchcord.yml:9: pbxs.0.actor:", "go together"}},
		"a pattern that is none":     {onePBX + "    extensions: [\"PJSIP/a\", \"[\"]\n", []string{"patchcord.yml:9: pbxs.0.extensions.1:", "PJSIP/trunk*"}},
		"a dash and nothing":         {"pbxs:\n  -\n", []string{"patchcord.yml:2: pbxs.0: is empty"}},
		"a certificate not there":    {"tls: {cert_file: no.pem, key_file: hq.secret}\n", []string{"patchcord.yml:1: tls.cert_file:", "no.pem cannot be read"}},
		"a receiver without secret":  {"webhooks:\n  - {name: w, url: \"https://h\", secret_file: no.secret}\n", []string{"webhooks.0.secret_file", "no.secret cannot be read"}},
		"a type that is none": {"webhooks:\n  - name: w\n    url: https://h\n    secret_file: hq.secret\n    types: [call.ended, call.end]\n",
			[]string{`patchcord.yml:5: webhooks.0.types.1: "call.end" is no type of event`, "call.started", "offer.accepted", "gap.closed"}},
		"two receivers of one name": {"webhooks:\n  - {name: w, url: \"https://a\", secret_file: hq.secret}\n  - {name: w, url: \"https://b\", secret_file: hq.secret}\n",
			[]string{"patchcord.yml:3: webhooks.1.name", "used twice"}},
		"a key that is like no other": {"retention: {foo: 1d}\n", []string{"retention.foo: unknown key; remove it, or take one of calls, "}},
		"two problems at once":        {"listen: x\nbuffer: y\n", []string{"patchcord.yml:1", "patchcord.yml:2"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := loadConfig(writeConfig(t, tt.text), nil)
			if err == nil {
				t.Fatal("was taken")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q:\n%v", want, err)
				}
			}
			if strings.Contains(err.Error(), ":secret@") {
				t.Errorf("error shows a password: %v", err)
			}
		})
	}
}

// TestAnotherFileIsNotShown: what is no configuration may be somebody's secrets.
func TestAnotherFileIsNotShown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(file, []byte("alice: 1\nbert: 2\ncarl: 3\ndora: 4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, stderr := runCommand(t, "", "serve", "--config", file)
	if status != 1 || out != "" || !strings.Contains(stderr, "no line of it is one of patchcord's configuration") || strings.Contains(stderr, "alice") {
		t.Errorf("status %d, stdout %q, stderr %q", status, out, stderr)
	}
}

func TestNumberRulesReachTheFold(t *testing.T) {
	text := onePBX + "    outside_prefix: 9\n    caller_rules:\n      - {trunk: PJSIP/berlin*, region: DE, strip: 00, add: +}\n"
	c, err := loadConfig(writeConfig(t, text), []string{"PATCHCORD_PBXS_0_CALLER_RULES_1_REGION=FR"})
	if err != nil {
		t.Fatal(err)
	}
	got := c.PBXs[0].fold()
	want := []calls.CallerRule{{Trunk: "PJSIP/berlin*", Region: "DE", Strip: "00", Add: "+"}, {Region: "FR"}}
	if got.OutsidePrefix != "9" || !slices.Equal(got.CallerRules, want) {
		t.Errorf("got %q and %+v", got.OutsidePrefix, got.CallerRules)
	}
}

func TestConfigAllowsTheNetworkBehindAProxy(t *testing.T) {
	text := "listen: 0.0.0.0:8080\npublic_url: https://calls.example.net\ntrusted_proxies: [10.0.0.1]\n"
	if _, err := loadConfig(writeConfig(t, text), nil); err != nil {
		t.Error(err)
	}
}

func TestVariablesThatNameNoKeyAreTold(t *testing.T) {
	path := writeConfig(t, "listen: 127.0.0.1:0\n")
	c, err := loadConfig(path, []string{"PATCHCORD_NODE=a", "PATCHCORD_PBX_0_NAME=hq", "PATCHCORD_PBXS_1_NAME=hq", "PATCHCORD_SERVICE_PORT=tcp://10.0.0.1:80"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"PATCHCORD_PBXS_1_NAME", "PATCHCORD_PBX_0_NAME", "PATCHCORD_SERVICE_PORT"}; !slices.Equal(c.unknown, want) {
		t.Errorf("got %q, want %q", c.unknown, want)
	}
}
