package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
)

// applicationID marks the file as ours ("pclg"); schemaVersion is its user_version.
const (
	applicationID = 0x70636c67
	schemaVersion = 1
)

// A log's top outlives its entries, so it is a column of pbx.
const schema = `
CREATE TABLE pbx (
	id    INTEGER PRIMARY KEY,
	name  TEXT NOT NULL UNIQUE,
	epoch INTEGER NOT NULL DEFAULT 0,
	seq   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE entry (
	pbx   INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	seq   INTEGER NOT NULL,
	rec   BLOB NOT NULL,
	PRIMARY KEY (pbx, epoch, seq)
) STRICT, WITHOUT ROWID;`

// createFile makes the file with mode 0600 when it is missing, and takes the
// rights of others away when not. SQLite gives its -wal and -shm the same mode.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

// dsn is how both pools open the file. A transaction takes the write lock at its
// begin: one that first reads and then writes would fail at once when another process wrote.
func dsn(path string, pragmas ...string) string {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{"busy_timeout(5000)"}, pragmas...)}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// migrate makes the tables of a new file and refuses one that is not a log that we can read.
func migrate(ctx context.Context, db *sql.Conn) error {
	var app, version, tables int
	row := db.QueryRowContext(ctx, `SELECT a.application_id, v.user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id a, pragma_user_version v`)
	if err := row.Scan(&app, &version, &tables); err != nil {
		return err
	}
	switch {
	case app == applicationID && version == schemaVersion:
		return nil
	case app == applicationID:
		return fmt.Errorf("the file has schema version %d, this patchcord knows %d", version, schemaVersion)
	case app != 0 || tables != 0:
		return errors.New("the file is another database")
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(ctx, schema+fmt.Sprintf("PRAGMA application_id=%d; PRAGMA user_version=%d", applicationID, schemaVersion))
	if err != nil {
		return err
	}
	return tx.Commit()
}
