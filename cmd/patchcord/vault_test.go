package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"patchcord/crm/auth"
)

func TestAVaultIsOpenedByItsKeyAlone(t *testing.T) {
	dir := t.TempDir()
	cfg := &Config{Store: sqliteStore, DataDir: dir, DeploymentKeyFile: filepath.Join(dir, "deployment.key")}
	store, err := openStore(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	v, err := newVault(store, bytes.Repeat([]byte{7}, auth.KeyLen), "bitrix")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.Load(t.Context()); got != nil || err != nil {
		t.Errorf("an empty one holds %q, %v", got, err)
	}
	for _, secret := range []string{"first", "second"} {
		if err := v.Save(t.Context(), []byte(secret)); err != nil {
			t.Fatal(err)
		}
		if got, err := v.Load(t.Context()); string(got) != secret || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, secret)
		}
	}
	kept, err := store.Setting(t.Context(), "crm/bitrix/secret")
	if err != nil || bytes.Contains(kept, []byte("second")) {
		t.Errorf("the store holds %q, %v", kept, err)
	}
	other, err := newVault(store, bytes.Repeat([]byte{8}, auth.KeyLen), "bitrix")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := other.Load(t.Context()); got != nil || err != nil {
		t.Errorf("with another key %q, %v", got, err)
	}
	checked := daemonVault{cfg, "bitrix"} // what check uses, with the key of the file
	if err := checked.Save(t.Context(), []byte("third")); err != nil {
		t.Fatal(err)
	}
	if got, err := checked.Load(t.Context()); string(got) != "third" || err != nil {
		t.Errorf("check keeps %q, %v", got, err)
	}
}
