package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os/user"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

type deadletterCmd struct {
	List    deadletterListCmd    `cmd:"" help:"List what could not be recorded."`
	Show    deadletterShowCmd    `cmd:"" help:"Show one with its frame and the whole reason."`
	Redrive deadletterRedriveCmd `cmd:"" help:"Apply one, several or all of them again."`
	Drop    deadletterDropCmd    `cmd:"" help:"Give one up."`
	Trail   deadletterTrailCmd   `cmd:"" help:"List who had which applied again or gave it up, and when."`
}

// Help is shown by `patchcord deadletter --help`.
func (deadletterCmd) Help() string {
	return `Example:
  patchcord deadletter list --config patchcord.yml`
}

type deadletterListCmd struct {
	PBX  string `name:"pbx" help:"Of this PBX alone." placeholder:"hq"`
	JSON bool   `name:"json" help:"Print one JSON object for each, as GET /v1/deadletters/{pbx}/{position} answers it."`
}

// Help is shown by `patchcord deadletter list --help`.
func (deadletterListCmd) Help() string {
	return `What the fold or the store refused was passed over after some tries, so that everything after it is recorded; it waits here, and a gap
says that the record of its call may be incomplete. Works before the daemon runs and while it does.

Example:
  patchcord deadletter list --config patchcord.yml`
}

// Run lists them by PBX and position.
func (c *deadletterListCmd) Run(ctx context.Context, t *terminal) error {
	return withLetters(ctx, t, c.PBX, func(d *buffer.DeadLetters, pbxs []string) error {
		w := tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0)
		if !c.JSON {
			fmt.Fprintln(w, "PBX\tPOSITION\tRECEIVED\tEVENT\tTRIES\tSTATE\tREASON")
		}
		for _, pbx := range pbxs {
			letters, err := d.List(ctx, pbx)
			if err != nil {
				return err
			}
			for _, l := range letters {
				s := shownLetter(pbx, l)
				if c.JSON {
					if err := json.NewEncoder(t.out).Encode(s); err != nil {
						return err
					}
					continue
				}
				reason, _, _ := strings.Cut(l.Reason, "\n")
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", pbx, s.Position, l.At.Local().Format(time.DateTime), plain(s.Event), l.Tries, letterState(l), plain(reason))
			}
		}
		return w.Flush()
	})
}

func letterState(l buffer.Letter) string {
	switch {
	case l.Asked():
		return "asked"
	case l.Again:
		return "refused again"
	case !l.Redrivable():
		return "lost"
	}
	return "waits"
}

// oneLetter names a dead letter on the command line.
type oneLetter struct {
	PBX      string       `arg:"" name:"pbx" help:"Name of the PBX."`
	Position crm.Position `arg:"" help:"Position, as the list shows it."`
}

type deadletterShowCmd struct{ oneLetter }

// Help is shown by `patchcord deadletter show --help`.
func (deadletterShowCmd) Help() string {
	return `Example:
  patchcord deadletter show hq 7-1042`
}

// Run prints the letter. What came through a call is made harmless for the terminal, line by line.
func (c *deadletterShowCmd) Run(ctx context.Context, t *terminal) error {
	return withLetters(ctx, t, c.PBX, func(d *buffer.DeadLetters, _ []string) error {
		letters, err := d.List(ctx, c.PBX)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(letters, func(l buffer.Letter) bool { return l.Pos == c.Position })
		if i < 0 {
			return noLetter(c.PBX, c.Position)
		}
		l := letters[i]
		fmt.Fprintf(t.out, "Entry %s of the log of %s, %s\n\n", l.Pos, c.PBX, letterState(l))
		fmt.Fprintf(t.out, "received   %s\nput aside  %s, after %d tries\nreason     %s\n\n",
			l.At.Local().Format(time.RFC3339Nano), l.Since.Local().Format(time.RFC3339), l.Tries, plainLines(l.Reason))
		if len(l.Data) == 0 {
			fmt.Fprintln(t.out, "The log could not give its bytes back.")
			return nil
		}
		fmt.Fprintln(t.out, plainLines(string(l.Data)))
		return nil
	})
}

