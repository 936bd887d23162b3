package backfill

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// A scan reads the lines of one file.
type scan[R any] struct {
	ctx         context.Context
	parser      lineParser[R]
	name        string
	from, until time.Time
	late        time.Duration // how much later than until a row is after which no more is wanted
	fn          func(*R) error
	offset      int64 // where it began
	report      Report
}

// run reads to the end, or until rows are too late; then it returns errStop.
func (s *scan[R]) run(in io.Reader) error {
	r := bufio.NewReaderSize(in, maxLine)
	for n := 1; ; n++ {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			s.report.bad(s.name, n, "the line is too long")
			err = discardLine(r)
			line = nil
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			s.report.Cut = append(s.report.Cut, s.name)
			return nil
		}
		if errors.Is(err, io.EOF) {
			return nil // what is left is a line without its end
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", s.name, err)
		}
		if n%1024 == 0 && s.ctx.Err() != nil {
			return context.Cause(s.ctx)
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			continue
		}
		if err := s.line(n, line); err != nil {
			return err
		}
	}
}

func discardLine(r *bufio.Reader) error {
	for {
		if _, err := r.ReadSlice('\n'); !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

func (s *scan[R]) line(n int, line []byte) error {
	row, err := s.parser.parse(line)
	if err != nil {
		s.report.bad(s.name, n, err.Error())
		return nil
	}
	from, until := s.parser.span(row)
	if until.Before(s.from) {
		return nil
	}
	if !s.until.IsZero() && !from.Before(s.until) {
		if until.After(s.until.Add(s.late)) {
			return errStop
		}
		return nil
	}
	s.report.Rows++
	return s.fn(row)
}

// number makes the lines of the report count from the beginning of the file. The
// lines before are counted only when there is something to report.
func (s *scan[R]) number(path string) {
	if s.offset == 0 || len(s.report.At) == 0 {
		return
	}
	before, err := countLines(path, s.offset)
	for i := range s.report.At {
		s.report.At[i].Line += before
		if err != nil {
			s.report.At[i].Line = 0
		}
	}
}

func countLines(path string, until int64) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, buf := 0, make([]byte, 256<<10)
	for in := io.LimitReader(f, until); ; {
		k, err := in.Read(buf)
		n += bytes.Count(buf[:k], []byte{'\n'})
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
}
