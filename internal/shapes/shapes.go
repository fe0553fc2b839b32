// Package shapes makes sets of objects of any size, for benchmarks and for the test that holds
// their growth.
package shapes

import (
	"fmt"

	"github.com/pullroute/pullroute/mirrorset"
)

// Shape is one way in which sets grow.
type Shape struct {
	Name string
	// Set returns a set of size n.
	Set func(n int) *mirrorset.Set
	// Sizes are those to measure; each is ten times the one before.
	Sizes []int
}

// All are the shapes that real clusters, fleets and generated policies grow in.
var All = []Shape{
	{"sources", Sources, []int{100, 1000, 10_000, 100_000}},
	{"nested", Nested, []int{1000, 10_000, 100_000}},
	{"scopes", Scopes, []int{1000, 10_000, 100_000}},
	{"hosts", Hosts, []int{1000, 10_000, 100_000}},
	{"mirrors", Mirrors, []int{100, 1000, 10_000}},
	{"objects", Objects, []int{100, 1000, 10_000}},
	{"spellings", Spellings, []int{1000, 10_000, 100_000}},
	{"together", Together, []int{10_000, 100_000}},
}

// Source returns source i of those on 97 registries, and its two mirrors.
func Source(i int) (source string, mirrors []string) {
	path := fmt.Sprintf("/org%d/repo%d", i%1000, i)
	return fmt.Sprintf("registry%d.example.com%s", i%97, path), []string{"mirror.corp" + path, "backup.corp" + path}
}

// Sources has n sources on 97 registries, an object each.
func Sources(n int) *mirrorset.Set {
	set := &mirrorset.Set{}
	for i := range n {
		source, mirrors := Source(i)
		add(set, i, mirrorset.ImageMirrors{Source: source, Mirrors: mirrors})
	}
	return set
}

// Nested has n sources, nine of ten of them inside another one, and every third under
// NeverContactSource, in both kinds of object.
func Nested(n int) *mirrorset.Set {
	set := &mirrorset.Set{}
	tags := mirrorset.ImageTagMirrorSet{Metadata: mirrorset.ObjectMeta{Name: "tags"}}
	for i := range n {
		path := fmt.Sprintf("/org%d", i/10)
		if i%10 > 0 {
			path += fmt.Sprintf("/team%d", i%10)
		}
		if i%10 > 5 {
			path += "/app"
		}
		e := mirrorset.ImageMirrors{Source: fmt.Sprintf("registry%d.example.com%s", i/10%97, path),
			Mirrors: []string{"mirror.corp" + path, "backup.corp" + path}}
		if i%3 == 0 {
			e.MirrorSourcePolicy = mirrorset.NeverContactSource
		}
		if i%2 == 0 {
			add(set, i, e)
		} else {
			tags.Spec.ImageTagMirrors = append(tags.Spec.ImageTagMirrors, e)
		}
	}
	set.ImageTagMirrorSets = append(set.ImageTagMirrorSets, tags)
	return set
}

// Scopes has n sources beside lists of n, at most 1,000, blocked and as many insecure scopes, some
// of each around sources or mirrors, and wildcards.
func Scopes(n int) *mirrorset.Set {
	set := Sources(n)
	set.Add(scopeLists(min(n, 1000)))
	return set
}

// scopeLists has n blocked and n insecure scopes.
func scopeLists(n int) *mirrorset.Set {
	set := &mirrorset.Set{}
	image := mirrorset.Image{Metadata: mirrorset.ObjectMeta{Name: "cluster"}}
	r := &image.Spec.RegistrySources
	for i := range n {
		source, _ := Source(i)
		switch i % 4 {
		case 0:
			r.BlockedRegistries = append(r.BlockedRegistries, source+"/secret")
			r.InsecureRegistries = append(r.InsecureRegistries, source)
		case 1:
			r.BlockedRegistries = append(r.BlockedRegistries, fmt.Sprintf("blocked%d.example.com", i))
			r.InsecureRegistries = append(r.InsecureRegistries, fmt.Sprintf("insecure%d.example.com", i))
		case 2:
			r.BlockedRegistries = append(r.BlockedRegistries, fmt.Sprintf("*.blocked%d.example.com", i))
			r.InsecureRegistries = append(r.InsecureRegistries, fmt.Sprintf("*.insecure%d.example.com", i))
		default:
			r.BlockedRegistries = append(r.BlockedRegistries, fmt.Sprintf("mirror.corp/blocked%d", i))
			r.InsecureRegistries = append(r.InsecureRegistries, fmt.Sprintf("backup.corp/org%d", i))
		}
	}
	set.Images = append(set.Images, image)
	return set
}

