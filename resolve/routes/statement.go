package routes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// Statement says something about many references at once. Exactly one of Never, Images, Mirrored,
// Image and Same is set; scopes are hosts, namespaces, repositories or wildcards, as in rules, and
// a host stands for itself without other ports.
//
// Statements are about references whose host is spelled as the network sees it: lower case, no
// default port, Docker Hub as docker.io. In another spelling nearly every rule is evaded; see
// AnySpelling.
type Statement struct {
	// Never states that no reference leads a request into this scope, but for what is inside Except.
	Never  string
	Except []string
	// Images is the scope of Only, which states that requests go nowhere but into its scopes, or of
	// First, which states that the first location asked is First and the rest of the name.
	Images string
	Only   []string
	First  string
	// Mirrored states that every image in this scope has a mirror, for pulls of the kind By, or of
	// both where it is empty.
	Mirrored string
	By       mirrorset.Pull
	// Image is one reference, whose locations are exactly these, in order; nil says nothing of a
	// platform.
	Image                      string
	Linux, Windows, Containerd []string
	// Same states that Linux and containerd fetch the images of this scope from the same locations.
	Same string
	// AnySpelling has Never hold for other spellings of the scope's host, too.
	AnySpelling bool
	// Line is where the statement stands; 0 for one that was not read.
	Line int
}

// String returns the statement in one line.
func (s Statement) String() string {
	var text string
	switch {
	case s.Never != "":
		if text = "never: " + s.Never; len(s.Except) > 0 {
			text += ", except: " + strings.Join(s.Except, ", ")
		}
	case s.First != "":
		text = "images: " + s.Images + ", first: " + s.First
	case s.Images != "":
		text = "images: " + s.Images + ", only: " + strings.Join(s.Only, ", ")
	case s.Mirrored != "":
		if text = "mirrored: " + s.Mirrored; s.By != "" {
			text += ", by: " + string(s.By)
		}
	case s.Image != "":
		text = "image: " + s.Image
	case s.Same != "":
		text = "same: " + s.Same
	}
	if s.AnySpelling {
		text += ", spelling: any"
	}
	return text
}

// Verdict is what is true of a statement on one platform.
type Verdict struct {
	Statement Statement
	// Platform is empty for Same, which is about both.
	Platform finding.Platform
	Holds    bool
	// Empty is set for a statement about a scope that no reference reaches, or that nothing in the
	// tables speaks of. It does not hold: it says nothing.
	Empty bool
	// Counterexample is the smallest reference for which the statement does not hold.
	Counterexample *Counterexample
	// Notes are what the verdict leaves out, each with an example.
	Notes []string
}

// Counterexample is a reference for which a statement does not hold.
type Counterexample struct {
	Reference string
	// Why is what is wrong with it, in a few words.
	Why string
	// Plan is where it leads; Other is the plan of containerd where both platforms are compared.
	Plan, Other resolve.Plan
	// Origins are the fields that lead there; empty where nothing but the reference itself does.
	Origins []finding.Origin
}

// Check judges statements, each on the platforms that are given; either may be nil. The verdicts
// are in the order of the statements, Linux first.
func Check(statements []Statement, linux, containerd *Routes) []Verdict {
	var verdicts []placed
	about := func(s *Statement) bool { return s.Same == "" && s.Image == "" }
	for _, r := range []*Routes{linux, containerd} {
		if r == nil {
			continue
		}
		r = r.made()
		verdicts = append(verdicts, judge(statements, about, r.sides[0].platform, r.sides[0])...)
		for i := range statements {
			if v, ok := statements[i].image(r); ok {
				verdicts = append(verdicts, placed{i, v})
			}
		}
	}
	if linux != nil && containerd != nil {
		same := func(s *Statement) bool { return s.Same != "" }
		verdicts = append(verdicts, judge(statements, same, "", linux.made().sides[0], containerd.made().sides[0])...)
	}
	slices.SortStableFunc(verdicts, func(a, b placed) int { return cmp.Compare(a.place, b.place) })
	list := make([]Verdict, len(verdicts))
	for i := range verdicts {
		list[i] = verdicts[i].Verdict
	}
	return list
}

// placed is a verdict about the statement at a place of the list.
type placed struct {
	place int
	Verdict
}

