package document

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// PassedOver reports whether all documents of a text are passed over, without parsing any. Beside
// those that begin with a kind, o.PassOver is asked of mappings in the plainest of YAML that have
// no kind, as of those of the kind "": they are valid, and what they mean is for the caller to
// tell. PassedOver returns false where only parsing tells.
func PassedOver(text []byte, o Options) bool {
	ascii := isASCII(text)
	if o.PassOver == nil || bytes.IndexByte(text, 0) >= 0 ||
		!ascii && (!utf8.Valid(text) || bytes.Contains(text, []byte("\ufeff"))) {
		return false
	}
	noOddLines := ascii && bytes.IndexByte(text, '\r') < 0 // as with nearly all
	for len(text) > 0 {
		chunk, keys, ok := firstChunk(text)
		if !ok {
			return false
		}
		text = text[len(chunk):]
		kind := ""
		if !keys.mayRepeat() && (noOddLines || !hasOddLines(chunk)) {
			kind = textKind(head(chunk))
		}
		if kind == "" && !isSimple(chunk) || !o.PassOver(kind, chunk) {
			return false
		}
	}
	return true
}

// firstChunk returns a text up to the line that separates the next document from it. A separator in
// the first line is part of the chunk. ok is false where a line before may be a directive. What
// there is to know of each line is looked for in one walk through those that are not indented.
func firstChunk(text []byte) (chunk []byte, keys kindKeys, ok bool) {
	for at := 0; at < len(text); at = nextOutermost(text, at) {
		switch line := text[at:]; {
		case line[0] == '%':
			return nil, keys, false
		case line[0] == '-' && at > 0 && isSeparator(line):
			return text[:at], keys, true
		default:
			keys.add(line)
		}
	}
	return text, keys, true
}

// nextOutermost returns where the next line behind a place begins that does not begin with a blank;
// the length of the text where there is none. Most lines of a manifest are indented, and finding
// the end of each by itself takes twice as long.
func nextOutermost(text []byte, at int) int {
	const each, ends = 0x0101010101010101, 0x0a0a0a0a0a0a0a0a
	for ; at+8 < len(text); at += 8 {
		x := binary.LittleEndian.Uint64(text[at:]) ^ ends
		// A bit is set for each line end; there may be one too many above the first, which begins no
		// line behind a line end.
		for found := (x - each) &^ x & (each << 7); found != 0; found &= found - 1 {
			i := at + bits.TrailingZeros64(found)/8
			if text[i] == '\n' && text[i+1] != ' ' {
				return i + 1
			}
		}
	}
	for ; at+1 < len(text); at++ {
		if text[at] == '\n' && text[at+1] != ' ' {
			return at + 1
		}
	}
	return len(text)
}

// maxSimpleDepth bounds the nesting of simple YAML, and maxSimpleKey its keys; the parser takes
// longer ones.
const maxSimpleDepth, maxSimpleKey = 100, 100

// isSimple reports whether a chunk is empty, or a mapping in the plainest of YAML, such as the
// values of most Helm charts: a key and a value of one word, of a few words, or in quotes on each
// line, lists, and texts in blocks. Neither apiVersion nor kind is a key of the mapping. The parser
// has no fault to find with such a chunk, so it need not be asked.
func isSimple(chunk []byte) bool {
	var s simple
	rest, found := bytes.CutPrefix(chunk, []byte("---\n"))
	if !found && bytes.HasPrefix(chunk, []byte("---")) {
		return false
	}
	for len(rest) > 0 {
		line := rest
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			line, rest = rest[:end], rest[end+1:]
		} else {
			rest = nil
		}
		if !s.line(line) {
			return false
		}
	}
	return true
}

// simple is how far a chunk of simple YAML was read.
type simple struct {
	open    []collection // from the outermost to that of the last line
	pending bool         // the last key has no value yet
	block   bool         // a text in a block goes on
	within  int          // the column that a text in a block is deeper than
	column  int          // of the first line of that text; 0 before it
}

// collection is a mapping or a list, and the column that its keys or dashes stand in.
type collection struct {
	column int
	list   bool
}

// line reads a line, and reports whether it is simple.
func (s *simple) line(line []byte) bool {
	if !isPrintable(line) {
		return false
	}
	column := 0
	for column < len(line) && line[column] == ' ' {
		column++
	}
	text := line[column:]
	if s.block {
		if inside, ok := s.inBlock(text, column); inside {
			return ok
		}
		s.block = false
	}
	if len(text) == 0 || text[0] == '#' {
		return true
	}
	for {
		item, isItem := bytes.CutPrefix(text, []byte("- "))
		if !s.place(column, isItem) {
			return false
		}
		if !isItem {
			return s.field(text, column)
		}
		if text, column = item, column+2; !isKey(text) && !bytes.HasPrefix(text, []byte("- ")) {
			return isValue(text)
		}
		s.pending = true // the item is what follows
	}
}

