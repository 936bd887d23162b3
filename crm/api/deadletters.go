package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"patchcord/crm"
)

// deadLetters is what the API needs to know of entries that could not be recorded. A PBX of another
// tenant, and a letter that does not wait (any more), give crm.ErrNotFound.
type deadLetters interface {
	// DeadLetters returns those of the tenant's PBXs, by PBX and position.
	DeadLetters(ctx context.Context, tenant string) ([]DeadLetter, error)
	// Redrive asks the PBX's owner to apply it again; an *InputError when it cannot be.
	Redrive(ctx context.Context, tenant, pbx string, pos crm.Position, by string) error
	Drop(ctx context.Context, tenant, pbx string, pos crm.Position, by string) error
	// Trail returns what was done about letters of the tenant's PBXs, by PBX, the oldest first.
	Trail(ctx context.Context, tenant string) ([]DeadLetterDeed, error)
}

// DeadLetter is an entry of a PBX's log that could not be recorded.
type DeadLetter struct {
	PBX        string   `json:"pbx"`
	Position   string   `json:"position" doc:"In the log of the PBX"`
	ReceivedAt crm.Time `json:"received_at,omitzero"`
	Since      crm.Time `json:"since,omitzero" doc:"When it was put aside"`
	Event      string   `json:"event,omitempty" doc:"Of a frame; absent for what the daemon wrote itself"`
	Reason     string   `json:"reason"`
	Tries      int      `json:"tries"`
	Asked      bool     `json:"asked,omitempty" doc:"It is to be applied again, and the owner of the PBX has not done it yet"`
	Again      bool     `json:"again,omitempty" doc:"It was applied again, and refused once more"`
	Redrivable bool     `json:"redrivable" doc:"It is a frame that is kept whole"`
	Frame      string   `json:"frame,omitempty" doc:"As the PBX sent it; not in lists, for it holds personal data"`
}

// DeadLetterDeed is something that was done about a dead letter.
type DeadLetterDeed struct {
	At       crm.Time `json:"at"`
	PBX      string   `json:"pbx"`
	Position string   `json:"position" doc:"Of the letter, in the log of the PBX"`
	Deed     string   `json:"deed" enum:"redrive,redriven,refused,dropped,too many" doc:"redrive: somebody asked for it; redriven: it was applied again and is recorded; refused: it could not be recorded this time either; dropped: somebody gave it up; too many: it was given up for newer ones"`
	By       string   `json:"by,omitempty" doc:"Who asked for it; absent for the daemon itself"`
}

// letterID names a dead letter in a path.
type letterID struct {
	PBX      string `path:"pbx"`
	Position string `path:"position" doc:"As 7-1042"`
}

type lettersInput struct {
	Paged
	PBX string `query:"pbx" doc:"Of this PBX alone"`
}

type redriveLettersInput struct {
	PBX string `query:"pbx" doc:"Of this PBX alone"`
}

type letterOutput struct{ Body DeadLetter }

type askedOutput struct {
	Body struct {
		Asked int `json:"asked" doc:"How many are applied again"`
	}
}

const redriveText = `It is put at the end of the PBX's log with the time of its receipt, and recorded like everything there, once. To a call that
is going on, or ended within the last 30 seconds, it adds what it says. It cannot be put back where it belonged: what came after it
was concluded without it, frames about calls that ended long ago change nothing, no screen pops, and the call stays ` + "`complete: false`" + `.`

func (a *API) registerDeadLetters() {
	tags := []string{"calls"}
	route(a, huma.Operation{OperationID: "list-dead-letters", Method: http.MethodGet, Path: "/v1/deadletters", Tags: tags,
		Summary:     "What a PBX said that could not be recorded",
		Description: "Each was passed over, so that everything after it is recorded, and is marked by a gap. The last 1,000 of a PBX are kept."}, a.listDeadLetters)
	route(a, huma.Operation{OperationID: "list-dead-letter-deeds", Method: http.MethodGet, Path: "/v1/deadletters/trail", Tags: tags,
		Summary: "Who had dead letters applied again or gave them up, and when",
		Description: "By PBX, the oldest first; the last 1,000 of a PBX at least are kept, also of letters that are gone. A deed is written down before it is done: " +
			"one that a fault kept from being done is there too."}, a.listDeadLetterDeeds)
	route(a, huma.Operation{OperationID: "read-dead-letter", Method: http.MethodGet, Path: "/v1/deadletters/{pbx}/{position}", Tags: tags,
		Summary: "A dead letter with its frame"}, a.readDeadLetter)
	route(a, huma.Operation{OperationID: "redrive-dead-letter", Method: http.MethodPost, Path: "/v1/deadletters/{pbx}/{position}/redrive", Tags: tags,
		DefaultStatus: http.StatusAccepted, Summary: "Apply a dead letter again", Description: redriveText}, a.redriveDeadLetter)
	route(a, huma.Operation{OperationID: "redrive-dead-letters", Method: http.MethodPost, Path: "/v1/deadletters/redrive", Tags: tags,
		DefaultStatus: http.StatusAccepted, Summary: "Apply every dead letter again that can be", Description: redriveText}, a.redriveDeadLetters)
	route(a, huma.Operation{OperationID: "drop-dead-letter", Method: http.MethodDelete, Path: "/v1/deadletters/{pbx}/{position}", Tags: tags,
		DefaultStatus: http.StatusNoContent, Summary: "Give up a dead letter", Description: "Its gap stays."}, a.dropDeadLetter)
}

