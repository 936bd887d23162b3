package main

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	crmsync "patchcord/sync"
)

// makeCRM makes what serves a CRM: a worker that writes calls, a pull of its contacts and a daily
// reconciliation, each with goroutines and connections of its own, so that a slow CRM delays no other.
func (d *daemon) makeCRM(x *unit, m *CRMConfig, region string) error {
	dest := &crmsync.Destination{Peers: d.nodes.Peers, Observe: d.metrics.requested(m.Name)}
	vault, err := newVault(d.store, d.key, m.Name)
	if err != nil {
		return err
	}
	connector, err := m.connect(crmParts{quota: &dest.Quota, vault: vault})
	if err != nil {
		return err
	}
	records, err := crmsync.NewRecords(crmsync.RecordsConfig{
		Name: m.Name, Tenant: m.Tenant, Connector: connector, Calls: d.store, Owners: m.Owners, DefaultOwner: m.DefaultOwner,
		Directions: m.Directions, CallURL: m.CallURL, Mapping: crmsync.Mapping{Fields: m.Fields, Values: m.Values},
		Destination: dest, Logger: d.log,
	})
	if err != nil {
		return err
	}
	feed := d.feeds[m.Tenant]
	if feed == nil {
		feed = crmsync.NewFeed(d.store, m.Tenant, crmsync.RecordEvents...)
		d.feeds[m.Tenant] = feed
	}
	worker := crmsync.NewWorker(crmsync.Config{
		Store: d.store, Tenant: m.Tenant, Remote: records, Destination: dest, Logger: d.log,
		Rate: float64(cmp.Or(m.Rate, 5)), Linger: 5 * time.Second, Lease: 2 * time.Minute, Feed: feed,
	})
	x.crm = &crmService{cfg: m, dest: dest, records: records, worker: worker}
	x.add("CRM "+m.Name, worker.Run)
	if contacts, ok := connector.(crmsync.Contacts); ok && !m.NoContacts {
		x.crm.pull = crmsync.NewPull(crmsync.PullConfig{
			Name: m.Name, Tenant: m.Tenant, Contacts: contacts, Store: d.store, Region: region, Destination: dest, Logger: d.log,
		})
		x.add("contacts of "+m.Name, x.crm.pull.Run)
	}
	if audited, ok := connector.(crmsync.Audited); ok && m.Reconcile != "off" {
		x.crm.reconcile = crmsync.NewReconcile(crmsync.ReconcileConfig{
			Tenant: m.Tenant, Records: records, Audited: audited, Store: d.store, ReportOnly: m.ReportOnly, Destination: dest, Logger: d.log,
		})
		x.add("reconciliation of "+m.Name, x.crm.reconcile.Run)
	}
	return nil
}

// connect makes the connector; its HTTP client is made here.
func (m *CRMConfig) connect(with crmParts) (crmsync.Connector, error) {
	secret, err := secretOf(m.Secret, m.SecretFile)
	if err != nil {
		return nil, err
	}
	var roots *x509.CertPool
	if m.CAFile != "" {
		pem, err := os.ReadFile(m.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read ca_file: %w", err)
		}
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM form", filepath.Base(m.CAFile))
		}
	}
	transport := crmsync.NewTransport(roots)
	if m.Proxy != "" {
		at, err := url.Parse(m.Proxy)
		if err != nil {
			return nil, fmt.Errorf("address of the proxy: %w", err)
		}
		transport.Proxy = http.ProxyURL(at)
	}
	with.client = crmsync.Client{Transport: transport}
	return crmKinds[m.Kind].connect(m, secret, with)
}

// region is where the CRM's numbers without a country code are dialled.
func (c *Config) region(m *CRMConfig) string { return cmp.Or(m.Region, c.homeRegion()) }

// homeRegion is where numbers without a country code are dialled, when nothing nearer says so: as at the first PBX.
func (c *Config) homeRegion() string {
	if len(c.PBXs) == 0 {
		return ""
	}
	return c.PBXs[0].Region
}
