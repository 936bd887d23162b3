package calls

import (
	"cmp"
	"strings"

	"patchcord/crm"
)

// maxDesks bounds the phones of which it is kept who is logged in; of further ones it is not known.
const maxDesks = 1 << 16

// desks is who is logged in at the phones of a PBX on which people move between them.
type desks struct {
	user    map[string]string // number of the user by the device's; who is at his own is left out
	moving  bool              // a device was listed at which people log in
	changed bool              // since the last Drain
}

// deskListed takes an item of FreePBX's database of devices: DEVICE/1001/user is who is
// logged in at device 1001, "none" when nobody is, and DEVICE/1001/type "adhoc" where
// people do that (FreePBX core, device and user mode).
func (t *Tracker) deskListed() {
	f := &t.f
	path := strings.Split(f.key, "/")
	if f.suspect || len(path) != 4 || path[0] != "" || path[1] != "DEVICE" {
		return
	}
	switch path[3] {
	case "user":
		t.deskHas(path[2], f.val)
	case "type":
		t.desks.moving = t.desks.moving || f.val == "adhoc"
	}
}

// deskUsed learns from a phone that places a call who is logged in there: FreePBX's
// dialplan looks it up, as AMPUSER.
func (t *Tracker) deskUsed(ch *channel, user string) {
	if ch.Kind != extension || ch.Ext == "" || ch.call.dialTo(ch.at) != nil || !isDigits(user) {
		return
	}
	t.deskHas(ch.Ext, user)
	if login := t.desks.user[ch.Ext]; ch.Login != login {
		ch.Login = login
		t.touch(ch.call)
	}
}

func (t *Tracker) deskHas(device, user string) {
	if user == device || !isDigits(user) {
		user = ""
	}
	d := &t.desks
	was, known := d.user[device]
	switch {
	case device == "" || user == was || !known && len(d.user) >= maxDesks || len(device) > 40 || len(user) > 40:
		return
	case user == "":
		delete(d.user, device)
	default:
		if d.user == nil {
			d.user = map[string]string{}
		}
		d.user[strings.Clone(device)] = strings.Clone(user)
	}
	d.changed = true
}

// PeopleMove reports whether the PBX has phones at which people log in and out, as far
// as it was listed.
func (t *Tracker) PeopleMove() bool { return t.desks.moving }

// desk returns what the PBX said of who sits at the phone that d rings; a nil d is none.
func (v *view) desk(ch int, d *dial) crm.Desk {
	at := v.Chans[ch]
	return crm.Desk{LoggedIn: at.Login, Member: cmp.Or(v.memberOf(d), at.Member)}
}

// deskNow returns what the PBX says of who sits at a phone now.
func (t *Tracker) deskNow(ext string) crm.Desk {
	return crm.Desk{LoggedIn: t.desks.user[ext], Member: t.loggedIn(ext)}
}

func (v *view) speakersDesk(k *talk) crm.Desk {
	for _, i := range []int{k.ch, k.anchor} {
		if v.Chans[i].Kind == extension {
			return v.desk(i, v.dialTo(i))
		}
	}
	return crm.Desk{}
}

// memberOf returns the name of the member that a queue rings by d, as far as queueOf goes.
func (c *call) memberOf(d *dial) string {
	for d != nil && d.Queue == "" {
		o := c.outer(d)
		if o == nil || o.End.before(d.Begin) {
			return ""
		}
		d = o
	}
	if d == nil {
		return ""
	}
	return d.Member
}
