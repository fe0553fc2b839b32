package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
	"github.com/pullroute/pullroute/resolve"
	"github.com/spf13/cobra"
)

// choice are the flags that say how an input is read.
type choice struct {
	client clientFlag
	pool   string
	ignore codes
	// release is the image of the cluster's release payload, empty where the flag was not given.
	release string
}

// releaseFlag adds --release-image.
func releaseFlag(c *cobra.Command, to *string) {
	c.Flags().StringVar(to, "release-image", "", "linux: the `IMAGE` of the cluster's release payload, which MCO "+
		"keeps usable whatever is blocked; without it, that of a ClusterVersion in the input")
}

// releaseOf puts the image of --release-image into the rules, and says where that replaces another.
func releaseOf(rules *mirrorset.Rules, release string) finding.Findings {
	read := rules.ReleaseImage
	if release == "" || release == read.Value {
		return nil
	}
	rules.ReleaseImage = mirrorset.Scope{Value: release}
	if read.Value == "" {
		return nil
	}
	return finding.Findings{{
		Code: finding.CodeNotApplied, Severity: finding.SeverityInfo, Platform: finding.Linux,
		Origin: read.Origin, Value: read.Value,
		Message: "is the release image of the input; --release-image names another, which is used",
	}}
}

// choiceFlags adds --client, --pool, --ignore and --release-image.
func choiceFlags(command *cobra.Command) *choice {
	c := new(choice)
	clientOption(command, &c.client)
	command.Flags().StringVar(&c.pool, "pool", "", "answer from the rendered MachineConfig of this `POOL` of "+
		"nodes")
	ignoreFlag(command, &c.ignore, "answer although a part of the input was not read, as the finding with "+
		"this `CODE` says; repeats")
	releaseFlag(command, &c.release)
	return c
}

// on returns the choice for a platform.
func (c *choice) on(platform finding.Platform) (input.Choice, error) {
	client := input.Client(c.client)
	if platform != "" && !client.On(platform) {
		return input.Choice{}, fmt.Errorf("%w: --client %s reads no files of --platform %s", errUsage,
			client.Name, platform)
	}
	o := input.Choice{Client: client, Pool: c.pool}
	for _, code := range c.ignore {
		o.Ignore = append(o.Ignore, finding.Code(code))
	}
	return o, nil
}

// clientFlag is the flag --client.
type clientFlag input.Client

func (c *clientFlag) String() string { return c.Name }

func (c *clientFlag) Type() string { return "CLIENT" }

func (c *clientFlag) Set(s string) error {
	client, err := input.ParseClient(s)
	*c = clientFlag(client)
	return err
}

var (
	errNoInput    = fmt.Errorf("%w: no input; give manifests with -f", errUsage)
	errNoPlatform = fmt.Errorf("%w: --platform is missing; name windows, containerd or linux", errUsage)
)

// read reads what -f names.
func (p *program) read(paths []string) (*input.Input, error) {
	if len(paths) == 0 {
		return nil, errNoInput
	}
	for i, path := range paths {
		if slices.Contains(paths[:i], path) {
			return nil, fmt.Errorf("%w: -f %s is given twice", errUsage, input.PathText(path))
		}
		if err := notAFile(path); err != nil {
			return nil, err
		}
	}
	return input.Read(paths, p.stdin)
}

// notAFile refuses what names something, but no file.
func notAFile(path string) error {
	scheme, _, ok := strings.Cut(path, "://")
	switch {
	case !ok:
		return nil
	case slices.Contains([]string{"docker", "oci", "docker-daemon", "containers-storage"}, scheme):
		return fmt.Errorf("%w: -f %s: is an image, and -f takes the files that say where images are pulled "+
			"from; images are arguments, without %s://", errUsage, shown.Location(path), scheme)
	}
	return fmt.Errorf("%w: -f %s: nothing is fetched; download it, or give it as standard input with -f -",
		errUsage, shown.Location(path))
}

