package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"patchcord/ami"
	"patchcord/buffer"
	"patchcord/crm"
	"patchcord/crm/api"
)

// deadLetters is the dead letters of the configuration's PBXs, as the API and the command line want them.
type deadLetters struct {
	letters *buffer.DeadLetters
	pbxs    current[[]PBXConfig]
}

// DeadLetters returns those of the tenant's PBXs, by PBX and position.
func (d *deadLetters) DeadLetters(ctx context.Context, tenant string) ([]api.DeadLetter, error) {
	var list []api.DeadLetter
	for _, p := range d.pbxs.get() {
		if p.Tenant != tenant {
			continue
		}
		letters, err := d.letters.List(ctx, p.Name)
		if err != nil {
			return nil, d.explained(err)
		}
		for _, l := range letters {
			list = append(list, shownLetter(p.Name, l))
		}
	}
	return list, nil
}

// Trail returns what was done about letters of the tenant's PBXs, by PBX, the oldest first.
func (d *deadLetters) Trail(ctx context.Context, tenant string) ([]api.DeadLetterDeed, error) {
	var list []api.DeadLetterDeed
	for _, p := range d.pbxs.get() {
		if p.Tenant != tenant {
			continue
		}
		deeds, err := d.letters.Trail(ctx, p.Name)
		if err != nil {
			return nil, d.explained(err)
		}
		for _, x := range deeds {
			list = append(list, shownDeed(p.Name, x))
		}
	}
	return list, nil
}

func shownDeed(pbx string, d buffer.LetterDeed) api.DeadLetterDeed {
	return api.DeadLetterDeed{At: crm.At(d.At), PBX: pbx, Position: d.Pos.String(), Deed: d.How, By: d.By}
}

func shownLetter(pbx string, l buffer.Letter) api.DeadLetter {
	s := api.DeadLetter{
		PBX: pbx, Position: l.Pos.String(), ReceivedAt: crm.At(l.At), Since: crm.At(l.Since), Reason: l.Reason, Tries: l.Tries,
		Asked: l.Asked(), Again: l.Again, Redrivable: l.Redrivable(),
	}
	if l.Kind == buffer.Frame {
		s.Event, s.Frame = ami.NewMessage(string(l.Data)).Event(), string(l.Data)
	}
	return s
}

// Redrive asks the PBX's owner to apply the letter again.
func (d *deadLetters) Redrive(ctx context.Context, tenant, pbx string, pos crm.Position, by string) error {
	if !d.has(tenant, pbx) {
		return crm.ErrNotFound
	}
	return d.explained(d.letters.Redrive(ctx, pbx, pos, by))
}

// Drop gives the letter up.
func (d *deadLetters) Drop(ctx context.Context, tenant, pbx string, pos crm.Position, by string) error {
	if !d.has(tenant, pbx) {
		return crm.ErrNotFound
	}
	return d.explained(d.letters.Drop(ctx, pbx, pos, by))
}

func (d *deadLetters) has(tenant, pbx string) bool {
	return slices.ContainsFunc(d.pbxs.get(), func(p PBXConfig) bool { return p.Name == pbx && p.Tenant == tenant })
}

// explained turns an error of the log into one that the API has an answer to.
func (d *deadLetters) explained(err error) error {
	switch {
	case errors.Is(err, buffer.ErrNoLetter):
		return crm.ErrNotFound
	case errors.Is(err, buffer.ErrOnlyThere):
		return &crm.InputError{Field: "position", Msg: "is no frame that is kept whole, so it cannot be applied again; its gap says what is missing"}
	case errors.Is(err, buffer.ErrUnavailable):
		return fmt.Errorf("%w: %w", crm.ErrUnavailable, err)
	}
	return err
}
