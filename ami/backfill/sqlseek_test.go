package backfill

import (
	"strings"
	"testing"
	"time"
)

// TestScanOfALargeTableBeginsNearItsTime: what is read does not grow with the table,
// where the ids have an index and the times have none.
func TestScanOfALargeTableBeginsNearItsTime(t *testing.T) {
	const rows, perSecond = 6000, 2
	first := time.Date(2026, 7, 6, 9, 0, 0, 0, time.UTC)
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			d, err := e.open(e.dsn(t), time.UTC)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close() })
			db := writable(t, d)
			if e.fine {
				execAll(t, db, "SET default_transaction_read_only = off")
				db.SetMaxOpenConns(1)
			}
			execAll(t, db, e.cel)
			for n := 0; n < rows; n += 500 {
				var values []string
				for i := n; i < n+500; i++ {
					at := first.Add(time.Duration(i/perSecond) * time.Second)
					values = append(values, "('CHAN_START', "+literal(at.Format(layouts[0]))+", "+literal(itoa(at.Unix())+".1")+", "+literal(itoa(at.Unix())+".1")+")")
				}
				execAll(t, db, "INSERT INTO cel (eventtype, eventtime, uniqueid, linkedid) VALUES "+strings.Join(values, ", "))
			}
			from := first.Add(2500 * time.Second)
			if e.fine {
				wantFirstID(t, d, from, 0, 0) // the manual's table has no index
				execAll(t, db, "CREATE INDEX ids ON cel (id)")
			}
			wanted := int64(2500*perSecond) + 1
			wantFirstID(t, d, from, wanted-searchBelow-celDisorder.Milliseconds()/1000*perSecond, wanted)
			wantFirstID(t, d, first.Add(-time.Hour), 0, 1)
			n := 0
			rep, err := d.CEL().Rows(t.Context(), from, from.Add(10*time.Second), func(*CEL) error { n++; return nil })
			if err != nil || rep.Bad != 0 || n != 10*perSecond {
				t.Errorf("got %d rows, %+v, %v; want those of ten seconds", n, rep, err)
			}
			execAll(t, db, "CREATE INDEX times ON cel (eventtime)")
			wantFirstID(t, d, from, 0, 0) // the database finds it by itself
		})
	}
}

func wantFirstID(t *testing.T, d *Database, from time.Time, low, high int64) {
	t.Helper()
	src, ok := d.CEL().(*table[CEL])
	if !ok {
		t.Fatal("CEL is no table")
	}
	q, err := src.query(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.firstID(t.Context(), q, from.Add(-src.disorder).Format(layouts[0]))
	if err != nil || got < low || got > high {
		t.Errorf("the search for %s gave id %d, %v; want %d to %d", from, got, err, low, high)
	}
}
