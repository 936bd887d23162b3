package postgres

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"patchcord/crm"
	"patchcord/crm/postgres/pgtest"
)

// with returns an address with a part of it changed.
func with(t *testing.T, address string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	change(u)
	return u.String()
}

func TestADatabaseThatCannotBeOpenedIsToldWithWhatToDo(t *testing.T) {
	address := pgtest.Start(t)
	openAt(t, address)
	outside(t, address, `CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'`)
	outside(t, address, `CREATE ROLE poor LOGIN`)
	defer outside(t, address, `DROP ROLE poor`)
	defer outside(t, address, `DROP DATABASE latin`)
	tests := map[string]struct {
		address string
		want    string
	}{
		"another encoding": {with(t, address, func(u *url.URL) { u.Path = "/latin" }), "LATIN1; make one: createdb --encoding UTF8"},
		"no database":      {with(t, address, func(u *url.URL) { u.Path = "/nowhere" }), "make it: createdb"},
		"no rights":        {with(t, address, func(u *url.URL) { u.User = url.User("poor") }), "OWNER TO"},
		"no server":        {"postgres://u@127.0.0.1:1/d?sslmode=disable", "see that PostgreSQL runs there"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), tt.address, Config{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to say %q", err, tt.want)
			}
			if unavailable := errors.Is(err, crm.ErrUnavailable); unavailable != (name == "no server") {
				t.Errorf("unavailable: %v", unavailable)
			}
		})
	}
}

// TestAConnectionIsNotWaitedForForEver: what listens at the address may be no PostgreSQL.
func TestAConnectionIsNotWaitedForForEver(t *testing.T) {
	for address, want := range map[string]time.Duration{
		"postgres://u@127.0.0.1:1/d":                   connectWithin,
		"postgres://u@127.0.0.1:1/d?connect_timeout=2": 2 * time.Second,
	} {
		s := &Store{}
		p, err := s.openPool(t.Context(), address, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Config().ConnConfig.ConnectTimeout; got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
		p.Close()
	}
}
