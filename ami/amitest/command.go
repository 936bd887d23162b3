package amitest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Do obeys one command as text, for a control connection or a script: a fault's
// name and its argument. It returns when the command is done.
//
//	drop reset|close          close all connections
//	end                       close sessions after what is queued
//	refuse|freeze|deaf|full|stop-reading|stop-writing|refuse-logins|login-in-use on|off
//	crash DOWN [BOOT]         kill -9, down for DOWN, booting for BOOT
//	shutdown, restart [BOOT]  core stop now; start
//	not-booted D              FullyBooted comes after D
//	cut-lists N, miscount N   lists break off after N items (-1: no more); ListItems is off by N
//	rechunk N, throttle N, duplicate N
//	banner-delay D, banner none|normal|TEXT
//	cut-event, oversize N, garbage N, forge
func (p *PBX) Do(ctx context.Context, line string) error {
	name, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
	if err := p.do(ctx, name, strings.TrimSpace(arg)); err != nil {
		return fmt.Errorf("command %q: %w", line, err)
	}
	return nil
}

func (p *PBX) do(ctx context.Context, name, arg string) error {
	switch name {
	case "refuse", "freeze", "deaf", "full", "stop-reading", "stop-writing", "refuse-logins", "login-in-use":
		return p.doSwitch(name, arg)
	case "cut-lists", "miscount", "rechunk", "throttle", "duplicate", "oversize", "garbage":
		return p.doNumber(name, arg)
	case "crash", "restart", "not-booted", "banner-delay":
		return p.doTime(ctx, name, arg)
	case "drop":
		p.Drop(arg == "reset")
	case "end":
		p.EndSessions()
	case "shutdown":
		return p.Shutdown(ctx)
	case "banner":
		p.SetGreeting(map[string]Greeting{"none": {Nothing: true}, "normal": {}}[arg])
		if arg != "none" && arg != "normal" {
			p.SetGreeting(Greeting{Instead: arg + "\r\n"})
		}
	case "cut-event":
		p.CutEvent()
	case "forge":
		p.Send(Forged())
	default:
		return fmt.Errorf("no such command")
	}
	return nil
}

func (p *PBX) doSwitch(name, arg string) error {
	on := arg == "on"
	if !on && arg != "off" {
		return fmt.Errorf("want on or off, got %q", arg)
	}
	switch name {
	case "refuse":
		return p.RefuseConnects(on)
	case "freeze":
		p.Freeze(on)
	case "deaf":
		p.SetDeaf(on)
	case "full":
		p.SetFull(on)
	case "stop-reading":
		p.StopReading(on)
	case "stop-writing":
		p.StopWriting(on)
	case "refuse-logins":
		p.RefuseLogins(on)
	case "login-in-use":
		p.SetLoginInUse(on)
	}
	return nil
}

func (p *PBX) doNumber(name, arg string) error {
	n, err := strconv.Atoi(arg)
	if err != nil {
		return err
	}
	switch name {
	case "cut-lists":
		p.CutLists(n)
	case "miscount":
		p.MiscountLists(n)
	case "rechunk":
		p.Rechunk(n)
	case "throttle":
		p.Throttle(n)
	case "duplicate":
		p.Duplicate(n)
	case "oversize":
		p.Send(Oversize(n))
	case "garbage":
		p.Send(Garbage(1, n))
	}
	return nil
}

func (p *PBX) doTime(ctx context.Context, name, arg string) error {
	var times [2]time.Duration
	for i, word := range strings.Fields(arg) {
		if i >= len(times) {
			return fmt.Errorf("too many arguments")
		}
		d, err := time.ParseDuration(word)
		if err != nil {
			return err
		}
		times[i] = d
	}
	switch name {
	case "crash":
		return p.Crash(ctx, times[0], times[1])
	case "restart":
		return p.Restart(times[0])
	case "not-booted":
		p.SetNotBooted(times[0])
	case "banner-delay":
		p.SetGreeting(Greeting{Delay: times[0]})
	}
	return nil
}
