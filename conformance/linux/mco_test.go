package linux

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/conformance/contract"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/render"
	"github.com/pullroute/pullroute/conformance/report"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
)

const mco = "MCO (runtime-utils 7bdb5b9c177b)"

// A fault is a reason for which our file is not MCO's.
type fault string

const (
	// A registry entry that lies inside a source under NeverContactSource, and is not blocked by itself:
	// MCO leaves it open.
	neverNotCarried fault = "NeverContactSource is not carried to a nested entry"
	// An entry without a rule of its own, and a wildcard source around it, which is the first that MCO
	// looks at: MCO ends in an internal error.
	wildcardNested fault = "a scope nested in a wildcard source is an error"
	// An entry with a rule for one kind of pull, and a source around it with a rule for the other: MCO
	// leaves the entry without mirrors of the other kind.
	kindsShadow fault = "kinds shadow each other"
	// An entry without a rule of its own inside several sources: MCO gives it the mirrors, of both kinds,
	// of the first of them in its order, which is seldom the most specific for each kind.
	severalSources fault = "a scope nested in several sources gets the mirrors of the wrong one"
	// Mirrors carried into such an entry, whose longer location lies inside an insecure scope, or was
	// marked insecure by the base file: MCO copies the flag of the original.
	insecureNotCarried fault = "carried mirrors are not held against the insecure scopes"
	// A mirror names a forbidden host in another spelling, or an entry does: pullroute adds a blocked entry
	// for the spelling, and blocks the one that exists.
	otherSpelling fault = "other spellings of a forbidden host stay open"
	// An entry under NeverContactSource that a wildcard of the same length hides from the client:
	// pullroute blocks the wildcard.
	hiddenByWildcard fault = "an entry under NeverContactSource is hidden by a wildcard"

	// An entry of the base file whose location, other than its prefix, may not be contacted: pullroute blocks
	// it. MCO does not, and where a rule has that location for its source the client refuses the file: one
	// location, blocked and not.
	baseLocation fault = "a base entry leads into a source under NeverContactSource"
	// An entry of the base file has mirrors for one kind of pull, and a source around it has a rule for the
	// other; or a source's own entry in the base file has mirrors, which MCO carries into nested scopes
	// along with those of the rules.
	baseMirrors fault = "mirrors of the base file and of rules around them"
	// A base entry has mirror-by-digest-only, and a rule gives it mirrors: MCO writes a file that the
	// client refuses.
	baseDigestOnly fault = "a base entry with mirror-by-digest-only"
)

// mirror is one mirror of an entry, as it is written.
type mirror struct {
	location string
	pull     mirrorset.Pull // empty for both kinds
	insecure bool
}

// comparison says, from the rules and the base file alone, why MCO's file is not ours.
type comparison struct {
	rules   *mirrorset.Rules
	judge   contract.Contract
	leads   []string                           // search registries and aliases
	base    map[string]registriesconf.Registry // by scope
	entries []string                           // every scope that gets an entry
	faults  map[fault]bool
	unclear bool // nothing is said of this configuration
}

func compare(base *registriesconf.Config, rules *mirrorset.Rules) *comparison {
	c := &comparison{rules: rules, base: map[string]registriesconf.Registry{}, faults: map[fault]bool{}}
	add := func(scope string) {
		if !slices.Contains(c.entries, scope) {
			c.entries = append(c.entries, scope)
		}
	}
	for _, r := range base.Registries {
		add(r.Scope())
		c.base[r.Scope()] = r
	}
	c.judge = contract.Of(rules, func(string) bool { return false })
	if c.leads = base.UnqualifiedSearchRegistries; len(rules.SearchRegistries) > 0 {
		c.leads = rules.SearchRegistries
	}
	for _, location := range base.Aliases {
		c.leads = append(slices.Clone(c.leads), location)
	}
	for _, r := range rules.Rules {
		add(r.Source)
	}
	for _, s := range slices.Concat(rules.Blocked, rules.Insecure) {
		add(s.Value)
	}
	for _, e := range c.entries {
		c.mirrors(e)
		c.blocked(e)
		c.hidden(e)
	}
	c.spellings()
	return c
}

