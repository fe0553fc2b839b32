package resolve

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

const digestA = "@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// newRules builds rules from lines:
//
//	digest SOURCE MIRROR… [never]
//	tag SOURCE MIRROR… [never]
//	blocked SCOPE
//	insecure SCOPE
//
// Each line of the first two is an object of its own, named by its number.
func newRules(t testing.TB, text string) *mirrorset.Rules {
	t.Helper()
	set := &mirrorset.Set{}
	var image mirrorset.Image
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		words := strings.Fields(line)
		entry := mirrorset.ImageMirrors{Source: words[1]}
		for _, w := range words[2:] {
			if w == "never" {
				entry.MirrorSourcePolicy = mirrorset.NeverContactSource
			} else {
				entry.Mirrors = append(entry.Mirrors, w)
			}
		}
		meta := mirrorset.ObjectMeta{Name: fmt.Sprint(i)}
		switch words[0] {
		case "digest":
			set.ImageDigestMirrorSets = append(set.ImageDigestMirrorSets, mirrorset.ImageDigestMirrorSet{
				Metadata: meta, Spec: mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: []mirrorset.ImageMirrors{entry}}})
		case "tag":
			set.ImageTagMirrorSets = append(set.ImageTagMirrorSets, mirrorset.ImageTagMirrorSet{
				Metadata: meta, Spec: mirrorset.ImageTagMirrorSetSpec{ImageTagMirrors: []mirrorset.ImageMirrors{entry}}})
		case "blocked":
			image.Spec.RegistrySources.BlockedRegistries = append(image.Spec.RegistrySources.BlockedRegistries, words[1])
		case "insecure":
			image.Spec.RegistrySources.InsecureRegistries = append(image.Spec.RegistrySources.InsecureRegistries, words[1])
		default:
			t.Fatalf("line %q", line)
		}
	}
	set.Images = []mirrorset.Image{image}
	rules, err := set.Rules()
	require.NoError(t, err)
	return rules
}

// show writes a plan's attempts as "resolve… => pull…", the image's own location as "source".
func show(p Plan) string {
	list := func(attempts []Attempt) string {
		var words []string
		for _, a := range attempts {
			if a.Role == RoleSource {
				words = append(words, "source")
			} else {
				words = append(words, a.Location)
			}
		}
		return strings.Join(words, " ")
	}
	if len(p.Resolve) > 0 {
		return list(p.Resolve) + " => " + list(p.Pull)
	}
	return list(p.Pull)
}

func codes(fs finding.Findings) string {
	var words []string
	for _, f := range fs {
		words = append(words, string(f.Code))
	}
	return strings.Join(words, " ")
}

type planCase struct {
	image, want string
	codes       string
}

func requirePlans(t *testing.T, plan func(string) (Plan, error), cases []planCase) {
	t.Helper()
	for _, c := range cases {
		p, err := plan(c.image)
		require.NoError(t, err, c.image)
		require.Equal(t, c.want, show(p), c.image)
		require.Equal(t, c.codes, codes(p.Findings), "%s: %v", c.image, p.Findings)
	}
}

