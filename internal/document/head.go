package document

import (
	"bytes"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// head is how nearly every manifest begins: apiVersion and kind, as plain words on lines of their own, and
// then another field, a comment or nothing.
var head = regexp.MustCompile(`^(?:---[ \t]*\r?\n)?(?:[ \t]*(?:#[^\n]*|\r)?\n)*` +
	`(?:apiVersion: [A-Za-z][A-Za-z0-9./-]*\r?\nkind: ([A-Za-z]+)|kind: ([A-Za-z]+)\r?\napiVersion: [A-Za-z][A-Za-z0-9./-]*)` +
	`\r?(?:\n(?:[A-Za-z#]|$)|$)`)

// headKind returns the kind of the only object of a chunk of YAML where its first lines tell, and "" where they
// do not. Nothing that follows such a head can change the two fields.
func headKind(chunk []byte) string {
	m := head.FindSubmatch(chunk)
	if m == nil || hasOddLines(chunk) || mayRepeatKind(chunk) || bytes.Contains(chunk, []byte("\n...")) {
		return "" // behind "..." the next document may be of any kind
	}
	kind := string(m[1]) + string(m[2])
	if n := (&yaml.Node{Kind: yaml.ScalarNode, Value: kind}); n.ShortTag() != "!!str" { // true, null
		return ""
	}
	return kind
}

// hasOddLines reports whether a text has line ends that only YAML takes for such.
func hasOddLines(text []byte) bool {
	return bytes.Count(text, []byte("\r")) != bytes.Count(text, []byte("\r\n")) || bytes.Contains(text, []byte("\u0085")) ||
		bytes.Contains(text, []byte("\u2028")) || bytes.Contains(text, []byte("\u2029"))
}

// mayRepeatKind reports whether more than one line may be the key "kind" of the outermost mapping, however it is
// written: such a key starts its line.
func mayRepeatKind(chunk []byte) bool {
	found := 0
	for line := range bytes.Lines(chunk) {
		switch line[0] {
		case 'k':
			if bytes.HasPrefix(line, []byte("kind")) {
				found++
			}
		case '"', '\'', '?', '&', '!', '*', '{', '[':
			return true
		}
	}
	return found > 1
}
