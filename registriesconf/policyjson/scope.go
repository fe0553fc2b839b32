package policyjson

import (
	"path"
	"regexp"
	"strings"

	"github.com/opencontainers/go-digest"
)

// whyNoScope returns what is wrong with a scope of a transport, and "" where the client takes it
// (ValidatePolicyConfigurationScope of each transport, on Linux). The scope "" and transports that
// the client does not know are never wrong, and docker takes any scope, also one that governs
// nothing.
func whyNoScope(transport, scope string) string {
	if scope == "" {
		return ""
	}
	switch transport {
	case "docker-archive", "tarball":
		return `is a scope, and the transport has none but "": write ""`
	case "docker-daemon":
		if _, err := digest.Parse(scope); err == nil {
			return "is a digest: name a repository or a registry"
		}
	case "atomic":
		if !atomicScope.MatchString(scope) {
			return "is not HOST[/NAMESPACE[/STREAM[:TAG]]], which is all that the transport takes: write " +
				"it under docker"
		}
	case "dir", "oci", "oci-archive", "sif":
		switch {
		case !strings.HasPrefix(scope, "/"):
			return "is not an absolute path: begin it with a slash"
		case scope == "/":
			return `stands for every path: write ""`
		case path.Clean(scope) != scope:
			return "is not the shortest form of the path: write " + path.Clean(scope)
		}
	case "containers-storage":
		if !storageScope(scope) {
			return "is not [DRIVER@/PATH] or [/PATH], with NAME, NAME@ID, NAME@DIGEST or NAME@DIGEST@ID " +
				"behind it: correct it"
		}
	}
	return ""
}

var (
	atomicScope = regexp.MustCompile("^[^/]*(/[^:/]*(/[^:/]*(:[^:/]*)?)?)?$")
	imageID     = regexp.MustCompile("^[0-9a-f]{64}$")
)

func storageScope(scope string) bool {
	store, name, closed := strings.Cut(scope, "]")
	store, opened := strings.CutPrefix(store, "[")
	if !opened || !closed {
		return false
	}
	driver, root, both := strings.Cut(store, "@")
	if !both {
		driver, root = "overlay", store
	}
	if driver == "" || !strings.HasPrefix(root, "/") {
		return false
	}
	isDigest := func(s string) bool { _, err := digest.Parse(s); return err == nil }
	switch fields := strings.SplitN(name, "@", 3); len(fields) {
	case 2:
		return imageID.MatchString(fields[1]) || isDigest(fields[1])
	case 3:
		return isDigest(fields[1]) && imageID.MatchString(fields[2])
	}
	return true
}
