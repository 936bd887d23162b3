package amitest_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"

	"patchcord/ami/amitest"
)

// A PBX with one queue call, heard by a client that knows nothing of AMI but how to log in.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	pbx := amitest.New(amitest.Config{Traffic: &amitest.Traffic{
		MaxCalls: 1, Speed: 20, Scenarios: []amitest.Scenario{amitest.QueueAnswered}, CallsPerSecond: 0.2, Steady: true,
	}})
	addr := make(chan net.Addr, 1)
	done := make(chan error, 1)
	go func() { done <- pbx.Run(ctx, func(a net.Addr) { addr <- a }) }()

	conn, err := net.Dial("tcp", (<-addr).String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, "Action: Login\r\nUsername: crm\r\nSecret: crmsecret\r\n\r\n")
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "Asterisk"), line == "Event: AgentConnect", line == "Event: AgentComplete":
			fmt.Println(line)
		}
		if lines.Text() == "Event: AgentComplete" {
			break
		}
	}
	cancel()
	<-done
	fmt.Println(pbx.Ledger().Calls()[0].Outcome)
	// Output:
	// Asterisk Call Manager/11.0.0
	// Event: AgentConnect
	// Event: AgentComplete
	// answered
}

// The calls of a seed, without a socket or a clock.
func ExampleGenerate() {
	events, calls := amitest.Generate(1, 3)
	fmt.Println(len(events) > 100, len(calls))
	fmt.Println(len(amitest.CheckOrder(func(yield func(string) bool) {
		for _, e := range events {
			if !yield(e.Raw) {
				return
			}
		}
	}).Open))
	// Output:
	// true 3
	// 0
}
