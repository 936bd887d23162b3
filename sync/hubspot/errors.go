package hubspot

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	crmsync "patchcord/sync"
)

// fault is an error body, of a request and of a record of a batch alike; every member may be absent.
type fault struct {
	Category   string              `json:"category"`
	Message    string              `json:"message"`
	PolicyName string              `json:"policyName"`
	Context    map[string][]string `json:"context"`
	Errors     []struct {
		Code    string              `json:"code"`
		Message string              `json:"message"`
		In      string              `json:"in"`
		Context map[string][]string `json:"context"`
	} `json:"errors"`
}

func faultOf(body []byte) fault {
	var f fault
	_ = json.Unmarshal(body, &f) // no JSON, or members of other forms: what could be read
	return f
}

// about reports whether the fault names the record: which member holds its id differs.
func (f fault) about(id string) bool {
	for _, values := range f.Context {
		if slices.Contains(values, id) {
			return true
		}
	}
	return false
}

// text is everything that the fault says. It may quote the call, so nobody is shown it.
func (f fault) text() string {
	var b strings.Builder
	b.WriteString(f.Message)
	for _, e := range f.Errors {
		b.WriteString(" " + e.Code + " " + e.Message)
		for _, values := range e.Context {
			b.WriteString(" " + strings.Join(values, " "))
		}
	}
	return b.String()
}

// named finds what validation says: codes in capitals, and internal names of properties.
var (
	codes = regexp.MustCompile(`\b[A-Z]+(?:_[A-Z0-9]+)+\b`)
	names = regexp.MustCompile(`\b(?:hs|hubspot|pbx)_[a-z0-9_]+\b`)
)

// reason is what may be shown of it.
func (f fault) reason() string {
	found := append([]string{f.Category}, codes.FindAllString(f.text(), 3)...)
	found = append(found, names.FindAllString(f.text(), 3)...)
	var once []string
	for _, s := range found {
		if s != "" && !slices.Contains(once, s) {
			once = append(once, s)
		}
	}
	return strings.Join(once, " ")
}

// ownerGone reports whether the owner is what is wrong.
func (f fault) ownerGone() bool { return strings.Contains(f.text(), ownerField) }

// waits is how long a limit lasts, by the name of its policy, where no Retry-After says so ("Usage guidelines and limits").
// The day ends at midnight of the account's time zone, which we do not know: it is asked once an hour.
var waits = map[string]time.Duration{"DAILY": time.Hour, "TEN_SECONDLY_ROLLING": 10 * time.Second, "SECONDLY": time.Second}

// settingUp is about the account, never about one call.
var settingUp = []string{"PROPERTY_DOESNT_EXIST", "non-unique"}

// refusal says what a status of 300 and more means.
func refusal(a crmsync.Answer, reads bool) *crmsync.PushError {
	f := faultOf(a.Body)
	p := a.Refusal(reads, f.reason())
	switch a.Status {
	case http.StatusTooManyRequests:
		p.After = max(p.After, waits[strings.ToUpper(f.PolicyName)])
		if p.After == 0 && strings.Contains(f.Message, "secondly") {
			p.After = waits["SECONDLY"]
		}
		p.After = max(p.After, time.Second)
	case http.StatusLocked:
		p.Class, p.After = crmsync.Transient, 2*time.Second
	case 477: // the account is being moved
		p.Class, p.After = crmsync.Throttle, max(p.After, 10*time.Minute)
	case http.StatusForbidden:
		return p.SetUp("has the app every scope?")
	case http.StatusNotFound:
		return p.SetUp("is the address right, and api_version one that HubSpot has?")
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge:
		p.Class = crmsync.Split
		for _, s := range settingUp {
			if strings.Contains(f.text(), s) {
				return p.SetUp("have calls every property that is mapped, and has key_field unique values?")
			}
		}
	}
	return p
}
