package sqlite

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"patchcord/crm"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate applies the migrations that the file lacks, each in one transaction
// that holds the write lock, so a second process waits and then finds them done,
// and a killed one leaves the schema of the last that was complete.
func (s *Store) migrate(ctx context.Context) error {
	names, err := fs.Glob(migrations, "migrations/*.sql") // sorted: 0001 first
	if err != nil {
		return err
	}
	for {
		done, err := s.step(ctx, names)
		if err != nil || done {
			return err
		}
	}
}

// step applies the next migration; done is true when there is none.
func (s *Store) step(ctx context.Context, names []string) (done bool, err error) {
	err = s.write(ctx, "migrate", func(t tx) error {
		var at int
		if err := t.one(ctx, `PRAGMA user_version`, nil, &at); err != nil {
			return err
		}
		if at > len(names) {
			return fmt.Errorf("%w: it has %d, this one knows %d", crm.ErrNewerSchema, at, len(names))
		}
		if at == len(names) {
			done = true
			return nil
		}
		text, err := migrations.ReadFile(names[at])
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, string(text)); err != nil {
			return fmt.Errorf("%s: %w", names[at], err)
		}
		_, err = t.exec(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, at+1))
		return err
	})
	return done, err
}
