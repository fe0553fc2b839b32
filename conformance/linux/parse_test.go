package linux

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	oldregistries "github.com/containers/image/v5/pkg/sysregistriesv2"
	"github.com/stretchr/testify/require"
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"go.podman.io/image/v5/types"

	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
)

func TestTheClientReadsADamagedFileAsWeDo(t *testing.T) {
	each := random.Count(6_000)
	row := newRow(t, containersImage, "damaged registries.conf, as many read as refused")
	s := files{random.New(t.Name())}
	dir := t.TempDir()
	counts := map[bool]int{}
	left := map[string]int{}
	for i := 0; counts[false] < each || counts[true] < each; i++ {
		content := s.file()
		for range s.Intn(4) {
			content = s.damage(content)
		}
		ours, findings := registriesconf.Parse("registries.conf", []byte(content))
		client, err := containersimage.LoadRegistries(dir, content)
		// Of two spellings the client may take one that it refuses, or the other: its answer is random.
		if why := deliberate(findings); why == twoSpellings || why != "" && err == nil {
			left[why]++
			if err == nil {
				require.NoError(t, client.Close())
			}
			continue
		}
		require.Equal(t, err != nil, findings.Err() != nil, "the client says %v, the library %v of\n%s", err, findings, content)
		if err == nil {
			requireRead(t, client, ours, content)
			for range 2 {
				requirePulled(t, client, ours, s.image(ours), content)
			}
			require.NoError(t, client.Close())
		}
		if counts[err != nil] < each {
			counts[err != nil]++
			row.Configurations++
		}
		if i%500 == 0 {
			containersimage.ForgetRegistries()
		}
	}
	t.Logf("left out: %v", left)
}

func TestTwoRefusalsAreOurOwn(t *testing.T) {
	for content, why := range map[string]string{
		"[[registry]]\nlocation = \"a.io\"\nLocation = \"b.io\"\n": twoSpellings,
		"aliases.a = \"a.io/a\"\n[aliases]\nb = \"b.io/b\"\n":      extendedTable,
		"aliases = {a = \"a.io/a\"}\naliases.b = \"b.io/b\"\n":     extendedTable,
		"x = {a = 1}\nx.b = 2\n":                                   extendedTable,
	} {
		_, findings := registriesconf.Parse("registries.conf", []byte(content))
		require.Error(t, findings.Err(), content)
		require.Equal(t, why, deliberate(findings), "%v", findings)
		client, err := containersimage.LoadRegistries(t.TempDir(), content)
		require.NoError(t, err, content)
		require.NoError(t, client.Close())
	}
}

// The deliberate refusals that are documented on registriesconf.Parse.
const (
	twoSpellings  = "a setting in two spellings"
	extendedTable = "a table that is extended"
)

// deliberate says why a file is refused that the client would load, and is empty for any other.
func deliberate(findings finding.Findings) string {
	for _, f := range findings {
		switch {
		// A setting spelled in two letter cases, of which the client takes either at random.
		case f.RefusedBy == finding.Reader && f.Code == finding.CodeInvalidFile && strings.Contains(f.Message, "at random"):
			return twoSpellings
		// A table extended after it was closed: an inline table by a header or a dotted key, one made by
		// dotted keys by a header. The client may drop a part of what is written.
		case f.Refused() && strings.HasPrefix(f.Message, "not valid TOML: ") &&
			(strings.Contains(f.Message, "already") || strings.Contains(f.Message, "should be a table, not a value")):
			return extendedTable
		}
	}
	return ""
}

// requireRead compares every value.
func requireRead(t *testing.T, client *containersimage.Registries, ours *registriesconf.Config, content string) {
	t.Helper()
	theirs, mode, err := client.Config()
	require.NoError(t, err)
	ours = ours.Overlay(nil) // the client's order, without the dead registries
	require.Equal(t, fromClient(theirs), fromOurs(ours), content)
	want := map[types.ShortNameMode]string{types.ShortNameModeDisabled: "disabled", types.ShortNameModeEnforcing: "enforcing", types.ShortNameModePermissive: "permissive"}[mode]
	if ours.ShortNameMode != "" || want != "permissive" {
		require.Equal(t, want, ours.ShortNameMode, content)
	}
	for name, alias := range ours.Aliases {
		got, err := client.Alias(name)
		require.NoError(t, err, content)
		// The client fills in what Docker Hub's names leave out.
		if rest, ok := strings.CutPrefix(alias, "index.docker.io/"); ok {
			alias = "docker.io/" + rest
		}
		if rest, ok := strings.CutPrefix(alias, "docker.io/"); ok && !strings.Contains(rest, "/") {
			alias = "docker.io/library/" + rest
		}
		require.Equal(t, got, alias, "alias %q\n%s", name, content)
	}
}

