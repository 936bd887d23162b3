package intake

import (
	"context"
	"fmt"

	"patchcord/ami/calls"
	"patchcord/crm"
)

// beginsLater finds out whether the log lacks what came after the checkpoint. It is trimmed only below
// a checkpoint of some minutes ago, so then the store is an older one, put back from a copy. It returns
// what the fold is told of that in the place of the first entry that is gone: nothing was heard from the
// checkpoint to the next login, though what the log still has is folded.
func (r *recorder) beginsLater(ctx context.Context) (*calls.Input, error) {
	if r.committed.IsZero() {
		return nil, nil
	}
	first, err := r.log.Read(ctx, r.pbx, crm.Position{}, 1)
	first, err = readable(first, err, r.heard)
	if err != nil {
		return nil, fmt.Errorf("read where the log of %s begins: %w", r.pbx, err)
	}
	next := crm.Position{Epoch: r.committed.Epoch, Seq: r.committed.Seq + 1}
	if len(first) == 0 || first[0].Pos.Compare(next) <= 0 {
		return nil, nil
	}
	in := &calls.Input{Pos: next, At: r.heard, Kind: calls.Lost, Cause: crm.GapOverflow,
		Detail: "the log does not have what came after " + r.committed.String() + " any more, where records end: was the database put back from an older copy?"}
	if in.At.IsZero() {
		in.At = first[0].At
	}
	r.logger.Warn("the log begins later than records end, as after the database was put back from an older copy; what came between is a gap, to be filled from the PBX's ledger",
		"pbx", r.pbx, "records", r.committed.String(), "log", first[0].Pos.String())
	return in, nil
}
