package main

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"patchcord/ami/calls"
	"patchcord/buffer/redisstream"
	"patchcord/crm"
)

// Config is the configuration file. Every key may also be given as an
// environment variable: PATCHCORD_LISTEN, PATCHCORD_PBXS_0_ADDRESS and so on.
// The zero value, filled by loadConfig, is a daemon on embedded storage.
type Config struct {
	Listen         string    `yaml:"listen"`
	MetricsListen  string    `yaml:"metrics_listen"` // where Prometheus scrapes /metrics; "" means nowhere
	TLS            *TLSFiles `yaml:"tls"`
	PublicURL      string    `yaml:"public_url"`
	TrustedProxies []string  `yaml:"trusted_proxies"`
	Node           string    `yaml:"node"`
	DataDir        string    `yaml:"data_dir"`
	// DeploymentKeyFile is the key that seals signing keys in the store: the same on every node.
	DeploymentKeyFile string          `yaml:"deployment_key_file"`
	Store             string          `yaml:"store"`
	Buffer            string          `yaml:"buffer"`
	Durability        string          `yaml:"durability"`  // what an entry of the buffer on Redis survives: fast, safe or ha; "" is safe
	SpoolBytes        int64           `yaml:"spool_bytes"` // of the files that stand in for the buffer; 0 means 1 GiB
	Retention         RetentionConfig `yaml:"retention"`
	PBXs              []PBXConfig     `yaml:"pbxs"`
	CRMs              []CRMConfig     `yaml:"crms"`
	Webhooks          []WebhookConfig `yaml:"webhooks"`
	Embed             *EmbedConfig    `yaml:"embed"`

	file    string                       // where it was read from, "" without a file
	lines   map[string]int               // line of each key, by path
	unknown []string                     // variables that look like ours and name no key
	sums    map[string][sha256.Size]byte // of the files that are read once, by path
}

// TLSFiles names the certificate that browsers see. Both files are read again when they change.
type TLSFiles struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// PBXConfig is one Asterisk.
type PBXConfig struct {
	Name     string  `yaml:"name"`
	Tenant   string  `yaml:"tenant"`
	Address  string  `yaml:"address"`
	TLS      *PBXTLS `yaml:"tls"`
	Reader   Account `yaml:"reader"`
	Actor    Account `yaml:"actor"`
	Region   string  `yaml:"region"`
	Timezone string  `yaml:"timezone"`
	// OutsidePrefix is what is dialled for an outside line.
	OutsidePrefix string `yaml:"outside_prefix"`
	// CallerRules say how trunks write the numbers of callers; the first that fits counts.
	CallerRules []CallerRuleConfig `yaml:"caller_rules"`
	Trunks      []string           `yaml:"trunks"`
	Extensions  []string           `yaml:"extensions"`
	Attributes  []string           `yaml:"attributes"`
	Backfill    *BackfillConfig    `yaml:"backfill"`
}

// PBXTLS asks for TLS to a PBX. The certificate is verified against the system's
// authorities, or CAFile's, for the name in the address, or ServerName.
type PBXTLS struct {
	CAFile     string `yaml:"ca_file"`
	ServerName string `yaml:"server_name"`
}

// CallerRuleConfig is for callers of a trunk whose number begins with Strip.
type CallerRuleConfig struct {
	Trunk  string `yaml:"trunk"`
	Region string `yaml:"region"`
	Strip  string `yaml:"strip"`
	Add    string `yaml:"add"`
}

// Account is a manager user. The secret stands in a file, or in the variable PATCHCORD_PBXS_n_READER_SECRET.
type Account struct {
	Username   string     `yaml:"username"`
	SecretFile string     `yaml:"secret_file"`
	Secret     crm.Secret `yaml:"-" env:"secret"`
}

// BackfillConfig names where the PBX keeps its own call ledger.
type BackfillConfig struct {
	CDRCSV     string     `yaml:"cdr_csv"`
	CELCSV     string     `yaml:"cel_csv"`
	CELColumns []string   `yaml:"cel_columns"`
	MySQL      crm.Secret `yaml:"mysql"`
	Postgres   crm.Secret `yaml:"postgres"`
}

// WebhookConfig is one receiver of signed events (Standard Webhooks).
type WebhookConfig struct {
	Name         string          `yaml:"name"`
	URL          string          `yaml:"url"`
	SecretFile   string          `yaml:"secret_file"`
	Secret       crm.Secret      `yaml:"-" env:"secret"`
	Types        []crm.EventType `yaml:"types"`
	AllowPrivate bool            `yaml:"allow_private"`
	Tenant       string          `yaml:"tenant"`
}

