package registriesconf_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	finding0 "github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
)

// The files below, except where a test says otherwise, were written by the encoder MCO uses.
func TestBytesAreThoseOfMCO(t *testing.T) {
	for _, test := range []struct {
		name   string
		config registriesconf.Config
		want   string
	}{
		{"for nothing", registriesconf.Config{}, `short-name-mode = ""
`},
		{"for everything empty", registriesconf.Config{
			UnqualifiedSearchRegistries: []string{}, CredentialHelpers: []string{},
			Registries: []registriesconf.Registry{}, Aliases: map[string]string{},
		}, `registry = []
unqualified-search-registries = []
credential-helpers = []
short-name-mode = ""

[aliases]
`},
		{"for a wildcard and a source that must not be contacted", registriesconf.Config{
			UnqualifiedSearchRegistries: []string{"registry.access.redhat.com", "docker.io"},
			Registries: []registriesconf.Registry{
				{Prefix: "*.example.org", Mirrors: []registriesconf.Mirror{
					{Location: "mirror.example.com/wild", PullFromMirror: registriesconf.PullDigestOnly}}},
				{Location: "registry.redhat.io", Blocked: true, Mirrors: []registriesconf.Mirror{
					{Location: "mirror.example.com", PullFromMirror: registriesconf.PullDigestOnly}}},
			},
		}, `unqualified-search-registries = ["registry.access.redhat.com", "docker.io"]
short-name-mode = ""

[[registry]]
  prefix = "*.example.org"

  [[registry.mirror]]
    location = "mirror.example.com/wild"
    pull-from-mirror = "digest-only"

[[registry]]
  prefix = ""
  location = "registry.redhat.io"
  blocked = true

  [[registry.mirror]]
    location = "mirror.example.com"
    pull-from-mirror = "digest-only"
`},
		{"for the other settings", registriesconf.Config{
			CredentialHelpers: []string{"containers-auth.json", "secretservice"},
			ShortNameMode:     "enforcing",
			Aliases: map[string]string{
				"ubi9": "registry.access.redhat.com/ubi9", "fedora/tools": "registry.fedoraproject.org/fedora-toolbox", "a.b": "",
			},
			Registries: []registriesconf.Registry{{
				Prefix: "example.com/foo", Location: "internal.example.com:5000/bar",
				Insecure: true, Blocked: true, MirrorByDigestOnly: true,
				Mirrors: []registriesconf.Mirror{{Location: "m.example.com", Insecure: true}, {Location: "n.example.com"}},
			}},
		}, `credential-helpers = ["containers-auth.json", "secretservice"]
short-name-mode = "enforcing"

[[registry]]
  prefix = "example.com/foo"
  location = "internal.example.com:5000/bar"
  insecure = true
  blocked = true
  mirror-by-digest-only = true

  [[registry.mirror]]
    location = "m.example.com"
    insecure = true

  [[registry.mirror]]
    location = "n.example.com"

[aliases]
  "a.b" = ""
  "fedora/tools" = "registry.fedoraproject.org/fedora-toolbox"
  ubi9 = "registry.access.redhat.com/ubi9"
`},
		{"for characters that need escapes", registriesconf.Config{CredentialHelpers: []string{"a\"b\\c\td\ne\x1bf\x7fgé"}},
			`credential-helpers = ["a\"b\\c\td\ne\u001bf\u007fgé"]
short-name-mode = ""
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, string(test.config.Bytes()))
		})
	}
}

// The encoder of client v5.42.0 writes this, as its type has these settings.
func TestBytesPutLaterSettingsWhereLaterClientsDo(t *testing.T) {
	c := registriesconf.Config{
		UnqualifiedSearchRegistries:    []string{"a"},
		AdditionalLayerStoreAuthHelper: "h",
		Registries: []registriesconf.Registry{{
			Prefix: "p", Location: "l", Insecure: true, NamespaceProxy: "ns", Blocked: true, MirrorByDigestOnly: true,
			Mirrors: []registriesconf.Mirror{
				{Location: "m", Insecure: true, PullFromMirror: registriesconf.PullAll, NamespaceProxy: "ns"}},
		}},
	}
	require.Equal(t, `unqualified-search-registries = ["a"]
short-name-mode = ""
additional-layer-store-auth-helper = "h"

[[registry]]
  prefix = "p"
  location = "l"
  insecure = true
  namespace-proxy = "ns"
  blocked = true
  mirror-by-digest-only = true

  [[registry.mirror]]
    location = "m"
    insecure = true
    pull-from-mirror = "all"
    namespace-proxy = "ns"
`, string(c.Bytes()))
}

func TestBytesOfNilAreThoseOfTheEmptyConfig(t *testing.T) {
	var none *registriesconf.Config
	require.Equal(t, (&registriesconf.Config{}).Bytes(), none.Bytes())
	require.Empty(t, none.Validate())
}

func TestParsingTheBytesGivesTheConfigAgain(t *testing.T) {
	accepted := 0
	for seed := range uint64(3000) {
		c := randomConfig(rand.New(rand.NewPCG(seed, 1)))
		if c.Validate().Err() != nil {
			continue
		}
		accepted++
		file := c.Bytes()
		parsed, findings := registriesconf.Parse("registries.conf", file)
		require.NoError(t, findings.Err(), "seed %d\n%s", seed, file)
		require.Equal(t, normalized(c), parsed, "seed %d\n%s", seed, file)
		require.Equal(t, parsed.Bytes(), normalized(c).Bytes(), "seed %d", seed)
	}
	require.Greater(t, accepted, 500, "the generator makes too little that is valid")
}

func TestValidateReportsWhatParseReportsOfTheBytes(t *testing.T) {
	for seed := range uint64(3000) {
		c := randomConfig(rand.New(rand.NewPCG(seed, 2)))
		_, findings := registriesconf.Parse("registries.conf", c.Bytes())
		for i := range findings {
			require.NotZero(t, findings[i].Origin.Line, "seed %d: %v", seed, findings[i])
			findings[i].Origin.File, findings[i].Origin.Line = "", 0
		}
		require.Equal(t, c.Validate(), findings.Sort(), "seed %d\n%s", seed, c.Bytes())
	}
}

// randomConfig makes a Config of which each part is mostly valid.
func randomConfig(r *rand.Rand) *registriesconf.Config {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	rarely := func(from ...string) string {
		if r.IntN(40) == 0 {
			return pick(from...)
		}
		return ""
	}
	chance := func() bool { return r.IntN(3) == 0 }
	list := func(items ...string) []string {
		if chance() {
			return nil
		}
		l := []string{}
		for range r.IntN(3) {
			l = append(l, pick(items...))
		}
		return l
	}
	location := func() string {
		if bad := rarely("http://a.io", "https://b.io/", "/", "*.a.io/b"); bad != "" {
			return bad
		}
		return pick("a", "b", "c", "d", "é", "x\"\\", "\t") + pick(".io", ".io/x", ":5000", ".io/x/y/") + pick("", "/", "1", "2")
	}
	c := &registriesconf.Config{
		UnqualifiedSearchRegistries:    list("a.io", "b.io:5000", "c.io/", "localhost"),
		CredentialHelpers:              list("containers-auth.json", "\x00\x1b\u2028\ufeff", ""),
		ShortNameMode:                  pick("", "enforcing", "permissive", "disabled") + rarely("x"),
		AdditionalLayerStoreAuthHelper: pick("", "h"),
	}
	if chance() {
		c.Aliases = map[string]string{}
		for range r.IntN(3) {
			c.Aliases[pick("a", "b/c", "d.e", "1-2_3")+rarely("X", ":1")] = pick("", "docker.io/a", "quay.io/a/b") + rarely("/x", ":2")
		}
	}
	if chance() {
		c.Registries = []registriesconf.Registry{}
	}
	for range r.IntN(4) {
		reg := registriesconf.Registry{
			Location: location(), Insecure: r.IntN(6) == 0, Blocked: r.IntN(6) == 0,
			MirrorByDigestOnly: chance(), NamespaceProxy: pick("", "", "ns"),
		}
		switch r.IntN(4) {
		case 0:
			reg.Prefix = location()
		case 1:
			reg.Prefix, reg.Location = "*."+pick("a", "b", "c")+".io"+pick("", "/"), pick("", reg.Location)
		case 2:
			reg.Prefix = rarely("/", "//")
		}
		if chance() {
			reg.Mirrors = []registriesconf.Mirror{}
		}
		for range r.IntN(3) {
			m := registriesconf.Mirror{Location: location(), Insecure: chance(), NamespaceProxy: pick("", "", "ns")}
			if !reg.MirrorByDigestOnly || r.IntN(20) == 0 {
				m.PullFromMirror = registriesconf.PullFromMirror(pick("", "all", "digest-only", "tag-only") + rarely("x"))
			}
			reg.Mirrors = append(reg.Mirrors, m)
		}
		c.Registries = append(c.Registries, reg)
	}
	return c
}

// normalized does to a Config, in place, what the comment of Bytes says of reading it back.
func normalized(c *registriesconf.Config) *registriesconf.Config {
	for i, host := range c.UnqualifiedSearchRegistries {
		c.UnqualifiedSearchRegistries[i] = strings.TrimRight(host, "/")
	}
	for i := range c.Registries {
		r := &c.Registries[i]
		if strings.Trim(r.Prefix, "/") == "" && r.Prefix != "" {
			r.Prefix = "/"
		} else {
			r.Prefix = strings.TrimRight(r.Prefix, "/")
		}
		r.Location = strings.TrimRight(r.Location, "/")
		for j := range r.Mirrors {
			r.Mirrors[j].Location = strings.TrimRight(r.Mirrors[j].Location, "/")
		}
		if len(r.Mirrors) == 0 {
			r.Mirrors = nil
		}
	}
	return c
}

func TestValidateRefusesWhatTOMLCannotHold(t *testing.T) {
	c := registriesconf.Config{
		CredentialHelpers: []string{"\xff"}, AdditionalLayerStoreAuthHelper: "\xff",
		Registries: []registriesconf.Registry{{
			Prefix: "\xff", Location: "\xff", NamespaceProxy: "\xff",
			Mirrors: []registriesconf.Mirror{{Location: "\xff", NamespaceProxy: "\xff"}},
		}},
	}
	findings := c.Validate()
	require.Len(t, findings, 7)
	for _, f := range findings {
		require.Equal(t, finding0.Client, f.RefusedBy)
		require.Contains(t, f.Message, "is not UTF-8")
	}
}

func TestValidateChangesNothing(t *testing.T) {
	c := registriesconf.Config{
		UnqualifiedSearchRegistries: []string{"a.io/"},
		Registries:                  []registriesconf.Registry{{Prefix: "a.io/", Location: "b.io/", Mirrors: []registriesconf.Mirror{{Location: "c.io/"}}}},
	}
	before := string(c.Bytes())
	require.Empty(t, c.Validate())
	require.Equal(t, before, string(c.Bytes()))
}
