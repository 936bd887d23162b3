package api

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"patchcord/crm"
)

// minDigits is how many digits a search for part of a number takes: fewer match
// half of all calls.
const minDigits = 4

// parseNumberFilter keeps the digits of what somebody typed, and a leading plus. A whole
// number as it is dialled in the region becomes one with a plus: so are numbers recorded.
func parseNumberFilter(s, region string) (string, error) {
	if s == "" {
		return "", nil
	}
	digits := digitsOf(s)
	if len(digits) < minDigits {
		return "", &crm.InputError{Field: "number", Msg: fmt.Sprintf("needs at least %d digits; for a phone of the house use extension", minDigits)}
	}
	if hasPlus(s) {
		if n, ok := crm.E164("+"+digits, region); ok {
			return string(n), nil // without the 0 of +44 (0)1632 960006
		}
		return "+" + digits, nil
	}
	if n, ok := crm.E164(digits, region); ok && digits[0] == '0' {
		return string(n), nil
	}
	return digits, nil
}

// hasPlus also takes a leading blank, which is what a plus in a query string
// becomes that was not percent-encoded.
func hasPlus(s string) bool {
	return strings.HasPrefix(s, " ") || strings.HasPrefix(strings.TrimSpace(s), "+")
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// e164 returns the number in E.164, or false for what no outside number can be:
// an extension, a short code, something cut off.
func (a *API) e164(s string) (crm.Number, bool) {
	if hasPlus(s) {
		s = "+" + strings.TrimLeft(s, " +")
	}
	return crm.E164(s, a.region)
}

// parseMinTalk reads milliseconds, or a duration with its unit.
func parseMinTalk(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if ms, bad := strconv.ParseInt(s, 10, 32); bad == nil {
		d, err = time.Duration(ms)*time.Millisecond, nil
	}
	if err != nil || d < 0 {
		return 0, &crm.InputError{Field: "min_talk", Msg: "must be milliseconds, or a duration like 90s"}
	}
	return d, nil
}