func TestLinuxPlans(t *testing.T) {
	for _, test := range []struct {
		name, rules string
		plans       []planCase
		codes       string // findings of the table
	}{
		{"each kind of pull has its own mirrors", "digest quay.io/a m.io/d\ntag quay.io/a m.io/t", []planCase{
			{"quay.io/a:1", "m.io/t source", ""}, {"quay.io/a", "m.io/t source", ""},
			{"quay.io/a" + digestA, "m.io/d source", ""}, {"quay.io/a:1" + digestA, "m.io/d source", ""},
			{"quay.io/a/b:1", "m.io/t/b source", ""}, {"quay.io/ab:1", "source", ""}, {"other.io/a", "source", ""},
		}, ""},
		{"the most specific source wins alone", "tag quay.io m.io\ntag quay.io/a/b n.io/x", []planCase{
			{"quay.io/a:1", "m.io/a source", ""}, {"quay.io/a/b/c:1", "n.io/x/c source", ""},
		}, ""},
		{"a kind without a rule of its own falls through", "digest quay.io/a m.io/a\ntag quay.io/a/b n.io/b", []planCase{
			{"quay.io/a/b" + digestA, "m.io/a/b source", ""}, {"quay.io/a/b:1", "n.io/b source", ""},
			{"quay.io/a/b/c" + digestA, "m.io/a/b/c source", ""}, {"quay.io/a:1", "source", ""},
		}, ""},
		{"a source under NeverContactSource is not asked", "digest quay.io/a m.io/a never\ntag quay.io/a n.io/a never", []planCase{
			{"quay.io/a/b" + digestA, "m.io/a/b", ""}, {"quay.io/a/b:1", "n.io/a/b", ""}, {"quay.io/b:1", "source", ""},
		}, ""},
		{"digests only, so tags have nowhere to go", "digest quay.io/a m.io/a never", []planCase{
			{"quay.io/a:1", "", "no-location"},
		}, "pulls-blocked"},
		{"tags only, so digests have nowhere to go", "tag quay.io/a m.io/a never", []planCase{
			{"quay.io/a" + digestA, "", "no-location"},
		}, "pulls-blocked"},
		{"a rule inside one under NeverContactSource may allow again", "digest quay.io/a m.io/a never\ndigest quay.io/a/b m.io/b\ntag quay.io m.io", []planCase{
			{"quay.io/a/x" + digestA, "m.io/a/x", ""}, {"quay.io/a/b" + digestA, "m.io/b source", ""}, {"quay.io/a/x:1", "m.io/a/x", ""},
		}, "opens-never policy-shared"},
		{"policies that the kinds do not share: blocked for both", "digest quay.io/a m.io/a never\ntag quay.io/a/b n.io/b", []planCase{
			{"quay.io/a/b:1", "n.io/b", ""}, {"quay.io/a/b" + digestA, "m.io/a/b", ""},
		}, "pulls-blocked policy-shared"},
		{"a scope inside a source keeps its mirrors and its policy", "digest quay.io/a m.io/a never\ntag quay.io/a m.io/t never\ninsecure quay.io/a/b", []planCase{
			{"quay.io/a/b/c" + digestA, "m.io/a/b/c", ""}, {"quay.io/a/b:1", "m.io/t/b", ""},
		}, ""},
		{"a scope inside two sources has the mirrors of the nearer one", "digest quay.io m.io\ndigest quay.io/a n.io\ninsecure quay.io/a/b", []planCase{
			{"quay.io/a/b" + digestA, "n.io/b source", ""},
		}, "unwritable-location"},
		{"wildcards", "tag *.example.org m.io/w\ninsecure foo.example.org\ninsecure foo.example.org/ns", []planCase{
			{"a.example.org/x:1", "m.io/w/x source", ""}, {"a.b.example.org/x:1", "m.io/w/x source", ""}, {"example.org/x:1", "source", ""},
			{"foo.example.org/x:1", "m.io/w/x source", ""}, {"foo.example.org/ns/x:1", "m.io/w/ns/x source", ""},
			{"a.example.org:5000/x:1", "", "unwritable-location"},
		}, ""},
		{"a wildcard to a registry keeps the port", "tag *.example.org m.io", []planCase{
			{"a.example.org:5000/x:1", "m.io:5000/x source", ""},
		}, ""},
		{"a wildcard hides a one-letter subdomain, and is blocked for it", "digest *.example.org m.io/w\ndigest a.example.org m.io/a never", []planCase{
			{"a.example.org/x" + digestA, "m.io/w/x", ""}, {"b.example.org/x" + digestA, "m.io/w/x", ""},
		}, "hidden-entry pulls-blocked"},
		{"a host matches its ports, as the client does", "tag example.com m.io", []planCase{
			{"example.com:5000/x:1", "m.io:5000/x source", ""},
		}, ""},
		{"the client looks for the first place of a wildcard's host only", "tag *.example.org m.io/w never", []planCase{
			{"a.example.org.example.org/x:1", "source", "evades-rule"},
		}, "pulls-blocked"},
		{"a mirror inside a blocked scope is passed over", "digest quay.io quay.io/org m.io never\nblocked m.io/secret", []planCase{
			{"quay.io/a" + digestA, "m.io/a", "mirror-blocked"}, {"quay.io/secret/x" + digestA, "", "mirror-blocked mirror-blocked no-location"},
		}, "pulls-blocked mirror-blocked"},
		{"a source among its mirrors is asked where it stands and at the end", "tag quay.io/a m.io/a quay.io/a n.io/a", []planCase{
			{"quay.io/a:1", "m.io/a source n.io/a source", ""},
		}, ""},
		{"an unwritable location stops the pull", "tag quay.io/a m.io\ndigest quay.io/a good.io/x\ntag quay.io/b nodot/b\ntag quay.io/c docker.io\ntag quay.io/d index.docker.io/d\ntag quay.io/e localhost/e", []planCase{
			{"quay.io/a:1", "", "unwritable-location"}, {"quay.io/a/b:1", "m.io/b source", ""}, {"quay.io/a" + digestA, "good.io/x source", ""},
			{"quay.io/b/x:1", "", "unwritable-location"}, {"quay.io/c/x:1", "", "unwritable-location"}, {"quay.io/c/x/y:1", "registry-1.docker.io/x/y source", ""},
			{"quay.io/d/x:1", "", "unwritable-location"}, {"quay.io/e/x:1", "localhost/e/x source", ""},
		}, "unwritable-location unwritable-location unwritable-location unwritable-location"},
		{"Docker Hub", "digest docker.io/library m.io/hub never\ntag docker.io m.io/all", []planCase{
			{"docker.io/busybox" + digestA, "m.io/hub/busybox", ""}, {"index.docker.io/team/app:1", "m.io/all/team/app source", ""},
			{"registry-1.docker.io/library/busybox:1", "source", "evades-rule"}, {"busybox:1", "source m.io/all/library/busybox", ""},
		}, "policy-shared"},
		{"other spellings of a forbidden host, as mirrors, are blocked", "digest quay.io/a m.io/a never\ndigest other.io QUAY.io n.io", []planCase{
			{"other.io/a/x" + digestA, "n.io/a/x source", "mirror-blocked"}, {"other.io/b" + digestA, "QUAY.io/b n.io/b source", ""},
		}, "pulls-blocked mirror-blocked"},
		{"other spellings of a forbidden host, as images, are reported", "digest quay.io/a m.io/a never", []planCase{
			{"quay.io:443/a" + digestA, "source", "evades-rule"}, {"QUAY.IO/a/b:1", "source", "evades-rule"}, {"QUAY.IO/b:1", "source", ""},
		}, "pulls-blocked"},
		{"blocked scopes", "blocked quay.io/bad\nblocked *.evil.io\ndigest good.io m.io\nblocked good.io/ns", []planCase{
			{"quay.io/bad/x:1", "", "no-location"}, {"a.evil.io/x:1", "", "no-location"}, {"good.io/ns/x" + digestA, "m.io/ns/x", ""}, {"good.io/x:1", "source", ""},
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			table := NewLinuxTable(newRules(t, test.rules))
			requirePlans(t, table.Plan, test.plans)
			require.Equal(t, test.codes, codes(table.Findings), "%v", table.Findings)
		})
	}
}

