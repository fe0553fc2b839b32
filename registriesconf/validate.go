package registriesconf

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/distribution/reference"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Validate reports what the client would refuse or ignore of the file that Bytes writes: what Parse
// reports of it, without file and lines. The Config is refused where the Err of the findings is not
// nil.
func (c *Config) Validate() finding.Findings {
	var findings finding.Findings
	for _, p := range c.problems() {
		findings = append(findings, p.finding(finding.Origin{Field: p.field}))
	}
	return findings.Sort()
}

// A problem is a finding whose place is not known yet.
type problem struct {
	field, value, message string
	refused               bool // by the client; otherwise it ignores the field
}

// pullsNothing stands in the message of each refusal between what is wrong and what to do.
const pullsNothing = "; the client refuses the file and pulls nothing until it is mended: "

func (p problem) finding(origin finding.Origin) finding.Finding {
	f := finding.Finding{
		Code:     finding.CodeIgnoredSetting,
		Severity: finding.SeverityWarning,
		Platform: finding.Linux,
		Origin:   origin,
		Value:    shown.Location(p.value),
		Message:  p.message,
	}
	if p.refused {
		f.Code, f.Severity, f.RefusedBy = finding.CodeInvalidFile, finding.SeverityError, finding.Client
	}
	return f
}

// problems checks a Config as postProcessRegistries and loadConfigFile of the client do, but does not
// stop at the first problem.
func (c *Config) problems() []problem {
	if c == nil {
		return nil
	}
	var ps problems
	for i, host := range c.UnqualifiedSearchRegistries {
		if !isSearchRegistry(trimSlashes(host)) {
			ps.refuse(item("unqualified-search-registries", i), host,
				"is no registry host", "write host or host:port, without scheme and path")
		}
	}
	for i, program := range c.CredentialHelpers {
		ps.encoding(item("credential-helpers", i), program)
	}
	if mode := c.ShortNameMode; mode != "" && mode != "enforcing" && mode != "permissive" && mode != "disabled" {
		ps.refuse(place{key: "short-name-mode"}, mode, "is no short-name mode", "write enforcing, "+
			"permissive or disabled")
	}
	ps.encoding(place{key: "additional-layer-store-auth-helper"}, c.AdditionalLayerStoreAuthHelper)
	for i := range c.Registries {
		ps.registry(item("registry", i), &c.Registries[i])
	}
	ps.conflicts(c.Registries)
	ps.shadowed(c.Registries)
	for _, name := range slices.Sorted(maps.Keys(c.Aliases)) {
		ps.alias(name, c.Aliases[name])
	}
	return ps
}

type problems []problem

// A place is where a setting stands: KEY, LIST[i] and LIST[i].KEY, and registry[i].mirror[j] with or
// without a key. It is put into words only where something is reported: a node has many registries,
// and seldom one with a problem.
type place struct {
	list       string // empty for a setting of the file itself
	at, mirror int    // mirror counts from 1; 0 stands for none
	key        string // empty for the item itself
}

func item(list string, i int) place { return place{list: list, at: i} }

// of returns the place of a setting of what stands at p.
func (p place) of(key string) place { p.key = key; return p }

func (p place) String() string {
	if p.list == "" {
		return p.key
	}
	s := fmt.Sprintf("%s[%d]", p.list, p.at)
	if p.mirror > 0 {
		s += fmt.Sprintf(".mirror[%d]", p.mirror-1)
	}
	if p.key != "" {
		s += "." + p.key
	}
	return s
}

func (ps *problems) refuse(at place, value, wrong, advice string) {
	*ps = append(*ps, problem{field: at.String(), value: value, message: wrong + pullsNothing + advice, refused: true})
}

func (ps *problems) registry(at place, r *Registry) {
	ps.encoding(at.of("namespace-proxy"), r.NamespaceProxy)
	ps.location(at.of("prefix"), r.Prefix)
	ps.location(at.of("location"), r.Location)
	prefix, location := trimSlashes(r.Prefix), trimSlashes(r.Location)
	switch {
	case location != "":
	case r.Prefix == "":
		ps.refuse(at.of("location"), r.Location, "is unset, and so is prefix", "set location, or remove the registry")
	case !isWildcard(prefix):
		ps.refuse(at.of("location"), r.Location, "is unset, which only a prefix of the form *.example.com allows",
			"set it, to the prefix where names are not to change")
	}
	switch {
	case r.Prefix == "":
		ps.wildcard(at.of("location"), r.Location)
	case prefix == "" && location != "":
		*ps = append(*ps, problem{field: at.of("prefix").String(), value: r.Prefix,
			message: "matches no image, and the client never uses the registry: remove the prefix, it is " +
				"then the location"})
	default:
		ps.wildcard(at.of("prefix"), r.Prefix)
	}
	for i := range r.Mirrors {
		at.mirror = i + 1
		ps.mirror(at, &r.Mirrors[i], r.MirrorByDigestOnly)
	}
}

