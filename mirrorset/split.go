package mirrorset

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"unicode/utf16"
)

// splitter cuts a stream at its "---" lines, so that one document is held in memory at a time and a
// mistake in one does not hide the others. YAML allows no such line inside a document, not even in a
// quoted or literal text; JSON has no line that starts so.
type splitter struct {
	r     *bufio.Reader
	limit int
	rest  int    // bytes of the stream to come, where that is known
	line  int    // 1-based line that r stands at
	held  []byte // the separator line that ended the chunk before
	chunk []byte // memory for the next chunk
	err   error  // what ended the stream
}

func newSplitter(r io.Reader, limit int) *splitter {
	s := &splitter{r: bufio.NewReaderSize(r, 64<<10), limit: limit, rest: size(r), line: 1}
	mark, _ := s.r.Peek(2)
	switch string(mark) {
	case "\xff\xfe":
		s.recode(binary.LittleEndian)
	case "\xfe\xff":
		s.recode(binary.BigEndian)
	}
	return s
}

// size returns how many bytes a stream has, where it can say so.
func size(r io.Reader) int {
	switch r := r.(type) {
	case interface{ Len() int }:
		return r.Len()
	case *os.File:
		if info, err := r.Stat(); err == nil && info.Mode().IsRegular() {
			return int(info.Size())
		}
	}
	return 0
}

// recode replaces the stream by its text in UTF-8. PowerShell writes UTF-16 where output is redirected.
func (s *splitter) recode(order binary.ByteOrder) {
	data, err := io.ReadAll(io.LimitReader(s.r, int64(s.limit)+1))
	switch {
	case err != nil:
		s.err = err
		return
	case len(data) > s.limit:
		s.err = s.tooLarge()
		return
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, order.Uint16(data[i:]))
	}
	s.r = bufio.NewReader(bytes.NewReader([]byte(string(utf16.Decode(units)))))
}

func (s *splitter) tooLarge() error {
	return fmt.Errorf("a document of more than %d MiB is not read; split it with \"---\" lines or into several files", s.limit>>20)
}

// next returns the next chunk, which is valid until the following call, and the 1-based line that it starts
// at; the separator line is part of the chunk below it. It returns io.EOF after the last chunk.
func (s *splitter) next() (chunk []byte, start int, err error) {
	chunk, start = s.chunk[:0], s.line
	if len(s.held) > 0 {
		chunk, s.held = append(chunk, s.held...), s.held[:0]
		start--
	}
	defer func() {
		if s.chunk = chunk; cap(s.chunk) > 1<<20 {
			s.chunk = nil // few documents are as large
		}
	}()
	content, directive := false, false
	for s.err == nil {
		if content {
			chunk = s.readLines(chunk)
		}
		begin := len(chunk)
		chunk, s.err = s.readLine(chunk)
		line := chunk[begin:]
		if len(line) == 0 {
			break
		}
		s.line++
		if isSeparator(line) && (begin > 0 || content) && !(directive && !content) {
			s.held = append(s.held, line...)
			return chunk[:begin], start, nil
		}
		if content {
			continue
		}
		switch trimmed := bytes.TrimLeft(line, " \t\r\n\ufeff"); {
		case len(trimmed) == 0 || trimmed[0] == '#':
		case trimmed[0] == '%': // belongs to the document behind the next separator
			directive = true
		default:
			content = true
		}
	}
	if len(chunk) > 0 && errors.Is(s.err, io.EOF) {
		return chunk, start, nil
	}
	return nil, start, s.err
}

// readLine appends one line, its end included, to chunk.
func (s *splitter) readLine(chunk []byte) ([]byte, error) {
	for {
		part, err := s.r.ReadSlice('\n')
		chunk = s.append(chunk, part)
		if len(chunk) > s.limit {
			return chunk, s.tooLarge()
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return chunk, err
		}
	}
}

// readLines appends the lines that are at hand and that come before the next dashes. To take them together
// saves half the time of taking each.
func (s *splitter) readLines(chunk []byte) []byte {
	lines, _ := s.r.Peek(s.r.Buffered())
	if i := bytes.Index(lines, []byte("---")); i >= 0 {
		lines = lines[:i]
	}
	lines = lines[:bytes.LastIndexByte(lines, '\n')+1]
	if len(chunk)+len(lines) > s.limit {
		return chunk // readLine will say so
	}
	chunk = s.append(chunk, lines)
	s.line += newlines(lines)
	s.r.Discard(len(lines))
	return chunk
}

// append adds to a chunk. One that holds a good part of the input is most likely all of it: where the size of
// the input is known, the chunk does not move again.
func (s *splitter) append(chunk, part []byte) []byte {
	if more := len(chunk) + len(part); cap(chunk) < more {
		if len(chunk) >= s.rest/4 {
			more = max(more, min(s.rest, s.limit)+1)
		}
		chunk = slices.Grow(chunk, more)
	}
	s.rest -= len(part)
	return append(chunk, part...)
}

// isSeparator reports whether line is "---", alone or followed by white space and more.
func isSeparator(line []byte) bool {
	line = bytes.TrimPrefix(line, []byte("\ufeff"))
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	return ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0)
}
