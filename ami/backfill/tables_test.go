package backfill

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"patchcord/ami/backfill/mariadbtest"
	"patchcord/ami/calls"
	"patchcord/crm"
	"patchcord/crm/postgres/pgtest"
)

// The tables as FreePBX makes them (asteriskcdrdb), times in whole seconds.
const (
	freepbxCEL = "CREATE TABLE cel (id int AUTO_INCREMENT PRIMARY KEY, eventtype varchar(30) NOT NULL, eventtime datetime NOT NULL," +
		"cid_name varchar(80), cid_num varchar(80), cid_ani varchar(80), cid_rdnis varchar(80), cid_dnid varchar(80), exten varchar(80)," +
		"context varchar(80), channame varchar(80), appname varchar(80), appdata varchar(255), amaflags int, accountcode varchar(20)," +
		"uniqueid varchar(32), linkedid varchar(32), peer varchar(80), userdeftype varchar(255), extra varchar(512)," +
		"KEY uniqueid_index (uniqueid), KEY linkedid_index (linkedid)) DEFAULT CHARSET=utf8mb4"
	freepbxCDR = "CREATE TABLE cdr (calldate datetime NOT NULL, clid varchar(80), src varchar(80), dst varchar(80), dcontext varchar(80)," +
		"channel varchar(80), dstchannel varchar(80), lastapp varchar(80), lastdata varchar(80), duration int, billsec int," +
		"disposition varchar(45), amaflags int, accountcode varchar(20), uniqueid varchar(32), userfield varchar(255), did varchar(50)," +
		"recordingfile varchar(255), cnum varchar(80), cnam varchar(80), outbound_cnum varchar(80), outbound_cnam varchar(80)," +
		"dst_cnam varchar(80), linkedid varchar(32), peeraccount varchar(80), sequence int) DEFAULT CHARSET=utf8mb4"
	// The tables of Asterisk's manual for cel_pgsql and cdr_pgsql.
	pgsqlCEL = `CREATE TABLE cel (id serial, eventtype varchar(30) NOT NULL, eventtime timestamp NOT NULL, userdeftype varchar(255),
		cid_name varchar(80), cid_num varchar(80), cid_ani varchar(80), cid_rdnis varchar(80), cid_dnid varchar(80), exten varchar(80),
		context varchar(80), channame varchar(80), appname varchar(80), appdata varchar(80), amaflags int, accountcode varchar(20),
		peeraccount varchar(20), uniqueid varchar(150), linkedid varchar(150), userfield varchar(255), peer varchar(80), extra text)`
	pgsqlCDR = `CREATE TABLE cdr (calldate timestamp NOT NULL, clid varchar(80), src varchar(80), dst varchar(80), channel varchar(80),
		dstchannel varchar(80), lastapp varchar(80), lastdata varchar(80), duration bigint, billsec bigint, disposition varchar(45),
		uniqueid varchar(150), linkedid varchar(150), sequence int)`
)

// engines are the databases that PBXs write to.
var engines = []struct {
	name     string
	cel, cdr string
	dsn      func(testing.TB) string
	open     func(string, *time.Location) (*Database, error)
	fine     bool // eventtime keeps fractions
}{
	{"MariaDB", freepbxCEL, freepbxCDR, mariadbtest.Start, OpenMySQL, false},
	{"PostgreSQL", pgsqlCEL, pgsqlCDR, pgtest.Start, OpenPostgres, true},
}