// read is what of a file can be compared.
type read struct {
	registries          []registriesconf.Registry
	search, credentials []string
	layerStore          string
}

func fromClient(c *sysregistriesv2.V2RegistriesConf) read {
	r := read{search: c.UnqualifiedSearchRegistries, credentials: c.CredentialHelpers, layerStore: c.AdditionalLayerStoreAuthHelper}
	for _, from := range c.Registries {
		to := registriesconf.Registry{Prefix: from.Prefix, Location: from.Location, Insecure: from.Insecure, Blocked: from.Blocked,
			MirrorByDigestOnly: from.MirrorByDigestOnly, NamespaceProxy: from.NamespaceProxy}
		for _, m := range from.Mirrors {
			to.Mirrors = append(to.Mirrors, registriesconf.Mirror{Location: m.Location, Insecure: m.Insecure,
				PullFromMirror: registriesconf.PullFromMirror(m.PullFromMirror), NamespaceProxy: m.NamespaceProxy})
		}
		r.registries = append(r.registries, to)
	}
	return r
}

func fromOurs(c *registriesconf.Config) read {
	r := read{search: c.UnqualifiedSearchRegistries, credentials: c.CredentialHelpers, layerStore: c.AdditionalLayerStoreAuthHelper}
	if len(r.credentials) == 0 {
		r.credentials = []string{"containers-auth.json"} // the client's default
	}
	for _, to := range c.Registries {
		to.Prefix = strings.TrimSuffix(to.Scope(), "/") // a prefix of slashes is empty to the client
		r.registries = append(r.registries, to)
	}
	slices.SortStableFunc(r.registries, func(a, b registriesconf.Registry) int { return strings.Compare(a.Prefix, b.Prefix) })
	return r
}

// requirePulled compares what the two would do for an image.
func requirePulled(t *testing.T, client *containersimage.Registries, ours *registriesconf.Config, image, content string) {
	t.Helper()
	got := attempts(client, image)
	plan, err := ours.Table("registries.conf").Plan(image)
	if err != nil {
		require.Error(t, got.err, "%s: %v\n%s", image, err, content)
		return
	}
	require.Equal(t, got.locations, locations(plan), "%s: the client says %v, the plan %v\n%s", image, got.err, plan.Findings, content)
}

// files makes registries.conf files and breaks them.
type files struct{ *random.Source }

// file is one that a program wrote: MCO's, or one with everything.
func (s files) file() string {
	content := string(baseFile(s.Source))
	if s.Intn(3) == 0 {
		content = strings.Replace(content, "short-name-mode", "additional-layer-store-auth-helper = \"helper\"\nshort-name-mode", 1)
	}
	if s.Intn(3) == 0 {
		content = strings.ReplaceAll(content, "  [[registry.mirror]]\n", "  [[registry.mirror]]\n    namespace-proxy = \"ns\"\n")
	}
	if s.Intn(8) == 0 {
		content = strings.ReplaceAll(content, "\n", "\r\n")
	}
	if s.Intn(4) == 0 {
		content = "# a comment\n" + strings.ReplaceAll(content, " = ", "=")
	}
	return content
}

