package mirrorset

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/stretchr/testify/require"
)

// The merge key of YAML 1.1 (https://yaml.org/type/merge.html): keys of the mapping itself win, wherever they stand;
// of several merged mappings the earlier wins.
func TestMergeKeysBringTheFieldsThatAreNotWritten(t *testing.T) {
	const entries = "apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata: {name: a}\nspec:\n" +
		"  imageDigestMirrors:\n  - &first\n    source: quay.io/a\n    mirrors: [m.io/a]\n    mirrorSourcePolicy: NeverContactSource\n"
	for name, test := range map[string]struct {
		entry string
		want  ImageMirrors
	}{
		"a mapping":               {"<<: *first", ImageMirrors{"quay.io/a", []string{"m.io/a"}, NeverContactSource}},
		"a key behind the merge":  {"<<: *first\n    source: quay.io/b", ImageMirrors{"quay.io/b", []string{"m.io/a"}, NeverContactSource}},
		"a key before the merge":  {"source: quay.io/b\n    <<: *first", ImageMirrors{"quay.io/b", []string{"m.io/a"}, NeverContactSource}},
		"an inline mapping":       {"<<: {source: quay.io/b}\n    mirrors: [n.io]", ImageMirrors{"quay.io/b", []string{"n.io"}, ""}},
		"the earlier of a list":   {"<<: [{mirrors: [n.io]}, *first]", ImageMirrors{"quay.io/a", []string{"n.io"}, NeverContactSource}},
		"two merges, the earlier": {"<<: {source: quay.io/b}\n    <<: *first", ImageMirrors{"quay.io/b", []string{"m.io/a"}, NeverContactSource}},
		"null hides, as a value":  {"mirrorSourcePolicy: null\n    <<: *first", ImageMirrors{"quay.io/a", []string{"m.io/a"}, ""}},
		"null that is merged":     {"<<: [{mirrorSourcePolicy: null}, *first]", ImageMirrors{"quay.io/a", []string{"m.io/a"}, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			set, refused := decode(t, entries+"  - "+test.entry+"\n")
			require.Empty(t, refused)
			require.Empty(t, set.Findings)
			require.Equal(t, test.want, set.ImageDigestMirrorSets[0].Spec.ImageDigestMirrors[1])
		})
	}
	for _, value := range []string{"m.io", "[m.io]", "[*first, 1]"} {
		_, refused := decode(t, entries+"  - source: quay.io/b\n    <<: "+value+"\n")
		require.Len(t, refused, 1, value)
		require.Equal(t, "error: ImageDigestMirrorSet/a spec.imageDigestMirrors[1]: merges (<<) what is not a mapping [unreadable] (in.yaml:11)",
			refused[0].String())
	}
}

// The bounds of github.com/openshift/api, config/v1, types_image.go.
func TestTheListsOfAnImageHaveTheBoundsOfTheAPI(t *testing.T) {
	scopes := func(n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf("h%d.io", i))
		}
		return list
	}
	long := func(n int) []string { return []string{"a.io", "a.io/" + strings.Repeat("a", n-len("a.io/"))} }
	for name, test := range map[string]struct {
		sources RegistrySources
		want    []string
	}{
		"1024 items":        {RegistrySources{BlockedRegistries: scopes(1024), InsecureRegistries: scopes(1024)}, nil},
		"1024 allowed":      {RegistrySources{AllowedRegistries: scopes(1024)}, nil},
		"1025 blocked":      {RegistrySources{BlockedRegistries: scopes(1025)}, []string{"blockedRegistries: has 1025 items, and may have 1024"}},
		"1025 insecure":     {RegistrySources{InsecureRegistries: scopes(1025)}, []string{"insecureRegistries: has 1025 items, and may have 1024"}},
		"1025 allowed":      {RegistrySources{AllowedRegistries: scopes(1025)}, []string{"allowedRegistries: has 1025 items, and may have 1024"}},
		"256 characters":    {RegistrySources{BlockedRegistries: long(256), InsecureRegistries: long(256)}, nil},
		"257 characters":    {RegistrySources{BlockedRegistries: long(257)}, []string{`blockedRegistries[1]: "` + long(257)[1] + `": is 257 characters long, and may be 256`}},
		"no search list":    {RegistrySources{}, nil},
		"an empty one":      {RegistrySources{ContainerRuntimeSearchRegistries: []string{}}, []string{"containerRuntimeSearchRegistries: is empty"}},
		"a long one":        {RegistrySources{ContainerRuntimeSearchRegistries: scopes(1025)}, nil},
		"one with a repeat": {RegistrySources{ContainerRuntimeSearchRegistries: []string{"a.io", "b.io", "a.io"}}, []string{`containerRuntimeSearchRegistries[2]: "a.io": is listed already`}},
		"both lists, empty": {RegistrySources{AllowedRegistries: []string{}, BlockedRegistries: []string{}}, []string{"blockedRegistries: cannot be set together with allowedRegistries"}},
	} {
		t.Run(name, func(t *testing.T) {
			set := &Set{Images: []Image{{Metadata: ObjectMeta{Name: "cluster"}, Spec: ImageSpec{RegistrySources: test.sources}}}}
			var refused finding.Findings
			for _, f := range set.Validate() {
				if f.Refused() {
					refused = append(refused, f)
				}
			}
			require.Len(t, refused, len(test.want))
			for i, want := range test.want {
				require.Equal(t, finding.APIServer, refused[i].RefusedBy)
				require.Contains(t, refused[i].String(), "error: Image/cluster spec.registrySources."+want)
			}
		})
	}
}
