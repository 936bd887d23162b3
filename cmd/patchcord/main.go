// Command patchcord stands between Asterisk PBXs and the people who work with
// calls. README.md says what it does; `patchcord --help` how to run it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line: one field a subcommand, one file a field.
type cli struct {
	Config string      `help:"Configuration file (YAML). Without one: embedded storage in ./patchcord-data, and PATCHCORD_… variables." placeholder:"FILE" type:"path"`
	Print  versionFlag `name:"version" help:"Print the version."`

	Demo       demoCmd       `cmd:"" help:"Run everything on embedded defaults with a simulated PBX that places calls."`
	Serve      serveCmd      `cmd:"" help:"Run the daemon."`
	Check      checkCmd      `cmd:"" aliases:"doctor" help:"Try every PBX and store of the configuration and say what is missing."`
	Fold       foldCmd       `cmd:"" help:"Fold recorded AMI bytes into call records, one JSON object a line."`
	Capture    captureCmd    `cmd:"" help:"Record what a PBX sends, for fold and replay."`
	Explain    explainCmd    `cmd:"" help:"Say why a call popped where it did, and nowhere else."`
	Replay     replayCmd     `cmd:"" help:"Play a recorded trace on a TCP port, as Asterisk would."`
	Deadletter deadletterCmd `cmd:"" help:"Look at what a PBX said that could not be recorded, and apply it again."`
	User       userCmd       `cmd:"" help:"Add, list and change users."`
	Migrate    migrateCmd    `cmd:"" help:"Bring the database to this version's schema."`
	Import     importCmd     `cmd:"" help:"Load history out of the PBX's own CDR or CEL."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// terminal is where a command reads and writes.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
	config   string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second one ends whatever the first could not
	t := &terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ()}
	os.Exit(run(ctx, t, os.Args[1:]))
}

// exitCode is an error that only says with which status to leave.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// run runs one command line and returns the status to leave with: 0, 1 when
// something went wrong or was stopped before it was done, 2 when the command line
// makes no sense.
func run(ctx context.Context, t *terminal, args []string) int {
	var c cli
	status := -1
	parser, err := kong.New(&c,
		kong.Name("patchcord"),
		kong.Description("Holds manager sessions to Asterisk PBXs, keeps the true record of each call, and pops it at the right agent.\n\nStart with: patchcord demo"),
		kong.Writers(t.out, t.err),
		kong.Exit(func(code int) { status = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
	)
	if err != nil {
		fmt.Fprintln(t.err, "patchcord:", err)
		return 2
	}
	parsed, err := parser.Parse(args)
	if status >= 0 {
		return status // --help or --version was printed
	}
	if err != nil && len(args) == 0 {
		err = errors.New("say what to do")
	}
	if err != nil {
		fmt.Fprintf(t.err, "patchcord: %v (try: %s --help)\n", err, meant(err))
		return 2
	}
	t.config = c.Config
	parsed.BindTo(ctx, (*context.Context)(nil))
	err = parsed.Run(t)
	var code exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		err = errors.New("stopped before it was done")
	}
	fmt.Fprintln(t.err, "patchcord:", err)
	return 1
}

// meant is the subcommand that a command line which makes no sense got to.
func meant(err error) string {
	var bad *kong.ParseError
	if errors.As(err, &bad) && bad.Context.Selected() != nil {
		return bad.Context.Selected().FullPath()
	}
	return "patchcord"
}
