package crm

import "log/slog"

// Number is a telephone number. It prints in full where a person asked for it
// (JSON, pages) and masked in logs.
type Number string

// LogValue implements slog.LogValuer: only the last two digits are shown.
func (n Number) LogValue() slog.Value { return slog.StringValue(n.Masked()) }

// Masked returns the number with all but its last two characters hidden.
func (n Number) Masked() string {
	if len(n) <= 4 {
		return "••"
	}
	return "••••" + string(n[len(n)-2:])
}

// Secret is a password, token or key. It never prints.
type Secret string

// String implements fmt.Stringer.
func (Secret) String() string { return "[secret]" }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return "[secret]" }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalText implements encoding.TextMarshaler, so that no encoder writes it.
func (Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }
