package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
	"github.com/pullroute/pullroute/resolve"
	"github.com/pullroute/pullroute/resolve/routes"
)

// form is the flag -o: how a result is printed.
type form struct {
	name string
	all  []string
}

func (f *form) String() string { return f.name }

func (f *form) Set(s string) error {
	if !slices.Contains(f.all, s) {
		return fmt.Errorf("is to be %s", strings.Join(f.all, ", "))
	}
	f.name = s
	return nil
}

func (p *program) routes(args []string) error {
	fs := p.flags("routes", "")
	files := inputFlag(fs, "manifests, or a node's own registries.conf or hosts.toml directory")
	var on platform
	fs.Var(&on, "platform", "the nodes to answer for: windows or linux")
	out := form{"text", []string{"text", "json", "mermaid", "dot"}}
	fs.Var(&out, "o", "the `FORM` of the answer: text, json, mermaid or dot")
	asJSON := fs.Bool("json", false, "short for -o json")
	var hosts texts
	fs.Var(&hosts, "host", "windows: a registry `HOST` that wildcard rules are to be expanded for; repeats")
	read := choiceFlags(fs)
	rest, err := parse(fs, args)
	switch {
	case err != nil:
		return err
	case on == "":
		return fmt.Errorf("%w: --platform is missing; name windows or linux", errUsage)
	case len(rest) > 0:
		return fmt.Errorf("%w: \"%s\" is not a flag; give the input with -f", errUsage, shown.Location(rest[0]))
	case len(*files) == 0:
		return fmt.Errorf("%w: no input; give manifests with -f", errUsage)
	}
	if *asJSON {
		out.name = "json"
	}
	from, err := p.readSource(finding.Platform(on), *files, hosts, read)
	if err != nil {
		return err
	}
	from.findings = append(from.findings, from.notJudged()...)
	rows := rowsOf(from.routes())
	switch out.name {
	case "json":
		return p.encode(struct {
			Platform finding.Platform `json:"platform"`
			Routes   []row            `json:"routes"`
			Findings finding.Findings `json:"findings"`
		}{finding.Platform(on), rows, append(finding.Findings{}, concerning(finding.Platform(on), slices.Concat(from.findings, from.beside)).Sort()...)})
	case "mermaid":
		drawMermaid(p.stdout, rows)
	case "dot":
		drawDOT(p.stdout, rows)
	default:
		tableOf(p.stdout, rows)
	}
	p.report(slices.Compact(concerning(finding.Platform(on), slices.Concat(from.findings, from.beside)).Sort()))
	return nil
}

// notJudged says that policy.json, which judges an image after its manifest was fetched, is no part of an answer about all
// images.
func (s *source) notJudged() finding.Findings {
	if s.policy == nil || acceptsAll(s.policy) {
		return nil
	}
	return finding.Findings{{
		Code: finding.CodeNotApplied, Severity: finding.SeverityWarning, Platform: finding.Linux,
		Message: "policy.json of these nodes refuses images or asks for signatures, and this answer about all images does not show which: ask resolve about an image",
	}}
}

// acceptsAll reports whether a policy takes every image.
func acceptsAll(p *policyjson.Policy) bool {
	lists := []policyjson.Requirements{p.Default}
	for _, scopes := range p.Transports {
		for _, list := range scopes {
			lists = append(lists, list)
		}
	}
	return !slices.ContainsFunc(lists, func(list policyjson.Requirements) bool {
		return len(list) != 1 || list[0].Type != policyjson.Accept
	})
}

// routes returns the routes of what plans are asked of.
func (s *source) routes() *routes.Routes { return routesOf(s.planner) }

func routesOf(table planner) *routes.Routes {
	switch t := table.(type) {
	case *resolve.LinuxTable:
		return routes.Linux(t)
	case *resolve.ContainerdTable:
		return routes.Containerd(t)
	}
	panic("no table") // readSource makes no other
}

// row is a class of references as it is printed: those by tag and those by digest together where
// they go one way.
type row struct {
	Pattern string   `json:"pattern"`
	By      []string `json:"by"`
	Example string   `json:"example"`
	Resolve []step   `json:"resolve"`
	Pull    []step   `json:"pull"`
	// MaxRest is left out where there is no limit.
	MaxRest int `json:"maxRest,omitempty"`
	// Why are the findings of the example where nothing is asked.
	Why []string `json:"why,omitempty"`

	hosts string
}

// step is a place as it is printed: a location with "/…" for the rest of the name.
type step struct {
	Location string       `json:"location"`
	Role     resolve.Role `json:"role"`
	Origin   string       `json:"origin,omitempty"`
}

// rowsOf returns the classes sorted by pattern, "*" last.
func rowsOf(r *routes.Routes) []row {
	rows := []row{}
	at := map[string]int{}
	for c := range r.Classes() {
		one := row{Pattern: c.Pattern.String(), By: []string{string(c.Kind)}, Example: c.Plan.Image, MaxRest: c.MaxRest, hosts: c.Pattern.Hosts}
		one.Resolve, one.Pull = stepsOf(c.Resolve, c.Pattern), stepsOf(c.Pull, c.Pattern)
		if len(c.Pull) == 0 {
			for _, f := range c.Plan.Findings {
				if f.Severity == finding.SeverityError {
					one.Why = append(one.Why, f.Shown().Message)
				}
			}
		}
		if i, ok := at[one.Pattern]; ok && slices.Equal(rows[i].Pull, one.Pull) && rows[i].MaxRest == one.MaxRest && c.Kind == mirrorset.ByDigest {
			rows[i].By = append(rows[i].By, string(c.Kind))
			continue
		}
		at[one.Pattern] = len(rows)
		rows = append(rows, one)
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		if (a.hosts == "*") != (b.hosts == "*") {
			if a.hosts == "*" {
				return 1
			}
			return -1
		}
		return strings.Compare(strings.ReplaceAll(a.Pattern, "/", "\x00"), strings.ReplaceAll(b.Pattern, "/", "\x00"))
	})
	return rows
}

