package registriesconf_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	finding0 "github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
)

const everySetting = `# the whole format
unqualified-search-registries = ["registry.access.redhat.com", "localhost:5000"]
credential-helpers = ["containers-auth.json", "secretservice"]
short-name-mode = "enforcing"
additional-layer-store-auth-helper = "store-helper"

[[registry]]
prefix = "example.com/foo"
location = "internal.example.com:5000/bar"
insecure = true
blocked = true
namespace-proxy = "example.com"

[[registry.mirror]]
location = "mirror.example.com/foo"
insecure = true
pull-from-mirror = "digest-only"
namespace-proxy = "example.com"

[[registry.mirror]]
location = "mirror.example.com/bar"

[[registry]]
location = "quay.io"
mirror-by-digest-only = true

[[registry]]
prefix = "*.example.org"

[aliases]
ubi9 = "registry.access.redhat.com/ubi9"
"fedora/tools" = ""
`

var everySettingConfig = &registriesconf.Config{
	UnqualifiedSearchRegistries:    []string{"registry.access.redhat.com", "localhost:5000"},
	CredentialHelpers:              []string{"containers-auth.json", "secretservice"},
	ShortNameMode:                  "enforcing",
	AdditionalLayerStoreAuthHelper: "store-helper",
	Aliases:                        map[string]string{"ubi9": "registry.access.redhat.com/ubi9", "fedora/tools": ""},
	Registries: []registriesconf.Registry{
		{
			Prefix: "example.com/foo", Location: "internal.example.com:5000/bar",
			Insecure: true, Blocked: true, NamespaceProxy: "example.com",
			Mirrors: []registriesconf.Mirror{
				{
					Location: "mirror.example.com/foo", Insecure: true,
					PullFromMirror: registriesconf.PullDigestOnly, NamespaceProxy: "example.com",
				},
				{Location: "mirror.example.com/bar"},
			},
		},
		{Location: "quay.io", MirrorByDigestOnly: true},
		{Prefix: "*.example.org"},
	},
}