// rule returns the rule for a source and kind of pull, nil where there is none.
func (c *comparison) rule(pull mirrorset.Pull, source string) *mirrorset.Rule {
	i := slices.IndexFunc(c.rules.Rules, func(r mirrorset.Rule) bool { return r.Pull == pull && r.Source == source })
	if i < 0 {
		return nil
	}
	return &c.rules.Rules[i]
}

func (c *comparison) hasRule(source string) bool {
	return c.rule(mirrorset.ByDigest, source) != nil || c.rule(mirrorset.ByTag, source) != nil
}

// nearest returns the most specific rule around a scope for a kind of pull; as in the client, of two as
// long the wildcard is it.
func (c *comparison) nearest(pull mirrorset.Pull, scope string) (best *mirrorset.Rule) {
	if r := c.rule(pull, scope); r != nil {
		return r
	}
	for i := range c.rules.Rules {
		r := &c.rules.Rules[i]
		if r.Pull == pull && insideAsSpelled(scope, r.Source) && (best == nil || len(r.Source) > len(best.Source) ||
			len(r.Source) == len(best.Source) && strings.HasPrefix(r.Source, "*.")) {
			best = r
		}
	}
	return best
}

// carriedFrom returns the source whose mirrors MCO carries into a scope without mirrors: the first of the
// sources for digests, then of those for tags, each in string order, that is around it.
func (c *comparison) carriedFrom(scope string) string {
	for _, r := range c.rules.Rules { // in that very order
		if r.Source != scope && insideAsSpelled(scope, r.Source) {
			return r.Source
		}
	}
	return ""
}

func covers(scopes []mirrorset.Scope, location string) bool {
	return slices.ContainsFunc(scopes, func(s mirrorset.Scope) bool { return insideAsSpelled(location, s.Value) })
}

func pullOf(p registriesconf.PullFromMirror) mirrorset.Pull {
	switch p {
	case registriesconf.PullDigestOnly:
		return mirrorset.ByDigest
	case registriesconf.PullTagOnly:
		return mirrorset.ByTag
	}
	return ""
}

// ownMirrors are those of the base file and of the rules for exactly this scope, as both write them.
func (c *comparison) ownMirrors(scope string) (list []mirror) {
	for _, m := range c.base[scope].Mirrors {
		list = append(list, mirror{m.Location, pullOf(m.PullFromMirror), m.Insecure || covers(c.rules.Insecure, m.Location)})
	}
	for _, pull := range []mirrorset.Pull{mirrorset.ByDigest, mirrorset.ByTag} {
		if r := c.rule(pull, scope); r != nil {
			for _, m := range r.Mirrors() {
				list = append(list, mirror{m.Location, pull, covers(c.rules.Insecure, m.Location)})
			}
		}
	}
	return list
}

func (c *comparison) mirrors(scope string) {
	own := c.ownMirrors(scope)
	base := c.base[scope]
	serves := func(pull mirrorset.Pull) bool {
		return slices.ContainsFunc(base.Mirrors, func(m registriesconf.Mirror) bool {
			return pullOf(m.PullFromMirror) == pull || pullOf(m.PullFromMirror) == "" && (pull == mirrorset.ByDigest || !base.MirrorByDigestOnly)
		})
	}
	// What a pull needs to find here: for each kind the mirrors of its most specific rule.
	var want []mirror
	wantsDigest, wantsTag := c.nearest(mirrorset.ByDigest, scope), c.nearest(mirrorset.ByTag, scope)
	for _, r := range []*mirrorset.Rule{wantsDigest, wantsTag} {
		if r == nil || r.Source == scope {
			continue
		}
		if serves(r.Pull) {
			continue
		}
		for _, m := range r.Mirrors() {
			location := m.Location + after(scope, r.Source)
			want = append(want, mirror{location, r.Pull, covers(c.rules.Insecure, location)})
		}
	}
	from := c.carriedFrom(scope)
	if len(own) == 0 && strings.HasPrefix(from, "*.") {
		c.faults[wildcardNested] = true
		return
	}
	if base.MirrorByDigestOnly && (len(want) > 0 || c.hasRule(scope)) {
		c.faults[baseDigestOnly] = true
		return
	}
	if len(own) > 0 {
		switch {
		case len(want) == 0:
		case len(base.Mirrors) > 0:
			c.faults[baseMirrors] = true
		default:
			c.faults[kindsShadow] = true
		}
		return
	}
	if from == "" {
		return
	}
	var got []mirror
	for _, m := range c.ownMirrors(from) {
		m.location += after(scope, from)
		got = append(got, m)
	}
	if slices.Equal(got, want) {
		return
	}
	without := func(list []mirror) (flagless []mirror) {
		for _, m := range list {
			flagless = append(flagless, mirror{m.location, m.pull, false})
		}
		return flagless
	}
	switch {
	case slices.Equal(without(got), without(want)):
		c.faults[insecureNotCarried] = true
	case len(c.base[from].Mirrors) > 0:
		c.faults[baseMirrors] = true
	default:
		c.faults[severalSources] = true
	}
}

