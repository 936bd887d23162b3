package ami

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"time"
)

// ReaderConfig says what a Reader puts up with. A zero field means its default.
type ReaderConfig struct {
	MaxLine    int // bytes of one header line; 64 KiB
	MaxFrame   int // bytes of one message; 1 MiB
	MaxHeaders int // header lines of one message; 4,096

	// OnTrouble is told what was dropped, from within Next. It may be nil.
	OnTrouble func(Trouble)
}

// ReaderStats counts what a Reader has met.
type ReaderStats struct {
	Frames        uint64 // messages returned
	Suspect       uint64 // of them, those with View.Suspect
	Oversize      uint64 // messages over a limit, discarded
	OversizeBytes uint64 // and their size
	Partial       uint64 // messages cut off by the end of the stream, dropped (0 or 1)
}

const (
	readSize    = 64 << 10 // what one read asks for, and the buffer's first size
	leastRead   = 4 << 10  // with less room left, the buffer is compacted
	maxBanner   = 256
	maxNoBytes  = 100 // reads in a row that return nothing
	defaultLine = 64 << 10
)

// A Reader cuts a stream of bytes into AMI messages. What it returns does not
// depend on how the bytes were cut into reads.
//
// Lines may end in CR LF, LF or both in turn; any empty line ends a message, and
// empty messages are skipped. A message over a limit is discarded up to its blank
// line and reported; memory stays bounded by MaxFrame, MaxLine and one read. A Reader
// is not safe for concurrent use.
type Reader struct {
	r   io.Reader
	cfg ReaderConfig

	buf   []byte // namePad bytes at its end are never filled
	base  int64  // offset in the stream of buf[0]
	frame int    // start of the current message
	pos   int    // start of the current line
	seek  int    // before here the current line has no line end
	end   int    // of the bytes read

	headers   int          // lines of the current message
	prev      Key          // the last of them that has a Key
	follows   [numKeys]Key // the Key that last came after each; after KeyNone: the first
	view      View
	delivered bool // view was returned and is done with at the next call

	began    bool // the banner's place is behind us
	banner   []byte
	skipping bool  // discarding an oversize message
	midLine  bool  // while skipping: the current line is known not to be empty
	skipped  int64 // bytes discarded of it
	readAt   time.Time
	err      error // of the last read, to be returned when its bytes are used up
	stats    ReaderStats
}

// NewReader returns a Reader of the bytes of r, which it reads in large pieces.
func NewReader(r io.Reader, cfg ReaderConfig) *Reader {
	cfg.MaxLine = cmp.Or(cfg.MaxLine, defaultLine)
	cfg.MaxFrame = cmp.Or(cfg.MaxFrame, 1<<20)
	cfg.MaxHeaders = cmp.Or(cfg.MaxHeaders, 4096)
	return &Reader{r: r, cfg: cfg, buf: make([]byte, readSize+namePad)}
}

// Next returns the next message. The View is valid until the next call. At the end
// of the stream it returns io.EOF, having reported an unterminated message as
// trouble; any other error of the stream is returned as it is, and Next may be
// called again after one that passes, such as a deadline.
func (r *Reader) Next() (*View, error) {
	if err := r.begin(); err != nil {
		return nil, err
	}
	if r.delivered {
		r.view.reset()
		r.headers, r.prev, r.delivered = 0, KeyNone, false
	}
	for {
		if r.skipping {
			r.skip()
		}
		if !r.skipping {
			if r.scan() {
				return &r.view, nil
			}
			if r.skipping {
				continue // a message just turned out to be oversize
			}
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// Banner returns the server's first line, "" if it was none or was not read yet.
func (r *Reader) Banner() string { return string(r.banner) }

// ReadBanner reads the first line of the stream, which must be a banner of at most
// 256 bytes, and returns the AMI version in it. It is for clients that want to know
// at once whom they talk to; Next takes a banner off by itself.
func (r *Reader) ReadBanner() (version string, err error) {
	if err := r.begin(); err != nil {
		return "", err
	}
	version, ok := bannerVersion(r.banner)
	if !ok {
		head := r.buf[r.frame:min(r.end, r.frame+40)]
		return "", fmt.Errorf("%w: it begins with %q", ErrNotAsterisk, cmp.Or(string(r.banner), string(head)))
	}
	return version, nil
}

// Offset returns how many bytes of the stream lie before the end of the last
// message that Next returned, its blank line included.
func (r *Reader) Offset() int64 { return r.base + int64(r.pos) }

// ReadAt returns when the bytes that completed the last message were received.
func (r *Reader) ReadAt() time.Time { return r.readAt }

// Buffered returns how many bytes are read already and belong to no message that Next returned.
func (r *Reader) Buffered() int { return r.end - r.pos }

// Stats returns what was counted so far.
func (r *Reader) Stats() ReaderStats { return r.stats }

// begin takes the banner off the stream, which is one line without a blank line
// after it, glued to the first message.
func (r *Reader) begin() error {
	for !r.began {
		head := r.buf[:r.end]
		known := min(len(head), len(bannerPrefix))
		if string(head[:known]) != bannerPrefix[:known] {
			r.began = true
			break
		}
		i := bytes.IndexByte(head, '\n')
		if i >= 0 && i < maxBanner {
			r.banner = bytes.Clone(bytes.TrimRight(head[:i], "\r"))
			r.frame, r.pos = i+1, i+1
		}
		if i >= 0 || len(head) > maxBanner {
			r.began = true
			break
		}
		if err := r.fill(); err != nil {
			return err
		}
	}
	return nil
}

// scan goes through lines until a message is whole, and reports whether one is.
func (r *Reader) scan() bool {
	b, frame, pos, from, prev := r.buf, r.frame, r.pos, max(r.pos, r.seek), r.prev
	for {
		key := r.follows[prev]
		value := pos + shapes[key].size
		guessed := shapes[key].fits(b[pos:]) && value <= r.end
		if guessed {
			from = max(from, value)
		}
		i := bytes.IndexByte(b[from:r.end], '\n')
		if i < 0 {
			break
		}
		newline, next, end := from+i, from+i+1, from+i
		for end > pos && b[end-1] == '\r' {
			end--
		}
		if newline-pos > r.cfg.MaxLine {
			r.overflow(frame, pos)
			return false
		}
		switch {
		case end > pos:
			r.headers++
			if next-frame > r.cfg.MaxFrame || r.headers > r.cfg.MaxHeaders {
				r.overflow(frame, pos)
				return false
			}
			if !guessed {
				key, value = find(b, pos, end)
			}
			if key != KeyNone {
				r.view.put(key, b, frame, value, end)
				r.follows[prev], prev = key, key
			}
		case pos > frame:
			r.deliver(frame, pos, next)
			return true
		default:
			frame = next // an empty message
		}
		pos, from = next, next
	}
	r.frame, r.pos, r.seek, r.prev = frame, pos, r.end, prev
	r.checkRest()
	return false
}
