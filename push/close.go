package push

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gorilla/websocket"

	"patchcord/crm"
)

// Why a socket is closed by the server.
var (
	errNoHello  = errors.New("no valid hello in time")
	errBad      = errors.New("not a message of this protocol")
	errSlow     = errors.New("too slow")
	errReplaced = errors.New("replaced by a newer connection")
	errRate     = errors.New("too many messages")
	errSilent   = errors.New("no answer to pings")
	errDone     = errors.New("closed by the client")
)

// restartError ends every socket when the daemon stops. Retry is when to come
// back, spread so that not everybody does at once.
type restartError struct{ retry time.Duration }

func (e restartError) Error() string {
	return fmt.Sprintf("restarting retry_ms=%d", e.retry.Milliseconds())
}

// restarting spreads n sockets over one to ten seconds, a millisecond for each.
func restarting(n int) restartError {
	span := min(max(time.Duration(n)*time.Millisecond, time.Second), 10*time.Second)
	return restartError{rand.N(span)}
}

// closeCode is the one place where a reason becomes a WebSocket close code:
//
//	1000  the client closed
//	1001  no answer to pings for a minute
//	1008  a message that is not of this protocol
//	1009  a message over 16 KiB (sent by the WebSocket library)
//	1012  the daemon restarts; the reason holds retry_ms=<when to come back>
//	1013  tickets cannot be checked now; try again
//	4001  no hello with a valid ticket within 5 s, or the login was revoked: log in again
//	4003  the role may not listen
//	4008  too slow: come back and resume
//	4009  replaced: the user opened more than 5 sockets, the oldest goes
//	4029  more than 20 messages a second
//
// The reason is fit to be sent: at most 123 bytes, without personal data.
func closeCode(err error) (code int, reason string) {
	var restart restartError
	switch {
	case errors.As(err, &restart):
		return websocket.CloseServiceRestart, restart.Error()
	case errors.Is(err, errNoHello):
		return 4001, errNoHello.Error()
	case errors.Is(err, crm.ErrUnauthenticated), errors.Is(err, crm.ErrNotFound):
		return 4001, crm.ErrUnauthenticated.Error()
	case errors.Is(err, crm.ErrForbidden):
		return 4003, crm.ErrForbidden.Error()
	case errors.Is(err, errSlow):
		return 4008, errSlow.Error()
	case errors.Is(err, errReplaced):
		return 4009, errReplaced.Error()
	case errors.Is(err, errRate):
		return 4029, errRate.Error()
	case errors.Is(err, errBad):
		return websocket.ClosePolicyViolation, errBad.Error()
	case errors.Is(err, errSilent):
		return websocket.CloseGoingAway, errSilent.Error()
	case errors.Is(err, errDone):
		return websocket.CloseNormalClosure, ""
	default:
		return websocket.CloseTryAgainLater, "try again"
	}
}
