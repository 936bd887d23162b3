package buffer

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"patchcord/crm"
)

// A record is an entry as a log stores it; the position is the log's key and not part of it:
//
//	version 1 | kind | At, µs since 1970, 8 bytes big endian | Data | CRC32C, 4 bytes big endian
//
// The checksum covers the position (two times 8 bytes big endian) and then
// everything before it, so a record that was moved to another position is found out as well.
const (
	recordVersion = 1
	recordHead    = 1 + 1 + 8
	recordTail    = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendRecord appends e's record to b.
func AppendRecord(b []byte, e Entry) []byte {
	start := len(b)
	b = append(b, recordVersion, byte(e.Kind))
	b = binary.BigEndian.AppendUint64(b, uint64(e.At.UnixMicro()))
	b = append(b, e.Data...)
	return binary.BigEndian.AppendUint32(b, checksum(e.Pos, b[start:]))
}

// ParseRecord returns the entry at pos whose record is b, or a *DamagedError.
// The entry's Data is a part of b.
func ParseRecord(pos crm.Position, b []byte) (Entry, error) {
	if len(b) < recordHead+recordTail {
		return Entry{}, &DamagedError{Pos: pos, Reason: fmt.Sprintf("%d bytes are too few", len(b))}
	}
	body, sum := b[:len(b)-recordTail], binary.BigEndian.Uint32(b[len(b)-recordTail:])
	if checksum(pos, body) != sum {
		return Entry{}, &DamagedError{Pos: pos, Reason: "wrong checksum"}
	}
	if body[0] != recordVersion {
		return Entry{}, &DamagedError{Pos: pos, Reason: fmt.Sprintf("record version %d is unknown", body[0])}
	}
	e := Entry{Pos: pos, Kind: Kind(body[1]), At: time.UnixMicro(int64(binary.BigEndian.Uint64(body[2:]))).UTC()}
	if len(body) > recordHead {
		e.Data = body[recordHead:len(body):len(body)]
	}
	return e, nil
}

func checksum(pos crm.Position, body []byte) uint32 {
	var key [16]byte
	binary.BigEndian.PutUint64(key[:8], pos.Epoch)
	binary.BigEndian.PutUint64(key[8:], pos.Seq)
	return crc32.Update(crc32.Checksum(key[:], castagnoli), castagnoli, body)
}

// CheckOrder returns ErrOrder unless the entries' positions ascend, have an epoch,
// and fit the engines (63 bits).
func CheckOrder(entries []Entry) error {
	var last crm.Position
	for i, e := range entries {
		if e.Pos.Epoch == 0 || e.Pos.Epoch > math.MaxInt64 || e.Pos.Seq > math.MaxInt64 {
			return fmt.Errorf("%w: %s cannot be a position", ErrOrder, e.Pos)
		}
		if i > 0 && e.Pos.Compare(last) <= 0 {
			return fmt.Errorf("%w: %s after %s", ErrOrder, e.Pos, last)
		}
		last = e.Pos
	}
	return nil
}
