package spool

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
	"strings"

	"patchcord/buffer"
	"patchcord/crm"
)

// A segment is a file of one epoch's entries. It is longer than what it holds: room is
// reserved when it is made. Every batch begins at a sector, so that a write
// that is torn by a power loss cannot damage what was acknowledged before.
//
//	head: beginning | position before the first entry      zeros up to a sector
//	head: frame     | its position | record                … up to the end of the batch, then zeros up to a sector
//	head: end       | position of the last entry           once nothing more is added
//
// A head is 28 bytes, integers big endian: 4 bytes magic, 4 bytes number (the version, the length of the
// record, the count of entries), position (8 and 8 bytes), CRC32C of these 24 bytes and the
// segment's salt. The salt is random (48 bits) and stands in the file's name: after damage the next
// valid head is searched for, and bytes that came from a phone call must not be able to look like one.
const (
	headSize       = 28
	sector         = 512
	formatVersion  = 1
	magicBeginning = "pcS<"
	magicFrame     = "pcS="
	magicEnd       = "pcS>"
	maxRecord      = math.MaxInt32
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type head struct {
	magic string
	n     uint32
	pos   crm.Position
}

func (h head) append(b []byte, salt uint64) []byte {
	start := len(b)
	b = append(b, h.magic...)
	b = binary.BigEndian.AppendUint32(b, h.n)
	b = binary.BigEndian.AppendUint64(b, h.pos.Epoch)
	b = binary.BigEndian.AppendUint64(b, h.pos.Seq)
	return binary.BigEndian.AppendUint32(b, headSum(b[start:], salt))
}

func headSum(b []byte, salt uint64) uint32 {
	var s [8]byte
	binary.BigEndian.PutUint64(s[:], salt)
	return crc32.Update(crc32.Checksum(s[:], castagnoli), castagnoli, b)
}

// parseHead returns the head that b begins with, if it is one of this magic.
func parseHead(b []byte, magic string, salt uint64) (h head, ok bool) {
	if len(b) < headSize || string(b[:4]) != magic {
		return h, false
	}
	if headSum(b[:headSize-4], salt) != binary.BigEndian.Uint32(b[headSize-4:]) {
		return h, false
	}
	h = head{magic: magic, n: binary.BigEndian.Uint32(b[4:])}
	h.pos = crm.Position{Epoch: binary.BigEndian.Uint64(b[8:]), Seq: binary.BigEndian.Uint64(b[16:])}
	return h, true
}

// appendFrame appends e to b as a segment holds it.
func appendFrame(b []byte, e buffer.Entry, salt uint64) []byte {
	start := len(b)
	b = append(b, make([]byte, headSize)...)
	b = buffer.AppendRecord(b, e)
	h := head{magicFrame, uint32(len(b) - start - headSize), e.Pos}
	h.append(b[start:start], salt) // into the room left for it
	return b
}

// pad appends zeros up to the next sector.
func pad(b []byte) []byte {
	return append(b, make([]byte, (sector-len(b)%sector)%sector)...)
}

// parseFrame returns the entry that b begins with, and its length there.
func parseFrame(b []byte, salt uint64) (e buffer.Entry, n int, ok bool) {
	h, ok := parseHead(b, magicFrame, salt)
	if !ok || uint64(h.n) > uint64(len(b)-headSize) {
		return e, 0, false
	}
	n = headSize + int(h.n)
	e, err := buffer.ParseRecord(h.pos, b[headSize:n:n])
	return e, n, err == nil
}

// walk calls entry for every entry in b, which begins at a sector or a frame at offset base of its segment,
// and damage for every stretch between that does not read as it was written. It
// returns the offset after the last entry. Data of the entries are parts of b.
func walk(b []byte, base int64, salt uint64, entry func(at int64, e buffer.Entry), damage func(from, until int64)) int64 {
	end, bad := 0, -1
	for at := 0; at < len(b); {
		e, n, ok := parseFrame(b[at:], salt)
		if !ok {
			if bad < 0 && !padding(b, at, base) {
				bad = at
			}
			at = nextMagic(b, at+1)
			continue
		}
		if bad >= 0 {
			damage(base+int64(bad), base+int64(at))
			bad = -1
		}
		entry(base+int64(at), e)
		at += n
		end = at
	}
	return base + int64(end)
}

// padding reports whether only the zeros that end a batch lie between at and the next frame.
func padding(b []byte, at int, base int64) bool {
	to := at + int((sector-(base+int64(at))%sector)%sector)
	return to > at && to < len(b) && allZero(b[at:to]) && bytes.HasPrefix(b[to:], []byte(magicFrame))
}

func nextMagic(b []byte, from int) int {
	if from < len(b) {
		if i := bytes.Index(b[from:], []byte(magicFrame)); i >= 0 {
			return from + i
		}
	}
	return len(b)
}

func allZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

const segmentSuffix = ".seg"

// segmentName is the name of a segment's file: names sort as their first positions do. What a segment
// holds from the next one's first position on was never acknowledged there, and was written anew.
func segmentName(first crm.Position, salt uint64) string {
	return fmt.Sprintf("%020d-%020d-%016x%s", first.Epoch, first.Seq, salt, segmentSuffix)
}

func parseSegmentName(name string) (first crm.Position, salt uint64, ok bool) {
	parts := strings.Split(strings.TrimSuffix(name, segmentSuffix), "-")
	if len(parts) != 3 || !strings.HasSuffix(name, segmentSuffix) {
		return first, 0, false
	}
	epoch, err1 := strconv.ParseUint(parts[0], 10, 64)
	seq, err2 := strconv.ParseUint(parts[1], 10, 64)
	salt, err3 := strconv.ParseUint(parts[2], 16, 64)
	return crm.Position{Epoch: epoch, Seq: seq}, salt, err1 == nil && err2 == nil && err3 == nil
}