func stepsOf(steps []routes.Step, p routes.Pattern) []step {
	out := make([]step, len(steps))
	for i, s := range steps {
		location := s.Base
		if s.Itself {
			location = "the name itself"
		} else if p.Below || p.Deeper {
			location += "/…"
		}
		role := resolve.RoleMirror
		if s.Source {
			role = resolve.RoleSource
		}
		out[i] = step{Location: shown.Text(location), Role: role}
		if len(s.Origins) > 0 {
			out[i].Origin = s.Origins[0].String()
		}
	}
	return out
}

// source says whether a row ends at the source: "source", "never", or nothing for what cannot be
// pulled at all.
func (r *row) source() string {
	switch {
	case len(r.Pull) == 0:
		return "-"
	case slices.ContainsFunc(r.Pull, func(s step) bool { return s.Role == resolve.RoleSource }):
		return "source"
	}
	return "never"
}

// mirrors returns the places of a row that are no source.
func (r *row) mirrors() (places []step) {
	for _, s := range r.Pull {
		if s.Role != resolve.RoleSource {
			places = append(places, s)
		}
	}
	return places
}

// tableOf prints aligned columns: pattern, kind of pull, the first mirror, the others, the source,
// and why.
func tableOf(w io.Writer, rows []row) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "IMAGES\tBY\tFIRST\tTHEN\tSOURCE\tWHY")
	for i := range rows {
		r := &rows[i]
		by, first, then, why := strings.Join(r.By, ", "), "-", "-", ""
		if mirrors := r.mirrors(); len(mirrors) > 0 {
			first, why = mirrors[0].Location, mirrors[0].Origin
			var others []string
			for _, m := range mirrors[1:] {
				others = append(others, m.Location)
			}
			if n := len(others); n > 4 {
				others = append(others[:3], fmt.Sprintf("and %d more", n-3))
			}
			if len(others) > 0 {
				then = strings.Join(others, ", ")
			}
		}
		if len(r.By) == 2 {
			by = "any"
		}
		if len(r.Why) > 0 {
			why = r.Why[0]
		}
		if r.MaxRest > 0 {
			why = strings.TrimPrefix(why+fmt.Sprintf("; nothing for names with more than %d characters behind it", r.MaxRest), "; ")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", shown.Text(r.Pattern), by, first, then, r.source(), why)
	}
	t.Flush()
}

// edge is an arrow of a picture.
type edge struct {
	from, to string
	label    string
	crossed  bool // the source may not be asked
}

// drawnAtMost is how many rows a picture shows before it is folded by registry.
const drawnAtMost = 40

// edges returns the arrows of a picture: patterns left, mirrors right, in the order of the rows.
// Many rows are folded by registry.
func edges(rows []row) []edge {
	fold := len(rows) > drawnAtMost
	var list []edge
	seen := map[edge]bool{}
	add := func(e edge) {
		if !seen[e] {
			seen[e] = true
			list = append(list, e)
		}
	}
	for i := range rows {
		r := &rows[i]
		from := r.Pattern
		if fold {
			from = r.hosts
		}
		if r.hosts == "*" {
			continue // everything else comes from itself
		}
		for n, s := range r.mirrors() {
			to, label := s.Location, fmt.Sprint(n+1)
			if fold {
				to, _, _ = strings.Cut(to, "/")
				label = ""
			}
			if len(r.By) == 1 {
				label = strings.TrimSpace(label + " " + r.By[0])
			}
			add(edge{from: from, to: to, label: label})
		}
		if source := r.source(); source != "source" {
			add(edge{from: from, to: "the source of " + from, label: "never", crossed: true})
		}
	}
	return list
}

func drawMermaid(w io.Writer, rows []row) {
	fmt.Fprintln(w, "flowchart LR")
	id, ids := 0, map[string]string{}
	node := func(side, name string) string {
		key := side + name
		if ids[key] == "" {
			ids[key] = fmt.Sprintf("%s%d", side, id)
			id++
			fmt.Fprintf(w, "  %s[\"%s\"]\n", ids[key], strings.ReplaceAll(shown.Text(name), `"`, "#quot;"))
		}
		return ids[key]
	}
	for _, e := range edges(rows) {
		from, to := node("s", e.from), node("m", e.to)
		switch {
		case e.crossed:
			fmt.Fprintf(w, "  %s --x|%s| %s\n", from, e.label, to)
		case e.label != "":
			fmt.Fprintf(w, "  %s -->|%s| %s\n", from, e.label, to)
		default:
			fmt.Fprintf(w, "  %s --> %s\n", from, to)
		}
	}
}

func drawDOT(w io.Writer, rows []row) {
	fmt.Fprint(w, "digraph routes {\n  rankdir=LR;\n  node [shape=box];\n")
	for _, e := range edges(rows) {
		style := ""
		if e.crossed {
			style = `, style=dashed, color=red, arrowhead=tee`
		}
		fmt.Fprintf(w, "  %q -> %q [label=%q%s];\n", shown.Text(e.from), shown.Text(e.to)+" ", e.label, style)
	}
	fmt.Fprintln(w, "}")
}
