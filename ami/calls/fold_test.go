package calls

import (
	"strings"
	"testing"

	"patchcord/ami"
	"patchcord/crm"
)

// A recording that began in mid-call. Invented, after 22/resync-replies.
const midCall = "Asterisk Call Manager/11.0.0\r\n" +
	"Response: Success\r\nActionID: l-1\r\nEventList: start\r\nMessage: Channels will follow\r\n\r\n" +
	"Event: CoreShowChannel\r\nActionID: l-1\r\nChannel: PJSIP/trunk-00000000\r\nChannelState: 6\r\nUniqueid: 1700000000.0\r\n" +
	"Linkedid: 1700000000.0\r\nApplication: Dial\r\nBridgeId: b1\r\n\r\n" +
	"Event: CoreShowChannel\r\nActionID: l-1\r\nChannel: PJSIP/1001-00000001\r\nChannelState: 6\r\nUniqueid: 1700000000.1\r\n" +
	"Linkedid: 1700000000.0\r\nApplication: AppDial\r\nBridgeId: b1\r\n\r\n" +
	"Event: CoreShowChannelsComplete\r\nActionID: l-1\r\nEventList: Complete\r\nListItems: 2\r\n\r\n" +
	"Event: Hangup\r\nUniqueid: 1700000000.1\r\nLinkedid: 1700000000.0\r\nChannel: PJSIP/1001-00000001\r\nCause: 16\r\n\r\n" +
	"Event: Hangup\r\nUniqueid: 1700000000.0\r\nLinkedid: 1700000000.0\r\nChannel: PJSIP/trunk-00000000\r\nCause: 16\r\n\r\n"

func foldText(t *testing.T, stream string) []*crm.Call {
	t.Helper()
	tr, err := ami.NewTrace([]byte(stream), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Fold(Config{PBX: "hq"}, tr)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestFoldTakesAListInATraceForAResync(t *testing.T) {
	got := foldText(t, midCall)
	if len(got) != 1 {
		t.Fatalf("got %d calls, want the one that was listed", len(got))
	}
	c := got[0]
	if c.Complete || c.Direction != crm.Inbound || c.Outcome != crm.Answered || !c.From.IsZero() || c.StartedAt.Unix() != 1700000000 {
		t.Errorf("got %+v, want an incomplete answered call from nobody known, since its Uniqueid's second", c)
	}
	if len(c.Talks) != 1 || c.Talks[0].Extension != "1001" {
		t.Errorf("got talks %+v, want one of 1001", c.Talks)
	}
}

func TestFoldOfAListEndsNothing(t *testing.T) {
	miscounted := strings.Replace(midCall, "ListItems: 2", "ListItems: 3", 1)
	nobody := "Response: Success\r\nActionID: l-2\r\nEventList: start\r\nMessage: Channels will follow\r\n\r\n" +
		"Event: CoreShowChannelsComplete\r\nActionID: l-2\r\nEventList: Complete\r\nListItems: 1\r\n\r\n"
	cut := miscounted[:strings.Index(miscounted, "Event: Hangup")] + nobody + nobody
	got := foldText(t, cut)
	if len(got) != 1 || !got[0].Open() {
		t.Errorf("got %d calls, want one that incomplete lists leave open", len(got))
	}
}
