package shown

import (
	"regexp"
	"strings"
)

// Mistake returns what a parser of YAML, JSON or TOML says of a text, without what it repeats of
// that text.
func Mistake(message string) string {
	for _, known := range []struct{ part, text string }{
		{"already exists", "the key or table already exists: it is written twice, or once as one kind of " +
			"value and once as another"},
		{"already defined", "the key is already defined"},
		{"should be a table", "the key already exists, and is no table"},
		{"unable to parse float", "a number that is none"},
		{"unknown anchor", "an alias (*) of an anchor (&) that is not there; put a text that begins with * in quotes"},
		{"value contains itself", "an anchor (&) whose value contains itself"},
	} {
		if strings.Contains(message, known.part) {
			return known.text
		}
	}
	message = codePoint.ReplaceAllString(message, "")
	message = invalidCharacter.ReplaceAllString(message, "an unexpected character")
	if quoted.MatchString(message) {
		return "it does not follow the grammar of the format"
	}
	return Text(message)
}

var (
	codePoint        = regexp.MustCompile(`(?: but got|:)? U\+[0-9A-F]{4,6}(?: '.')?`) // %#U, of go-toml
	invalidCharacter = regexp.MustCompile(`invalid character '(?:\\.[^']*|[^'\\]+)'`)  // of encoding/json
	quoted           = regexp.MustCompile("'[^']{8,}'|\"[^\"]{8,}\"|`")
)
