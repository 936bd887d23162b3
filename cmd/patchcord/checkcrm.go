package main

import (
	"context"
	"errors"

	"patchcord/crm/auth"
	crmsync "patchcord/sync"
)

// checkCRM logs in to a CRM and looks for an activity that cannot be there: that proves the credentials, the right to
// read, and the field that keeps our key. Then it reads a page of contacts. Nothing is written.
func (c *checkCmd) checkCRM(ctx context.Context, cfg *Config, m *CRMConfig, r *report) {
	about := "crm " + m.Name
	connector, err := m.connect(crmParts{quota: &crmsync.Quota{}, vault: daemonVault{cfg, m.Name}})
	if err != nil {
		r.say(broken, about, "%v", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	if _, err := connector.Find(ctx, []string{crmsync.Key(m.Tenant, "")}); err != nil {
		r.say(broken, about, "%v", err)
		return
	}
	r.say(fine, about, "takes our login, and has the field that keeps a call's key")
	if contacts, ok := connector.(crmsync.Contacts); ok && !m.NoContacts {
		if _, err := contacts.Pull(ctx, ""); err != nil {
			r.say(broken, about, "its contacts cannot be read: %v", err)
			return
		}
		r.say(fine, about, "lets us read its contacts")
	}
}

// daemonVault is the vault of the daemon whose configuration that is: a refresh token that counts once and is renewed here must be
// there for it. The store is open only while it is asked.
type daemonVault struct {
	cfg *Config
	crm string
}

// Load implements bitrix24.Vault.
func (d daemonVault) Load(ctx context.Context) (secret []byte, err error) {
	err = d.with(ctx, func(v *vault) error {
		secret, err = v.Load(ctx)
		return err
	})
	return secret, err
}

// Save implements bitrix24.Vault.
func (d daemonVault) Save(ctx context.Context, secret []byte) error {
	return d.with(ctx, func(v *vault) error { return v.Save(ctx, secret) })
}

func (d daemonVault) with(ctx context.Context, do func(*vault) error) error {
	store, err := openStore(ctx, d.cfg)
	if err != nil {
		return err
	}
	key, err := auth.LoadKey(d.cfg.DeploymentKeyFile)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	v, err := newVault(store, key, d.crm)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	return errors.Join(do(v), store.Close())
}
