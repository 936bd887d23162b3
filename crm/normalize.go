package crm

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// E164 returns the number in E.164 form, with a leading +. The region (ISO 3166, "GB")
// is where a number without a country code is dialled; "" takes only numbers that begin
// with + or 00. What is private, an extension or a short code matches nobody outside,
// and gives false.
func E164(number, region string) (Number, bool) {
	s := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r == '+':
			return r
		case strings.ContainsRune(" -./()\u00a0", r):
			return -1
		}
		return '!'
	}, number)
	if strings.Contains(s, "!") || strings.LastIndexByte(s, '+') > 0 || len(s) < minE164 {
		return "", false
	}
	if rest, ok := strings.CutPrefix(s, "00"); ok && region == "" {
		s = "+" + rest
	}
	if region == "" && !strings.HasPrefix(s, "+") {
		return "", false
	}
	var whole Number // of full length, though not known to be in use
	for _, candidate := range withCountryCode(s, region) {
		if candidate == string(whole) {
			break // it was read so already
		}
		p, err := phonenumbers.Parse(candidate, strings.ToUpper(region))
		if err != nil {
			continue
		}
		if phonenumbers.IsValidNumber(p) {
			return Number(phonenumbers.Format(p, phonenumbers.E164)), true
		}
		if whole == "" && isWhole(p, candidate != s, region) {
			whole = Number(phonenumbers.Format(p, phonenumbers.E164))
		}
	}
	return whole, whole != ""
}

// IsRegion reports whether the numbering plans know the two letters as a country.
func IsRegion(s string) bool { return phonenumbers.GetCountryCodeForRegion(s) != 0 }

// isWhole reports whether a number that the tables of numbering plans do not know
// is one to be matched all the same: new ranges are in use before the tables have
// them. It has the length of a number of its country, and when its country code was
// only guessed that is the region's own: what else is dialled may be internal.
func isWhole(p *phonenumbers.PhoneNumber, guessed bool, region string) bool {
	if p.GetNationalNumber() < 1e7 || phonenumbers.IsPossibleNumberWithReason(p) != phonenumbers.IS_POSSIBLE {
		return false
	}
	return !guessed || int(p.GetCountryCode()) == phonenumbers.GetCountryCodeForRegion(strings.ToUpper(region))
}

// minE164 is fewer digits than any public number has: extensions and short codes are shorter.
const minE164 = 7

// withCountryCode returns the ways to read a number: as it is dialled in the region,
// and, because trunks deliver callers so, with the country code but without the +.
func withCountryCode(s, region string) []string {
	if region == "" || strings.HasPrefix(s, "+") || strings.HasPrefix(s, "0") {
		return []string{s}
	}
	return []string{s, "+" + s}
}
