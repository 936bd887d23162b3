package auth

import (
	"errors"
	"strings"
	"testing"

	"patchcord/crm"
)

const goodPassword = crm.Secret("a long enough one")

func TestHashPassword(t *testing.T) {
	phc, err := HashPassword(goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	if want := "$argon2id$v=19$m=19456,t=2,p=1$"; !strings.HasPrefix(phc, want) {
		t.Errorf("hash %q does not begin with %q", phc, want)
	}
	h, err := parseHash(phc)
	if err != nil {
		t.Fatal(err)
	}
	if !h.matches(goodPassword) {
		t.Error("the password does not match its hash")
	}
	if h.matches(goodPassword + "x") {
		t.Error("another password matches")
	}
	if again, _ := HashPassword(goodPassword); again == phc {
		t.Error("two hashes of one password are equal: no salt")
	}
}

func TestHashPasswordRefusesLengths(t *testing.T) {
	for name, pw := range map[string]string{
		"too short":                         "elevenchars",
		"too long":                          strings.Repeat("x", maxPassword+1),
		"characters are counted, not bytes": "äöüäöüäöüäö",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := HashPassword(crm.Secret(pw))
			var in *crm.InputError
			if !errors.As(err, &in) || in.Field != "password" {
				t.Errorf("got %v, want an InputError of field password", err)
			}
		})
	}
}

func TestParseHashRefuses(t *testing.T) {
	for name, phc := range map[string]string{
		"empty":              "",
		"bcrypt":             "$2a$10$abcdefghijklmnopqrstuv",
		"argon2i":            "$argon2i$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"another version":    "$argon2id$v=16$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"a gigabyte":         "$argon2id$v=19$m=1048576,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"no rounds":          "$argon2id$v=19$m=19456,t=0,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"no lanes":           "$argon2id$v=19$m=19456,t=2,p=0$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"a salt not base64":  "$argon2id$v=19$m=19456,t=2,p=1$!$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"a key not base64":   "$argon2id$v=19$m=19456,t=2,p=1$AAAA$!",
		"an empty key":       "$argon2id$v=19$m=19456,t=2,p=1$AAAA$",
		"parameters missing": "$argon2id$v=19$m=19456$AAAA$AAAA",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseHash(phc); err == nil {
				t.Error("accepted")
			}
		})
	}
}