func TestWindowsPlans(t *testing.T) {
	for _, test := range []struct {
		name, rules string
		hosts       []string
		plans       []planCase
		codes       string
	}{
		{"the three valid forms of the naming rule", "digest mcr.microsoft.com/oss/kubernetes/pause m.io/oss/kubernetes/pause m.io/custom/oss/kubernetes/pause m.io/x/y/z/oss/kubernetes/pause", nil, []planCase{
			{"mcr.microsoft.com/oss/kubernetes/pause" + digestA, "m.io/oss/kubernetes/pause m.io/custom/oss/kubernetes/pause m.io/x/y/z/oss/kubernetes/pause source", ""},
			{"mcr.microsoft.com/windows/nanoserver" + digestA, "m.io/windows/nanoserver m.io/custom/windows/nanoserver m.io/x/y/z/windows/nanoserver source", "spillover"},
			{"mcr.microsoft.com/oss/kubernetes/pause:3.9", "source => m.io/oss/kubernetes/pause m.io/custom/oss/kubernetes/pause m.io/x/y/z/oss/kubernetes/pause source", ""},
		}, "spillover"},
		{"a mirror that breaks it", "tag quay.io/a/b m.io/x/b", nil, []planCase{
			{"quay.io/a/b:1", "m.io/x/a/b source => m.io/x/a/b source", ""},
		}, "spillover inexact-mirror tag-mirror-digests"},
		{"a registry to a registry", "tag quay.io m.io:5000", nil, []planCase{{"quay.io/a:1", "m.io:5000/a source => m.io:5000/a source", ""}}, "tag-mirror-digests"},
		{"one policy for the registry", "digest quay.io/a m.io/a never\ntag quay.io/b m.io/b", nil, []planCase{
			{"quay.io/c:1", "m.io/c => m.io/c", "spillover"}, {"quay.io/a" + digestA, "m.io/a", ""},
		}, "spillover policy-shared spillover"},
		{"a digest mirror never resolves tags", "digest quay.io d.io never\ntag quay.io t.io never", nil, []planCase{
			{"quay.io/a:1", "t.io/a => d.io/a t.io/a", ""}, {"quay.io/a" + digestA, "d.io/a t.io/a", ""},
		}, "tag-mirror-digests"},
		{"digests only, so tags have nowhere to go", "digest quay.io m.io never", nil, []planCase{{"quay.io/a:1", "", "no-location"}}, "pulls-blocked"},
		{"no mirror left: the registry is blocked", "digest quay.io/a/b m.io/b\ndigest m.io n.io/x never\nblocked n.io", nil, []planCase{
			{"m.io/a" + digestA, "", "no-location"}, {"m.io/a:1", "", "no-location"}, {"quay.io/a/b:1", "source => source", ""},
		}, "inexact-mirror mirror-blocked no-location mirror-blocked"},
		{"the root of the registry is the registry", "digest quay.io/a/b quay.io/b never", nil, []planCase{
			{"quay.io/a/b" + digestA, "", "no-location"}, {"quay.io/x:1", "", "spillover no-location"},
		}, "no-location inexact-mirror mirror-blocked"},
		{"a mirror inside a forbidden source of another registry", "digest quay.io/a m.io/a never\ndigest other.io quay.io/a n.io\ndigest third.io quay.io", nil, []planCase{
			{"other.io/x" + digestA, "n.io/x source", ""}, {"third.io/a/x" + digestA, "quay.io/a/x source", "forbidden-contact"}, {"third.io/b" + digestA, "quay.io/b source", ""},
		}, "pulls-blocked spillover mirror-blocked contains-forbidden"},
		{"wildcards apply to hosts with a file, and to those named", "tag *.example.org m.io\ndigest a.example.org/x n.io/x", []string{"b.example.org:5000", "c.org"}, []planCase{
			{"a.example.org/y:1", "m.io/y source => m.io/y n.io/y source", ""}, {"b.example.org:5000/y:1", "m.io/y source => m.io/y source", ""},
			{"c.example.org/y:1", "source => source", ""},
		}, "unknown-host spillover tag-mirror-digests tag-mirror-digests"},
		{"a wildcard that forbids a host under another spelling", "tag *.Example.org m.io never\ntag a.example.org m.io", nil, []planCase{
			{"a.example.org/y:1", "m.io/y => m.io/y", ""},
		}, "wildcard-unused policy-shared tag-mirror-digests"},
		{"a wildcard that reaches nothing", "tag *.example.org m.io", nil, []planCase{{"a.example.org/y:1", "source => source", ""}}, "wildcard-unused"},
		{"blocked registries", "blocked quay.io\nblocked other.io\ntag other.io m.io\nblocked third.io/x\nblocked *.w.io", []string{"a.w.io"}, []planCase{
			{"quay.io/a:1", "", "no-location"}, {"other.io/a:1", "", "no-location"}, {"third.io/x/y:1", "source => source", "narrow-scope"}, {"a.w.io/x:1", "", "no-location"},
		}, "narrow-scope wildcard-unused no-location"},
		{"Docker Hub", "tag docker.io/library m.io/library\ntag m2.io docker.io", nil, []planCase{
			{"busybox", "m.io/library/busybox source => m.io/library/busybox source", ""}, {"m2.io/a:1", "registry-1.docker.io/a source => registry-1.docker.io/a source", ""},
		}, "spillover tag-mirror-digests tag-mirror-digests"},
		{"two spellings of one endpoint are asked once", "tag quay.io M.io m.io:443 m.io", nil, []planCase{{"quay.io/a:1", "M.io/a source => M.io/a source", ""}}, "tag-mirror-digests tag-mirror-digests tag-mirror-digests"},
		{"another spelling that is named", "tag quay.io m.io never\ntag *.example.org m.io never", []string{"quay.io:443", "A.Example.org:443"}, []planCase{
			{"quay.io:443/a:1", "", "no-location"}, {"A.Example.org:443/a:1", "", "no-location"}, {"quay.io:5000/a:1", "source => source", ""},
		}, "tag-mirror-digests wildcard-unused"},
		{"other spellings of a forbidden host", "digest quay.io/a m.io/a never\ntag quay.io:443/a n.io/a", nil, []planCase{
			{"Quay.io/a:1", "", "no-location"}, {"quay.io:0443/a:1", "source => source", "evades-rule"}, {"quay.io:443/a:1", "n.io/a => n.io/a", ""},
		}, "pulls-blocked spillover policy-shared spillover tag-mirror-digests"},
		{"the order over all lists of the registry", "digest quay.io/a b.io/a c.io/a\ndigest quay.io/b a.io/b b.io/b", nil, []planCase{{"quay.io/a" + digestA, "a.io/a b.io/a c.io/a source", ""}}, "spillover spillover"},
		{"a port in the reference belongs to the host", "tag quay.io:5000/a m.io/a", nil, []planCase{{"quay.io:5000/a:1", "m.io/a source => m.io/a source", ""}, {"quay.io/a:1", "source => source", ""}}, "spillover tag-mirror-digests"},
	} {
		t.Run(test.name, func(t *testing.T) {
			table := NewContainerdTable(newRules(t, test.rules), test.hosts...)
			requirePlans(t, table.Plan, test.plans)
			require.Equal(t, test.codes, codes(table.Findings), "%v", table.Findings)
		})
	}
}

