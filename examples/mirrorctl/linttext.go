package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// fact is a finding, and the platforms that it was found on.
type fact struct {
	finding.Finding
	on []finding.Platform
}

// facts puts findings together that say one thing of both platforms. findings are sorted.
func facts(findings finding.Findings) []fact {
	type key struct {
		origin   finding.Origin
		code     finding.Code
		severity finding.Severity
		message  string // where each platform has its own to say
	}
	var all []fact
	at := map[key]int{}
	for _, f := range findings {
		k := key{f.Origin, f.Code, f.Severity, ""}
		k.origin.Column = 0 // that of the value, which may be another
		if f.Platform == "" || f.Code == codeRequiredImage || f.Code == codeNotMirrored {
			k.message = f.Message
		}
		i, ok := at[k]
		if !ok || slices.Contains(all[i].on, f.Platform) {
			at[k] = len(all)
			all = append(all, fact{f, []finding.Platform{f.Platform}})
			continue
		}
		all[i].on = append(all[i].on, f.Platform)
	}
	return foldNothing(all)
}

// foldNothing says in one finding that a file says nothing of pulls, and what it holds in the place.
func foldNothing(all []fact) []fact {
	nothing := map[string]int{}
	for i, f := range all {
		if f.Code == finding.CodeNothingRead {
			nothing[f.Origin.File] = i
		}
	}
	for _, f := range all {
		if i, ok := nothing[f.Origin.File]; ok && f.Code == finding.CodeUnrelatedKind {
			all[i].Message += "; " + f.Message
		}
	}
	return slices.DeleteFunc(all, func(f fact) bool {
		_, ok := nothing[f.Origin.File]
		return ok && f.Code == finding.CodeUnrelatedKind
	})
}

// alike are facts of one code, object, registry and set of platforms.
type alike struct {
	fact
	others []string // the values of those of them that are named, or their fields
	more   int      // how many others there are
}

// groups puts facts together that are alike, in the order of the first of each.
func groups(all []fact) []alike {
	type key struct {
		file, object, registry, says, platforms string
		code                                    finding.Code
		severity                                finding.Severity
		refused                                 bool
	}
	var list []alike
	at := map[key]int{}
	for _, f := range all {
		_, value, isURL := strings.Cut(f.Value, "://")
		if !isURL {
			value = f.Value
		}
		host, _, _ := strings.Cut(value, "/")
		k := key{f.Origin.File, f.Origin.Object, host, lead(&f.Finding), fmt.Sprint(f.on), f.Code, f.Severity, f.Refused()}
		i, ok := at[k]
		if !ok || f.Origin.Object == "" && f.Origin.Line == 0 {
			at[k] = len(list)
			list = append(list, alike{fact: f})
			continue
		}
		g := &list[i]
		g.more++
		if name := f.named(); len(g.others) < shownAlike-1 && name != g.named() && !slices.Contains(g.others, name) {
			g.others = append(g.others, name)
		}
	}
	return list
}

// named names what a fact is about: its value, or where it has none the field.
func (f *fact) named() string {
	if f.Value != "" {
		return `"` + f.Value + `"`
	}
	return f.Origin.Field
}

// lead returns what tells facts of one code apart: not-applied is said of many fields, an unknown field may be
// one of several that were meant, and another way under an operator is one of pulls by tag, by digest or both.
func lead(f *finding.Finding) string {
	switch f.Code {
	case finding.CodeUnknownField:
		return f.Message
	case finding.CodeNotApplied:
		words := strings.SplitN(f.Message, " ", 5)
		return strings.Join(words[:min(4, len(words))], " ")
	case finding.CodeMCODiffers, finding.CodeWMCODiffers:
		kinds, _, _ := strings.Cut(f.Message, ", such as ")
		return kinds
	}
	return ""
}

// shownAlike is how many values of facts that are alike are named.
const shownAlike = 3

// likewise names what the same holds for.
func (g *alike) likewise() string {
	if g.more == 0 {
		return ""
	}
	names := strings.Join(g.others, ", ")
	more := g.more - len(g.others)
	switch {
	case names == "":
		return fmt.Sprintf("; likewise %d more", more)
	case more == 0:
		return "; likewise " + names
	}
	return fmt.Sprintf("; likewise %s and %d more", names, more)
}

// refusedBy is what it means for pulls that somebody refuses an object; what a client refuses, and what
// was not read, says so itself.
var refusedBy = map[finding.Refuser]string{
	finding.APIServer:      "the cluster refuses the whole object: ",
	finding.MCO:            "MCO writes no registries.conf any more: ",
	finding.ClusterService: "the service refuses the image mirror: ",
}

