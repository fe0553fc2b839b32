package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
	"github.com/pullroute/pullroute/resolve"
	"github.com/pullroute/pullroute/resolve/routes"
	"github.com/spf13/cobra"
)

func (p *program) routes() *cobra.Command {
	c := &cobra.Command{Use: "routes", Short: "say where every image will be pulled from, class by class"}
	files := inputFlag(c, anyInput)
	on := platformFlag(c, "the nodes to answer for: "+nodes)
	out := formFlag(c, "one object", "mermaid", "dot")
	hosts := hostsFlag(c)
	read := choiceFlags(c)
	c.RunE = func(_ *cobra.Command, args []string) error {
		switch {
		case *on == "":
			return errNoPlatform
		case len(args) > 0:
			return noArguments(args)
		case len(*files) == 0:
			return errNoInput
		}
		from, err := p.readSource(finding.Platform(*on), *files, *hosts, read)
		if err == nil {
			err = from.aboutAll(read)
		}
		if err != nil {
			return err
		}
		return p.showRoutes(from, finding.Platform(*on), out.name)
	}
	return c
}

func (p *program) showRoutes(from *source, on finding.Platform, form string) error {
	from.findings = append(from.findings, from.notShown()...)
	rows, short := rowsOf(from.routes())
	switch form {
	case "json":
		return p.encode(struct {
			Platform   finding.Platform `json:"platform"`
			Way        string           `json:"way,omitempty"`
			Routes     []row            `json:"routes"`
			ShortNames []row            `json:"shortNames"`
			Findings   finding.Findings `json:"findings"`
		}{on, resolve.Way(on), rows, short, append(finding.Findings{},
			slices.Concat(from.findings, from.beside).For(on).Sort()...)})
	case "mermaid":
		drawMermaid(p.stdout, rows)
	case "dot":
		drawDOT(p.stdout, rows)
	default:
		tableOf(p.stdout, rows)
		shortTableOf(p.stdout, short)
	}
	p.notedWay(on)
	p.report(slices.Concat(from.findings, from.beside).For(on).Sort())
	return nil
}

// notShown says what policy.json has that an answer about all images does not show.
func (s *source) notShown() (findings finding.Findings) {
	if s.policy == nil {
		return nil
	}
	note := func(message string) {
		findings = append(findings, finding.Finding{Code: finding.CodeNotApplied,
			Severity: finding.SeverityWarning, Platform: finding.Linux, Message: message})
	}
	if _, _, references := s.policy.ByName(); len(references) > 0 {
		note(fmt.Sprintf("policy.json of these nodes has rules for %s by themselves, such as %s, and this "+
			"answer about all images does not show them: ask resolve about one",
			counted(len(references), "reference"), shown.Value(references[0])))
	}
	if asksForSignatures(s.policy) {
		note("policy.json of these nodes asks for signatures of images, and this answer about all images " +
			"is about those that have them")
	}
	return findings
}

func asksForSignatures(p *policyjson.Policy) bool {
	lists := []policyjson.Requirements{p.Default}
	for _, scopes := range p.Transports {
		lists = slices.AppendSeq(lists, maps.Values(scopes))
	}
	return slices.ContainsFunc(lists, func(list policyjson.Requirements) bool {
		return slices.ContainsFunc(list, func(r policyjson.Requirement) bool {
			return r.Type == policyjson.SignedBy || r.Type == policyjson.SigstoreSigned
		})
	})
}

// routes returns the routes of what plans are asked of.
func (s *source) routes() *routes.Routes { return s.routesOf(s.planner) }

