package resolve_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// Each line is a reference, which is answered with how the client writes it out, whether it looks for the registry, and
// what plans of each platform say of one that is none.
func TestReferencesAreReadOrRefusedInTheseWords(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("0", 64)
	replace := strings.NewReplacer("SPACE", " ", "TAB", "\t", "@D", digest, "LONG", strings.Repeat("x", 1024))
	scenario.Answers(t, "testdata/references.txtar", func(t *testing.T, _, text string) string {
		var b strings.Builder
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			image := replace.Replace(line)
			b.WriteString(line + "\n")
			r, err := resolve.ParseReference(image)
			if err != nil {
				b.WriteString("  " + err.Error() + "\n")
			} else {
				kind := map[bool]string{true: " by digest", false: " by tag"}[r.ByDigest()]
				b.WriteString("  " + strings.ReplaceAll(r.String(), digest, "@D") + " of " + r.Name() + kind + "\n")
			}
			if resolve.IsShortName(image) {
				b.WriteString("  a short name\n")
			}
			if _, onLinux := resolve.NewLinuxTable(nil).Plan(image); onLinux != nil && (err == nil || onLinux.Error() != err.Error()) {
				b.WriteString("  on Linux: " + onLinux.Error() + "\n")
			}
			if _, err := resolve.Matching(nil, image); err != nil && r.Name() != "" {
				b.WriteString("  matching: " + err.Error() + "\n")
			}
		}
		return b.String()
	})
}

func TestTheRulesAroundAnImageAreNamedLongestFirst(t *testing.T) {
	rules := rulesFrom(t, `
- {source: quay.io, mirrors: [m.io]}
- {source: quay.io/a/b, mirrors: [m.io]}
- {source: quay.io/a, mirrors: [m.io]}
- {source: "*.io", mirrors: [m.io]}
- {source: quay.io/ab, mirrors: [m.io]}
`)
	for image, want := range map[string]string{
		"quay.io/a/b@sha256:" + strings.Repeat("0", 64): "quay.io/a/b quay.io/a quay.io *.io",
		"quay.io/x@sha256:" + strings.Repeat("0", 64):   "quay.io *.io",
		"quay.io/a/b:1": "", "other.org/a@sha256:" + strings.Repeat("0", 64): "",
	} {
		matching, err := resolve.Matching(rules, image)
		require.NoError(t, err)
		var sources []string
		for _, r := range matching {
			sources = append(sources, r.Source)
		}
		require.Equal(t, want, strings.Join(sources, " "), image)
	}
	_, err := resolve.Matching(rules, "quay.io/A")
	require.ErrorContains(t, err, "a repository name is in lower case")
}

func rulesFrom(t *testing.T, text string) *mirrorset.Rules {
	set, err := mirrorset.Decode("m.yaml", strings.NewReader(text))
	require.NoError(t, err)
	rules, err := set.Rules()
	require.NoError(t, err)
	return rules
}

// A table tells its platform, and what it is asked for by host.
func TestATableOfContainerdIsThatOfAPlatform(t *testing.T) {
	registry := resolve.Registry{Host: "quay.io", Endpoints: []resolve.Endpoint{{Scheme: "https", Host: "m.io", Root: "/v2", Capabilities: resolve.CanPull}}}
	table := resolve.ContainerdTableOf([]resolve.Registry{registry, {Host: "_default"}})
	require.Equal(t, finding.Windows, table.Platform())
	require.Equal(t, finding.Containerd, table.On(finding.Containerd).Platform())
	require.Equal(t, finding.Windows, table.Platform(), "the table itself stays")
	require.Equal(t, finding.Containerd, (*resolve.ContainerdTable)(nil).On(finding.Containerd).Platform())
	require.Len(t, table.On(finding.Containerd).Registries(), 2)
	for host, want := range map[string]string{"quay.io": "quay.io", "Quay.io": "quay.io", "other.io": "_default"} { // Windows has one directory for both
		found, ok := table.Find(host)
		require.True(t, ok)
		require.Equal(t, want, found.Host, host)
	}
	_, ok := resolve.ContainerdTableOf([]resolve.Registry{registry}).Find("other.io")
	require.False(t, ok)
	found, _ := table.Find("quay.io")
	found.Endpoints[0].Host = "changed"
	again, _ := table.Find("quay.io")
	require.Equal(t, "m.io", again.Endpoints[0].Host, "what is found is a copy")
}
