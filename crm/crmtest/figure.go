package crmtest

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// OnDemand skips a test that takes minutes and a quiet machine, unless `make bench` asks for it.
func OnDemand(t *testing.T) {
	t.Helper()
	if os.Getenv("PATCHCORD_BENCH") == "" {
		t.Skip("a figure of minutes: run it with `make bench`")
	}
}

// Figure prints a line for `make bench` and fails the test when the goal is missed.
// least says that the goal is a floor, not a ceiling; a goal of 0 is none.
func Figure(t *testing.T, name string, goal, measured float64, unit string, least bool, more string) {
	t.Helper()
	verdict, word := "reached", "at most"
	missed := measured > goal
	if least {
		word, missed = "at least", measured < goal
	}
	text := fmt.Sprintf("%s %.4g %s", word, goal, unit)
	switch {
	case goal == 0:
		verdict, text = "-", ""
	case missed:
		verdict = "MISSED"
		t.Errorf("%s: %.4g %s, the goal is %s", name, measured, unit, text)
	}
	fmt.Printf("FIGURE\t%s\t%s\t%.4g %s\t%s\t%s\n", name, text, measured, unit, verdict, more)
}

// maxFloor is the p99 of a ping above which a time says nothing of what was measured.
const maxFloor = 2 * time.Millisecond

// Timed is Figure for a time on the clock; void says that the floor was too slow.
func Timed(t *testing.T, void bool, name string, goal, measured float64, unit, more string) {
	t.Helper()
	if void {
		fmt.Printf("FIGURE\t%s\tat most %.4g %s\t%.4g %s\tvoid\t%s\n", name, goal, unit, measured, unit, more)
		return
	}
	Figure(t, name, goal, measured, unit, false, more)
}

// OwnCPU returns how much processor time this process has used.
func OwnCPU(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// CPUOf returns how much processor time a process and those it started have used:
// those that run, and those that it has waited for.
func CPUOf(t *testing.T, pid int) time.Duration {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var ticks int64
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		f := processFields(n)
		if f == nil || n != pid && f[1] != strconv.Itoa(pid) { // ppid
			continue
		}
		last := 13 // utime, stime; of pid also cutime, cstime: proc(5), counted from state
		if n == pid {
			last = 15
		}
		for _, s := range f[11:last] {
			v, _ := strconv.ParseInt(s, 10, 64)
			ticks += v
		}
	}
	return time.Duration(ticks) * (time.Second / 100)
}

// processFields returns the fields of /proc/PID/stat from the state on; nil when it is gone.
func processFields(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(b), ") ") // the name may hold spaces
	return strings.Fields(rest)
}

// Percentile returns the p-th (0 to 1) of the values, which it sorts.
func Percentile(values []time.Duration, p float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[min(len(values)-1, int(p*float64(len(values))))]
}