// judge holds those statements that which picks against every cell of some sides.
func judge(statements []Statement, which func(*Statement) bool, platform finding.Platform,
	sides ...*side) (verdicts []placed) {
	var scopes []string
	for i := range statements {
		scopes = append(scopes, statements[i].scopes()...)
	}
	c := newCutter(scopes, sides...)
	var judged []*judgement
	for i := range statements {
		if s := &statements[i]; which(s) {
			judged = append(judged, newJudgement(s, c, i))
		}
	}
	if len(judged) == 0 {
		return nil
	}
	c.eachAsked(func(a *asked) {
		for _, j := range judged {
			j.cell(a)
		}
	})
	for _, j := range judged {
		verdicts = append(verdicts, placed{j.place, j.verdict(platform)})
	}
	return verdicts
}

// eachAsked calls do with what each cell asks, for each kind of pull, as far as its names are in canonical
// spelling.
func (c *cutter) eachAsked(do func(*asked)) {
	for cuts := range c.hosts() {
		if !c.canonical(cuts[0].point) {
			continue
		}
		for i := range cuts {
			for _, cell := range cuts[i].apart() {
				for k := range kinds {
					if cell.exists[k] {
						do(newAsked(&cuts[i], cell, k))
					}
				}
			}
		}
	}
}

// scopes are what a statement names: the names are cut there.
func (s *Statement) scopes() []string {
	scopes := slices.Concat(s.Except, s.Only)
	for _, scope := range []string{s.Never, s.Images, s.Mirrored, s.Same} {
		if scope != "" {
			scopes = append(scopes, scope)
		}
	}
	for i, scope := range scopes {
		scopes[i] = onTheWire(scope)
		rest, ok := strings.CutPrefix(scopes[i], network.DockerHub)
		if ok && !strings.HasPrefix(rest, ":") { // as names have it
			scopes[i] = "docker.io" + rest
		}
	}
	return scopes
}

// canonical reports whether the names of a point are spelled as the network sees their host.
func (c *cutter) canonical(point int) bool {
	host := c.list[point].host
	return host == "docker.io" || network.Host(host) == host && host != network.DockerHub
}

// apart returns the cells of a cut that may differ.
func (c *cut) apart() []*cell {
	cells := []*cell{&c.cells[exactly], &c.cells[below], &c.cells[deeper]}
	if c.path == "" {
		cells = cells[1:]
	}
	if c.alike {
		cells = cells[:1]
	}
	return cells
}

// asked is what a cell asks for one kind of pull, as the network sees it.
type asked struct {
	*cell
	at        *cut
	kind      int
	name      string
	plan      *resolve.Plan
	attempts  []resolve.Attempt // where tags are resolved, and then where manifests and images are fetched
	locations []string          // of attempts
}

// short reports whether the names have no registry.
func (c *cell) short() bool { return strings.HasPrefix(c.name, "/") }

func newAsked(at *cut, c *cell, k int) *asked {
	plan := &c.routes[0][k].plan
	a := &asked{cell: c, at: at, kind: k, name: onTheWire(c.name), plan: plan, attempts: plan.Pull}
	if len(plan.Resolve) > 0 || len(plan.Asked) > 0 {
		a.attempts = slices.Concat(plan.Resolve, plan.Asked, plan.Pull)
	}
	a.locations = locations(a.attempts)
	return a
}

// scope is a scope as the network sees it.
type scope string

// holds reports whether a location, as the network sees it, lies inside the scope.
func (s scope) holds(location string) bool {
	if domain, ok := strings.CutPrefix(string(s), "*"); ok {
		host, _ := network.SplitHost(location)
		name, _ := splitPort(host)
		return strings.HasSuffix(name, domain) && len(name) > len(domain)
	}
	return inside(location, string(s))
}

func within(location, of string) bool { return scope(onTheWire(of)).holds(onTheWire(location)) }

func anyHolds(scopes []scope, location string) bool {
	return slices.ContainsFunc(scopes, func(s scope) bool { return s.holds(location) })
}

func wireScopes(scopes []string) []scope {
	list := make([]scope, len(scopes))
	for i := range scopes {
		list[i] = scope(onTheWire(scopes[i]))
	}
	return list
}

// judgement collects what the cells say of a statement.
type judgement struct {
	*Statement
	*cutter
	place          int
	about          scope   // Never, Images, Mirrored or Same
	others         []scope // Except or Only
	reached        bool    // a name of the scope exists
	counterexample *Counterexample
	// limited is what is said of the shortest names that are too long for a mirror, and limit how
	// long they are.
	limited string
	limit   int
}

