package resolve

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/foreign"
	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Copy is one copy of an image that fills a mirror.
type Copy struct {
	// Source and Destination are references as skopeo takes them behind docker://: with a tag or a
	// digest, never both, because skopeo refuses a reference with both.
	Source      string `json:"source"`
	Destination string `json:"destination"`
	// Platforms are those whose nodes ask the destination.
	Platforms []finding.Platform `json:"platforms"`
	// Origins are the mirrors that name the destination.
	Origins []string `json:"origins"`
	// Notes say what is not obvious: why the platforms differ, that the copy has no tag, that its
	// layers need a check.
	Notes []string `json:"notes,omitempty"`
	// ForeignLayers is set where the manifest needs a check: the source is known for layers with
	// urls, which nodes fetch from those urls first and not from the mirror, or the source may not
	// be contacted.
	ForeignLayers bool `json:"foreignLayers,omitempty"`
}

// Copies returns the copies that fill every mirror of an image: those of the rules that govern it
// on Linux, and those of its registry with containerd, for pulls by digest and by tag alike, as an image
// is asked for in both ways. They are sorted by destination, each destination once; none is the
// image itself. Either table may be nil.
//
// image names its registry. A reference with a digest is copied by digest; a tag beside the digest
// becomes the tag of the destination, so that the registry does not collect the copy as untagged.
func Copies(linux *LinuxTable, containerd *ContainerdTable, image string) ([]Copy, error) {
	if err := tooLong(image); err != nil {
		return nil, err
	}
	r, err := ParseReference(image)
	if err != nil {
		return nil, err
	}
	if IsShortName(image) {
		return nil, fmt.Errorf(`image reference "%s" names no registry, and what it stands for differs from `+
			`node to node; write it out, as docker.io/%[1]s`, shown.Value(image))
	}
	c := newCopier(r, image)
	c.foreignLayers = foreign.Known(r.Name())
	c.addLinux(linux)
	c.addContainerd(containerd)
	return c.sorted(linux != nil && containerd != nil), nil
}

// copier collects the copies of one image.
type copier struct {
	image         Reference
	suffix        string // of destinations: ":tag" or "@digest"
	note          string // on every copy; empty where there is none
	foreignLayers bool
	byLocation    map[string]*Copy // by destination, without the suffix, in canonical form
}

func newCopier(r Reference, image string) *copier {
	c := &copier{image: r, suffix: r.suffix(), byLocation: map[string]*Copy{}}
	if !r.ByDigest() {
		return c
	}
	_, suffix := splitName(image)
	if tag, _, _ := strings.Cut(suffix, "@"); tag != "" {
		c.suffix = tag
	} else {
		c.note = "untagged: registries collect images without a tag; give the image a tag beside its " +
			"digest to have the copy tagged"
	}
	return c
}

// add adds a location that nodes of a platform ask, unless it is the image itself.
func (c *copier) add(platform finding.Platform, location string, origins []finding.Origin) {
	if canonical(location) == canonical(c.image.Name()) {
		return
	}
	location = pushed(location)
	one := c.byLocation[canonical(location)]
	if one == nil {
		one = &Copy{Source: c.image.String(), Destination: location + c.suffix}
		if c.note != "" {
			one.Notes = append(one.Notes, c.note)
		}
		c.byLocation[canonical(location)] = one
	}
	if !slices.Contains(one.Platforms, platform) {
		one.Platforms = append(one.Platforms, platform)
	}
	for _, o := range origins {
		if s := o.String(); !slices.Contains(one.Origins, s) {
			one.Origins = append(one.Origins, s)
		}
	}
}

// addLinux adds the mirrors of the entry that governs the image, those that can be asked.
func (c *copier) addLinux(t *LinuxTable) {
	entry := t.find(c.image.Name())
	if entry == nil || linuxReference(c.image) != nil {
		return
	}
	c.foreignLayers = c.foreignLayers || entry.Blocked
	after := rest(c.image.Name(), entry.Prefix)
	for i := range entry.Mirrors {
		location := entry.Mirrors[i].Location + after
		if unwritable(location) == "" && t.blocking(location) == nil {
			c.add(finding.Linux, location, entry.Mirrors[i].Origins)
		}
	}
}

// addContainerd adds the endpoints of the registry.
func (c *copier) addContainerd(t *ContainerdTable) {
	host, repository := network.SplitHost(c.image.Name())
	file := t.find(host)
	if file == nil {
		return
	}
	c.foreignLayers = c.foreignLayers || file.Never
	for i := range file.Endpoints {
		if e := &file.Endpoints[i]; e.isRegistryRoot() && e.Capabilities.Has(CanPull) {
			for _, asked := range e.repositories(repository[1:]) {
				c.add(t.Platform(), e.Location(asked), e.Origins)
			}
		}
	}
}

// sorted returns the copies with all their notes, on where platforms differ if both were asked.
func (c *copier) sorted(both bool) []Copy {
	copies := make([]Copy, 0, len(c.byLocation))
	for _, one := range c.byLocation {
		if both && len(one.Platforms) == 1 {
			other := "containerd asks the endpoint with the whole repository below it"
			if one.Platforms[0] == finding.Linux {
				other = "Linux nodes replace only the source of the rule in the name"
			}
			one.Notes = append(one.Notes, fmt.Sprintf("for %s only: %s", one.Platforms[0], other))
		}
		if one.ForeignLayers = c.foreignLayers; c.foreignLayers {
			one.Notes = append(one.Notes, "look for urls in the manifest: skopeo does not copy a layer "+
				"that has some; nodes fetch it from there, and fail where they cannot reach it")
		}
		copies = append(copies, *one)
	}
	slices.SortFunc(copies, func(a, b Copy) int { return cmp.Compare(a.Destination, b.Destination) })
	return copies
}

// pushed returns a location as tools take it: Docker Hub is docker.io to them.
func pushed(location string) string {
	if rest, ok := strings.CutPrefix(location, network.DockerHub); ok {
		return "docker.io" + rest
	}
	return location
}
