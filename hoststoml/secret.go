package hoststoml

import (
	"fmt"
	"io"

	"github.com/pullroute/pullroute/internal/sealed"
	"github.com/pullroute/pullroute/internal/shown"
)

// A Secret is a text that is not shown: the value of a header, or a private key. Printing it with
// any verb, encoding it or logging it shows "[redacted]". In an unexported field, where package fmt
// calls no methods, it is printed as an address. What goes by reflection and calls no methods, such
// as the differences that tests print, finds it enciphered. Secrets of the same text are equal to
// [reflect.DeepEqual], not to ==. The zero value is empty.
type Secret struct {
	text sealed.Text
}

// NewSecret returns a text as a secret.
func NewSecret[T string | []byte](text T) Secret {
	if len(text) == 0 {
		return Secret{}
	}
	return Secret{sealed.New(text)}
}

// Secrets returns texts as secrets: the values of a header field.
func Secrets(texts ...string) []Secret {
	var secrets []Secret
	for _, text := range texts {
		secrets = append(secrets, NewSecret(text))
	}
	return secrets
}

// Reveal returns the text.
func (s Secret) Reveal() string { return s.text.Open() }

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.text.IsZero() }

// String returns "[redacted]", and "" where the secret is empty.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return shown.Redacted
}

// Format writes what String returns, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText returns what String does, for JSON, YAML, XML and package slog.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// GobEncode returns what String does.
func (s Secret) GobEncode() ([]byte, error) { return s.MarshalText() }
