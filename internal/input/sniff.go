package input

import (
	"bytes"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/pattern"
	"github.com/pullroute/pullroute/registriesconf"
)

// format is what a text is.
type format int

const (
	formatManifest   format = iota // YAML or JSON, or nothing at all
	formatRegistries               // a registries.conf or a drop-in of it
	formatHosts                    // a hosts.toml
	formatPolicy                   // a policy.json
	formatOther                    // TOML of another program
)

var (
	// tomlLine is a line that begins a TOML file; no manifest begins so, but for JSON.
	tomlLine = pattern.New(`^\s*(\[\[?[^\]]*\]?\]?\s*(#.*)?$|("[^"]*"|'[^']*'|[\w-]+(\s*\.\s*[\w-]+)*)\s*=)`)
	// The keys and tables of the two formats, letter case aside, as containers-image takes them.
	registriesLine = pattern.New(`(?im)^\s*(\[\[?\s*["']?(registry|registries|aliases)\b` +
		`|["']?(registry|unqualified-search-registries|short-name-mode|credential-helpers` +
		`|additional-layer-store-auth-helper)["']?\s*=)`)
	hostsLine = pattern.New(`(?im)^\s*(\[\s*["']?(host|header)\b` +
		`|["']?(server|host|capabilities|skip_verify|override_path|ca|client|dial_timeout)["']?\s*[=.])`)
	manifestLine = pattern.New(`(?m)^\s*(-\s+)?["']?(apiVersion|kind)["']?\s*:`)
)

// sniff says what a text is: by its content, and only where that does not tell, by its name.
func sniff(name string, text []byte) format {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if looksTOML(text) {
		registries, hosts := registriesLine.Match(text), hostsLine.Match(text)
		switch byName := formatOfName(name); {
		case registries && (!hosts || byName != formatHosts):
			return formatRegistries
		case hosts:
			return formatHosts
		case byName == formatHosts, isRegistriesName(name):
			return byName
		}
		return formatOther // such as crio.conf: the ending alone makes no registries.conf
	}
	if manifestLine.Match(text) {
		return formatManifest
	}
	return formatOfName(name)
}

// looksTOML reports whether the first line that says something is one of TOML.
func looksTOML(text []byte) bool {
	for line := range bytes.Lines(text) {
		trimmed := bytes.TrimSpace(line)
		if len(trimmed) == 0 || trimmed[0] == '#' {
			continue
		}
		return tomlLine.Match(trimmed) && (trimmed[0] != '[' || !json.Valid(text))
	}
	return false
}

// formatOfName returns what a file of this name is meant to be.
func formatOfName(name string) format {
	base := path.Base(name)
	switch {
	case base == hoststoml.FileName:
		return formatHosts
	case isRegistriesName(name), strings.EqualFold(path.Ext(base), ".conf"):
		return formatRegistries
	}
	return formatManifest
}

// isRegistriesName reports whether a client reads a file of this name as a registries.conf.
func isRegistriesName(name string) bool {
	return path.Base(name) == registriesconf.FileName || isDropInDir(path.Base(path.Dir(name)))
}

// candidate reports whether a file of a directory is looked into.
func candidate(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".yaml", ".yml", ".json", ".conf", ".toml":
		return true
	}
	return path.Base(name) == registriesconf.FileName || isKustomization(name) || inCRIODropIns(name)
}

// hidden reports whether a name in a directory is passed over: .git, .github and the like. Users'
// configurations of containers-image are in .config.
func hidden(name string) bool {
	return strings.HasPrefix(name, ".") && name != ".config" && name != "."
}

func isKustomization(name string) bool {
	return slices.Contains([]string{"kustomization.yaml", "kustomization.yml", "Kustomization"}, path.Base(name))
}
