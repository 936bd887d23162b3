package spool

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/buffer"
	"patchcord/buffer/buffertest"
	"patchcord/buffer/embedded"
	"patchcord/crm"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func mustOpen(t testing.TB, dir string, log buffer.Log, cfg Config) *Log {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = quiet()
	}
	l, err := Open(dir, log, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func mustAppend(t testing.TB, l buffer.Log, es []buffer.Entry) {
	t.Helper()
	if n, err := l.Append(t.Context(), "hq", es); err != nil || n != len(es) {
		t.Fatalf("append %s to %s: stored %d, %v", es[0].Pos, topOf(es), n, err)
	}
}

// appendless is a log that takes nothing: everything stays in the spool.
type appendless struct{ buffer.Log }

func (appendless) Append(context.Context, string, []buffer.Entry) (int, error) {
	return 0, buffer.ErrUnavailable
}

// place opens one Log for all who have it open: a spool's folder belongs to one daemon.
type place struct {
	start func(t testing.TB) *Log
	log   *Log
	users int
}

type lent struct {
	*Log
	p    *place
	once sync.Once
}

func (p *place) open(t testing.TB) buffer.Log {
	t.Helper()
	if p.users++; p.users == 1 {
		p.log = p.start(t)
	}
	l := &lent{Log: p.log, p: p}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func (l *lent) Close() (err error) {
	l.once.Do(func() {
		if l.p.users--; l.p.users == 0 {
			err = l.Log.Close()
		}
	})
	return err
}

func TestConformance(t *testing.T) {
	t.Run("the log is there", func(t *testing.T) {
		buffertest.TestLog(t, func(t testing.TB) buffertest.Place {
			dir := t.TempDir()
			return (&place{start: func(t testing.TB) *Log {
				inner, err := embedded.Open(t.Context(), filepath.Join(dir, "log.db"), embedded.Config{})
				if err != nil {
					t.Fatal(err)
				}
				return mustOpen(t, filepath.Join(dir, "spool"), inner, Config{})
			}}).open
		})
	})
	t.Run("the log is away", func(t *testing.T) {
		buffertest.TestLog(t, func(t testing.TB) buffertest.Place {
			d := newDisk()
			return (&place{start: func(t testing.TB) *Log {
				return mustOpen(t, "spool", appendless{newMemLog()}, Config{FS: d, SegmentBytes: 32 << 10})
			}}).open
		})
	})
}

func TestSpoolTakesOverAndDrainsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := newMemLog()
		l := mustOpen(t, "spool", inner, Config{FS: newDisk(), SegmentBytes: 8 << 10})
		mustAppend(t, l, entries(1, 0, 9))
		inner.setAway(true)
		for seq := uint64(10); seq < 1000; seq += 10 {
			mustAppend(t, l, entries(1, seq, seq+9))
		}
		wantSame(t, inner.all(), entries(1, 0, 9))
		if top, err := l.Top(t.Context(), "hq"); err != nil || top.Seq != 999 {
			t.Errorf("top %s, %v; want that of the spool", top, err)
		}
		wantSame(t, readAll(t, l, crm.Position{Epoch: 1, Seq: 9}), entries(1, 10, 999)) // without the log
		inner.setAway(false)
		mustAppend(t, l, entries(1, 1000, 1003)) // behind the spool
		wantSame(t, readAll(t, l, crm.Position{}), entries(1, 0, 1003))
		if err := l.Settle(t.Context(), "hq"); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, l, entries(1, 1004, 1010))
		wantSame(t, inner.all(), entries(1, 0, 1010))
		if s := l.Stats("hq"); s != (Stats{}) {
			t.Errorf("got %+v, want an empty spool", s)
		}
	})
}

