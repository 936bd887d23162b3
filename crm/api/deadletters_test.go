package api

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"patchcord/crm"
)

// letterBox has the dead letter 7-1042 and the lost one 9-1 of hq, and notes what is decided.
type letterBox struct{ decided []string }

func (*letterBox) DeadLetters(_ context.Context, tenant string) ([]DeadLetter, error) {
	if tenant != "default" {
		return nil, nil
	}
	return []DeadLetter{
		{PBX: "hq", Position: "7-1042", ReceivedAt: crm.At(time.Unix(1, 0)), Event: "Hangup", Reason: "refused", Tries: 3, Redrivable: true, Frame: "Event: Hangup"},
		{PBX: "hq", Position: "11-1", Reason: "damaged", Tries: 1},
	}, nil
}

func (b *letterBox) decide(what, tenant, pbx string, pos crm.Position, by string) error {
	if tenant != "default" || pbx != "hq" || pos.Epoch != 7 {
		return crm.ErrNotFound
	}
	b.decided = append(b.decided, what+" "+pos.String()+" "+by)
	return nil
}

func (b *letterBox) Redrive(_ context.Context, tenant, pbx string, pos crm.Position, by string) error {
	return b.decide("redrive", tenant, pbx, pos, by)
}

func (b *letterBox) Drop(_ context.Context, tenant, pbx string, pos crm.Position, by string) error {
	return b.decide("drop", tenant, pbx, pos, by)
}

func (b *letterBox) Trail(_ context.Context, tenant string) ([]DeadLetterDeed, error) {
	if tenant != "default" {
		return nil, nil
	}
	at := crm.At(time.Unix(1_700_000_000, 0))
	return []DeadLetterDeed{
		{At: at, PBX: "branch", Position: "1-1", Deed: "too many"},
		{At: at, PBX: "hq", Position: "9-1", Deed: "redrive", By: "admin"},
		{At: at, PBX: "hq", Position: "11-1", Deed: "redrive", By: "admin"},
		{At: crm.At(at.Add(time.Second)), PBX: "hq", Position: "9-1", Deed: "redriven"},
	}, nil
}

func TestDeedsOfDeadLetters(t *testing.T) {
	b := newBench(t, func(c *Config) { c.DeadLetters = &letterBox{} })
	b.user("default", "auditor", crm.RoleAuditor)
	var got []string
	for cursor := ""; ; {
		var page struct {
			Items []DeadLetterDeed
			Next  string `json:"next_cursor"`
		}
		b.get("auditor", "/v1/deadletters/trail?pbx=hq&limit=2&cursor="+cursor).want(200).into(&page)
		for _, d := range page.Items {
			got = append(got, d.Position+" "+d.Deed+" "+d.By)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if want := []string{"9-1 redrive admin", "11-1 redrive admin", "9-1 redriven "}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDeadLetters(t *testing.T) {
	box := &letterBox{}
	b := newBench(t, func(c *Config) { c.DeadLetters = box })
	b.user("default", "admin", crm.RoleAdmin)
	var list struct{ Items []DeadLetter }
	b.get("admin", "/v1/deadletters").want(200).into(&list)
	if len(list.Items) != 2 || list.Items[0].Position != "7-1042" || list.Items[0].Frame != "" {
		t.Errorf("the list is %+v; want both by position, without a frame", list.Items)
	}
	b.get("admin", "/v1/deadletters?pbx=branch").want(200).into(&list)
	if len(list.Items) != 0 {
		t.Errorf("of another PBX: %+v", list.Items)
	}
	var one DeadLetter
	b.get("admin", "/v1/deadletters/hq/7-1042").want(200).into(&one)
	if one.Frame != "Event: Hangup" || one.Reason != "refused" {
		t.Errorf("the letter is %+v; want it with its frame", one)
	}
	for _, path := range []string{"hq/8-1", "branch/7-1042", "hq/nonsense"} {
		b.get("admin", "/v1/deadletters/"+path).want(http.StatusNotFound).problem()
		b.do(ask{as: "admin", method: "DELETE", path: "/v1/deadletters/" + path}).want(http.StatusNotFound).problem()
	}
	b.do(ask{as: "admin", method: "DELETE", path: "/v1/deadletters/hq/7-1042"}).want(http.StatusNoContent)
	var asked struct{ Asked int }
	b.do(ask{as: "admin", method: "POST", path: "/v1/deadletters/redrive"}).want(http.StatusAccepted).into(&asked)
	want := []string{"drop 7-1042 admin", "redrive 7-1042 admin"} // the lost one cannot be applied again
	if asked.Asked != 1 || len(box.decided) != 2 || box.decided[0] != want[0] || box.decided[1] != want[1] {
		t.Errorf("decided %v, asked %d; want %v", box.decided, asked.Asked, want)
	}
}