func (ps *problems) mirror(at place, m *Mirror, byDigestOnly bool) {
	ps.encoding(at.of("namespace-proxy"), m.NamespaceProxy)
	ps.location(at.of("location"), m.Location)
	if trimSlashes(m.Location) == "" {
		ps.refuse(at.of("location"), m.Location, "is unset", "set it, or remove the mirror")
	}
	switch m.PullFromMirror {
	case PullUnset:
		return
	case PullAll, PullDigestOnly, PullTagOnly:
	default:
		ps.refuse(at.of("pull-from-mirror"), string(m.PullFromMirror), "is not a kind of pull",
			"write all, digest-only or tag-only")
	}
	if byDigestOnly {
		ps.refuse(at.of("pull-from-mirror"), string(m.PullFromMirror),
			"is set, and so is mirror-by-digest-only on its registry",
			"remove mirror-by-digest-only and set pull-from-mirror on each mirror")
	}
}

// location checks what a prefix and a location have in common. The client looks no further: a location
// that cannot be part of a reference fails when an image is pulled.
func (ps *problems) location(at place, location string) {
	ps.encoding(at, location)
	trimmed := trimSlashes(location)
	if strings.HasPrefix(trimmed, "http://") || strings.HasPrefix(trimmed, "https://") {
		ps.refuse(at, location, "has a scheme", "write host[:port][/path], and insecure = true for plain HTTP")
	}
}

// wildcard checks the scope of a registry.
func (ps *problems) wildcard(at place, scope string) {
	if isWildcard(scope) && strings.ContainsAny(trimSlashes(scope), "/@:") {
		ps.refuse(at, scope, "is a wildcard with a port or a path", "write *.host")
	}
}

func isWildcard(scope string) bool { return strings.HasPrefix(scope, "*.") }

// encoding refuses strings that no TOML file can hold.
func (ps *problems) encoding(at place, s string) {
	if !utf8.ValidString(s) {
		ps.refuse(at, s, "is not UTF-8", "correct it")
	}
}

// conflicts compares the registries of one location, or of one wildcard that has none; dead ones count.
func (ps *problems) conflicts(registries []Registry) {
	first := make(map[string]int, len(registries))
	for i := range registries {
		r := &registries[i]
		location := trimSlashes(r.Location)
		if location == "" {
			location = trimSlashes(r.Prefix)
		}
		if location == "" {
			continue
		}
		j, again := first[location]
		if !again {
			first[location] = i
			continue
		}
		for _, setting := range []struct {
			name        string
			here, there bool
		}{
			{"insecure", r.Insecure, registries[j].Insecure},
			{"blocked", r.Blocked, registries[j].Blocked},
		} {
			if setting.here != setting.there {
				ps.refuse(item("registry", i).of(setting.name), strconv.FormatBool(setting.here),
					fmt.Sprintf("is %t in registry[%d], which has the same location, %s", setting.there, j, shown.Value(location)),
					"give both the same value")
			}
		}
	}
}

// shadowed reports registries whose prefix an earlier one has.
func (ps *problems) shadowed(registries []Registry) {
	first := make(map[string]int, len(registries))
	for i := range registries {
		scope := registries[i].used()
		if scope == "" {
			continue
		}
		if j, again := first[scope]; again {
			*ps = append(*ps, problem{field: item("registry", i).String(), value: scope, message: fmt.Sprintf(
				"is also the prefix of registry[%d]; the client uses that one and ignores this: merge them", j)})
			continue
		}
		first[scope] = i
	}
}

func (ps *problems) alias(name, target string) {
	at := place{key: "aliases." + shownKey(name)}
	switch domain, ok := repository(name); {
	case !ok:
		ps.refuse(at, name, "is no short name", "write a repository, lower case and without tag or digest")
	case isRegistry(domain):
		ps.refuse(at, name, "is no short name, it starts with a registry", "write it without the registry")
	}
	if target == "" {
		return
	}
	switch domain, ok := repository(target); {
	case !ok:
		ps.refuse(at, target, "is no repository", "write registry/repository, lower case and without tag or digest")
	case !isRegistry(domain):
		ps.refuse(at, target, "does not name a registry", "write registry/repository")
	}
}

// repository splits a repository name from its domain, in the older grammar that the client has a copy
// of: without IPv6 addresses, and with the limit on the length of the name counting the domain.
func repository(name string) (domain string, ok bool) {
	ref, _ := reference.Parse(name) // nil with an error
	named, ok := ref.(reference.Named)
	if !ok || !reference.IsNameOnly(named) || strings.Contains(name, "[") {
		return "", false
	}
	domain = reference.Domain(named)
	length := len(name)
	path := reference.Path(named)
	if (domain == "docker.io" || domain == "index.docker.io") && !strings.Contains(path, "/") {
		// These are held to the limit once more, spelled in full.
		length = max(length, len("docker.io/library/")+len(path))
	}
	return domain, length <= reference.RepositoryNameTotalLengthMax
}

// isRegistry reports whether the client takes the first component of a name for a registry.
func isRegistry(domain string) bool {
	return strings.ContainsAny(domain, ".:") || domain == "localhost"
}

var searchRegistry = regexp.MustCompile("^(?:" + reference.DomainRegexp.String() + ")$")

// isSearchRegistry checks an item of unqualified-search-registries: host[:port], no IPv6 address.
func isSearchRegistry(host string) bool {
	return searchRegistry.MatchString(host) && !strings.Contains(host, "[")
}
