package registriesconf

import (
	"fmt"
	"slices"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// SearchDropIn is the name of the drop-in that holds the search registries of the cluster's Image,
// beside registries.conf: MCO writes it to /etc/containers.
const SearchDropIn = "registries.conf.d/01-image-searchRegistries.conf"

// Default returns the registries.conf that MCO starts from: no registries, and names without one are
// searched on registry.access.redhat.com and docker.io.
func Default() *Config {
	hosts, _ := resolve.NewLinuxTable(nil).SearchRegistries()
	return &Config{UnqualifiedSearchRegistries: hosts}
}

// Table returns what a Linux node makes of the file, to be asked for plans. name is what the plans'
// origins call the file. The Config must be one that Validate does not refuse: the client pulls
// nothing with another. A nil Config is the empty file.
func (c *Config) Table(name string) *resolve.LinuxTable {
	c = c.normalized()
	t := resolve.LinuxConfig{
		SearchRegistries: c.UnqualifiedSearchRegistries,
		ShortNameMode:    c.ShortNameMode,
		Aliases:          c.Aliases,
		Entries:          make([]resolve.LinuxEntry, len(c.Registries)),
	}
	for i, r := range c.Registries {
		field := fmt.Sprintf("registry[%d]", i)
		to := &t.Entries[i]
		*to = resolve.LinuxEntry{
			Prefix: r.Scope(), Location: r.Location, Blocked: r.Blocked, Insecure: r.Insecure,
			MirrorByDigestOnly: r.MirrorByDigestOnly, NamespaceProxy: r.NamespaceProxy,
			Origins: []finding.Origin{{File: name, Field: field}},
		}
		for j, m := range r.Mirrors {
			to.Mirrors = append(to.Mirrors, resolve.LinuxMirror{
				Location: m.Location, Insecure: m.Insecure, Pull: pullOf(m.PullFromMirror),
				NamespaceProxy: m.NamespaceProxy,
				Origins:        []finding.Origin{{File: name, Field: fmt.Sprintf("%s.mirror[%d]", field, j)}},
			})
		}
	}
	return resolve.LinuxTableOf(t)
}

// fromTable returns the file that says what the table says. t is the table of base, edited by
// rules: the settings that a table does not hold are taken from base, and its registries keep their
// place and their own settings. base is left as it is.
func fromTable(base *Config, t *resolve.LinuxTable) *Config {
	c := base.normalized()
	before, entries := len(c.Registries), t.Entries()
	c.Registries = slices.Grow(c.Registries, len(entries)-before)
	for i := range entries {
		from := &entries[i]
		if i >= before {
			r := Registry{Location: from.Location}
			if from.Location != from.Prefix { // a wildcard, which has no location
				r.Prefix = from.Prefix
			}
			c.Registries = append(c.Registries, r)
		}
		to := &c.Registries[i]
		to.Blocked, to.Insecure, to.MirrorByDigestOnly = from.Blocked, from.Insecure, from.MirrorByDigestOnly
		to.Mirrors = slices.Grow(to.Mirrors, max(0, len(from.Mirrors)-len(to.Mirrors)))
		for j, m := range from.Mirrors {
			if j >= len(to.Mirrors) {
				to.Mirrors = append(to.Mirrors, Mirror{Location: m.Location})
			}
			to.Mirrors[j].Insecure = m.Insecure
			if pullOf(to.Mirrors[j].PullFromMirror) != m.Pull {
				to.Mirrors[j].PullFromMirror = pullFrom(m.Pull)
			}
		}
	}
	return c
}

func pullOf(p PullFromMirror) mirrorset.Pull {
	switch p {
	case PullDigestOnly:
		return mirrorset.ByDigest
	case PullTagOnly:
		return mirrorset.ByTag
	}
	return ""
}

func pullFrom(p mirrorset.Pull) PullFromMirror {
	switch p {
	case mirrorset.ByDigest:
		return PullDigestOnly
	case mirrorset.ByTag:
		return PullTagOnly
	}
	return ""
}
