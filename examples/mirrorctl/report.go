package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// report prints findings, those of one object together, each with the line that it is about; of those that
// say the same of several values one, and which the others are. The text of a line is not printed: it
// may hold a secret.
func (p *program) report(findings finding.Findings) {
	group := ""
	for _, said := range sayTheSame(findings) {
		f := said.Finding
		origin := f.Origin.Shown()
		head := origin.Object
		if origin.Wrapper != "" {
			head += " in " + origin.Wrapper
		}
		if head == "" {
			head = origin.File
		} else if origin.File != "" {
			head += " in " + origin.File
			if origin.Document > 1 {
				head += fmt.Sprintf(" (document %d)", origin.Document)
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
		place := ""
		if origin.File != "" && origin.Line > 0 {
			place = fmt.Sprintf(" (%s:%d)", origin.File, origin.Line)
		}
		io.WriteString(p.stderr, indent)
		p.stderr.severity(f.Severity)
		fmt.Fprintf(p.stderr, ": %s%s\n", f.Detail(), place)
		if len(said.of) > 0 {
			fmt.Fprintf(p.stderr, "%s  likewise %s\n", indent, few(said.of, ", "))
		}
	}
}

// A same is a finding, and the other values that an object has the same to be said of.
type same struct {
	finding.Finding
	of []string
}

// sayTheSame puts findings together that differ in nothing but the value and where it stands. Errors
// stand for themselves: each is to be mended.
func sayTheSame(findings finding.Findings) (all []same) {
	at := map[finding.Finding]int{}
	for _, f := range findings {
		key := f
		key.Origin.Field, key.Origin.Line, key.Origin.Column, key.Value = "", 0, 0, ""
		i, ok := at[key]
		if !ok || f.Severity == finding.SeverityError || f.Value == "" {
			at[key] = len(all)
			all = append(all, same{Finding: f})
			continue
		}
		if value := `"` + f.Shown().Value + `"`; f.Value != all[i].Value && !slices.Contains(all[i].of, value) {
			all[i].of = append(all[i].of, value)
		}
	}
	return all
}

// fail prints an error; of several that were joined, each.
func (p *program) fail(err error) {
	if many, ok := err.(interface{ Unwrap() []error }); ok && errors.Join(many.Unwrap()...).Error() == err.Error() {
		for _, err := range many.Unwrap() {
			p.fail(err)
		}
		return
	}
	if refused, bare := err.(*finding.RefusedError); bare {
		p.report(refused.Findings)
		return
	}
	fmt.Fprintf(p.stderr, "%s: %s\n", p.command.CommandPath(), shown.Text(input.ErrorText(err)))
}

// refuse says why nothing was answered: as findings in the document where JSON was asked for.
func (p *program) refuse(err error) {
	if !p.asksJSON() || p.stdout.used {
		p.fail(err)
		return
	}
	document := struct {
		Refused  bool             `json:"refused"`
		Findings finding.Findings `json:"findings"`
	}{true, reasonsOf(err)}
	if err := p.encode(document); err != nil {
		p.fail(err)
	}
}

// asksJSON reports whether the command was asked for JSON.
func (p *program) asksJSON() bool {
	out := p.command.Flags().Lookup("output")
	return out != nil && out.Value.String() == "json"
}

// reasonsOf returns what an error says as findings.
func reasonsOf(err error) finding.Findings {
	if found := refusals(err); found != nil {
		return found
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all finding.Findings
		for _, err := range many.Unwrap() {
			if err != errRefusedInput {
				all = append(all, reasonsOf(err)...)
			}
		}
		return all.Sort()
	}
	f := finding.Finding{
		Code: finding.CodeUnreadable, Severity: finding.SeverityError, RefusedBy: finding.Reader,
		Message: shown.Text(input.ErrorText(err)),
	}
	if file := new(fs.PathError); errors.As(err, &file) {
		f.Origin.File, f.Message = input.PathText(file.Path), "cannot be read: "+shown.Text(file.Err.Error())
	}
	return finding.Findings{f}
}

// output is standard output or standard error. Whatever is printed goes through it, and it lets no
// character through that a terminal acts on, except line ends and tabs, and no user information.
type output struct {
	to   io.Writer
	held []byte // a word that may go on
	used bool
	// terminal is set where somebody reads, colour where NO_COLOR is not set too.
	terminal, colour bool
}

// newOutput returns the output that goes to a writer.
func newOutput(to io.Writer) *output {
	terminal := isTerminal(to)
	wanted := os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if runtime.GOOS == "windows" { // its older console prints the codes
		wanted = wanted && os.Getenv("WT_SESSION")+os.Getenv("TERM") != ""
	}
	return &output{to: to, terminal: terminal, colour: terminal && wanted}
}

// isTerminal reports whether a reader or writer is a terminal, so that somebody may answer or read. The
// null device is a character device too.
func isTerminal(of any) bool {
	f, ok := of.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// colours are those of severities on a terminal: red, yellow and blue.
var colours = map[finding.Severity]string{
	finding.SeverityError: "\x1b[31m", finding.SeverityWarning: "\x1b[33m", finding.SeverityInfo: "\x1b[34m",
}

// severity prints a severity, on a terminal in its colour.
func (o *output) severity(s finding.Severity) {
	o.paint(colours[s])
	io.WriteString(o, string(s))
	o.paint("\x1b[0m")
}

// paint sends a terminal what it acts on. Nothing else does.
func (o *output) paint(code string) {
	if o.colour {
		o.Flush()
		io.WriteString(o.to, code)
	}
}

// Write prints all but the last word, if it may go on.
func (o *output) Write(text []byte) (int, error) {
	o.held, o.used = append(o.held, text...), true
	end := bytes.LastIndexAny(o.held, " \t\n") + 1
	_, err := io.WriteString(o.to, eachLine(string(o.held[:end]), shown.Text))
	o.held = append(o.held[:0], o.held[end:]...)
	return len(text), err
}

// Flush prints what is held back.
func (o *output) Flush() {
	io.WriteString(o.to, eachLine(string(o.held), shown.Text))
	o.held = nil
}

// result prints a text that is made to be used, with whatever is in its values.
func (o *output) result(text []byte) error {
	o.Flush()
	_, err := io.WriteString(o.to, eachLine(string(text), shown.Escape))
	return err
}

// eachLine applies f to what stands between line ends and tabs.
func eachLine(text string, f func(string) string) string {
	var b strings.Builder
	b.Grow(len(text))
	for text != "" {
		end := strings.IndexAny(text, "\t\n")
		if end < 0 {
			return b.String() + f(text)
		}
		b.WriteString(f(text[:end]))
		b.WriteByte(text[end])
		text = text[end+1:]
	}
	return b.String()
}

var quotedText = regexp.MustCompile(`"(?:[^"\\]|\\.)*@(?:[^"\\]|\\.)*"`)

// withoutUserInfo returns a file of TOML as it may be printed.
func withoutUserInfo(text []byte) []byte {
	if bytes.IndexByte(text, '@') < 0 {
		return text // the usual case; the expression takes longer than rendering
	}
	return quotedText.ReplaceAllFunc(text, func(quoted []byte) []byte {
		return []byte(`"` + shown.Value(string(quoted[1:len(quoted)-1])) + `"`)
	})
}

// encode prints one JSON document.
func (p *program) encode(v any) error {
	e := json.NewEncoder(p.stdout)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