func plainLines(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\r\n"), "\n")
	for i, l := range lines {
		lines[i] = plain(strings.ReplaceAll(strings.TrimSuffix(l, "\r"), "\t", "    "))
	}
	return strings.Join(lines, "\n")
}

type deadletterRedriveCmd struct {
	PBX       string         `arg:"" optional:"" name:"pbx" help:"Name of the PBX."`
	Positions []crm.Position `arg:"" optional:"" name:"position" help:"Positions, as the list shows them."`
	All       bool           `help:"All that can be applied again; of the PBX named, else of every one."`
	Wait      time.Duration  `help:"How long to wait for the daemon to do it." default:"15s"`
}

// Help is shown by `patchcord deadletter redrive --help`.
func (deadletterRedriveCmd) Help() string {
	return `The daemon that owns the PBX applies them again within seconds, or when it starts next: each is put at the end of the PBX's log with the
time of its receipt, and recorded like everything there, once. Do it when the reason is gone, and soon.

What it can do: add what the frame says to a call that is going on, or ended within the last 30 seconds.
What it cannot: put the frame back where it belonged. What came after it was concluded without it, frames about calls that ended long ago
change nothing, no screen pops, and the call stays "complete": false. For such calls there is backfill, from the PBX's own ledger.

Examples:
  patchcord deadletter redrive hq 7-1042
  patchcord deadletter redrive --all`
}

// Run asks for the re-drive and waits for what comes of it.
func (c *deadletterRedriveCmd) Run(ctx context.Context, t *terminal) error {
	if c.All == (len(c.Positions) > 0) || !c.All && c.PBX == "" {
		return errors.New("which ones? name a PBX and positions as the list shows them, or give --all")
	}
	return withLetters(ctx, t, c.PBX, func(d *buffer.DeadLetters, pbxs []string) error {
		asked := map[string][]crm.Position{}
		for _, pbx := range pbxs {
			list, err := c.which(ctx, d, pbx)
			if err != nil {
				return err
			}
			for _, pos := range list {
				switch err := d.Redrive(ctx, pbx, pos, onCommandLine()); {
				case errors.Is(err, buffer.ErrNoLetter):
					return noLetter(pbx, pos)
				case errors.Is(err, buffer.ErrOnlyThere):
					return fmt.Errorf("entry %s of %s is no frame that is kept whole, so it cannot be applied again; its gap says what is missing. To give it up: patchcord deadletter drop %s %s", pos, pbx, pbx, pos)
				case err != nil:
					return err
				}
				asked[pbx] = append(asked[pbx], pos)
			}
		}
		return c.await(ctx, t, d, asked)
	})
}

// which returns the positions that are meant.
func (c *deadletterRedriveCmd) which(ctx context.Context, d *buffer.DeadLetters, pbx string) (list []crm.Position, err error) {
	if !c.All {
		return c.Positions, nil
	}
	letters, err := d.List(ctx, pbx)
	for _, l := range letters {
		if l.Redrivable() {
			list = append(list, l.Pos)
		}
	}
	return list, err
}