const (
	defaultListen  = "127.0.0.1:8080"
	defaultDataDir = "patchcord-data"
	defaultTenant  = "default"
	embeddedLog    = "embedded"
	sqliteStore    = "sqlite"
)

// loadConfig reads the file (none when path is ""), lays the environment over
// it, fills defaults, and checks everything. The error lists every problem found.
func loadConfig(path string, environ []string) (*Config, error) {
	c := &Config{file: path, lines: map[string]int{}}
	var problems []error
	if path != "" {
		problems = append(problems, c.readFile(path)...)
	}
	unknown, bad := applyEnvironment(c, environ)
	c.unknown, problems = unknown, append(problems, bad...)
	c.fillDefaults()
	if err := errors.Join(append(problems, c.Validate()...)...); err != nil {
		return nil, err
	}
	c.sumFiles()
	return c, nil
}

func (c *Config) fillDefaults() {
	c.Listen = cmp.Or(c.Listen, defaultListen)
	c.DataDir = cmp.Or(c.DataDir, defaultDataDir)
	c.Store = cmp.Or(c.Store, sqliteStore)
	c.Buffer = cmp.Or(c.Buffer, embeddedLog)
	if c.Node == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "node"
		}
		c.Node = host
	}
	c.DataDir = c.path(c.DataDir)
	c.DeploymentKeyFile = cmp.Or(c.path(c.DeploymentKeyFile), filepath.Join(c.DataDir, "deployment.key"))
	if c.TLS != nil {
		c.TLS.CertFile, c.TLS.KeyFile = c.path(c.TLS.CertFile), c.path(c.TLS.KeyFile)
	}
	for i := range c.PBXs {
		p := &c.PBXs[i]
		p.Tenant = cmp.Or(p.Tenant, defaultTenant)
		p.Reader.SecretFile, p.Actor.SecretFile = c.path(p.Reader.SecretFile), c.path(p.Actor.SecretFile)
		if p.TLS != nil {
			p.TLS.CAFile = c.path(p.TLS.CAFile)
		}
		if p.Backfill != nil {
			p.Backfill.CDRCSV, p.Backfill.CELCSV = c.path(p.Backfill.CDRCSV), c.path(p.Backfill.CELCSV)
		}
	}
	for i := range c.Webhooks {
		c.Webhooks[i].Tenant = cmp.Or(c.Webhooks[i].Tenant, defaultTenant)
		c.Webhooks[i].SecretFile = c.path(c.Webhooks[i].SecretFile)
	}
	for i := range c.CRMs {
		m := &c.CRMs[i]
		m.Tenant = cmp.Or(m.Tenant, defaultTenant)
		m.SecretFile, m.CAFile = c.path(m.SecretFile), c.path(m.CAFile)
	}
}

// path makes a path of the file relative to the file's folder.
func (c *Config) path(p string) string {
	if p == "" || filepath.IsAbs(p) || c.file == "" {
		return p
	}
	return filepath.Join(filepath.Dir(c.file), p)
}

var pbxName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

// Validate returns every problem of the configuration, each naming key, line and fix.
func (c *Config) Validate() []error {
	var bad []error
	report := func(key, format string, args ...any) { bad = append(bad, c.problem(key, format, args...)) }

	c.validateListen(report)
	if !validURL(c.Store, "postgres", "postgresql") && c.Store != sqliteStore {
		report("store", "%q is neither %q nor postgres://user@host/db", redactURL(c.Store), sqliteStore)
	}
	if !validURL(c.Buffer, "redis", "rediss", "redis-sentinel", "redis-cluster") && c.Buffer != embeddedLog {
		report("buffer", "%q is neither %q nor a redis://, rediss://, redis-sentinel:// or redis-cluster:// address", redactURL(c.Buffer), embeddedLog)
	}
	switch {
	case !slices.Contains([]string{"", string(redisstream.Fast), string(redisstream.Safe), string(redisstream.HA)}, c.Durability):
		report("durability", "%q is neither fast, safe nor ha", c.Durability)
	case c.Durability != "" && c.Buffer == embeddedLog:
		report("durability", "is for a `buffer` on Redis; the embedded one is always on the disk before anything counts on it")
	}
	if c.SpoolBytes != 0 && c.SpoolBytes < 32<<20 {
		report("spool_bytes", "%d is too little for two segments of 16 MiB; leave it out for 1 GiB", c.SpoolBytes)
	}
	c.Retention.validate(report)
	names := map[string]bool{}
	for i := range c.PBXs {
		p, key := &c.PBXs[i], fmt.Sprintf("pbxs.%d", i)
		p.validate(key, report)
		if names[p.Name] {
			report(key+".name", "%q is used twice; every PBX needs its own name, it begins every call id", p.Name)
		}
		names[p.Name] = true
	}
	receivers := map[string]bool{}
	for i := range c.Webhooks {
		w, key := &c.Webhooks[i], fmt.Sprintf("webhooks.%d", i)
		w.validate(key, report)
		if receivers[w.Name] {
			report(key+".name", "%q is used twice; each receiver needs its own, or every event would go to one of them alone", w.Name)
		}
		receivers[w.Name] = true
	}
	c.validateCRMs(report)
	c.validateEmbed(report)
	return bad
}

