package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// report prints findings, those of one object together, each with the line that it is about.
func (p *program) report(findings finding.Findings) {
	files := map[string][]string{}
	group := ""
	for _, f := range findings {
		head := f.Origin.Object
		if head == "" {
			head = f.Origin.File
		} else if f.Origin.File != "" {
			head += " in " + f.Origin.File
			if f.Origin.Document > 1 {
				head += fmt.Sprintf(" (document %d)", f.Origin.Document)
			}
		}
		if head != group && head != "" {
			fmt.Fprintln(p.stderr, head)
		}
		group = head
		indent := ""
		if head != "" {
			indent = "  "
		}
		fmt.Fprintf(p.stderr, "%s%s: %s\n", indent, f.Severity, f.Detail())
		if line, ok := p.line(files, f.Origin); ok {
			fmt.Fprintf(p.stderr, "%s  %s:%d: %s\n", indent, f.Origin.File, f.Origin.Line, line)
		}
	}
}

// line returns the line of an input that a finding is about.
func (p *program) line(files map[string][]string, o finding.Origin) (string, bool) {
	if o.File == "" || o.Line == 0 {
		return "", false
	}
	lines, ok := files[o.File]
	if !ok {
		data := p.read.Bytes()
		if o.File != "-" {
			data, _ = os.ReadFile(o.File) // without its lines a finding is still good
		}
		if bytes.IndexByte(data, 0) < 0 {
			lines = strings.Split(string(data), "\n")
		}
		files[o.File] = lines
	}
	if o.Line > len(lines) {
		return "", false
	}
	line := strings.TrimSpace(lines[o.Line-1])
	if len(line) > 120 {
		line = strings.ToValidUTF8(line[:120], "") + "…"
	}
	return line, true
}
