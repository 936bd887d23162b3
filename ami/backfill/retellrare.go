package backfill

import (
	"strings"
	"time"
)

// step tells where in the dialplan a channel is, when that is new.
func (t *teller) step(r *CEL, l *leg) {
	if r.App == byOriginate && r.Type != "ANSWER" && !l.answer.IsZero() && r.At.After(l.answer) {
		t.frame(r.At, "Newexten", "Uniqueid", r.Uniqueid, "Linkedid", r.Linkedid, "Exten", r.Exten)
	}
	if r.App == "" || isCalled(r.App) {
		return
	}
	now := r.App + "\n" + r.Exten + "\n" + r.Data
	if t.shown[l.id] == now {
		return
	}
	t.shown[l.id] = now
	t.gaveUp(r, l)
	t.frame(r.At, "Newexten", "Uniqueid", r.Uniqueid, "Linkedid", r.Linkedid, "Exten", r.Exten, "Application", r.App, "AppData", r.Data)
	if r.App != "Queue" {
		delete(t.was, l.id)
		if t.queue[l.id] != "" {
			t.leave(r.At, l)
		}
		return
	}
	switch r.Type {
	case "BRIDGE_EXIT", "PARK_START", "PARK_END": // he was served before this file began
	default:
		if t.queue[l.id] == "" && !t.was[l.id] {
			t.join(r.At, l, queueName(r.Data), r.Type != "STREAM_BEGIN" && r.Type != "APP_START")
		}
	}
}

// gaveUp ends the rings of a channel that has gone on to something else: their own rows
// come a moment later.
func (t *teller) gaveUp(r *CEL, l *leg) {
	for _, o := range t.legs {
		if o.src == l && o.dialed && o.answer.IsZero() && o.start.Before(r.At) && !o.end.Before(r.At) &&
			o.end.Sub(r.At) <= together && r.App != "Dial" && r.App != "Queue" {
			t.dialEnd(r.At, o, t.unanswered(o), "")
		}
	}
}

func queueName(data string) string {
	name, _, _ := strings.Cut(data, ",")
	return name
}

// nextQueue returns the queue that a later row of the channel shows it in, "" for none.
func (t *teller) nextQueue(l *leg, after int) string {
	for _, i := range l.rows {
		if r := &t.rows[i]; i > after && r.App != "" {
			if r.App == "Queue" {
				return queueName(r.Data)
			}
			return ""
		}
	}
	return ""
}

func (t *teller) join(at time.Time, l *leg, queue string, guessed bool) {
	if queue == "" {
		return
	}
	t.queue[l.id] = queue
	if guessed {
		t.guessed[crmTime(at)] = true
	}
	t.frame(at, "QueueCallerJoin", "Uniqueid", l.id, "Queue", queue)
}

func (t *teller) leave(at time.Time, l *leg) {
	t.frame(at, "QueueCallerLeave", "Uniqueid", l.id, "Queue", t.queue[l.id])
	delete(t.queue, l.id)
}

// served tells that a member of the queue answered the caller.
func (t *teller) served(at time.Time, caller *leg) {
	if l := t.place[caller.id]; l != nil {
		caller = l
	}
	queue := t.queue[caller.id]
	if queue == "" {
		return
	}
	t.leave(at, caller)
	t.was[caller.id] = true
	t.frame(at, "AgentConnect", "Uniqueid", caller.id, "Queue", queue)
}

func (t *teller) rare(r *CEL) {
	e := extraOf(r)
	switch r.Type {
	case "BLINDTRANSFER":
		t.frame(r.At, "BlindTransfer", "Result", "Success", "TransfererUniqueid", r.Uniqueid, "TransfererLinkedid", r.Linkedid,
			"TransfereeUniqueid", e.Transferee, "Extension", e.Extension)
	case "ATTENDEDTRANSFER":
		defer t.handOver(e)
		t.frame(r.At, "AttendedTransfer", "Result", "Success", "OrigTransfererUniqueid", r.Uniqueid,
			"SecondTransfererUniqueid", e.SecondLine, "TransfereeUniqueid", e.Transferee,
			"TransferTargetUniqueid", e.Target, "SecondBridgeUniqueid", e.Second)
	case "PARK_START":
		t.frame(r.At, "ParkedCall", "ParkeeUniqueid", r.Uniqueid, "ParkerDialString", e.Parker)
	case "PARK_END":
		t.parkEnd(r, e)
	case "PICKUP":
		t.frame(r.At, "Pickup", "Uniqueid", e.Picker, "TargetUniqueid", r.Uniqueid)
	case "FORWARD":
		t.forward(r, e)
	}
}

// handOver lets the transferee wait in the queue in which the transferer's second line
// waited.
func (t *teller) handOver(e extra) {
	line, party := t.by[e.SecondLine], t.by[e.Transferee]
	if line == nil || party == nil || e.App != "Queue" || t.queue[line.id] == "" {
		return
	}
	t.queue[party.id], t.place[line.id] = t.queue[line.id], party
	delete(t.queue, line.id)
}

func (t *teller) parkEnd(r *CEL, e extra) {
	switch e.Reason {
	case "ParkedCallTimeOut":
		t.frame(r.At, "ParkedCallTimeOut", "ParkeeUniqueid", r.Uniqueid)
	case "ParkedCallGiveUp":
		t.frame(r.At, "ParkedCallGiveUp", "ParkeeUniqueid", r.Uniqueid)
	default:
		by := ""
		for _, l := range t.legs {
			if l.name == e.Retriever {
				by = l.id
			}
		}
		t.frame(r.At, "UnParkedCall", "ParkeeUniqueid", r.Uniqueid, "RetrieverUniqueid", by)
	}
}

// forward tells that a phone which the channel rang sent the call on: of those that it
// dialled the one that is hung up first. The Local pair by which the call goes on has
// its rows before this one.
func (t *teller) forward(r *CEL, e extra) {
	var by *leg // who sent it on
	for _, l := range t.legs {
		if l.src == nil || l.src.id != r.Uniqueid || l.localExten() == e.Forward ||
			l.start.After(r.At) || !l.answer.IsZero() || l.end.Before(r.At) {
			continue
		}
		if by == nil || l.end.Before(by.end) {
			by = l
		}
	}
	if by != nil {
		t.dialEnd(r.At, by, "CANCEL", e.Forward)
	}
	for _, l := range t.legs {
		if l.sent && l.src.id == r.Uniqueid && l.localExten() == e.Forward && !l.start.After(r.At) {
			l.sent = false
			t.dial(r, l)
		}
	}
}