func newJudgement(s *Statement, c *cutter, place int) *judgement {
	about := cmp.Or(s.Never, s.Images, s.Mirrored, s.Same)
	return &judgement{Statement: s, cutter: c, place: place, about: scope(onTheWire(about)),
		others: wireScopes(slices.Concat(s.Except, s.Only))}
}

// cell judges a cell. Its names are all inside the statement's scopes or none is, and so are its
// locations. A name without a registry is inside no scope, but what it asks may be.
func (j *judgement) cell(c *asked) {
	if j.Never == "" && (c.short() || !j.about.holds(c.name) || j.By != "" && j.By != kinds[c.kind]) {
		return
	}
	j.reached = true
	switch {
	case j.Never != "": // whatever leads there
		j.each(c, func(location string) bool { return !j.about.holds(location) || anyHolds(j.others, location) })
	case j.First != "":
		j.first(c)
		j.length(c)
	case j.Images != "":
		j.each(c, func(location string) bool { return anyHolds(j.others, location) })
	case j.Mirrored != "":
		j.mirrored(c)
		j.length(c)
	case j.Same != "":
		j.same(c)
		j.length(c)
	}
}

// each judges every location that is asked.
func (j *judgement) each(c *asked, right func(location string) bool) {
	for i, location := range c.locations {
		if !right(location) {
			j.against(c, c.attempts[i].Origins, "asks "+c.attempts[i].Location)
			return
		}
	}
}

// length notes names that are too long for what the client writes down.
func (j *judgement) length(c *asked) {
	limit := j.cutter.limit(c.at, c.cell, 0, c.kind)
	if limit >= j.longest(c.at) {
		return
	}
	p := &j.list[c.at.point]
	if length := len(p.host) + len(c.at.path) + limit; j.limited == "" || length < j.limit {
		j.limit = length
		j.limited = fmt.Sprintf("with more than %d characters behind %s a name is too long at a mirror, "+
			"and the client stops the pull", limit, p.pattern+c.at.path)
	}
}

// same judges whether both platforms fetch from the same locations.
func (j *judgement) same(c *asked) {
	other, why := &c.routes[1][c.kind].plan, ""
	switch {
	case refused(c.plan) != refused(other):
		why = "policy.json refuses it on one platform"
	case !slices.Equal(locations(c.plan.Pull), locations(other.Pull)):
		why = "the platforms ask other locations"
	default:
		return
	}
	if j.against(c, nil, why) {
		j.counterexample.Other = *other
	}
}

// mirrored judges whether a mirror serves the cell, and where its tag is resolved first, resolves that.
func (j *judgement) mirrored(c *asked) {
	mirror := func(a resolve.Attempt) bool { return a.Role == resolve.RoleMirror }
	switch {
	case refused(c.plan):
		j.against(c, nil, refusedByPolicy)
	case !slices.ContainsFunc(c.plan.Pull, mirror):
		j.against(c, nil, "no mirror serves it")
	case len(c.plan.Resolve) > 0 && !slices.ContainsFunc(c.plan.Resolve, mirror):
		j.against(c, nil, "no mirror resolves its tag")
	}
}

// first judges whether the first location is First and the rest of the name.
func (j *judgement) first(c *asked) {
	host, path := network.SplitHost(c.cell.name)
	want := j.First + path
	if !strings.HasPrefix(j.Images, "*") {
		_, scope := network.SplitHost(j.Images)
		want = j.First + path[len(scope):]
	} else if _, port := splitPort(host); port != "" {
		want = j.First + port + path
	}
	switch pull := c.plan.Pull; {
	case refused(c.plan):
		j.against(c, nil, refusedByPolicy)
	case len(pull) == 0:
		j.against(c, nil, "asks nothing")
	case onTheWire(pull[0].Location) != onTheWire(want):
		j.against(c, pull[0].Origins, "asks "+pull[0].Location+" first, not "+want)
	}
}

func refused(p *resolve.Plan) bool { return p.Outcome == resolve.OutcomeRefused }

const refusedByPolicy = "policy.json refuses it"

func locations(attempts []resolve.Attempt) (out []string) {
	for _, a := range attempts {
		out = append(out, onTheWire(a.Location))
	}
	return out
}

