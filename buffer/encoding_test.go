package buffer_test

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"time"

	"patchcord/buffer"
	"patchcord/crm"
)

func TestRecordReadsBackAsWritten(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 30, 0, 123456000, time.UTC)
	tests := map[string]buffer.Entry{
		"a frame":           {Pos: crm.Position{Epoch: 3, Seq: 7}, At: at, Kind: buffer.Frame, Data: []byte("Event: Hangup\r\n\r\n")},
		"a marker":          {Pos: crm.Position{Epoch: 1}, At: at, Kind: buffer.SessionOpen, Data: []byte(`{"node":"a"}`)},
		"no data":           {Pos: crm.Position{Epoch: 1, Seq: 1}, At: at, Kind: buffer.Mark},
		"no time":           {Pos: crm.Position{Epoch: 1, Seq: 1}, Kind: buffer.Mark},
		"before 1970":       {Pos: crm.Position{Epoch: 1, Seq: 1}, At: time.Unix(-5, 0).UTC(), Kind: buffer.Mark},
		"the last position": {Pos: crm.Position{Epoch: math.MaxUint64, Seq: math.MaxUint64}, At: at, Kind: buffer.Frame},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			rec := buffer.AppendRecord([]byte("before"), want)[len("before"):]
			got, err := buffer.ParseRecord(want.Pos, rec)
			if err != nil {
				t.Fatal(err)
			}
			if got.Pos != want.Pos || got.Kind != want.Kind || !got.At.Equal(want.At) || !bytes.Equal(got.Data, want.Data) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if got.At.IsZero() != want.At.IsZero() || got.At.Location() != time.UTC {
				t.Errorf("got time %v, want %v", got.At, want.At)
			}
		})
	}
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	pos := crm.Position{Epoch: 2, Seq: 9}
	rec := buffer.AppendRecord(nil, buffer.Entry{Pos: pos, At: time.Unix(1, 0), Kind: buffer.Frame, Data: []byte("Event: A\r\n\r\n")})
	for bit := range len(rec) * 8 {
		bad := bytes.Clone(rec)
		bad[bit/8] ^= 1 << (bit % 8)
		_, err := buffer.ParseRecord(pos, bad)
		var damaged *buffer.DamagedError
		if !errors.As(err, &damaged) || damaged.Pos != pos {
			t.Errorf("bit %d: got %v, want a DamagedError of %s", bit, err, pos)
		}
	}
	if _, err := buffer.ParseRecord(crm.Position{Epoch: 2, Seq: 8}, rec); err == nil {
		t.Error("a record moved to another position was accepted")
	}
}

func TestCheckOrder(t *testing.T) {
	p := func(epoch, seq uint64) crm.Position { return crm.Position{Epoch: epoch, Seq: seq} }
	tests := map[string]struct {
		positions []crm.Position
		ok        bool
	}{
		"none":              {nil, true},
		"ascending":         {[]crm.Position{p(1, 0), p(1, 1), p(1, 5), p(2, 0)}, true},
		"the same twice":    {[]crm.Position{p(1, 1), p(1, 1)}, false},
		"descending":        {[]crm.Position{p(1, 2), p(1, 1)}, false},
		"an older epoch":    {[]crm.Position{p(2, 0), p(1, 9)}, false},
		"no epoch":          {[]crm.Position{p(0, 1)}, false},
		"zero":              {[]crm.Position{{}}, false},
		"too big an epoch":  {[]crm.Position{p(1<<63, 1)}, false},
		"too big a number":  {[]crm.Position{p(1, 1<<63)}, false},
		"the biggest there": {[]crm.Position{p(math.MaxInt64, math.MaxInt64)}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var entries []buffer.Entry
			for _, pos := range tt.positions {
				entries = append(entries, buffer.Entry{Pos: pos})
			}
			err := buffer.CheckOrder(entries)
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, buffer.ErrOrder) {
				t.Errorf("got %v, want ok %t", err, tt.ok)
			}
		})
	}
}

// FuzzParseRecord: whatever is read is either refused, or is the one record of its entry.
func FuzzParseRecord(f *testing.F) {
	f.Add(uint64(1), uint64(1), []byte{})
	f.Add(uint64(1), uint64(2), buffer.AppendRecord(nil, buffer.Entry{
		Pos: crm.Position{Epoch: 1, Seq: 2}, At: time.Unix(1, 0), Kind: buffer.Frame, Data: []byte("x"),
	}))
	f.Fuzz(func(t *testing.T, epoch, seq uint64, rec []byte) {
		e, err := buffer.ParseRecord(crm.Position{Epoch: epoch, Seq: seq}, rec)
		if err == nil && !bytes.Equal(buffer.AppendRecord(nil, e), rec) {
			t.Errorf("%x parsed to %+v, which is written differently", rec, e)
		}
		written := buffer.Entry{Pos: crm.Position{Epoch: epoch, Seq: seq}, At: time.UnixMicro(int64(seq)), Kind: 'F', Data: rec}
		back, err := buffer.ParseRecord(written.Pos, buffer.AppendRecord(nil, written))
		if err != nil || !bytes.Equal(back.Data, rec) || !back.At.Equal(written.At) {
			t.Errorf("%+v came back as %+v, %v", written, back, err)
		}
	})
}
