package hoststoml

import (
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset"
)

// Dir returns the name of the directory that holds the hosts.toml of a registry host: the host itself,
// or HOST_PORT_ for HOST:PORT, because Windows allows no colon in file names. containerd looks for this
// name first, on every system. The host is taken as spelled, case and default ports included.
func Dir(host string) string {
	// hostDirectory of containerd's hosts.go takes the last colon, if it is not the first character.
	if i := strings.LastIndexByte(host, ':'); i > 0 {
		return host[:i] + "_" + host[i+1:] + "_"
	}
	return host
}

// Dirs returns the directories that containerd looks for under its config_path, in order: HOST_PORT_,
// HOST:PORT and _default. The first that exists decides, even when it holds no hosts.toml. On Windows
// the second is HOSTPORT: containerd drops the colon.
func Dirs(host string) []string {
	return slices.Compact([]string{Dir(host), host, "_default"})
}

// HostFromDir returns the registry host that a directory is for: the inverse of Dir, that also takes
// HOST:PORT and leaves _default as it is. It reports false for names that belong to no host that an
// image reference can have; IPv6 addresses are among them.
func HostFromDir(dir string) (host string, ok bool) {
	if dir == "_default" {
		return dir, true
	}
	host = dir
	if rest, found := strings.CutSuffix(dir, "_"); found {
		name, port, _ := strings.Cut(rest, "_") // the grammar of hosts has no "_"
		host = name + ":" + port
	}
	if !mirrorset.ValidHost(host) {
		return "", false
	}
	return host, true
}

// hostFromDir is HostFromDir for what a node has: an address of IPv6 may be the host of an image, and Dir names
// its directory as containerd does.
func hostFromDir(dir string) (host string, ok bool) {
	if host, ok := HostFromDir(dir); ok || !strings.HasPrefix(dir, "[") {
		return host, ok
	}
	host = dir
	if rest, found := strings.CutSuffix(dir, "_"); found {
		i := strings.LastIndexByte(rest, '_')
		if i < 0 {
			return "", false
		}
		host = rest[:i] + ":" + rest[i+1:]
	}
	return host, network.IPv6(host)
}
