package buffer_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"patchcord/buffer"
	"patchcord/buffer/embedded"
	"patchcord/crm"
)

// A new owner of a PBX opens its epoch, appends frames, and is read by whoever folds them.
func Example() {
	dir, err := os.MkdirTemp("", "log")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	log, err := embedded.Open(ctx, filepath.Join(dir, "frames.db"), embedded.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = log.Close() }()

	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	stored, err := log.Append(ctx, "hq", []buffer.Entry{
		{Pos: crm.Position{Epoch: 7, Seq: 0}, At: at, Kind: buffer.SessionOpen, Data: []byte(`{"node":"a"}`)},
		{Pos: crm.Position{Epoch: 7, Seq: 1}, At: at, Kind: buffer.Frame, Data: []byte("Event: FullyBooted\r\n\r\n")},
	})
	fmt.Println("durable:", stored, err)

	entries, err := log.Read(ctx, "hq", crm.Position{}, 100)
	if err != nil {
		fmt.Println(err)
	}
	for _, e := range entries {
		fmt.Printf("%s %c %q\n", e.Pos, e.Kind, e.Data)
	}
	_, err = log.Append(ctx, "hq", []buffer.Entry{{Pos: crm.Position{Epoch: 6, Seq: 9}, At: at, Kind: buffer.Mark}})
	fmt.Println(err)
	// Output:
	// durable: 2 <nil>
	// 7-0 O "{\"node\":\"a\"}"
	// 7-1 F "Event: FullyBooted\r\n\r\n"
	// append 6-9 to log of hq with top 7-1: fenced: the log has a newer owner
}
