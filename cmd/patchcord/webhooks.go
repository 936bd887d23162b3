package main

import (
	"errors"
	"strings"

	"patchcord/crm"
	crmsync "patchcord/sync"
	"patchcord/sync/webhook"
)

// makeWebhook makes a worker for a receiver of signed events.
func (d *daemon) makeWebhook(x *unit, w *WebhookConfig) error {
	remote, err := w.remote()
	if err != nil {
		return err
	}
	worker := crmsync.NewWorker(crmsync.Config{
		Store: d.store, Tenant: w.Tenant, Remote: remote, Feed: crmsync.NewFeed(d.store, w.Tenant, w.Types...), Logger: d.log,
	})
	x.add("webhook "+w.Name, worker.Run)
	return nil
}

// remote returns the receiver. The secret file has one secret a line: two while
// one replaces the other.
func (w *WebhookConfig) remote() (*webhook.Remote, error) {
	text, err := secretOf(w.Secret, w.SecretFile)
	if err != nil {
		return nil, err
	}
	var secrets []crm.Secret
	for s := range strings.Lines(text) {
		if s = strings.TrimSpace(s); s != "" {
			secrets = append(secrets, crm.Secret(s))
		}
	}
	if len(secrets) == 0 {
		return nil, errors.New("the secret is empty; put a line whsec_… into secret_file")
	}
	return webhook.New(webhook.Config{
		Name: w.Name, URL: w.URL, Secrets: secrets, Types: w.Types, AllowPrivate: w.AllowPrivate,
	})
}

// destinations is where events of each tenant go, for the API: webhooks and CRMs.
type destinations map[string][]string

func (c *Config) destinations() destinations {
	d := destinations{}
	for _, w := range c.Webhooks {
		d[w.Tenant] = append(d[w.Tenant], w.Name)
	}
	for _, m := range c.CRMs {
		d[m.Tenant] = append(d[m.Tenant], m.Name)
	}
	return d
}

// Destinations implements the API's need.
func (d destinations) Destinations(tenant string) []string { return d[tenant] }

// targets is where events go now.
type targets struct{ current[destinations] }

// Destinations implements the API's need.
func (t *targets) Destinations(tenant string) []string { return t.get()[tenant] }
