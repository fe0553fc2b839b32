package mirrorset

import (
	"fmt"
	"math/rand"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/stretchr/testify/require"
)

// The patterns as they stand in github.com/openshift/api,
// config/v1/zz_generated.crd-manifests/0000_10_config-operator_01_imagedigestmirrorsets.crd.yaml.
var (
	crdMirror = regexp.MustCompile(`^((?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))+)?(?::[0-9]+)?)(?:(?:/[a-z0-9]+(?:(?:(?:[._]|__|[-]*)[a-z0-9]+)+)?)+)?$`)
	crdSource = regexp.MustCompile(`^\*(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))+$|` + crdMirror.String())
)

var grammarSeeds = []string{
	"", "a", "a.b", "quay.io", "quay.io:443", "quay.io:", "quay.io:x", "quay.io/a/b", "quay.io/A", "Quay.IO/a", "quay.io/",
	"quay.io//a", "*.example.org", "*.example.org:5000", "*.example.org/a", "*", "*.", "*.a-", "a-.b", "-a", "a--b.c",
	"h/a.b", "h/a..b", "h/a_b", "h/a__b", "h/a___b", "h/a---b", "h/a-_b", "h/a._b", "h/-a", "h/a-", "h/a@sha256:ab", "h/a:1",
	"https://h/a", "[::1]:5000/a", "h:1:2/a", "h/a\n",
	"h/" + strings.Repeat("a", 1022), "h/" + strings.Repeat("a", 1023), "*." + strings.Repeat("a", 1023),
	"h /a", "h.:1", ".h", "h..a", "1.2.3.4:80/x", "é.io/a", "h/é",
}

func requireSameGrammar(t *testing.T, s string) {
	t.Helper()
	// The schema has no limit; longer texts than this are no references of any client.
	short := len(s) <= 1024
	require.Equal(t, short && crdMirror.MatchString(s), ValidMirror(s), "mirror %q", s)
	require.Equal(t, short && crdSource.MatchString(s), ValidSource(s), "source %q", s)
}

func TestGrammarTakesWhatTheSchemaTakes(t *testing.T) {
	for _, s := range grammarSeeds {
		requireSameGrammar(t, s)
	}
	random := rand.New(rand.NewSource(1))
	const alphabet = "ab0AZ.-_:/*@"
	valid := 0
	for range 50_000 {
		b := make([]byte, 1+random.Intn(10))
		for i := range b {
			b[i] = alphabet[random.Intn(len(alphabet))]
		}
		requireSameGrammar(t, string(b))
		if ValidSource(string(b)) {
			valid++
		}
	}
	require.Greater(t, valid, 500, "the random texts are to hold valid ones")
}

// The validator looks at a host, and at a path, only where it has not seen them just before.
func TestEveryEntryIsHeldToTheGrammar(t *testing.T) {
	random := rand.New(rand.NewSource(2))
	pick := func(list ...string) string { return list[random.Intn(len(list))] }
	text := func() string {
		return pick("a.io", "a.io", "b.io:5000", "*.a.io", "*.a.io", "a_b.io", "", "a.io:", "docker.io") +
			pick("", "", "/x", "/x/y", "/x//y", "/X", "/", "x", ":80/x", "/x_-y")
	}
	refused := 0
	for range 3000 {
		entries := make([]ImageMirrors, 1+random.Intn(6))
		var want []string
		for i := range entries {
			e := &entries[i]
			e.Source = text()
			_, path, _ := strings.Cut(e.Source, "/")
			for range random.Intn(3) {
				if m := text() + pick("", "/"+path); !slices.Contains(e.Mirrors, m) {
					e.Mirrors = append(e.Mirrors, m)
				}
			}
			if !ValidSource(e.Source) {
				want = append(want, fmt.Sprintf("%s spec.imageDigestMirrors[%d].source", finding.CodeInvalidSource, i))
			}
			for j, m := range e.Mirrors {
				if !ValidMirror(m) {
					want = append(want, fmt.Sprintf("%s spec.imageDigestMirrors[%d].mirrors[%d]", finding.CodeInvalidMirror, i, j))
				}
			}
		}
		set := &Set{ImageDigestMirrorSets: []ImageDigestMirrorSet{{Metadata: ObjectMeta{Name: "x"}, Spec: ImageDigestMirrorSetSpec{entries}}}}
		var got []string
		for _, f := range set.Validate() {
			if f.Code == finding.CodeInvalidSource || f.Code == finding.CodeInvalidMirror {
				got = append(got, string(f.Code)+" "+f.Origin.Field)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		require.Equal(t, want, got, "%q", entries)
		refused += len(want)
	}
	require.Greater(t, refused, 1000)
}

func TestEveryRefusedTextIsExplained(t *testing.T) {
	for s, want := range map[string]string{
		"https://quay.io/a":  "URL scheme",
		"quay.io/a:1":        "tag",
		"quay.io:latest":     "a tag cannot be written here",
		"quay.io/a@sha256:0": "digest",
		"quay.io/":           "slash",
		"quay.io/My-Org":     "lower case",
		"*.quay.io/a":        "wildcard",
		"quay.*.io":          "wildcard",
		"[::1]/a":            "IPv6",
		"my_host/a":          "underscore",
		"<my_host>:<port>/a": "placeholder",
		"quay.io /a":         "white space",
	} {
		require.False(t, ValidSource(s), s)
		require.Contains(t, whyInvalid(s), want, s)
	}
}

func FuzzGrammar(f *testing.F) {
	for _, s := range grammarSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { requireSameGrammar(t, s) })
}

func TestARegistryHostIsAMirrorWithoutAPath(t *testing.T) {
	for text, want := range map[string]bool{
		"quay.io": true, "quay.io:5000": true, "localhost": true, "QUAY.io": true,
		"": false, "quay.io/": false, "quay.io/team": false, "quay.io:": false, "*.quay.io": false, "https://quay.io": false, "a_b.io": false,
	} {
		require.Equal(t, want, ValidHost(text), text)
	}
}
