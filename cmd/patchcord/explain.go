package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"patchcord/ami"
	"patchcord/ami/calls"
	"patchcord/crm"
)

type explainCmd struct {
	tenantFlag
	Call  string `arg:"" optional:"" name:"call-id" help:"Id of the call; of an absorbed one the survivor is explained."`
	Agent string `help:"Why this user had a pop, or had none, also when the call never rang him." placeholder:"NAME"`
	Trace string `help:"Explain the calls of recorded bytes (.ami, .ami.gz) instead; the clock is the .tim file beside them." type:"path" placeholder:"FILE"`
	PBX   string `help:"With --trace: name of the PBX, the first part of every call id." default:"pbx"`
	JSON  bool   `name:"json" help:"Print one JSON object for each call, as GET /v1/calls/{id}/explain answers it."`
}

// Help is shown by `patchcord explain --help`.
func (explainCmd) Help() string {
	return `Says in one sentence for each agent why a call popped, or did not, and then everything that is known about it in order.
Works while the daemon runs. Times are those of this machine's zone.

Examples:
  patchcord explain hq:1700000000.42 --agent jo
  patchcord explain --trace testdata/traces/22/inbound-queue-answered.ami`
}

// Run explains one stored call, or the calls of a trace.
func (c *explainCmd) Run(ctx context.Context, t *terminal) error {
	if c.Trace != "" {
		return c.explainTrace(ctx, t)
	}
	if c.Call == "" {
		return errors.New("which call? give its id, as GET /v1/calls or the page shows it, or --trace FILE")
	}
	cs, err := c.readCase(ctx, t)
	if err != nil {
		return err
	}
	return c.print(t.out, cs)
}

// readCase reads from the store what the explanation is made of.
func (c *explainCmd) readCase(ctx context.Context, t *terminal) (cs crm.Case, err error) {
	cfg, err := loadConfig(t.config, t.environ)
	if err != nil {
		return cs, err
	}
	store, err := openUserStore(ctx, t)
	if err != nil {
		return cs, err
	}
	defer store.Close()
	cs = crm.Case{Zone: time.Local, Now: time.Now()}
	if cs.Call, err = store.Call(ctx, c.Tenant, c.Call); errors.Is(err, crm.ErrNotFound) {
		return cs, fmt.Errorf("there is no call %q in tenant %q; one that began this second is not stored yet", c.Call, c.Tenant)
	} else if err != nil {
		return cs, err
	}
	if cs.Evidence, cs.More, err = store.Evidence(ctx, c.Tenant, cs.Call.ID); err != nil {
		return cs, err
	}
	if cs.Bindings, err = store.Bindings(ctx, c.Tenant); err != nil {
		return cs, err
	}
	if cs.Jobs, err = store.CallJobs(ctx, c.Tenant, cs.Call.ID, cfg.destinations().Destinations(c.Tenant)); err != nil {
		return cs, err
	}
	return cs, c.about(ctx, store, &cs)
}

// about narrows the case to --agent, and reads what else he did at that time.
func (c *explainCmd) about(ctx context.Context, store crm.Store, cs *crm.Case) error {
	if c.Agent == "" {
		return nil
	}
	user, err := store.UserByName(ctx, c.Tenant, c.Agent)
	if errors.Is(err, crm.ErrNotFound) {
		return fmt.Errorf("there is no user %q in tenant %q; patchcord user list shows who there is", c.Agent, c.Tenant)
	}
	if err != nil {
		return err
	}
	cs.Agent = user.Name
	f := crm.CallFilter{Agent: user.Name, Until: cs.Call.EndedAt.Time}
	if !cs.Call.StartedAt.IsZero() {
		f.From = cs.Call.StartedAt.Add(-12 * time.Hour)
	}
	cs.Others, _, err = store.Calls(ctx, c.Tenant, f, crm.Page{Limit: 200})
	return err
}

func (c *explainCmd) explainTrace(ctx context.Context, t *terminal) error {
	if c.Agent != "" {
		return errors.New("a trace knows no users; --agent is for calls that the daemon recorded")
	}
	cfg, err := (&foldCmd{PBX: c.PBX}).foldConfig(t)
	if err != nil {
		return err
	}
	cases, damaged := traceCases(ctx, cfg, c.Trace)
	if cases == nil {
		return damaged
	}
	found := false
	for _, cs := range cases {
		if c.Call != "" && c.Call != cs.Call.ID {
			continue
		}
		found = true
		if err := c.print(t.out, cs); err != nil {
			return err
		}
	}
	if c.Call != "" && !found && damaged == nil {
		return fmt.Errorf("the trace has no call %q; patchcord fold %s shows which", c.Call, c.Trace)
	}
	return damaged
}