func (s *source) routesOf(table planner) *routes.Routes {
	switch t := table.(type) {
	case *resolve.LinuxTable:
		named, scopes, _ := s.policy.ByName()
		return routes.LinuxJudged(t, scopes, named.Apply)
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
	// Asked are the places that are asked for the manifest of an image which policy.json refuses.
	Asked []step `json:"asked,omitempty"`
	// Outcome is that of a plan.
	Outcome resolve.Outcome `json:"outcome,omitempty"`
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

// rowsOf returns the classes sorted by pattern, "*" last, and those of names without a registry.
func rowsOf(r *routes.Routes) (rows, short []row) {
	rows, short = []row{}, []row{}
	at, shortAt := map[string]int{}, map[string]int{}
	for c := range r.Classes() {
		if c.Pattern.Short() {
			short = addRow(short, shortAt, &c)
		} else {
			rows = addRow(rows, at, &c)
		}
	}
	order := func(a, b row) int {
		if (a.hosts == "*") != (b.hosts == "*") {
			if a.hosts == "*" {
				return 1
			}
			return -1
		}
		return strings.Compare(strings.ReplaceAll(a.Pattern, "/", "\x00"), strings.ReplaceAll(b.Pattern, "/", "\x00"))
	}
	slices.SortStableFunc(rows, order)
	return rows, short
}

// addRow adds a class, to the row of the same pattern where that goes the same way by tag; at are the
// rows by pattern.
func addRow(rows []row, at map[string]int, c *routes.Class) []row {
	one := row{Pattern: c.Pattern.String(), By: []string{string(c.Kind)}, Example: c.Plan.Image,
		MaxRest: c.MaxRest, hosts: c.Pattern.Hosts}
	one.Pattern = strings.TrimPrefix(one.Pattern, "short names ")
	one.Resolve, one.Pull, one.Asked, one.Outcome = stepsOf(c.Resolve, c.Pattern), stepsOf(c.Pull, c.Pattern),
		stepsOf(c.Asked, c.Pattern), c.Plan.Outcome
	if len(c.Pull) == 0 {
		for _, f := range c.Plan.Findings {
			if f.Severity == finding.SeverityError {
				one.Why = append(one.Why, f.Shown().Message)
			}
		}
	}
	i, ok := at[one.Pattern]
	if ok && slices.Equal(rows[i].Pull, one.Pull) && slices.Equal(rows[i].Asked, one.Asked) &&
		rows[i].MaxRest == one.MaxRest && c.Kind == mirrorset.ByDigest {
		rows[i].By = append(rows[i].By, string(c.Kind))
		return rows
	}
	at[one.Pattern] = len(rows)
	return append(rows, one)
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

// source says whether a row ends at the source: "source", "never", "refused" for what policy.json
// refuses, or "-" for what cannot be pulled at all.
func (r *row) source() string {
	switch {
	case r.Outcome != "":
		return string(r.Outcome)
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
		first, then := inOrder(r.mirrors())
		why := r.why(r.mirrors())
		if r.MaxRest > 0 {
			why = strings.TrimPrefix(why+fmt.Sprintf("; nothing for names with more than %d characters behind "+
				"it", r.MaxRest), "; ")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", shown.Text(r.Pattern), r.by(), first, then, r.source(), why)
	}
	t.Flush()
}

// shortTableOf prints the same of names without a registry, whose places are those of several full
// names.
func shortTableOf(w io.Writer, rows []row) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SHORT NAMES\tBY\tFIRST\tTHEN\tWHY")
	for i := range rows {
		r := &rows[i]
		first, then := inOrder(r.Pull)
		why := r.why(r.Pull)
		if r.MaxRest > 0 {
			why = strings.TrimPrefix(why+fmt.Sprintf("; less for names with more than %d characters behind it",
				r.MaxRest), "; ")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", shown.Text(r.Pattern), r.by(), first, then, why)
	}
	t.Flush()
}

// by is the kind of pull, "any" for both.
func (r *row) by() string {
	if len(r.By) == 2 {
		return "any"
	}
	return r.By[0]
}

// why is the field that names the first of some places, or why nothing is fetched.
func (r *row) why(places []step) string {
	switch {
	case len(r.Why) > 0:
		return r.Why[0]
	case len(places) > 0:
		return places[0].Origin
	}
	return ""
}

// inOrder are the first place and the others, in one text each.
func inOrder(places []step) (first, then string) {
	if len(places) == 0 {
		return "-", "-"
	}
	var others []string
	for _, p := range places[1:] {
		others = append(others, p.Location)
	}
	if n := len(others); n > 4 {
		others = append(others[:3], fmt.Sprintf("and %d more", n-3))
	}
	if len(others) == 0 {
		return places[0].Location, "-"
	}
	return places[0].Location, strings.Join(others, ", ")
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
			label := "never"
			if source == string(resolve.OutcomeRefused) {
				label = source
			}
			add(edge{from: from, to: "the source of " + from, label: label, crossed: true})
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
