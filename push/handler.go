package push

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"patchcord/crm"
)

const (
	helloWithin   = 5 * time.Second
	welcomeWithin = 30 * time.Second // for the welcome and all that was missed
	maxMessage    = 16 << 10         // bytes from a client
	perSecond     = 20               // messages from a client, and as many at once
	maxPending    = 4096             // handshakes under way; beyond it 503
)

// HandlerConfig says who may come in.
type HandlerConfig struct {
	Tickets   tickets
	PublicURL string // its origin is allowed beside the request's own host
}

// Handler is the WebSocket endpoint. It must be reached without a middleware that
// hides http.Hijacker.
type Handler struct {
	hub      *Hub
	tickets  tickets
	public   string // scheme://host, lower case, "" when none
	upgrader websocket.Upgrader
	pending  chan struct{} // one element for each handshake under way
}

// NewHandler returns the endpoint for h.
func NewHandler(h *Hub, cfg HandlerConfig) *Handler {
	hd := &Handler{hub: h, tickets: cfg.Tickets, pending: make(chan struct{}, maxPending)}
	if u, err := url.Parse(cfg.PublicURL); err == nil && u.Host != "" {
		hd.public = strings.ToLower(u.Scheme + "://" + u.Host)
	}
	// Small buffers and a shared pool: most sockets are idle most of the time.
	hd.upgrader = websocket.Upgrader{
		HandshakeTimeout: helloWithin,
		ReadBufferSize:   512,
		WriteBufferSize:  1024,
		WriteBufferPool:  &sync.Pool{},
		CheckOrigin:      hd.originAllowed,
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			switch status {
			case http.StatusBadRequest:
				w.Header().Set("Upgrade", "websocket") // RFC 9110 section 15.5.22: what is wanted instead
				w.Header().Set("Connection", "Upgrade")
				w.Header().Set("Sec-WebSocket-Version", "13") // RFC 6455 section 4.4
				problem(w, http.StatusUpgradeRequired, reason.Error())
			case http.StatusForbidden:
				problem(w, status, "A page of another site may not open this socket; browsers must see patchcord at its public_url.")
			default:
				problem(w, status, reason.Error())
			}
		},
	}
	return hd
}

// originAllowed lets pages of our own host and of the public URL in, and what is
// no page. A missing Origin is harmless because a ticket, not a cookie, says who it is.
func (hd *Handler) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	return strings.EqualFold(u.Host, r.Host) || strings.ToLower(u.Scheme+"://"+u.Host) == hd.public
}

// ServeHTTP upgrades, welcomes and returns: the socket then has one goroutine of
// its own, and net/http's buffers are free again.
func (hd *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case hd.pending <- struct{}{}:
		defer func() { <-hd.pending }()
	default:
		w.Header().Set("Retry-After", "5")
		problem(w, http.StatusServiceUnavailable, "too many connections are being opened")
		return
	}
	conn, err := hd.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	conn.SetReadLimit(maxMessage)
	who, resume, err := hd.hello(r.Context(), conn, strings.ToLower(r.Header.Get("Origin")))
	if err != nil {
		refuse(conn, err)
		return
	}
	j, err := hd.hub.join(r.Context(), conn, who, resume)
	if err != nil {
		refuse(conn, err)
		return
	}
	if err := j.welcome(time.Now()); err != nil {
		hd.hub.leave(j.socket, whyEnded(err, errSlow))
		return
	}
	go j.socket.read()
}

// problem refuses an upgrade with an RFC 9457 problem document, as the API does.
func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct { // the client is gone; there is nobody to tell
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(status), status, detail})
}