func TestBadReferencesAreErrorsThatSayWhatIsWrong(t *testing.T) {
	linux, windows := NewLinuxTable(newRules(t, "tag quay.io m.io")), NewContainerdTable(newRules(t, "tag quay.io m.io"))
	for image, want := range map[string]string{
		"":                               "empty",
		"https://quay.io/a":              "remove https://",
		"quay.io/A":                      "lower case",
		"quay.io/a:":                     "invalid reference format",
		"quay.io/a@sha256:abc":           "64 lower-case hexadecimal digits",
		"quay.io/a@md5:" + digestA[8:40]: "digest",
		"quay.io/a b":                    "white space",
	} {
		_, err := linux.Plan(image)
		require.ErrorContains(t, err, want, image)
		_, err = windows.Plan(image)
		require.ErrorContains(t, err, want, image)
	}
	for image, want := range map[string]string{
		"LOCALDOMAIN/a":                              "lower case",
		"quay.io/" + strings.Repeat("a/", 127):       "invalid reference format",
		"quay.io/" + strings.Repeat("a/", 124) + "a": "257 characters",
		"[::1]:5000/a":                               "not a registry host",
	} {
		_, err := linux.Plan(image)
		require.ErrorContains(t, err, want, image)
	}
}

func TestAHostThatReadsAsAnotherWithoutItsColonIsReported(t *testing.T) {
	table := NewContainerdTable(newRules(t, "digest 10.0.0.150 m.io\ndigest 10.0.0.1:60 m.io"))
	others := []planCase{{"10.0.0.1:60/a" + digestA, "m.io/a source", ""}, {"10.0.0.1:70/a" + digestA, "source", ""}}
	requirePlans(t, table.Plan, append(others, planCase{"10.0.0.1:50/a" + digestA, "m.io/a 10.0.0.150/a", "host-clash spillover"}))
	requirePlans(t, table.AsSpelled().Plan, append(others, planCase{"10.0.0.1:50/a" + digestA, "source", ""}))
}

func TestAHostThatNoDirectoryCanHaveIsReported(t *testing.T) {
	long := strings.Repeat("a23456789.", 24) + "ab.example" // 250 characters
	for host, want := range map[string]string{
		"aux.io": "reserved-name", "aux.io:5000": "reserved-name", "aux:5000": "", long: "", long + "s": "reserved-name",
		"a" + long[:242] + ":50000": "", "aa" + long[:242] + ":50000": "reserved-name",
	} {
		table := NewContainerdTable(newRules(t, "digest "+host+" m.io"))
		require.Equal(t, want, codes(table.Findings), host)
	}
}

func TestLetterCaseOfAHostDoesNotCountOnWindowsAndOnlyThere(t *testing.T) {
	table := NewContainerdTable(newRules(t, "digest zz.io m.io never\ntag Y.io:5000/a n.io/a"))
	requirePlans(t, table.Plan, []planCase{
		{"ZZ.IO/y" + digestA, "m.io/y", ""}, {"zz.io/y" + digestA, "m.io/y", ""}, {"y.IO:5000/a:1", "n.io/a source => n.io/a source", ""},
	})
	requirePlans(t, table.AsSpelled().Plan, []planCase{
		{"ZZ.IO/y" + digestA, "source", "evades-rule"}, {"zz.io/y" + digestA, "m.io/y", ""}, {"y.IO:5000/a:1", "source => source", ""},
	})
	require.Nil(t, (*ContainerdTable)(nil).AsSpelled())
}

func TestAWindowsPlanTellsWhatHappensToTags(t *testing.T) {
	p, err := NewContainerdTable(newRules(t, "digest quay.io m.io never")).Plan("quay.io/a:1")
	require.NoError(t, err)
	require.Equal(t, finding.SeverityError, p.Findings[0].Severity)
	require.Contains(t, p.Findings[0].Message, "no resolve hosts")
}

func TestEditKeepsTheBaseFile(t *testing.T) {
	base := LinuxTableOf(LinuxConfig{
		Entries: []LinuxEntry{
			{Prefix: "quay.io/own", Location: "mine.io/x", Mirrors: []LinuxMirror{{Location: "keep.io/x"}}},
			{Prefix: "quay.io/digests", Location: "quay.io/digests", Mirrors: []LinuxMirror{{Location: "keep.io/d", Pull: mirrorset.ByDigest}}},
			{Prefix: "quay.io/bare", Location: "quay.io/bare", Insecure: true},
		},
		SearchRegistries: []string{"docker.io"},
	})
	table := base.Edit(newRules(t, "digest quay.io m.io never\ntag quay.io t.io never\ndigest quay.io/bare n.io/bare never"))
	requirePlans(t, table.Plan, []planCase{
		{"quay.io/own/a:1", "keep.io/x/a mine.io/x/a", ""},
		{"quay.io/digests/a" + digestA, "keep.io/d/a", ""},
		{"quay.io/digests/a:1", "t.io/digests/a", ""},
		{"quay.io/bare/a" + digestA, "n.io/bare/a", ""},
		{"quay.io/bare/a:1", "t.io/bare/a", ""},
	})
	require.Equal(t, "quay.io/own", table.Entries()[0].Prefix)
	require.Equal(t, "mine.io/x", table.Entries()[0].Location)
	require.Len(t, base.Entries()[2].Mirrors, 0, "the base is left as it is")
}

func TestABaseEntryThatLeadsElsewhereStillGuardsItsPrefix(t *testing.T) {
	base := LinuxTableOf(LinuxConfig{Entries: []LinuxEntry{{Prefix: "quay.io/a", Location: "internal.io/a"}}})
	table := base.Edit(newRules(t, "digest quay.io/a m.io/a never\ndigest other.io quay.io/a n.io"))
	requirePlans(t, table.Plan, []planCase{{"other.io/x" + digestA, "n.io/x source", "mirror-blocked"}})
}

func TestShortNames(t *testing.T) {
	config := LinuxConfig{SearchRegistries: []string{"a.io", "docker.io"}, Aliases: map[string]string{"fedora": "registry.fedoraproject.org/fedora", "none": ""}}
	table := LinuxTableOf(config)
	requirePlans(t, table.Plan, []planCase{
		{"fedora:40", "source", ""}, {"none:1", "source source", ""}, {"team/app:1", "source source", ""},
		{"a_b.io/c", "source source", ""}, // no host by the grammar
	})
	p, _ := table.Plan("fedora:40")
	require.Equal(t, "registry.fedoraproject.org/fedora", p.Pull[0].Location)
	require.Equal(t, []string{"registry.fedoraproject.org/fedora:40"}, p.References)
	config.ShortNameMode = "enforcing"
	requirePlans(t, LinuxTableOf(config).Plan, []planCase{{"team/app:1", "", "no-search-registry"}, {"fedora", "source", ""}})
	requirePlans(t, new(LinuxTable).Plan, []planCase{{"app", "", "no-search-registry"}})
}

