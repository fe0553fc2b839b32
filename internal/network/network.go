// Package network says which spellings of a registry host are one host.
package network

import "strings"

// DockerHub is the host that answers for Docker Hub. References and rules say docker.io; index.docker.io is
// its older name (github.com/distribution/reference, normalize.go). containers-image and containerd both ask
// this host for docker.io.
const DockerHub = "registry-1.docker.io"

// Host returns host[:port] as the network sees it, so that two spellings of one host compare equal: Docker Hub
// under its one name, letters in lower case, the default port of HTTPS left out.
func Host(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ":443")
	if host == "docker.io" || host == "index.docker.io" {
		return DockerHub
	}
	return host
}
