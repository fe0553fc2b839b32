package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
	"github.com/pullroute/pullroute/resolve"
	"github.com/pullroute/pullroute/resolve/routes"
	"github.com/spf13/cobra"
)

// linting are the flags of lint.
type linting struct {
	on           manyPlatforms
	named, lists texts
	hosts        *texts
	ignore       codes
	all          bool
	disconnected bool
	together     bool
	client       clientFlag
	release      string
	failOn       form
}

func (p *program) lint() *cobra.Command {
	c := &cobra.Command{Use: "lint [FILE]...", Short: "report everything worth knowing of the manifests",
		Long: "Each FILE is what -f takes too. A comment \"# pullroute:ignore CODE REASON\", on the line of a\n" +
			"finding or above it, leaves that finding out; refusals stay."}
	files := inputFlag(c, anyInput)
	out := formFlag(c, "{\"findings\": [...]}", "sarif", "github", "junit")
	l := linting{failOn: form{"error", []string{"error", "warning"}}}
	addFlag(c, &l.on, "platform", "", "report what concerns these nodes: "+nodes+"; repeats; "+
		"without it, linux, and windows where the input is about it: images of mcr.microsoft.com, --host, "+
		"a hosts.toml", platforms)
	addFlag(c, &l.named, "require", "", "an `IMAGE` that has to be served by a mirror; repeats", []string{})
	addFlag(c, &l.lists, "require-from", "", "a `FILE` of such images: one a line, a mapping SRC=DST, oc adm "+
		"release info --pullspecs, or manifests that name images; repeats", nil)
	l.hosts = hostsFlag(c)
	c.Flags().BoolVar(&l.all, "all", false, "text and github: each finding by itself, also where many are alike")
	c.Flags().BoolVar(&l.disconnected, "disconnected", false, "no source can be contacted at all")
	ignoreFlag(c, &l.ignore, "leave out findings with this `CODE`; refusals stay; repeats")
	c.Flags().BoolVar(&l.together, "together", false, "judge all directories as one cluster; without it, each "+
		"directory or kustomization is one")
	clientOption(c, &l.client)
	releaseFlag(c, &l.release)
	addFlag(c, &l.failOn, "fail-on", "", "the least `SEVERITY` that makes the exit code 1: error or warning",
		l.failOn.all)
	c.RunE = func(_ *cobra.Command, args []string) error {
		checked, err := p.checked(&l, append(*files, args...))
		if errors.Is(err, errUsage) {
			return err
		}
		if err != nil { // a file that cannot be read is a finding too
			checked = &linted{findings: reasonsOf(err), unread: true}
		}
		checked.failOn = l.failOn.name
		if err := p.showLinted(checked, out.name, l.all); err != nil {
			return err
		}
		return failing(checked.findings, l.failOn.name == "warning")
	}
	return c
}

// linted is what lint has to say.
type linted struct {
	findings       finding.Findings
	given          []string // what the user named
	files, objects int
	platforms      []string // that were checked
	notChecked     []string // platforms that the input says something for, and that were not checked
	unread         bool     // nothing could be read
	failOn         string
}

// checked returns what lint says of an input.
func (p *program) checked(l *linting, files []string) (*linted, error) {
	require, findings, err := imagesOf(l.named, l.lists)
	if err != nil {
		return nil, err
	}
	read := p.keepStdin()
	in, err := p.read(files)
	if err != nil {
		return nil, err
	}
	to := linter{hosts: *l.hosts, require: require, disconnected: l.disconnected, release: l.release}
	c, err := lintInput(in, l, to)
	if err != nil {
		return nil, err
	}
	c.given = files
	findings = withoutRefusedEntries(append(findings, c.findings...))
	findings = slices.DeleteFunc(findings, func(f finding.Finding) bool {
		return (!f.Refused() || f.RefusedBy == finding.Reader) && slices.Contains(l.ignore, string(f.Code))
	})
	findings = read.heed(findings, in.Files(), c.platforms)
	read.columns(findings)
	c.findings = findings.Sort()
	return c, nil
}

// failing returns errFailed where a finding makes the exit code 1.
func failing(findings finding.Findings, onWarnings bool) error {
	if slices.ContainsFunc(findings, func(f finding.Finding) bool {
		return f.Severity == finding.SeverityError || f.Severity == finding.SeverityWarning && onWarnings
	}) {
		return errFailed
	}
	return nil
}

