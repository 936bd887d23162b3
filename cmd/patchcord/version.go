package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

type versionCmd struct{}

// versionFlag is --version, which people try first.
type versionFlag bool

// BeforeReset prints what the subcommand does, whatever else the command line says.
func (versionFlag) BeforeReset(app *kong.Kong) error {
	fmt.Fprintln(app.Stdout, "patchcord", version())
	app.Exit(0)
	return nil
}

// Help is shown by `patchcord version --help`.
func (versionCmd) Help() string {
	return `Example:
  patchcord version`
}

// Run prints version, commit, and what it was built with.
func (versionCmd) Run(t *terminal) error {
	fmt.Fprintln(t.out, "patchcord", version())
	return nil
}

// version is what the Go toolchain knows of this build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = " " + s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "+"
			}
		}
	}
	return cmp.Or(info.Main.Version, "(devel)") + revision + dirty + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}
