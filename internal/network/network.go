// Package network says which spellings of a registry host are one host: the one function that
// decides it, for all that asks what may be contacted, or whether two locations are one. Which rule
// or file a name finds is another question: the clients compare names as they are spelled.
package network

import (
	"strconv"
	"strings"

	"github.com/distribution/reference"
)

// DockerHub is the host that answers for Docker Hub. References and rules say docker.io;
// index.docker.io is its older name (github.com/distribution/reference, normalize.go).
// containers-image and containerd both ask this host for docker.io.
const DockerHub = "registry-1.docker.io"

// Host returns host[:port] as the network sees it when it is asked by HTTPS, so that two spellings
// of one host compare equal: letters in lower case, no dot at the end, a port without leading
// zeros, the default port 443 left out, an IPv4 address in four decimal numbers, and Docker Hub
// under its one name. A wildcard "*.host" is returned in the same form.
func Host(host string) string {
	if plain(host) {
		return host
	}
	name, port := split(host)
	if port == "443" {
		port = ""
	}
	if port == "" {
		if name == "docker.io" || name == "index.docker.io" {
			return DockerHub
		}
		return name
	}
	return name + ":" + port
}

// Usual returns a location or scope with its host as people write it: as the network sees it, and Docker Hub as
// docker.io.
func Usual(location string) string {
	host, path := SplitHost(location)
	form := Host(host)
	switch {
	case form == DockerHub:
		form = "docker.io"
	case form == host:
		return location // as most are
	}
	return form + path
}

// Place returns a location of a plan as the network sees it. What a hosts.toml calls docker.io is asked as
// it is, and is no registry: it is no name of Docker Hub there.
func Place(location string) string {
	host, path := SplitHost(location)
	if name, port := split(host); name == "docker.io" && (port == "" || port == "443") {
		return name + path
	}
	return Host(host) + path
}

// HTTPHost returns the same for a host that is asked by plain HTTP, whose default port is 80. The
// two forms of a host without a port differ: they are two servers. n.io by HTTP is what n.io:80 is
// by HTTP or HTTPS.
func HTTPHost(host string) string {
	if name, port := split(host); port != "" {
		return Host(name + ":" + port)
	}
	return Host(host) + ":80"
}

// plain reports whether a host is most likely in canonical form as it is: what most are.
func plain(host string) bool {
	if host == "" || '0' <= host[0] && host[0] <= '9' || host[len(host)-1] == '.' || strings.HasSuffix(host, "docker.io") {
		return false
	}
	for i := range len(host) {
		if c := host[i]; 'A' <= c && c <= 'Z' || c == ':' {
			return false
		}
	}
	return true
}

// split returns the name and the port of a host, both in canonical form; port is empty where there
// is none.
func split(host string) (name, port string) {
	name = strings.ToLower(host)
	// The colons of an IPv6 address stand in brackets.
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, ']') {
		name, port = name[:i], name[i+1:]
		if significant := strings.TrimLeft(port, "0"); significant != "" || port == "" {
			port = significant
		} else {
			port = "0"
		}
	}
	name = strings.TrimSuffix(name, ".")
	if address, ok := ipv4(name); ok {
		name = address
	}
	return name, port
}

// ShortIPv4 returns the address that a host is read as by the resolver of the C library
// (inet_aton), where it is an IPv4 address in another form than four decimal numbers: 127.1, 0x7f.1
// and 2130706433 are 127.0.0.1. ok is false for every other host. Go's own resolver takes such a
// host for a name.
func ShortIPv4(host string) (address string, ok bool) {
	name := strings.ToLower(host)
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name = name[:i]
	}
	address, ok = ipv4(name)
	return address, ok && address != name
}

// ipv4 reads an address as inet_aton does: one to four numbers, decimal, octal after "0",
// hexadecimal after "0x", the last of which fills the bytes that are left.
func ipv4(name string) (address string, ok bool) {
	if name == "" || name[0] < '0' || name[0] > '9' || len(name) > 64 {
		return "", false
	}
	parts := strings.Split(name, ".")
	if len(parts) > 4 {
		return "", false
	}
	var value uint64
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 0, 32) // base 0 also takes "0b1", "0o7" and "1_000"
		if err != nil || strings.ContainsAny(part, "_o") || strings.HasPrefix(part, "0b") {
			return "", false
		}
		bytes := 1 // that this number fills
		if i == len(parts)-1 {
			bytes = 4 - i
		}
		if n >= 1<<(8*bytes) {
			return "", false
		}
		value = value<<(8*bytes) | n
	}
	octets := make([]string, 4)
	for i := range octets {
		octets[i] = strconv.FormatUint(value>>(24-8*i)&0xff, 10)
	}
	return strings.Join(octets, "."), true
}

// IPv6 reports whether a host is an address of IPv6, with a port or without, as images may have it
// (github.com/distribution/reference, regexp.go). The objects of a cluster know none.
func IPv6(host string) bool {
	if !strings.HasPrefix(host, "[") {
		return false
	}
	_, err := reference.ParseNamed(host + "/a")
	return err == nil
}

// SplitHost splits a location or scope into host[:port] and the rest, which is empty or starts with "/".
func SplitHost(location string) (host, rest string) {
	if i := strings.IndexByte(location, '/'); i >= 0 {
		return location[:i], location[i:]
	}
	return location, ""
}
