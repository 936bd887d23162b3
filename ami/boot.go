package ami

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"
	"time"
)

// systemWait is how many times BootTimeout a session waits for FullyBooted once it
// has seen that it may get it: a large PBX loads its modules for minutes.
const systemWait = 12

// fullyBooted makes the session up. Uptime, in seconds, tells a new connection from
// a new Asterisk.
func (l *link) fullyBooted(v *View) {
	at := l.r.ReadAt()
	l.s.rights.system = true
	var boot time.Time
	if uptime, err := strconv.ParseInt(string(v.Field(KeyUptime)), 10, 40); err == nil && uptime >= 0 {
		boot = at.Add(-time.Duration(uptime) * time.Second).UTC()
	}
	l.up(at, boot, "")
}

// awaitSystem looks for proof that the account has the read class system. Until it
// is fully booted a PBX sends PeerStatus and the like, which are of that class too.
func (l *link) awaitSystem(v *View) {
	for class := range bytes.SplitSeq(v.Field(KeyPrivilege), []byte(",")) {
		if string(class) == "system" {
			l.system = true
			l.bootBy = time.Now().Add(systemWait * l.s.cfg.BootTimeout)
			return
		}
	}
}

// askCoreStatus is for accounts that never get FullyBooted, because they lack the
// read class system.
func (l *link) askCoreStatus(now time.Time) {
	l.bootBy = now.Add(l.s.cfg.BootTimeout)
	l.ask(NewAction("CoreStatus"), func(m Message) {
		if l.bootBy.IsZero() {
			return // FullyBooted was quicker
		}
		mark := strings.TrimSpace(m.Get("CoreStartupDate") + " " + m.Get("CoreStartupTime"))
		l.up(l.r.ReadAt(), time.Time{}, cmp.Or(mark, "unknown"))
	})
}

// up says that the session is up or, when it was already, what is newly known. The
// mark is empty when FullyBooted said so.
func (l *link) up(at time.Time, boot time.Time, mark string) {
	first := l.upAt.IsZero()
	if first {
		l.upAt = at
		l.s.outage.over(l.s.cfg.Log, l.s.cfg.Name, l.s.State().Version, at)
	}
	l.bootBy = time.Time{}
	l.booted = mark == ""
	l.s.update(func(st *State) {
		st.Phase, st.Attempt, st.Class, st.Text, st.Err = PhaseUp, 0, "", "", nil
		st.Boot, st.BootMark, st.Missing = boot, mark, l.missing()
	})
	l.schedule()
	if first {
		l.probe(at)
	}
}
