package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"strconv"
	"time"

	"patchcord/ami/amitest"
	"patchcord/crm"
	"patchcord/crm/auth"
)

type demoCmd struct {
	For     time.Duration `help:"End by itself when it has been up for this long, such as 30s."`
	JSON    bool          `name:"json" help:"Print one JSON object with url, agent, supervisor and password, and nothing else."`
	Port    int           `help:"Port of the pages on 127.0.0.1; 0 for a free one. 8080, or a free one when that is taken." default:"-1"`
	AMIPort int           `name:"ami-port" help:"Port of the simulated PBX on 127.0.0.1; 0 for a free one." default:"0"`
	Seed    uint64        `help:"Another seed places other calls." default:"1"`
	Calls   float64       `help:"Calls a second, beside those that ring the agent." default:"0.25"`
}

// Help is shown by `patchcord demo --help`.
func (demoCmd) Help() string {
	return `Log in as the agent: within ten seconds calls ring on the page. Everything is kept in a temporary folder that is
removed at the end.

Example:
  patchcord demo --for 30s --json`
}

const (
	demoPBX        = "demo"
	demoAgent      = "agent"
	demoSupervisor = "supervisor"
	demoExtension  = "1001"
	demoPort       = 8080
)

// Run runs a simulated PBX, and a daemon beside it.
func (c *demoCmd) Run(ctx context.Context, t *terminal) error {
	if c.For < 0 || c.Calls < 0 {
		return fmt.Errorf("--for %v, --calls %v: neither can be less than nothing", c.For, c.Calls)
	}
	if c.Port > math.MaxUint16 || c.AMIPort < 0 || c.AMIPort > math.MaxUint16 {
		return fmt.Errorf("--port %d, --ami-port %d: a port is a number up to %d", c.Port, c.AMIPort, math.MaxUint16)
	}
	err := c.run(ctx, t)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // Ctrl-C or SIGTERM before the demo was up
	}
	return err
}

func (c *demoCmd) run(ctx context.Context, t *terminal) error {
	dir, err := os.MkdirTemp("", "patchcord-demo-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w; let TMPDIR name one that can be written", err)
	}
	defer os.RemoveAll(dir)

	secret := rand.Text()
	pbx := amitest.New(amitest.Config{
		Name: demoPBX, Timestamps: true,
		Users: []amitest.User{{Name: "patchcord", Secret: secret}},
		Traffic: &amitest.Traffic{
			Seed: c.Seed, CallsPerSecond: c.Calls,
			Focus: &amitest.Focus{Extension: demoExtension, First: 3 * time.Second, Every: 8 * time.Second},
		},
	})
	ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.AMIPort)))
	if err != nil {
		return fmt.Errorf("listen for the simulated PBX: %w; choose another --ami-port", err)
	}
	defer ln.Close()

	d, err := c.open(ctx, t, dir, ln.Addr().String(), secret)
	if err != nil {
		return err
	}
	defer d.Close()
	password, err := furnish(ctx, d)
	if err != nil {
		return err
	}
	if err := c.announce(t, d.web.url, ln.Addr().String(), password); err != nil {
		return err
	}
	if c.For > 0 { // counted from here, so that a slow machine shows as much
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	err = runBeside(ctx, d.Run, func(ctx context.Context) error { return pbx.Serve(ctx, ln) })
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.DeadlineExceeded)) {
		return nil // the end was asked for: --for, Ctrl-C, SIGTERM
	}
	return err
}

// runBeside runs a daemon beside its PBX, which outlives it: the last thing that the
// daemon says is not to be that its PBX has gone.
func runBeside(ctx context.Context, daemon, pbx func(context.Context) error) error {
	run, stop := context.WithCancel(ctx)
	defer stop()
	beyond, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	gone := make(chan error, 1)
	go func() {
		gone <- pbx(beyond)
		stop()
	}()
	err := daemon(run)
	if run.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil // asked to stop, by ctx or by the end of the PBX
	}
	hangUp()
	if broken := <-gone; broken != nil && !errors.Is(broken, context.Canceled) {
		return fmt.Errorf("simulated PBX: %w", broken)
	}
	return err
}

func (c *demoCmd) open(ctx context.Context, t *terminal, dir, pbxAddress, secret string) (*daemon, error) {
	log, err := newLogger(t.err, "info", "text")
	if err != nil {
		return nil, err
	}
	cfg := &Config{
		Listen: c.listen(), DataDir: dir, Node: "demo",
		PBXs: []PBXConfig{{
			Name: demoPBX, Address: pbxAddress, Region: "GB",
			Reader: Account{Username: "patchcord", Secret: crm.Secret(secret)},
		}},
	}
	cfg.fillDefaults()
	if err := errors.Join(cfg.Validate()...); err != nil {
		return nil, err
	}
	return openDaemon(ctx, cfg, log)
}

// listen returns the address of the pages: 8080 unless a port was asked for, and a free one when 8080 is taken.
func (c *demoCmd) listen() string {
	if c.Port >= 0 {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port))
	}
	usual := net.JoinHostPort("127.0.0.1", strconv.Itoa(demoPort))
	ln, err := net.Listen("tcp", usual)
	if err != nil {
		return "127.0.0.1:0"
	}
	ln.Close()
	return usual
}

// furnish makes the two users, gives the simulated phones their agents, and adds
// a few contacts among the numbers that call. It returns the password of both users.
func furnish(ctx context.Context, d *daemon) (string, error) {
	password := rand.Text()[:12]
	for _, u := range []struct {
		name      string
		role      crm.Role
		extension string
	}{
		{demoAgent, crm.RoleAgent, demoExtension}, {demoSupervisor, crm.RoleSupervisor, ""},
		{"desk-1002", crm.RoleAgent, "1002"}, {"desk-1003", crm.RoleAgent, "1003"}, {"desk-1004", crm.RoleAgent, "1004"},
	} {
		user, err := auth.NewUser(defaultTenant, u.name, u.role, crm.Secret(password))
		if err != nil {
			return "", err
		}
		if err := d.store.CreateUser(ctx, user); err != nil {
			return "", err
		}
		if u.extension == "" {
			continue
		}
		if err := d.store.Bind(ctx, crm.Binding{UserID: user.ID, PBX: demoPBX, Extension: u.extension, From: crm.At(time.Now().Add(-time.Hour))}, false); err != nil {
			return "", err
		}
	}
	for i := 1; i <= 6; i++ {
		number := crm.Number(fmt.Sprintf("+4416329600%02d", i))
		now := crm.At(time.Now())
		contact := crm.Contact{ID: rand.Text(), CreatedAt: now, UpdatedAt: now, Name: fmt.Sprintf("Sample contact %d", i), Company: "Example Ltd",
			Numbers: []crm.Number{number}}
		if _, err := d.store.CreateContact(ctx, defaultTenant, contact); err != nil {
			return "", err
		}
	}
	return password, d.people.Refresh(ctx)
}

func (c *demoCmd) announce(t *terminal, url, pbx, password string) error {
	if c.JSON {
		return json.NewEncoder(t.out).Encode(map[string]string{
			"url": url, "agent": demoAgent, "supervisor": demoSupervisor, "password": password,
		})
	}
	_, err := fmt.Fprintf(t.out, `patchcord demo: a simulated PBX places calls, and nothing of it leaves this machine.

  page         %[1]s/
  API          %[1]s/docs
  agent        %[2]s  (extension %[5]s)
  supervisor   %[3]s
  password     %[4]s  (both)
  PBX          %[6]s

Ctrl-C ends it and removes its data.
`, url, demoAgent, demoSupervisor, password, demoExtension, pbx)
	return err
}
