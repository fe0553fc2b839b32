package main

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// lines are the lines of the files that findings are about, as far as they can be read again.
type lines struct {
	stdin *bytes.Buffer
	files map[string][]string
}

// keepStdin keeps what is read from standard input from now on.
func (p *program) keepStdin() *lines {
	l := &lines{stdin: &bytes.Buffer{}, files: map[string][]string{}}
	p.stdin = io.TeeReader(p.stdin, l.stdin)
	return l
}

// of returns the lines of a file; none of one inside an archive.
func (l *lines) of(file string) []string {
	if read, ok := l.files[file]; ok {
		return read
	}
	data := l.stdin.Bytes()
	if file != "-" {
		data, _ = os.ReadFile(file) // that it cannot be read was said
	}
	var read []string
	if len(data) > 0 {
		read = strings.Split(string(data), "\n")
	}
	l.files[file] = read
	return read
}

// longLine is the length of a line in which no column is looked for: JSON may be one line, and a search for
// each finding would take forever.
const longLine = 4096

// columns sets the column of each finding: that of its value in its line, or else that of the first
// character.
func (l *lines) columns(findings finding.Findings) {
	for i := range findings {
		f := &findings[i]
		for _, at := range []*finding.Origin{&f.Origin, &f.Related} {
			read := l.of(at.File)
			if at.Line == 0 || at.Line > len(read) {
				continue
			}
			line := read[at.Line-1]
			if len(line) > longLine {
				continue
			}
			begin := len(line) - len(strings.TrimLeft(line, " \t"))
			if place := strings.Index(line, f.Value); f.Value != "" && place >= 0 && at == &f.Origin {
				begin = place
			}
			at.Column = utf8.RuneCountInString(line[:begin]) + 1
		}
	}
}

// A comment asks for one finding to be left out.
type comment struct {
	origin       finding.Origin // of the comment
	line         int            // that it is about
	code, reason string
	used         bool
	refusal      bool // what it would leave out refuses the input
}

var ignoreComment = regexp.MustCompile(`#\s*pullroute:ignore\b[ \t]*(\S*)[ \t]*([^\r]*)`)

// comments returns the comments of a file. One that has a line for itself is about the next line with
// anything else.
func (l *lines) comments(file string) []*comment {
	var all []*comment
	read := l.of(file)
	for i, line := range read {
		at := ignoreComment.FindStringSubmatchIndex(line)
		if at == nil {
			continue
		}
		c := &comment{line: i + 1, code: line[at[2]:at[3]], reason: strings.TrimSpace(line[at[4]:at[5]]),
			origin: finding.Origin{File: file, Line: i + 1}}
		for alone := i; alone+1 < len(read) && isComment(read[alone]); alone++ {
			c.line = alone + 2
		}
		all = append(all, c)
	}
	return all
}

func isComment(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '#'
}

// heed leaves out the findings that comments in the files ask for, and adds a finding for each comment
// that leaves nothing out.
func (l *lines) heed(findings finding.Findings, files, platforms []string) finding.Findings {
	for _, f := range findings {
		files = append(files, f.Origin.File) // those of trees too
	}
	slices.Sort(files)
	var all []*comment
	by := map[finding.Origin][]*comment{} // by file and line
	for _, file := range slices.Compact(files) {
		for _, c := range l.comments(file) {
			all = append(all, c)
			at := finding.Origin{File: file, Line: c.line}
			by[at] = append(by[at], c)
		}
	}
	findings = slices.DeleteFunc(findings, func(f finding.Finding) (leaveOut bool) {
		for _, c := range by[finding.Origin{File: f.Origin.File, Line: f.Origin.Line}] {
			switch {
			case c.code != string(f.Code) || c.reason == "":
			case f.Refused():
				c.refusal = true
			default:
				c.used, leaveOut = true, true
			}
		}
		return leaveOut
	})
	for _, c := range all {
		if message := c.unused(platforms); message != "" {
			findings = append(findings, finding.Finding{Code: codeUnusedIgnore, Severity: finding.SeverityWarning,
				Origin: c.origin, Value: c.code, Message: message})
		}
	}
	return findings
}

// unused says why a comment leaves nothing out, and nothing of one that does, or is about nodes that
// were not looked at.
func (c *comment) unused(platforms []string) string {
	of, known := rules()[c.code]
	switch {
	case c.used:
		return ""
	case !known:
		return "is no finding code; a comment is written # pullroute:ignore CODE REASON" + didYouMean(c.code, allCodes())
	case c.reason == "":
		return "is not left out, because no reason stands behind it; write # pullroute:ignore " + c.code + " REASON"
	case c.refusal:
		return "refuses the input here, which no comment changes; mend it, and remove the comment"
	case of.platform != "" && !slices.ContainsFunc(platforms,
		func(p string) bool { return concerns(of.platform, finding.Platform(p)) }):
		return ""
	}
	return "leaves nothing out: no such finding is about this line; remove the comment"
}
