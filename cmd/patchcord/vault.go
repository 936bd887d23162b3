package main

import (
	"context"
	"errors"

	"patchcord/crm"
	"patchcord/crm/auth"
)

// vault keeps a secret of a CRM in the store, sealed with the deployment key: every node reads what one has written.
type vault struct {
	store settings
	box   *auth.Box
	key   string
}

// settings is what a vault needs of a crm.Store.
type settings interface {
	Setting(ctx context.Context, key string) ([]byte, error)
	SetSetting(ctx context.Context, key string, value []byte, onlyNew bool) error
}

func newVault(store settings, deploymentKey []byte, crmName string) (*vault, error) {
	key := "crm/" + crmName + "/secret"
	box, err := auth.NewBox(deploymentKey, key)
	return &vault{store, box, key}, err
}

// Load returns what was saved last, nil before the first time. What another deployment key has sealed is as good as not there.
func (v *vault) Load(ctx context.Context) ([]byte, error) {
	sealed, err := v.store.Setting(ctx, v.key)
	if errors.Is(err, crm.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	secret, err := v.box.Open(sealed)
	if err != nil {
		return nil, nil //nolint:nilerr // it cannot be read, and never will be
	}
	return secret, nil
}

// Save seals and stores a secret in place of the last.
func (v *vault) Save(ctx context.Context, secret []byte) error {
	sealed, err := v.box.Seal(secret)
	if err != nil {
		return err
	}
	return v.store.SetSetting(ctx, v.key, sealed, false)
}
