package hoststoml

import (
	"maps"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
)

// endpointSettings are the settings of one place that containerd asks because of a file.
type endpointSettings struct {
	scheme   string
	location string // host[:port][/path], without "/v2", as the network sees it
	scope    string // the same, as the scopes of credentials are compared
	settings *Settings
}

// insecure reports whether the endpoint may be somebody else, or be asked in the clear.
func (e endpointSettings) insecure() bool {
	return e.scheme == "http" || e.settings.SkipVerify != nil && *e.settings.SkipVerify
}

// targets returns the places that a pull can reach because of the file: its hosts and its server.
// Those that neither pull nor resolve are left out, and so are URLs that containerd does not
// understand.
func (r *RegistryFile) targets() []endpointSettings {
	var all []endpointSettings
	add := func(url string, s *Settings) {
		pulls := len(s.Capabilities) == 0 || slices.Contains(s.Capabilities, CapabilityPull) ||
			slices.Contains(s.Capabilities, CapabilityResolve)
		target, err := ParseTarget(url, s.OverridePath)
		if err != nil || !pulls {
			return
		}
		path, ok := strings.CutPrefix(target.Path, "/v2")
		if !ok || path != "" && path[0] != '/' {
			path = target.Path // no registry answers there
		}
		all = append(all, endpointSettings{target.Scheme, network.Host(target.Host) + path,
			credentialHost(target.Host) + path, s})
	}
	if r.File == nil {
		return nil
	}
	for i := range r.File.Hosts {
		add(r.File.Hosts[i].URL, &r.File.Hosts[i].Settings)
	}
	add(r.File.Server, &r.File.Settings)
	return all
}

// clone returns a copy whose files can be changed.
func (t Tree) clone() Tree {
	out := slices.Clone(t)
	for i := range out {
		if f := out[i].File; f != nil {
			c := *f
			c.Settings = f.Settings.clone()
			c.Hosts = slices.Clone(f.Hosts)
			for j := range c.Hosts {
				c.Hosts[j].Settings = c.Hosts[j].Settings.clone()
			}
			out[i].File = &c
		}
		out[i].Extra = maps.Clone(out[i].Extra)
	}
	return out
}

func (s Settings) clone() Settings {
	s.CA, s.Client, s.Header = slices.Clone(s.CA), slices.Clone(s.Client), maps.Clone(s.Header)
	return s
}

// on reports whether the endpoint is on a registry's host.
func (e endpointSettings) on(registry string) bool {
	host, _, _ := strings.Cut(e.location, "/")
	return host == network.Host(registry)
}
