package document

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
	err   error  // what ended the stream
}

func newSplitter(r io.Reader, limit int) *splitter {
	rest, buffer := size(r), 64<<10
	if rest > 0 {
		buffer = min(buffer, rest+1) // most manifests are small, and many are read at once
	}
	s := &splitter{r: bufio.NewReaderSize(r, buffer), limit: limit, rest: rest, line: 1}
	mark, _ := s.r.Peek(2)
	switch string(mark) {
	case "\xff\xfe":
		s.recode(binary.LittleEndian)
	case "\xfe\xff":
		s.recode(binary.BigEndian)
	}
	return s
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
	return fmt.Errorf("a document of more than %d MiB is not read; split it with \"---\" lines or into "+
		"several files", s.limit>>20)
}

// next returns the next chunk and the 1-based line that it starts at; the separator line is part of
// the chunk below it. It returns io.EOF after the last chunk.
func (s *splitter) next() (chunk []byte, start int, err error) {
	start = s.line
	if s.held != nil {
		chunk, s.held = s.held, nil
		start--
	}
	content, directive := false, false
	for s.err == nil {
		begin := len(chunk)
		chunk, s.err = s.readLine(chunk)
		line := chunk[begin:]
		if len(line) == 0 {
			break
		}
		s.line++
		if isSeparator(line) && (begin > 0 || content) && !(directive && !content) {
			s.held = bytes.Clone(line)
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

// append adds to a chunk. One that holds a good part of the input is most likely all of it: where
// the size of the input is known, the chunk does not move again. That saves a third of the time of
// reading a long List, and its text is in memory once.
func (s *splitter) append(chunk, part []byte) []byte {
	if more := len(part); len(chunk)+more > cap(chunk) {
		if len(chunk) >= s.rest/4 {
			more = max(more, min(s.rest, s.limit)+1)
		}
		chunk = slices.Grow(chunk, more)
	}
	s.rest -= len(part)
	return append(chunk, part...)
}

// size returns how many bytes a stream has, 0 where it cannot say so.
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

// isSeparator reports whether line is "---", alone or followed by white space and more.
func isSeparator(line []byte) bool {
	line = bytes.TrimPrefix(line, []byte("\ufeff"))
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	return ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0)
}
