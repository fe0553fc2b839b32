package hoststoml_test

import (
	"testing"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/stretchr/testify/require"
)

// The escapes of TOML 1.0, the short one where there is one that every version of containerd knows.
func TestTextIsQuotedOneWay(t *testing.T) {
	for text, want := range map[string]string{
		`plain`:    `"plain"`,
		"\"":       `"\""`,
		"\\":       `"\\"`,
		"a\rb":     `"a\rb"`,
		"a\nb":     `"a\nb"`,
		"a\r\nb":   `"a\r\nb"`,
		"\t":       `"\t"`,
		"\x00":     `"\u0000"`,
		"\x1b":     `"\u001B"`,
		"\x1f":     `"\u001F"`,
		" ~":       `" ~"`,
		"\x7f":     `"\u007F"`,
		"é\u0080":  "\"é\u0080\"",
		"\xff":     "\"\ufffd\"",
		"it's":     `"it's"`,
		"\ufeffa":  "\"\ufeffa\"",
		"\u2028\r": "\"\u2028\\r\"",
	} {
		f := hoststoml.File{Server: "https://s.io", Settings: hoststoml.Settings{CA: []string{text}}, Hosts: []hoststoml.Host{{URL: "m.io"}}}
		require.Equal(t, "server = \"https://s.io\"\nca = "+want+"\n\n[host.\"m.io\"]\n", string(f.Bytes()))
		f = hoststoml.File{Server: "https://s.io", Hosts: []hoststoml.Host{{URL: text}}}
		require.Equal(t, "server = \"https://s.io\"\n\n[host."+want+"]\n", string(f.Bytes()))
	}
}

func TestAKeyIsQuotedWhereTOMLWantsThat(t *testing.T) {
	for name, want := range map[string]string{"AZaz09-_": "AZaz09-_", "a.b": `"a.b"`, "": `""`, "é": `"é"`, "a/b": `"a/b"`, "a:": `"a:"`, "@": `"@"`, "[": `"["`, "`": "\"`\"", "{": `"{"`} {
		f := hoststoml.File{Settings: hoststoml.Settings{Header: hoststoml.Header{name: hoststoml.Secrets("x")}}}
		require.Contains(t, string(f.Bytes()), "[header]\n  "+want+" = \"x\"\n")
	}
}

func TestACommentIsOneLineOfTOMLForEachLine(t *testing.T) {
	for comment, want := range map[string]string{
		"a\tb \"c\" \\":   "# a\tb \"c\" \\\n",
		"a\rb":            "# a\ufffdb\n",
		"a\x7fb\x1b":      "# a\ufffdb\ufffd\n",
		"a\r\nb":          "# a\ufffd\n# b\n",
		"\n":              "#\n#\n",
		"a\xffb":          "# a\ufffdb\n",
		"a\nserver = 'b'": "# a\n# server = 'b'\n",
	} {
		f := hoststoml.File{Comment: comment, Server: "s.io", Hosts: []hoststoml.Host{{URL: "m.io"}}}
		require.Equal(t, want+"\nserver = \"s.io\"\n\n[host.\"m.io\"]\n", string(f.Bytes()))
	}
}
