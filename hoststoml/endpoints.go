package hoststoml

import (
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
)

// endpointSettings are the settings of one place that containerd asks because of a file.
type endpointSettings struct {
	location string // host[:port][/path], without "/v2", as the network sees it
	scope    string // the same, as the scopes of credentials are compared
	settings *Settings
}

// targets returns the places that a pull can reach because of the file: its hosts and its server.
// Those that neither pull nor resolve are left out. A URL that containerd does not understand has no
// location.
func (r *RegistryFile) targets() []endpointSettings {
	var all []endpointSettings
	add := func(url string, s *Settings) {
		pulls := len(s.Capabilities) == 0 || slices.Contains(s.Capabilities, CapabilityPull) ||
			slices.Contains(s.Capabilities, CapabilityResolve)
		if !pulls {
			return
		}
		target, _ := ParseTarget(url, s.OverridePath)
		path := strings.TrimPrefix(target.Path, "/v2")
		if path != "" && path[0] != '/' {
			path = target.Path // no registry answers there
		}
		all = append(all, endpointSettings{network.Host(target.Host) + path, credentialHost(target.Host) + path, s})
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

// on reports whether the endpoint is on a registry's host.
func (e endpointSettings) on(registry string) bool {
	host, _, _ := strings.Cut(e.location, "/")
	return host == network.Host(registry)
}
