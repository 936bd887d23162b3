package crmsync

import (
	"context"
	"regexp"
)

// WithKey puts a key in brackets behind a text, for CRMs that have no field for it.
func WithKey(text, key string) string {
	if text != "" {
		text += "\n\n"
	}
	return text + "[" + key + "]"
}

var (
	keyForm   = regexp.MustCompile(`^pc[0-9a-f]{32}$`)
	keyInText = regexp.MustCompile(`\[(pc[0-9a-f]{32})\](?:\s|<br */?>)*$`)
)

// KeyIn returns the key that WithKey put behind a text, "" without. What a CRM makes of the end of a line may follow it.
func KeyIn(text string) string {
	if m := keyInText.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// IsKey reports whether a text is what Key returns: then it needs no quoting in any query.
func IsKey(s string) bool { return keyForm.MatchString(s) }

// Each writes activities one after the other, for CRMs without batches.
func Each(ctx context.Context, list []Activity, write func(context.Context, Activity) error) []error {
	errs := make([]error, len(list))
	for i, a := range list {
		errs[i] = write(ctx, a)
	}
	return errs
}
