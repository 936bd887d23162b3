package stored

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/gzip"

	"patchcord/crm"
)

const (
	maxEvidence = 64 << 10 // bytes of JSON kept of one call; what comes beyond is counted
	roomFor     = 192      // bytes that a piece of evidence takes, about
	maxFrames   = 48 << 10 // beyond it frames are left out, so that conclusions and deliveries still find room
)

// Evidence is the evidence of a call as a store keeps it: one JSON object a line,
// compressed once the call is over.
type Evidence struct {
	Body []byte
	More int // pieces left out
}

// packed reports whether the body is compressed (RFC 1952).
func packed(body []byte) bool { return bytes.HasPrefix(body, []byte{0x1f, 0x8b}) }

// zips are compressors, each of most of a megabyte. A commit waits for what they do, and
// better compression would take twice as long for a few per cent.
var zips = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // it refuses only levels that there are not
	return z
}}

// Add returns the row with lists of items behind what it has. ended compresses it; a row
// that is compressed stays so.
func (e Evidence) Add(ended bool, lists ...[]crm.Evidence) (Evidence, error) {
	ended = ended || packed(e.Body)
	plain, err := unpack(e.Body)
	if err != nil {
		return e, err
	}
	n := 0
	for _, items := range lists {
		n += len(items)
	}
	e.Body = slices.Grow(slices.Clip(plain), roomFor*n)
	for _, items := range lists {
		for i := range items {
			e.add(&items[i])
		}
	}
	e.Body = JSON(e.Body)
	if !ended {
		return e, nil
	}
	e.Body, err = pack(e.Body)
	return e, err
}

// add adds an item to a body that is not compressed.
func (e *Evidence) add(item *crm.Evidence) {
	before, limit := len(e.Body), maxEvidence
	if item.Kind == crm.EvidenceFrame {
		limit = maxFrames
	}
	e.Body = item.AppendJSON(e.Body)
	if len(e.Body) > limit {
		e.Body = e.Body[:before]
		e.More++
		return
	}
	e.Body = append(e.Body, '\n')
}

// Join returns e with what b has behind it.
func (e Evidence) Join(b Evidence) (Evidence, error) {
	items, err := b.Items()
	if err != nil {
		return e, err
	}
	e, err = e.Add(false, items)
	e.More += b.More
	return e, err
}

// Items returns the evidence of the row.
func (e Evidence) Items() ([]crm.Evidence, error) {
	plain, err := unpack(e.Body)
	if err != nil {
		return nil, err
	}
	items := []crm.Evidence{}
	for line := range bytes.Lines(plain) {
		var item crm.Evidence
		if err := json.Unmarshal(line, &item); err != nil {
			return nil, fmt.Errorf("decode evidence: %w", err)
		}
		items = append(items, item)
	}
	return items, nil
}

func pack(plain []byte) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 0, len(plain)/2))
	z := zips.Get().(*gzip.Writer)
	defer zips.Put(z)
	z.Reset(b)
	_, err := z.Write(plain)
	if err = cmp.Or(err, z.Close()); err != nil {
		return nil, fmt.Errorf("compress evidence: %w", err)
	}
	return b.Bytes(), nil
}

func unpack(body []byte) ([]byte, error) {
	if !packed(body) {
		return body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(z, 2*maxEvidence))
	if err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	return plain, nil
}

// Gathered is the evidence of a call, list after list.
type Gathered struct {
	CallID string
	Lists  [][]crm.Evidence
}

// Gather returns evidence by call: each call once, in order of id, the events' merges done.
func Gather(list []crm.CallEvidence, merges map[string]string) []Gathered {
	by := map[string]int{}
	var out []Gathered
	for _, e := range list {
		id := Text(e.CallID)
		id = cmp.Or(merges[id], id)
		if len(e.Items) == 0 {
			continue
		}
		at, ok := by[id]
		if !ok {
			at, by[id] = len(out), len(out)
			out = append(out, Gathered{CallID: id})
		}
		out[at].Lists = append(out[at].Lists, e.Items)
	}
	slices.SortFunc(out, func(a, b Gathered) int { return cmp.Compare(a.CallID, b.CallID) })
	return out
}
