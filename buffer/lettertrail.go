package buffer

import (
	"context"
	"encoding/json"
	"time"

	"patchcord/crm"
)

// What is done about a dead letter.
const (
	LetterRedrive  = "redrive"  // somebody asked for it to be applied again
	LetterRedriven = "redriven" // it was, and is recorded
	LetterRefused  = "refused"  // it was, and could not be recorded this time either
	LetterDropped  = "dropped"  // somebody gave it up
	LetterTooMany  = "too many" // it was given up for newer ones
)

// LetterDeed is something that was done about a dead letter. It is written down before it is done: what a fault
// kept from being done is there too, and once more when it was tried again.
type LetterDeed struct {
	At  time.Time // UTC
	Pos crm.Position
	How string
	By  string // who asked for it; "" for the daemon itself
}

const letterDeed Kind = 'D' // Data: JSON of a verdict

const maxDeeds = 1000 // that are kept of a PBX

// trailKey is the name of the log of deeds. It is not that of the letters, which loses what is settled.
func trailKey(pbx string) string { return deadKey(pbx) + ":trail" }

// Trail returns what was done about the PBX's dead letters, the last 1,000 deeds at least, the oldest first.
func (d *DeadLetters) Trail(ctx context.Context, pbx string) (deeds []LetterDeed, err error) {
	_, err = d.readAll(ctx, trailKey(pbx), func(e Entry) error {
		var v verdict
		if err := json.Unmarshal(e.Data, &v); err != nil {
			return err
		}
		deeds = append(deeds, LetterDeed{At: e.At, Pos: v.Pos, How: v.How, By: v.By})
		return nil
	})
	return deeds, err
}

// note writes down what is about to be done.
func (d *DeadLetters) note(ctx context.Context, pbx string, v verdict) error {
	pos, err := d.append(ctx, trailKey(pbx), letterDeed, v)
	if err != nil || pos.Seq <= maxDeeds {
		return err
	}
	return d.log.Trim(ctx, trailKey(pbx), crm.Position{Epoch: pos.Epoch, Seq: pos.Seq - maxDeeds + 1})
}
