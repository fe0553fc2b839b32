package openshift

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	configv1 "github.com/openshift/api/config/v1"
)

// WMCO imitates what the Windows Machine Config Operator makes of the cluster's
// ImageDigestMirrorSets and ImageTagMirrorSets: directories and their hosts.toml, fault for fault.
// The operator's module is on no proxy, so it cannot be linked; this takes the same steps over the
// same kinds of lists and maps (pkg/registries/registries.go, from getMergedMirrorSets to
// generateConfig, without the pull secret), so that what it costs is comparable too.
func WMCO(digests []configv1.ImageDigestMirrorSet, tags []configv1.ImageTagMirrorSet) map[string]string {
	var entries []wmcoRegistry
	for _, o := range digests {
		for _, e := range o.Spec.ImageDigestMirrors {
			entries = append(entries, wmcoEntry(e.Source, e.Mirrors, e.MirrorSourcePolicy, false))
		}
	}
	for _, o := range tags {
		for _, e := range o.Spec.ImageTagMirrors {
			entries = append(entries, wmcoEntry(e.Source, e.Mirrors, e.MirrorSourcePolicy, true))
		}
	}

	byHost := map[string]wmcoRegistry{}
	for _, e := range entries {
		r, ok := byHost[e.host]
		if !ok {
			byHost[e.host] = e // the list as it stands, repeats and all
			continue
		}
		r.mirrors = wmcoMerge(r.mirrors, e.mirrors)
		if r.policy == configv1.AllowContactingSource { // an absent policy is not replaced
			r.policy = e.policy
		}
		byHost[e.host] = r
	}
	var registries []wmcoRegistry
	for _, r := range byHost {
		slices.SortFunc(r.mirrors, func(a, b wmcoMirror) int { return strings.Compare(a.location, b.location) })
		registries = append(registries, r)
	}
	slices.SortFunc(registries, func(a, b wmcoRegistry) int { return strings.Compare(a.host, b.host) })

	files := map[string]string{}
	for _, r := range registries {
		files[r.host] = r.file()
	}
	return files
}

type wmcoRegistry struct {
	host    string
	mirrors []wmcoMirror
	policy  configv1.MirrorSourcePolicy
}

type wmcoMirror struct {
	location string
	tags     bool
}

func wmcoEntry(
	source string,
	mirrors []configv1.ImageMirror,
	policy configv1.MirrorSourcePolicy,
	tags bool,
) wmcoRegistry {
	var list []wmcoMirror
	for _, m := range mirrors {
		list = append(list, wmcoMirror{wmcoLocation(source, string(m)), tags})
	}
	return wmcoRegistry{wmcoHost(source), list, policy}
}

// wmcoLocation is a mirror without what it shares, at its end, with the source.
func wmcoLocation(source, mirror string) string {
	if source == mirror {
		return wmcoHost(mirror)
	}
	theirs, own := strings.Split(source, "/"), strings.Split(mirror, "/")
	for i, j := len(theirs)-1, len(own)-1; i >= 0 && j >= 0 && theirs[i] == own[j]; i, j = i-1, j-1 {
		own = own[:j]
	}
	return strings.Join(own, "/")
}

func wmcoHost(location string) string {
	if u, err := url.Parse(location); err == nil && u.Hostname() != "" { // nothing that the API server lets in
		return u.Host
	}
	return strings.Split(location, "/")[0]
}

func wmcoMerge(first, second []wmcoMirror) []wmcoMirror {
	byLocation := map[string]wmcoMirror{}
	for _, m := range first {
		byLocation[m.location] = m
	}
	for _, m := range second {
		if old, ok := byLocation[m.location]; !ok || m.tags && !old.tags {
			byLocation[m.location] = m
		}
	}
	var merged []wmcoMirror
	for _, m := range byLocation {
		merged = append(merged, m)
	}
	return merged
}

func (r wmcoRegistry) file() string {
	if len(r.mirrors) == 0 {
		return ""
	}
	server := r.host
	if r.policy == configv1.NeverContactSource {
		server = r.mirrors[0].location
	}
	text := fmt.Sprintf("server = %q\n\noverride_path = true\n", wmcoURL(server))
	for _, m := range r.mirrors {
		text += fmt.Sprintf("\n[host.%q]\n", wmcoURL(m.location))
		if m.tags {
			text += "  capabilities = [\"pull\", \"resolve\"]\n"
		} else {
			text += "  capabilities = [\"pull\"]\n"
		}
		text += "  override_path = true\n"
	}
	return text
}

func wmcoURL(location string) string {
	host := wmcoHost(location)
	return "https://" + host + "/v2" + location[len(host):]
}
