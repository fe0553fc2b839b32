package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

func (p *program) copyPlan(args []string) error {
	fs := p.flags("copy-plan", "IMAGE...")
	files := inputFlag(fs, manifests)
	asJSON := jsonFlags(fs, "an array of the copies")
	var hosts texts
	fs.Var(&hosts, "host", "windows: a registry `HOST` that wildcard rules are to be expanded for; repeats")
	read := choiceFlags(fs)
	var lists texts
	fs.Var(&lists, "from", "a `FILE` of images, as lint --require-from takes them; repeats")
	images, err := parse(fs, args)
	switch {
	case err != nil:
		return err
	case len(images)+len(lists) == 0:
		return fmt.Errorf("%w: no image to copy", errUsage)
	}
	listed, ofLists, err := requireFrom(lists)
	if err != nil {
		return err
	}
	for _, image := range images {
		listed = append(listed, input.Image{Name: image})
	}
	_, rules, findings, err := p.readRules(*files, read)
	if err != nil {
		return err
	}
	findings = append(findings, ofLists...)
	linux, windows := resolve.NewLinuxTable(rules), resolve.NewContainerdTable(rules, hosts...)
	copies := []resolve.Copy{}
	for _, image := range listed {
		some, err := resolve.Copies(linux, windows, image.Name)
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
	if asJSON() {
		return p.encode(copies)
	}
	for _, c := range copies {
		for _, note := range c.Notes {
			fmt.Fprintf(p.stdout, "# %s\n", note)
		}
		fmt.Fprintf(p.stdout, "skopeo copy --all --preserve-digests %s %s\n", quote("docker://"+c.Source),
			quote("docker://"+c.Destination))
	}
	p.printForeignLayers(copies)
	return nil
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
		fmt.Fprintf(p.stdout, "# skopeo inspect --raw %s | tr -d '[:space:]' | grep -o '\"urls\":\\[[^]]*\\]'\n", quote("docker://"+source))
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
