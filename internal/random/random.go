// Package random makes cluster objects and image references for property tests and for the comparisons
// with real clients: over few names, so that sources nest, scopes overlap and mirrors meet sources.
package random

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
)

// Digest is the digest that references by digest are given where the content does not matter.
const Digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// Source is a stream of random configurations. Two streams of one seed are equal.
type Source struct {
	*rand.Rand
	// Plain leaves out other spellings of hosts, and the hosts that differ from others in little else.
	Plain bool
}

// New returns the stream of a seed.
func New(seed int64) *Source { return &Source{Rand: rand.New(rand.NewSource(seed))} }

// Pick returns one of the items.
func (s *Source) Pick(items ...string) string { return items[s.Intn(len(items))] }

// Hosts are the registry hosts that configurations and references are made of, each in its usual
// spelling.
var Hosts = []string{
	"quay.io", "m.io", "n.io:5000", "docker.io", "a.example.org", "foo.example.org", "x.y.example.org",
	// Its end stands in it twice: a client that looks for the end of a wildcard at its first place
	// does not find it.
	"foo.example.org.example.org", "n.io",
}

// plainHosts is how many of Hosts a Plain source takes.
const plainHosts = 7

// Host returns a registry host.
func (s *Source) Host() string {
	if s.Plain {
		return Hosts[s.Intn(plainHosts)]
	}
	host := Hosts[s.Intn(len(Hosts))]
	if s.Intn(3) > 0 {
		return host
	}
	return s.Spell(host)
}

// Spell returns a host in another spelling. Most are one and the same to the network: letter case,
// the default port written out, zeros before a port, Docker Hub's other names. Some only look so:
// port 80, which is the default of plain HTTP alone, and a port with a zero behind it.
func (s *Source) Spell(host string) string {
	name, port, _ := strings.Cut(host, ":")
	switch name {
	case "docker.io", "index.docker.io", "registry-1.docker.io":
		name = s.Pick("docker.io", "index.docker.io", "registry-1.docker.io")
	}
	switch s.Intn(6) {
	case 0:
		name = strings.ToUpper(name[:1]) + name[1:]
	case 1:
		name = strings.ToUpper(name)
	case 2:
		i := s.Intn(len(name))
		name = name[:i] + strings.ToUpper(name[i:i+1]) + name[i+1:]
	}
	switch {
	case port == "":
		port = s.Pick("", "", "", "443", "443", "0443", "00443", "80", "080", "4430", "800")
	case s.Intn(2) == 0:
		port = s.Pick("0", "00") + port
	}
	if port != "" {
		name += ":" + port
	}
	return name
}

// Respell returns a location or scope with its host in another spelling.
func (s *Source) Respell(location string) string {
	host, path := location, ""
	if i := strings.IndexByte(location, '/'); i >= 0 {
		host, path = location[:i], location[i:]
	}
	if domain, ok := strings.CutPrefix(host, "*."); ok {
		return "*." + strings.ToUpper(domain[:1]) + domain[1:]
	}
	return s.Spell(host) + path
}

// Location returns a host, namespace or repository.
func (s *Source) Location() string {
	l := s.Host()
	for range s.Intn(4) {
		l += "/" + s.Pick("a", "b", "library", "c-d")
	}
	return l
}

// Scope returns a location or a wildcard.
func (s *Source) Scope() string {
	if s.Intn(6) == 0 {
		wildcard := s.Pick("*.example.org", "*.y.example.org", "*.docker.io")
		switch {
		case s.Plain:
		case s.Intn(6) == 0:
			return s.Respell(wildcard)
		case s.Intn(6) == 0:
			return "*.io"
		}
		return wildcard
	}
	return s.Location()
}

// Name returns an image name without tag and digest; some have no registry.
func (s *Source) Name() string {
	n := s.Pick(s.Host()+"/", s.Host()+"/", s.Host()+"/", "foo.example.org:5000/", "") +
		s.Pick("a", "b", "library", "z")
	for range s.Intn(4) {
		n += "/" + s.Pick("a", "b", "c-d", "z")
	}
	return n
}