func TestMatchingNamesTheMostSpecificRuleFirst(t *testing.T) {
	rules := newRules(t, "tag quay.io m.io\ntag quay.io/a n.io/a\ndigest quay.io/a/b d.io\ntag *.example.org w.io\ntag quay.io/ab x.io")
	for image, want := range map[string]string{
		"quay.io/a/b:1": "quay.io/a quay.io", "quay.io/a/b" + digestA: "quay.io/a/b", "a.example.org/x": "*.example.org", "other.io/x": "",
	} {
		matching, err := Matching(rules, image)
		require.NoError(t, err)
		var got []string
		for _, r := range matching {
			got = append(got, r.Source)
		}
		require.Equal(t, want, strings.Join(got, " "), image)
	}
	_, err := Matching(rules, "A")
	require.Error(t, err)
}

// The client refuses a file in which one location is blocked in one entry and not in another.
func TestAnEntryThatLeadsToWhatIsBlockedIsBlockedToo(t *testing.T) {
	base := func(blocked bool) *LinuxTable {
		return LinuxTableOf(LinuxConfig{Entries: []LinuxEntry{
			{Prefix: "x.io", Location: "quay.io/a"}, {Prefix: "y.io", Location: "quay.io/b"}, {Prefix: "quay.io/b", Location: "quay.io/b", Blocked: blocked},
		}})
	}
	for rules, want := range map[string]string{
		"blocked quay.io/a": "x.io quay.io/a", "blocked quay.io": "y.io quay.io/b quay.io", "blocked other.io": "other.io",
		"blocked quay.io/b": "y.io quay.io/b", "digest quay.io m.io never": "x.io y.io quay.io/b quay.io",
		"digest quay.io/a:80 m.io": "",
	} {
		if strings.Contains(rules, ":80") {
			rules = "insecure quay.io:80/a\ndigest quay.io:80/a m.io never\ninsecure x.io"
			want = "x.io quay.io:80/a"
		}
		require.Equal(t, want, blockedIn(base(false).Edit(newRules(t, rules))), rules)
	}
	require.Equal(t, "y.io quay.io/b", blockedIn(base(true).Edit(newRules(t, "tag other.io m.io"))))
}

func blockedIn(table *LinuxTable) string {
	var prefixes []string
	for _, e := range table.Entries() {
		if e.Blocked {
			prefixes = append(prefixes, e.Prefix)
		}
	}
	return strings.Join(prefixes, " ")
}

func TestWhatTheBaseFileBlocksKeepsMirrorsInsideFromBeingAsked(t *testing.T) {
	base := LinuxTableOf(LinuxConfig{Entries: []LinuxEntry{{Prefix: "m.io/x", Location: "m.io/x", Blocked: true}}})
	table := base.Edit(newRules(t, "digest quay.io m.io/x/y"))
	require.Len(t, table.Findings, 1)
	require.Equal(t, "is never asked: it lies inside m.io/x, which may not be contacted; use a mirror outside of it", table.Findings[0].Message)
	requirePlans(t, table.Plan, []planCase{{"quay.io/a" + digestA, "source", "mirror-blocked"}})
}

// Of two entries with one prefix the client takes the first: the other stays as it is, and nothing is said of it.
func TestASecondEntryWithAPrefixGetsNoMirrors(t *testing.T) {
	base := LinuxTableOf(LinuxConfig{Entries: []LinuxEntry{
		{Prefix: "quay.io", Location: "quay.io"}, {Prefix: "quay.io", Location: "quay.io"}, {Prefix: "quay.io", Location: "quay.io"},
	}})
	table := base.Edit(newRules(t, "digest quay.io m.org\ntag *.io n.org never"))
	var mirrors []int
	for _, e := range table.Entries() {
		mirrors = append(mirrors, len(e.Mirrors))
	}
	require.Equal(t, []int{2, 0, 0, 1}, mirrors)
	require.Equal(t, "policy-shared pulls-blocked", codes(table.Findings))
	requirePlans(t, table.Plan, []planCase{{"quay.io/a" + digestA, "m.org/a", ""}})
}

// Each rule that names a mirror by another spelling of what it may not contact is to be mended.
func TestAMirrorThatSpellsAForbiddenHostOtherwiseIsReportedForEachRule(t *testing.T) {
	table := NewLinuxTable(newRules(t, "digest quay.io/a m.io/a never\ntag quay.io/a m.io/a never\ndigest x.io QUAY.io\ndigest y.io QUAY.io"))
	var said []string
	for _, f := range table.Findings {
		require.Equal(t, finding.CodeMirrorBlocked, f.Code)
		said = append(said, f.Origin.Object+" "+f.Value)
	}
	require.Equal(t, []string{"ImageDigestMirrorSet/2 QUAY.io", "ImageDigestMirrorSet/3 QUAY.io"}, said)
}

// An entry for a host opens its other ports below a wildcard; a port that has a rule of its own is not among them.
func TestOnlyAWildcardIsOpenedByAnEntryForAHost(t *testing.T) {
	require.Empty(t, NewLinuxTable(newRules(t, "digest foo.org m.io\ndigest foo.org:1 m.io/1 never\ntag foo.org:1 m.io/1 never")).Findings)
	require.Contains(t, codes(NewLinuxTable(newRules(t, "digest foo.org m.io\ndigest *.org n.io never")).Findings), "evades-rule")
}

func TestAMirrorByAddressOfIPv6StopsThePull(t *testing.T) {
	table := LinuxTableOf(LinuxConfig{Entries: []LinuxEntry{{Prefix: "quay.io", Location: "quay.io", Mirrors: []LinuxMirror{{Location: "[::1]:5000/x"}}}}})
	p, err := table.Plan("quay.io/a:1")
	require.NoError(t, err)
	require.Empty(t, p.Pull)
	require.Contains(t, p.Findings[0].Message, `("[::1]:5000" is an IPv6 address, and the client takes no reference with one; give the registry a name)`)
}

