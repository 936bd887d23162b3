package lab

import (
	"context"
	"net"
	"os"
	"reflect"
	"testing"
	"time"
)

func TestUpArguments(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Config
		want []string
	}{
		{"zero", Config{}, []string{"up", "22", "--instance", "3", "--driver", "pjsip", "--dialplan", "plain"}},
		{"everything", Config{Version: "16", Driver: "sip", Set: map[string]string{"SYSTEMNAME": "a", "CDR_MANAGER": "yes"}},
			[]string{"up", "16", "--instance", "3", "--driver", "sip", "--dialplan", "plain", "--set", "CDR_MANAGER=yes", "--set", "SYSTEMNAME=a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.cfg.up(3); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestVariables(t *testing.T) {
	got := variables("LAB_AMI=127.0.0.1:5038\nLAB_PID=\nno pair\nLAB_CDR=/a=b\n")
	want := map[string]string{"LAB_AMI": "127.0.0.1:5038", "LAB_PID": "", "LAB_CDR": "/a=b"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFindScriptFromInsideTheModule(t *testing.T) {
	s, err := findScript(".")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(s.path); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("%s: not a command (%v)", s.path, err)
	}
	if _, err := findScript(t.TempDir()); err == nil {
		t.Error("outside a module: want an error")
	}
}

func TestClaims(t *testing.T) {
	cache := t.TempDir()
	first, err := claimInstance(cache, 0)
	if err != nil {
		t.Skip(err) // other tests have them all
	}
	defer first.release()
	second, err := claimInstance(cache, first.number)
	if err == nil {
		second.release()
		t.Errorf("instance %d was claimed twice", first.number)
	}
	first.release()
	again, err := claimInstance(cache, first.number)
	if err != nil {
		t.Fatalf("claim a released instance: %v", err)
	}
	again.release()
}

func TestClaimOfAServerThatRuns(t *testing.T) {
	cache := t.TempDir()
	free, err := claimInstance(cache, 0)
	if err != nil {
		t.Skip(err) // other tests have them all
	}
	free.release()
	server, err := net.Listen("tcp", address(amiPort(free.number)))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if c, err := claimInstance(cache, free.number); err == nil {
		c.release()
		t.Error("claimed a server that somebody else runs")
	}
	if err := mark(cache, free.number); err != nil {
		t.Fatal(err)
	}
	c, err := claimInstance(cache, free.number)
	if err != nil {
		t.Fatalf("claim a server that a dead test left: %v", err)
	}
	c.release()
}

func TestRealServer(t *testing.T) {
	p := Up(t, Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	rec, err := p.Call(ctx, "inbound-did-direct")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := ReadCDR(rec.CDR)
	if err != nil || len(rows) != 1 || rows[0].Disposition != "ANSWERED" || rows[0].Src != "441632960006" {
		t.Errorf("CDR of the scenario: got %+v, %v, want one answered row", rows, err)
	}
	all, err := p.CDR()
	if err != nil || !reflect.DeepEqual(all, rows) {
		t.Errorf("CDR of the server: got %+v, %v, want %+v", all, err, rows)
	}
	p.Phones(t, "1002:answer=0.2")
	if err := p.Dial(ctx, Dial{Number: "1002", From: "1004", Talk: 500 * time.Millisecond}); err != nil {
		t.Error(err)
	}
	if err := p.Load(ctx, Load{Calls: 5, PerSecond: 5, Talk: time.Second}); err != nil {
		t.Error(err)
	}
	if all, err = p.CDR(); err != nil || len(all) < 7 {
		t.Errorf("CDR after a dialled call and 5 of load: got %d rows, %v, want at least 7", len(all), err)
	}
	checkRestart(ctx, t, p)
}

func checkRestart(ctx context.Context, t *testing.T, p *PBX) {
	t.Helper()
	before, err := p.PID()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(ctx); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", p.Addr); err == nil {
		conn.Close()
		t.Error("the manager port answers after a kill")
	}
	if err := p.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	after, err := p.PID()
	if err != nil || after == before {
		t.Errorf("pid after the restart: got %d, %v, want another than %d", after, err, before)
	}
	conn, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatalf("the manager port after a restart: %v", err)
	}
	conn.Close()
}
