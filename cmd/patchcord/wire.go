package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"patchcord/ami"
	"patchcord/ami/intake"
	"patchcord/buffer"
	"patchcord/crm"
	"patchcord/crm/api"
	"patchcord/crm/auth"
	"patchcord/push"
	"patchcord/push/desk"
	crmsync "patchcord/sync"
)

// daemon is every part, put together. This file is the one place that knows them all.
type daemon struct {
	cfg      *Config
	log      *slog.Logger
	data     *dataDir
	store    crm.Store
	frames   buffer.Log
	witness  *intake.Witness // stands directly before the log that the nodes share
	follow   buffer.Follower // that log, when other nodes write to it; else nil
	nodes    *intake.Nodes
	id       string // of this node
	auth     *auth.Service
	people   *intake.People
	house    *house
	dead     *deadLetters
	hub      *push.Hub
	evidence *evidenceWriter
	metrics  *metrics
	key      []byte // of the deployment
	web      *webServer
	scraped  *webServer // /metrics; nil without metrics_listen
	crms     crmServices
	targets  targets
	feeds    map[string]*crmsync.Feed // by tenant: the log is read once for all its CRMs
	crew     *crew
	parts    []part
}

// openDaemon opens everything that has to be open before the first frame. What
// cannot be opened is an error that says what to do; PBXs are not tried here.
func openDaemon(ctx context.Context, cfg *Config, log *slog.Logger) (_ *daemon, err error) {
	d := &daemon{cfg: cfg, log: log, feeds: map[string]*crmsync.Feed{}}
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	if d.data, err = openDataDir(cfg.DataDir); err != nil {
		return nil, err
	}
	if d.store, err = openStore(ctx, cfg); err != nil {
		return nil, err
	}
	shared, err := openLog(ctx, cfg, true, log)
	if err != nil {
		return nil, err
	}
	if d.frames, err = openSpool(cfg, d.shareLog(shared), log); err != nil {
		return nil, err
	}
	if err := d.openNodes(ctx); err != nil {
		return nil, err
	}
	if d.key, err = auth.LoadKey(cfg.DeploymentKeyFile); err != nil {
		return nil, err
	}
	if d.auth, err = auth.New(auth.Config{Store: d.store, Key: d.key, Log: log}); err != nil {
		return nil, err
	}
	tenants := cfg.tenants()
	d.people = intake.NewPeople(d.store, tenants, log)
	d.house = &house{people: d.people}
	d.dead = &deadLetters{letters: buffer.NewDeadLetters(d.witness, log)} // not by the spool: other nodes read them
	d.evidence, d.metrics = newEvidenceWriter(d.store, log), newMetrics()
	d.hub = push.New(push.Config{
		Live: d.house, Events: d.store, Sessions: d.auth, Logger: log, CheckEvery: checkLogins,
		OnAck:      d.evidence.acknowledged,
		OnDelivery: func(p push.Delivery) { d.metrics.delivered(p); d.evidence.delivered(p) },
	})
	units, err := d.build(cfg, nil)
	if err != nil {
		return nil, err
	}
	d.crew = newCrew(units)
	d.show(cfg, units)
	if err := d.addWeb(); err != nil {
		return nil, err
	}
	if err := d.addMetrics(); err != nil {
		return nil, err
	}
	follow := &follower{store: d.store, tenants: tenants, publish: d.hub.Publish, warn: log.Warn}
	d.add("people", d.people.Run)
	d.add("follow", follow.run)
	d.add("push", d.hub.Run)
	d.add("evidence", d.evidence.run)
	d.add("retention", newRetention(cfg, &d.targets, d.store, log).run)
	d.add("web", d.web.run)
	d.add("what is configured", d.crew.run)
	return d, nil
}

func (d *daemon) add(name string, run func(context.Context) error) {
	d.parts = append(d.parts, part{name, run})
}

// Close closes what openDaemon opened. Run has returned, or was never called.
func (d *daemon) Close() error {
	var errs []error
	if d.crew != nil {
		errs = d.crew.close()
	}
	if d.web != nil {
		d.web.listener.Close()
	}
	if d.scraped != nil {
		d.scraped.listener.Close()
	}
	if d.frames != nil {
		errs = append(errs, d.frames.Close())
	}
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	if d.data != nil {
		errs = append(errs, d.data.Close())
	}
	return errors.Join(errs...)
}

