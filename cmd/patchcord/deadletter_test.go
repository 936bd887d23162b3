package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"patchcord/ami/amitest"
	"patchcord/buffer/redisstream/redistest"
	"patchcord/crm"
	"patchcord/crm/api"
	"patchcord/crm/postgres/pgtest"
)

// venom is a caller's name that the store of these tests refuses in a record.
const venom = "VENOM"

// ward is a store that can be given an allergy to venom, and one that makes the commit of the gap in its
// place take seconds, by statements for its database.
type ward struct {
	store, buffer string // of the configuration
	do            func(t *testing.T, statement string)
	ill, well     []string
	slow, quick   []string
}

func (w ward) in(t *testing.T, dir string) ward {
	if w.store != sqliteStore {
		return w
	}
	w.do = func(t *testing.T, statement string) {
		t.Helper()
		db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "patchcord.db")+"?_pragma=busy_timeout(20000)")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	w.ill = []string{`CREATE TRIGGER ill BEFORE INSERT ON calls WHEN NEW.record LIKE '%` + venom + `%' BEGIN SELECT RAISE(ABORT, 'allergy'); END`}
	w.well = []string{`DROP TRIGGER ill`}
	w.slow = []string{`CREATE TRIGGER slow BEFORE INSERT ON gaps WHEN NEW.detail LIKE '%dead letter%' BEGIN
		SELECT count(*) FROM sqlite_schema a, sqlite_schema b, sqlite_schema c, sqlite_schema d, sqlite_schema e, sqlite_schema f; END`}
	w.quick = []string{`DROP TRIGGER slow`}
	return w
}

func serversWard(t *testing.T) ward {
	redis, _ := redistest.Start(t)
	url := pgtest.Start(t)
	return ward{
		store: url, buffer: redis,
		do: func(t *testing.T, statement string) {
			t.Helper()
			c, err := pgx.Connect(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close(context.WithoutCancel(t.Context()))
			if _, err := c.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		},
		ill:  []string{`ALTER TABLE calls ADD CONSTRAINT ill CHECK (record NOT LIKE '%` + venom + `%')`},
		well: []string{`ALTER TABLE calls DROP CONSTRAINT ill`},
		slow: []string{`CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(5); RETURN NEW; END'`,
			`CREATE TRIGGER slow BEFORE INSERT ON gaps FOR EACH ROW WHEN (NEW.detail LIKE '%dead letter%') EXECUTE FUNCTION doze()`},
		quick: []string{`DROP TRIGGER slow ON gaps`},
	}
}

// TestDeadLetterSurvivesItsDaemon has a PBX say what the store refuses, kills the daemon with SIGKILL
// between putting it aside and passing it, and has it re-driven on the command line once the reason is gone.
func TestDeadLetterSurvivesItsDaemon(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]func(*testing.T) ward{
		"embedded": func(*testing.T) ward { return ward{store: sqliteStore, buffer: embeddedLog} },
		"servers":  serversWard,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deadLetterSurvives(t, of(t))
		})
	}
}