func execAll(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// writable reopens for writing what a Database only reads.
func writable(t *testing.T, d *Database) *sql.DB {
	t.Helper()
	execAll(t, d.db, "SELECT 1")
	return d.db
}

func literal(s string) string {
	return "'" + strings.NewReplacer("'", "''", `\`, `\\`).Replace(s) + "'"
}

func insertCEL(r CEL, at string) string {
	return "INSERT INTO cel (eventtype, eventtime, cid_name, cid_num, exten, channame, appname, appdata, uniqueid, linkedid, extra) VALUES (" +
		strings.Join([]string{literal(r.Type), literal(at), literal(r.Name), literal(r.Num), literal(r.Exten), literal(r.Channel),
			literal(r.App), literal(r.Data), literal(r.Uniqueid), literal(r.Linkedid), literal(r.Extra)}, ", ") + ")"
}

func TestTablesTellTheCallsOfAGap(t *testing.T) {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range engines {
		for _, clock := range []struct {
			name string
			zone *time.Location
		}{{"local time", zone}, {"UTC", time.UTC}} {
			t.Run(e.name+"/"+clock.name, func(t *testing.T) {
				d, err := e.open(e.dsn(t), zone)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { d.Close() })
				db := writable(t, d)
				if e.fine {
					execAll(t, db, "SET default_transaction_read_only = off")
					db.SetMaxOpenConns(1)
				}
				execAll(t, db, e.cel, e.cdr)
				start := time.Date(2026, 7, 6, 9, 0, 0, 0, time.UTC)
				for i, from := range []time.Time{start.Add(-3 * time.Hour), start, start.Add(3 * time.Hour)} {
					for _, r := range talk(from, string(rune('1'+i)), 30*time.Second) {
						execAll(t, db, insertCEL(r, r.At.In(clock.zone).Format(layouts[0])))
					}
				}
				execAll(t, db, "INSERT INTO cdr (calldate, clid, src, dst, channel, dstchannel, lastapp, lastdata, duration, billsec, disposition, uniqueid, linkedid, sequence) VALUES ("+
					literal(start.In(clock.zone).Format("2006-01-02 15:04:05"))+`, '"Alice" <1001>', '1001', '1002', 'PJSIP/1001-2', 'PJSIP/1002-2', 'Dial', 'PJSIP/1002,20', 30, 28, 'ANSWERED', `+
					literal(itoa(start.Unix())+".21")+", "+literal(itoa(start.Unix())+".21")+", 1)")
				l := Ledgers{CEL: d.CEL(), CDR: d.CDR(), Fold: calls.Config{PBX: "hq"}}
				wantOne(t, l, start)
			})
		}
	}
}

// wantOne checks that both tables tell the one call that began at start, of what is
// read from half an hour before to half an hour after.
func wantOne(t *testing.T, l Ledgers, start time.Time) {
	t.Helper()
	from, until := start.Add(-30*time.Minute), start.Add(30*time.Minute)
	check := func(what string, list []*crm.Call) {
		t.Helper()
		if len(list) != 1 {
			t.Fatalf("%s: got %d calls, want 1", what, len(list))
		}
		c := list[0]
		if !c.StartedAt.Equal(start) || c.EndedAt.Sub(start) != 30*time.Second || c.Outcome != crm.Answered ||
			c.From.Number != "1001" || c.To.Number != "1002" || *c.TalkMS != 28_000 {
			t.Errorf("%s: got %s to %s, %s from %s to %s, talk %v", what, c.StartedAt, c.EndedAt, c.Outcome, c.From.Number, c.To.Number, c.TalkMS.Duration())
		}
	}
	var list []*crm.Call
	rep, err := l.EachCEL(t.Context(), from, until, func(g Group) error {
		calls, err := FoldCEL(l.Fold, g, time.Time{})
		list = append(list, calls...)
		return err
	})
	if err != nil || rep.Bad != 0 {
		t.Fatalf("CEL: %v, %+v", err, rep)
	}
	check("CEL", list)
	list = nil
	if rep, err = l.EachCDR(t.Context(), from, func(c *crm.Call) error {
		list = append(list, c)
		return nil
	}); err != nil || rep.Bad != 0 {
		t.Fatalf("CDR: %v, %+v", err, rep)
	}
	check("CDR", list)
}

func TestTablesReportRowsThatAreNotUnderstood(t *testing.T) {
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
			execAll(t, db, e.cel, insertCEL(CEL{Type: "ANSWER", Uniqueid: "", Linkedid: "1.1"}, "2026-07-06 09:00:00"),
				insertCEL(CEL{Type: "ANSWER", Uniqueid: "1.1", Linkedid: "1.1"}, "2026-07-06 09:00:01"))
			rep, err := d.CEL().Rows(t.Context(), time.Time{}, time.Time{}, func(*CEL) error { return nil })
			if err != nil || rep.Rows != 1 || rep.Bad != 1 || rep.At[0].File != "cel" {
				t.Errorf("got %+v, %v; want one row, and one bad one of table cel", rep, err)
			}
			if _, err := d.CDR().Rows(t.Context(), time.Time{}, time.Time{}, nil); !errors.Is(err, ErrNoTable) {
				t.Errorf("got %v for a table that is not there, want ErrNoTable", err)
			}
		})
	}
}

func TestDatabaseErrorsHideThePassword(t *testing.T) {
	for _, e := range []struct {
		name, dsn string
		open      func(string, *time.Location) (*Database, error)
	}{
		{"mysql", "user:hunter2@tcp(127.0.0.1:1)/asteriskcdrdb", OpenMySQL},
		{"postgres", "postgres://user:hunter2@127.0.0.1:1/asterisk", OpenPostgres},
		{"mysql that cannot be read", "user:hunter2@what(/", OpenMySQL},
		{"postgres that cannot be read", "postgres://user:hunter2@127.0.0.1:port/x", OpenPostgres},
	} {
		t.Run(e.name, func(t *testing.T) {
			d, err := e.open(e.dsn, nil)
			if err == nil {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				err = d.Ping(ctx)
				d.Close()
			}
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want an error without the password", err)
			}
		})
	}
}