// Hosts has n sources, each on a registry of its own, beside the lists of Scopes and a wildcard
// around all.
func Hosts(n int) *mirrorset.Set {
	set := scopeLists(min(n, 1000))
	for i := range n {
		add(set, i, mirrorset.ImageMirrors{
			Source:  fmt.Sprintf("registry%d.example.com/app", i),
			Mirrors: []string{fmt.Sprintf("mirror%d.corp/app", i%97)},
		})
	}
	add(set, n, mirrorset.ImageMirrors{Source: "*.example.com", Mirrors: []string{"mirror.corp"}})
	return set
}

// Spellings has n/2 sources under NeverContactSource on one host, beside n/2 mirrors that spell the
// host each in a way of its own: some name one repository, some the whole host.
func Spellings(n int) *mirrorset.Set {
	const host = "registry.long-name.example.com"
	set := &mirrorset.Set{}
	for i := range n / 2 {
		add(set, i, mirrorset.ImageMirrors{
			Source: fmt.Sprintf("%s/p%d", host, i), Mirrors: []string{fmt.Sprintf("m.io/p%d", i)},
			MirrorSourcePolicy: mirrorset.NeverContactSource,
		})
		spelled, bits := []byte(host), i+1
		for at, c := range spelled {
			if c >= 'a' && c <= 'z' {
				if bits&1 == 1 {
					spelled[at] = c - 'a' + 'A'
				}
				bits >>= 1
			}
		}
		mirror := string(spelled)
		if i%2 == 0 {
			mirror += fmt.Sprintf("/p%d", i)
		}
		add(set, n+i, mirrorset.ImageMirrors{Source: fmt.Sprintf("foo.io/q%d", i), Mirrors: []string{mirror}})
	}
	return set
}

// Mirrors has one source with n mirrors.
func Mirrors(n int) *mirrorset.Set {
	set := &mirrorset.Set{}
	e := mirrorset.ImageMirrors{Source: "registry.example.com/app"}
	for i := range n {
		e.Mirrors = append(e.Mirrors, fmt.Sprintf("mirror%d.corp/app", i))
	}
	add(set, 0, e)
	return set
}

// Objects has n objects that name one source, each with two of 97 mirrors in the same order.
func Objects(n int) *mirrorset.Set {
	set := &mirrorset.Set{}
	for i := range n {
		first := i % 96
		add(set, i, mirrorset.ImageMirrors{
			Source: "registry.example.com/app", Mirrors: []string{fmt.Sprintf("mirror%02d.corp/app", first),
				fmt.Sprintf("mirror%02d.corp/app", first+1)},
		})
	}
	return set
}

// Together has n sources as Nested has them, beside the lists of Scopes, one source with n/10, at
// most 1,000, mirrors, and n, at most 10,000, objects that name one source.
func Together(n int) *mirrorset.Set {
	set := Nested(n)
	set.Add(scopeLists(min(n, 1000)))
	for _, part := range []struct {
		name string
		set  *mirrorset.Set
	}{{"wide", Mirrors(min(n/10, 1000))}, {"shared", Objects(min(n, 10_000))}} {
		for i := range part.set.ImageDigestMirrorSets {
			o := &part.set.ImageDigestMirrorSets[i]
			o.Metadata.Name = part.name + o.Metadata.Name
			o.Spec.ImageDigestMirrors[0].Source = part.name + "." + o.Spec.ImageDigestMirrors[0].Source
		}
		set.Add(part.set)
	}
	return set
}

// add puts an entry into an ImageDigestMirrorSet of its own.
func add(set *mirrorset.Set, i int, e mirrorset.ImageMirrors) {
	set.ImageDigestMirrorSets = append(set.ImageDigestMirrorSets, mirrorset.ImageDigestMirrorSet{
		Metadata: mirrorset.ObjectMeta{Name: fmt.Sprintf("m%d", i)},
		Spec:     mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: []mirrorset.ImageMirrors{e}},
	})
}
