package resolve_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

const byDigest = "@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// An entry under NeverContactSource forbids, whether or not its rule repeats that.
func TestTheEntriesOfRulesByHandForbid(t *testing.T) {
	entries := []*mirrorset.Entry{
		{Source: "quay.io/a", Mirrors: []string{"m.io/a"}},
		{Source: "quay.io/a", Mirrors: []string{"m.io/a"}, Policy: mirrorset.NeverContactSource},
	}
	rules := &mirrorset.Rules{Rules: []mirrorset.Rule{{Pull: mirrorset.ByDigest, Source: "quay.io/a", Entries: entries}}}
	for _, plan := range []func(string) (resolve.Plan, error){resolve.NewLinuxTable(rules).Plan, resolve.NewContainerdTable(rules).Plan} {
		p, err := plan("quay.io/a/b" + byDigest)
		require.NoError(t, err)
		require.Len(t, p.Pull, 1)
		require.Equal(t, "m.io/a/b", p.Pull[0].Location)
	}
	require.False(t, rules.Rules[0].Never, "the caller's rules are left as they are")
}

// Nodes with containerd are Windows' or others: there is no third kind, and none whose findings are lost.
func TestContainerdOnLinuxIsOnePlatform(t *testing.T) {
	rules := &mirrorset.Rules{Rules: []mirrorset.Rule{{Pull: mirrorset.ByDigest, Source: "quay.io/a", Never: true}}}
	want := resolve.NewContainerdTableFor(rules, resolve.ContainerdOptions{Platform: finding.Containerd})
	for _, platform := range []finding.Platform{finding.Linux, "other"} {
		got := resolve.NewContainerdTableFor(rules, resolve.ContainerdOptions{Platform: platform})
		require.Equal(t, finding.Containerd, got.Platform())
		require.Equal(t, want.Findings, got.Findings)
		require.Equal(t, finding.Containerd, resolve.ContainerdTableOf(nil).On(platform).Platform())
	}
	require.Equal(t, finding.Windows, resolve.ContainerdTableOf(nil).On("").Platform())
}

// Nothing that a table was made from, or has given away, leads back into it.
func TestTablesShareNothingWithTheirCallers(t *testing.T) {
	rules := &mirrorset.Rules{
		Rules: []mirrorset.Rule{{Pull: mirrorset.ByDigest, Source: "quay.io/a", Never: true, Entries: []*mirrorset.Entry{
			{Pull: mirrorset.ByDigest, Source: "quay.io/a", Mirrors: []string{"m.io/a", "n.io/a"}, Origin: finding.Origin{Object: "object"}},
		}}},
		Blocked:          []mirrorset.Scope{{Value: "blocked.io", Origin: finding.Origin{Object: "object"}}},
		Insecure:         []mirrorset.Scope{{Value: "m.io", Origin: finding.Origin{Object: "object"}}},
		SearchRegistries: []string{"s.io"},
	}
	config := resolve.LinuxConfig{SearchRegistries: []string{"s.io"}, Aliases: map[string]string{"x": "quay.io/x"},
		Entries: []resolve.LinuxEntry{{Prefix: "quay.io/a", Location: "quay.io/a", Blocked: true, Origins: []finding.Origin{{Object: "object"}},
			Mirrors: []resolve.LinuxMirror{{Location: "m.io/a", Origins: []finding.Origin{{Object: "object"}}}}}}}
	files := []resolve.Registry{{Host: "quay.io", Origins: []finding.Origin{{Object: "object"}}, Spellings: []string{"Quay.io"},
		Server:    &resolve.Endpoint{Scheme: "https", Host: "m.io", Root: "/v2", Capabilities: resolve.CanAll},
		Endpoints: []resolve.Endpoint{{Scheme: "https", Host: "m.io", Root: "/v2", Capabilities: resolve.CanAll, Origins: []finding.Origin{{Object: "object"}}}}}}
	linux := []*resolve.LinuxTable{resolve.NewLinuxTable(rules), resolve.LinuxTableOf(config)}
	linux = append(linux, linux[1].Edit(rules))
	containerd := []*resolve.ContainerdTable{resolve.NewContainerdTable(rules), resolve.ContainerdTableOf(files)}
	answers := func() string {
		var all []any
		for _, image := range []string{"quay.io/a/b" + byDigest, "blocked.io/x:1", "x", "y/z"} {
			for _, t := range linux {
				p, err := t.Plan(image)
				all = append(all, p, err)
			}
			for _, t := range containerd {
				p, err := t.Plan(image)
				all = append(all, p, err)
			}
		}
		return fmt.Sprintf("%+v", all)
	}
	want := answers()

	e := rules.Rules[0].Entries[0]
	e.Mirrors[0], e.Source, rules.Rules[0].Never = "quay.io/changed", "changed", false
	rules.Blocked[0], rules.Insecure[0], rules.SearchRegistries[0] = mirrorset.Scope{}, mirrorset.Scope{}, "changed"
	changeEntries(config.Entries)
	config.SearchRegistries[0], config.Aliases["x"] = "changed", "changed"
	changeRegistries(files)
	require.Equal(t, want, answers(), "what they were made from was changed")

	for _, t := range linux {
		changeEntries(t.Entries())
		if found, ok := t.Find("quay.io/a/b"); ok {
			changeEntries([]resolve.LinuxEntry{found})
		}
		hosts, _ := t.SearchRegistries()
		hosts[0] = "changed"
		if aliases := t.Aliases(); aliases != nil {
			aliases["x"] = "changed"
		}
	}
	for _, t := range containerd {
		changeRegistries(t.Registries())
		found, _ := t.Find("quay.io")
		changeRegistries([]resolve.Registry{found})
	}
	require.Equal(t, want, answers(), "what they gave away was changed")
}

func changeEntries(entries []resolve.LinuxEntry) {
	for i := range entries {
		entries[i].Blocked = false
		for j := range entries[i].Mirrors {
			entries[i].Mirrors[j].Location = "changed"
			changeOrigins(entries[i].Mirrors[j].Origins)
		}
		changeOrigins(entries[i].Origins)
	}
}

func changeRegistries(registries []resolve.Registry) {
	for i := range registries {
		r := &registries[i]
		changeOrigins(r.Origins)
		for j := range r.Spellings {
			r.Spellings[j] = "changed"
		}
		endpoints := r.Endpoints
		if r.Server != nil {
			changeOrigins(r.Server.Origins)
			r.Server.Host = "changed"
		}
		for j := range endpoints {
			endpoints[j].Host = "changed"
			changeOrigins(endpoints[j].Origins)
		}
	}
}

func changeOrigins(origins []finding.Origin) {
	for i := range origins {
		origins[i] = finding.Origin{Object: "changed"}
	}
	slices.Reverse(origins)
}