// lintInput returns the findings of every cluster, and of every node, that the input holds.
func lintInput(in *input.Input, flags *linting, l linter) (*linted, error) {
	client, together := input.Client(flags.client), flags.together
	c := &linted{findings: in.Findings(), files: len(in.Files())}
	linux, containerd, more := in.Nodes(client, flags.on.containerd())
	c.findings = append(c.findings, more...)
	if err := c.nodes(linux, containerd, &l); err != nil {
		return nil, err
	}
	clusters := in.Clusters(together)
	if len(clusters) == 0 {
		clusters = []input.Cluster{{Set: &mirrorset.Set{}}}
	}
	speaks := slices.ContainsFunc(clusters, func(c input.Cluster) bool { return c.Set.Speaks() })
	rules := make([]*mirrorset.Rules, len(clusters))
	refused := make([]error, len(clusters))
	for i := range clusters {
		rules[i], refused[i] = clusters[i].Set.Rules()
	}
	c.platforms = flags.on
	if len(c.platforms) == 0 {
		c.platforms = platformsOf(rules, &l, len(containerd) > 0)
	}
	for _, p := range []string{string(finding.Windows), string(finding.Linux)} {
		if speaks && !slices.Contains(c.platforms, p) {
			c.notChecked = append(c.notChecked, p)
		}
	}
	for i, cluster := range clusters {
		l := l
		l.rules, l.findings = rules[i], append(cluster.Findings, refusals(refused[i])...)
		if len(linux)+len(containerd) > 0 || speaks && !cluster.Set.Speaks() {
			l.require = nil // the images are held against those that say where pulls go
		}
		if err := l.cluster(cluster.Set, c.platforms); err != nil {
			return nil, err
		}
		c.objects += objectsIn(cluster.Set)
		c.findings = append(c.findings, l.findings...)
	}
	c.findings = slices.Compact(c.findings.Sort())
	return c, nil
}

// nodes adds the findings of nodes' own files.
func (c *linted) nodes(linux []*input.Linux, containerd []*input.Hosts, l *linter) error {
	for _, node := range linux {
		l.findings = slices.Clone(node.Findings)
		if node.Findings.Err() == nil {
			table := node.Table()
			l.findings = append(l.findings, table.Check()...)
			if err := l.images(table, l.require); err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
		}
		c.findings = append(c.findings, l.findings...)
	}
	for _, node := range containerd {
		table := node.Table()
		l.findings = append(slices.Clone(node.Findings), table.Check()...)
		if err := l.images(table, l.require); err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		c.findings = append(c.findings, l.findings...)
		if !node.Lone && !node.Made {
			c.files += len(node.Tree)
		}
	}
	return nil
}

// platformsOf returns the platforms that an input is checked for where none is named: Linux, and
// Windows where something in it is about nodes with Windows.
func platformsOf(rules []*mirrorset.Rules, l *linter, hasHosts bool) []string {
	both := hasHosts || len(l.hosts) > 0 || slices.ContainsFunc(l.require, func(i input.Image) bool {
		return ofMicrosoft(i.Name)
	})
	if both || slices.ContainsFunc(rules, mirrorsMicrosoft) {
		return []string{string(finding.Linux), string(finding.Windows)}
	}
	return []string{string(finding.Linux)}
}

// objectsIn counts the objects of a set.
func objectsIn(s *mirrorset.Set) int {
	return len(s.ImageDigestMirrorSets) + len(s.ImageTagMirrorSets) + len(s.ImageContentSourcePolicies) +
		len(s.DigestSources) + len(s.ImageMirrors) + len(s.Images) + len(s.ConfigMaps) +
		len(s.ClusterImagePolicies) + len(s.ImagePolicies) + len(s.ClusterVersions) +
		len(s.MachineConfigurations) + len(s.NodeFiles)
}

// withoutRefusedEntries leaves out what else there is to say of entries that are refused, but for what is about
// an image, and for fields that are unknown: one of them may be that which is missing.
func withoutRefusedEntries(findings finding.Findings) finding.Findings {
	type entry struct {
		file, object, wrapper, field string
		document                     int
	}
	of := func(o finding.Origin) (e entry, ok bool) {
		end := strings.IndexByte(o.Field, ']')
		if end < 0 {
			return entry{}, false
		}
		return entry{o.File, o.Object, o.Wrapper, o.Field[:end], o.Document}, true
	}
	refused := map[entry]bool{}
	for _, f := range findings {
		for _, o := range []finding.Origin{f.Origin, f.Related} {
			if e, ok := of(o); ok && f.Refused() {
				refused[e] = true
			}
		}
	}
	return slices.DeleteFunc(findings, func(f finding.Finding) bool {
		e, ok := of(f.Origin)
		return ok && !f.Refused() && refused[e] && f.Code != codeRuleNotUsed && f.Code != finding.CodeUnknownField
	})
}

