package crm

import "errors"

// Errors that callers branch on. Stores wrap them with what was being done.
var (
	// ErrNotFound: nothing has that id, or the asker may not know that it exists.
	ErrNotFound = errors.New("not found")
	// ErrConflict: it exists already, or was changed since it was read.
	ErrConflict = errors.New("conflict")
	// ErrForbidden: the principal's role does not allow it.
	ErrForbidden = errors.New("forbidden")
	// ErrUnauthenticated: nobody, or a token that no longer counts.
	ErrUnauthenticated = errors.New("unauthenticated")
	// ErrFenced: another daemon owns the PBX now; stop writing for it.
	ErrFenced = errors.New("fenced: the PBX has a newer owner")
	// ErrReused: a refresh token was used twice; its whole family is revoked.
	ErrReused = errors.New("refresh token reused")
	// ErrUnavailable: the store cannot be reached or written now; try again.
	ErrUnavailable = errors.New("store unavailable")
	// ErrRefused: the store answers, and will never take this, because of what it is.
	ErrRefused = errors.New("refused by the store")
	// ErrNewerSchema: the database was written by a newer patchcord.
	ErrNewerSchema = errors.New("the database has a newer schema than this patchcord knows")
)

// InputError is bad input. Its text is shown to whoever sent it, so it says what to do.
type InputError struct {
	Field string // the JSON field, parameter or key, "" when the whole input is bad
	Msg   string
}

// Error implements error.
func (e *InputError) Error() string {
	if e.Field == "" {
		return e.Msg
	}
	return e.Field + ": " + e.Msg
}