// readRules reads the manifests of one cluster and merges them. The findings belong beside the answer.
func (p *program) readRules(paths []string, c *choice) (*mirrorset.Set, *mirrorset.Rules, finding.Findings, error) {
	in, err := p.read(paths)
	if err != nil {
		return nil, nil, nil, err
	}
	o, err := c.on("")
	if err != nil {
		return nil, nil, nil, err
	}
	picked, err := in.Manifests(o)
	rules, err := merge(picked.Set, err)
	findings := beside(picked.Findings)
	if rules != nil {
		findings = append(findings, releaseOf(rules, c.release)...)
	}
	return picked.Set, rules, findings, err
}

// merge merges the objects of a set; err is what was refused before, and all that is wrong is said
// at once.
func merge(set *mirrorset.Set, err error) (*mirrorset.Rules, error) {
	if err != nil && refusals(err) == nil {
		return nil, err
	}
	rules, bad := set.Rules()
	return rules, append(refusals(err), refusals(bad)...).Sort().Err()
}

// refusals returns the findings of a *RefusedError.
func refusals(err error) finding.Findings {
	var r *finding.RefusedError
	if errors.As(err, &r) {
		return slices.Clone(r.Findings)
	}
	return nil
}

// beside returns the findings of reading that are told with an answer. What was passed over because
// it is about other things is lint's to tell.
func beside(findings finding.Findings) finding.Findings {
	return slices.DeleteFunc(
		slices.Clone(findings),
		func(f finding.Finding) bool { return f.Code == finding.CodeUnrelatedKind },
	)
}

// planner answers for images: one of the two tables.
type planner interface {
	Plan(image string) (resolve.Plan, error)
}

// source is what plans are asked of, and what was found on the way to it.
type source struct {
	planner
	findings finding.Findings
	// beside are told with every answer.
	beside finding.Findings
	// origins returns, for a plan's scope, the fields that made the entry there what it is.
	origins func(scope string) []finding.Origin
	// rules are what the tables were built from, and other is the table of the other platform; nil for a
	// node's own files.
	rules *mirrorset.Rules
	other planner
	// hosts are the hosts.toml files of a node.
	hosts *input.Hosts
	// client is what pulls; named is set where it was chosen.
	client resolve.Client
	named  string
	// policy is policy.json of the Linux nodes, nil where it is not known or takes every image.
	policy *policyjson.Policy
	// namespaces are the files that a cluster's objects ask for, where the client reads those of namespaces;
	// for a node's own files beside says what there is.
	namespaces policyjson.Files
	// operator is the one of OpenShift that writes the files of these nodes; it answers nothing for a
	// node's own files.
	operator resolve.Operator
}

// readSource reads manifests, or a node's own files, for one platform.
func (p *program) readSource(platform finding.Platform, paths, hosts []string, c *choice) (*source, error) {
	what := fmt.Sprintf("%q %q %q %+v", platform, paths, hosts, *c)
	if s, ok := p.memory[what]; ok {
		s.beside = slices.Clip(s.beside)
		return &s, nil
	}
	in, err := p.read(paths)
	if err != nil {
		return nil, err
	}
	s, err := sourceOf(in, platform, hosts, c)
	if err == nil && p.memory != nil {
		p.memory[what] = *s
	}
	return s, err
}

// sourceOf returns what plans for a platform are asked of. Beside an error it is what could be made
// of the rest.
func sourceOf(in *input.Input, platform finding.Platform, hosts []string, c *choice) (*source, error) {
	picked, rules, err := pick(in, platform, c)
	if err != nil && (rules == nil || picked == nil) {
		return nil, err
	}
	var s *source
	switch {
	case picked.Linux != nil:
		s = imageSource(picked.Linux.Table(), picked.Linux.Findings)
		s.beside, s.policy = ofReading(picked.Linux.Findings), picked.Linux.Policy
	case picked.Hosts != nil:
		s = registrySource(picked.Hosts.Table(), picked.Hosts.Findings)
		s.hosts, s.beside = picked.Hosts, ofReading(picked.Hosts.Findings)
	default:
		files, linux, more := registriesconf.Render(rules, registriesconf.RenderOptions{})
		_, containerd, moreContainerd := hoststoml.Render(rules, hoststoml.RenderOptions{
			Platform: containerdOf(platform), Hosts: hosts})
		s = imageSource(linux, append(slices.Clone(rules.Findings), more...))
		s.other = containerd
		if platform != finding.Linux {
			s = registrySource(containerd, append(slices.Clone(rules.Findings), moreContainerd...))
			s.other, s.operator = linux, resolve.WMCO(rules)
		} else if refused := more.Err(); refused != nil && err == nil {
			return nil, refused // MCO writes nothing, so there is nothing to answer from
		} else {
			s.operator = resolve.MCO(underMCO(rules, files))
		}
		s.rules, s.policy = rules, files.Policies.Policy
		if c.client.Name == "" || c.client.Name == "crio" {
			s.namespaces = files.Policies
		}
	}
	client := input.Client(c.client)
	s.client = client.Pulls(platform)
	if client.Name != "" {
		s.named = client.String()
	}
	if known, newer := client.Beyond(); newer {
		s.beside = append(s.beside, finding.Finding{
			Code: finding.CodeAmbiguousInput, Severity: finding.SeverityWarning, Platform: platform,
			Message: client.String() + " is newer than what is known here: the answer is for " + known +
				"; what the client changed since is not in it",
		})
	}
	s.beside = append(s.beside, beside(picked.Findings)...).Sort()
	return s, err // of what is refused, it is what could be made of the rest
}