// makeLine makes the line of a PBX.
func (d *daemon) makeLine(x *unit, p *PBXConfig) error {
	session, err := p.session(d.log)
	if err != nil {
		return err
	}
	tenant := p.Tenant
	x.line = intake.New(intake.Config{
		PBX: p.Name, Tenant: tenant, Node: d.id,
		Nodes: d.nodes, Follow: d.follow, Witness: d.witness,
		Session: session, Fold: p.fold(),
		Log: d.frames, Dead: d.dead.letters, Store: d.store, People: d.people, Logger: d.log,
		Publish:  func(e *crm.Event) { d.hub.Publish(e); d.metrics.published(e) },
		OnStale:  d.evidence.stale,
		OnStatus: func(s intake.Status) { d.hub.SetPBX(tenant, shownState(s)) },
	})
	x.add("PBX "+p.Name, x.line.Run)
	return d.addBackfill(x, p)
}

func (d *daemon) addWeb() error {
	proxies, err := d.cfg.proxies()
	if err != nil {
		return err
	}
	a, err := api.New(api.Config{
		Store: d.store, Auth: d.auth, Live: d.house, Status: d.house, Destinations: &d.targets, CRMs: &d.crms, DeadLetters: d.dead,
		PublicURL: d.cfg.PublicURL, TrustedProxies: proxies, Region: d.cfg.homeRegion(), Version: version(), Log: d.log,
	})
	if err != nil {
		return err
	}
	a.Handle("GET /v1/push", push.NewHandler(d.hub, push.HandlerConfig{Tickets: redeemer{d.auth}, PublicURL: d.cfg.PublicURL}))
	pages, err := desk.Handler(desk.Config{Version: version(), Embed: d.cfg.Embed.page()})
	if err != nil {
		return err
	}
	a.HandlePages(pages)
	d.web, err = listenWeb(d.cfg, a.Handler(), d.log)
	return err
}

// setupLink returns the one-time link to create the owner, "" when there is one.
func (d *daemon) setupLink(ctx context.Context) (string, error) {
	token, err := d.auth.SetupToken(ctx, defaultTenant)
	if errors.Is(err, crm.ErrConflict) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	base := d.cfg.PublicURL
	if base == "" {
		base = d.web.url
	}
	return strings.TrimSuffix(base, "/") + "/#setup=" + token, nil
}

// tenants returns every tenant that the configuration names.
func (c *Config) tenants() []string {
	list := []string{defaultTenant}
	for _, p := range c.PBXs {
		list = append(list, p.Tenant)
	}
	for _, w := range c.Webhooks {
		list = append(list, w.Tenant)
	}
	for _, m := range c.CRMs {
		list = append(list, m.Tenant)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (c *Config) proxies() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, s := range c.TrustedProxies {
		if addr, err := netip.ParseAddr(s); err == nil {
			list = append(list, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("trusted_proxies: %w", err)
		}
		list = append(list, prefix)
	}
	return list, nil
}

// session returns how to log in to the PBX as its reader.
func (p *PBXConfig) session(log *slog.Logger) (ami.Config, error) {
	c := ami.Config{
		Name: p.Name, Address: p.Address, Username: p.Reader.Username, Secret: p.Reader.readSecret,
		Needs: []string{"CoreShowChannels", "QueueStatus"}, Log: log,
	}
	if p.TLS == nil {
		if host, _, err := net.SplitHostPort(p.Address); err == nil && !loopback(host) {
			log.Warn("the manager session is not encrypted; set `tls` for this PBX", "pbx", p.Name)
		}
		return c, nil
	}
	c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: p.TLS.ServerName}
	if p.TLS.CAFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(p.TLS.CAFile)
	if err != nil {
		return c, fmt.Errorf("PBX %s: read ca_file: %w", p.Name, err)
	}
	c.TLS.RootCAs = x509.NewCertPool()
	if !c.TLS.RootCAs.AppendCertsFromPEM(pem) {
		return c, fmt.Errorf("PBX %s: %s holds no certificate in PEM form", p.Name, filepath.Base(p.TLS.CAFile))
	}
	return c, nil
}

// redeemer exchanges push tickets.
type redeemer struct{ auth *auth.Service }

// Redeem returns whom the ticket was given to.
func (r redeemer) Redeem(ctx context.Context, ticket, origin string) (crm.Principal, error) {
	return r.auth.RedeemPushTicket(ctx, ticket, origin)
}