func TestParseReads(t *testing.T) {
	quay := []registriesconf.Registry{{Location: "quay.io"}}
	for _, test := range []struct {
		name string
		file string
		want *registriesconf.Config
	}{
		{"every setting", everySetting, everySettingConfig},
		{"the empty file", "", &registriesconf.Config{}},
		{"lists that are present and empty as such",
			"unqualified-search-registries = []\ncredential-helpers = []\nregistry = []\n[aliases]\n",
			&registriesconf.Config{
				UnqualifiedSearchRegistries: []string{}, CredentialHelpers: []string{},
				Registries: []registriesconf.Registry{}, Aliases: map[string]string{},
			}},
		{"keys in any letter case", "[[Registry]]\nLOCATION = \"quay.io\"\n[[Registry.Mirror]]\nLocation = \"m.io\"\n",
			&registriesconf.Config{Registries: []registriesconf.Registry{
				{Location: "quay.io", Mirrors: []registriesconf.Mirror{{Location: "m.io"}}}}}},
		{"keys that fold as the client folds them, beyond ASCII", "\"\u017fhort-name-mode\" = \"disabled\"\n",
			&registriesconf.Config{ShortNameMode: "disabled"}},
		{"files with a byte-order mark", "\ufeff[[registry]]\nlocation = \"quay.io\"\n",
			&registriesconf.Config{Registries: quay}},
		{"CRLF line ends", "[[registry]]\r\nlocation = \"quay.io\"\r\n", &registriesconf.Config{Registries: quay}},
		{"inline tables", "registry = [\n  {location = \"quay.io\", mirror = [{location = 'm.io'}]},\n]\n",
			&registriesconf.Config{Registries: []registriesconf.Registry{
				{Location: "quay.io", Mirrors: []registriesconf.Mirror{{Location: "m.io"}}}}}},
		{"dotted keys", "aliases.x = \"quay.io/x\"\naliases.\"y/z\" = \"quay.io/y\"\n",
			&registriesconf.Config{Aliases: map[string]string{"x": "quay.io/x", "y/z": "quay.io/y"}}},
		{"the escapes of TOML 1.1", "[[registry]]\nlocation = \"\\x71uay.io\"\n", &registriesconf.Config{Registries: quay}},
		{"names without their trailing slashes",
			"unqualified-search-registries = [\"quay.io/\"]\n" +
				"[[registry]]\nprefix = \"quay.io/a/\"\nlocation = \"m.io//\"\n[[registry.mirror]]\nlocation = \"n.io/a/\"\n",
			&registriesconf.Config{
				UnqualifiedSearchRegistries: []string{"quay.io"},
				Registries: []registriesconf.Registry{
					{Prefix: "quay.io/a", Location: "m.io", Mirrors: []registriesconf.Mirror{{Location: "n.io/a"}}}},
			}},
		{"a wildcard with a trailing slash", "[[registry]]\nprefix = \"*.example.com/\"\n",
			&registriesconf.Config{Registries: []registriesconf.Registry{{Prefix: "*.example.com"}}}},
		{"schemes that the client does not know for schemes", "[[registry]]\nlocation = \"HTTPS://quay.io\"\n",
			&registriesconf.Config{Registries: []registriesconf.Registry{{Location: "HTTPS://quay.io"}}}},
		{"a pull-from-mirror of a registry that is empty", "[[registry]]\nlocation = \"quay.io\"\npull-from-mirror = \"\"\n",
			&registriesconf.Config{Registries: quay}},
		{"one location under several prefixes with equal settings",
			"[[registry]]\nprefix = \"a.io\"\nlocation = \"c.io\"\nblocked = true\n[[registry]]\nprefix = \"b.io\"\nlocation = \"c.io\"\nblocked = true\n",
			&registriesconf.Config{Registries: []registriesconf.Registry{
				{Prefix: "a.io", Location: "c.io", Blocked: true}, {Prefix: "b.io", Location: "c.io", Blocked: true}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, findings := registriesconf.Parse("registries.conf", []byte(test.file))
			require.Empty(t, findings)
			require.Equal(t, test.want, c)
		})
	}
}

// finding is what the tables below say of a finding.
type finding struct {
	line    int
	field   string
	value   string
	message string // a part of it
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct {
		name string
		file string
		want []finding
	}{
		{"a registry without prefix and location", "[[registry]]\n[[registry]]\nlocation = \"/\"\n", []finding{
			{1, "registry[0].location", "", "so is prefix"},
			{3, "registry[1].location", "/", "so is prefix"},
		}},
		{"a prefix that is no wildcard without a location", "[[registry]]\nprefix = \"quay.io\"\n", []finding{
			{1, "registry[0].location", "", "*.example.com"},
		}},
		{"a prefix of slashes without a location", "[[registry]]\nprefix = \"/\"\n", []finding{
			{1, "registry[0].location", "", "*.example.com"},
		}},
		{"schemes wherever they stand",
			"unqualified-search-registries = [\n\"https://a.io\"]\n[[registry]]\nprefix = \"http://b.io\"\nlocation = \"https://c.io/\"\n" +
				"[[registry.mirror]]\nlocation = \"http://d.io/x\"\n",
			[]finding{
				{2, "unqualified-search-registries[0]", "https://a.io", "no registry host"},
				{4, "registry[0].prefix", "http://b.io", "has a scheme"},
				{5, "registry[0].location", "https://c.io/", "has a scheme"},
				{7, "registry[0].mirror[0].location", "http://d.io/x", "has a scheme"},
			}},
		{"a mirror without a location", "[[registry]]\nlocation = \"quay.io\"\n\n[[registry.mirror]]\ninsecure = true\n", []finding{
			{4, "registry[0].mirror[0].location", "", "is unset"},
		}},
		{"pull-from-mirror on a registry", "[[registry]]\nlocation = \"quay.io\"\npull-from-mirror = \"all\"\n", []finding{
			{3, "registry[0].pull-from-mirror", "all", "for mirrors only"},
		}},
		{"a pull-from-mirror that it does not know",
			"[[registry]]\nlocation = \"quay.io\"\n[[registry.mirror]]\nlocation = \"m.io\"\npull-from-mirror = \"Digest-Only\"\n", []finding{
				{5, "registry[0].mirror[0].pull-from-mirror", "Digest-Only", "write all, digest-only or tag-only"},
			}},
		{"pull-from-mirror beside mirror-by-digest-only",
			"[[registry]]\nlocation = \"quay.io\"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"m.io\"\npull-from-mirror = \"all\"\n",
			[]finding{{6, "registry[0].mirror[0].pull-from-mirror", "all", "mirror-by-digest-only"}}},
		{"wildcards with a path, a port or a digest, as prefix or location",
			"[[registry]]\nprefix = \"*.a.io/x\"\n[[registry]]\nprefix = \"*.a.io:5000\"\nlocation = \"b.io\"\n[[registry]]\nlocation = \"*.a.io@b\"\n",
			[]finding{
				{2, "registry[0].prefix", "*.a.io/x", "*.host"},
				{4, "registry[1].prefix", "*.a.io:5000", "*.host"},
				{7, "registry[2].location", "*.a.io@b", "*.host"},
			}},
		{"one location with two values of insecure and blocked, dead registries included",
			"[[registry]]\nprefix = \"a.io\"\nlocation = \"c.io\"\ninsecure = true\n" +
				"[[registry]]\nprefix = \"b.io\"\nlocation = \"c.io/\"\nblocked = true\n",
			[]finding{
				{5, "registry[1].insecure", "false", "is true in registry[0], which has the same location, c.io"},
				{8, "registry[1].blocked", "true", "is false in registry[0]"},
			}},
		{"a wildcard without location that conflicts with a location spelled like it",
			"[[registry]]\nprefix = \"*.a.io\"\n[[registry]]\nprefix = \"b.io\"\nlocation = \"*.a.io\"\nblocked = true\n", []finding{
				{6, "registry[1].blocked", "true", "*.a.io"},
			}},
		{"search registries that are no hosts", "unqualified-search-registries = [\"\", \"a.io/b\", \"a_b\", \"[::1]\", \"a.io:x\"]\n", []finding{
			{1, "unqualified-search-registries[0]", "", "no registry host"},
			{1, "unqualified-search-registries[1]", "a.io/b", "no registry host"},
			{1, "unqualified-search-registries[2]", "a_b", "no registry host"},
			{1, "unqualified-search-registries[3]", "[::1]", "no registry host"},
			{1, "unqualified-search-registries[4]", "a.io:x", "no registry host"},
		}},
		{"unknown short-name modes", "short-name-mode = \"prompt\"\n", []finding{
			{1, "short-name-mode", "prompt", "enforcing, permissive or disabled"},
		}},
		{"alias names that are no short names",
			"[aliases]\n\"\" = \"\"\nX = \"\"\n\"a:1\" = \"\"\n\"localhost/a\" = \"\"\n\"quay.io/a\" = \"\"\n\"" + strings.Repeat("a", 256) + "\" = \"\"\n", []finding{
				{2, `aliases.""`, "", "no short name"},
				{3, "aliases.X", "X", "no short name"},
				{4, `aliases."a:1"`, "a:1", "no short name"},
				{5, `aliases."localhost/a"`, "localhost/a", "starts with a registry"},
				{6, `aliases."quay.io/a"`, "quay.io/a", "starts with a registry"},
				{7, "aliases." + strings.Repeat("a", 256), strings.Repeat("a", 256), "no short name"},
			}},
		{"alias values that are no repositories of a registry",
			"[aliases]\na = \"b\"\nb = \"quay.io/a:1\"\nc = \"DOCKER/a\"\nd = \"[::1]:5000/a\"\ne = \"docker.io/" + strings.Repeat("a", 238) + "\"\n", []finding{
				{2, "aliases.a", "b", "does not name a registry"},
				{3, "aliases.b", "quay.io/a:1", "no repository"},
				{4, "aliases.c", "DOCKER/a", "does not name a registry"},
				{5, "aliases.d", "[::1]:5000/a", "no repository"},
				{6, "aliases.e", "docker.io/" + strings.Repeat("a", 238), "no repository"},
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, findings := registriesconf.Parse("r.conf", []byte(test.file))
			requireRefusals(t, finding0.Client, test.want, findings)
			require.NotNil(t, c, "what was read is there to be looked at")
		})
	}
}

func TestParseHasNoConfigForWhatItCannotDecode(t *testing.T) {
	for _, test := range []struct {
		name string
		file string
		want []finding
	}{
		{"TOML that is malformed", "[[registry]]\nlocation = \"quay.io\n", []finding{{2, "", "", "not valid TOML"}}},
		{"a key that is repeated", "[[registry]]\nlocation = \"a.io\"\nlocation = \"b.io\"\n", []finding{{3, "", "", "already defined"}}},
		{"a table that is repeated", "[aliases]\n[aliases]\n", []finding{{2, "", "", "already"}}},
		{"a number that is none, under an unknown key", "x = 01\n", []finding{{1, "", "", "leading zeroes"}}},
		{"bytes that are not UTF-8", "\n\nshort-name-mode = \"\xff\"\n", []finding{{3, "", "", "not valid TOML"}}},
		{"settings of a wrong type, all of them",
			"unqualified-search-registries = \"quay.io\"\ncredential-helpers = [1]\nshort-name-mode = 1.5\n" +
				"[[registry]]\nlocation = true\ninsecure = \"yes\"\nmirror = {}\n[[registry]]\nlocation = \"http://quay.io\"\n" +
				"[aliases]\nx = 1979-05-27\n",
			[]finding{
				{1, "unqualified-search-registries", "quay.io", "is a string and must be an array"},
				{2, "credential-helpers[0]", "", "is a number and must be a string"},
				{3, "short-name-mode", "", "is a number and must be a string"},
				{5, "registry[0].location", "", "is a boolean and must be a string"},
				{6, "registry[0].insecure", "yes", "is a string and must be a boolean"},
				{7, "registry[0].mirror", "", "is a table and must be an array"},
				{9, "registry[1].location", "http://quay.io", "has a scheme"},
				{11, "aliases.x", "", "is a date or time and must be a string"},
			}},
		{"a single [registry]", "[registry]\nlocation = \"quay.io\"\n", []finding{
			{1, "registry", "", "double brackets"}}},
		{"a mirror before any registry", "[[registry.mirror]]\nlocation = \"m.io\"\n", []finding{
			{1, "registry", "", "put a [[registry]] with its location before it"}}},
		{"a list of registries that are no tables", "registry = [\n1,\n{}]\n", []finding{
			{2, "registry[0]", "", "is a number and must be a table"},
			{3, "registry[1].location", "", "is unset"}}},
		{"version 1, with a list", "[registries.search]\nregistries = [\"quay.io\"]\n", []finding{
			{1, "registries", "", "version 1"}}},
		{"version 1, with a list that is empty", "[Registries.Block]\nRegistries = []\n", []finding{
			{1, "registries", "", "version 1"}}},
		{"[[registries]] for [[registry]]", "[[registries]]\nlocation = \"quay.io\"\n", []finding{
			{1, "registries", "", "[[registry]]"}}},
		{"version 1, with a list of a wrong type", "[registries]\nsearch = [\"quay.io\"]\n", []finding{
			{2, "registries.search", "", "must be a table"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, findings := registriesconf.Parse("r.conf", []byte(test.file))
			requireRefusals(t, finding0.Client, test.want, findings)
			require.Nil(t, c)
		})
	}
}

func TestParseRefusesASettingInTwoSpellingsWhichTheClientPicksFromAtRandom(t *testing.T) {
	c, findings := registriesconf.Parse("r.conf", []byte("[[registry]]\nlocation = \"a.io\"\nLocation = \"b.io\"\n"))
	require.Nil(t, c)
	requireRefusals(t, finding0.Reader, []finding{{3, "registry[0].location", "Location", "at random"}}, findings)
}

func TestParseWarnsOfWhatTheClientIgnores(t *testing.T) {
	for _, test := range []struct {
		name string
		file string
		want []finding
	}{
		{"unknown keys", "colour = 1\n[[registry]]\nlocation = \"quay.io\"\nmirrors = []\n\n[[registry.mirror]]\nlocation = \"m.io\"\nblocked = true\n[foo.\"b.c\"]\n",
			[]finding{
				{1, "colour", "", "not a setting of the file"},
				{4, "registry[0].mirrors", "", "not a setting of [[registry]]"},
				{8, "registry[0].mirror[0].blocked", "", "not a setting of [[registry.mirror]]"},
				{9, "foo", "", "not a setting of the file"},
			}},
		{"a later registry of the same prefix",
			"[[registry]]\nlocation = \"quay.io\"\n[[registry]]\nprefix = \"quay.io/\"\nlocation = \"m.io\"\n",
			[]finding{{3, "registry[1]", "quay.io", "also the prefix of registry[0]"}}},
		{"a prefix that matches nothing", "[[registry]]\nprefix = \"//\"\nlocation = \"quay.io\"\n",
			[]finding{{2, "registry[0].prefix", "//", "matches no image"}}},
		{"aliases that are no table", "aliases = [\"x\"]\n", []finding{{1, "aliases", "", "is an array, not a table"}}},
		{"version 1 without a list", "[registries]\n[registries.search]\n", []finding{{1, "registries", "", "version 1"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, findings := registriesconf.Parse("r.conf", []byte(test.file))
			require.NotNil(t, c)
			requireFindings(t, test.want, findings)
			for _, f := range findings {
				require.Equal(t, finding0.CodeIgnoredSetting, f.Code)
				require.Equal(t, finding0.SeverityWarning, f.Severity)
				require.False(t, f.Refused())
			}
		})
	}
}

func TestParseKeepsDeadRegistriesWhereTheyStand(t *testing.T) {
	c, _ := registriesconf.Parse("r.conf", []byte("[[registry]]\nlocation = \"b.io\"\n[[registry]]\nlocation = \"a.io\"\n[[registry]]\nprefix = \"b.io\"\nlocation = \"c.io\"\n"))
	require.Equal(t, []registriesconf.Registry{{Location: "b.io"}, {Location: "a.io"}, {Prefix: "b.io", Location: "c.io"}}, c.Registries)
}

func TestParseKeepsAPrefixOfSlashesApartFromAnAbsentOne(t *testing.T) {
	c, _ := registriesconf.Parse("r.conf", []byte("[[registry]]\nprefix = \"//\"\nlocation = \"quay.io\"\n"))
	require.Equal(t, "/", c.Registries[0].Scope())
}

func requireRefusals(t *testing.T, by finding0.Refuser, want []finding, got finding0.Findings) {
	t.Helper()
	requireFindings(t, want, got)
	for _, f := range got {
		require.Equal(t, finding0.CodeInvalidFile, f.Code)
		require.Equal(t, finding0.SeverityError, f.Severity)
		require.Equal(t, by, f.RefusedBy)
		if by == finding0.Client {
			require.Contains(t, f.Message, "pulls nothing")
		}
	}
}

func requireFindings(t *testing.T, want []finding, got finding0.Findings) {
	t.Helper()
	require.Len(t, got, len(want), "%v", got)
	for i, f := range got {
		require.Equal(t, want[i].field, f.Origin.Field)
		require.Equal(t, want[i].line, f.Origin.Line, f)
		require.Equal(t, want[i].value, f.Value)
		require.Contains(t, f.Message, want[i].message)
		require.Equal(t, "r.conf", f.Origin.File)
		require.Equal(t, finding0.Linux, f.Platform)
	}
}
