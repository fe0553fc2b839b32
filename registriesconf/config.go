// Package registriesconf reads and writes registries.conf (version 2), the file that tells
// containers-image, and with it CRI-O, podman and skopeo, where to pull from on a Linux node.
//
// [Parse] reads a file into a [Config], a plain struct that is meant to be looked at and changed,
// and reports everything that the client would refuse or ignore, with line numbers. [Config.Bytes]
// writes it back, in the form that the Machine Config Operator (MCO) gives the file on a node.
// [Config.Overlay] lays a drop-in of registries.conf.d on top.
//
// [Render] turns rules into all files that a node needs, as MCO edits them:
//
//	files, table, findings := registriesconf.Render(rules, registriesconf.RenderOptions{})
//
// [Files.Apply] puts them on a node, over the Transport of package nodefiles, so that each file is
// the old one or the new one at every moment. [Diff] returns the operations without doing them, and
// [Impact] says what they cost the node:
//
//	node, err := nodefiles.OpenLocal("/etc/containers") // or another Transport
//	…
//	change, err := files.Apply(ctx, node, registriesconf.Options{})
//
// The rules are those of the client, not of its manual page: package sysregistriesv2 of
// go.podman.io/image/v5 v5.42.0, which decodes with github.com/BurntSushi/toml. Those that surprise:
//
//   - An invalid file is not skipped: the client fails to load its whole configuration, drop-ins
//     included, and pulls nothing at all.
//   - Keys are matched without regard to letter case (Prefix = "…" is a prefix), the names of aliases
//     excepted; keys that the client does not know are ignored.
//   - Trailing slashes of prefixes, locations and search registries do not count.
//   - Of two registries with the same prefix in one file the first wins; in a drop-in, the drop-in's.
//   - The order of registries means nothing beyond that: the longest prefix wins.
package registriesconf

import (
	"maps"
	"slices"
	"strings"
)

// A Config is one registries.conf. Its zero value is the empty file.
//
// Reading it from any number of goroutines is safe, and no method changes it.
type Config struct {
	// UnqualifiedSearchRegistries are the hosts, host[:port], that a reference without a registry is
	// tried against, in order. Nil means that the file does not have the list; a drop-in with a list
	// that is empty but not nil empties the one below it.
	UnqualifiedSearchRegistries []string
	// CredentialHelpers are asked for credentials in order; "containers-auth.json" stands for the
	// authentication file. Nil and empty differ as above.
	CredentialHelpers []string
	// ShortNameMode says how names without a registry are resolved: "enforcing", "permissive" or
	// "disabled". Empty leaves it to the files below, in the end to "permissive".
	ShortNameMode string
	// AdditionalLayerStoreAuthHelper is a program that is handed the credentials of pulls.
	AdditionalLayerStoreAuthHelper string
	// Aliases maps short names to repositories, as written: the client takes docker.io/alpine for
	// docker.io/library/alpine when it resolves one. An empty value removes the alias of a file below.
	Aliases map[string]string
	// Registries are the [[registry]] tables in the order of the file, with those that are dead
	// because an earlier one has their prefix.
	Registries []Registry
}

// A Registry says where the images of one registry, namespace or repository are pulled from.
type Registry struct {
	// Prefix is what an image name must start with: host[:port][/path], or *.host for every
	// subdomain of host. Empty means Location. A prefix of slashes only is kept as "/": it matches
	// no image.
	Prefix string
	// Location replaces the prefix in the image name: host[:port][/path]. Only a wildcard prefix goes
	// without, and then leaves the name as it is.
	Location string
	// Insecure allows plain HTTP and certificates that do not verify.
	Insecure bool
	// Blocked forbids the registry itself; its mirrors are still tried.
	Blocked bool
	// MirrorByDigestOnly keeps pulls by tag away from every mirror. It excludes
	// [Mirror.PullFromMirror] on the mirrors.
	MirrorByDigestOnly bool
	// NamespaceProxy is sent to the registry as the ns parameter of each request.
	NamespaceProxy string
	// Mirrors are tried in order, before the registry itself.
	Mirrors []Mirror
}

// Scope returns what the registry applies to: Prefix, or Location where Prefix is empty.
func (r Registry) Scope() string {
	if r.Prefix != "" {
		return r.Prefix
	}
	return r.Location
}

// A Mirror is one [[registry.mirror]].
type Mirror struct {
	// Location replaces the registry's prefix in the image name: host[:port][/path].
	Location string
	// Insecure allows plain HTTP and certificates that do not verify.
	Insecure bool
	// PullFromMirror says which pulls the mirror serves.
	PullFromMirror PullFromMirror
	// NamespaceProxy is sent to the mirror as the ns parameter of each request.
	NamespaceProxy string
}

// PullFromMirror says which pulls a mirror serves.
type PullFromMirror string

const (
	// PullUnset is an absent setting: every pull, unless the registry has mirror-by-digest-only.
	PullUnset PullFromMirror = ""
	// PullAll serves every pull.
	PullAll PullFromMirror = "all"
	// PullDigestOnly serves pulls by digest.
	PullDigestOnly PullFromMirror = "digest-only"
	// PullTagOnly serves pulls by tag.
	PullTagOnly PullFromMirror = "tag-only"
)

// normalized returns a copy as the client ends up with it, that shares no memory with c.
func (c *Config) normalized() *Config {
	if c == nil {
		return &Config{}
	}
	n := *c
	n.UnqualifiedSearchRegistries = slices.Clone(c.UnqualifiedSearchRegistries)
	for i, host := range n.UnqualifiedSearchRegistries {
		n.UnqualifiedSearchRegistries[i] = trimSlashes(host)
	}
	n.CredentialHelpers = slices.Clone(c.CredentialHelpers)
	n.Aliases = maps.Clone(c.Aliases)
	n.Registries = slices.Clone(c.Registries)
	for i := range n.Registries {
		r := &n.Registries[i]
		r.Location = trimSlashes(r.Location)
		r.Prefix = trimPrefix(r.Prefix)
		r.Mirrors = append([]Mirror(nil), r.Mirrors...)
		for j := range r.Mirrors {
			r.Mirrors[j].Location = trimSlashes(r.Mirrors[j].Location)
		}
	}
	return &n
}

// trimPrefix drops the slashes at the end of a prefix. Of one that is nothing but slashes the client
// keeps an empty prefix that, unlike an absent one, is not replaced by the location: "/".
func trimPrefix(s string) string {
	if trimmed := trimSlashes(s); trimmed != "" || s == "" {
		return trimmed
	}
	return "/"
}

// used is the scope as the client ends up with it.
func (r *Registry) used() string {
	if r.Prefix != "" {
		return trimPrefix(r.Prefix)
	}
	return trimSlashes(r.Location)
}

// trimSlashes drops what the client drops from the end of every prefix, location and search registry.
func trimSlashes(s string) string { return strings.TrimRight(s, "/") }
