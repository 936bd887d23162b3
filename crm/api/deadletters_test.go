package api

import (
	"context"
	"net/http"
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
