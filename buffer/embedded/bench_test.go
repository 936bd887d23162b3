package embedded_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"patchcord/buffer"
)

// BenchmarkAppend appends batches of entries of 400 bytes, each followed by a bare transaction with
// one prepared insert a row, equally durable, and reports how many times longer than that it takes.
func BenchmarkAppend(b *testing.B) {
	for _, batch := range []uint64{1, 100, 256} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) { benchAppend(b, batch) })
	}
}

func benchAppend(b *testing.B, batch uint64) {
	l := openLog(b, filepath.Join(b.TempDir(), "log.db"))
	bare := bareTable(b)
	var ours, theirs time.Duration
	seq := uint64(1)
	for b.Loop() {
		es := entries(seq, seq+batch-1, 400)
		begin := time.Now()
		if _, err := l.Append(b.Context(), "hq", es); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(begin)
		begin = time.Now()
		insertBare(b, bare, es)
		theirs += time.Since(begin)
		seq += batch
	}
	b.ReportMetric(float64(b.N)*float64(batch)/ours.Seconds(), "entries/s")
	b.ReportMetric(float64(b.N)*float64(batch)/theirs.Seconds(), "bare-entries/s")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "x-bare")
}

func bareTable(b *testing.B) *sql.DB {
	b.Helper()
	db, err := sql.Open("sqlite", filepath.Join(b.TempDir(), "bare.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	b.Cleanup(func() { _ = db.Close() })
	if _, err := db.Exec(`CREATE TABLE e (n INTEGER PRIMARY KEY, rec BLOB)`); err != nil {
		b.Fatal(err)
	}
	return db
}

func insertBare(b *testing.B, db *sql.DB, es []buffer.Entry) {
	b.Helper()
	tx, err := db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	stmt, err := tx.Prepare(`INSERT INTO e (rec) VALUES (?)`)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range es {
		if _, err := stmt.Exec(e.Data); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkGroupCommit has 64 PBXs append single entries at once: they share commits.
func BenchmarkGroupCommit(b *testing.B) {
	l := openLog(b, filepath.Join(b.TempDir(), "log.db"))
	const pbxs = 64
	begin := time.Now()
	var wg sync.WaitGroup
	for p := range pbxs {
		wg.Go(func() {
			for seq := range uint64(b.N) {
				if _, err := l.Append(b.Context(), fmt.Sprint("pbx", p), entries(seq, seq, 400)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)*pbxs/time.Since(begin).Seconds(), "entries/s")
}
