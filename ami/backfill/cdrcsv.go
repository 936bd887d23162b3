package backfill

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// CDRFile reads Master.csv of cdr_csv, and those it was rotated to unless alone is
// set; zone nil means this machine's. The columns differ by cdr.conf: after the first
// sixteen come uniqueid (loguniqueid), userfield (loguserfield), and peeraccount,
// linkedid and sequence (newcdrcolumns), each or none.
func CDRFile(path string, zone *time.Location, alone bool) Source[CDR] {
	// A batch is written within five minutes, unless cdr.conf says another time.
	return &csvSource[CDR]{path: path, alone: alone, disorder: 10 * time.Minute, parser: func() lineParser[CDR] {
		return &cdrLines{clock: clock{zone: zone}}
	}}
}

// errNoKey: rows without a Uniqueid cannot be told apart.
var errNoKey = errors.New("there is no uniqueid (cdr.conf: loguniqueid=yes, newcdrcolumns=yes)")

type cdrLines struct {
	clock clock
	buf   []string
}

// The columns that every line has.
const (
	cdrSrc = iota + 1
	cdrDst
	_
	cdrCallerID
	cdrChannel
	cdrDstChannel
	cdrApp
	cdrData
	cdrStart
	_
	_
	cdrDuration
	cdrBilled
	cdrDisposition
	_
	cdrColumns
)

func (p *cdrLines) parse(line []byte) (*CDR, error) {
	v, err := fields(line, p.buf)
	if err != nil {
		return nil, err
	}
	p.buf = v
	if len(v) < cdrColumns || len(v) > cdrColumns+5 {
		return nil, errColumns
	}
	r := &CDR{
		Src: v[cdrSrc], Dst: v[cdrDst], CallerID: v[cdrCallerID], Channel: v[cdrChannel], DstChannel: v[cdrDstChannel],
		App: v[cdrApp], Data: v[cdrData], Disposition: v[cdrDisposition],
	}
	r.Uniqueid, r.Linkedid = cdrKeys(v[cdrColumns:])
	if r.Uniqueid == "" {
		return nil, errNoKey
	}
	return r, r.times(v[cdrStart], v[cdrDuration], v[cdrBilled], &p.clock)
}

// cdrKeys finds Uniqueid and Linkedid among the columns that a line may have. One
// without a Uniqueid has none of them; where it has a Linkedid only, that is it.
func cdrKeys(rest []string) (uniqueid, linkedid string) {
	switch len(rest) {
	case 1, 2:
		uniqueid = rest[0]
	case 3, 4, 5:
		linkedid = rest[len(rest)-2]
		uniqueid = linkedid
		if len(rest) > 3 && (len(rest) == 5 || !uniqueidTime(rest[0]).IsZero()) {
			uniqueid = rest[0]
		}
	}
	if linkedid == "" {
		linkedid = uniqueid
	}
	return uniqueid, linkedid
}

// times fills the times; end and answer follow from the durations, which know nothing of summer time.
func (r *CDR) times(start, duration, billed string, c *clock) error {
	var err error
	if r.Start, err = c.read(start, r.Uniqueid, r.Uniqueid == r.Linkedid); err != nil {
		return fmt.Errorf("start is %w", err)
	}
	if r.Duration, err = seconds(duration); err != nil {
		return fmt.Errorf("duration: %w", err)
	}
	if r.Billed, err = seconds(billed); err != nil {
		return fmt.Errorf("billsec: %w", err)
	}
	r.Billed = min(r.Billed, r.Duration)
	return nil
}

func (p *cdrLines) span(r *CDR) (from, until time.Time) { return r.Start, r.end() }

func seconds(s string) (time.Duration, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return 0, errors.New("not a number of seconds")
	}
	return time.Duration(n) * time.Second, nil
}
