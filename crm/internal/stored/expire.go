package stored

import (
	"strconv"

	"patchcord/crm"
)

// StripNotes returns a without notes and what was written beside the disposition.
func (a Added) StripNotes() Added {
	a.Notes = nil
	if a.Disposition != nil {
		d := *a.Disposition
		d.Note = ""
		a.Disposition = &d
	}
	return a
}

// HasNotes reports whether StripNotes would remove something.
func (a Added) HasNotes() bool {
	return len(a.Notes) > 0 || a.Disposition != nil && a.Disposition.Note != ""
}

// Expired returns the row of a call without what the class names; ok is false when it
// has none of that.
func Expired(tenant string, class crm.RetentionClass, record, added []byte) (row Row, ok bool, err error) {
	call, a, err := Decode(record, added)
	if err != nil {
		return Row{}, false, err
	}
	switch {
	case class == crm.KeepNotes && a.HasNotes():
		a = a.StripNotes()
	case class == crm.KeepRecordings && len(call.Recordings) > 0:
		call.Recordings = nil // decoded just now: nobody else has it
	default:
		return Row{}, false, nil
	}
	row, err = NewRow(tenant, call, a)
	return row, err == nil, err
}

// ParseMark reads the mark of a list that is in order of a number; "" is before the first.
func ParseMark(mark string) (int64, error) {
	if mark == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(mark, 10, 64)
	if err != nil {
		return 0, &crm.InputError{Field: "mark", Msg: "not a mark of this list: begin without one"}
	}
	return n, nil
}

// NextMark returns the mark after the n-th, "" when fewer were looked at than was asked for.
func NextMark(n int64, looked, limit int) string {
	if looked < limit {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
