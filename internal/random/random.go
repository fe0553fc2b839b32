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
	// Plain leaves out what only spellings bring: hosts in capitals, default ports, Docker Hub's other
	// names.
	Plain bool
}

// New returns the stream of a seed.
func New(seed int64) *Source { return &Source{Rand: rand.New(rand.NewSource(seed))} }

// Pick returns one of the items.
func (s *Source) Pick(items ...string) string { return items[s.Intn(len(items))] }

// Hosts are the registry hosts that configurations and references are made of.
var Hosts = []string{
	"quay.io", "m.io", "n.io:5000", "docker.io", "a.example.org", "foo.example.org", "x.y.example.org",
	"Quay.io", "quay.io:443", "registry-1.docker.io",
}

// Host returns a registry host.
func (s *Source) Host() string {
	if s.Plain {
		return Hosts[s.Intn(7)]
	}
	return Hosts[s.Intn(len(Hosts))]
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
		return s.Pick("*.example.org", "*.y.example.org", "*.docker.io")
	}
	return s.Location()
}

// Name returns an image name without tag and digest; some have no registry.
func (s *Source) Name() string {
	n := s.Pick(s.Host()+"/", s.Host()+"/", s.Host()+"/", "foo.example.org:5000/", "") + s.Pick("a", "b", "library", "z")
	for range s.Intn(4) {
		n += "/" + s.Pick("a", "b", "c-d", "z")
	}
	return n
}

// Set returns objects that the API server and MCO accept.
func (s *Source) Set() *mirrorset.Set {
	set := &mirrorset.Set{}
	never := map[string]bool{}
	entries := func(icsp bool) (entries []mirrorset.ImageMirrors) {
		for range 1 + s.Intn(3) {
			e := mirrorset.ImageMirrors{Source: s.Scope()}
			if _, ok := never[e.Source]; !ok {
				never[e.Source] = s.Intn(3) == 0
			}
			if never[e.Source] {
				if icsp {
					continue // an ImageContentSourcePolicy always allows
				}
				e.MirrorSourcePolicy = mirrorset.NeverContactSource
			} else if s.Intn(3) == 0 && !icsp {
				e.MirrorSourcePolicy = mirrorset.AllowContactingSource
			}
			for range s.Intn(4) {
				m := s.Location()
				if s.Intn(2) == 0 && !strings.HasPrefix(e.Source, "*.") { // one that keeps the naming rule
					if _, path, ok := strings.Cut(e.Source, "/"); ok {
						m += "/" + path
					}
				}
				if !slices.Contains(e.Mirrors, m) && (m != e.Source || !never[e.Source]) {
					e.Mirrors = append(e.Mirrors, m)
				}
			}
			entries = append(entries, e)
		}
		return entries
	}
	meta := func(kind string, i int) mirrorset.ObjectMeta {
		return mirrorset.ObjectMeta{Name: fmt.Sprintf("%s%d", kind, i)}
	}
	for i := range s.Intn(4) {
		set.ImageDigestMirrorSets = append(set.ImageDigestMirrorSets, mirrorset.ImageDigestMirrorSet{
			Metadata: meta("d", i), Spec: mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: entries(false)}})
	}
	for i := range s.Intn(3) {
		set.ImageTagMirrorSets = append(set.ImageTagMirrorSets, mirrorset.ImageTagMirrorSet{
			Metadata: meta("t", i), Spec: mirrorset.ImageTagMirrorSetSpec{ImageTagMirrors: entries(false)}})
	}
	for i := range s.Intn(2) {
		p := mirrorset.ImageContentSourcePolicy{Metadata: meta("p", i)}
		for _, e := range entries(true) {
			p.Spec.RepositoryDigestMirrors = append(p.Spec.RepositoryDigestMirrors, mirrorset.RepositoryDigestMirrors{Source: e.Source, Mirrors: e.Mirrors})
		}
		set.ImageContentSourcePolicies = append(set.ImageContentSourcePolicies, p)
	}
	image := mirrorset.Image{Metadata: mirrorset.ObjectMeta{Name: "cluster"}}
	r := &image.Spec.RegistrySources
	for range s.Intn(3) {
		r.BlockedRegistries = append(r.BlockedRegistries, s.Scope())
	}
	for range s.Intn(3) {
		r.InsecureRegistries = append(r.InsecureRegistries, s.Scope())
	}
	if s.Intn(4) == 0 {
		r.ContainerRuntimeSearchRegistries = []string{"m.io", "docker.io"}
	}
	set.Images = []mirrorset.Image{image}
	return set
}