func TestSpoolOfAnEarlierLifeIsDrainedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, d := newMemLog(), newDisk()
		inner.setAway(true)
		l := mustOpen(t, "spool", inner, Config{FS: d, SegmentBytes: 8 << 10})
		mustAppend(t, l, entries(1, 0, 200))
		l.stop() // the process is gone
		l = mustOpen(t, "spool", inner, Config{FS: d})
		wantSame(t, readAll(t, l, crm.Position{Epoch: 0, Seq: 1<<63 - 1}), entries(1, 0, 200))
		settled := make(chan error, 1)
		go func() { settled <- l.Settle(t.Context(), "hq") }()
		time.Sleep(time.Minute)
		if len(settled) != 0 {
			t.Error("Settle returned while the log was away")
		}
		inner.setAway(false)
		if err := <-settled; err != nil {
			t.Fatal(err)
		}
		mustAppend(t, l, entries(2, 0, 5))
		wantSame(t, inner.all(), append(entries(1, 0, 200), entries(2, 0, 5)...))
	})
}

func TestFencedSpoolIsPutAsideAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, d := newMemLog(), newDisk()
		l := mustOpen(t, "spool", inner, Config{FS: d})
		mustAppend(t, l, entries(5, 0, 9))
		inner.setAway(true)
		mustAppend(t, l, entries(5, 10, 30))
		synctest.Wait() // the drain has found the log away, and rests
		inner.setAway(false)
		if _, err := inner.Append(t.Context(), "hq", entries(6, 0, 3)); err != nil { // another daemon was quicker
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if _, err := l.Append(t.Context(), "hq", entries(5, 31, 31)); !errors.Is(err, buffer.ErrFenced) {
			t.Errorf("append: %v, want ErrFenced", err)
		}
		if err := l.Settle(t.Context(), "hq"); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, l, entries(7, 0, 2))
		wantSame(t, readAll(t, l, crm.Position{}), append(append(entries(5, 0, 9), entries(6, 0, 3)...), entries(7, 0, 2)...))
		l = mustOpen(t, "spool", inner, Config{FS: d})
		losses := l.Losses("hq")
		if len(losses) != 1 || !losses[0].From.Equal(entry(5, 10).At) || !losses[0].To.Equal(entry(5, 30).At) {
			t.Fatalf("got losses %+v, want one from 5-10 to 5-30, also after a restart", losses)
		}
		if len(d.paths(segmentSuffix)) != 1 || len(d.paths(lossSuffix)) != 1 {
			t.Errorf("got files %q, want the segment put aside and the note", d.paths(""))
		}
		l.Forget("hq", losses)
		if len(l.Losses("hq")) != 0 || len(d.paths(lossSuffix)) != 0 {
			t.Error("the loss is still told")
		}
	})
}

func TestFullSpoolWaitsInMemoryAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := newMemLog()
		inner.setAway(true)
		l := mustOpen(t, "spool", inner, Config{FS: newDisk(), SegmentBytes: 8 << 10, MaxBytes: 64 << 10})
		stored := uint64(0)
		for ; ; stored++ {
			n, err := l.Append(t.Context(), "hq", entries(1, stored, stored))
			if err != nil && n == 0 && errors.Is(err, buffer.ErrUnavailable) && errors.Is(err, errFull) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if b := l.Stats("hq").Bytes; b > 64<<10 || b < 40<<10 {
			t.Errorf("the full spool has %d bytes, want near and not above 65536", b)
		}
		inner.setAway(false)
		if err := l.Settle(t.Context(), "hq"); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, l, entries(1, stored, stored+10))
		wantSame(t, inner.all(), entries(1, 0, stored+10))
	})
}

func TestFilesAreForTheOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "spool")
	l := mustOpen(t, dir, appendless{newMemLog()}, Config{SegmentBytes: 1 << 20})
	mustAppend(t, l, entries(1, 0, 3))
	files, err := filepath.Glob(filepath.Join(dir, "hq", "*"+segmentSuffix))
	if err != nil || len(files) != 1 {
		t.Fatalf("got files %q, %v", files, err)
	}
	info, err := os.Stat(files[0])
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != 1<<20 {
		t.Errorf("got mode %v, %d bytes, %v; want 0600 and 1 MiB reserved", info.Mode(), info.Size(), err)
	}
	folder, err := os.Stat(filepath.Dir(files[0]))
	if err != nil || folder.Mode().Perm() != 0o700 {
		t.Errorf("folder: got mode %v, %v; want 0700", folder.Mode(), err)
	}
}
