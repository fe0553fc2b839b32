package document

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// headKind returns the kind of the only object of a chunk of YAML where its first lines tell, and
// "" where they do not. Nothing that follows such a head can change the two fields.
func headKind(chunk []byte) string {
	kind := head(chunk)
	if kind == "" || hasOddLines(chunk) || mayRepeatKind(chunk) {
		return ""
	}
	return textKind(kind)
}

// textKind returns a kind that YAML takes for a text, and "" for another value.
func textKind(kind string) string {
	if kind == "" || len(kind) > len("false") {
		return kind
	}
	if n := (&yaml.Node{Kind: yaml.ScalarNode, Value: kind}); n.ShortTag() != "!!str" { // true, null
		return ""
	}
	return kind
}

// head returns the kind where a chunk begins as nearly every manifest does: with apiVersion and
// kind, as plain words on lines of their own, and then another field, a comment or nothing.
func head(chunk []byte) string {
	first, second, ok := firstLines(chunk)
	if !ok {
		return ""
	}
	if bytes.HasPrefix(first, []byte("kind: ")) {
		first, second = second, first
	}
	version, hasVersion := bytes.CutPrefix(first, []byte("apiVersion: "))
	kind, hasKind := bytes.CutPrefix(second, []byte("kind: "))
	if !hasVersion || !hasKind || len(version) == 0 || !isLetter(version[0]) {
		return ""
	}
	inVersion := func(c byte) bool { return isLetter(c) || c >= '0' && c <= '9' || c == '.' || c == '/' || c == '-' }
	if !consistsOf(version, inVersion) || !consistsOf(kind, isLetter) {
		return ""
	}
	return string(kind)
}

func consistsOf(text []byte, is func(c byte) bool) bool {
	for _, c := range text {
		if !is(c) {
			return false
		}
	}
	return true
}

// firstLines returns the first two lines of a document that are no comment, where what follows them
// is a field, a comment or nothing.
func firstLines(chunk []byte) (first, second []byte, ok bool) {
	rest := chunk
	if after, found := bytes.CutPrefix(rest, []byte("---")); found {
		line, below, more := cutLine(after)
		if !more || len(bytes.Trim(line, " \t")) > 0 {
			return nil, nil, false
		}
		rest = below
	}
	first, rest, more := cutLine(rest)
	for more && isEmptyLine(first) {
		first, rest, more = cutLine(rest)
	}
	second, below, _ := cutLine(rest)
	if !more || len(below) > 0 && below[0] != '#' && !isLetter(below[0]) {
		return nil, nil, false
	}
	return first, second, true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// cutLine returns the first line of a text, without its end, and what is below. more reports
// whether the line had an end.
func cutLine(text []byte) (line, below []byte, more bool) {
	line, below, more = bytes.Cut(text, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), below, more
}

// isEmptyLine reports whether a line is blank or a comment.
func isEmptyLine(line []byte) bool {
	text := bytes.TrimLeft(line, " \t")
	return len(text) == 0 || text[0] == '#'
}

// hasOddLines reports whether a text has line ends that only YAML takes for such.
func hasOddLines(text []byte) bool {
	return bytes.Count(text, []byte("\r")) != bytes.Count(text, []byte("\r\n")) || bytes.Contains(text, []byte("\u0085")) ||
		bytes.Contains(text, []byte("\u2028")) || bytes.Contains(text, []byte("\u2029"))
}

// mayRepeatKind reports whether more than one line may be the key "kind" of an outermost mapping,
// however it is written: such a key starts its line, and behind "..." the next document may be of
// any kind.
func mayRepeatKind(chunk []byte) bool {
	var keys kindKeys
	for line := range bytes.Lines(chunk) {
		keys.add(line)
	}
	return keys.mayRepeat()
}

// kindKeys counts the lines that may be such a key.
type kindKeys struct {
	found int
	any   bool // a line that may be one, in another way of writing
}

func (k *kindKeys) mayRepeat() bool { return k.any || k.found > 1 }

// add looks at a text that begins with a line.
func (k *kindKeys) add(line []byte) {
	switch line[0] {
	case 'k':
		if bytes.HasPrefix(line, []byte("kind")) {
			k.found++
		}
	case '.':
		k.any = k.any || bytes.HasPrefix(line, []byte("..."))
	case '"', '\'', '?', '&', '!', '*', '{', '[':
		k.any = true
	}
}

// isASCII reports whether a text holds nothing but ASCII.
func isASCII(text []byte) bool {
	const high = 0x8080808080808080
	for len(text) >= 32 {
		if (binary.NativeEndian.Uint64(text)|binary.NativeEndian.Uint64(text[8:])|
			binary.NativeEndian.Uint64(text[16:])|binary.NativeEndian.Uint64(text[24:]))&high != 0 {
			return false
		}
		text = text[32:]
	}
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
