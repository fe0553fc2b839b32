package windows

import (
	"context"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/render"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// exactSet makes rules whose mirrors end in the whole path of their source, of one kind and one
// entry for each registry: what a hosts.toml can say as exactly as a registries.conf.
func exactSet(s *random.Source) (set *mirrorset.Set, named []string) {
	set = &mirrorset.Set{}
	var digest, tag []mirrorset.ImageMirrors
	for _, host := range []string{"quay.io", "n.io:5000", "docker.io", "*.example.org", "foo.net"} {
		if s.Intn(2) == 0 {
			continue
		}
		e := mirrorset.ImageMirrors{Source: host}
		path := ""
		if !strings.HasPrefix(host, "*") {
			for range s.Intn(3) {
				path += s.Pick("/a", "/b", "/org")
			}
			e.Source += path
		}
		for range 1 + s.Intn(3) {
			m := s.Pick("m.io", "o.io:8443", "quay.io", "docker.io", "p.net") +
				s.Pick("", "", "/x", "/x/y", "/a") + path
			if !slices.Contains(e.Mirrors, m) && m != e.Source {
				e.Mirrors = append(e.Mirrors, m)
			}
		}
		if s.Intn(3) == 0 {
			e.MirrorSourcePolicy = mirrorset.NeverContactSource
		}
		if s.Intn(2) == 0 {
			digest = append(digest, e)
		} else {
			tag = append(tag, e)
		}
	}
	meta := mirrorset.ObjectMeta{Name: "x"}
	if digest != nil {
		set.ImageDigestMirrorSets = []mirrorset.ImageDigestMirrorSet{{Metadata: meta,
			Spec: mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: digest}}}
	}
	if tag != nil {
		set.ImageTagMirrorSets = []mirrorset.ImageTagMirrorSet{{Metadata: meta,
			Spec: mirrorset.ImageTagMirrorSetSpec{ImageTagMirrors: tag}}}
	}
	return set, []string{"a.example.org", "x.y.example.org"}
}

// The mirrors that a Linux node asks, in their order, are those that containerd asks.
func anExactMirrorIsAskedWhereLinuxAsksIt(t *testing.T, versions []clients.Containerd) {
	inParallel(t, versions, "exact mirrors: requests = Linux plan", func(y tally, c clients.Containerd) {
		s := random.New(y.Name())
		root := y.TempDir()
		for i := 0; y.row.Pulls < random.Count(5_000); i++ {
			set, named := exactSet(s)
			rules, err := set.Rules()
			require.NoError(y, err)
			if len(rules.Rules) == 0 {
				continue
			}
			linux, windows := resolve.NewLinuxTable(rules), here(resolve.NewContainerdTable(rules, named...))
			rule := rules.Rules[s.Intn(len(rules.Rules))]
			image := rule.Source
			if domain, ok := strings.CutPrefix(image, "*."); ok {
				image = s.Pick("a.", "x.y.") + domain
			}
			image += s.Pick("/a", "/org/z", "/b/a")
			if rule.Pull == mirrorset.ByDigest {
				image += "@" + images[0].Manifest.Digest.String()
			} else {
				image += ":1"
			}
			want, err := linux.Plan(image)
			require.NoError(y, err)
			// A mirror that Linux cannot write as a reference keeps it from asking any.
			if slices.ContainsFunc(want.Findings, func(f finding.Finding) bool { return f.Code == finding.CodeUnwritable }) {
				continue
			}
			dir := filepath.Join(root, strconv.Itoa(i))
			_, err = render.Tree(rules, named...).Write(dir)
			require.NoError(y, err)
			pull := c.Pull(context.Background(), world.New(), dir, image)
			y.row.Configurations++
			y.row.Pulls++
			var got []string
			if p := pull.Passes(); len(p) > 0 {
				got = p[0].Locations
			}
			// Linux looks a mirror up again, and does not ask one inside a forbidden source. containerd
			// does not look; the plan says which.
			plan, err := windows.Plan(image)
			require.NoError(y, err)
			got = slices.Compact(slices.DeleteFunc(got, func(l string) bool {
				return slices.ContainsFunc(plan.Findings, func(f finding.Finding) bool {
					return f.Code == finding.CodeForbiddenContact && f.Value == l
				})
			}))
			if !slices.Equal(locations(want.Pull), got) {
				y.mismatch("%s: a Linux node asks %q, containerd %q\n%s", image, locations(want.Pull), got,
					describe(rules))
			}
		}
	})
}
