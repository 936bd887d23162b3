package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"patchcord/crm"
	"patchcord/crm/auth"
)

const (
	// csrfHeader must be there, with any value, when a cookie is to count: a page
	// of another site cannot set it.
	csrfHeader = "X-Patchcord-CSRF"
	// The refresh cookie. Over https it has the prefix that binds it to this host;
	// over http (loopback) browsers refuse that prefix.
	secureCookie = "__Host-patchcord-refresh"
	plainCookie  = "patchcord-refresh"
)

// errWrongPassword: a login that was refused.
var errWrongPassword = errors.New("wrong user name or password")

type loginInput struct {
	Body struct {
		Username string `json:"username" minLength:"1" maxLength:"200"`
		Password string `json:"password" minLength:"1" maxLength:"1024"`
		Tenant   string `json:"tenant,omitempty" maxLength:"200" doc:"Absent: the default tenant"`
		Cookie   bool   `json:"cookie,omitempty" doc:"Give the refresh token as an HttpOnly cookie only; for pages of this site"`
	}
}

type refreshInput struct {
	SecureCookie string `cookie:"__Host-patchcord-refresh"`
	PlainCookie  string `cookie:"patchcord-refresh"`
	CSRF         string `header:"X-Patchcord-CSRF" doc:"Any value; needed when the refresh token is in a cookie"`
	// Authorization is for logging out without a refresh token.
	Authorization string `header:"Authorization" doc:"To log out without a refresh token: an access token of the login"`
	Body          *struct {
		RefreshToken string `json:"refresh_token,omitempty" maxLength:"200" doc:"Absent: the cookie"`
		Cookie       bool   `json:"cookie,omitempty" doc:"As at login; where the refresh token came from decides where the next goes"`
	}
}

type tokenOutput struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      tokenBody
}

type tokenBody struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty" doc:"Absent when it is in the cookie"`
	TokenType    string `json:"token_type" enum:"Bearer"`
	ExpiresIn    int    `json:"expires_in" doc:"Seconds"`
}

type logoutOutput struct {
	SetCookie     []http.Cookie `header:"Set-Cookie"`
	ClearSiteData string        `header:"Clear-Site-Data"`
}

func (a *API) registerLogin() {
	route(a, huma.Operation{OperationID: "login", Method: http.MethodPost, Path: "/v1/auth/login", Tags: []string{"login"},
		Summary:     "Log in",
		Description: "After five failures a minute for one account from one address the next attempt waits a minute, then two, up to 15; 30 failures a minute for one address, 20 for one account."}, a.login)
	route(a, huma.Operation{OperationID: "refresh", Method: http.MethodPost, Path: "/v1/auth/refresh", Tags: []string{"login"},
		Summary: "Exchange a refresh token for new tokens",
		Description: "A refresh token is good once; the same one gives the same successor for ten seconds, " +
			"and ends the login when it is used later."}, a.refresh)
	route(a, huma.Operation{OperationID: "logout", Method: http.MethodPost, Path: "/v1/auth/logout", Tags: []string{"login"},
		DefaultStatus: http.StatusNoContent, Summary: "End the login that a refresh token belongs to; without one, that of the access token"}, a.logout)
	route(a, huma.Operation{OperationID: "jwks", Method: http.MethodGet, Path: "/.well-known/jwks.json", Tags: []string{"login"},
		Summary: "The keys that verify access tokens"}, a.jwks)
}

func (a *API) login(ctx context.Context, c caller, in *loginInput) (*tokenOutput, error) {
	if in.Body.Cookie && !a.ownPage(c.client) {
		return nil, fmt.Errorf("login for a cookie: %w", errCSRF)
	}
	t, err := a.auth.Login(ctx, auth.Credentials{
		Tenant: in.Body.Tenant, Name: in.Body.Username, Password: crm.Secret(in.Body.Password), IP: c.ip})
	if errors.Is(err, crm.ErrUnauthenticated) {
		return nil, errWrongPassword
	}
	if err != nil {
		return nil, err
	}
	return tokenAnswer(c.client, t, in.Body.Cookie), nil
}

func (a *API) refresh(ctx context.Context, c caller, in *refreshInput) (*tokenOutput, error) {
	token, byCookie, err := a.refreshToken(c.client, in)
	if err != nil {
		return nil, err
	}
	t, err := a.auth.Refresh(ctx, token)
	if err != nil {
		return nil, err
	}
	return tokenAnswer(c.client, t, byCookie), nil
}

func (a *API) logout(ctx context.Context, c caller, in *refreshInput) (*logoutOutput, error) {
	token, byCookie, err := a.refreshToken(c.client, in)
	if errors.Is(err, crm.ErrUnauthenticated) {
		return &logoutOutput{}, a.endSession(ctx, in.Authorization)
	}
	if err != nil {
		return nil, err
	}
	if err := a.auth.Logout(ctx, token); err != nil {
		return nil, err
	}
	if !byCookie {
		return &logoutOutput{}, nil
	}
	return &logoutOutput{SetCookie: []http.Cookie{refreshCookie(c.client, "", time.Time{})}, ClearSiteData: `"storage"`}, nil
}

// endSession ends the login of an access token.
func (a *API) endSession(ctx context.Context, authorization string) error {
	token, ok := bearer(authorization)
	if !ok {
		return fmt.Errorf("no token: %w", crm.ErrUnauthenticated)
	}
	p, err := a.auth.Verify(ctx, token)
	if err != nil {
		return err
	}
	return a.auth.EndSession(ctx, p)
}

// refreshToken returns the token in the body, else the one in the cookie, which
// counts only when a page of this site sent it.
func (a *API) refreshToken(c client, in *refreshInput) (token crm.Secret, byCookie bool, err error) {
	if in.Body != nil && in.Body.RefreshToken != "" {
		return crm.Secret(in.Body.RefreshToken), false, nil
	}
	token = crm.Secret(in.PlainCookie)
	if c.secure {
		token = crm.Secret(in.SecureCookie)
	}
	if token == "" {
		return "", false, fmt.Errorf("no refresh token: %w", crm.ErrUnauthenticated)
	}
	if in.CSRF == "" || !a.ownPage(c) {
		return "", false, fmt.Errorf("refresh cookie: %w", errCSRF)
	}
	return token, true, nil
}

func tokenAnswer(c client, t auth.Tokens, byCookie bool) *tokenOutput {
	out := &tokenOutput{Body: tokenBody{AccessToken: string(t.Access), TokenType: "Bearer", ExpiresIn: int(t.ExpiresIn.Seconds())}}
	if byCookie {
		out.SetCookie = []http.Cookie{refreshCookie(c, string(t.Refresh), t.RefreshBy)}
	} else {
		out.Body.RefreshToken = string(t.Refresh)
	}
	return out
}

// refreshCookie returns the cookie that holds token until then; no token deletes it.
func refreshCookie(c client, token string, until time.Time) http.Cookie {
	k := http.Cookie{Name: plainCookie, Path: "/v1/auth", Value: token, Expires: until, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if c.secure {
		k.Name, k.Path, k.Secure = secureCookie, "/", true
	}
	if token == "" {
		k.MaxAge = -1
	}
	return k
}

type jwksOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         auth.JWKSet
}

func (a *API) jwks(ctx context.Context, _ caller, _ *struct{}) (*jwksOutput, error) {
	set, err := a.auth.JWKS(ctx)
	if err != nil {
		return nil, err
	}
	return &jwksOutput{CacheControl: "public, max-age=60", Body: set}, nil
}
