package ami_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"patchcord/ami"
)

// A session that prints who rings whom, and asks for the channels once it is up.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	up := make(chan struct{}, 1)
	frames := ami.NewFrameRing(0, 0) // the handler must not block
	session := ami.NewSession(ami.Config{
		Address:  "pbx.example.com",
		Username: "crm",
		Secret:   func() (string, error) { return "secret", nil }, // from a file, say
		Dial:     dialScripted,
	}, ami.Funcs{
		Frame: func(f ami.Frame) { frames.Push(f) },
		State: func(s ami.State) {
			if s.Phase == ami.PhaseUp && len(up) == 0 {
				up <- struct{}{}
			}
		},
	})
	go session.Run(ctx) // reconnects until ctx is done

	<-up
	channels, err := session.List(ctx, ami.NewAction("CoreShowChannels"))
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(len(channels), "channel")
	for {
		f, err := frames.Pop(ctx)
		if err != nil {
			return
		}
		if f.Msg.Event() == "DialBegin" {
			fmt.Println(ami.Unescape(f.Msg.Get("CallerIDName")), "rings", f.Msg.Get("DestChannel"))
			return
		}
	}
	// Output:
	// 1 channel
	// Miles O'Brien rings PJSIP/1001-00000002
}

// A reader of bytes that came from anywhere.
func ExampleReader() {
	stream := strings.NewReader("Event: Hangup\r\nUniqueid: 1700000000.7\r\nCause: 16\r\n\r\n")
	r := ami.NewReader(stream, ami.ReaderConfig{})
	for {
		v, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s of %s, cause %s\n", v.Event(), v.Field(ami.KeyUniqueid), v.Field(ami.KeyCause))
	}
	// Output: Hangup of 1700000000.7, cause 16
}

func ExampleEncode() {
	wire, err := ami.Encode(nil, ami.NewAction("Originate", "Channel", "PJSIP/1001", "Variable", "TICKET=7"))
	if err != nil {
		fmt.Println(err)
		return
	}
	os.Stdout.WriteString(strings.ReplaceAll(string(wire), "\r\n", "\n"))
	_, err = ami.Encode(nil, ami.NewAction("Originate", "CallerID", "x\r\nAction: Command"))
	fmt.Println(err)
	// Output:
	// Action: Originate
	// Channel: PJSIP/1001
	// Variable: TICKET=7
	//
	// action refused before sending: the value of CallerID has a line end or a NUL
}

// dialScripted connects to a PBX that plays one scene.
func dialScripted(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		io.WriteString(server, "Asterisk Call Manager/11.0.0\r\n")
		r := ami.NewReader(server, ami.ReaderConfig{})
		for v, err := r.Next(); err == nil; v, err = r.Next() {
			a := v.Keep()
			reply := "Response: Success\r\nActionID: " + a.ActionID() + "\r\n"
			switch a.Get("Action") {
			case "Challenge":
				reply += "Challenge: 171886131\r\n"
			case "Login":
				reply += "\r\nEvent: FullyBooted\r\nUptime: 141\r\n"
			case "CoreShowChannels":
				reply += "EventList: start\r\n\r\n" +
					"Event: DialBegin\r\nCallerIDName: Miles O\\'Brien\r\nDestChannel: PJSIP/1001-00000002\r\n\r\n" +
					"Event: CoreShowChannel\r\nActionID: " + a.ActionID() + "\r\nUniqueid: 1700000000.7\r\n\r\n" +
					"Event: CoreShowChannelsComplete\r\nActionID: " + a.ActionID() + "\r\nEventList: Complete\r\nListItems: 1\r\n"
			}
			io.WriteString(server, reply+"\r\n")
		}
	}()
	return client, nil
}