// containerdOf returns the nodes with containerd that an answer for a platform is about, or speaks of beside its own.
func containerdOf(platform finding.Platform) finding.Platform {
	if platform.ReadsHosts() {
		return platform
	}
	return finding.Windows
}

// aboutAll makes ready for an answer about all images at once. The error says that there can be none.
func (s *source) aboutAll(c *choice) error {
	if s.hosts == nil {
		return nil
	}
	table, findings, err := aboutAll(s.hosts, c)
	s.planner, s.beside = table, append(s.beside, findings...)
	return err
}

func aboutAll(hosts *input.Hosts, c *choice) (*resolve.ContainerdTable, finding.Findings, error) {
	o, err := c.on(hosts.Table().Platform())
	if err != nil {
		return nil, nil, err
	}
	table, findings := hosts.AboutAll(o)
	return table, findings, findings.Err()
}

// underMCO returns rules with the blocked scopes of registries.conf: MCO leaves some out because of
// the release payload.
func underMCO(rules *mirrorset.Rules, files registriesconf.Files) *mirrorset.Rules {
	excepted := *rules
	excepted.Blocked = files.Policies.Blocked
	return &excepted
}

// pick returns what one question is asked of, and the rules where that is a cluster's objects.
func pick(in *input.Input, platform finding.Platform, c *choice) (*input.Picked, *mirrorset.Rules, error) {
	o, err := c.on(platform)
	if err != nil {
		return nil, nil, err
	}
	picked, err := in.Pick(platform, o)
	var other *input.PlatformError
	switch {
	case errors.As(err, &other):
		return nil, nil, fmt.Errorf("%w: %w", errUsage, err)
	case picked == nil || picked.Set == nil:
		return picked, nil, err
	}
	rules, err := merge(picked.Set, err)
	if rules != nil {
		picked.Findings = append(picked.Findings, releaseOf(rules, c.release)...)
	}
	return picked, rules, err
}

// ofReading returns the findings that say how a node's files were taken, and which the client does
// not read: they concern every answer.
func ofReading(findings finding.Findings) finding.Findings {
	return slices.DeleteFunc(slices.Clone(findings), func(f finding.Finding) bool {
		return f.Code != finding.CodeFileNotRead && f.Code != finding.CodeAmbiguousInput && f.Code != finding.CodeNotApplied
	})
}

func imageSource(t *resolve.LinuxTable, findings finding.Findings) *source {
	var byPrefix map[string][]finding.Origin
	return &source{planner: t, findings: findings, origins: func(scope string) []finding.Origin {
		if byPrefix == nil {
			byPrefix = map[string][]finding.Origin{}
			for _, e := range slices.Backward(t.Entries()) { // of two with one prefix the first counts
				byPrefix[e.Prefix] = e.Origins
			}
		}
		return byPrefix[scope]
	}}
}

func registrySource(t *resolve.ContainerdTable, findings finding.Findings) *source {
	return &source{planner: t, findings: findings, origins: func(scope string) []finding.Origin {
		r, _ := t.Find(scope)
		return r.Origins
	}}
}