// message is what a finding says in a line: what a refusal means, then the value, or the field, or the object, and
// what there is to say of it. Where both platforms were looked at, it says which of them it is about.
func (f *fact) message(both bool) string {
	text := f.Message
	if f.Value != "" {
		text = `"` + f.Value + `": ` + text
	} else if about := cmp.Or(f.Origin.Field, f.Origin.Object); about != "" {
		text = about + ": " + text
	}
	if on := f.on[0]; both && len(f.on) == 1 && on != "" && on != finding.Containerd && // that is what reads the file
		!strings.Contains(strings.ToLower(f.Message), string(on)) {
		text = on.Where() + ": " + text
	}
	text = refusedBy[f.RefusedBy] + text
	if f.Origin.Wrapper != "" {
		text += " (in " + f.Origin.Wrapper + ")"
	}
	return text
}

// capital is the name of a platform in a sentence.
func capital(platform string) string { return strings.ToUpper(platform[:1]) + platform[1:] }

// place is where an editor jumps to: file:line:column, as far as that is known, with ": " behind it.
func place(o finding.Origin) string {
	switch {
	case o.File == "":
		return ""
	case o.Line == 0:
		return o.File + ": "
	case o.Column == 0:
		return fmt.Sprintf("%s:%d: ", o.File, o.Line)
	}
	return fmt.Sprintf("%s:%d:%d: ", o.File, o.Line, o.Column)
}

// grouped returns what text shows, line by line: facts that are alike as one, or where all is set each.
func (c *linted) grouped(all bool) []alike {
	found := facts(c.findings)
	slices.SortStableFunc(found, func(a, b fact) int {
		return cmp.Or(cmp.Compare(a.Origin.File, b.Origin.File), cmp.Compare(a.Origin.Line, b.Origin.Line))
	})
	if !all {
		return groups(found)
	}
	list := make([]alike, len(found))
	for i, f := range found {
		list[i].fact = f
	}
	return list
}

// showLinted prints what lint has to say in one of its forms.
func (p *program) showLinted(c *linted, form string, all bool) error {
	switch form {
	case "json":
		return p.encode(struct {
			Refused    bool             `json:"refused,omitempty"`
			Platforms  []string         `json:"platforms,omitempty"`
			NotChecked []string         `json:"notChecked,omitempty"`
			Findings   finding.Findings `json:"findings"`
		}{c.unread || c.findings.Err() != nil, c.platforms, c.notChecked,
			append(finding.Findings{}, c.findings...)})
	case "sarif":
		return p.encode(c.sarif())
	case "junit":
		return c.junit(p.stdout)
	case "github":
		p.annotate(c, all)
	default:
		for _, g := range c.grouped(all) {
			p.showAlike(&g, len(c.platforms) > 1)
		}
	}
	fmt.Fprintln(p.stdout, c.closing())
	return nil
}

// showAlike prints facts that are alike in one line. Where somebody reads, only what happens stands in it,
// and why, what to do and which object it is stand under it.
func (p *program) showAlike(g *alike, both bool) {
	f := g.Finding.Shown()
	text, rest := g.message(both), []string(nil)
	if p.stdout.terminal {
		parts := strings.Split(text, "; ")
		text, rest = parts[0], parts[1:]
	}
	fmt.Fprint(p.stdout, place(f.Origin))
	p.stdout.severity(f.Severity)
	fmt.Fprintf(p.stdout, ": %s%s [%s]\n", text, g.likewise(), f.Code)
	if !p.stdout.terminal {
		return
	}
	for _, line := range append(rest, details(f)...) {
		fmt.Fprintf(p.stdout, "    %s\n", line)
	}
}

// details says of what a finding is, and who refuses it.
func details(f finding.Finding) (lines []string) {
	if f.Origin.Object != "" {
		lines = append(lines, f.Origin.String())
	}
	if f.Related != (finding.Origin{}) {
		lines = append(lines, "the other: "+place(f.Related)+f.Related.String())
	}
	if f.RefusedBy != "" && f.RefusedBy != finding.Reader {
		lines = append(lines, "refused by the "+string(f.RefusedBy))
	}
	return lines
}

// closing says how much was looked at, what was found, and what was not looked at.
func (c *linted) closing() string {
	counts := map[finding.Severity]int{}
	for _, f := range facts(c.findings) {
		counts[f.Severity]++
	}
	text := fmt.Sprintf("%s, %s: %s, %s", counted(c.files, "file"), counted(c.objects, "object"),
		counted(counts[finding.SeverityError], "error"), counted(counts[finding.SeverityWarning], "warning"))
	if n := counts[finding.SeverityInfo]; n > 0 {
		text += ", " + counted(n, "note")
	}
	if c.unread {
		text = "nothing was checked"
	}
	for _, name := range c.notChecked {
		text += fmt.Sprintf("; not checked: %s nodes (--platform %s)", capital(name), name)
	}
	return text
}