// await tells what became of the letters. One that is refused again, or not applied in time, is a failure.
func (c *deadletterRedriveCmd) await(ctx context.Context, t *terminal, d *buffer.DeadLetters, asked map[string][]crm.Position) error {
	total := 0
	for _, list := range asked {
		total += len(list)
	}
	if total == 0 {
		fmt.Fprintln(t.out, "there is no dead letter that could be applied again")
		return nil
	}
	for deadline := time.Now().Add(c.Wait); ; {
		open, refused := 0, 0
		for pbx, list := range asked {
			letters, err := d.List(ctx, pbx)
			if err != nil {
				return err
			}
			for _, l := range letters {
				switch {
				case !slices.Contains(list, l.Pos):
				case l.Asked():
					open++
				default:
					refused++
				}
			}
		}
		switch {
		case open == 0 && refused == 0:
			fmt.Fprintf(t.out, "%d applied again and recorded\n", total)
			return nil
		case open == 0:
			fmt.Fprintf(t.out, "%d applied again and recorded\n", total-refused)
			return fmt.Errorf("%d refused again; why: patchcord deadletter list", refused)
		case time.Now().After(deadline):
			return fmt.Errorf("%d of %d not applied within %v: no daemon owns the PBX now, or it cannot write; what was asked for is done when one does", open, total, c.Wait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

type deadletterDropCmd struct{ oneLetter }

// Help is shown by `patchcord deadletter drop --help`.
func (deadletterDropCmd) Help() string {
	return `It is forgotten; the gap that marks it stays.

Example:
  patchcord deadletter drop hq 7-1042`
}

// Run gives the letter up.
func (c *deadletterDropCmd) Run(ctx context.Context, t *terminal) error {
	return withLetters(ctx, t, c.PBX, func(d *buffer.DeadLetters, _ []string) error {
		err := d.Drop(ctx, c.PBX, c.Position, onCommandLine())
		if errors.Is(err, buffer.ErrNoLetter) {
			return noLetter(c.PBX, c.Position)
		}
		return err
	})
}

// onCommandLine says who asks: there are no users of ours on a command line.
func onCommandLine() string {
	u, err := user.Current()
	if err != nil {
		return "the command line"
	}
	return "the command line, as " + u.Username
}

type deadletterTrailCmd struct {
	PBX  string `name:"pbx" help:"Of this PBX alone." placeholder:"hq"`
	JSON bool   `name:"json" help:"Print one JSON object for each, as GET /v1/deadletters/trail answers it."`
}

// Help is shown by `patchcord deadletter trail --help`.
func (deadletterTrailCmd) Help() string {
	return `The last 1,000 deeds of a PBX at least are kept, also of letters that are gone. A deed is written down before it is done.

Example:
  patchcord deadletter trail --pbx hq`
}

// Run lists them by PBX, the oldest first.
func (c *deadletterTrailCmd) Run(ctx context.Context, t *terminal) error {
	return withLetters(ctx, t, c.PBX, func(d *buffer.DeadLetters, pbxs []string) error {
		w := tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0)
		if !c.JSON {
			fmt.Fprintln(w, "TIME\tPBX\tPOSITION\tDEED\tBY")
		}
		for _, pbx := range pbxs {
			deeds, err := d.Trail(ctx, pbx)
			if err != nil {
				return err
			}
			for _, x := range deeds {
				if c.JSON {
					if err := json.NewEncoder(t.out).Encode(shownDeed(pbx, x)); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", x.At.Local().Format(time.DateTime), pbx, x.Pos, x.How, plain(cmp.Or(x.By, "the daemon")))
			}
		}
		return w.Flush()
	})
}

func noLetter(pbx string, pos crm.Position) error {
	return fmt.Errorf("PBX %s has no dead letter %s; patchcord deadletter list shows which wait", pbx, pos)
}

// withLetters opens the log of the configuration beside the daemon. pbxs is the one PBX, or all when it is "".
func withLetters(ctx context.Context, t *terminal, pbx string, do func(d *buffer.DeadLetters, pbxs []string) error) error {
	cfg, err := loadConfig(t.config, t.environ)
	if err != nil {
		return err
	}
	var pbxs []string
	for _, p := range cfg.PBXs {
		if pbx == "" || p.Name == pbx {
			pbxs = append(pbxs, p.Name)
		}
	}
	if len(cfg.PBXs) == 0 && pbx != "" { // the daemon got its name by a flag
		pbxs = []string{pbx}
	}
	if len(pbxs) == 0 {
		return fmt.Errorf("the configuration has no PBX%s; give the daemon's own with --config, or the PBX's name", strings.TrimRight(" "+pbx, " "))
	}
	if err := makeDataDir(cfg.DataDir); err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	l, err := openLog(ctx, cfg, false, logger)
	if err != nil {
		return err
	}
	defer l.Close()
	return do(buffer.NewDeadLetters(l, logger), pbxs)
}