// traceCases folds a trace and returns its calls, the oldest first, with what they were concluded from; of a damaged
// one those of what can be read, with the error.
func traceCases(ctx context.Context, cfg calls.Config, path string) ([]crm.Case, error) {
	tr, damaged := ami.OpenTrace(path)
	if tr == nil {
		return nil, damaged
	}
	defer context.AfterFunc(ctx, tr.Stop)()
	cfg.Evidence = true
	tracker, err := calls.New(cfg)
	if err != nil {
		return nil, err
	}
	cases := map[string]*crm.Case{}
	at := func(id string) *crm.Case {
		if cases[id] == nil {
			cases[id] = &crm.Case{Trace: true, Zone: time.Local}
		}
		return cases[id]
	}
	err = calls.Feed(tr, func(in calls.Input) {
		events := tracker.Apply(in)
		ch := tracker.Drain()
		for _, e := range ch.Evidence {
			at(e.CallID).Evidence = append(at(e.CallID).Evidence, e.Items...)
		}
		for _, r := range ch.Calls {
			at(r.ID).Call = r
		}
		for _, e := range events {
			if e.Type == crm.CallMerged {
				at(e.Into).Evidence = append(at(e.Into).Evidence, at(e.Call.ID).Evidence...)
				delete(cases, e.Call.ID)
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("fold %s: %w", path, err)
	}
	list := []crm.Case{}
	for _, cs := range cases {
		if cs.Call != nil {
			list = append(list, *cs)
		}
	}
	slices.SortFunc(list, func(a, b crm.Case) int {
		if d := a.Call.StartedAt.Compare(b.Call.StartedAt.Time); d != 0 {
			return d
		}
		return strings.Compare(a.Call.ID, b.Call.ID)
	})
	return list, damaged
}

// print writes the explanation of one call.
func (c *explainCmd) print(w io.Writer, cs crm.Case) error {
	x := crm.Explain(cs)
	if c.JSON {
		return json.NewEncoder(w).Encode(x)
	}
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "Call %s: %s\n\n", plain(x.CallID), summary(cs))
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, s := range x.Sentences {
		fmt.Fprintf(table, "  %s\t%s\n", plain(whom(s)), plain(s.Sentence))
		if s.Next != "" {
			fmt.Fprintf(table, "  \tTo do: %s\n", plain(s.Next))
		}
	}
	if len(x.Sentences) == 0 {
		fmt.Fprintln(table, "  No phone was rung.")
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nWhat is known, in order:")
	for _, e := range x.Evidence {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\n", clockIn(e.At, cs.Zone), logPlace(e.Pos), e.Kind, plain(e.Channel), plain(e.Text))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if x.More > 0 {
		fmt.Fprintf(out, "  and %d more pieces, which were not kept: a call keeps 64 KiB of them\n", x.More)
	}
	fmt.Fprintln(out)
	return out.Flush()
}

// summary says in a few words what the call was.
func summary(cs crm.Case) string {
	r := cs.Call
	words := []string{string(r.Direction)}
	for _, v := range r.QueueVisits {
		words = append(words, "queue "+plain(v.Queue))
	}
	words = append(words, string(r.Outcome))
	if r.Open() {
		words = append(words, "not over yet")
	}
	if !r.Complete {
		words = append(words, "not all of it was heard")
	}
	words = slices.DeleteFunc(slices.Compact(words), func(s string) bool { return s == "" })
	text := strings.Join(words, ", ")
	if !r.StartedAt.IsZero() {
		text += ", began " + r.StartedAt.In(cs.Zone).Format("2006-01-02 15:04:05 MST")
	}
	return text
}

func whom(s crm.Sentence) string {
	switch {
	case s.Agent == "":
		return s.Extension
	case s.Extension == "":
		return s.Agent
	}
	return s.Agent + " (" + s.Extension + ")"
}

func clockIn(t crm.Time, zone *time.Location) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(zone).Format("15:04:05.000")
}

func logPlace(p crm.Position) string {
	if p.IsZero() {
		return ""
	}
	return p.String()
}

// plain makes text from a phone call harmless for a terminal: nothing in it moves the cursor or a column.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
