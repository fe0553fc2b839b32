package main

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
	"github.com/spf13/cobra"
)

func (p *program) diff() *cobra.Command {
	c := &cobra.Command{
		Use: "diff OLD NEW", Short: "say what changes on a node between two inputs, and what it costs",
		Long: "OLD and NEW are manifests (a file, a directory, or - for standard " +
			"input), or what a node has: for\n" +
			"linux a registries.conf, or a directory that holds one and its registries.conf.d; for windows and\n" +
			"containerd the directory of the hosts.toml files, containerd's config_path. For these, what is done to the\n" +
			"node is said where NEW is manifests, and what pulls change where it is a node."}
	on := platformFlag(c, "the nodes to answer for: "+nodes)
	out := formFlag(c, "one object")
	read := choiceFlags(c)
	byRoutes := c.Flags().Bool("routes", false, "say which images go another way, class by class, in place of "+
		"what changes in the files")
	all := c.Flags().Bool("all", false, "show every change, where many are alike")
	exitCode := c.Flags().Bool("exit-code", false, "exit with 1 where something changes, and with 3 where the "+
		"input is refused")
	c.RunE = func(_ *cobra.Command, sides []string) error {
		switch {
		case *on == "":
			return errNoPlatform
		case len(sides) != 2:
			return fmt.Errorf("%w: diff takes two arguments, OLD and NEW, not %d", errUsage, len(sides))
		case sides[0] == "-" && sides[1] == "-":
			return fmt.Errorf("%w: only one of OLD and NEW can be standard input", errUsage)
		}
		compare := p.diffFiles
		if *byRoutes {
			compare = p.diffRoutes
		}
		changed, err := compare(finding.Platform(*on), sides[0], sides[1], read, diffForm{out.name == "json", *all})
		switch {
		case !*exitCode:
			return err
		case err != nil:
			return fmt.Errorf("%w: %w", errRefusedInput, err)
		case changed:
			return errFailed
		}
		return nil
	}
	return c
}

// diffFiles prints what changes in the files of a node, and reports whether anything does.
func (p *program) diffFiles(on finding.Platform, oldPath, newPath string, read *choice, out diffForm) (bool, error) {
	old, new, err := p.readSides(on, oldPath, newPath, read)
	switch {
	case err != nil:
		return false, err
	case on.ReadsHosts():
		return p.diffContainerd(on, old, new, read, out.json)
	}
	oldSide, oldErr := linuxSideOf(old)
	newSide, newErr := linuxSideOf(new)
	if err := errors.Join(oldErr, newErr); err != nil {
		return false, err
	}
	// The cluster is one: the MachineConfiguration of NEW counts, or where there is none that of OLD.
	policies := new.disruptionPolicies()
	if policies == nil {
		policies = old.disruptionPolicies()
	}
	return p.diffLinux(oldSide, newSide, func(impact registriesconf.NodeImpact) registriesconf.NodeImpact {
		return impact.Under(policies).Hosted(rollout(old, new, len(impact.Differences) > 0))
	}, out)
}

// A diffForm is how a diff is printed: as JSON, or as text that shows all changes that are alike.
type diffForm struct{ json, all bool }

// side is what one side of a diff is made of.
type side struct {
	picked   *input.Picked
	rules    *mirrorset.Rules
	findings finding.Findings // about the input
}

func (s *side) disruptionPolicies() []mirrorset.DisruptionPolicy {
	if s.picked.Cluster == nil {
		return nil
	}
	return s.picked.Cluster.DisruptionPolicies()
}

// rollout returns what HyperShift rolls out. Where one side is what a node has, its objects are not known,
// and the change of the files is that of all objects of the other. A MachineConfig beside a NodePool may be part
// of that one's configuration.
func rollout(old, new *side, changes bool) *mirrorset.Rollout {
	objects := func(s *side) *mirrorset.Set {
		if s.picked.Linux != nil && (s.picked.Cluster == nil || len(s.picked.Cluster.NodePools) == 0) {
			return nil
		}
		return s.picked.Cluster
	}
	if before, after := objects(old), objects(new); changes || before != nil && after != nil {
		return mirrorset.RollsOut(before, after)
	}
	return nil
}

