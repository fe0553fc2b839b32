// Package shown makes what was read from somebody's file fit to be shown: in a finding, a plan, a
// log or on a terminal. Two things do not get through. Secrets: the user information of URLs, and
// what stands where a name was expected and is none. And characters that a terminal or a log acts
// on: they come out as escapes.
package shown

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pullroute/pullroute/internal/pattern"
)

// Redacted stands where a text is left out.
const Redacted = "[redacted]"

// Value returns a single value that was read, a location, a reference, a name or a key, as it may
// be shown. Such a value is one word, of the characters that names are made of: it is returned as
// it is. Of anything else the first word is returned, if it is made of those, and the rest is left
// out: a value that a missing quote or a lost line has joined with what follows it in the file may
// hold anything. What stands before "@", other than that of a digest, and behind "?" or "#" is left
// out as well. Characters that do not print are escaped, as [Text] does.
func Value(s string) string {
	if plain(s) {
		return s
	}
	s = cutUserInfo(s)
	word, rest := s, ""
	if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 {
		word, rest = s[:i], s[i:]
	}
	word = cutQuery(word)
	if strings.ContainsFunc(strings.ReplaceAll(word, Redacted, ""), foreign) {
		word = Redacted
	}
	word = cutSecond(word)
	if !isReference(word) {
		word = cutTags(cutPassword(word))
	}
	if rest != "" && word != Redacted {
		_, size := utf8.DecodeRuneInString(rest)
		word += rest[:size]
		if strings.TrimSpace(rest) != "" {
			word += Redacted
		}
	}
	return Escape(word)
}

// Request is Value for the URL of a request of containerd: its parameter ns, which names the registry
// of the image, is kept.
func Request(url string) string {
	url, ns, found := strings.Cut(url, "?ns=")
	if url = Value(url); found {
		url += "?ns=" + Value(ns)
	}
	return url
}

// Location is Value for what stands where a registry host, a location or a scope was expected and
// is none, so that it may be anything: parts between slashes that no mistake makes of a name are
// left out too. NAME:WORD is not a name with a tag there, and may be what is left of
// NAME:PASSWORD@HOST.
func Location(s string) string {
	s = Value(s)
	if plain(s) && strings.ToLower(s) == s && len(s) < leastToken || strings.Contains(s, "@") {
		return s
	}
	rest, query, hasQuery := strings.Cut(s, "?")
	s = eachPart(rest, func(part string) string {
		name, word, found := strings.Cut(part, ":")
		switch {
		case part == Redacted, beginsWithIPv6(part): // left out already, or an address
		case unlikely(name):
			return Redacted
		case found && !isNumber(word) && (unlikely(word) ||
			!strings.Contains(name, ".") && strings.ToLower(word) != word):
			return name + ":" + Redacted
		}
		return part
	})
	if hasQuery {
		s += "?" + query
	}
	return cutPassword(s)
}

// Key is Value for a key or the name of an object, which may be a value that a mistake has put in the
// place of one: a part of it that is a token is left out. A UUID is a name that a program gave.
func Key(s string) string {
	s = Value(s)
	if len(s) < leastToken || strings.Contains(s, "@") {
		return s
	}
	return eachPart(s, func(part string) string {
		if isToken(part) && !uuid.MatchString(part) {
			return Redacted
		}
		return part
	})
}

// eachPart returns a text with what show returns for each part between slashes.
func eachPart(s string, show func(part string) string) string {
	for begin := 0; begin <= len(s); {
		part, _, _ := strings.Cut(s[begin:], "/")
		as := show(part)
		if as != part {
			s = s[:begin] + as + s[begin+len(part):]
		}
		begin += len(as) + len("/")
	}
	return s
}