// after returns what a scope adds to the mirrors of a source around it.
func after(scope, source string) string {
	if !strings.HasPrefix(source, "*.") {
		return scope[len(source):]
	}
	if strings.HasPrefix(scope, "*.") {
		return ""
	}
	return scope[strings.IndexAny(scope+"/", ":/"):]
}

// blockedByMCO: under NeverContactSource itself, inside a blocked scope, or blocked in the base file.
func (c *comparison) blockedByMCO(scope string) bool {
	return c.base[scope].Blocked || covers(c.rules.Blocked, scope) ||
		slices.ContainsFunc(c.rules.Rules, func(r mirrorset.Rule) bool { return r.Source == scope && r.Never })
}

func (c *comparison) blocked(scope string) {
	if c.blockedByMCO(scope) {
		return
	}
	target := c.base[scope].Location
	// By plain HTTP, which this comparison does not look into, n.io and n.io:80 may be one.
	plain := contract.Of(c.rules, func(string) bool { return true })
	for _, name := range []string{scope, target} {
		http := manifestOf(name)
		http.Scheme = "http"
		if name != "" && !c.forbids(name) && (plain.Forbids(http.Place()) != "" || plain.Forbids(manifestOf(name).Place()) != "") {
			c.unclear = true
		}
	}
	switch {
	case slices.ContainsFunc(c.rules.Blocked, func(s mirrorset.Scope) bool { return world.Inside(scope, s.Value) }):
		c.faults[otherSpelling] = true
	case c.forbids(scope):
		if slices.ContainsFunc(c.rules.Rules, func(r mirrorset.Rule) bool { return r.Never && insideAsSpelled(scope, r.Source) }) {
			c.faults[neverNotCarried] = true
		} else {
			c.faults[otherSpelling] = true
		}
	case target != "" && (c.judge.Never(manifestOf(target).Place()) != "" || slices.Contains(c.entries, target) && c.blockedByMCO(target)):
		c.faults[baseLocation] = true
	}
}

// forbids reports whether a location or scope lies inside what may not be contacted.
func (c *comparison) forbids(scope string) bool {
	return c.judge.Forbids(manifestOf(scope).Place()) != ""
}

func (c *comparison) hidden(scope string) {
	if len(scope) < 3 || scope[0] == '*' || scope[1] != '.' || strings.ContainsAny(scope, "/:") {
		return
	}
	wildcard := "*" + scope[1:]
	if slices.Contains(c.entries, wildcard) && c.judge.Never(manifestOf(scope).Place()) != "" && !c.blockedByMCO(wildcard) {
		c.faults[hiddenByWildcard] = true
	}
}

