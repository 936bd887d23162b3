package calls

import (
	"strings"

	"patchcord/ami"
)

// maxDevices bounds the phones of which it is kept whether the PBX reaches them; of further
// ones it is not known.
const maxDevices = 1 << 16

// devicesNow is what the PBX says of its phones, whether or not calls are about them. No
// call is begun or ended by it: a state may be older than the events around it, and is not
// to be relied on for ringing (Asterisk 16 says busy of chan_sip's phones that ring).
type devicesNow struct {
	away    map[string]map[string]bool // by extension and device: whether it cannot be reached
	known   int                        // devices
	changed bool                       // since the last Drain
}

// deviceState takes a DeviceStateChange, or an item of DeviceStateList, which has the same
// name (Asterisk 16 to 22, main/devicestate.c). The states of queues, mailboxes and trunks
// come the same way.
func (t *Tracker) deviceState(m ami.Message) {
	raw := m.Raw()
	device, state := header(raw, "Device"), header(raw, "State")
	if device == "" || state == "" || len(device) > 80 {
		return
	}
	kind, ext := t.dev.classify(device + "-0")
	if kind != extension || ext == "" {
		return
	}
	d := &t.devices
	was, known := d.away[ext][device]
	away := state == "UNAVAILABLE" || state == "INVALID"
	if known && was == away || !known && d.known >= maxDevices {
		return
	}
	if at, ok := ami.ParseTimestamp(header(raw, "Timestamp")); ok {
		t.at = at
	}
	before := t.unreachable(ext)
	d.put(strings.Clone(ext), strings.Clone(device), away)
	if t.unreachable(ext) != before && len(t.phones[ext]) == 0 {
		t.agent(ext, t.deskNow(ext), "idle")
	}
}

func (d *devicesNow) put(ext, device string, away bool) {
	if d.away == nil {
		d.away = map[string]map[string]bool{}
	}
	if d.away[ext] == nil {
		d.away[ext] = map[string]bool{}
	}
	if _, known := d.away[ext][device]; !known {
		d.known++
	}
	d.away[ext][device], d.changed = away, true
}

// unreachable reports whether the PBX reaches none of the extension's devices, as it told
// last; false also when it said nothing of them.
func (t *Tracker) unreachable(ext string) bool {
	for _, away := range t.devices.away[ext] {
		if !away {
			return false
		}
	}
	return len(t.devices.away[ext]) > 0
}