func (a *API) listDeadLetters(ctx context.Context, c caller, in *lettersInput) (*listOutput[DeadLetter], error) {
	list, err := a.lettersOf(ctx, c, in.PBX)
	if err != nil {
		return nil, err
	}
	return pageOf(list, func(l DeadLetter) string { return l.PBX + " " + placeOf(l.Position) }, in.Paged)
}

func (a *API) listDeadLetterDeeds(ctx context.Context, c caller, in *lettersInput) (*listOutput[DeadLetterDeed], error) {
	all, err := a.deadLetters.Trail(ctx, c.Tenant)
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(all, func(d DeadLetterDeed) bool { return in.PBX != "" && d.PBX != in.PBX })
	return pageOf(list, func(d DeadLetterDeed) string {
		return fmt.Sprintf("%s %020d %s %s", d.PBX, d.At.UnixMicro(), placeOf(d.Position), d.Deed)
	}, in.Paged)
}

// lettersOf returns the tenant's dead letters without their frames; of all its PBXs when pbx is "".
func (a *API) lettersOf(ctx context.Context, c caller, pbx string) ([]DeadLetter, error) {
	all, err := a.deadLetters.DeadLetters(ctx, c.Tenant)
	if err != nil {
		return nil, err
	}
	list := []DeadLetter{}
	for _, l := range all {
		if l.Frame = ""; pbx == "" || l.PBX == pbx {
			list = append(list, l)
		}
	}
	return list, nil
}

// placeOf returns the position as text that sorts as positions do.
func placeOf(position string) string {
	pos, err := crm.ParsePosition(position)
	if err != nil {
		return position
	}
	return fmt.Sprintf("%020d-%020d", pos.Epoch, pos.Seq)
}

func (a *API) readDeadLetter(ctx context.Context, c caller, in *letterID) (*letterOutput, error) {
	all, err := a.deadLetters.DeadLetters(ctx, c.Tenant)
	if err != nil {
		return nil, err
	}
	for _, l := range all {
		if l.PBX == in.PBX && l.Position == in.Position {
			return &letterOutput{l}, nil
		}
	}
	return nil, crm.ErrNotFound
}

func (a *API) redriveDeadLetter(ctx context.Context, c caller, in *letterID) (*struct{}, error) {
	return nil, a.decide(ctx, c, in, "redrive", a.deadLetters.Redrive)
}

func (a *API) dropDeadLetter(ctx context.Context, c caller, in *letterID) (*struct{}, error) {
	return nil, a.decide(ctx, c, in, "drop", a.deadLetters.Drop)
}

// decide does something about a dead letter and writes down who did.
func (a *API) decide(ctx context.Context, c caller, id *letterID, what string, do func(context.Context, string, string, crm.Position, string) error) error {
	pos, err := crm.ParsePosition(id.Position)
	if err != nil {
		return crm.ErrNotFound
	}
	if err := do(ctx, c.Tenant, id.PBX, pos, c.Name); err != nil {
		return err
	}
	a.log.InfoContext(ctx, "a person decided about a dead letter", "pbx", id.PBX, "pos", pos.String(), "what", what, "by", c.UserID)
	return nil
}

func (a *API) redriveDeadLetters(ctx context.Context, c caller, in *redriveLettersInput) (*askedOutput, error) {
	list, err := a.lettersOf(ctx, c, in.PBX)
	if err != nil {
		return nil, err
	}
	out := &askedOutput{}
	for _, l := range list {
		if !l.Redrivable {
			continue
		}
		if err := a.decide(ctx, c, &letterID{l.PBX, l.Position}, "redrive", a.deadLetters.Redrive); err != nil {
			return nil, err
		}
		out.Body.Asked++
	}
	return out, nil
}