// readSides reads both sides. That nothing in one of them says where pulls go is an answer, as long
// as the other does.
func (p *program) readSides(on finding.Platform, oldPath, newPath string, read *choice) (old, new *side, err error) {
	old, oldErr := p.readSide(on, oldPath, read)
	new, newErr := p.readSide(on, newPath, read)
	oldSilent, newSilent := errors.Is(oldErr, finding.CodeNothingRead), errors.Is(newErr, finding.CodeNothingRead)
	if oldSilent != newSilent && !errors.Is(oldErr, errUsage) && !errors.Is(newErr, errUsage) {
		if oldSilent && newErr == nil {
			old, oldErr = silentSide(oldPath, old), nil
		} else if newSilent && oldErr == nil {
			new, newErr = silentSide(newPath, new), nil
		}
	}
	return old, new, errors.Join(oldErr, newErr)
}

func (p *program) readSide(on finding.Platform, path string, read *choice) (*side, error) {
	in, err := p.read([]string{path})
	if err != nil {
		return nil, err
	}
	picked, rules, err := pick(in, on, read)
	if err != nil {
		return &side{picked: picked}, err
	}
	return &side{picked, rules, beside(picked.Findings)}, nil
}

// silentSide is a side in which nothing says where pulls go; of what was read, it may say what a
// change costs.
func silentSide(path string, read *side) *side {
	rules, _ := (&mirrorset.Set{}).Rules() // nothing is refused of nothing
	picked := &input.Picked{}
	if read.picked != nil {
		picked.Cluster = read.picked.Cluster
	}
	return &side{picked, rules, finding.Findings{{
		Code: finding.CodeNothingRead, Severity: finding.SeverityInfo, Origin: finding.Origin{File: path},
		Message: "nothing in it says where pulls go; it is compared as a cluster without mirrors",
	}}}
}

// diffLinux says what changes, and what it costs; under is what the cluster makes of MCO's defaults.
func (p *program) diffLinux(old, new *linuxSide,
	under func(registriesconf.NodeImpact) registriesconf.NodeImpact, out diffForm) (bool, error) {
	impact := registriesconf.Impact(old.main, new.main)
	if len(impact.Differences) == 0 {
		impact = rewritten(impact, registriesconf.FileName, old, new, old.data, new.data)
	}
	notCompared := []string{}
	for _, name := range dropInNames(old, new) {
		// Objects make one drop-in, and leave alone those that a node has from elsewhere.
		if old.lone || new.lone || (old.rendered || new.rendered) && name != registriesconf.SearchDropIn {
			notCompared = append(notCompared, name)
			continue
		}
		before, after := old.dropIn(name), new.dropIn(name)
		known := len(impact.Differences)
		if impact = impact.WithDropIn(name, before.Config, after.Config); len(impact.Differences) == known {
			impact = rewritten(impact, name, old, new, before.Data, after.Data)
		}
	}
	impact, others := compare(impact, old, new)
	notCompared = append(notCompared, others...)
	impact = under(impact)
	findings := append(old.findings, new.findings...).Sort()
	changed := len(impact.Differences) > 0 || impact.Rollout != nil
	if out.json {
		return changed, p.encode(struct {
			Platform finding.Platform `json:"platform"`
			registriesconf.NodeImpact
			NotCompared []string         `json:"notCompared"`
			Findings    finding.Findings `json:"findings"`
		}{finding.Linux, impact, notCompared, append(finding.Findings{}, findings...)})
	}
	p.showImpact(impact, out.all)
	p.report(findings)
	why := "a single registries.conf does not say whether the node has it; give the directory of both"
	if !old.lone && !new.lone {
		why = "the objects of a cluster do not make it, and leave it as it is"
	}
	for _, name := range notCompared {
		fmt.Fprintf(p.stderr, "info: %s: is not compared, %s\n", name, why)
	}
	return changed, nil
}

// rewritten adds what a file costs that says the same in other bytes, such as another comment, or has
// another mode: MCO compares those.
func rewritten(impact registriesconf.NodeImpact, name string, old, new *linuxSide,
	before, after []byte) registriesconf.NodeImpact {
	if before == nil || after == nil {
		return impact
	}
	before, after = withModes(name, old, new, before, after)
	return impact.WithFile(name, before, after)
}

