package routes

import (
	"fmt"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// UnderMCO returns a finding for each set of references that go another way on nodes whose
// registries.conf the Machine Config Operator writes, or one that it writes none. ours is the table
// of the same rules.
func UnderMCO(ours *resolve.LinuxTable, o resolve.Operator) finding.Findings {
	if f, fails := o.Fails(); fails {
		return finding.Findings{f}
	}
	return under(o, Diff(Linux(ours), Linux(o.Linux)))
}

// UnderWMCO is UnderMCO for nodes whose hosts.toml files the Windows Machine Config Operator writes.
func UnderWMCO(ours *resolve.ContainerdTable, o resolve.Operator) finding.Findings {
	return under(o, Diff(Containerd(ours), Containerd(o.Containerd)))
}

// under makes one finding of the changes of one pattern, and two where pulls by tag go otherwise than
// those by digest. Its value and the words before the kinds of pulls are the pattern.
func under(o resolve.Operator, changes []Change) finding.Findings {
	var list []operatorChange
	at := map[string]int{}
	for i := range changes {
		c := &changes[i]
		value, words := c.Pattern.valueAndWords()
		f, differs := o.Differs(value, c.Before, c.After)
		if !differs {
			continue
		}
		one := operatorChange{f, words, c.Kind, false, c.After.Image}
		way := words + value + "\n" + pulled(c.Before) + "\n" + pulled(c.After)
		if i, ok := at[way]; ok {
			list[i].and(one)
			continue
		}
		at[way] = len(list)
		list = append(list, one)
	}
	findings := make(finding.Findings, len(list))
	for i := range list {
		findings[i] = list[i].finding()
	}
	return findings.Sort()
}

// operatorChange is a change of one pattern, of one kind of pulls or of both.
type operatorChange struct {
	about finding.Finding
	words string // of the pattern
	kind  mirrorset.Pull
	both  bool
	image string // an example
}

// and joins the change of pulls by digest to that of pulls by tag, which comes first in a Diff and says
// more: where a tag is resolved.
func (c *operatorChange) and(digest operatorChange) {
	c.both = true
	if digest.about.Severity == finding.SeverityWarning {
		c.about.Severity = finding.SeverityWarning
	}
}

func (c *operatorChange) finding() finding.Finding {
	by := "by digest"
	switch {
	case c.both:
		by = "by tag and by digest"
	case c.kind == mirrorset.ByTag:
		by = "by tag"
	}
	f := c.about
	f.Message = fmt.Sprintf("%s%s, such as %s: %s", c.words, by, c.image, f.Message)
	return f
}

// valueAndWords splits the pattern into what a finding has as its value, which is one word, and what
// its message begins with.
func (p Pattern) valueAndWords() (value, words string) {
	value, short := strings.CutPrefix(p.String(), shortNames)
	if short {
		words = strings.TrimSpace(shortNames) + ", "
	}
	value, more, found := strings.Cut(value, " ")
	if found {
		words += more + ", "
	}
	return value, words
}

// pulled are the locations that an image is fetched from, whatever its reference.
func pulled(p resolve.Plan) string {
	var locations []string
	for _, a := range p.Pull {
		locations = append(locations, a.Location)
	}
	return strings.Join(locations, " ")
}
