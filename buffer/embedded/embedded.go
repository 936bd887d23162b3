// Package embedded is a buffer.Log in an SQLite file of its own. One goroutine
// writes: everything that waits when it begins a transaction shares one commit,
// and a commit is on the disk (WAL, synchronous FULL) before Append returns.
// It is for one daemon on one machine; it refuses to be reached over a network.
package embedded

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"sync"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"patchcord/buffer"
	"patchcord/crm"
)

// Config is how a log is kept; the zero value is ready to use.
type Config struct {
	Readers int // connections that read; 0 means 4
	// FreePages is how many unused pages of 4 KiB the file keeps for what comes
	// next; the rest goes back to the file system after a trim. 0 means 1024.
	FreePages int
}

// Log is a buffer.Log in one file.
type Log struct {
	cfg     Config
	path    string
	writer  *sql.DB   // one connection, used by the writer goroutine only
	conn    *sql.Conn // that connection
	readers *sql.DB

	appends chan *appendRequest // full: Append waits, as it does for its commit
	trims   chan *trimRequest
	closing chan struct{} // closed by Close
	stopped chan struct{} // closed when the writer goroutine has ended
	once    sync.Once
}

var errClosed = fmt.Errorf("%w: closed", buffer.ErrUnavailable)

// Open opens the log in the file at path and makes it when it is missing. The
// folder must be there and on a local disk.
func Open(ctx context.Context, path string, cfg Config) (*Log, error) {
	l, err := open(ctx, path, cfg)
	if err != nil {
		return nil, fmt.Errorf("open log %s: %w", path, err)
	}
	go l.write()
	return l, nil
}

func open(ctx context.Context, path string, cfg Config) (*Log, error) {
	cfg.Readers, cfg.FreePages = cmp.Or(cfg.Readers, 4), cmp.Or(cfg.FreePages, 1024)
	if err := createFile(path); err != nil {
		return nil, err
	}
	l := &Log{
		cfg: cfg, path: path,
		appends: make(chan *appendRequest, maxGroup), trims: make(chan *trimRequest),
		closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	var err error
	// auto_vacuum must be set before the first table, and before WAL.
	l.writer, err = sql.Open("sqlite", dsn(path, "auto_vacuum(INCREMENTAL)", "journal_mode(WAL)", "synchronous(FULL)",
		"journal_size_limit(67108864)"))
	if err != nil {
		return nil, err
	}
	l.writer.SetMaxOpenConns(1)
	if l.conn, err = l.writer.Conn(ctx); err == nil {
		err = migrate(ctx, l.conn)
	}
	if err == nil {
		l.readers, err = sql.Open("sqlite", dsn(path, "query_only(1)"))
	}
	if err != nil {
		return nil, errors.Join(err, l.closeFiles())
	}
	l.readers.SetMaxOpenConns(cfg.Readers)
	return l, nil
}

// Read implements buffer.Log.
func (l *Log) Read(ctx context.Context, pbx string, after crm.Position, limit int) ([]buffer.Entry, error) {
	if after.Epoch > math.MaxInt64 || after.Seq > math.MaxInt64 || limit <= 0 {
		return nil, nil
	}
	rows, err := l.readers.QueryContext(ctx, `SELECT epoch, seq, rec FROM entry
		WHERE pbx = (SELECT id FROM pbx WHERE name = ?) AND (epoch, seq) > (?, ?)
		ORDER BY epoch, seq LIMIT ?`, pbx, int64(after.Epoch), int64(after.Seq), limit)
	if err != nil {
		return nil, unavailable(ctx, "read log of "+pbx, err)
	}
	defer func() { _ = rows.Close() }()
	entries, err := scan(rows)
	if damaged := new(buffer.DamagedError); errors.As(err, &damaged) {
		return nil, fmt.Errorf("read log of %s: %w", pbx, err)
	}
	if err != nil {
		return nil, unavailable(ctx, "read log of "+pbx, err)
	}
	return entries, nil
}

func scan(rows *sql.Rows) (entries []buffer.Entry, err error) {
	for rows.Next() {
		var pos crm.Position
		var rec []byte
		if err := rows.Scan(&pos.Epoch, &pos.Seq, &rec); err != nil {
			return nil, err
		}
		e, err := buffer.ParseRecord(pos, rec)
		if err != nil && len(entries) > 0 {
			return entries, nil // the next Read begins with the damaged one and says so
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

// Top implements buffer.Log.
func (l *Log) Top(ctx context.Context, pbx string) (crm.Position, error) {
	var pos crm.Position
	err := l.readers.QueryRowContext(ctx, `SELECT epoch, seq FROM pbx WHERE name = ?`, pbx).Scan(&pos.Epoch, &pos.Seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return crm.Position{}, unavailable(ctx, "read top of log of "+pbx, err)
	}
	return pos, nil
}

// Close ends the log. What Append has not returned from is stored or not.
func (l *Log) Close() (err error) {
	l.once.Do(func() {
		close(l.closing)
		<-l.stopped
		err = l.closeFiles()
	})
	return err
}

func (l *Log) closeFiles() error {
	var errs []error
	if l.readers != nil {
		errs = append(errs, l.readers.Close())
	}
	if l.conn != nil {
		errs = append(errs, l.conn.Close())
	}
	return errors.Join(append(errs, l.writer.Close())...)
}

// unavailable says what err kept us from doing. A caller who gave up gets his own reason.
func unavailable(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%s: %w: %w", what, buffer.ErrUnavailable, err)
}
