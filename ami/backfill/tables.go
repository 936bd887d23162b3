package backfill

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// longCall is how long before an instant a CDR may begin that concerns it.
const longCall = 24 * time.Hour

// CEL returns the table cel: that of cel_odbc as FreePBX makes it, or that of cel_pgsql.
func (d *Database) CEL() Source[CEL] {
	return &table[CEL]{
		d: d, name: "cel", time: []string{"eventtime"}, disorder: celDisorder,
		wanted: strings.Fields("eventtype cid_name cid_num exten channame appname appdata uniqueid linkedid extra eventextra"),
		only:   d.id("eventtype") + ` = 'CHAN_START'`,
		row:    celRow,
		span:   func(r *CEL) (from, until time.Time) { return r.At, r.At },
	}
}

// CDR returns the table cdr: that of cdr_adaptive_odbc as FreePBX makes it, or that of cdr_pgsql.
func (d *Database) CDR() Source[CDR] {
	return &table[CDR]{
		d: d, name: "cdr", time: []string{"calldate", "start"}, before: longCall, disorder: longCall,
		wanted: strings.Fields("src dst clid channel dstchannel lastapp lastdata duration billsec disposition uniqueid linkedid " +
			"did cnam cnum"),
		row:  cdrRow,
		span: func(r *CDR) (from, until time.Time) { return r.Start, r.end() },
	}
}

// cdrRow makes a record of values whose columns have the names of the tables.
func cdrRow(columns, values []string, c *clock) (*CDR, error) {
	var r CDR
	var start, duration, billed string
	into := map[string]*string{
		"src": &r.Src, "dst": &r.Dst, "clid": &r.CallerID, "channel": &r.Channel, "dstchannel": &r.DstChannel,
		"lastapp": &r.App, "lastdata": &r.Data, "disposition": &r.Disposition, "uniqueid": &r.Uniqueid,
		"linkedid": &r.Linkedid, "did": &r.DID, "cnam": &r.CallerName, "cnum": &r.Num,
		"calldate": &start, "start": &start, "duration": &duration, "billsec": &billed,
	}
	for i, name := range columns {
		if p := into[name]; p != nil {
			*p = values[i]
		}
	}
	if r.Uniqueid == "" {
		return nil, errNoKey
	}
	if r.Linkedid == "" {
		r.Linkedid = r.Uniqueid
	}
	return &r, r.times(start, duration, billed, c)
}

// secretless says what a database is called in messages.
func secretless(kind, address, name string) string {
	return fmt.Sprintf("%s %s/%s", kind, address, name)
}

// errDSN hides the text of an address that cannot be read: a password may stand in it.
func errDSN(kind, example string) error {
	return errors.New(kind + ": the address cannot be read; write it as " + example)
}
