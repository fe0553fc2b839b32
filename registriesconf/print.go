package registriesconf

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Bytes returns the file in the form MCO writes: byte for byte what the encoder of
// github.com/BurntSushi/toml v1.2.0 makes of the V2RegistriesConf of containers/image v5.22.0. So a list
// that is nil is left out and one that is empty is written, prefix and short-name-mode are written even
// when empty, and of the rest what is empty or false is left out. The settings that came with later
// versions of the client (namespace-proxy, additional-layer-store-auth-helper) are left out when empty
// and otherwise stand where those versions write them.
//
// Parsing the bytes gives c again, for every Config that Validate does not refuse, apart from what the
// client does not tell apart: trailing slashes are gone from prefixes, locations and search registries (a
// prefix of slashes is "/"), and empty Mirrors are nil. A refused Config is written too, as it is.
func (c *Config) Bytes() []byte {
	if c == nil {
		c = &Config{}
	}
	var p printer
	if c.Registries != nil && len(c.Registries) == 0 {
		p.printf("registry = []\n")
	}
	p.list("unqualified-search-registries", c.UnqualifiedSearchRegistries)
	p.list("credential-helpers", c.CredentialHelpers)
	p.printf("short-name-mode = %s\n", quote(c.ShortNameMode))
	p.text("", "additional-layer-store-auth-helper", c.AdditionalLayerStoreAuthHelper)
	for _, r := range c.Registries {
		p.registry(r)
	}
	if c.Aliases != nil {
		p.printf("\n[aliases]\n")
		for _, name := range slices.Sorted(maps.Keys(c.Aliases)) {
			p.printf("  %s = %s\n", key(name), quote(c.Aliases[name]))
		}
	}
	return []byte(p.String())
}

// A printer writes settings that are set, and nothing for the others.
type printer struct{ strings.Builder }

func (p *printer) registry(r Registry) {
	p.printf("\n[[registry]]\n")
	p.printf("  prefix = %s\n", quote(r.Prefix))
	p.text("  ", "location", r.Location)
	p.flag("  ", "insecure", r.Insecure)
	p.text("  ", "namespace-proxy", r.NamespaceProxy)
	p.flag("  ", "blocked", r.Blocked)
	p.flag("  ", "mirror-by-digest-only", r.MirrorByDigestOnly)
	for _, m := range r.Mirrors {
		p.printf("\n  [[registry.mirror]]\n")
		p.text("    ", "location", m.Location)
		p.flag("    ", "insecure", m.Insecure)
		p.text("    ", "pull-from-mirror", string(m.PullFromMirror))
		p.text("    ", "namespace-proxy", m.NamespaceProxy)
	}
}

func (p *printer) list(key string, items []string) {
	if items == nil {
		return
	}
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = quote(item)
	}
	p.printf("%s = [%s]\n", key, strings.Join(quoted, ", "))
}

func (p *printer) text(indent, key, s string) {
	if s != "" {
		p.printf("%s%s = %s\n", indent, key, quote(s))
	}
}

func (p *printer) flag(indent, key string, set bool) {
	if set {
		p.printf("%s%s = true\n", indent, key)
	}
}

func (p *printer) printf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

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

// quote returns a TOML basic string. Of several ways to escape a character it takes the encoder's.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		switch c {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\b':
			b.WriteString(`\b`)
		case '\t':
			b.WriteString(`\t`)
		case '\n':
			b.WriteString(`\n`)
		case '\f':
			b.WriteString(`\f`)
		case '\r':
			b.WriteString(`\r`)
		default:
			if c < 0x20 || c == 0x7f {
				fmt.Fprintf(&b, `\u%04x`, c)
			} else {
				b.WriteByte(c)
			}
		}
	}
	b.WriteByte('"')
	return b.String()
}
