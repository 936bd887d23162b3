package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"patchcord/ami"
	"patchcord/ami/amitest"
	"patchcord/ami/calls"
	"patchcord/crm"
)

// keptCalls is after how many calls a process in the role "folds" says what is kept of them.
const keptCalls = "PATCHCORD_TEST_CALLS"

// keptOf returns how many bytes the two folds of a PBX keep after so many calls. That it is bounded is
// for the tests of the folds to show. It is measured in a process of its own, which has nothing else in its heap.
func keptOf(t *testing.T, calls int) float64 {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asServer+"=folds", keptCalls+"="+strconv.Itoa(calls))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// tellKept is the role "folds": it prints what is kept of so many calls of several PBXs, and ends.
func tellKept() error {
	n, err := strconv.Atoi(os.Getenv(keptCalls))
	if err != nil {
		return err
	}
	const pbxs = 3
	before := heapInUse()
	var all []*folds
	for seed := range pbxs {
		f, err := foldCalls(uint64(seed), n)
		if err != nil {
			return err
		}
		all = append(all, f)
	}
	fmt.Println((heapInUse() - before) / pbxs)
	runtime.KeepAlive(all)
	os.Exit(0)
	return nil
}

func heapInUse() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// folds is what a daemon has of one PBX: the fold of the screens, that of the records, and its state as committed.
type folds struct {
	screens, records *calls.Tracker
	state            map[string][]byte
}

// foldCalls folds the calls of a PBX of an office, until all are over and let go.
func foldCalls(seed uint64, n int) (*folds, error) {
	cfg := (&PBXConfig{Name: "p0", Tenant: defaultTenant}).fold()
	f := &folds{state: map[string][]byte{}}
	var err error
	if f.screens, err = calls.New(cfg); err != nil {
		return nil, err
	}
	cfg.Evidence = true
	if f.records, err = calls.New(cfg); err != nil {
		return nil, err
	}
	stream, _ := amitest.Traffic{Seed: seed, CallsPerSecond: 0.1}.Events(amitest.Config{Name: "p0", Timestamps: true}, amitest.Epoch(), n)
	pos, at := crm.Position{Epoch: 1}, amitest.Epoch()
	for e := range stream {
		pos.Seq++
		at = e.At
		f.apply(calls.Input{Pos: pos, At: at, Msg: ami.NewMessage(strings.TrimSuffix(e.Raw, "\r\n"))})
	}
	pos.Seq++
	f.apply(calls.Input{Pos: pos, At: at.Add(time.Hour), Kind: calls.Tick})
	f.commit()
	return f, nil
}

func (f *folds) apply(in calls.Input) {
	f.screens.Apply(in)
	f.screens.Discard()
	f.records.Apply(in)
	if in.Pos.Seq%50 == 0 {
		f.commit()
	}
}

func (f *folds) commit() {
	for key, row := range f.records.Drain().State {
		if row == nil {
			delete(f.state, key)
		} else {
			f.state[key] = row
		}
	}
}
