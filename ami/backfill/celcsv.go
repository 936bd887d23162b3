package backfill

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// SampleCELColumns is the mapping of Asterisk's sample cel_custom.conf, by the names
// that the tables of cel_odbc use.
func SampleCELColumns() []string {
	return strings.Fields("eventtype eventtime cid_name cid_num cid_ani cid_rdnis cid_dnid exten context channame " +
		"appname appdata amaflags accountcode uniqueid linkedid peer userfield userdeftype eventextra")
}

// celNeeds are the columns without which a row says nothing.
var celNeeds = []string{"eventtype", "eventtime", "uniqueid", "linkedid", "channame"}

// CheckCELColumns says what is wrong with a list of columns; nil for nothing.
func CheckCELColumns(columns []string) error {
	for _, need := range celNeeds {
		if !slices.Contains(columns, need) {
			return fmt.Errorf("a column called %s is needed; the usual ones are %s", need, strings.Join(SampleCELColumns(), ", "))
		}
	}
	return nil
}

// CELFile reads a file of cel_custom, and those it was rotated to unless alone is
// set. Columns nil means SampleCELColumns; zone nil means this machine's.
func CELFile(path string, columns []string, zone *time.Location, alone bool) Source[CEL] {
	if len(columns) == 0 {
		columns = SampleCELColumns()
	}
	return &csvSource[CEL]{path: path, alone: alone, disorder: celDisorder, parser: func() lineParser[CEL] {
		return &celLines{columns: columns, clock: clock{zone: zone}}
	}}
}

// celDisorder is how far rows may stand from the order of their times: one thread of
// Asterisk writes them, but they were stamped by many.
const celDisorder = time.Minute

type celLines struct {
	columns []string
	clock   clock
	buf     []string
}

var errColumns = errors.New("the number of columns is another")

func (p *celLines) parse(line []byte) (*CEL, error) {
	values, err := fields(line, p.buf)
	if err != nil {
		return nil, err
	}
	p.buf = values
	// The samples of Asterisk 16 end with userdeftype; a column at the end may be missing.
	if len(values) > len(p.columns) || len(values) < len(p.columns)-1 {
		return nil, errColumns
	}
	return celRow(p.columns, values, &p.clock)
}

func (p *celLines) span(r *CEL) (from, until time.Time) { return r.At, r.At }

// celRow makes a row of values whose columns have the names that cel_odbc gives them.
func celRow(columns, values []string, c *clock) (*CEL, error) {
	var r CEL
	at := ""
	for i, v := range values {
		switch columns[i] {
		case "eventtype":
			r.Type = v
		case "eventtime":
			at = v
		case "cid_name":
			r.Name = v
		case "cid_num":
			r.Num = v
		case "exten":
			r.Exten = v
		case "channame":
			r.Channel = v
		case "appname":
			r.App = v
		case "appdata":
			r.Data = v
		case "uniqueid":
			r.Uniqueid = v
		case "linkedid":
			r.Linkedid = v
		case "extra", "eventextra":
			r.Extra = v
		}
	}
	if r.Type == "" || r.Uniqueid == "" || r.Linkedid == "" {
		return nil, errors.New("eventtype, uniqueid or linkedid is empty")
	}
	var err error
	if r.At, err = c.read(at, r.Uniqueid, r.Type == "CHAN_START"); err != nil {
		return nil, fmt.Errorf("eventtime is %w", err)
	}
	return &r, nil
}