func (s files) value() string {
	return s.Pick(`true`, `false`, `"true"`, `1`, `1.5`, `1979-05-27`, `""`, `"quay.io"`, `'quay.io'`, `"quay.io/"`, `"quay.io/a//"`, `"/"`, `"*.example.org"`, `"*.example.org:5000"`, `"*.example.org/a"`,
		`"*."`, `"http://quay.io"`, `"https://"`, `"HTTP://quay.io"`, `"quay.io:5000"`, `"[::1]"`, `"a_b"`, `"é.io"`, `[]`, `{}`, `[[]]`, `["quay.io"]`, `["quay.io/"]`, `["a", 1]`, `[1]`, `[{}]`,
		`["a",]`, "[\n\"quay.io\",\n# comment\n]", `"all"`, `"digest-only"`, `"tag-only"`, `"Tag-only"`, `"enforcing"`, `"permissive"`, `"disabled"`, `"maybe"`, `"""quay.io"""`, `'''quay.io'''`,
		`"\u0071uay.io"`, `"\x71uay.io"`, `"\q"`, `"quay.io`, `{location = "m.io"}`, `[{location = "m.io"}]`, `[{location = "m.io", insecure = true}, {Location = "n.io"}]`, `inf`, `0x1`, `nan`, `yes`)
}

func (s files) key() string {
	k := s.Pick("prefix", "location", "insecure", "blocked", "mirror-by-digest-only", "pull-from-mirror", "namespace-proxy", "mirror", "registry", "unqualified-search-registries",
		"short-name-mode", "credential-helpers", "aliases", "registries", "additional-layer-store-auth-helper", "foo", "registries.search.registries", "registries.block", "aliases.x", "registry.x", "mirror.x")
	switch s.Intn(8) {
	case 0:
		return strings.ToUpper(k)
	case 1:
		return strings.ToUpper(k[:1]) + k[1:]
	case 2:
		return `"` + k + `"`
	case 3: // letters that fold to plain ones
		return `"` + strings.NewReplacer("s", "ſ", "k", "\u212a").Replace(k) + `"`
	}
	return k
}

// damage changes one thing.
func (s files) damage(content string) string {
	lines := strings.Split(content, "\n")
	i := s.Intn(len(lines))
	insert := func(line string) string { return strings.Join(slices.Insert(lines, i, line), "\n") }
	at := s.Intn(len(content) + 1)
	switch s.Intn(12) {
	case 0:
		return content[:at] + s.Pick("\x00", "\"", "'", "]", "[", "=", "\xff", "\n", "#", ".", " ", "a", "A", "\r", "\\", "-", "/", "{", "}", ",", "\ufeff", "\t", "\u2028", "1") + content[at:]
	case 1:
		if at < len(content) {
			return content[:at] + content[at+1:]
		}
		return content[:at]
	case 2:
		if at < len(content) {
			b := []byte(content)
			b[at] ^= 1 << s.Intn(8)
			return string(b)
		}
		return s.Pick("\xef\xbb\xbf", "\xff\xfe", "\xfe\xff", "\n", " ") + content
	case 3:
		return strings.Join(slices.Delete(lines, i, i+1), "\n")
	case 4:
		return insert(lines[i])
	case 5:
		j := s.Intn(len(lines))
		lines[i], lines[j] = lines[j], lines[i]
		return strings.Join(lines, "\n")
	case 6, 7:
		for range 10 { // a line with a value
			if key, _, ok := strings.Cut(lines[i], "="); ok {
				lines[i] = key + "= " + s.value()
				break
			}
			i = s.Intn(len(lines))
		}
		return strings.Join(lines, "\n")
	case 8:
		if s.Intn(4) == 0 {
			i = 0
		}
		return insert(s.key() + " = " + s.value())
	case 9:
		return insert(s.Pick("[[registry]]", "[[registry.mirror]]", "[registry]", "[registry.mirror]", "[[Registry]]", "[[registry.Mirror]]", "[aliases]", "[Aliases]", "[[aliases]]", "[registries]",
			"[registries.search]", "[registries.Insecure]", "[registries.block]", "[registries.foo]", "[[registries]]", "[foo]", "[[ registry ]]", `[["registry"]]`, "[aliases.x]", "[[registry.mirror.x]]", "[[]]", "[registry.foo]"))
	case 10:
		return insert(fmt.Sprintf("%q = %q", s.Pick("foo", "foo/bar", "a.b", "a.b/c", "localhost/x", "foo:1", "FOO", "foo@"+random.Digest, "", "a_b/c.d", "x..y", "a:5/b", "[::1]/x", strings.Repeat("a", 256)),
			s.Pick("", "docker.io/alpine", "docker.io/library/x", "index.docker.io/a", "quay.io/a/b", "a/b", "foo", "localhost/x", "a:5000/b", "a.b/c:1", "A.io/b", "a.io/B", "[::1]:5000/a", "http://a.io/b", "a.io", "docker.io/"+strings.Repeat("a", 244))))
	}
	return content[:at] // the end is lost
}

