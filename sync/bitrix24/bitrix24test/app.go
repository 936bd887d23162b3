package bitrix24test

import (
	"fmt"
	"net/http"
)

// The app that is installed in the portal.
const (
	ClientID, ClientSecret = "local.5c4032a5b4dd80", "p4Cks0duN5n2"
)

// app is where the chain of tokens of the app has come to.
type app struct {
	access, refresh string
	renewed         int
	movedTo         string // host of the portal now; "" for where it always was
}

// Authorize is what a person does in the portal: it begins a new chain, and returns its refresh token. The old one ends.
func (s *Server) Authorize() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next()
	return s.app.refresh
}

// Move gives the portal another host. The old one leads there from then on.
func (s *Server) Move(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.app.movedTo = host
}

// Renewals returns how many tokens were given out.
func (s *Server) Renewals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.app.renewed
}

func (s *Server) next() {
	s.app.renewed++
	s.app.access, s.app.refresh = fmt.Sprint("access", s.app.renewed), fmt.Sprint("refresh", s.app.renewed)
}

// renew is oauth.bitrix.info: a refresh token counts once, and the access token that came with it ends with it.
func (s *Server) renew(w http.ResponseWriter, r *http.Request) {
	host := s.app.movedTo
	if host == "" {
		host = r.Host
	}
	switch {
	case r.FormValue("grant_type") != "refresh_token":
		write(w, http.StatusBadRequest, fault{"invalid_request", ""})
	case r.FormValue("client_id") != ClientID || r.FormValue("client_secret") != ClientSecret:
		write(w, http.StatusBadRequest, fault{"invalid_client", ""})
	case r.FormValue("refresh_token") != s.app.refresh:
		write(w, http.StatusBadRequest, fault{"invalid_grant", ""})
	default:
		s.next()
		write(w, http.StatusOK, map[string]any{
			"access_token": s.app.access, "refresh_token": s.app.refresh, "expires_in": 3600, "client_endpoint": "http://" + host + "/rest/",
			"server_endpoint": "https://oauth.bitrix.info/rest/", "domain": "oauth.bitrix.info", "member_id": "a223c6b3710f85df", "scope": "crm", "status": "L",
		})
	}
}
