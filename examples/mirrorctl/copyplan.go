package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
	"github.com/spf13/cobra"
)

func (p *program) copyPlan() *cobra.Command {
	c := &cobra.Command{Use: "copy-plan [IMAGE]...", Short: "print the skopeo commands that fill the mirrors",
		ValidArgsFunction: cobra.NoFileCompletions}
	files := inputFlag(c, manifests)
	out := formFlag(c, "an array of the copies")
	on := new(manyPlatforms)
	addFlag(c, on, "platform", "", "fill what these nodes ask: "+nodes+"; repeats; linux and windows where it is not "+
		"given", platforms)
	hosts := hostsFlag(c)
	read := choiceFlags(c)
	lists := imagesFlag(c)
	c.RunE = func(_ *cobra.Command, images []string) error {
		if len(images)+len(*lists) == 0 {
			return fmt.Errorf("%w: no image to copy", errUsage)
		}
		listed, findings, err := imagesOf(images, *lists)
		if err != nil {
			return err
		}
		_, rules, more, err := p.readRules(*files, read)
		if err != nil {
			return err
		}
		linux, containerd := tablesFor(rules, *on, *hosts)
		return p.printCopies(linux, containerd, listed, append(more, findings...), out.name == "json")
	}
	return c
}

// imagesOf returns the images named, and those of lists before them.
func imagesOf(named, lists []string) ([]input.Image, finding.Findings, error) {
	images, findings, err := requireFrom(lists)
	for _, name := range named {
		images = append(images, input.Image{Name: name})
	}
	return images, findings, err
}

// tablesFor returns the tables of the nodes that are to be filled for, nil for others. Of two platforms with
// containerd one will do: they ask the same locations.
func tablesFor(rules *mirrorset.Rules, on manyPlatforms, hosts []string) (linux *resolve.LinuxTable,
	containerd *resolve.ContainerdTable) {
	if len(on) == 0 {
		on = manyPlatforms{string(finding.Linux), string(finding.Windows)}
	}
	for _, name := range on {
		if p := finding.Platform(name); p.ReadsHosts() {
			containerd = resolve.NewContainerdTableFor(rules, resolve.ContainerdOptions{Platform: p, Named: hosts})
		} else {
			linux = resolve.NewLinuxTable(rules)
		}
	}
	return linux, containerd
}

func (p *program) printCopies(linux *resolve.LinuxTable, containerd *resolve.ContainerdTable, listed []input.Image,
	findings finding.Findings, asJSON bool) error {
	copies := []resolve.Copy{}
	for _, image := range listed {
		some, err := resolve.Copies(linux, containerd, image.Name)
		if err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		if len(some) == 0 {
			findings = append(findings, finding.Finding{
				Code: codeNotMirrored, Severity: finding.SeverityWarning, Value: image.Name,
				Message: "has no mirror that can be filled: no rule applies to it",
			})
		}
		findings = append(findings, misplaced(image, "", destinations(some))...)
		copies = append(copies, some...)
	}
	slices.SortFunc(copies, func(a, b resolve.Copy) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Destination, b.Destination))
	})
	copies = slices.CompactFunc(copies, func(a, b resolve.Copy) bool {
		return a.Source == b.Source && a.Destination == b.Destination
	})
	p.report(findings.Sort())
	if asJSON {
		return p.encode(copies)
	}
	for _, c := range copies {
		for _, note := range c.Notes {
			fmt.Fprintf(p.stdout, "# %s\n", note)
		}
		fmt.Fprintln(p.stdout, copyCommand(c))
	}
	p.printForeignLayers(copies)
	if containerd != nil {
		p.notedWay(containerd.Platform())
	}
	return nil
}

// copyCommand returns the line of shell that makes a copy.
func copyCommand(c resolve.Copy) string {
	return "skopeo copy --all --preserve-digests " + quote("docker://"+c.Source) + " " + quote("docker://"+c.Destination)
}

// destinations returns where copies go, as plans name locations.
func destinations(copies []resolve.Copy) []string {
	var all []string
	for _, c := range copies {
		if r, err := resolve.ParseReference(c.Destination); err == nil {
			all = append(all, location(r))
		}
	}
	return all
}

// printForeignLayers prints, as comments, how to look for layers that nodes fetch from elsewhere.
func (p *program) printForeignLayers(copies []resolve.Copy) {
	var sources []string
	for _, c := range copies {
		if c.ForeignLayers && !slices.Contains(sources, c.Source) {
			sources = append(sources, c.Source)
		}
	}
	if len(sources) == 0 {
		return
	}
	fmt.Fprintln(p.stdout, "# The urls of layers, if there are any; of an image for several platforms, "+
		"ask for each digest in it:")
	for _, source := range sources {
		fmt.Fprintf(p.stdout, "# skopeo inspect --raw %s | tr -d '[:space:]' | grep -o "+
			"'\"urls\":\\[[^]]*\\]'\n", quote("docker://"+source))
	}
}

var plain = regexp.MustCompile(`^[A-Za-z0-9@%+=:,./_-]+$`)

// quote makes a text one word of a shell command.
func quote(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
