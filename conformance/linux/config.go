// Package linux holds what the library says of Linux nodes against the programs that decide it:
// containers-image, which reads registries.conf; the Machine Config Operator, which writes it; the API
// server, which lets the objects in.
package linux

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/render"
	"github.com/pullroute/pullroute/conformance/report"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

// containersImage is what the report calls the version that the module of the test links.
var containersImage = "containers-image " + containersimage.Version

// newRow starts a row of the report. A test that fails at the first mismatch has one.
func newRow(t *testing.T, client, compared string) *report.Row {
	row := report.Add(client, compared)
	t.Cleanup(func() {
		if t.Failed() && row.Mismatches == 0 {
			row.Mismatches = 1
		}
	})
	return row
}

// config is a cluster's configuration and what the library makes of it.
type config struct {
	set     *mirrorset.Set
	rules   *mirrorset.Rules
	table   *resolve.LinuxTable
	file    string
	dropIns []string
}

func newConfig(t *testing.T, set *mirrorset.Set) config {
	t.Helper()
	c := config{set: set}
	var err error
	c.rules, err = set.Rules()
	require.NoError(t, err)
	return c.on(nil)
}

// on returns the configuration with its rules on top of a base file; nil is that of MCO.
func (c config) on(base *registriesconf.Config) config {
	files, table := render.Linux(c.rules, base)
	c.table, c.file, c.dropIns = table, string(files.Config.Bytes()), nil
	if files.Search != nil {
		c.dropIns = []string{string(files.Search.Bytes())}
	}
	return c
}

// load gives the files to containers-image.
func (c config) load(t *testing.T) *containersimage.Registries {
	t.Helper()
	r, err := containersimage.LoadRegistries(t.TempDir(), c.file, c.dropIns...)
	require.NoError(t, err, c)
	return r
}

// String describes the configuration for the message of a failure.
func (c config) String() string {
	var b strings.Builder
	for _, r := range c.rules.Rules {
		fmt.Fprintf(&b, "%s %s", r.Pull, r.Source)
		for _, m := range r.Mirrors() {
			b.WriteString(" " + m.Location)
		}
		if r.Never {
			b.WriteString(" never")
		}
		b.WriteString("\n")
	}
	for _, s := range c.rules.Blocked {
		fmt.Fprintln(&b, "blocked", s.Value)
	}
	for _, s := range c.rules.Insecure {
		fmt.Fprintln(&b, "insecure", s.Value)
	}
	return b.String() + c.file + strings.Join(c.dropIns, "")
}

// image returns an image name with a tag, a digest, both or neither: any name, or one that lies
// inside one of the rules or scopes.
func (c config) image(s *random.Source, digest string) string {
	name := s.Name()
	scopes := slices.Concat(c.rules.Blocked, c.rules.Insecure)
	if n := len(c.rules.Rules) + len(scopes); n > 0 && s.Intn(3) > 0 {
		if i := s.Intn(n); i < len(c.rules.Rules) {
			name = c.rules.Rules[i].Source
		} else {
			name = scopes[i-len(c.rules.Rules)].Value
		}
		if domain, ok := strings.CutPrefix(name, "*."); ok {
			name = s.Pick("a.", "foo.", "x.y.") + domain + s.Pick("", "", ":5000")
		}
		name += s.Pick("", "/a", "/b", "/z", "/z/z")
		if !strings.Contains(name, "/") {
			name += "/z"
		}
	}
	return name + s.Pick("", ":1", "@"+digest, ":1@"+digest)
}

// pulled is what containers-image would do for one image, without any network.
type pulled struct {
	locations []string // as the client asks for them: blocked ones left out, an immediate repeat of one reference once
	stopped   int      // references that end before the first location
	err       error    // the last of their errors, or that of the image itself
}

// attempts asks containers-image what it would do for an image as a pod names it.
func attempts(r *containersimage.Registries, image string) (p pulled) {
	refs, err := r.Expand(image)
	if err != nil {
		return pulled{err: err}
	}
	for _, ref := range refs {
		list, err := r.Attempts(ref)
		if err != nil {
			p.err = err
			p.stopped++
			continue
		}
		begin := len(p.locations)
		for _, a := range list {
			location := onTheWire(a.Name)
			if n := len(p.locations); !a.Blocked && (n == begin || p.locations[n-1] != location) {
				p.locations = append(p.locations, location)
			}
		}
	}
	return p
}

// onTheWire writes the name of a repository as it is asked for: only Docker Hub has another name there.
func onTheWire(name string) string {
	if rest, ok := strings.CutPrefix(name, "docker.io/"); ok {
		return "registry-1.docker.io/" + rest
	}
	return name
}

func locations(p resolve.Plan) (list []string) {
	for _, a := range p.Pull {
		list = append(list, a.Location)
	}
	return list
}

func hasCode(fs finding.Findings, code finding.Code) bool {
	return slices.ContainsFunc(fs, func(f finding.Finding) bool { return f.Code == code })
}

func hasError(fs finding.Findings) bool {
	return slices.ContainsFunc(fs, func(f finding.Finding) bool { return f.Severity == finding.SeverityError })
}
