package calls

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"patchcord/ami"
	"patchcord/crm"
)

// memberships is who is a member of which queues at the phones of a PBX: who logged into
// one there (AddQueueMember, QueueAdd) sits there, and whoever is paused is rung by none.
type memberships struct {
	of      map[string]map[string]membership // by extension, and by queue and interface
	known   int
	changed bool // since the last Drain

	listed map[string]bool // those that were told of since the list which is being read began
	items  int             // of that list, so far
}

type membership struct {
	Name   string `json:"n,omitempty"` // of who logged in; "" for a member that the configuration names
	Paused bool   `json:"p,omitempty"`
}

// member follows who is a member of which queue: by the events QueueMemberAdded, -Removed,
// -Pause, -Status and their kin, which all tell the same of a member, and by the items of
// QueueStatus, which ends with how many they were (Asterisk 16 to 22, apps/app_queue.c).
func (t *Tracker) member(event string, m ami.Message) {
	raw, s := m.Raw(), &t.members
	if event == "QueueParams" || event == "QueueMember" {
		s.items++
	}
	queue, at := header(raw, "Queue"), cmp.Or(header(raw, "Interface"), header(raw, "Location"))
	if queue == "" || at == "" || len(queue)+len(at) > 160 {
		return
	}
	if when, ok := ami.ParseTimestamp(header(raw, "Timestamp")); ok {
		t.at = when
	}
	ext, key := t.dev.deviceOf(at), queue+"\n"+at
	if event == "QueueMemberRemoved" {
		t.memberIs(ext, key, nil)
		return
	}
	if s.items > 0 { // who logs in while a list is read may come too late for it
		if s.listed == nil {
			s.listed = map[string]bool{}
		}
		s.listed[key] = true
	}
	now := membership{Paused: header(raw, "Paused") == "1"}
	if name := cmp.Or(header(raw, "MemberName"), header(raw, "Name")); header(raw, "Membership") == "dynamic" && name != at {
		now.Name = strings.Clone(unescape(name))
	}
	t.memberIs(ext, key, &now)
}

// memberIs notes what a member is now, nil for none any more, and tells when the phone is
// paused or is not any more.
func (t *Tracker) memberIs(ext, key string, now *membership) {
	s := &t.members
	was, known := s.of[ext][key]
	before := t.paused(ext)
	switch {
	case now == nil && !known, known && now != nil && was == *now, now != nil && !known && s.known >= maxMembers:
		return
	case now == nil:
		delete(s.of[ext], key)
		s.known--
	default:
		s.put(strings.Clone(ext), strings.Clone(key), *now)
	}
	s.changed = true
	if t.paused(ext) != before {
		t.agent(ext, t.deskNow(ext), t.doing(ext))
	}
}

func (s *memberships) put(ext, key string, m membership) {
	if s.of == nil {
		s.of = map[string]map[string]membership{}
	}
	if s.of[ext] == nil {
		s.of[ext] = map[string]membership{}
	}
	if _, known := s.of[ext][key]; !known {
		s.known++
	}
	s.of[ext][key] = m
}

// membersListed ends a list of all queues and members: who is not in it is none any more.
func (t *Tracker) membersListed(items string) {
	s := &t.members
	listed, whole := s.listed, items == strconv.Itoa(s.items)
	s.listed, s.items = nil, 0
	if !whole {
		return
	}
	for _, ext := range slices.Sorted(maps.Keys(s.of)) {
		for _, key := range slices.Sorted(maps.Keys(s.of[ext])) {
			if !listed[key] {
				t.memberIs(ext, key, nil)
			}
		}
	}
}

// loggedIn returns the name under which somebody logged into queues at the phone; "" when
// nobody did, or several.
func (t *Tracker) loggedIn(ext string) string {
	name := ""
	for _, m := range t.members.of[ext] {
		if name != "" && m.Name != "" && m.Name != name {
			return ""
		}
		name = cmp.Or(name, m.Name)
	}
	return name
}

// Phone returns what the PBX said last of the extension.
func (t *Tracker) Phone(ext string) crm.Phone {
	return crm.Phone{Away: t.unreachable(ext), Paused: t.paused(ext), LoggedIn: t.desks.user[ext], Member: t.loggedIn(ext)}
}

// paused reports whether the phone is paused in every queue that it is a member of.
func (t *Tracker) paused(ext string) bool {
	for _, m := range t.members.of[ext] {
		if !m.Paused {
			return false
		}
	}
	return len(t.members.of[ext]) > 0
}