// hello reads the first message and finds out who it is.
func (hd *Handler) hello(ctx context.Context, conn *websocket.Conn, origin string) (crm.Principal, string, error) {
	if err := conn.SetReadDeadline(time.Now().Add(helloWithin)); err != nil {
		return crm.Principal{}, "", errDone
	}
	kind, b, err := conn.ReadMessage()
	if err != nil {
		return crm.Principal{}, "", whyEnded(err, errNoHello)
	}
	if kind != websocket.TextMessage {
		return crm.Principal{}, "", errBad
	}
	var m clientMessage
	if err := json.Unmarshal(b, &m); err != nil || m.Op != "hello" || m.Ticket == "" {
		return crm.Principal{}, "", errNoHello
	}
	ctx, cancel := context.WithTimeout(ctx, helloWithin)
	defer cancel()
	who, err := hd.tickets.Redeem(ctx, m.Ticket, origin)
	if err != nil {
		return crm.Principal{}, "", err
	}
	if !mayListen(who.Role) {
		return crm.Principal{}, "", crm.ErrForbidden
	}
	return who, m.Resume, nil
}

// refuse closes a connection that no socket was made of.
func refuse(conn *websocket.Conn, why error) {
	defer conn.Close()
	sayClose(conn, why)
	for {
		if _, _, err := conn.NextReader(); err != nil {
			return
		}
	}
}

// clientMessage is everything a client may say.
type clientMessage struct {
	Op     string `json:"op"`
	Ticket string `json:"ticket"`
	Resume string `json:"resume"`
	Offer  string `json:"offer"`
}

// welcome writes the first message and what was missed, then lets the queue flow.
func (j joined) welcome(now time.Time) error {
	s := j.socket
	shown := s.hub.snapshot(s.who)
	first, err := j.encodeWelcome(shown, now)
	if err != nil {
		return err
	}
	if err := s.conn.SetWriteDeadline(now.Add(welcomeWithin)); err != nil {
		return err
	}
	if err := s.conn.WriteMessage(websocket.TextMessage, first); err != nil {
		return err
	}
	for _, m := range j.missed {
		if err := s.conn.WriteMessage(websocket.TextMessage, m.data); err != nil {
			return err
		}
		m.pop.wrote(s, Caught, time.Now())
	}
	s.hub.caught(s, shown.Calls, time.Now())
	s.conn.SetPongHandler(func(string) error { s.heard.Store(time.Now().UnixNano()); return nil })
	if err := errors.Join(s.conn.SetReadDeadline(time.Time{}), s.conn.SetWriteDeadline(time.Time{})); err != nil {
		return err
	}
	s.goLive(now)
	return nil
}

// read handles what the client says until the connection ends. It waits nearly all
// the time, and a stack that grew past 2 KiB stays so while it waits; so the work
// on a message is done on another goroutine's, and this one calls as little as it can.
func (s *socket) read() {
	for {
		kind, r, err := s.conn.NextReader()
		switch {
		case err != nil:
			err = errDone
		case kind != websocket.TextMessage:
			err = errBad
		default:
			err = elsewhere(s.hear, r)
		}
		if err != nil {
			s.hub.leave(s, err)
			return
		}
	}
}

// elsewhere calls f on a goroutine of its own and waits for it.
func elsewhere(f func(io.Reader) error, r io.Reader) error {
	done := make(chan error)
	go func() { done <- f(r) }()
	return <-done
}

// hear handles one message. An op that is not known is passed over, for clients
// newer than this; who says hello again would wait for a welcome that does not come.
func (s *socket) hear(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return errDone
	}
	now := time.Now()
	s.heard.Store(now.UnixNano())
	if !s.said.one(now) {
		return errRate
	}
	var m clientMessage
	if err := json.Unmarshal(b, &m); err != nil || m.Op == "hello" {
		return errBad
	}
	if m.Op == "ack" && m.Offer != "" {
		s.hub.ack(s.who, m.Offer, now)
	}
	return nil
}

// allowance counts what a client may say: perSecond a second, and as many at once.
type allowance struct {
	used float64
	at   time.Time
}

func (a *allowance) one(now time.Time) bool {
	a.used = max(0, a.used-now.Sub(a.at).Seconds()*perSecond) + 1
	a.at = now
	return a.used <= perSecond
}
