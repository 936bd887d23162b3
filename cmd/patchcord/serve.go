package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
)

type serveCmd struct {
	Listen        string `help:"Address to listen on; overrides the configuration." placeholder:"127.0.0.1:8080"`
	DataDir       string `help:"Folder of the data; overrides the configuration." type:"path" placeholder:"DIR"`
	PBXName       string `name:"pbx-name" help:"Name of a PBX, when there is no configuration file." placeholder:"hq"`
	PBXAddress    string `name:"pbx-address" help:"Its manager port, as host:port." placeholder:"127.0.0.1:5038"`
	PBXUsername   string `name:"pbx-username" help:"The manager user." placeholder:"patchcord"`
	PBXSecretFile string `name:"pbx-secret-file" help:"File that holds the user's secret." type:"path" placeholder:"FILE"`
	LogLevel      string `help:"debug, info, warn or error." enum:"debug,info,warn,error" default:"info"`
	LogFormat     string `help:"text or json." enum:"text,json" default:"text"`
}

// Help is shown by `patchcord serve --help`.
func (serveCmd) Help() string {
	return `Runs until it is stopped with Ctrl-C or SIGTERM. The first start prints a one-time link to create the owner. SIGHUP has
the configuration read again: a bad one is told of in the log and changes nothing.

Example, beside an Asterisk:
  patchcord serve --pbx-name hq --pbx-address 127.0.0.1:5038 --pbx-username patchcord --pbx-secret-file hq.secret`
}

// Run runs the daemon.
func (c *serveCmd) Run(ctx context.Context, t *terminal) error {
	log, err := newLogger(t.err, c.LogLevel, c.LogFormat)
	if err != nil {
		return err
	}
	spareProcessors()
	load := func() (*Config, error) { return loadConfig(t.config, c.environ(t.environ)) }
	cfg, err := load()
	if err != nil {
		return err
	}
	if len(cfg.unknown) > 0 {
		log.Warn("these variables name no key of the configuration and are ignored; one that does: PATCHCORD_PBXS_0_NAME", "variables", cfg.unknown)
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGHUP)
	defer signal.Stop(told)
	open := func(ctx context.Context, cfg *Config, patient bool) (runner, error) {
		for {
			d, err := c.open(ctx, t, cfg, log)
			if err == nil {
				return d, nil
			}
			if !patient || !passes(err) || ctx.Err() != nil {
				return nil, err
			}
			if err := awaitStore(ctx, cfg, log, err); err != nil {
				return nil, err
			}
		}
	}
	err = (&reloader{load: load, open: open, told: told, log: log}).run(ctx, cfg)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // asked to stop, and did
	}
	return err
}

func (c *serveCmd) open(ctx context.Context, t *terminal, cfg *Config, log *slog.Logger) (*daemon, error) {
	d, err := openDaemon(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	if g := newGarbage(d.house.frames, log); g != nil {
		d.add("garbage", g.run)
	}
	if err := d.announce(ctx, t); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// announce says where the daemon is, and how to own it when nobody does.
func (d *daemon) announce(ctx context.Context, t *terminal) error {
	link, err := d.setupLink(ctx)
	if err != nil {
		return err
	}
	if link != "" {
		fmt.Fprintf(t.err, "\nNobody owns this patchcord yet. Within 24 hours, create the owner at:\n  %s\n\n", link)
	}
	cfg := d.cfg
	d.log.Info("patchcord runs", "url", d.web.url, "version", version(), "pbxs", len(cfg.PBXs), "store", redactURL(cfg.Store), "buffer", redactURL(cfg.Buffer))
	if note := passingNote(cfg.DataDir); note != "" {
		d.log.Warn(note, "data_dir", cfg.DataDir)
	}
	if len(cfg.PBXs) == 0 {
		d.log.Warn("no PBX is configured: add one under pbxs, or start with --pbx-name, --pbx-address, --pbx-username and --pbx-secret-file")
	}
	return nil
}

// spareProcessors lets two more goroutines run at a time than there are processors,
// unless the variable GOMAXPROCS says how many. Go leaves a processor for 10 ms to a
// goroutine that computes, a database's say; the system takes it away at once for a
// thread that wakes up to carry a pop.
var spareProcessors = sync.OnceFunc(func() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2)
	}
})

// environ lays the flags over the variables: a flag is a variable given last.
func (c *serveCmd) environ(environ []string) []string {
	list := append([]string{}, environ...)
	for name, value := range map[string]string{
		"LISTEN": c.Listen, "DATA_DIR": c.DataDir,
		"PBXS_0_NAME": c.PBXName, "PBXS_0_ADDRESS": c.PBXAddress,
		"PBXS_0_READER_USERNAME": c.PBXUsername, "PBXS_0_READER_SECRET_FILE": c.PBXSecretFile,
	} {
		if value != "" {
			list = append(list, envPrefix+"_"+name+"="+value)
		}
	}
	return list
}

func newLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: use debug, info, warn or error", level)
	}
	opts := &slog.HandlerOptions{Level: l}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return slog.New(slog.NewTextHandler(w, opts)), nil
}

type migrateCmd struct{}

// Help is shown by `patchcord migrate --help`.
func (migrateCmd) Help() string {
	return `The daemon does the same when it starts. A database that a newer patchcord has written is refused and left alone.

Example:
  patchcord migrate --config patchcord.yml`
}

// Run opens the store, which brings its schema up to date.
func (migrateCmd) Run(ctx context.Context, t *terminal) error {
	store, err := openUserStore(ctx, t)
	if err != nil {
		return err
	}
	defer store.Close()
	fmt.Fprintln(t.out, "the database has this version's schema")
	return nil
}
