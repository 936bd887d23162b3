package sqlite

import (
	"context"
	"errors"
	"strings"
	"time"

	"patchcord/crm"
	"patchcord/crm/internal/stored"
)

const userColumns = `id, tenant, name, role, password_hash, disabled, version, created`

// CreateUser implements crm.UserStore.
func (s *Store) CreateUser(ctx context.Context, u crm.User) error {
	return s.write(ctx, "create user", func(t tx) error {
		_, err := t.exec(ctx, `
			INSERT INTO users (`+userColumns+`, name_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			u.ID, u.Tenant, u.Name, string(u.Role), u.PasswordHash, u.Disabled, u.Version, ms(u.CreatedAt.Time),
			strings.ToLower(u.Name))
		return err
	})
}

// UserByName implements crm.UserStore.
func (s *Store) UserByName(ctx context.Context, tenant, name string) (crm.User, error) {
	return s.user(ctx, `WHERE tenant = $1 AND name_key = $2`, tenant, strings.ToLower(name))
}

// User implements crm.UserStore.
func (s *Store) User(ctx context.Context, id string) (crm.User, error) {
	return s.user(ctx, `WHERE id = $1`, id)
}

func (s *Store) user(ctx context.Context, where string, args ...any) (crm.User, error) {
	found, err := s.users(ctx, "read user", where, args...)
	if err == nil && len(found) == 0 {
		err = s.wrap(ctx, "read user", crm.ErrNotFound)
	}
	if err != nil {
		return crm.User{}, err
	}
	return found[0], nil
}

// Users implements crm.UserStore.
func (s *Store) Users(ctx context.Context, tenant string) ([]crm.User, error) {
	return s.users(ctx, "list users", `WHERE tenant = $1 ORDER BY name_key`, tenant)
}

// UsersRevision implements crm.UserStore.
func (s *Store) UsersRevision(ctx context.Context, tenant string) (n int64, err error) {
	err = s.read(ctx, "read revision of users", func(t tx) error {
		err := t.one(ctx, `SELECT revision FROM user_revisions WHERE tenant = $1`, []any{tenant}, &n)
		if errors.Is(err, crm.ErrNotFound) {
			return nil // no user yet
		}
		return err
	})
	return n, err
}

func (s *Store) users(ctx context.Context, doing, where string, args ...any) ([]crm.User, error) {
	found := []crm.User{}
	err := s.read(ctx, doing, func(t tx) error {
		return t.each(ctx, `SELECT `+userColumns+` FROM users `+where, args, func(scan scan) error {
			var u crm.User
			err := scan(&u.ID, &u.Tenant, &u.Name, &u.Role, &u.PasswordHash, &u.Disabled, &u.Version, timeAt{&u.CreatedAt})
			found = append(found, u)
			return err
		})
	})
	return found, err
}

// UpdateUser implements crm.UserStore.
func (s *Store) UpdateUser(ctx context.Context, u crm.User) error {
	return s.write(ctx, "update user", func(t tx) error {
		n, err := t.exec(ctx, `
			UPDATE users SET role = $2, password_hash = $3, disabled = $4, version = $5 WHERE id = $1`,
			u.ID, string(u.Role), u.PasswordHash, u.Disabled, u.Version)
		if err == nil && n == 0 {
			return crm.ErrNotFound
		}
		return err
	})
}

// Bind implements crm.UserStore.
func (s *Store) Bind(ctx context.Context, b crm.Binding, alone bool) error {
	return s.write(ctx, "bind extension", func(t tx) error {
		var tenant string
		if err := t.one(ctx, `SELECT tenant FROM users WHERE id = $1`, []any{b.UserID}, &tenant); err != nil {
			return err
		}
		var rows []stored.Bound
		err := t.each(ctx, `SELECT no, user_id, since, until FROM bindings WHERE tenant = $1 AND pbx = $2 AND extension = $3 ORDER BY no`,
			[]any{tenant, b.PBX, b.Extension}, func(scan scan) error {
				var r stored.Bound
				err := scan(&r.No, &r.UserID, timeAt{&r.From}, timeAt{&r.Until})
				rows = append(rows, r)
				return err
			})
		if err != nil {
			return err
		}
		put, remove := stored.Rebind(rows, b, alone)
		for _, no := range remove {
			if _, err := t.exec(ctx, `DELETE FROM bindings WHERE no = $1`, no); err != nil {
				return err
			}
		}
		for _, r := range put {
			if err := putBinding(ctx, t, tenant, b, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// putBinding changes the row, or makes it when it is new.
func putBinding(ctx context.Context, t tx, tenant string, b crm.Binding, r stored.Bound) error {
	if r.No != 0 {
		_, err := t.exec(ctx, `UPDATE bindings SET since = $2, until = $3 WHERE no = $1`, r.No, ms(r.From.Time), ms(r.Until.Time))
		return err
	}
	_, err := t.exec(ctx, `INSERT INTO bindings (tenant, user_id, pbx, extension, since, until) VALUES ($1, $2, $3, $4, $5, $6)`,
		tenant, r.UserID, b.PBX, b.Extension, ms(r.From.Time), ms(r.Until.Time))
	return err
}

// Unbind implements crm.UserStore.
func (s *Store) Unbind(ctx context.Context, userID, pbx, extension string, at time.Time) error {
	return s.write(ctx, "unbind extension", func(t tx) error {
		n, err := t.exec(ctx, `
			UPDATE bindings SET until = max(since, $4)
			WHERE user_id = $1 AND pbx = $2 AND extension = $3 AND (until IS NULL OR until > $4 AND until > since)
				AND tenant = (SELECT tenant FROM users WHERE id = $1)`,
			userID, pbx, extension, ms(at))
		if err == nil && n == 0 {
			return crm.ErrNotFound
		}
		return err
	})
}

// Bindings implements crm.UserStore.
func (s *Store) Bindings(ctx context.Context, tenant string) ([]crm.Binding, error) {
	found := []crm.Binding{}
	err := s.read(ctx, "list bindings", func(t tx) error {
		return t.each(ctx, `
			SELECT b.user_id, u.name, b.pbx, b.extension, b.since, b.until
			FROM bindings AS b JOIN users AS u ON u.id = b.user_id
			WHERE b.tenant = $1 ORDER BY b.since, b.no`, []any{tenant}, func(scan scan) error {
			var b crm.Binding
			err := scan(&b.UserID, &b.User, &b.PBX, &b.Extension, timeAt{&b.From}, timeAt{&b.Until})
			found = append(found, b)
			return err
		})
	})
	return found, err
}