func deadLetterSurvives(t *testing.T, w ward) {
	dir := t.TempDir()
	w = w.in(t, dir)
	change := func(statements []string) {
		t.Helper()
		for _, s := range statements {
			w.do(t, s)
		}
	}
	pbx, address := servePBX(t, "127.0.0.1:0", &amitest.Traffic{Seed: 5, Speed: 20, CallsPerSecond: 0.4})
	if err := os.WriteFile(filepath.Join(dir, "hq.secret"), []byte(amitest.DefaultUser().Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	file, listen := filepath.Join(dir, "patchcord.yml"), freeAddress(t)
	text := fmt.Sprintf("listen: %s\ndata_dir: %q\nstore: %q\nbuffer: %q\npbxs: [{name: hq, address: %q, reader: {username: %s, secret_file: hq.secret}}]\n",
		listen, dir, w.store, w.buffer, address, amitest.DefaultUser().Name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := runCommand(t, "a long enough password\n", "user", "add", "boss", "--role", "owner", "--password-stdin", "--config", file); status != 0 {
		t.Fatal(stderr)
	}
	change(w.ill)
	change(w.slow)
	v := &victim{t: t, dir: dir, args: []string{"serve", "--config", file}, pbx: pbx}
	v.start()
	defer v.tellIfFailed()
	waitFor(t, patience, "the daemon to log in", func() bool { return pbx.Sessions() > 0 })
	v.met = time.Now()

	time.Sleep(time.Second) // of ordinary calls
	pbx.Send(newChannel(venom))
	letters := func() (list []api.DeadLetter) {
		t.Helper()
		status, stdout, stderr := runCommand(t, "", "deadletter", "list", "--json", "--config", file)
		if status != 0 {
			t.Fatal(stderr)
		}
		for dec := json.NewDecoder(strings.NewReader(stdout)); dec.More(); {
			var l api.DeadLetter
			if err := dec.Decode(&l); err != nil {
				t.Fatal(err)
			}
			list = append(list, l)
		}
		return list
	}
	waitFor(t, patience, "the dead letter", func() bool { return len(letters()) > 0 })
	v.end(os.Kill) // its commit takes seconds
	change(w.quick)
	v.start()
	waitFor(t, patience, "the daemon to log in", func() bool { return pbx.Sessions() > 0 })

	boss := login(t, "http://"+listen, "boss", "a long enough password")
	var ready struct {
		PBXs []api.PBXStatus `json:"pbxs"`
	}
	waitFor(t, patience, "/readyz to tell of the dead letter", func() bool {
		boss.do(t, "GET", "/readyz", nil, &ready)
		return ready.PBXs[0].DeadLetters == 1
	})
	list := letters()
	if len(list) != 1 || list[0].Event != "Newchannel" || !list[0].Redrivable {
		t.Fatalf("dead letters %+v; want the one", list)
	}
	var one api.DeadLetter
	if status := boss.do(t, "GET", "/v1/deadletters/hq/"+list[0].Position, nil, &one); status != http.StatusOK || !strings.Contains(one.Frame, venom) {
		t.Errorf("the API answers %d %+v", status, one)
	}
	status, stdout, stderr := runCommand(t, "", "deadletter", "show", "hq", one.Position, "--config", file)
	if status != 0 || !strings.Contains(stdout, "CallerIDName: "+venom) || !strings.Contains(stdout, "refused by the store") {
		t.Errorf("show leaves with %d: %s%s", status, stdout, stderr)
	}

	redrive := func(args ...string) (int, string) {
		status, stdout, stderr := runCommand(t, "", append([]string{"deadletter", "redrive", "--config", file}, args...)...)
		return status, stdout + stderr
	}
	if status, said := redrive("hq", one.Position); status == 0 || !strings.Contains(said, "1 refused again") {
		t.Errorf("a re-drive while its reason stands leaves with %d: %s", status, said)
	}
	change(w.well)
	if status, said := redrive("--all"); status != 0 || !strings.Contains(said, "1 applied again") {
		t.Errorf("a re-drive leaves with %d: %s", status, said)
	}
	if left := letters(); len(left) != 0 {
		t.Errorf("still dead: %+v", left)
	}
	checkTrail(t, boss, file, one.Position)
	cfg, err := loadConfig(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	store, err := openStore(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	truth := v.finish(store)
	checkRedriven(t, store, one.Position)
	records, gaps := recordsOf(t, store)
	compareWithLedger(t, records, gaps, nil, truth)
}

// checkTrail wants both re-drives of the letter, who asked for them and what came of them, from the command line and from the API.
func checkTrail(t *testing.T, boss *client, file, position string) {
	t.Helper()
	var told struct{ Items []api.DeadLetterDeed }
	if status := boss.do(t, "GET", "/v1/deadletters/trail", nil, &told); status != http.StatusOK {
		t.Errorf("the API answers %d", status)
	}
	var deeds []string
	for _, d := range told.Items {
		by, _, _ := strings.Cut(d.By, ",")
		deeds = append(deeds, d.PBX+" "+d.Position+" "+d.Deed+" "+by)
	}
	about := "hq " + position
	want := []string{about + " redrive the command line", about + " refused ", about + " redrive the command line", about + " redriven "}
	if !slices.Equal(deeds, want) {
		t.Errorf("the trail is %q, want %q", deeds, want)
	}
	status, stdout, stderr := runCommand(t, "", "deadletter", "trail", "--config", file)
	if status != 0 || strings.Count(stdout, position) != len(want) || !strings.Contains(stdout, "the daemon") {
		t.Errorf("trail leaves with %d: %s%s", status, stdout, stderr)
	}
}

// newChannel is a call from outside that a PBX tells of and then forgets.
func newChannel(name string) string {
	return strings.Join([]string{
		"Event: Newchannel", "Privilege: call,all", "Channel: PJSIP/trunk-0000ffff", "ChannelState: 4", "ChannelStateDesc: Ring",
		"CallerIDNum: 441632960001", "CallerIDName: " + name, "ConnectedLineNum: <unknown>", "ConnectedLineName: <unknown>",
		"Language: en", "AccountCode: ", "Context: from-trunk", "Exten: 5551000", "Priority: 1",
		"Uniqueid: 1795311421.9000", "Linkedid: 1795311421.9000", "", "",
	}, "\r\n")
}

// checkRedriven wants one record of the call, over, as the PBX does not know of it, and one gap of the letter.
func checkRedriven(t *testing.T, store crm.Store, position string) {
	t.Helper()
	records, gaps := recordsOf(t, store)
	found, marks := 0, 0
	for _, c := range records {
		if c.From.Name == venom {
			if found++; c.Open() || c.Complete {
				t.Errorf("its call is open: %v, complete: %v; the PBX has no such channel", c.Open(), c.Complete)
			}
		}
	}
	for _, g := range gaps {
		if strings.Contains(g.Detail, "dead letter") {
			if marks++; g.ID != "hq:"+position {
				t.Errorf("gap %+v is of another entry", g)
			}
		}
	}
	if found != 1 || marks != 1 {
		t.Errorf("%d records and %d gaps of the dead letter; want one each", found, marks)
	}
}