// linter collects the findings of rules.
type linter struct {
	rules        *mirrorset.Rules
	hosts        []string
	require      []input.Image
	disconnected bool
	release      string             // --release-image
	policy       *policyjson.Policy // of Linux nodes
	findings     finding.Findings
}

// cluster collects what there is to say of a cluster. What is refused is still looked at as far as it
// can be read: all that is wrong is said at once.
func (l *linter) cluster(set *mirrorset.Set, platforms []string) error {
	l.findings = append(l.findings, concerningAny(platforms, releaseOf(l.rules, l.release))...)
	if slices.Contains(platforms, string(finding.Windows)) {
		l.findings = append(l.findings, icspOnWindows(set)...)
	}
	if err := l.lint(platforms); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	return nil
}

// icspOnWindows says of each ImageContentSourcePolicy that nodes with Windows do not get it: the
// controller of WMCO watches ImageDigestMirrorSet and ImageTagMirrorSet alone.
func icspOnWindows(s *mirrorset.Set) (findings finding.Findings) {
	for i := range s.ImageContentSourcePolicies {
		o := &s.ImageContentSourcePolicies[i]
		findings = append(findings, finding.Finding{
			Code: codeICSPWindows, Severity: finding.SeverityInfo, Platform: finding.Windows,
			Origin: o.ReadFrom.Origin("ImageContentSourcePolicy/"+o.Metadata.Name, ""),
			Message: "on OpenShift, Windows nodes pull from the sources: the Windows Machine Config Operator does " +
				"not read ImageContentSourcePolicy; convert it with mirrorctl migrate-icsp",
		})
	}
	return findings
}

// lint collects what concerns the platforms named. The error is that of an image that is none.
func (l *linter) lint(platforms []string) error {
	l.findings = append(l.findings, concerningAny(platforms, l.rules.Findings)...)
	if slices.Contains(platforms, string(finding.Linux)) {
		files, t, findings := registriesconf.Render(l.rules, registriesconf.RenderOptions{})
		l.findings = append(l.findings, findings...)
		under := l.rules
		l.findings = append(l.findings, files.Fills(t, l.rules.Rendered)...)
		if findings.Err() == nil {
			under = underMCO(under, files)
		}
		l.findings = append(l.findings, routes.UnderMCO(t, resolve.MCO(under))...)
		l.policy = files.Policies.Policy
		if err := l.images(t, l.require); err != nil {
			return err
		}
	}
	for _, on := range platforms {
		if on := finding.Platform(on); on.ReadsHosts() {
			if err := l.containerd(on); err != nil {
				return err
			}
		}
	}
	return nil
}

// containerd collects what concerns the nodes of a platform with containerd.
func (l *linter) containerd(on finding.Platform) error {
	_, t, findings := hoststoml.Render(l.rules, hoststoml.RenderOptions{Platform: on, Hosts: l.hosts})
	l.findings = append(l.findings, findings...)
	images := l.require
	if on == finding.Windows {
		l.findings = append(l.findings, routes.UnderWMCO(t, resolve.WMCO(l.rules))...)
		if (l.disconnected || mirrorsMicrosoft(l.rules)) &&
			!slices.ContainsFunc(images, func(i input.Image) bool { return i.Name == pauseImage }) {
			images = append(slices.Clone(images), input.Image{Name: pauseImage})
		}
	}
	return l.images(t, images)
}

// concerningAny returns the findings that concern any of some platforms.
func concerningAny(platforms []string, findings finding.Findings) (kept finding.Findings) {
	for _, p := range platforms {
		kept = append(kept, findings.For(finding.Platform(p))...)
	}
	return kept
}

// mirrorsMicrosoft reports whether any rule leads from or to the registry of Windows' own images.
func mirrorsMicrosoft(rules *mirrorset.Rules) bool {
	return slices.ContainsFunc(rules.Rules, func(r mirrorset.Rule) bool {
		return ofMicrosoft(r.Source) || slices.ContainsFunc(r.Entries, func(e *mirrorset.Entry) bool {
			return slices.ContainsFunc(e.Mirrors, ofMicrosoft)
		})
	})
}

// ofMicrosoft reports whether a name lies in the registry of Windows' own images.
func ofMicrosoft(name string) bool {
	host, _, _ := strings.Cut(name, "/")
	return host == "mcr.microsoft.com"
}