// Below a source that is never contacted a more specific rule allows contact. An endpoint that contains both leads to both,
// and only what it leads to is said.
func TestAnEndpointIsJudgedByTheMostSpecificRule(t *testing.T) {
	table := NewContainerdTable(newRules(t, "digest quay.io/a m.io never\ndigest quay.io/a/open m.io\ndigest x.io quay.io"))
	requirePlans(t, table.Plan, []planCase{
		{"x.io/a/b" + digestA, "quay.io/a/b source", "forbidden-contact"}, {"x.io/a/open/b" + digestA, "quay.io/a/open/b source", ""},
	})
}

// A rule for a part of a registry keeps the whole of it from being contacted, under a spelling that is named too.
func TestAHostThatIsNamedInAnotherSpellingThanTheRulesGetsAFile(t *testing.T) {
	table := NewContainerdTable(newRules(t, "digest quay.io/a m.io/a never"), "quay.io:443", "quay.io:8443")
	var hosts []string
	for _, r := range table.Registries() {
		hosts = append(hosts, r.Host)
	}
	require.Equal(t, []string{"quay.io", "quay.io:443"}, hosts)
	requirePlans(t, table.Plan, []planCase{{"quay.io:443/a:1", "", "no-location"}})
}

func TestAFileThatCannotBeReadFailsEveryPull(t *testing.T) {
	from := []finding.Origin{{File: "quay.io", Line: 1}}
	table := ContainerdTableOf([]Registry{{Host: "quay.io", Fails: true, Origins: from}})
	p, err := table.Plan("quay.io/a:1")
	require.NoError(t, err)
	require.Empty(t, p.Pull)
	require.Empty(t, p.Resolve)
	require.Len(t, p.Findings, 1)
	require.Equal(t, finding.SeverityError, p.Findings[0].Severity)
	require.Equal(t, from[0], p.Findings[0].Origin)
	require.Contains(t, p.Findings[0].Message, "containerd cannot read what it finds for quay.io, and fails every pull from there")
}

// What a file sets for a server that it does not name goes to the registry itself (hosts.go, ConfigureHosts).
func TestTheSettingsOfAServerWithoutANameAreThoseOfTheRegistry(t *testing.T) {
	table := ContainerdTableOf([]Registry{
		{Host: "quay.io", Server: &Endpoint{SkipVerify: true, Rewrites: []Rewrite{{"^a", "b"}}}},
		{Host: "localhost:5000", Server: &Endpoint{Rewrites: []Rewrite{{"^a", "b"}}}},
	})
	for host, scheme := range map[string]string{"quay.io": "https", "localhost:5000": "https"} {
		p, err := table.Plan(host + "/a" + digestA)
		require.NoError(t, err)
		require.Len(t, p.Pull, 1)
		require.Equal(t, host+"/b", p.Pull[0].Location)
		require.True(t, p.Pull[0].Insecure)
		require.Equal(t, scheme, p.Pull[0].Scheme)
		require.Equal(t, scheme+"://"+host+"/v2/b/manifests/"+digestA[1:], p.Pull[0].URL)
	}
}

// One endpoint by both schemes, behind each other, is one attempt: HTTPS, and HTTP where that fails. By HTTP first it is
// asked by HTTPS anew.
func TestEndpointsThatRepeatTheOneBeforeAreOneAttempt(t *testing.T) {
	endpoint := func(text string) Endpoint {
		scheme, host, _ := strings.Cut(text, "://")
		host, skip := strings.CutSuffix(host, "!")
		return Endpoint{Scheme: scheme, Host: host, Root: "/v2", Capabilities: CanAll, SkipVerify: skip}
	}
	for endpoints, want := range map[string]string{ // http with ! is asked by https first
		"https://m.io https://m.io":              "https",
		"https://m.io http://m.io":               "https+http",
		"https://m.io http://m.io!":              "https+http",
		"http://m.io! http://m.io":               "https+http",
		"http://m.io! https://m.io":              "https+http",
		"http://m.io http://m.io":                "http",
		"http://m.io https://m.io":               "http https",
		"http://m.io http://m.io!":               "http https+http",
		"https://m.io https://n.io https://m.io": "https https https",
		"https://m.io https://M.io":              "https https",
	} {
		r := Registry{Host: "quay.io", NoServer: true}
		for _, text := range strings.Fields(endpoints) {
			r.Endpoints = append(r.Endpoints, endpoint(text))
		}
		for _, image := range []string{"quay.io/a:1", "quay.io/a" + digestA} {
			p, err := ContainerdTableOf([]Registry{r}).Plan(image)
			require.NoError(t, err)
			for _, attempts := range [][]Attempt{p.Pull, p.Resolve} {
				var got []string
				for _, a := range attempts {
					got = append(got, a.Scheme)
					if a.ThenHTTP {
						got[len(got)-1] += "+http"
					}
				}
				if image == "quay.io/a:1" || len(got) > 0 {
					require.Equal(t, want, strings.Join(got, " "), "%s at %s", image, endpoints)
				}
			}
		}
	}
}