type reporter func(key, format string, args ...any)

func (c *Config) validateListen(report reporter) {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		report("listen", "%q is not host:port, such as %s", c.Listen, defaultListen)
		return
	}
	if c.TLS != nil && (c.TLS.CertFile == "" || c.TLS.KeyFile == "") {
		report("tls", "both cert_file and key_file are needed")
	}
	if c.TLS != nil {
		reportFile(report, "tls.cert_file", c.TLS.CertFile)
		reportFile(report, "tls.key_file", c.TLS.KeyFile)
	}
	if _, _, err := net.SplitHostPort(c.MetricsListen); c.MetricsListen != "" && err != nil {
		report("metrics_listen", "%q is not host:port, such as 127.0.0.1:9464", c.MetricsListen)
	}
	https := false
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || strings.TrimSuffix(u.Path, "/") != "" {
			report("public_url", "%q is not an address such as https://calls.example.net", c.PublicURL)
			return
		}
		https = u.Scheme == "https"
	}
	for i, p := range c.TrustedProxies {
		if _, err := netip.ParseAddr(p); err == nil {
			continue
		}
		if _, err := netip.ParsePrefix(p); err != nil {
			report(fmt.Sprintf("trusted_proxies.%d", i), "%q is neither an address nor a network such as 10.0.0.0/8", p)
		}
	}
	behindProxy := https && len(c.TrustedProxies) > 0
	if !loopback(host) && c.TLS == nil && !behindProxy {
		report("listen", "%s is open to the network without encryption: set `tls`, or a `public_url` of https with `trusted_proxies`, or listen on 127.0.0.1", c.Listen)
	}
}

func (p *PBXConfig) validate(key string, report reporter) {
	if !pbxName.MatchString(p.Name) {
		report(key+".name", "%q is no name of a PBX; use small letters, digits, - and _, at most 32", p.Name)
	}
	host, port, err := net.SplitHostPort(p.Address)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" {
		report(key+".address", "%q is not host:port; the manager listens on 5038, with TLS on 5039", p.Address)
	}
	if p.Reader.Username == "" {
		report(key+".reader.username", "is missing: name a user of manager.conf (`patchcord check` prints a stanza for it)")
	}
	if p.Reader.SecretFile == "" && p.Reader.Secret == "" {
		report(key+".reader.secret_file", "is missing: name a file that holds the manager user's secret")
	}
	if has := p.Actor.SecretFile != "" || p.Actor.Secret != ""; has != (p.Actor.Username != "") {
		report(key+".actor", "username and secret_file go together")
	}
	for _, a := range []struct {
		key string
		Account
	}{{key + ".reader", p.Reader}, {key + ".actor", p.Actor}} {
		if strings.ContainsFunc(a.Username, unicode.IsControl) {
			report(a.key+".username", "%q is no section of manager.conf", a.Username)
		}
		reportFile(report, a.key+".secret_file", a.SecretFile)
	}
	if p.Timezone != "" {
		if _, err := time.LoadLocation(p.Timezone); err != nil {
			report(key+".timezone", "%q is no time zone such as Europe/London", p.Timezone)
		}
	}
	p.validateNumbers(key, report)
	p.validatePatterns(key, report)
	p.Backfill.validate(key+".backfill", report)
	if p.TLS != nil {
		reportFile(report, key+".tls.ca_file", p.TLS.CAFile)
	}
}

