package registriesconf

import (
	"fmt"
	"maps"
	"slices"
)

// Bytes returns the file in the form MCO writes: byte for byte what the encoder of
// github.com/BurntSushi/toml v1.2.0 makes of the V2RegistriesConf of containers/image v5.22.0. So a list
// that is nil is left out and one that is empty is written, prefix and short-name-mode are written even
// when empty, and of the rest what is empty or false is left out. The settings that came with later
// versions of the client (namespace-proxy, additional-layer-store-auth-helper) are left out when empty
// and otherwise stand where those versions write them.
//
// Parsing the bytes gives c again, for every Config that Validate does not refuse, apart from what
// the client does not tell apart: trailing slashes are gone from prefixes, locations and search
// registries (a prefix of slashes is "/"), and empty Mirrors are nil. A refused Config is written
// too, as it is.
func (c *Config) Bytes() []byte {
	if c == nil {
		c = &Config{}
	}
	p := printer{make([]byte, 0, 512+256*len(c.Registries))} // room for a mirror or two of each
	if c.Registries != nil && len(c.Registries) == 0 {
		p.write("registry = []\n")
	}
	p.list("unqualified-search-registries", c.UnqualifiedSearchRegistries)
	p.list("credential-helpers", c.CredentialHelpers)
	p.write("short-name-mode = ")
	p.quote(c.ShortNameMode)
	p.write("\n")
	p.setting("", "additional-layer-store-auth-helper", c.AdditionalLayerStoreAuthHelper)
	for i := range c.Registries {
		p.registry(&c.Registries[i])
	}
	if c.Aliases != nil {
		p.write("\n[aliases]\n")
		for _, name := range slices.Sorted(maps.Keys(c.Aliases)) {
			p.write("  " + key(name) + " = ")
			p.quote(c.Aliases[name])
			p.write("\n")
		}
	}
	return p.text
}

// A printer writes settings that are set, and nothing for the others.
type printer struct{ text []byte }

func (p *printer) write(s string) { p.text = append(p.text, s...) }

func (p *printer) registry(r *Registry) {
	p.write("\n[[registry]]\n  prefix = ")
	p.quote(r.Prefix)
	p.write("\n")
	p.setting("  ", "location", r.Location)
	p.flag("  ", "insecure", r.Insecure)
	p.setting("  ", "namespace-proxy", r.NamespaceProxy)
	p.flag("  ", "blocked", r.Blocked)
	p.flag("  ", "mirror-by-digest-only", r.MirrorByDigestOnly)
	for i := range r.Mirrors {
		m := &r.Mirrors[i]
		p.write("\n  [[registry.mirror]]\n")
		p.setting("    ", "location", m.Location)
		p.flag("    ", "insecure", m.Insecure)
		p.setting("    ", "pull-from-mirror", string(m.PullFromMirror))
		p.setting("    ", "namespace-proxy", m.NamespaceProxy)
	}
}

func (p *printer) list(key string, items []string) {
	if items == nil {
		return
	}
	p.write(key + " = [")
	for i, item := range items {
		if i > 0 {
			p.write(", ")
		}
		p.quote(item)
	}
	p.write("]\n")
}

func (p *printer) setting(indent, key, s string) {
	if s == "" {
		return
	}
	p.write(indent)
	p.write(key)
	p.write(" = ")
	p.quote(s)
	p.write("\n")
}

func (p *printer) flag(indent, key string, set bool) {
	if set {
		p.write(indent)
		p.write(key)
		p.write(" = true\n")
	}
}

// escaped tells the bytes that cannot stand in a TOML basic string as they are.
var escaped = func() (escaped [256]bool) {
	for c := range 0x20 {
		escaped[c] = true
	}
	escaped['"'], escaped['\\'], escaped[0x7f] = true, true, true
	return escaped
}()

// quote writes a TOML basic string. Of several ways to escape a character it takes the encoder's.
func (p *printer) quote(s string) {
	p.write(`"`)
	rest := 0 // up to here s is written
	for i := range len(s) {
		c := s[i]
		if !escaped[c] {
			continue
		}
		p.write(s[rest:i])
		rest = i + 1
		switch c {
		case '"', '\\':
			p.text = append(p.text, '\\', c)
		case '\b':
			p.write(`\b`)
		case '\t':
			p.write(`\t`)
		case '\n':
			p.write(`\n`)
		case '\f':
			p.write(`\f`)
		case '\r':
			p.write(`\r`)
		default:
			p.text = fmt.Appendf(p.text, `\u%04x`, c)
		}
	}
	p.write(s[rest:])
	p.write(`"`)
}

// key returns a TOML key, in quotes only where it needs them.
func key(name string) string {
	bare := name != ""
	for _, c := range []byte(name) {
		bare = bare && (c == '-' || c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z')
	}
	if bare {
		return name
	}
	return quote(name)
}

// quote returns a TOML basic string.
func quote(s string) string {
	var p printer
	p.quote(s)
	return string(p.text)
}