// withModes puts the modes of a file before what it says, where both sides know the mode.
func withModes(name string, old, new *linuxSide, before, after []byte) ([]byte, []byte) {
	was, is := old.modes[name], new.modes[name]
	if was == "" || is == "" || before == nil || after == nil {
		return before, after
	}
	return append([]byte(was+"\n"), before...), append([]byte(is+"\n"), after...)
}

// linuxSide is one side of a diff.
type linuxSide struct {
	main    *registriesconf.Config
	data    []byte // the text of main, nil where there is none
	dropIns []input.DropIn
	lone    bool // a registries.conf without its directory, which says nothing of other files
	// files are the others that MCO writes, and may write.
	files    map[string][]byte
	modes    map[string]string // of the files of a MachineConfig
	secret   []byte            // the digest of the cluster's pull secret, which MCO makes a file of
	rendered bool              // of the objects of a cluster
	findings finding.Findings
}

// linuxSideOf returns a node's own files, or those that MCO would write for manifests. The error
// says why it would write none.
func linuxSideOf(s *side) (*linuxSide, error) {
	if l := s.picked.Linux; l != nil {
		return &linuxSide{main: l.Main, data: l.Data, dropIns: l.DropIns, lone: l.Lone, files: l.Files, modes: l.Modes,
			findings: append(slices.Clone(l.Findings), s.findings...)}, nil
	}
	files, _, findings := registriesconf.Render(s.rules, registriesconf.RenderOptions{})
	side := &linuxSide{main: files.Config, data: files.Config.Bytes(), files: map[string][]byte{}, rendered: true,
		findings: slices.Concat(s.rules.Findings.For(finding.Linux), findings, s.findings)}
	for _, file := range files.Policies.List() {
		side.files[strings.TrimPrefix(file.Path, policyjson.Containers+"/")] = file.Data
	}
	if s.picked.Cluster != nil {
		for _, secret := range s.picked.Cluster.PullSecrets {
			if secret.Machine.Name == "" {
				sum := secret.Sum()
				side.secret = sum[:]
			}
		}
	}
	if files.Search != nil {
		side.dropIns = []input.DropIn{{Name: registriesconf.SearchDropIn, Config: files.Search,
			Data: files.Search.Bytes()}}
	}
	return side, findings.Err()
}

// dropIn returns a drop-in, without a Config where there is none of the name.
func (s *linuxSide) dropIn(name string) input.DropIn {
	for _, d := range s.dropIns {
		if d.Name == name {
			return d
		}
	}
	return input.DropIn{}
}

// compare adds what the other files cost. Of those that only one side can have something is known of
// that side alone: a node has files of registries.d that MCO did not write, the template of policy.json
// where nothing asks for another, and a pull secret that manifests often do not show.
func compare(impact registriesconf.NodeImpact, old, new *linuxSide) (_ registriesconf.NodeImpact,
	notCompared []string) {
	names := map[string]bool{}
	for _, s := range []*linuxSide{old, new} {
		for name := range s.files {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		switch {
		case name == registriesconf.PullSecretPath && (old.files[name] == nil || new.files[name] == nil):
		case (old.rendered || new.rendered) && !madeOfObjects(name):
		case old.lone || new.lone:
			notCompared = append(notCompared, name)
		default:
			before, after := withModes(name, old, new, old.file(name), new.file(name))
			impact = impact.WithFile(name, before, after)
		}
	}
	if old.secret != nil && new.secret != nil {
		impact = impact.WithFile(registriesconf.PullSecretPath, old.secret, new.secret)
	}
	return impact, notCompared
}

// madeOfObjects reports whether the objects of a cluster say what is in a file of its nodes.
func madeOfObjects(name string) bool {
	return name == policyjson.FileName || name == policyjson.AttachmentsName || path.Dir(name) == policyjson.NamespacesDir
}

// file returns what a file holds; policy.json is on every node.
func (s *linuxSide) file(name string) []byte {
	if data, ok := s.files[name]; ok || name != policyjson.FileName {
		return data
	}
	return policyjson.Template()
}

func dropInNames(sides ...*linuxSide) []string {
	var names []string
	for _, s := range sides {
		for _, d := range s.dropIns {
			names = append(names, d.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
