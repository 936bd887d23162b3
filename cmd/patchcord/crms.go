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

// addCRMs makes what serves every CRM: a worker that writes calls, a pull of its contacts and a daily
// reconciliation, each with goroutines and connections of its own, so that a slow CRM delays no other.
func (d *daemon) addCRMs() error {
	feeds := map[string]*crmsync.Feed{} // by tenant: the log is read once for all its CRMs
	for i := range d.cfg.CRMs {
		m := &d.cfg.CRMs[i]
		if feeds[m.Tenant] == nil {
			feeds[m.Tenant] = crmsync.NewFeed(d.store, m.Tenant, crmsync.RecordEvents...)
		}
		if err := d.addCRM(m, feeds[m.Tenant]); err != nil {
			return d.cfg.problem(fmt.Sprintf("crms.%d", i), "%v", err)
		}
	}
	return nil
}

func (d *daemon) addCRM(m *CRMConfig, feed *crmsync.Feed) error {
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
	worker := crmsync.NewWorker(crmsync.Config{
		Store: d.store, Tenant: m.Tenant, Remote: records, Destination: dest, Logger: d.log,
		Rate: float64(cmp.Or(m.Rate, 5)), Linger: 5 * time.Second, Lease: 2 * time.Minute, Feed: feed,
	})
	service := &crmService{cfg: m, dest: dest, records: records, worker: worker}
	d.crms.list = append(d.crms.list, service)
	d.add("CRM "+m.Name, worker.Run)
	if contacts, ok := connector.(crmsync.Contacts); ok && !m.NoContacts {
		service.pull = crmsync.NewPull(crmsync.PullConfig{
			Name: m.Name, Tenant: m.Tenant, Contacts: contacts, Store: d.store, Region: d.cfg.region(m), Destination: dest, Logger: d.log,
		})
		d.add("contacts of "+m.Name, service.pull.Run)
	}
	if audited, ok := connector.(crmsync.Audited); ok && m.Reconcile != "off" {
		service.reconcile = crmsync.NewReconcile(crmsync.ReconcileConfig{
			Tenant: m.Tenant, Records: records, Audited: audited, Store: d.store, ReportOnly: m.ReportOnly, Destination: dest, Logger: d.log,
		})
		d.add("reconciliation of "+m.Name, service.reconcile.Run)
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
func (c *Config) region(m *CRMConfig) string {
	if m.Region != "" || len(c.PBXs) == 0 {
		return m.Region
	}
	return c.PBXs[0].Region
}