// against takes a counterexample, if it is smaller than the one before: a name with a registry before
// one without, then fewer characters in the name, then string order, then tag before digest.
func (j *judgement) against(c *asked, origins []finding.Origin, why string) bool {
	if old := j.counterexample; old != nil {
		name, _, _ := strings.Cut(old.Reference, "@")
		name = strings.TrimSuffix(name, suffix(mirrorset.ByTag))
		if c.short() || // which come last
			cmp.Or(cmp.Compare(len(c.cell.name), len(name)), strings.Compare(c.cell.name, name)) >= 0 {
			return false
		}
	}
	if len(origins) == 0 {
		for _, f := range c.plan.Findings {
			if f.Severity != finding.SeverityInfo && f.Origin.Object != "" {
				origins = append(origins, f.Origin)
			}
		}
	}
	j.counterexample = &Counterexample{Reference: c.plan.Image, Why: why, Plan: *c.plan, Origins: origins}
	return true
}

// verdict is what the cells say together.
func (j *judgement) verdict(platform finding.Platform) Verdict {
	v := Verdict{Statement: *j.Statement, Platform: platform, Counterexample: j.counterexample}
	if scope := cmp.Or(j.Images, j.Mirrored, j.Same); scope != "" && !(j.reached && j.spokenOf(scope)) {
		v.Empty, v.Counterexample = true, nil
		return v
	}
	v.Holds = v.Counterexample == nil
	if v.Holds && j.limited != "" {
		v.Notes = append(v.Notes, j.limited)
	}
	if j.Never != "" && v.Holds {
		if evading := j.evading(); evading != nil {
			if j.AnySpelling {
				v.Holds, v.Counterexample = false, evading
			} else {
				v.Notes = append(v.Notes, fmt.Sprintf("the host spelled otherwise is another host to the "+
					"client: %s asks %s", evading.Reference, j.Never))
			}
		}
	}
	return v
}

// spokenOf reports whether an entry, or a place that one leads to, meets a scope.
func (j *judgement) spokenOf(scope string) bool {
	for _, s := range j.sides {
		if s.speaksOf(scope) {
			return true
		}
	}
	return false
}

func (s *side) speaksOf(scope string) bool {
	meets := func(other string) bool { return within(other, scope) || within(scope, other) }
	for host, entries := range s.entries {
		for _, e := range entries {
			if meets(host+e.path) || slices.ContainsFunc(e.bases, meets) {
				return true
			}
		}
	}
	for host, paths := range s.judged {
		if slices.ContainsFunc(paths, func(path string) bool { return meets(host + path) }) {
			return true
		}
	}
	return slices.ContainsFunc(s.elsewhere, meets) || slices.ContainsFunc(s.wildcards, func(domain string) bool {
		return within("*"+domain, scope) || within(strings.TrimPrefix(scope, "*."), "*"+domain) || scope == "*"+domain
	})
}

// evading returns a reference in another spelling that leads into the scope of Never; nil where the
// tables have none.
func (j *judgement) evading() *Counterexample {
	host, path := network.SplitHost(j.Never)
	if host == "" {
		return nil
	}
	spelled := []string{strings.ToUpper(host[:1]) + host[1:]}
	if _, port := splitPort(host); port == "" {
		spelled = append(spelled, host+":443")
	}
	for _, host := range spelled {
		name := host + path + "/a"
		route, ok := j.sides[0].route(name, "", mirrorset.ByTag)
		if !ok {
			continue
		}
		for _, a := range slices.Concat(route.plan.Asked, route.plan.Pull) {
			if j.about.holds(onTheWire(a.Location)) && !anyHolds(j.others, onTheWire(a.Location)) {
				return &Counterexample{Reference: name + suffix(mirrorset.ByTag), Why: "asks " + a.Location,
					Plan: route.plan, Origins: a.Origins}
			}
		}
	}
	return nil
}

// image judges a statement about one reference.
func (s *Statement) image(r *Routes) (Verdict, bool) {
	want := map[finding.Platform][]string{
		finding.Linux: s.Linux, finding.Windows: s.Windows, finding.Containerd: s.Containerd,
	}[r.sides[0].platform]
	if want == nil {
		return Verdict{}, false
	}
	v := Verdict{Statement: *s, Platform: r.sides[0].platform}
	plan, err := r.sides[0].plan(s.Image)
	wire := make([]string, len(want))
	for i := range want {
		wire[i] = onTheWire(want[i])
	}
	switch got := locations(plan.Pull); {
	case err != nil:
		v.Counterexample = &Counterexample{Reference: s.Image, Why: err.Error(), Plan: plan}
	case !slices.Equal(got, wire):
		why := "asks nothing"
		if len(got) > 0 {
			why = "asks " + strings.Join(got, ", ")
		}
		v.Counterexample = &Counterexample{Reference: s.Image, Why: why, Plan: plan}
	default:
		v.Holds = true
	}
	return v, true
}
