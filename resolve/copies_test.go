package resolve

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
)

func TestCopies(t *testing.T) {
	long := strings.Repeat("a", 250)
	for _, test := range []struct{ name, rules, image, want string }{
		{"one location for both platforms", "tag quay.io/a m.io/a", "quay.io/a/b:1",
			"quay.io/a/b:1 m.io/a/b:1 [linux windows]"},
		{"the mirrors of both kinds", "digest quay.io/a d.io/a\ntag quay.io/a t.io/a", "quay.io/a:1",
			"quay.io/a:1 d.io/a:1 [linux windows]|quay.io/a:1 t.io/a:1 [linux windows]"},
		{"locations that differ", "tag quay.io/a/b m.io/x", "quay.io/a/b/c:1",
			"quay.io/a/b/c:1 m.io/x/a/b/c:1 [windows]|quay.io/a/b/c:1 m.io/x/c:1 [linux]"},
		{"a digest", "digest quay.io/a m.io/a", "quay.io/a" + digestA,
			"quay.io/a" + digestA + " m.io/a" + digestA + " [linux windows]"},
		{"a tag beside a digest tags the copy", "digest quay.io/a m.io/a", "quay.io/a:1" + digestA,
			"quay.io/a" + digestA + " m.io/a:1 [linux windows]"},
		{"spillover", "tag quay.io/a m.io/a", "quay.io/b:1",
			"quay.io/b:1 m.io/b:1 [windows]"},
		{"Docker Hub", "tag docker.io m.io\ntag quay.io docker.io/x", "docker.io/busybox:1",
			"docker.io/library/busybox:1 m.io/library/busybox:1 [linux windows]"},
		{"Docker Hub as a mirror", "tag quay.io docker.io/x", "quay.io/b:1",
			"quay.io/b:1 docker.io/x/b:1 [linux windows]"},
		{"no tag is latest", "tag quay.io m.io", "quay.io/b", "quay.io/b:latest m.io/b:latest [linux windows]"},
		{"a mirror that cannot be asked", "tag quay.io quay.io/m m.io never", "quay.io/b:1", "quay.io/b:1 m.io/b:1 [linux windows]"},
		{"the source among its mirrors", "tag quay.io/a m.io/a quay.io/a n.io/a", "quay.io/a:1",
			"quay.io/a:1 m.io/a:1 [linux windows]|quay.io/a:1 n.io/a:1 [linux windows]"},
		{"a name that containers-image does not take", "tag quay.io m.io", "quay.io/" + long + ":1",
			"quay.io/" + long + ":1 m.io/" + long + ":1 [windows]"},
		{"nothing to do", "tag quay.io/a m.io/a", "other.io/a:1", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			rules := newRules(t, test.rules)
			copies, err := Copies(NewLinuxTable(rules), NewContainerdTable(rules), test.image)
			require.NoError(t, err)
			var got []string
			for _, c := range copies {
				var on []string
				for _, p := range c.Platforms {
					on = append(on, string(p))
				}
				got = append(got, c.Source+" "+c.Destination+" ["+strings.Join(on, " ")+"]")
				require.NotEmpty(t, c.Origins)
				if len(on) == 1 {
					require.Contains(t, c.Notes[len(c.Notes)-1], "for "+on[0]+" only")
				}
			}
			require.Equal(t, test.want, strings.Join(got, "|"))
		})
	}
	// Each platform's table alone tells that the source may not be contacted.
	never, allow := newRules(t, "tag quay.io/a m.io never"), newRules(t, "tag quay.io/a m.io")
	for _, test := range []struct {
		linux, windows *mirrorset.Rules
		want           bool
	}{{never, allow, true}, {allow, never, true}, {allow, allow, false}} {
		copies, err := Copies(NewLinuxTable(test.linux), NewContainerdTable(test.windows), "quay.io/a:1")
		require.NoError(t, err)
		require.Len(t, copies, 1)
		require.Equal(t, test.want, copies[0].ForeignLayers)
	}
	rules := newRules(t, "tag quay.io m.io")
	_, err := Copies(NewLinuxTable(rules), NewContainerdTable(rules), "busybox")
	require.ErrorContains(t, err, "names no registry")
}