// spellings looks for mirrors on hosts that are forbidden, or have forbidden repositories, under another
// name.
func (c *comparison) spellings() {
	forbidden := slices.Clone(c.rules.Blocked)
	for _, r := range c.rules.Rules {
		if r.Never {
			forbidden = append(forbidden, mirrorset.Scope{Value: r.Source})
		}
	}
	look := func(mirror string) {
		host, in, _ := strings.Cut(mirror, "/")
		name, _, _ := strings.Cut(host, ":")
		for _, f := range forbidden {
			at, path, _ := strings.Cut(f.Value, "/")
			entry := strings.TrimSuffix(host+"/"+path, "/")
			apart := !strings.HasPrefix(in+"/", path+"/") && !strings.HasPrefix(path+"/", in+"/") && path != "" && in != ""
			if slices.Contains(c.entries, entry) || apart {
				continue
			}
			if !world.Inside(host, at) {
				// By plain HTTP they may be one all the same, where one is insecure and the other spells port 80.
				c.unclear = c.unclear || world.Around("http", at, world.Address("http", host))
				continue
			}
			if !c.forbids(entry) {
				continue // a longer source opens it again
			}
			governed := name != host && slices.Contains(c.entries, name) // an entry for a host governs its ports
			if path == "" && (governed && c.blockedByMCO(name) || slices.ContainsFunc(forbidden, func(s mirrorset.Scope) bool { return s.Value == name })) {
				continue
			}
			// The client finds a forbidden wildcard around the host by its first place in the name.
			if strings.HasPrefix(at, "*.") && slices.ContainsFunc(forbidden, func(s mirrorset.Scope) bool {
				return strings.HasPrefix(s.Value, "*.") && strings.HasSuffix(name, s.Value[1:]) && !(governed && len(name) > len(s.Value)) && strings.Index(name, s.Value[1:]) == len(name)-len(s.Value)+1
			}) {
				continue
			}
			c.faults[otherSpelling] = true
		}
	}
	for _, l := range c.leads {
		look(l)
	}
	for _, r := range c.rules.Rules {
		for _, m := range r.Mirrors() {
			look(m.Location)
		}
	}
	for _, r := range c.base {
		if r.Location != "" && r.Prefix != "" && r.Location != r.Prefix {
			look(r.Location)
		}
		for _, m := range r.Mirrors {
			look(m.Location)
		}
	}
}

// nested and wildcard say what a configuration is worth as a comparison.
func (c *comparison) nested() bool {
	return slices.ContainsFunc(c.entries, func(e string) bool { return c.carriedFrom(e) != "" })
}

func (c *comparison) wildcard() bool {
	return slices.ContainsFunc(c.rules.Rules, func(r mirrorset.Rule) bool { return strings.HasPrefix(r.Source, "*.") })
}

// samples compares files until enough were found equal, and for each fault until enough were found to
// differ because of it alone.
type samples struct {
	equal         *report.Row
	differ        map[fault]*report.Row
	wantEqual     int
	wantDiffering int
	total         int
	leftOut       map[fault]int
	nested, wild  int
}

func newSamples(t *testing.T, what string, equal, differing int, faults ...fault) *samples {
	s := &samples{equal: newRow(t, mco, what+", byte for byte"), differ: map[fault]*report.Row{},
		wantEqual: random.Count(equal), wantDiffering: random.Count(differing), leftOut: map[fault]int{}}
	for _, f := range faults {
		s.differ[f] = newRow(t, mco, what+", different: "+string(f))
	}
	return s
}

func (s *samples) done() bool {
	for _, row := range s.differ {
		if row.Configurations < s.wantDiffering {
			return false
		}
	}
	return s.equal.Configurations == s.wantEqual
}

// compare judges one configuration. Where no fault is at work the files are equal; where one is they
// differ, or the fault would be stated too widely.
func (s *samples) compare(t *testing.T, base *registriesconf.Config, rules *mirrorset.Rules, set *mirrorset.Set) {
	t.Helper()
	files, _ := render.Linux(rules, base)
	ours := string(files.Config.Bytes())
	theirs, err := openshift.MCO(string(base.Bytes()), openshift.ClusterOf(set))
	c := compare(base, rules)
	s.total++
	if c.unclear {
		s.leftOut["port 80 and plain HTTP"]++
		return
	}
	if len(c.faults) == 0 {
		require.NoError(t, err)
		require.Equal(t, string(theirs), ours, "MCO's file, and ours\n%s", config{rules: rules, file: string(base.Bytes())})
		if s.equal.Configurations < s.wantEqual {
			s.equal.Configurations++
			if c.nested() {
				s.nested++
			}
			if c.wildcard() {
				s.wild++
			}
		}
		return
	}
	if c.faults[wildcardNested] {
		require.ErrorContains(t, err, "internal error")
	} else {
		require.NoError(t, err)
		require.NotEqual(t, string(theirs), ours, "%v should make a difference\n%s", c.faults, config{rules: rules, file: string(base.Bytes())})
	}
	for f := range c.faults {
		s.leftOut[f]++
		if row := s.differ[f]; row != nil && len(c.faults) == 1 && row.Configurations < s.wantDiffering {
			row.Configurations++
		}
	}
}

