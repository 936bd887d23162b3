package backfill

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	maxLine    = 64 << 10 // a longer line is a bad row
	wholeBelow = 1 << 18  // files up to this size are read from their beginning
)

// A lineParser reads the lines of one kind of file. It may learn from them.
type lineParser[R any] interface {
	parse(line []byte) (*R, error)
	// span returns what time the row concerns; a file is in order of until.
	span(*R) (from, until time.Time)
}

// A csvSource reads a file that Asterisk appends to, and those that it was rotated
// to: path.1, path-20260301, also with .gz. It keeps no file open between scans: where a
// time begins in a file is searched for by halves, so a scan costs what it gives.
type csvSource[R any] struct {
	path     string
	alone    bool                 // the file by itself, without those it was rotated to
	parser   func() lineParser[R] // a new one for every scan
	disorder time.Duration        // how far rows stand from the order of their times
}

// Rows implements Source. A last line without its end is still being written, and is
// left for the next scan.
func (s *csvSource[R]) Rows(ctx context.Context, from, until time.Time, fn func(*R) error) (Report, error) {
	var sum Report
	files, err := s.files(from)
	if err != nil {
		return sum, err
	}
	for _, path := range files {
		r, err := s.file(ctx, path, from, until, fn)
		sum.add(r)
		if errors.Is(err, errStop) {
			break
		}
		if err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// files returns the files that may hold rows from a time on, oldest first.
func (s *csvSource[R]) files(from time.Time) ([]string, error) {
	if _, err := os.Stat(s.path); err != nil {
		return nil, fmt.Errorf("read the PBX's file: %w", err)
	}
	if s.alone {
		return []string{s.path}, nil
	}
	type rotated struct {
		path string
		at   time.Time
	}
	var list []rotated
	for _, pattern := range []string{".*", "-*"} {
		found, err := filepath.Glob(globEscape(s.path) + pattern)
		if err != nil {
			return nil, fmt.Errorf("look for rotated files: %w", err)
		}
		for _, path := range found {
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && !info.ModTime().Before(from) {
				list = append(list, rotated{path, info.ModTime()})
			}
		}
	}
	slices.SortFunc(list, func(a, b rotated) int { return a.at.Compare(b.at) })
	var out []string
	for _, r := range list {
		out = append(out, r.path)
	}
	return append(out, s.path), nil
}

func globEscape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

func (s *csvSource[R]) file(ctx context.Context, path string, from, until time.Time, fn func(*R) error) (Report, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return Report{}, nil // rotated away this moment; its rows are in the next one
	}
	if err != nil {
		return Report{}, fmt.Errorf("open the PBX's file: %w", err)
	}
	defer f.Close()
	sc := &scan[R]{ctx: ctx, parser: s.parser(), name: filepath.Base(path), from: from, until: until, late: s.disorder, fn: fn}
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return Report{}, fmt.Errorf("open %s: %w", sc.name, err)
		}
	} else if sc.offset, err = s.seek(f, from, sc.parser); err != nil {
		return Report{}, fmt.Errorf("search %s: %w", sc.name, err)
	}
	err = sc.run(in)
	sc.number(path)
	return sc.report, err
}

// seek places f at the beginning of a line before which nothing concerns from or later.
func (s *csvSource[R]) seek(f *os.File, from time.Time, parser lineParser[R]) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	size := info.Size()
	learn(f, size, parser)
	lo, hi := int64(0), size
	for !from.IsZero() && hi-lo > wholeBelow {
		mid := lo + (hi-lo)/2
		start, at, ok := probe(f, mid, hi, parser)
		if !ok || !at.Before(from.Add(-s.disorder)) {
			hi = mid
			continue
		}
		lo = start
	}
	_, err = f.Seek(lo, io.SeekStart)
	return lo, err
}

// learn lets the parser see the newest lines, so that it knows how to read the first.
func learn[R any](f *os.File, size int64, parser lineParser[R]) {
	at := max(0, size-64<<10)
	r := bufio.NewReaderSize(io.NewSectionReader(f, at, size-at), maxLine)
	for i := 0; ; i++ {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		if i > 0 || at == 0 {
			_, _ = parser.parse(bytes.TrimRight(line, "\r\n")) // a bad row is told when it is scanned
		}
	}
}

// probe returns the first understood line after at: where it begins, and its time.
func probe[R any](f *os.File, at, end int64, parser lineParser[R]) (start int64, t time.Time, ok bool) {
	r := bufio.NewReaderSize(io.NewSectionReader(f, at, end-at), maxLine)
	line, err := r.ReadSlice('\n') // the rest of a line
	for err == nil {
		at += int64(len(line))
		if line, err = r.ReadSlice('\n'); err != nil {
			break
		}
		if row, bad := parser.parse(bytes.TrimRight(line, "\r\n")); bad == nil {
			_, t = parser.span(row)
			return at, t, true
		}
	}
	return 0, time.Time{}, false
}
