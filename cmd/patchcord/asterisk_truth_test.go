package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"patchcord/ami/amitest/lab"
)

// told is what an Asterisk's own CEL says of one Linkedid. It is found without
// any of the code that it is held against.
type told struct {
	linkedid     string
	began, ended time.Time // ended is zero for a call that the end of Asterisk ended
	spoke        time.Time // when two people first were in one bridge; zero if never
	dialled      string
	rings        map[string]ring // phones that were called, by the Uniqueid of their channel
}

// ring is one phone that was called.
type ring struct {
	extension string
	at        time.Time
	answered  time.Time // zero if it was not
}

// cutShort tells of a call that was alive when its Asterisk was killed.
func (c *told) cutShort() bool { return c.ended.IsZero() }

// phoneName finds the extension in the name of a phone's channel.
var phoneName = regexp.MustCompile(`^(?:PJSIP|SIP)/(\d+)-`)

// tell reads CEL.
func tell(cel []lab.CEL) map[string]*told {
	told := map[string]*told{}
	bridges := map[string]map[string]lab.CEL{} // who is in which, by bridge and name
	for _, e := range cel {
		c := told[e.Linkedid]
		if c == nil {
			c = newTold(e)
			told[e.Linkedid] = c
		}
		c.note(e)
		switch e.Event {
		case "BRIDGE_ENTER":
			people := bridges[bridgeOf(e)]
			if people == nil {
				people = map[string]lab.CEL{}
				bridges[bridgeOf(e)] = people
			}
			people[e.Channel] = e
			meet(told, bridges, e)
		case "BRIDGE_EXIT":
			delete(bridges[bridgeOf(e)], e.Channel)
		}
	}
	return told
}

func newTold(e lab.CEL) *told {
	return &told{linkedid: e.Linkedid, began: e.At, dialled: e.Exten, rings: map[string]ring{}}
}

func (c *told) note(e lab.CEL) {
	switch e.Event {
	case "CHAN_START":
		phone := phoneName.FindStringSubmatch(e.Channel)
		if phone != nil && e.Uniqueid != e.Linkedid { // the first channel calls, the others are called
			c.rings[e.Uniqueid] = ring{extension: phone[1], at: e.At}
		}
	case "ANSWER":
		if r, ok := c.rings[e.Uniqueid]; ok && r.answered.IsZero() {
			r.answered = e.At
			c.rings[e.Uniqueid] = r
		}
	case "LINKEDID_END":
		c.ended = e.At
	}
}

// meet notes who can hear each other once e has entered its bridge: who is in it,
// and who is at the other end of a Local channel that is in it.
func meet(told map[string]*told, bridges map[string]map[string]lab.CEL, e lab.CEL) {
	var people []lab.CEL
	seen := map[string]bool{}
	for queue := []string{bridgeOf(e)}; len(queue) > 0; queue = queue[1:] {
		if seen[queue[0]] {
			continue
		}
		seen[queue[0]] = true
		for name, in := range bridges[queue[0]] {
			if !strings.HasPrefix(name, "Local/") {
				people = append(people, in)
				continue
			}
			for id, there := range bridges {
				if _, ok := there[otherEnd(name)]; ok {
					queue = append(queue, id)
				}
			}
		}
	}
	if len(people) < 2 {
		return
	}
	for _, p := range people {
		if c := told[p.Linkedid]; c.spoke.IsZero() {
			c.spoke = e.At
		}
	}
}

func otherEnd(local string) string {
	stem, end := local[:len(local)-1], local[len(local)-1]
	if end == '1' {
		return stem + "2"
	}
	return stem + "1"
}

func bridgeOf(e lab.CEL) string {
	var extra struct {
		ID string `json:"bridge_id"`
	}
	if err := json.Unmarshal([]byte(e.Extra), &extra); err != nil {
		return ""
	}
	return extra.ID
}
