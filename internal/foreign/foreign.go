// Package foreign knows where images with foreign layers are: layers whose descriptor in the
// manifest has urls, which clients fetch from there first, whatever the files of a node say. The
// Windows base images had them until mid-2023, and what was built on these has them still.
package foreign

import (
	"strings"

	"github.com/pullroute/pullroute/internal/network"
)

var places = []struct{ host, path string }{{"mcr.microsoft.com", ""}, {network.DockerHub, "/microsoft"}}

// Known reports whether some of the places that are known for such images lie inside a scope, or
// around it. The scope is host[:port], with or without a path, or *.host.
func Known(scope string) bool {
	host, path := scope, ""
	if i := strings.IndexByte(scope, '/'); i >= 0 {
		host, path = scope[:i], scope[i:]
	}
	seen := network.Host(host)
	for _, place := range places {
		if domain, ok := strings.CutPrefix(seen, "*"); ok && strings.HasSuffix(place.host, domain) {
			return true
		}
		if seen == place.host && (strings.HasPrefix(path+"/", place.path+"/") || strings.HasPrefix(place.path+"/", path+"/")) {
			return true
		}
	}
	return false
}
