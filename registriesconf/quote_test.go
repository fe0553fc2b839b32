package registriesconf_test

import (
	"testing"

	"github.com/pullroute/pullroute/registriesconf"
	"github.com/stretchr/testify/require"
)

// Of several ways to escape a character, the one of the encoder that MCO uses (github.com/BurntSushi/toml v1.2.0).
func TestTextIsQuotedAsMCODoesIt(t *testing.T) {
	for text, want := range map[string]string{
		"plain":      `"plain"`,
		`"\`:         `"\"\\"`,
		"a\rb":       `"a\rb"`,
		"a\r\nb":     `"a\r\nb"`,
		"\b\t\n\f\r": `"\b\t\n\f\r"`,
		"\x00\x1b":   `"\u0000\u001b"`,
		"\x1f \x7e":  `"\u001f ~"`,
		"\x7f":       `"\u007f"`,
		"é\u0080\r":  "\"é\u0080\\r\"",
		"\ufeff":     "\"\ufeff\"",
	} {
		c := registriesconf.Config{ShortNameMode: text, Aliases: map[string]string{text: text}}
		name := want
		if text == "plain" {
			name = "plain"
		}
		require.Equal(t, "short-name-mode = "+want+"\n\n[aliases]\n  "+name+" = "+want+"\n", string(c.Bytes()))
	}
}

func TestAKeyIsBareOnlyWhereTOMLTakesItSo(t *testing.T) {
	for name, want := range map[string]string{
		"azAZ09-_": "azAZ09-_", "": `""`, "a.b": `"a.b"`, "a/b": `"a/b"`, "a b": `"a b"`, "é": `"é"`, "a@": `"a@"`, "a[": `"a["`,
		"a`": "\"a`\"", "a{": `"a{"`, "a:": `"a:"`,
	} {
		c := registriesconf.Config{Aliases: map[string]string{name: "x"}}
		require.Equal(t, "short-name-mode = \"\"\n\n[aliases]\n  "+want+" = \"x\"\n", string(c.Bytes()))
	}
}
