package lab

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// CDR is one line of cdr_csv with the newer columns (cdr.conf:
// newcdrcolumns=yes, usegmtime=yes). One call may have several.
type CDR struct {
	AccountCode string
	Src         string
	Dst         string // the exten of the dialplan at the end, not always what was dialled
	DContext    string
	CLID        string // "Name" <number>
	Channel     string
	DstChannel  string
	LastApp     string
	LastData    string
	Start       time.Time // UTC, whole seconds
	Answer      time.Time // zero if not answered; also set by Answer(), a queue or voicemail
	End         time.Time
	Duration    time.Duration // Start to End
	Billed      time.Duration // billsec: Answer to End
	Disposition string        // ANSWERED, NO ANSWER, BUSY, FAILED, CONGESTION
	AMAFlags    string
	Uniqueid    string
	UserField   string
	PeerAccount string
	Linkedid    string
	Sequence    string
}

// CEL is one line of cel_custom in the mapping of the lab, which is that of
// Asterisk's sample file with Linkedid.
type CEL struct {
	Event       string    // CHAN_START, ANSWER, BRIDGE_ENTER, HANGUP, CHAN_END, LINKEDID_END, ...
	At          time.Time // UTC, milliseconds
	CIDName     string
	CIDNum      string
	ANI         string
	RDNIS       string
	DNID        string
	Exten       string
	Context     string
	Channel     string
	App         string
	AppData     string
	AMAFlags    string
	AccountCode string
	Uniqueid    string
	Linkedid    string
	Peer        string
	UserField   string
	UserDefType string
	Extra       string // JSON object of the event's own fields, or empty
}

const (
	cdrColumns = 21
	celColumns = 20
)

// ReadCDR reads a CDR file, also one compressed with gzip (name ends in .gz).
func ReadCDR(path string) ([]CDR, error) { return readFile(path, ParseCDR) }

// ReadCEL reads a CEL file, likewise.
func ReadCEL(path string) ([]CEL, error) { return readFile(path, ParseCEL) }

// CDR reads the server's CDR file: what it wrote since [Up]. No file is no rows.
func (p *PBX) CDR() ([]CDR, error) { return ifWritten(ReadCDR(p.CDRPath)) }

// CEL reads the server's CEL file, likewise.
func (p *PBX) CEL() ([]CEL, error) { return ifWritten(ReadCEL(p.CELPath)) }

// ParseCDR reads CDR lines. The error names the line.
func ParseCDR(r io.Reader) ([]CDR, error) { return parse(r, cdrColumns, cdr) }

// ParseCEL reads CEL lines. The error names the line.
func ParseCEL(r io.Reader) ([]CEL, error) { return parse(r, celColumns, cel) }

func cdr(f []string) (CDR, error) {
	var p fields
	c := CDR{
		AccountCode: f[0], Src: f[1], Dst: f[2], DContext: f[3], CLID: f[4], Channel: f[5], DstChannel: f[6],
		LastApp: f[7], LastData: f[8], Start: p.time(f[9]), Answer: p.time(f[10]), End: p.time(f[11]),
		Duration: p.seconds(f[12]), Billed: p.seconds(f[13]), Disposition: f[14], AMAFlags: f[15],
		Uniqueid: f[16], UserField: f[17], PeerAccount: f[18], Linkedid: f[19], Sequence: f[20],
	}
	return c, p.err
}

func cel(f []string) (CEL, error) {
	var p fields
	c := CEL{
		Event: f[0], At: p.epoch(f[1]), CIDName: f[2], CIDNum: f[3], ANI: f[4], RDNIS: f[5], DNID: f[6],
		Exten: f[7], Context: f[8], Channel: f[9], App: f[10], AppData: f[11], AMAFlags: f[12], AccountCode: f[13],
		Uniqueid: f[14], Linkedid: f[15], Peer: f[16], UserField: f[17], UserDefType: f[18], Extra: f[19],
	}
	return c, p.err
}

// fields converts columns and keeps the first error.
type fields struct{ err error }

func (p *fields) keep(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *fields) time(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.DateTime, s)
	p.keep(err)
	return t
}

// epoch reads seconds since 1970 with three decimals.
func (p *fields) epoch(s string) time.Time {
	ms, err := strconv.ParseInt(strings.Replace(s, ".", "", 1), 10, 64)
	p.keep(err)
	return time.UnixMilli(ms).UTC()
}

func (p *fields) seconds(s string) time.Duration {
	n, err := strconv.Atoi(s)
	p.keep(err)
	return time.Duration(n) * time.Second
}

func parse[T any](r io.Reader, columns int, row func([]string) (T, error)) ([]T, error) {
	lines := csv.NewReader(r)
	lines.FieldsPerRecord = columns
	var rows []T
	for {
		f, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		one, err := row(f)
		if err != nil {
			n, _ := lines.FieldPos(0)
			return rows, fmt.Errorf("line %d: %w", n, err)
		}
		rows = append(rows, one)
	}
}

func readFile[T any](path string, parse func(io.Reader) ([]T, error)) ([]T, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
	}
	rows, err := parse(r)
	if err != nil {
		return rows, fmt.Errorf("read %s: %w", path, err)
	}
	return rows, nil
}

func ifWritten[T any](rows []T, err error) ([]T, error) {
	if os.IsNotExist(err) {
		return nil, nil
	}
	return rows, err
}
