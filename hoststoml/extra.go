package hoststoml

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path"
	"slices"
	"strings"
)

// Extra are the files beside a hosts.toml that it refers to, certificates and keys, by name. Names
// are those that [ExtraName] makes. Keys are secrets: printing or encoding an Extra shows the names
// only, and the files are written with mode 0600.
type Extra map[string]Secret

// extraPrefix tells our files from certificates that somebody else put beside them. Names alone have to
// tell, because after an interruption there may be files that no hosts.toml refers to.
const extraPrefix = "pullroute-"

// ExtraName returns the name for a file beside hosts.toml: ca.pem becomes
// pullroute-ca-9f86d081884c7d65.pem, where the digits depend on the content. So no content ever
// changes under its name: while a tree is replaced, the old hosts.toml finds the certificates that
// it was written for, and so does the new one. What cannot be in a file name on every system, the
// colon of a port for one, becomes "-". Names that end in .crt, .cert or .key are not for an Extra:
// where there is no hosts.toml, containerd takes such files for the registry itself, and at the end
// of a removal there is none.
func ExtraName(base string, content []byte) string {
	base = strings.Map(func(r rune) rune {
		if !fileNameRune(r) {
			return '-'
		}
		return r
	}, base)
	sum := sha256.Sum256(content)
	ext := path.Ext(base)
	return extraPrefix + strings.TrimSuffix(base, ext) + "-" + hex.EncodeToString(sum[:8]) + ext
}

// isExtra reports whether a file of this name was written by pullroute.
func isExtra(name string) bool { return strings.HasPrefix(name, extraPrefix) }

// validExtra reports whether Extra may have the name: a file of the directory itself, on every system,
// that is not taken for another hand's or for a temporary one.
func validExtra(name string) bool {
	switch path.Ext(name) {
	case ".", ".crt", ".cert", ".key":
		return false
	}
	return isExtra(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return !fileNameRune(r) })
}

func fileNameRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.'
}

func (e Extra) names() []string { return slices.Sorted(maps.Keys(e)) }
