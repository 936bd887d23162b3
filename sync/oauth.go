package crmsync

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Grant asks an OAuth 2.0 token endpoint for a token (RFC 6749, 5): a refusal is of class Auth, for a person must act.
func (c *Client) Grant(ctx context.Context, endpoint string, form url.Values) (Token, error) {
	a, err := c.Do(ctx, Request{
		Method: http.MethodPost, URL: endpoint, Reads: true,
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}, Body: []byte(form.Encode()),
	})
	if err != nil {
		return Token{}, err
	}
	var got struct {
		AccessToken string  `json:"access_token"`
		ExpiresIn   float64 `json:"expires_in"` // seconds; some write a fraction
		Refresh     string  `json:"refresh_token"`
		InstanceURL string  `json:"instance_url"`
		ClientURL   string  `json:"client_endpoint"`
		Error       string  `json:"error"`
		Status      string  `json:"status"`
		Description string  `json:"error_description"`
		Message     string  `json:"message"`
	}
	err = json.Unmarshal(a.Body, &got)
	switch {
	case a.Status < 300 && err == nil && got.AccessToken != "":
		return Token{
			Value: got.AccessToken, Refresh: got.Refresh, Life: time.Duration(got.ExpiresIn * float64(time.Second)),
			Base: strings.TrimSuffix(cmp.Or(got.InstanceURL, got.ClientURL), "/"),
		}, nil
	case a.Status >= 500 || a.Status == http.StatusTooManyRequests:
		return Token{}, a.Refusal(true, "token endpoint")
	case err != nil: // it is none
		p := a.Foreign(true)
		p.Reason = "no token: " + p.Reason
		return Token{}, p
	}
	reason := strings.TrimSuffix(cmp.Or(got.Error, got.Status, http.StatusText(a.Status))+": "+cmp.Or(got.Description, got.Message), ": ")
	return Token{}, &PushError{Class: Auth, Reason: "no token: " + Clip(reason, 200)}
}
