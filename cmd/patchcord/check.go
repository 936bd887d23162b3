package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"patchcord/ami"
)

type checkCmd struct {
	Wait time.Duration `help:"How long to wait for each PBX and each CRM." default:"15s"`
}

// Help is shown by `patchcord check --help`.
func (checkCmd) Help() string {
	return `Opens the stores as the daemon would, logs in to every PBX and CRM, tries what the daemon will ask of it, and looks at certificates and
files of secrets. Whether a PBX tells of its calls shows only while there are some. Exits with 0 when all is well, 1 when something deserves a look, 2 when something does not work.

Example:
  patchcord check --config patchcord.yml`
}

// severity orders what a check can find.
type severity int

const (
	fine severity = iota
	warning
	broken
)

// report prints findings, and remembers the worst.
type report struct {
	out   io.Writer
	worst severity
}

func (r *report) say(s severity, about, format string, args ...any) {
	r.worst = max(r.worst, s)
	fmt.Fprintf(r.out, "%-5s %-12s %s\n", [...]string{"ok", "warn", "FAIL"}[s], about, fmt.Sprintf(format, args...))
}

// Run checks everything that the configuration names.
func (c *checkCmd) Run(ctx context.Context, t *terminal) error {
	cfg, err := loadConfig(t.config, t.environ)
	if err != nil {
		return err
	}
	r := &report{out: t.out}
	r.say(fine, "config", "is complete")
	checkFiles(cfg, r)
	checkStores(ctx, cfg, r)
	if len(cfg.PBXs) == 0 {
		r.say(warning, "pbxs", "none is configured")
	}
	for i := range cfg.PBXs {
		c.checkPBX(ctx, &cfg.PBXs[i], r)
	}
	for i := range cfg.Webhooks {
		if _, err := cfg.Webhooks[i].remote(); err != nil {
			r.say(broken, "webhook "+cfg.Webhooks[i].Name, "%v", err)
		}
	}
	for i := range cfg.CRMs {
		c.checkCRM(ctx, cfg, &cfg.CRMs[i], r)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if r.worst > fine {
		return exitCode(r.worst)
	}
	return nil
}

func checkStores(ctx context.Context, cfg *Config, r *report) {
	if err := makeDataDir(cfg.DataDir); err != nil {
		r.say(broken, "data_dir", "%v", err)
		return
	}
	probe, err := os.CreateTemp(cfg.DataDir, ".check-*")
	if err != nil {
		r.say(broken, "data_dir", "%v; give it to the user that runs patchcord, or set data_dir", err)
		return
	}
	probe.Close()
	os.Remove(probe.Name())
	r.say(fine, "data_dir", "%s", strings.TrimSuffix(cfg.DataDir+"; "+passingNote(cfg.DataDir), "; "))
	store, err := openStore(ctx, cfg)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		r.say(broken, "store", "%v", err)
	} else {
		r.say(fine, "store", "%s answers", redactURL(cfg.Store))
		store.Close()
	}
	frames, err := openLog(ctx, cfg, false, slog.New(finding{slog.DiscardHandler, r, "buffer"}))
	if err != nil {
		r.say(broken, "buffer", "%v", err)
		return
	}
	r.say(fine, "buffer", "%s answers", redactURL(cfg.Buffer))
	frames.Close()
}

// finding is a slog.Handler that makes what a part warns of a finding.
type finding struct {
	slog.Handler
	r     *report
	about string
}

// Enabled implements slog.Handler.
func (f finding) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle implements slog.Handler.
func (f finding) Handle(_ context.Context, rec slog.Record) error {
	f.r.say(warning, f.about, "%s", rec.Message)
	return nil
}

// checkPBX logs in and asks for what the daemon asks for.
func (c *checkCmd) checkPBX(ctx context.Context, p *PBXConfig, r *report) {
	about := "pbx " + p.Name
	session, err := p.session(slog.New(slog.DiscardHandler))
	if err != nil {
		r.say(broken, about, "%v", err)
		return
	}
	if host, _, err := net.SplitHostPort(p.Address); err == nil && p.TLS == nil && !loopback(host) {
		r.say(warning, about, "the session is not encrypted: use the TLS port (5039) and set `tls`")
	}
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	var told channels
	states := make(chan ami.State, 16) // full: later states are dropped; the first that decides is enough
	s := ami.NewSession(session, ami.Funcs{Frame: told.take, State: func(st ami.State) {
		select {
		case states <- st:
		default:
		}
	}})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx) // its states tell everything
	}()
	defer func() { cancel(); <-done }()
	for {
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				r.say(broken, about, "%s did not answer within %v", p.Address, c.Wait)
			}
			return
		case st := <-states:
			if st.Phase == ami.PhaseUp {
				c.checkRights(ctx, p, s, st, r)
				checkEvents(ctx, p, s, &told, r)
				return
			}
			if st.Waiting() {
				r.say(broken, about, "%s: %v. %s", p.Address, st.Err, st.Text)
				if st.Phase == ami.PhaseRefused {
					fmt.Fprint(r.out, stanza(p))
				}
				return
			}
		}
	}
}

// checkRights tries the actions themselves: what is allowed shows in what works.
func (c *checkCmd) checkRights(ctx context.Context, p *PBXConfig, s *ami.Session, st ami.State, r *report) {
	about := "pbx " + p.Name
	r.say(fine, about, "logged in as %s, AMI %s", p.Reader.Username, st.Version)
	warnExpiry(r, about, "its certificate", st.CertExpires)
	if st.Boot.IsZero() {
		r.say(warning, about, "does not say since when it runs; give the user read=system, so that restarts are noticed")
	}
	for _, action := range []string{"CoreShowChannels", "QueueStatus"} {
		if _, err := s.List(ctx, ami.Action{Name: action}); err != nil {
			r.say(broken, about, "%s does not work: %v", action, err)
			st.Missing = append(st.Missing, action)
			continue
		}
		r.say(fine, about, "%s works", action)
	}
	if len(st.Missing) > 0 {
		r.say(broken, about, "the user may not run: %s. It needs:", strings.Join(st.Missing, ", "))
		fmt.Fprint(r.out, stanza(p))
	}
}

// stanza is the manager.conf entry with the rights the daemon needs, and no more.
func stanza(p *PBXConfig) string {
	return fmt.Sprintf(`
      ; /etc/asterisk/manager.conf, then: asterisk -rx 'manager reload'
      [%s]
      secret = (what the secret file holds)
      deny = 0.0.0.0/0.0.0.0
      permit = (the address of this machine)/255.255.255.255
      read = system,call,agent,user
      write = reporting
      writetimeout = 5000

`, p.Reader.Username)
}
