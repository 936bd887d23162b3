package main

import (
	"cmp"
	"strings"
	"time"

	"patchcord/ami"
	"patchcord/ami/intake"
	"patchcord/crm"
	"patchcord/crm/api"
	"patchcord/push"
)

// stateOf is the one place where a session's phase becomes the word that people read.
func stateOf(s intake.Status) string {
	switch {
	case s.Standby:
		return "standby"
	case s.Trouble != "":
		return "disconnected"
	case !s.Owned:
		return "connecting" // it is not known yet whether another node has it
	}
	switch s.State.Phase {
	case ami.PhaseUp:
		if s.Deaf {
			return "disconnected" // nothing that a screen shows of it would be true
		}
		return api.Connected
	case ami.PhaseConnecting, ami.PhaseLogin, ami.PhaseBooting:
		if s.State.Class != "" {
			return "disconnected" // it was tried before, and failed
		}
		return "connecting"
	case ami.PhaseRefused:
		return "refused"
	}
	return "disconnected"
}

// shownState is what people see: a PBX that another node is connected to is connected.
func shownState(s intake.Status) push.PBX {
	state := stateOf(s)
	switch {
	case s.Elsewhere:
		state = api.Connected
	case s.Standby:
		state = "disconnected"
	}
	return push.PBX{Name: s.PBX, State: state, Since: since(s)}
}

// since returns since when a PBX is connected, or is not: another attempt that failed is no news.
func since(s intake.Status) crm.Time {
	if s.Owned && !s.State.Down.IsZero() {
		return crm.At(s.State.Down)
	}
	return crm.At(s.State.Since)
}

// storedWithin is how old a frame may be that nothing has taken yet, before that is told.
const storedWithin = 5 * time.Second

// detailOf says what an administrator should know of a PBX, "" when all is well.
func detailOf(s intake.Status) string {
	switch {
	case s.Deaf:
		return ami.ClassDeaf.Advice()
	case s.Append.Lag > storedWithin:
		return "What it says is kept in memory, as neither the buffer nor the disk beside it takes it; the daemon's log says why."
	case s.State.Degraded():
		return "The manager user lacks rights (" + strings.Join(s.State.Missing, ", ") + "); `patchcord check` prints the lines for manager.conf."
	}
	return cmp.Or(s.State.Text, s.Trouble)
}

// PBXs returns the state of every PBX, for /readyz.
func (h *house) PBXs() []api.PBXStatus {
	list := make([]api.PBXStatus, 0, len(h.lines.get()))
	for _, l := range h.lines.get() {
		s := l.Status()
		list = append(list, api.PBXStatus{
			Name: s.PBX, State: stateOf(s), Since: since(s),
			LastFrameAt: crm.At(s.LastFrame), LagMS: crm.MillisOf(s.Lag), Detail: detailOf(s),
			DeadLetters: s.DeadLetters,
		})
	}
	return list
}
