package resolve

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// NewWMCOTable returns the table of the files that the Windows Machine Config Operator makes of the
// same rules, with the faults that [NewContainerdTable] does without. It takes the steps of its
// pkg/registries/registries.go, from getMergedMirrorSets to generateConfig (August 2026):
//
//  1. The entries of ImageDigestMirrorSets, then those of ImageTagMirrorSets, are gathered by the host
//     of their source. ImageContentSourcePolicy and Image are not read.
//  2. Of each mirror the components that it shares with its source at the end are dropped. Of a second
//     and later entry of a host, endpoints that are there already are not repeated; of the first entry
//     alone they are, and containerd then ignores the file.
//  3. The policy is that of the first entry, replaced by later ones only where it says
//     AllowContactingSource: one that says nothing stays.
//  4. Endpoints are sorted by name. Under NeverContactSource the first of them is the server, with every
//     capability.
//
// Files in directories that Windows cannot make, of hosts with a port and of wildcards, are left out,
// and so the registries themselves are asked.
func NewWMCOTable(rules *mirrorset.Rules) *ContainerdTable {
	rules = complete(rules)
	gathered := map[string]*wmcoRegistry{}
	for _, e := range wmcoEntries(rules) {
		host, _ := network.SplitHost(e.Source)
		r := gathered[host]
		if r == nil {
			r = &wmcoRegistry{policy: e.Policy, at: map[string]int{}}
			gathered[host] = r
		} else if r.policy == mirrorset.AllowContactingSource {
			r.policy = e.Policy
		}
		r.add(e)
	}
	var registries []Registry
	for host, r := range gathered {
		if registry, ok := r.file(host); ok {
			registries = append(registries, registry)
		}
	}
	return ContainerdTableOf(registries)
}

// wmcoEntries returns the entries that WMCO reads, in the order of its lists.
func wmcoEntries(rules *mirrorset.Rules) []*mirrorset.Entry {
	var entries []*mirrorset.Entry
	for i := range rules.Rules {
		entries = append(entries, rules.Rules[i].Entries...)
	}
	entries = append(entries, rules.Unused...)
	entries = slices.DeleteFunc(entries, func(e *mirrorset.Entry) bool { return fromICSP(e.Origin) })
	slices.SortStableFunc(entries, func(a, b *mirrorset.Entry) int {
		ofA, ofB := finding.Origin{Object: a.Origin.Object, Field: a.Origin.Field},
			finding.Origin{Object: b.Origin.Object, Field: b.Origin.Field}
		return cmp.Or(strings.Compare(string(a.Pull), string(b.Pull)), ofA.Compare(ofB)) // digest before tag
	})
	return entries
}

func fromICSP(o finding.Origin) bool { return strings.HasPrefix(o.Object, "ImageContentSourcePolicy/") }

// wmcoRegistry is what WMCO gathers of one host.
type wmcoRegistry struct {
	policy    mirrorset.MirrorSourcePolicy
	endpoints []wmcoEndpoint
	at        map[string]int // the place of each location in endpoints
	entries   int
	repeated  bool
	origins   []finding.Origin
}

type wmcoEndpoint struct {
	location string
	tags     bool
	origins  []finding.Origin
}

func (r *wmcoRegistry) add(e *mirrorset.Entry) {
	r.entries++
	r.repeated = false
	r.origins = append(r.origins, e.Origin)
	_, path := network.SplitHost(e.Source)
	for i, mirror := range e.Mirrors {
		location, _ := endpoint(path, mirror)
		if mirror == e.Source {
			location, _ = network.SplitHost(mirror)
		}
		at, ok := r.at[location]
		if !ok {
			r.at[location] = len(r.endpoints)
			r.endpoints = append(r.endpoints, wmcoEndpoint{location, e.Pull == mirrorset.ByTag,
				[]finding.Origin{e.MirrorOrigin(i)}})
			continue
		}
		r.repeated = r.repeated || r.entries == 1
		r.endpoints[at].tags = r.endpoints[at].tags || e.Pull == mirrorset.ByTag
		r.endpoints[at].origins = append(r.endpoints[at].origins, e.MirrorOrigin(i))
	}
}

// file returns the file of a host; false where there is none, or none that containerd reads.
func (r *wmcoRegistry) file(host string) (Registry, bool) {
	if len(r.endpoints) == 0 || r.repeated || strings.ContainsAny(host, ":*") {
		return Registry{}, false
	}
	slices.SortFunc(r.endpoints, func(a, b wmcoEndpoint) int { return strings.Compare(a.location, b.location) })
	to := Registry{Host: host, Origins: r.origins}
	for _, e := range r.endpoints {
		asked := wmcoAsked(e.location)
		asked.Origins = e.origins
		asked.Capabilities = CanPull
		if e.tags {
			asked.Capabilities |= CanResolve
		}
		to.Endpoints = append(to.Endpoints, asked)
	}
	server := wmcoAsked(host)
	if r.policy == mirrorset.NeverContactSource {
		server = wmcoAsked(r.endpoints[0].location)
	}
	server.Capabilities = CanAll
	to.Server = &server
	return to, true
}

// wmcoAsked returns the endpoint at a location as it is spelled: that of Docker Hub too.
func wmcoAsked(location string) Endpoint {
	host, path := network.SplitHost(location)
	return Endpoint{Scheme: "https", Host: host, Root: "/v2" + path}
}