func (s *samples) log(t *testing.T) {
	t.Helper()
	t.Logf("%d configurations drawn; of the %d equal ones %d with nested entries, %d with wildcard sources; left out because of %v",
		s.total, s.equal.Configurations, s.nested, s.wild, s.leftOut)
}

func TestTheFileIsTheOneThatMCOWrites(t *testing.T) {
	samples := newSamples(t, "registries.conf", 5000, 100, neverNotCarried, wildcardNested, kindsShadow, severalSources, insecureNotCarried, otherSpelling, hiddenByWildcard)
	s := random.New(t.Name())
	for !samples.done() {
		s.Plain = samples.total%2 == 0
		set := s.Set()
		if samples.total%3 == 0 {
			nest(s, set)
		}
		rules, err := set.Rules()
		require.NoError(t, err)
		samples.compare(t, registriesconf.Default(), rules, set)
	}
	samples.log(t)
	require.Greater(t, samples.nested, samples.wantEqual/10)
	require.Greater(t, samples.wild, samples.wantEqual/10)
}

func TestABaseFileIsEditedAsMCOEditsIt(t *testing.T) {
	samples := newSamples(t, "edited base file", 2000, 60, baseLocation, baseMirrors, baseDigestOnly)
	s := random.New(t.Name())
	for !samples.done() {
		s.Plain = samples.total%2 == 0
		set := s.Set()
		rules, err := set.Rules()
		require.NoError(t, err)
		base, findings := registriesconf.Parse("base", baseFile(s))
		require.NoError(t, findings.Err())
		samples.compare(t, base, rules, set)
	}
	samples.log(t)
	require.Greater(t, samples.nested, samples.wantEqual/15)
}

// nest adds insecure scopes inside a source and inside one of its mirrors, which the random sets have too
// seldom.
func nest(s *random.Source, set *mirrorset.Set) {
	insecure := &set.Images[0].Spec.RegistrySources.InsecureRegistries
	for _, o := range set.ImageDigestMirrorSets {
		for _, e := range o.Spec.ImageDigestMirrors {
			if s.Intn(3) == 0 && len(e.Mirrors) > 0 && !strings.HasPrefix(e.Source, "*.") {
				path := s.Pick("/a", "/b", "/a/b")
				*insecure = append(*insecure, e.Source+path)
				if s.Intn(2) == 0 {
					*insecure = append(*insecure, e.Mirrors[s.Intn(len(e.Mirrors))]+path)
				}
				return
			}
		}
	}
}

func TestTheSearchRegistriesDropInIsTheOneThatMCOWrites(t *testing.T) {
	row := newRow(t, mco, "01-image-searchRegistries.conf, byte for byte")
	s := random.New(t.Name())
	for range random.Count(1_000) {
		set := &mirrorset.Set{Images: []mirrorset.Image{{Metadata: mirrorset.ObjectMeta{Name: "cluster"}}}}
		search := &set.Images[0].Spec.RegistrySources.ContainerRuntimeSearchRegistries
		for range 1 + s.Intn(4) {
			if host := s.Host(); !slices.Contains(*search, host) {
				*search = append(*search, host)
			}
		}
		rules, err := set.Rules()
		require.NoError(t, err)
		theirs, err := openshift.MCOSearchRegistries(*search)
		require.NoError(t, err)
		files, _ := render.Linux(rules, nil)
		require.Equal(t, string(theirs), string(files.Search.Bytes()))
		row.Configurations++
	}
}

// insideAsSpelled reports whether a name lies inside a source, both compared as they are spelled.
func insideAsSpelled(name, source string) bool {
	if domain, ok := strings.CutPrefix(source, "*"); ok {
		host, _, _ := strings.Cut(name, "/")
		host, _, _ = strings.Cut(host, ":")
		return strings.HasSuffix(host, domain) || name == source
	}
	return name == source || strings.HasPrefix(name, source+"/")
}
