package ami

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// probeInterval is the least time between two looks at the account's rights.
const probeInterval = 10 * time.Second

// rights is what a session remembers of what its account may do, from one login to
// the next. A reload of manager.conf may take rights away, and Asterisk says nothing.
type rights struct {
	system  bool              // FullyBooted was received once, so the read class system was held
	actions map[string]string // what ListCommands listed last: action, in lower case, to its classes
	classes map[string]bool   // write classes held: those that alone allowed some action
}

// probe asks which actions the account may run: ListCommands lists no others.
func (l *link) probe(now time.Time) {
	if !l.probed.IsZero() && now.Sub(l.probed) < probeInterval {
		return
	}
	l.probed = now
	l.ask(NewAction("ListCommands"), func(m Message) {
		if !strings.EqualFold(m.Response(), "Success") {
			return
		}
		l.lacks = l.s.rights.compare(m, l.s.cfg.Needs)
		missing := l.missing()
		if l.upAt.IsZero() || slices.Equal(missing, l.s.State().Missing) {
			return
		}
		l.s.update(func(st *State) { st.Missing = missing })
		l.s.cfg.Log.Warn("rights of the manager account changed", "pbx", l.s.cfg.Name, "missing", missing)
	})
}

// missing names the rights that the account lacks. It lost the read class system when
// FullyBooted came once, but not on this connection.
func (l *link) missing() []string {
	if l.s.rights.system && !l.booted && !strings.EqualFold(l.s.cfg.Events, "off") {
		return append([]string{"read class system"}, l.lacks...)
	}
	return slices.Clone(l.lacks)
}

// compare takes a reply to ListCommands and returns what is missing of needs, and
// which write classes are held no more. A class that was lost stays missing until it
// is back.
func (r *rights) compare(m Message, needs []string) []string {
	actions := commands(m)
	held := map[string]bool{}
	for _, classes := range actions {
		if class, ok := onlyClass(classes); ok {
			held[class] = true
		}
	}
	var missing []string
	for _, class := range slices.Sorted(maps.Keys(r.classes)) {
		if !held[class] {
			missing = append(missing, "write class "+class)
		}
	}
	for _, name := range needs {
		key := strings.ToLower(name)
		if _, ok := actions[key]; !ok {
			missing = append(missing, "action "+name+" ("+cmp.Or(r.actions[key], knownClasses[key], "not loaded")+")")
		}
	}
	if r.classes == nil {
		r.classes, r.actions = map[string]bool{}, map[string]string{}
	}
	maps.Copy(r.classes, held)
	maps.Copy(r.actions, actions)
	return missing
}

// commands returns the actions that a reply to ListCommands lists, with their
// classes: `Park: Park a channel.  (Priv: call,all)`.
func commands(m Message) map[string]string {
	list := map[string]string{}
	for name, value := range m.All() {
		_, priv, ok := strings.Cut(value, "(Priv: ")
		if !ok {
			continue
		}
		list[strings.ToLower(name)] = strings.TrimSuffix(strings.TrimSuffix(priv, ")"), ",all")
	}
	return list
}

// onlyClass returns the class that alone allows an action.
func onlyClass(classes string) (string, bool) {
	return classes, classes != "" && classes != "<none>" && !strings.Contains(classes, ",")
}

// knownClasses are those of actions that accounts are likely to be needed for, where
// ListCommands never listed them (as Asterisk 16 and 22 list them).
var knownClasses = map[string]string{
	"coreshowchannels": "system,reporting", "corestatus": "system,reporting", "status": "system,call,reporting",
	"extensionstatelist": "call,reporting", "devicestatelist": "call,reporting",
	"originate": "originate", "hangup": "system,call", "redirect": "call", "blindtransfer": "call", "atxfer": "call",
	"queuepause": "agent", "queueadd": "agent", "queueremove": "agent", "mixmonitormute": "system,call",
}
