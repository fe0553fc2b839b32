package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
)

// showImpact prints the verdict first, then what changes, each with what it costs, and why the verdict
// is what it is.
func (p *program) showImpact(impact registriesconf.NodeImpact, all bool) {
	label, text, _ := strings.Cut(impact.Verdict(), ": ")
	colour := "\x1b[32m"
	if impact.Drain || impact.Reboot || impact.Rollout != nil {
		colour = colours[finding.SeverityWarning]
	}
	p.stdout.paint(colour)
	p.stdout.result([]byte(strings.ToUpper(label)))
	p.stdout.paint("\x1b[0m")
	fmt.Fprintf(p.stdout, "   %s\n", text)
	for _, policy := range impact.Policies {
		fmt.Fprintf(p.stdout, "  %s\n", policy)
	}
	lines := changeLines(impact, all)
	width := 0
	for _, l := range lines {
		width = max(width, min(len(l.text), 80))
	}
	for _, l := range lines {
		fmt.Fprintln(p.stdout, strings.TrimRight(fmt.Sprintf("  %-*s  %s", width, l.text, l.cost), " "))
	}
	p.showDifferences("because", impact.Reasons, all)
	var noted []registriesconf.Difference
	for _, c := range impact.Differences {
		added := c.Code == registriesconf.RegistryAdded || c.Code == registriesconf.MirrorAdded ||
			c.Code == registriesconf.SearchAdded
		if !added && !c.Drains && impact.Rollout == nil {
			noted = append(noted, c)
		}
	}
	p.showDifferences("to note", noted, all)
}

// showDifferences prints what there is to say of changes, once for all of a kind.
func (p *program) showDifferences(label string, changes []registriesconf.Difference, all bool) {
	type kind struct {
		registriesconf.Difference
		others []string
	}
	var kinds []kind
	for _, c := range changes {
		i := slices.IndexFunc(kinds, func(k kind) bool { return k.Code == c.Code && k.File == c.File && !all })
		if i < 0 {
			kinds = append(kinds, kind{Difference: c})
			continue
		}
		kinds[i].others = append(kinds[i].others, fmt.Sprintf("%q", cmp.Or(c.Mirror, c.Scope, c.New, c.Old)))
	}
	for _, k := range kinds {
		fmt.Fprintf(p.stdout, "  %s: %s\n", label, k.Difference)
		if len(k.others) > 0 {
			fmt.Fprintf(p.stdout, "    likewise %s\n", few(k.others, ", "))
		}
	}
}

// few joins the first of some names, and says how many more there are.
func few(names []string, by string) string {
	if n := len(names) - shownAlike; n > 1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shownAlike], by), n)
	}
	return strings.Join(names, by)
}

// A changedLine is a change, or several that are alike, and what it costs where others cost something else.
type changedLine struct{ text, cost string }

// changeLines returns what changes, the settings of a registry below it. More than a few registries of one
// host that come or go alike are one line, unless all are asked for.
func changeLines(impact registriesconf.NodeImpact, all bool) (lines []changedLine) {
	cost := func(c registriesconf.Difference) string { return costOf(impact, c) }
	alike := alikeRegistries(impact.Differences)
	under := ""
	for _, c := range impact.Differences {
		whole := c.Code == registriesconf.RegistryAdded || c.Code == registriesconf.RegistryRemoved
		if group := alike[likeness(c)]; whole && !all && len(group) > shownAttempts {
			if group[0] == c.Scope {
				lines = append(lines, changedLine{groupLine(c, group), cost(c)})
			}
			continue
		}
		if c.Scope != "" && c.Scope != under && !whole {
			lines = append(lines, changedLine{"~ registry " + c.Scope, ""})
			under = c.Scope
		}
		indent := ""
		if under != "" && c.Scope == under {
			indent = "    "
		}
		lines = append(lines, changedLine{indent + changeLine(c), cost(c)})
	}
	return lines
}

// costOf says what a change costs, where others of the impact cost something else.
func costOf(impact registriesconf.NodeImpact, c registriesconf.Difference) string {
	switch {
	case impact.Rollout != nil || !impact.Drain && !impact.Reboot:
		return ""
	case c.Drains:
		return "needs the drain"
	}
	return "safe"
}

// A like is what registries have in common that come or go alike: their host, and what is said of them but for
// their path.
type like struct {
	code   registriesconf.DifferenceCode
	drains bool
	host   string
	text   string
}

func likeness(c registriesconf.Difference) like {
	host, path, found := strings.Cut(c.Scope, "/")
	text := c.New + c.Old
	if found {
		text = strings.ReplaceAll(text, "/"+path, "/<same path>")
	}
	return like{c.Code, c.Drains, host, text}
}

func alikeRegistries(changes []registriesconf.Difference) map[like][]string {
	alike := map[like][]string{}
	for _, c := range changes {
		alike[likeness(c)] = append(alike[likeness(c)], c.Scope)
	}
	return alike
}

// groupLine is the line of registries that come or go alike.
func groupLine(c registriesconf.Difference, scopes []string) string {
	l := likeness(c)
	paths := make([]string, len(scopes))
	for i, scope := range scopes {
		paths[i] = strings.TrimPrefix(strings.TrimPrefix(scope, l.host), "/")
	}
	sign, what := "+", "added"
	if c.Code == registriesconf.RegistryRemoved {
		sign, what = "-", "removed"
	}
	return fmt.Sprintf("%s %d registries %s: %s/{%s}: %s", sign, len(scopes), what, l.host, few(paths, ", "), l.text)
}

func changeLine(c registriesconf.Difference) string {
	setting := c.Field
	if c.Scope != "" { // the registry or mirror is named beside it
		setting = c.Field[strings.LastIndexByte(c.Field, '.')+1:]
	}
	values := fmt.Sprintf("%s -> %s", orUnset(c.Old), orUnset(c.New))
	switch c.Code {
	case registriesconf.RegistryAdded:
		return fmt.Sprintf("+ registry %s: %s", c.Scope, c.New)
	case registriesconf.RegistryRemoved:
		return fmt.Sprintf("- registry %s: %s", c.Scope, c.Old)
	case registriesconf.RegistryRepeated:
		return "~ listed several times: " + values
	case registriesconf.MirrorAdded:
		return "+ mirror " + c.New
	case registriesconf.MirrorRemoved:
		return "- mirror " + c.Old
	case registriesconf.MirrorChanged:
		return fmt.Sprintf("~ mirror %s %s: %s", c.Mirror, setting, values)
	case registriesconf.MirrorOrder:
		return "~ order of mirrors: " + values
	case registriesconf.RegistryOrder:
		return "~ order of registries: " + values
	case registriesconf.SearchAdded:
		return fmt.Sprintf("+ %s: %s", setting, c.New)
	case registriesconf.SearchRemoved:
		return fmt.Sprintf("- %s: %s", setting, c.Old)
	case registriesconf.FileChanged:
		return "~ " + c.File
	case registriesconf.DropInChanged:
		return fmt.Sprintf("~ %s: %s", strings.TrimRight(c.File+" "+c.Field, " "), values)
	}
	return fmt.Sprintf("~ %s: %s", setting, values)
}

func orUnset(value string) string {
	if value == "" {
		return "(unset)"
	}
	return value
}
