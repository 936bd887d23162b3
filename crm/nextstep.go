package crm

import (
	"fmt"
	"strings"
)

// next says what to do about a sentence: "" when nothing is wrong, or nothing is to be done.
func (c *Case) next(s *Sentence) string {
	phone := c.Call.PBX + "/" + s.Extension
	switch s.Verdict {
	case VerdictPopped:
		if strings.Contains(s.Sentence, neverAcknowledged) {
			return "reload the page on " + s.Agent + "'s screen: it was sent the pop and did not say that it shows it"
		}
	case VerdictNotConnected:
		return "log in as " + s.Agent + " on patchcord's page, and leave it open while calls are to pop"
	case VerdictNoBinding:
		return c.bindIt(s, phone)
	case VerdictOverflow:
		return "see to " + s.Agent + "'s computer or network: the page did not take what it was sent"
	case VerdictTooOld:
		return "see /v1/gaps and /readyz for why the ring was heard so late: patchcord was down, or behind"
	case VerdictGap:
		return c.mendGap()
	case VerdictUnknown:
		return "read the evidence below; patchcord fold tells what the PBX's own frames say"
	case VerdictNotMember:
		return "add the phone to the queue on the PBX, if calls of that queue are to ring it"
	case VerdictPaused:
		return "unpause " + s.Agent + " on the PBX"
	case VerdictUnavailable:
		return fmt.Sprintf("see on the PBX why it does not reach the phone: asterisk -rx 'pjsip show endpoint %s'", s.Extension)
	case VerdictNotRung:
		return "see the PBX's dialplan, if the call should have rung " + s.Agent + " too: it alone decides whom a call rings"
	}
	return ""
}

// bindIt says how a user gets a phone, or a phone a user; nothing where somebody has it by now.
func (c *Case) bindIt(s *Sentence, phone string) string {
	if s.Agent == "" {
		for _, b := range c.Bindings {
			if b.PBX+"/"+b.Extension == phone && b.Until.IsZero() {
				return ""
			}
		}
		return "give it to somebody: patchcord user set NAME --extension " + phone
	}
	for _, b := range c.Bindings {
		if strings.EqualFold(b.User, s.Agent) && b.PBX == c.Call.PBX && b.Until.IsZero() {
			return ""
		}
	}
	return fmt.Sprintf("give %s a phone: patchcord user set %s --extension %s/NUMBER", s.Agent, s.Agent, c.Call.PBX)
}

// mendGap says what to do about the last gap of the call, by its cause.
func (c *Case) mendGap() string {
	if len(c.Call.Gaps) == 0 {
		return ""
	}
	switch c.Call.Gaps[len(c.Call.Gaps)-1].Cause {
	case GapDisconnect:
		return "see to the connection to the PBX: patchcord check tries it, and /v1/gaps lists when it was lost"
	case GapPBXRestart:
		return "nothing, if somebody restarted the PBX; else see its own log"
	case GapDaemonDown:
		return "see the log of the node that had the PBX for why it stopped; with several nodes another takes over within 12 s"
	}
	return "see /metrics and the daemon's log: it had no room or time for all that the PBX said"
}