// Tables never change: neither what they are made of nor what they answer with is theirs.
func TestTablesShareNothingWithTheirCallers(t *testing.T) {
	made := []LinuxEntry{{Prefix: "quay.io", Location: "quay.io", Mirrors: []LinuxMirror{{Location: "m.io"}}, Origins: []finding.Origin{{Line: 1}}}}
	config := LinuxConfig{Entries: made, SearchRegistries: []string{"s.io"}, Aliases: map[string]string{"a": "quay.io/a"}}
	linux := LinuxTableOf(config)
	spoil := func(entries ...LinuxEntry) {
		for i := range entries {
			entries[i].Mirrors[0].Location, entries[i].Origins[0].Line = "spoilt.io", 7
			entries[i].Prefix = "spoilt.io"
		}
	}
	found, _ := linux.Find("quay.io/a")
	answered := linux.Entries()
	spoil(made...)
	spoil(answered...)
	spoil(found)
	config.SearchRegistries[0], config.Aliases["a"] = "spoilt.io", "spoilt.io/a"
	hosts, _ := linux.SearchRegistries()
	hosts[0], linux.Aliases()["a"] = "spoilt.io", "spoilt.io/a"
	requirePlans(t, linux.Plan, []planCase{{"quay.io/a:1", "m.io/a source", ""}, {"a:1", "m.io/a source", ""}})
	entry, _ := linux.Find("quay.io/a")
	require.Equal(t, 1, entry.Origins[0].Line)
	p, err := linux.Plan("b:1")
	require.NoError(t, err)
	require.Equal(t, "s.io/b", p.Pull[0].Location)

	files := []Registry{{Host: "quay.io", Spellings: []string{"QUAY.io"}, Origins: []finding.Origin{{Line: 1}},
		Server:    &Endpoint{Scheme: "https", Host: "m.io", Root: "/v2", Capabilities: CanAll, Origins: []finding.Origin{{Line: 1}}},
		Endpoints: []Endpoint{{Scheme: "https", Host: "n.io", Root: "/v2", Capabilities: CanAll, Rewrites: []Rewrite{{"^a", "b"}}, Origins: []finding.Origin{{Line: 1}}}}}}
	containerd := ContainerdTableOf(files)
	before := fmt.Sprintf("%+v %+v", containerd.Registries()[0], *containerd.Registries()[0].Server)
	file, _ := containerd.Find("quay.io")
	for _, r := range []Registry{files[0], containerd.Registries()[0], file} {
		r.Spellings[0], r.Origins[0].Line, r.Server.Host, r.Server.Origins[0].Line = "spoilt", 7, "spoilt", 7
		r.Endpoints[0].Rewrites[0].Pattern, r.Endpoints[0].Origins[0].Line, r.Endpoints[0].Host = "spoilt", 7, "spoilt"
	}
	requireSame := fmt.Sprintf("%+v %+v", containerd.Registries()[0], *containerd.Registries()[0].Server)
	pointer := func(s string) string { return regexp.MustCompile("Server:0x[0-9a-f]+").ReplaceAllString(s, "") }
	require.Equal(t, pointer(before), pointer(requireSame))

	// The lists of a plan may share memory, but not room.
	for _, plan := range []func(string) (Plan, error){linux.Plan, containerd.Plan} {
		p, err := plan("quay.io/a:1")
		require.NoError(t, err)
		_ = append(p.References, "spoilt")
		require.Equal(t, []string{"quay.io"}, p.Scopes)
	}
}

// Rules are named as the caller's own, so that they can be told apart by their place.
func TestMatchingReturnsTheRulesThemselves(t *testing.T) {
	rules := newRules(t, "tag quay.io m.io")
	matching, err := Matching(rules, "quay.io/a:1")
	require.NoError(t, err)
	require.Same(t, &rules.Rules[0], matching[0])
}

// A plan lists the attempts of each reference, where nothing is asked too.
func TestTheAttemptsOfAReferenceWhereNothingIsAsked(t *testing.T) {
	p, err := LinuxTableOf(LinuxConfig{SearchRegistries: []string{"a.io", "b.io", "c.io"}, ShortNameMode: "enforcing"}).Plan("app:1")
	require.NoError(t, err)
	require.Len(t, p.References, 3)
	for i := range p.References {
		require.Empty(t, p.For(i))
		require.Equal(t, StepFail, p.After(i, ManifestNotFound))
	}
	handMade := Plan{References: []string{"a.io/a:1", "b.io/a:1"}, Pull: []Attempt{{Location: "a.io/a"}, {Location: "b.io/a"}}}
	require.Len(t, handMade.For(1), 2, "of a plan made by hand nobody knows which are whose")
}

// Entries and mirrors that the base file asks by plain HTTP stay so, whatever scopes the rules add.
func TestWhatTheBaseFileHasAsInsecureStaysSo(t *testing.T) {
	base := LinuxTableOf(LinuxConfig{Entries: []LinuxEntry{
		{Prefix: "quay.io", Location: "quay.io", Insecure: true, Mirrors: []LinuxMirror{{Location: "m.io", Insecure: true}, {Location: "n.io"}}},
	}})
	p, err := base.Edit(newRules(t, "insecure n.io")).Plan("quay.io/a:1")
	require.NoError(t, err)
	require.Len(t, p.Pull, 3)
	for _, a := range p.Pull {
		require.True(t, a.Insecure, a.Location)
	}
}

// Where several rewrites change a repository, a plan lists what each leads to in string order, once.
func TestWhatSeveralRewritesMakeIsInStringOrder(t *testing.T) {
	table := ContainerdTableOf([]Registry{{Host: "quay.io", NoServer: true, Endpoints: []Endpoint{{Scheme: "https", Host: "m.io", Root: "/v2", Capabilities: CanAll,
		Rewrites: []Rewrite{{"^a", "z"}, {"^a/", "b/"}, {"[", "x"}, {"^x", "y"}, {"a/", "b/"}}}}}})
	p, err := table.Plan("quay.io/a/app" + digestA)
	require.NoError(t, err)
	require.Equal(t, "m.io/b/app m.io/z/app", show(p))
	require.Equal(t, "https://m.io/v2/b/app/manifests/"+digestA[1:]+"?ns=quay.io", p.Pull[0].URL)
	require.Equal(t, "rewrite-order", codes(p.Findings))
	require.Contains(t, p.Findings[0].Message, "is what 2 rewrites of m.io change")
}

// A one-letter host that a wildcard as long hides is reported once, whatever file has it twice.
func TestAHostThatAWildcardHidesIsReportedOnce(t *testing.T) {
	base := LinuxTableOf(LinuxConfig{Entries: []LinuxEntry{{Prefix: "a.d", Location: "a.d"}, {Prefix: "a.d", Location: "a.d"}, {Prefix: "b.d/x", Location: "b.d/x"},
		{Prefix: "c.d:5", Location: "c.d:5"}, {Prefix: "dd.d", Location: "dd.d"}, {Prefix: "d", Location: "d"}}})
	table := base.Edit(newRules(t, "tag *.d m.io"))
	require.Equal(t, "hidden-entry", codes(table.Findings))
	require.Equal(t, "a.d", table.Findings[0].Value)
}

func TestTheRegistryItselfAsAMirrorIsLeftOutOnce(t *testing.T) {
	table := NewContainerdTable(newRules(t, "digest quay.io/a/b quay.io/b m.io/a/b never"))
	require.Equal(t, "spillover inexact-mirror mirror-blocked pulls-blocked", strings.Join(sortedCodes(table.Findings), " "))
}