// image is an image that a file says something of, or any.
func (s files) image(c *registriesconf.Config) string {
	name := s.Name()
	if n := len(c.Registries); n > 0 && s.Intn(4) > 0 {
		name = strings.ReplaceAll(c.Registries[s.Intn(n)].Scope(), "*", s.Pick("a", "foo"))
		name += s.Pick("", "/a", "/b/z", ":5000/a")
	} else if names := slices.Sorted(maps.Keys(c.Aliases)); len(names) > 0 && s.Intn(2) == 0 {
		name = names[s.Intn(len(names))]
	}
	return name + s.Pick("", ":1", "@"+random.Digest)
}

func TestBytesAreThoseOfMCOsEncoder(t *testing.T) {
	configurations := random.Count(10_000)
	row := newRow(t, "BurntSushi/toml 1.6.0, with containers/image 5.22's type", "registries.conf, byte for byte")
	s := random.New(t.Name())
	for range configurations {
		c, theirs := encodable(s)
		var want bytes.Buffer
		require.NoError(t, toml.NewEncoder(&want).Encode(theirs))
		require.Equal(t, want.String(), string(c.Bytes()), "%#v", c)
		row.Configurations++
	}
}

// encodable returns one file in both types. It need not be one that the client takes.
func encodable(s *random.Source) (ours registriesconf.Config, theirs oldregistries.V2RegistriesConf) {
	text := func() string {
		switch s.Intn(4) {
		case 0:
			return ""
		case 1:
			var b strings.Builder
			for range s.Intn(6) {
				b.WriteString(s.Pick("a", `"`, `\`, "\n", "\t", "\r", "\b", "\f", "\x00", "\x1b", "\x7f", "\x1f", "\x0b", "é", "'", "#", "=", "\u2028", "\ufeff", "\ufffd", "😀", "%"))
			}
			return b.String()
		}
		return s.Scope()
	}
	texts := func() []string {
		n := s.Intn(4)
		if n == 0 {
			return nil
		}
		list := []string{}
		for range n - 1 {
			list = append(list, text())
		}
		return list
	}
	flag := func() bool { return s.Intn(2) == 0 }

	ours = registriesconf.Config{UnqualifiedSearchRegistries: texts(), CredentialHelpers: texts(), ShortNameMode: text()}
	theirs = oldregistries.V2RegistriesConf{UnqualifiedSearchRegistries: ours.UnqualifiedSearchRegistries, CredentialHelpers: ours.CredentialHelpers, ShortNameMode: ours.ShortNameMode}
	if flag() {
		ours.Aliases = map[string]string{}
		for range s.Intn(4) {
			ours.Aliases[text()] = text()
		}
		theirs.Aliases = ours.Aliases
	}
	if s.Intn(4) > 0 {
		ours.Registries, theirs.Registries = []registriesconf.Registry{}, []oldregistries.Registry{}
	}
	for range s.Intn(4) {
		r := registriesconf.Registry{Prefix: text(), Location: text(), Insecure: flag(), Blocked: flag(), MirrorByDigestOnly: flag()}
		to := oldregistries.Registry{Prefix: r.Prefix, Endpoint: oldregistries.Endpoint{Location: r.Location, Insecure: r.Insecure}, Blocked: r.Blocked, MirrorByDigestOnly: r.MirrorByDigestOnly}
		if flag() {
			r.Mirrors, to.Mirrors = []registriesconf.Mirror{}, []oldregistries.Endpoint{}
		}
		for range s.Intn(3) {
			m := registriesconf.Mirror{Location: text(), Insecure: flag(), PullFromMirror: registriesconf.PullFromMirror(text())}
			r.Mirrors = append(r.Mirrors, m)
			to.Mirrors = append(to.Mirrors, oldregistries.Endpoint{Location: m.Location, Insecure: m.Insecure, PullFromMirror: string(m.PullFromMirror)})
		}
		ours.Registries, theirs.Registries = append(ours.Registries, r), append(theirs.Registries, to)
	}
	return ours, theirs
}
