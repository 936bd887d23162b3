package ami

import (
	"bytes"
	"errors"
	"io"
	"time"
)

// ErrNotAsterisk says that what answered on the port is not an Asterisk manager.
var ErrNotAsterisk = errors.New("the server did not send an Asterisk Call Manager banner")

const bannerPrefix = "Asterisk Call Manager/"

// bannerVersion returns the AMI version of a banner line, such as 11.0.0.
func bannerVersion(line []byte) (string, bool) {
	version, ok := bytes.CutPrefix(line, []byte(bannerPrefix))
	if !ok || len(version) == 0 {
		return "", false
	}
	dots := 0
	for i, c := range version {
		switch {
		case c == '.' && i > 0 && i < len(version)-1 && version[i-1] != '.':
			dots++
		case c < '0' || c > '9':
			return "", false
		}
	}
	return string(version), dots > 0
}

// deliver makes the lines from frame to blank the current view.
func (r *Reader) deliver(frame, blank, next int) {
	r.view.raw = r.buf[frame:blank]
	r.frame, r.pos, r.seek = next, next, next
	r.delivered = true
	r.stats.Frames++
	if r.view.suspect {
		r.stats.Suspect++
	}
}

// checkRest finds an unfinished line or message to be over its limit already.
func (r *Reader) checkRest() {
	line := r.buf[r.pos:r.end]
	over := len(line) > r.cfg.MaxLine
	if !over && r.end-r.frame > r.cfg.MaxFrame {
		over = len(bytes.TrimLeft(line, "\r")) > 0 // else it may be the blank line
	}
	if over {
		r.overflow(r.frame, r.pos)
	}
}

// overflow begins to discard the message at frame, whose line at pos is not its end.
func (r *Reader) overflow(frame, pos int) {
	r.skipping, r.midLine = true, true
	r.skipped = int64(pos - frame)
	r.frame, r.pos, r.seek = pos, pos, pos
	r.view.reset()
	r.headers, r.prev = 0, KeyNone
}

// skip discards bytes up to and including the next blank line.
func (r *Reader) skip() {
	for {
		rest := r.buf[r.pos:r.end]
		i := bytes.IndexByte(rest, '\n')
		if i >= 0 {
			rest = rest[:i+1]
		}
		filled := len(bytes.Trim(rest, "\r\n")) > 0
		blank := i >= 0 && !r.midLine && !filled
		r.midLine = i < 0 && (r.midLine || filled)
		r.skipped += int64(len(rest))
		r.pos += len(rest)
		r.frame, r.seek = r.pos, r.pos
		if blank {
			r.endSkip()
		}
		if blank || i < 0 {
			return
		}
	}
}

func (r *Reader) endSkip() {
	r.skipping = false
	r.stats.Oversize++
	r.stats.OversizeBytes += uint64(r.skipped)
	r.trouble(TroubleOversize, r.skipped)
}

// fill reads more bytes, making room for them first.
func (r *Reader) fill() error {
	if err := r.err; err != nil {
		if errors.Is(err, io.EOF) {
			r.End()
		} else {
			r.err = nil // it was said; the next call may try again
		}
		return err
	}
	r.makeRoom()
	for range maxNoBytes {
		n, err := r.r.Read(r.buf[r.end : len(r.buf)-namePad])
		r.end += n
		if n > 0 {
			r.readAt = time.Now()
			r.err = err
			return nil
		}
		if err != nil {
			r.err = err
			return r.fill()
		}
	}
	return io.ErrNoProgress
}

// makeRoom moves the current message to the start of the buffer when little room
// is left, and doubles the buffer when the message fills it.
func (r *Reader) makeRoom() {
	if r.frame == r.end || len(r.buf)-namePad-r.end < leastRead {
		copy(r.buf, r.buf[r.frame:r.end])
		r.base += int64(r.frame)
		r.end, r.pos, r.seek, r.frame = r.end-r.frame, r.pos-r.frame, max(r.seek-r.frame, 0), 0
	}
	if len(r.buf)-namePad-r.end < leastRead {
		buf := make([]byte, 2*len(r.buf))
		copy(buf, r.buf[:r.end])
		r.buf = buf
	}
}

// End drops what the end of the stream cut off, and reports it. Asterisk can leave
// half an event when its write limit (writetimeout, 100 ms) strikes. Next calls it at
// io.EOF; call it when the stream ended in another way.
func (r *Reader) End() {
	if r.skipping {
		r.endSkip()
	}
	if tail := bytes.Trim(r.buf[r.frame:r.end], "\r\n"); len(tail) > 0 {
		r.stats.Partial++
		r.trouble(TroublePartial, int64(len(tail)))
	}
	r.frame, r.pos, r.seek = r.end, r.end, r.end
}

func (r *Reader) trouble(kind TroubleKind, bytes int64) {
	if r.cfg.OnTrouble != nil {
		r.cfg.OnTrouble(Trouble{Kind: kind, At: r.readAt, Bytes: bytes})
	}
}