func sortedCodes(fs finding.Findings) []string {
	words := strings.Fields(codes(fs))
	slices.SortFunc(words, func(a, b string) int { return strings.Compare(order[a], order[b]) })
	return words
}

var order = map[string]string{"spillover": "1", "inexact-mirror": "2", "mirror-blocked": "3", "pulls-blocked": "4"}

// No room below the longest mirrors is left for a repository.
func TestAMirrorThatIsTooLongStopsEveryPull(t *testing.T) {
	for length, want := range map[int]string{251: "", 252: "unwritable-location", 255: "unwritable-location"} {
		mirror := "m.io/" + strings.Repeat("a", length-len("m.io/"))
		require.Equal(t, want, codes(NewLinuxTable(newRules(t, "tag quay.io "+mirror)).Findings), length)
	}
}

// What asks the machine itself needs no certificate, and at most ports no TLS (hosts.go, ConfigureHosts).
func TestTheMachineItselfIsAskedWithoutALookAtItsCertificate(t *testing.T) {
	for host, want := range map[string]string{
		"localhost": "https insecure", "localhost:443": "https insecure", "localhost:80": "http insecure", "localhost:5000": "https insecure then http",
		"127.0.0.1": "https insecure", "127.9.9.9:5000": "https insecure then http", "[::1]": "https", "[::1]:5000": "https insecure then http",
		"localhost.io": "https", "127.io": "https", "128.0.0.1": "https", "[::2]:5000": "https",
	} {
		p, err := new(ContainerdTable).Plan(host + "/a:1")
		require.NoError(t, err)
		require.Len(t, p.Pull, 1)
		got := p.Pull[0].Scheme
		if p.Pull[0].Insecure {
			got += " insecure"
		}
		if p.Pull[0].ThenHTTP {
			got += " then http"
		}
		require.Equal(t, want, got, host)
	}
}

// A rewrite may lead out of all paths: the client joins and cleans what it asks for.
func TestARewriteThatLeadsToTheRootOfAHost(t *testing.T) {
	for _, root := range []string{"", "/v2"} {
		table := ContainerdTableOf([]Registry{{Host: "quay.io", NoServer: true, Endpoints: []Endpoint{{Scheme: "https", Host: "m.io", Root: root,
			Capabilities: CanAll, Rewrites: []Rewrite{{"^a$", "../.."}}}}}})
		p, err := table.Plan("quay.io/a" + digestA)
		require.NoError(t, err)
		require.Len(t, p.Pull, 1)
		require.Equal(t, "m.io", p.Pull[0].Location)
		require.Equal(t, "https://m.io/manifests/"+digestA[1:]+"?ns=quay.io", p.Pull[0].URL)
	}
}

// What a wildcard forbids is forbidden on hosts that have a file only, and no file can say more: the table says so
// wherever a host was reached, not only the plan of an image from another.
func TestAWildcardThatForbidsContactIsReportedThoughItReachesAHost(t *testing.T) {
	for rules, want := range map[string]bool{
		"tag *.example.org m.io never":                                  true,
		"digest *.example.org m.io never\ntag *.example.org n.io never": true,
		"blocked *.example.org":                                         true,
		"tag *.example.org m.io":                                        false, // what it does not reach is asked as ever
		"insecure *.example.org":                                        false,
	} {
		findings := NewContainerdTable(newRules(t, rules), "a.example.org", "b.example.org").Findings
		got := slices.DeleteFunc(findings, func(f finding.Finding) bool { return f.Code != finding.CodeWildcardUnused })
		require.Equal(t, want, len(got) > 0, rules)
		for _, f := range got {
			require.Equal(t, "*.example.org", f.Value)
			require.Equal(t, "is contacted on Windows, but for those hosts inside it that have a file, such as a.example.org: "+
				"containerd knows no wildcards; name the other hosts that images use", f.Message)
		}
	}
}

// A finding about a host that only a scope speaks of is about that scope.
func TestAClashOfHostsThatAScopeReachesNamesItsField(t *testing.T) {
	for scope, want := range map[string]string{"insecure": "host-clash", "blocked": "host-clash wildcard-unused"} {
		table := NewContainerdTable(newRules(t, scope+" *.w.io"), "A.w.io", "a.w.io")
		require.Equal(t, want, codes(table.Findings))
		require.Equal(t, "a.w.io", table.Findings[0].Value)
		require.Equal(t, "spec.registrySources."+scope+"Registries[0]", table.Findings[0].Origin.Field)
	}
}

// The client writes a search registry before a name and reads the result, so that some are no registries to it.
func TestSearchRegistriesThatAreNoneToTheClient(t *testing.T) {
	rules := newRules(t, "tag quay.io m.io")
	for host, want := range map[string]struct{ message, attempts string }{
		"LOCAL":     {"ends every pull of a name without a registry", ""},
		"localHost": {"ends every pull of a name without a registry", ""},
		"local":     {"is not searched: to the client it is no registry but a part of a name, so that it asks docker.io/local;", "registry-1.docker.io/local/x"},
		"LOCAL:443": {"", "LOCAL:443/x"},
		"localhost": {"", "localhost/x"}, "index.docker.io": {"", "registry-1.docker.io/library/x"},
	} {
		rules.SearchRegistries = []string{host}
		table := NewLinuxTable(rules)
		if want.message == "" {
			require.Empty(t, table.Findings, host)
		} else {
			require.Equal(t, "no-search-registry", codes(table.Findings), host)
			require.Equal(t, host, table.Findings[0].Value)
			require.Contains(t, table.Findings[0].Message, want.message)
			require.Equal(t, "spec.registrySources.containerRuntimeSearchRegistries", table.Findings[0].Origin.Field)
		}
		p, err := table.Plan("x:1")
		require.NoError(t, err, host)
		if want.attempts == "" {
			require.Empty(t, p.Pull, host)
			require.Equal(t, "no-search-registry", codes(p.Findings), host)
			require.Equal(t, finding.SeverityError, p.Findings[0].Severity)
			continue
		}
		require.Len(t, p.Pull, 1, host)
		require.Equal(t, want.attempts, p.Pull[0].Location, host)
	}
}
