package secrets

import (
	"fmt"
	"log/slog"
	"slices"
)

const redacted = "[redacted]"

// Value is the value of a secret. However it is printed, it does not show;
// Reveal is the one way to it.
type Value struct{ text string }

// NewValue wraps text.
func NewValue(text string) Value { return Value{text} }

// Reveal is the text itself, for a process's environment or a file of mode 0600.
func (v Value) Reveal() string { return v.text }

// Empty says whether there is no text.
func (v Value) Empty() bool { return v.text == "" }

// Format writes a placeholder whatever the verb.
func (v Value) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue is a placeholder.
func (v Value) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is a placeholder, in JSON too.
func (v Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Values are the secrets of one file by name.
type Values map[string]Value

// Names in order of the alphabet.
func (v Values) Names() []string {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