// reportFile reports a file that is missing or holds nothing. Whether the daemon's user may read it only he can
// tell: who runs another command may be somebody else.
func reportFile(report reporter, key, path string) {
	if path == "" {
		return
	}
	switch info, err := os.Stat(path); {
	case err != nil:
		report(key, "%s cannot be read: %v", path, errors.Unwrap(err))
	case info.IsDir():
		report(key, "%s cannot be read: it is a folder", path)
	case info.Mode().IsRegular() && info.Size() == 0:
		report(key, "%s is empty", path)
	}
}

// validatePatterns reports what the fold would refuse.
func (p *PBXConfig) validatePatterns(key string, report reporter) {
	for _, list := range []struct {
		key      string
		patterns []string
	}{{".trunks", p.Trunks}, {".extensions", p.Extensions}} {
		for i, s := range list.patterns {
			if _, err := calls.New(calls.Config{PBX: p.Name, Extensions: []string{s}}); err != nil && p.Name != "" {
				report(fmt.Sprintf("%s%s.%d", key, list.key, i), "%q is no pattern; write one such as \"PJSIP/trunk*\", or a regular expression that begins with ^", s)
			}
		}
	}
}

var dialString = regexp.MustCompile(`^\+?[0-9*#]{0,20}$`)

// reportRegion reports what no number can be of: UK, say, which is no code of a country.
func reportRegion(report reporter, key, region string) {
	if region != "" && !crm.IsRegion(region) {
		report(key, "%q is no country code of two capital letters, such as GB for the United Kingdom", region)
	}
}

func (p *PBXConfig) validateNumbers(key string, report reporter) {
	reportRegion(report, key+".region", p.Region)
	if !dialString.MatchString(p.OutsidePrefix) {
		report(key+".outside_prefix", "%q cannot be dialled; write digits such as \"9\"", p.OutsidePrefix)
	}
	for i, r := range p.CallerRules {
		at := fmt.Sprintf("%s.caller_rules.%d", key, i)
		reportRegion(report, at+".region", r.Region)
		if !dialString.MatchString(r.Strip) {
			report(at+".strip", "%q cannot begin a number; write digits such as \"0\"", r.Strip)
		}
		if !dialString.MatchString(r.Add) {
			report(at+".add", "%q cannot begin a number; write digits such as \"+49\"", r.Add)
		}
		if r == (CallerRuleConfig{Trunk: r.Trunk}) {
			report(at, "changes nothing; name a region, or what to strip and add")
		}
	}
}

func (w *WebhookConfig) validate(key string, report reporter) {
	if !pbxName.MatchString(w.Name) {
		report(key+".name", "%q is no name; use small letters, digits, - and _, at most 32", w.Name)
	}
	if !validURL(w.URL, "https", "http") {
		report(key+".url", "%q is not an https:// address", redactURL(w.URL))
	}
	if w.SecretFile == "" && w.Secret == "" {
		report(key+".secret_file", "is missing: name a file with the signing secret (whsec_…)")
	}
	reportFile(report, key+".secret_file", w.SecretFile)
	for i, typ := range w.Types {
		if !slices.Contains(crm.EventTypes[:], typ) {
			report(fmt.Sprintf("%s.types.%d", key, i), "%q is no type of event; take some of %s, or leave types out for all", typ, strings.ReplaceAll(strings.Trim(fmt.Sprint(crm.EventTypes), "[]"), " ", ", "))
		}
	}
}

// problem is an error that names the key, its line and file, and what to do.
func (c *Config) problem(key, format string, args ...any) error {
	where := c.file
	for path := key; ; path = parentPath(path) {
		if line, ok := c.lines[path]; ok && (path != "" || key == "") { // a missing key stands in no line
			where = fmt.Sprintf("%s:%d", c.file, line)
			break
		}
		if path == "" {
			break
		}
	}
	msg := strings.TrimPrefix(fmt.Sprintf("%s: %s", key, fmt.Sprintf(format, args...)), ": ")
	if where == "" {
		return errors.New(msg)
	}
	return errors.New(where + ": " + msg)
}

func parentPath(path string) string {
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		return path[:i]
	}
	return ""
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func validURL(s string, schemes ...string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host+u.Path != "" && slices.Contains(schemes, u.Scheme)
}

// redactURL hides what stands before an @ in an address.
func redactURL(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return s
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = "…" + rest[i:]
	}
	return scheme + "://" + rest
}

// readSecret returns the account's secret. It is read at every login, so that a
// changed file is taken without a restart. The file's last newline is not part of it.
func (a Account) readSecret() (string, error) { return secretOf(a.Secret, a.SecretFile) }

func secretOf(given crm.Secret, file string) (string, error) {
	if given != "" || file == "" {
		return string(given), nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r"), nil
}
