package clientlog

import (
	"encoding/binary"
	"iter"
	"strings"
	"unicode/utf16"
)

// decode returns a text in UTF-8, and whether it came in UTF-16: with a byte-order mark, or with a zero in
// nearly every second byte, as text has that PowerShell appended to a file.
func decode(text []byte) (decoded string, wide bool) {
	var order binary.ByteOrder
	for _, form := range []struct {
		begin string // a letter stands for any byte but zero
		order binary.ByteOrder
	}{{"\xff\xfe", binary.LittleEndian}, {"\xfe\xff", binary.BigEndian},
		{"a\x00a\x00", binary.LittleEndian}, {"\x00a\x00a", binary.BigEndian}} {
		if begins(text, form.begin) {
			order = form.order
			break
		}
	}
	if order == nil {
		return strings.TrimPrefix(string(text), "\ufeff"), false
	}
	units := make([]uint16, len(text)/2)
	for i := range units {
		units[i] = order.Uint16(text[2*i:])
	}
	return strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff"), true
}

// begins reports whether a text begins in a form.
func begins(text []byte, form string) bool {
	if len(text) < len(form) {
		return false
	}
	for i := range len(form) {
		if form[i] == 'a' && text[i] == 0 || form[i] != 'a' && form[i] != text[i] {
			return false
		}
	}
	return true
}

// record is a line, or several that are one message.
type record struct {
	line, lines int // the number of the first, and how many are not empty
	text        string
}

// records returns the lines of a text without what the journal puts before them; those that go on with a
// message are joined with its first line.
//
//   - containers-image separates the mirrors of its error by line ends (docker_image_src.go,
//     newImageSource): each goes on with "[".
//   - klog writes a value with line ends as KEY=< and ends it with a line ">" (textlogger, writeStringValue).
func records(text string) iter.Seq[record] {
	return func(yield func(record) bool) {
		var held record
		var parts []string
		var open continuation
		flush := func() bool {
			if held.lines == 0 {
				return true
			}
			held.text = strings.Join(parts, "\n")
			return yield(held)
		}
		number := 0
		for line := range strings.Lines(text) {
			number++
			line = strings.TrimRight(line, "\r\n\x00")
			if strings.TrimSpace(line) == "" {
				continue
			}
			line = withoutPrefix(line)
			if held.lines > 0 && open.takes(line) {
				held.lines++
				parts = append(parts, line)
				open.next(line)
				continue
			}
			if !flush() {
				return
			}
			held, parts, open = record{line: number, lines: 1}, []string{line}, continuation{}
			open.next(line)
		}
		flush()
	}
}

// continuation says whether the next line belongs to the message.
type continuation struct {
	mirrors bool // the list of mirrors is open
	block   bool // a value of klog is open
}

func (c *continuation) next(line string) {
	if i := strings.LastIndex(line, "also failed: ["); i >= 0 {
		c.mirrors, line = true, line[i:]
	}
	if strings.Contains(line, "]): ") {
		c.mirrors = false
	}
	switch trimmed := strings.TrimSpace(line); {
	case strings.HasSuffix(trimmed, "=<"):
		c.block = true
	case strings.HasPrefix(trimmed, ">") && c.block:
		c.block = false
	}
}

func (c *continuation) takes(line string) bool {
	return c.block || c.mirrors && strings.HasPrefix(strings.TrimSpace(line), "[")
}

// hasDrive reports whether a text speaks of a path as Windows has them.
func hasDrive(text string) bool {
	for i := 0; ; {
		j := strings.Index(text[i:], `:\`)
		if j < 0 {
			return false
		}
		i += j
		rest := strings.TrimLeft(text[i+1:min(len(text), i+10)], `\`) // each quote around a text doubles them
		if i > 0 && isLetter(text[i-1]) && (i == 1 || !isLetter(text[i-2])) && rest != "" && isLetter(rest[0]) {
			return true
		}
		i += 2
	}
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