// Set returns objects that the API server and MCO accept.
func (s *Source) Set() *mirrorset.Set {
	set := &mirrorset.Set{}
	never := map[string]bool{}
	meta := func(kind string, i int) mirrorset.ObjectMeta {
		return mirrorset.ObjectMeta{Name: fmt.Sprintf("%s%d", kind, i)}
	}
	for i := range s.Intn(4) {
		set.ImageDigestMirrorSets = append(set.ImageDigestMirrorSets, mirrorset.ImageDigestMirrorSet{
			Metadata: meta("d", i), Spec: mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: s.entries(never, false)}})
	}
	for i := range s.Intn(3) {
		set.ImageTagMirrorSets = append(set.ImageTagMirrorSets, mirrorset.ImageTagMirrorSet{
			Metadata: meta("t", i), Spec: mirrorset.ImageTagMirrorSetSpec{ImageTagMirrors: s.entries(never, false)}})
	}
	for i := range s.Intn(2) {
		p := mirrorset.ImageContentSourcePolicy{Metadata: meta("p", i)}
		for _, e := range s.entries(never, true) {
			p.Spec.RepositoryDigestMirrors = append(p.Spec.RepositoryDigestMirrors,
				mirrorset.RepositoryDigestMirrors{Source: e.Source, Mirrors: e.Mirrors})
		}
		set.ImageContentSourcePolicies = append(set.ImageContentSourcePolicies, p)
	}
	set.Images = []mirrorset.Image{s.image()}
	return set
}

// entries returns those of one object. never says of each source whether it may not be contacted,
// which is the same in all objects. An ImageContentSourcePolicy always allows it.
func (s *Source) entries(never map[string]bool, icsp bool) (entries []mirrorset.ImageMirrors) {
	for range 1 + s.Intn(3) {
		e := mirrorset.ImageMirrors{Source: s.Scope()}
		if _, ok := never[e.Source]; !ok {
			never[e.Source] = s.Intn(3) == 0
		}
		if never[e.Source] {
			if icsp {
				continue
			}
			e.MirrorSourcePolicy = mirrorset.NeverContactSource
		} else if s.Intn(3) == 0 && !icsp {
			e.MirrorSourcePolicy = mirrorset.AllowContactingSource
		}
		for range s.Intn(4) {
			if m := s.mirror(e.Source); !slices.Contains(e.Mirrors, m) && (m != e.Source || !never[e.Source]) {
				e.Mirrors = append(e.Mirrors, m)
			}
		}
		entries = append(entries, e)
	}
	return entries
}

// mirror returns a mirror of a source. One in two keeps the naming rule.
func (s *Source) mirror(source string) string {
	m := s.Location()
	if s.Intn(2) == 0 && !strings.HasPrefix(source, "*.") {
		if _, path, ok := strings.Cut(source, "/"); ok {
			m += "/" + path
		}
	}
	return m
}

// image returns the cluster's Image.
func (s *Source) image() mirrorset.Image {
	image := mirrorset.Image{Metadata: mirrorset.ObjectMeta{Name: "cluster"}}
	r := &image.Spec.RegistrySources
	for range s.Intn(3) {
		r.BlockedRegistries = append(r.BlockedRegistries, s.Scope())
	}
	if len(r.BlockedRegistries) == 0 && s.Intn(3) == 0 {
		r.AllowedRegistries = []string{s.Scope(), s.Scope()}
	}
	for range s.Intn(3) {
		r.InsecureRegistries = append(r.InsecureRegistries, s.Scope())
	}
	if s.Intn(4) == 0 {
		r.ContainerRuntimeSearchRegistries = []string{"m.io", "docker.io"}
		if !s.Plain {
			if host := s.Host(); !slices.Contains(r.ContainerRuntimeSearchRegistries, host) {
				r.ContainerRuntimeSearchRegistries[s.Intn(2)] = host
			}
		}
	}
	return image
}