// isPrintable reports whether a text consists of the signs of ASCII that are seen, and blanks.
func isPrintable(text []byte) bool {
	const each = 0x0101010101010101
	for len(text) >= 8 {
		x := binary.LittleEndian.Uint64(text)
		below := x - each*' ' // borrows into the high bit of a byte below the blank
		above := x + each*1   // carries into that of 0x7f
		if (below|above|x)&(each<<7) != 0 {
			return false
		}
		text = text[8:]
	}
	for _, c := range text {
		if c-' ' > '~'-' ' {
			return false
		}
	}
	return true
}

// inBlock reports whether a line belongs to the block scalar above it, and whether it is simple there.
func (s *simple) inBlock(text []byte, column int) (inside, ok bool) {
	switch {
	case len(text) == 0:
		return true, s.column > 0 || column == 0
	case column > s.within:
		if s.column == 0 {
			s.column = column
		}
		return true, column >= s.column
	}
	return false, false
}

// place finds the collection that a key or a dash in a column belongs to.
func (s *simple) place(column int, list bool) bool {
	for len(s.open) > 0 && s.open[len(s.open)-1].column > column {
		s.open, s.pending = s.open[:len(s.open)-1], false
	}
	pending := s.pending
	s.pending = false
	if len(s.open) == 0 {
		s.open = append(s.open, collection{column, list})
		return column == 0 && !list
	}
	last := s.open[len(s.open)-1]
	switch {
	case last.column == column && last.list == list:
		return true
	case last.column == column && list: // a list in the column of its key
		if !pending {
			return false
		}
	case last.column == column:
		s.open = s.open[:len(s.open)-1]
		return len(s.open) > 0 && s.open[len(s.open)-1] == collection{column, false}
	case !pending:
		return false // a text that goes on
	}
	s.open = append(s.open, collection{column, list})
	return len(s.open) <= maxSimpleDepth
}

// field reads a key and what follows it.
func (s *simple) field(text []byte, column int) bool {
	if !isKey(text) {
		return false
	}
	end := bytes.IndexByte(text, ':')
	key, value := text[:end], text[end+1:]
	if column == 0 && (string(key) == "kind" || string(key) == "apiVersion") {
		return false
	}
	value = bytes.Trim(value, " ")
	switch string(value) {
	case "":
		s.pending = true
		return true
	case "|", "|-", ">", ">-":
		s.block, s.within, s.column = true, column, 0
		return true
	}
	return isValue(value)
}

func isWord(c byte) bool { return signs[c]&inWord != 0 }

// signs says where a byte may stand in simple YAML.
var signs = func() (signs [256]uint8) {
	for i := range signs {
		if c := byte(i); isLetter(c) || c >= '0' && c <= '9' || c == '_' {
			signs[i] = inWord | inKey | inValue
		}
	}
	for _, c := range []byte("-./") {
		signs[c] |= inKey
	}
	for _, c := range []byte(" -./+=@,") {
		signs[c] |= inValue
	}
	return signs
}()

const (
	inWord  = 1 << iota
	inKey   // behind its first byte
	inValue // behind its first byte
)

// isKey reports whether a text begins with a word, a colon, and a space or the end.
func isKey(text []byte) bool {
	for i, c := range text[:min(len(text), maxSimpleKey)] {
		if c == ':' {
			return i > 0 && (i == len(text)-1 || text[i+1] == ' ')
		}
		if !isWord(c) && (i == 0 || signs[c]&inKey == 0) {
			return false
		}
	}
	return false
}

// isValue reports whether a text is one value on a line: words without any sign that YAML has a use
// for, a text in quotes without an escape, or an empty collection.
func isValue(text []byte) bool {
	text = bytes.TrimRight(text, " ")
	if string(text) == "{}" || string(text) == "[]" {
		return true
	}
	if len(text) > 1 && (text[0] == '"' || text[0] == '\'') {
		quote := text[0]
		inside := text[1 : len(text)-1]
		return text[len(text)-1] == quote && bytes.IndexByte(inside, quote) < 0 && bytes.IndexByte(inside, '\\') < 0
	}
	for i, c := range text {
		switch {
		case isWord(c), i > 0 && signs[c]&inValue != 0:
		case c == ':' && i > 0 && i < len(text)-1 && text[i+1] != ' ':
		default:
			return false
		}
	}
	return len(text) > 0
}
