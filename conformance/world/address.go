package world

import (
	"strconv"
	"strings"
)

// Address is what a client connects to for host[:port], as name:port. A name in DNS has no letter
// case and may end in a dot; a port is a number, whatever zeros stand before it (net.LookupPort);
// without one the scheme decides. It is empty where no connection can be made: a port that is no
// number up to 65535.
//
// Docker Hub has three names, which are one host by the contract. The world knows it by the one
// that answers.
func Address(scheme, host string) string {
	name, port, spelled := strings.ToLower(host), 443, ""
	if scheme == "http" {
		port = 80
	}
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, ']') {
		name, spelled = name[:i], name[i+1:]
		n, err := strconv.ParseUint(spelled, 10, 16)
		if err != nil {
			return ""
		}
		port = int(n)
	}
	name = strings.TrimSuffix(name, ".")
	if spelled == "" || port == 443 { // elsewhere Docker Hub's names are names like others
		switch name {
		case "docker.io", "index.docker.io":
			name = "registry-1.docker.io"
		}
	}
	return name + ":" + strconv.Itoa(port)
}

// Place is where a request arrives: the address that was dialled, and /repository behind it for a
// request that names one.
func (r Request) Place() string {
	_, rest := cut(r.Location())
	if r.Path == "/token" {
		rest = ""
	}
	return Address(r.Scheme, r.Host) + rest
}

// Around reports whether a place lies inside a scope that is asked by a scheme. The scope is
// host[:port], with or without a path, or *.host, which holds every name below host on every port.
// A bare host is inside scopes without a path only.
func Around(scheme, scope, place string) bool {
	address, rest := cut(place)
	if domain, ok := strings.CutPrefix(scope, "*."); ok {
		name, _, _ := strings.Cut(address, ":")
		return strings.HasSuffix(name, "."+strings.ToLower(domain))
	}
	host, path := cut(scope)
	if Address(scheme, host) != address || address == "" {
		return false
	}
	return path == "" || rest == path || strings.HasPrefix(rest, path+"/")
}

// WireLocation spells a location as the wire sees it when it is asked by HTTPS: so that two
// spellings of one location are equal.
func WireLocation(location string) string {
	host, rest := cut(location)
	address := Address("https", host)
	if address == "" {
		return location // nobody can ask it
	}
	return strings.TrimSuffix(address, ":443") + rest
}

// cut splits a location into its host and the rest, which is empty or begins with "/".
func cut(location string) (host, rest string) {
	if i := strings.IndexByte(location, '/'); i >= 0 {
		return location[:i], location[i:]
	}
	return location, ""
}
