package calls

import (
	"strings"

	"patchcord/ami"
)

// varSet takes the few variables that tell something about the call; all others,
// most of all traffic, are passed over without reading more than their name.
func (t *Tracker) varSet(m ami.Message) {
	raw := m.Raw()
	i := strings.LastIndex(raw, "\nVariable: ")
	if i < 0 {
		return
	}
	name, _, _ := strings.Cut(raw[i+len("\nVariable: "):], "\n")
	name = strings.TrimLeft(strings.TrimSuffix(name, "\r"), "_")
	wanted := t.attrs[name]
	switch name {
	case "QUEUESTATUS", "VMSTATUS", "MIXMONITOR_FILENAME", "TRANSFERSTATUS", "AMPUSER":
	default:
		if !wanted {
			t.sawVars(raw)
			return
		}
	}
	t.f.parse(m)
	at, stamped := t.f.time()
	if stamped {
		t.at = at
	}
	ch := t.chans[t.f.uniqueid]
	if ch == nil || t.f.suspect || t.isEcho(m, stamped) {
		return
	}
	t.follow(ch, t.f.linkedid)
	ch.Vars = true
	value := unescape(t.f.value)
	if wanted {
		t.attribute(ch.call, name, value)
	}
	switch name {
	case "QUEUESTATUS":
		t.queueStatus(ch, value)
	case "VMSTATUS":
		ch.call.Mails = append(ch.call.Mails, mailing{ch.ID, t.mark()})
		t.touch(ch.call)
		t.attribute(ch.call, "vmstatus", value)
	case "MIXMONITOR_FILENAME":
		t.recordFile(ch, value)
	case "TRANSFERSTATUS":
		t.sentAway(ch, value)
	case "AMPUSER":
		t.deskUsed(ch, value)
	}
}

// sawVars remembers that the variables of a channel reach us, once.
func (t *Tracker) sawVars(raw string) {
	if ch := t.chans[header(raw, "Uniqueid")]; ch != nil && !ch.Vars {
		ch.Vars = true
		t.keep(ch.call)
	}
}

// newExten takes from the dialplan's steps what no other event tells: the number at
// which it is, and that it reached voicemail, recording, or something that plays.
func (t *Tracker) newExten(m ami.Message) {
	raw := m.Raw()
	ch := t.chans[header(raw, "Uniqueid")]
	if ch == nil {
		return
	}
	at, stamped := ami.ParseTimestamp(header(raw, "Timestamp"))
	if stamped {
		t.at = at
	}
	if exten := header(raw, "Exten"); exten != ch.Last || ch.Ran == "" {
		t.position(ch, exten)
	}
	app := header(raw, "Application")
	if !tells(app) || t.isEcho(m, stamped) {
		return
	}
	switch app {
	case "MixMonitor":
		file, _, _ := strings.Cut(header(raw, "AppData"), ",")
		t.recordFile(ch, file)
		return
	case "VoiceMail":
		ch.call.Mails = append(ch.call.Mails, mailing{ch.ID, t.mark()})
		t.touch(ch.call)
	case "Queue":
		ch.Queue, _, _ = strings.Cut(header(raw, "AppData"), ",")
	}
	t.served(ch)
}

// tells reports whether anything is concluded from the application that the dialplan begins to run.
func tells(app string) bool {
	switch app {
	case "MixMonitor", "VoiceMail", "Queue", "Answer", "Playback", "Background", "BackGround", "Read", "WaitExten", "Echo", "ConfBridge",
		"MeetMe", "Directory", "VoiceMailMain", "MusicOnHold", "ControlPlayback", "Record", "SayDigits", "Park", "Directed_Pickup":
		return true
	}
	return false
}

// queueApp returns the queue that the dialplan last sent the channel to.
func (ch *channel) queueApp() string { return ch.Queue }

func (t *Tracker) userEvent(ch *channel) {
	if ch != nil {
		t.keep(ch.call)
	}
}

// attributesOf keeps the fields and variables of an event that are allowed by name.
func (t *Tracker) attributesOf(ch *channel, m ami.Message, event string) {
	if len(t.attrs) == 0 {
		return
	}
	if event == "UserEvent" {
		for k, v := range m.All() {
			if t.attrs[k] {
				t.attribute(ch.call, k, v)
			}
		}
		return
	}
	if !strings.Contains(m.Raw(), "\nChanVariable: ") {
		return
	}
	for v := range m.Values("ChanVariable") {
		if name, value, ok := strings.Cut(v, "="); ok && value != "" && t.attrs[name] {
			t.attribute(ch.call, name, value)
		}
	}
}

func (t *Tracker) attribute(c *call, name, value string) {
	if v, ok := c.Attributes[name]; ok && v == value {
		return
	}
	if c.Attributes == nil {
		c.Attributes = map[string]string{}
	}
	c.Attributes[name] = value
	t.touch(c)
}

// recordFile notes the file of a recording that begins, or has just begun.
func (t *Tracker) recordFile(ch *channel, file string) {
	if r := openRecording(ch); r != nil && (r.File == "" || strings.HasSuffix(file, r.File)) {
		r.File = file
		t.touch(ch.call)
		return
	}
	ch.Recording = file
	t.keep(ch.call)
}

func openRecording(ch *channel) *recording {
	for i := len(ch.call.Recs) - 1; i >= 0; i-- {
		if r := ch.call.Recs[i]; r.Chan == ch.at && !r.To.set() {
			return r
		}
	}
	return nil
}

func (t *Tracker) recordStart(ch *channel) {
	if ch == nil {
		return
	}
	if r := openRecording(ch); r != nil && ch.Recording == "" {
		return
	}
	ch.call.Recs = append(ch.call.Recs, &recording{Chan: ch.at, File: ch.Recording, span: span{From: t.mark()}})
	ch.Recording = ""
	t.touch(ch.call)
}

func (t *Tracker) recordStop(ch *channel) {
	if ch == nil {
		return
	}
	if r := openRecording(ch); r != nil {
		r.To = t.mark()
		t.touch(ch.call)
	}
}