var uuid = pattern.New(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// Path is Value for the name of a file that is not there. It may be a secret that was given in the
// place of the file that holds it, so a part that looks like one is left out. Capitals and digits
// stand in names of directories too: a part of less than twenty characters is none for having those.
func Path(s string) string {
	s = Value(s)
	if strings.Contains(s, "@") {
		return s
	}
	return eachPart(s, func(part string) string {
		switch name, word, found := strings.Cut(part, ":"); {
		case len(part) >= leastToken && unlikely(part):
			return Redacted
		case found && len(name) > 1 && !isNumber(word) && word != Redacted:
			return name + ":" + Redacted
		}
		return part
	})
}

// unlikely reports whether a part of a location looks like a password rather than like a name: by
// its characters, as a token, or as a long word without a dot in which capitals stand with digits,
// or in more than two places behind small letters.
func unlikely(part string) bool {
	if strings.ContainsAny(part, `%+~&()$`) || isToken(part) ||
		strings.LastIndexByte(part, '*') > 0 && strings.ToLower(part) != part { // a wildcard is in lower case
		return true
	}
	if len(part) < 10 || strings.Contains(part, ".") || strings.ToLower(part) == part || strings.ToUpper(part) == part {
		return false
	}
	humps := 0
	for i := range len(part) - 1 {
		if isLower(part[i]) && 'A' <= part[i+1] && part[i+1] <= 'Z' {
			humps++
		}
	}
	return humps > 2 || strings.ContainsAny(part, "0123456789")
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

// leastToken is the length of the shortest token: what a program made, and not a person.
const leastToken = 20

// isToken reports whether a part of a location looks like a token: hexadecimal digits, a UUID, the
// capitals and digits of a robot's password, a JWT. Letters and digits take turns in it, as they do
// in no word, or capitals and digits stand in a long one. Names that end in a hash, rendered-worker-0a1b…,
// and hosts in lower case are none.
func isToken(part string) bool {
	if len(part) < leastToken {
		return false
	}
	for label, rest, more := strings.Cut(part, "."); more || label != ""; label, rest, more = strings.Cut(rest, ".") {
		if len(label) >= leastToken && strings.ContainsAny(label, "0123456789") && strings.ToLower(label) != label {
			return true
		}
	}
	if turns(part) < 8 {
		return false
	}
	first, _, several := strings.Cut(part, "-")
	return strings.ToLower(part) != part ||
		!strings.Contains(part, ".") && !(several && strings.Trim(first, "abcdefghijklmnopqrstuvwxyz") == "")
}

// turns counts where a digit stands beside a letter.
func turns(part string) (n int) {
	for i := range len(part) - 1 {
		a, b := part[i], part[i+1]
		if isDigit(a) && isLetter(b) || isLetter(a) && isDigit(b) {
			n++
		}
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return isLower(c) || 'A' <= c && c <= 'Z' }

// Text returns a text that was put together, such as a message with values in it, as it may be
// shown: without the user information of what looks like a URL, or the beginning of one, or like
// USER:PASSWORD@HOST, and with every character that does not print, or that is no UTF-8, as an
// escape. Line ends and tabs are among those.
func Text(s string) string {
	if strings.Contains(s, "@") || containsFold(s, "%40") {
		s = eachWord(s, cutCredentials)
	}
	if strings.Contains(s, "://") {
		s = eachWord(s, func(word string) string {
			if !strings.Contains(word, "://") {
				return word
			}
			return cutSecond(cutPassword(word))
		})
	}
	return Escape(s)
}

// plain reports whether s is a value as nearly all are.
func plain(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '/', c == '_':
		default:
			return false
		}
	}
	return true
}

// foreign reports whether r stands in no name, reference or path.
func foreign(r rune) bool {
	switch {
	case strings.ContainsRune(`._-:/@*+~%\#?&[](),$`, r):
		return false
	case r == utf8.RuneError, unicode.IsLetter(r), unicode.IsMark(r), unicode.IsDigit(r):
		return false
	}
	return unicode.IsPrint(r) // what does not print is escaped
}

// cutUserInfo leaves out all that stands before the last "@" that does not begin a digest. Of a URL
// the scheme stays. NAME@ where NAME is in lower case and has a dot, but no colon, is a location
// and a digest gone wrong.
func cutUserInfo(s string) string {
	i := lastAt(s)
	if i < 0 || plain(strings.TrimPrefix(s[:i], "*")) && strings.Contains(s[:i], ".") &&
		strings.ToLower(s[:i]) == s[:i] {
		return s
	}
	before, after := "", s[i:]
	if !beginsWithHost(strings.TrimPrefix(after, "@")) { // a password has "@" in it, and what followed it is lost
		after = "@" + Redacted
	}
	if j := strings.Index(s[:i], "://"); j >= 0 && !strings.ContainsFunc(s[:j],
		func(r rune) bool { return !unicode.IsLetter(r) }) {
		before = s[:j+len("://")]
	}
	return before + Redacted + after
}

// beginsWithHost reports whether s begins with what is a host beyond doubt: one with a dot or a port.
func beginsWithHost(s string) bool {
	if end := strings.IndexFunc(s, func(r rune) bool { return r == '/' || r == '\\' || unicode.IsSpace(r) }); end >= 0 {
		s = s[:end]
	}
	host, port, hasPort := strings.Cut(s, ":")
	if strings.HasPrefix(host, "%40") || hasPort && !isNumber(port) {
		return false
	}
	return plain(host) && (strings.Contains(host, ".") || host == "localhost" || hasPort)
}

// cutCredentials is cutUserInfo for a word of a text, where it is user information beyond doubt:
// "team@m.io" is an address of mail.
func cutCredentials(word string) string {
	i := lastAt(word)
	if i < 0 || !strings.Contains(word[:i], ":") && !strings.Contains(word[:i], "//") &&
		!containsFold(word[:i], "%3a") {
		return word
	}
	if before, _, ok := strings.Cut(word, Redacted); ok && len(before)+len(Redacted) == i {
		return word // is left out already
	}
	return cutUserInfo(word)
}

// lastAt returns the index of the last "@", or "%40", that does not stand before a digest; -1 where
// there is none.
func lastAt(s string) int {
	for end := len(s); ; {
		i := strings.LastIndexByte(s[:end], '@')
		if j := strings.LastIndex(s[:end], "%40"); j > i {
			return j
		}
		if i < 0 || !isDigest(s[i+1:end]) {
			return i
		}
		end = i
	}
}

// isDigest reports whether s is, or begins like, a digest: the algorithms that clients know, or the
// grammar of any other.
func isDigest(s string) bool {
	algorithm, hex, found := strings.Cut(s, ":")
	if !found {
		return false
	}
	switch algorithm {
	case "sha256", "sha384", "sha512":
		return true
	}
	for i := range len(hex) {
		if c := hex[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(hex) >= 32
}

// cutQuery leaves out what stands behind "?", and behind the "#" of a URL, where answers of token
// servers have their tokens.
func cutQuery(s string) string {
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		return s[:i+1] + Redacted
	}
	return s
}

// cutSecond leaves out what stands behind the second "//": another URL, which a lost line end has
// joined with the first.
func cutSecond(s string) string {
	if first := strings.Index(s, "//"); first >= 0 {
		if second := strings.Index(s[first+2:], "//"); second >= 0 {
			return s[:first+2+second+2] + Redacted
		}
	}
	return s
}

// cutPassword leaves out WORD of NAME:WORD, where WORD is no port, and NAME is no host with a dot
// and no drive, or has a scheme before it.
func cutPassword(s string) string {
	scheme, rest := "", s
	if i := strings.Index(s, "://"); i >= 0 {
		scheme, rest = s[:i+len("://")], s[i+len("://"):]
	}
	authority, path, hasPath := strings.Cut(rest, "/")
	name, word, found := strings.Cut(authority, ":")
	if strings.Contains(word, ":") && strings.Trim(authority, "0123456789abcdefABCDEF:") == "" { // an IPv6 address
		return s
	}
	if !found || len(name) == 1 || strings.HasPrefix(word, Redacted) ||
		scheme == "" && strings.Contains(name, ".") || name == "localhost" || isNumber(word) ||
		beginsWithIPv6(authority) || strings.Contains(authority, "@") {
		return s
	}
	if s = scheme + name + ":" + Redacted; hasPath {
		s += "/" + path
	}
	return s
}

// beginsWithIPv6 reports whether s is an IPv6 address in brackets, or begins with one, or is the
// beginning of one.
func beginsWithIPv6(s string) bool {
	address, bracket := strings.CutPrefix(s, "[")
	address, _, _ = strings.Cut(address, "]")
	return bracket && strings.Trim(address, "0123456789abcdefABCDEF:.") == ""
}

// cutTags leaves out what stands in the place of a tag behind a slash and is none.
func cutTags(s string) string {
	parts := strings.Split(s, "/")
	for i, part := range parts {
		name, digest := part, ""
		if at := strings.IndexByte(part, '@'); at >= 0 {
			name, digest = part[:at], part[at:]
		}
		name, tag, found := strings.Cut(name, ":")
		if i > 0 && parts[i-1] != "" && found && tag != Redacted && !isTag(tag) {
			parts[i] = name + ":" + Redacted + digest
		}
	}
	return strings.Join(parts, "/")
}

func isNumber(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// isReference reports whether s is a reference without a registry, NAME:TAG, or one with a digest.
func isReference(s string) bool {
	name, digest, found := strings.Cut(s, "@")
	if found && !isDigest(digest) {
		return false
	}
	name, tag, _ := strings.Cut(name, ":")
	return name != "" && plain(name) && strings.ToLower(name) == name && isTag(tag)
}

// isTag reports whether s is a tag, or empty.
func isTag(s string) bool {
	return plain(s) && !strings.Contains(s, "/") && len(s) <= 128
}

// eachWord applies f to what stands between white space and quotes.
func eachWord(s string, f func(string) string) string {
	separates := func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("\"'`<>", r) }
	var b strings.Builder
	for s != "" {
		end := strings.IndexFunc(s, separates)
		if end < 0 {
			end = len(s)
		}
		word := strings.TrimRight(s[:end], `\`) // those of \" in a text of JSON belong to the quote
		b.WriteString(f(word) + s[len(word):end])
		_, size := utf8.DecodeRuneInString(s[end:])
		b.WriteString(s[end : end+size])
		s = s[end+size:]
	}
	return b.String()
}

// Escape returns a text with what does not print as \n, \r, \t, \u001b or \U000e0001, and bytes
// that are no UTF-8 as \xff. Secrets stay in it.
func Escape(s string) string {
	if printableASCII(s) {
		return s
	}
	if !strings.ContainsFunc(s, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// printableASCII reports whether s is as most texts are.
func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// containsFold reports whether s has a text that begins with "%", in any case.
func containsFold(s, lower string) bool {
	if strings.IndexByte(s, '%') < 0 { // most have none, and need no copy in lower case
		return false
	}
	return strings.Contains(s, lower) || strings.Contains(strings.ToLower(s), lower)
}
