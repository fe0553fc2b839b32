package input

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/hoststoml/distros"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

// Choice says how an input is to be read where there is more than one way.
type Choice struct {
	Client Client
	// Pool is the pool of nodes whose MachineConfig answers.
	Pool string
	// Ignore are codes: what was not read because of such a finding is done without.
	Ignore []finding.Code
}

// Picked is what one question is asked of: one of the three.
type Picked struct {
	Set   *mirrorset.Set
	Linux *Linux
	Hosts *Hosts
	// Cluster are the cluster's objects, also where one of the other two answers.
	Cluster *mirrorset.Set
	// Silent is set where nothing in the input says where pulls go, and the answer is one from nothing.
	Silent bool
	// Findings belong beside the answer: what was ignored, and what was passed over.
	Findings finding.Findings
}

// PlatformError is about an input that holds the files of another platform's nodes.
type PlatformError struct {
	Name     string
	Platform finding.Platform // whose files they are
}

func (e *PlatformError) Error() string {
	what := "is, or holds, what tells containerd where to pull, which --platform windows and containerd read"
	if e.Platform == finding.Linux {
		what = "is, or holds, a registries.conf, which --platform linux reads"
	}
	return shown.Location(e.Name) + " " + what
}

// Pick returns the one cluster, or the one node, that the input is about. The error is a
// *finding.RefusedError, beside which stands what could be read, or a *PlatformError.
func (in *Input) Pick(platform finding.Platform, o Choice) (*Picked, error) {
	set, p, refused := in.cluster(o)
	found := in.ofContainerd(platform, o.Client)
	p.Findings = append(p.Findings, slices.DeleteFunc(slices.Clone(found), finding.Finding.Refused)...)
	refused = append(refused, p.unlessIgnored(refusals(found), o)...)
	nodes := in.nodes(platform, set)
	p.Findings = append(p.Findings, in.besideObjects(platform, set)...)
	rules := *set
	rules.NodeFiles = nil
	p.Cluster = set
	switch {
	case len(nodes) == 0 && len(refused) == 0 && !rules.Speaks():
		if other := in.other(platform, set); other != nil {
			return nil, other
		}
		p.Set = &rules
		p.silent(in, o, &refused)
	case len(nodes) == 0:
		p.Set = &rules
		if distro := distroOf(set.NodeFiles); platform == finding.Linux && len(distro) > 0 {
			p.Findings = append(p.Findings, finding.Finding{
				Code: finding.CodeFileNotRead, Severity: finding.SeverityWarning, Platform: finding.Linux,
				Origin: finding.Origin{File: distro[0].Origin.File},
				Message: "holds what k3s or Talos tells containerd, which counts for --platform containerd; " +
					"the answer is that of the objects",
			})
		}
		if len(refused) == 0 && isEmpty(&rules) {
			p.Findings = append(p.Findings, finding.Finding{
				Code: finding.CodeNothingRead, Severity: finding.SeverityInfo,
				Origin:  finding.Origin{File: strings.Join(in.given, ", ")},
				Message: "has no entry that says where pulls go: every image comes from its source",
			})
		}
	case rules.Speaks() && !nodes.derived() && !in.mustGather:
		refused = append(refused, ambiguous(nodes[0].name, fmt.Sprintf(
			"is a node's own file, and %s says where pulls go too: which of the two is asked is not "+
				"clear; give one of them", in.speaker())))
	case rules.Speaks() && o.Pool == "":
		p.Set = &rules
		p.Findings = append(p.Findings, finding.Finding{
			Code: finding.CodeAmbiguousInput, Severity: finding.SeverityInfo,
			Origin: finding.Origin{File: nodes[0].name},
			Message: "is what a node has; the answer is that of the cluster's objects, which the node's " +
				"files follow; --pool NAME asks a pool's rendered MachineConfig, diff compares the two",
		})
	default:
		refused = append(refused, nodes.pick(platform, o, p)...)
	}
	p.Findings = p.Findings.For(platform).Sort()
	return p, refused.For(platform).Sort().Err()
}

// isEmpty reports whether no object of a set has an entry.
func isEmpty(s *mirrorset.Set) bool {
	entries := len(s.DigestSources) + len(s.ImageMirrors)
	for i := range s.ImageDigestMirrorSets {
		entries += len(s.ImageDigestMirrorSets[i].Spec.ImageDigestMirrors)
	}
	for i := range s.ImageTagMirrorSets {
		entries += len(s.ImageTagMirrorSets[i].Spec.ImageTagMirrors)
	}
	for i := range s.ImageContentSourcePolicies {
		entries += len(s.ImageContentSourcePolicies[i].Spec.RepositoryDigestMirrors)
	}
	for i := range s.Images {
		r := &s.Images[i].Spec.RegistrySources
		entries += len(r.BlockedRegistries) + len(r.InsecureRegistries) + len(r.AllowedRegistries) +
			len(r.ContainerRuntimeSearchRegistries)
	}
	return entries == 0
}

// Manifests returns the one cluster that the input is about, for what is made of objects only. Node
// files are refused.
func (in *Input) Manifests(o Choice) (*Picked, error) {
	set, p, refused := in.cluster(o)
	rules := *set
	rules.NodeFiles = nil
	p.Set = &rules
	switch {
	case len(in.confs) > 0:
		refused = append(refused, ambiguous(in.confs[0].name, "is a node's own file, and this takes manifests"))
	case len(in.trees) > 0 && in.trees[0].file != "":
		refused = append(refused, ambiguous(in.trees[0].file, "is a node's own file, and this takes manifests"))
	case len(refused) == 0 && !rules.Speaks():
		if len(set.NodeFiles) > 0 {
			holds := "is a node's own file" // such as a registries.yaml, which is no object
			if object := set.NodeFiles[0].Origin.Object; object != "" {
				holds = "holds a node's own files in " + object
			}
			refused = append(refused, ambiguous(set.NodeFiles[0].Origin.File, holds+", and this takes mirror objects"))
			break
		}
		p.silent(in, o, &refused)
	}
	p.Findings = p.Findings.Sort()
	return p, refused.Sort().Err()
}

func ambiguous(file, message string) finding.Finding {
	return finding.Finding{
		Code: finding.CodeAmbiguousInput, Severity: finding.SeverityError, RefusedBy: finding.Reader,
		Origin: finding.Origin{File: file}, Message: message,
	}
}

// silent refuses an input in which nothing says where pulls go, unless that is ignored.
func (p *Picked) silent(in *Input, o Choice, refused *finding.Findings) {
	p.Silent = true
	f := finding.Finding{
		Code: finding.CodeNothingRead, Severity: finding.SeverityError, RefusedBy: finding.Reader,
		Origin:  finding.Origin{File: strings.Join(in.given, ", ")},
		Message: "nothing in it says where pulls go, so there is no answer: it holds " + in.holds(),
	}
	if slices.Contains(o.Ignore, f.Code) {
		f.RefusedBy = ""
		p.Findings = append(p.Findings, f)
		return
	}
	*refused = append(*refused, f)
}

// holds says what there is where nothing says where pulls go.
func (in *Input) holds() string {
	empty := true
	policies := false
	for _, m := range in.manifests {
		_, inside := confsOf(m.set.NodeFiles)
		policies = policies || inside != nil
		empty = empty && len(m.set.Findings) == 0
	}
	kinds := in.told(finding.CodeUnrelatedKind, func(f finding.Finding) string { return f.Message })
	unread := in.told(finding.CodeUnreadText, func(f finding.Finding) string {
		return strings.TrimSpace(f.Origin.Object+" "+f.Origin.Field) + ", which " + f.Message
	})
	switch {
	case len(unread) > 0:
		return strings.Join(unread, "; ")
	case (len(in.policies) > 0 || policies) && len(kinds) == 0:
		return "a policy.json, which says what images are refused, not where they come from: give the " +
			"directory of the node's files, with registries.conf in it"
	case len(kinds) > 0:
		return "other things (" + strings.Join(kinds, "; ") + ")"
	case len(in.manifests) == 0 && len(in.findings) == 0, empty && slices.Equal(in.given, []string{"-"}):
		return "no mirror object, and no file of a node"
	}
	return "no mirror object that is known here (ImageDigestMirrorSet, ImageTagMirrorSet, " +
		"ImageContentSourcePolicy, Image), and no file of a node"
}

// told returns the texts of the first five findings of a code about the manifests.
func (in *Input) told(code finding.Code, text func(finding.Finding) string) []string {
	var texts []string
	for _, m := range in.manifests {
		for _, f := range m.set.Findings {
			if f.Code == code && len(texts) < 5 {
				texts = append(texts, text(f))
			}
		}
	}
	return texts
}

// speaker names the first file whose objects say where pulls go.
func (in *Input) speaker() string {
	for _, m := range in.manifests {
		s := *m.set
		if s.NodeFiles = nil; s.Speaks() {
			return shown.Location(m.name)
		}
	}
	return "another file"
}

// cluster returns all objects of the input, which are to be those of one cluster, and what refuses them.
func (in *Input) cluster(o Choice) (*mirrorset.Set, *Picked, finding.Findings) {
	p := &Picked{Findings: slices.Clone(in.findings)}
	set := &mirrorset.Set{}
	var refused finding.Findings
	take := func(fs finding.Findings) { refused = append(refused, p.unlessIgnored(fs, o)...) }
	members, found := in.one()
	for _, f := range found {
		if !f.Refused() {
			p.Findings = append(p.Findings, f)
		}
	}
	take(refusals(found))
	for _, m := range members {
		take(m.refused)
		set.Add(m.set)
	}
	return set, p, refused
}

// nodes returns the nodes whose files the input holds, those inside manifests included.
func (in *Input) nodes(platform finding.Platform, set *mirrorset.Set) nodeList {
	var all nodeList
	if platform == finding.Linux {
		for _, confs := range linuxNodes(in.confs) {
			all = append(all, candidateNode{name: confs[0].name, confs: confs, policies: in.policies,
				besides: in.besides, crio: in.crio})
		}
	} else {
		for _, t := range in.trees {
			all = append(all, candidateNode{name: cmp.Or(t.file, t.dir), tree: &t})
		}
	}
	var parts nodeList
	for _, group := range groups(set.NodeFiles) {
		n := candidateNode{name: group[0].Origin.File, machine: group[0].Machine, inside: true}
		if platform == finding.Linux {
			n.confs, n.policies = confsOf(group)
			n.besides, n.crio = besidesOf(group, set.PullSecrets), crioOf(group[0], set.CRIOFiles)
		} else {
			n.tree = treeOf(group)
			n.distro = distroOf(group)
		}
		if n.confs != nil || n.tree != nil || n.distro != nil {
			all = append(all, n)
		} else if n.policies != nil {
			parts = append(parts, n)
		}
	}
	all.addPolicies(parts)
	return all
}

// addPolicies gives the policy.json of a MachineConfig that holds no registries.conf to the part of the same
// pool that has one: the last before it by name, so that of all parts the last one's counts.
func (l nodeList) addPolicies(parts nodeList) {
	byName := func(a, b candidateNode) int { return strings.Compare(a.machine.Name, b.machine.Name) }
	slices.SortStableFunc(parts, byName)
	for _, part := range parts {
		var before, first *candidateNode
		for i := range l {
			n := &l[i]
			if !inOnePool(n.machine, part.machine) {
				continue
			}
			if first == nil || byName(*n, *first) < 0 {
				first = n
			}
			if byName(*n, part) < 0 && (before == nil || byName(*before, *n) < 0) {
				before = n
			}
		}
		switch {
		case before != nil:
			before.policies = slices.Concat(before.policies, part.policies)
		case first != nil:
			first.policies = slices.Concat(part.policies, first.policies)
		}
	}
}

// other returns the error about an input that holds only the other platform's files.
func (in *Input) other(platform finding.Platform, set *mirrorset.Set) error {
	if platform == finding.Linux && len(in.trees) > 0 {
		return &PlatformError{cmp.Or(in.trees[0].file, in.trees[0].dir), finding.Windows}
	}
	if platform != finding.Linux && len(in.confs) > 0 {
		return &PlatformError{in.confs[0].name, finding.Linux}
	}
	others := finding.Linux
	if platform == finding.Linux {
		others = finding.Windows
	}
	if len(in.nodes(others, set)) > 0 {
		platform = others
		return &PlatformError{set.NodeFiles[0].Origin.File, platform}
	}
	if i := slices.IndexFunc(in.containerd, containerdFile.isGiven); platform == finding.Linux && i >= 0 {
		return &PlatformError{in.containerd[i].name, finding.Windows}
	}
	return nil
}

// candidateNode is a node whose files could answer.
type candidateNode struct {
	name    string
	machine mirrorset.MachineConfig
	inside  bool // a manifest
	confs   []conf
	// policies are the policy.json files that may be the node's.
	policies []conf
	// besides are other files that may be.
	besides []beside
	// crio are CRI-O's own files that may be.
	crio []crioFile
	tree *configPath
	// distro is what the distribution that writes the node's files is told.
	distro []mirrorset.NodeFile
}

// hosts returns the files of containerd.
func (n *candidateNode) hosts(client Client) (*Hosts, error) {
	if n.tree != nil {
		return readHosts(*n.tree, client.containerd())
	}
	return readDistro(n.distro), nil
}

type nodeList []candidateNode

// derived reports whether all of them are rendered from the objects of a cluster.
func (l nodeList) derived() bool {
	return !slices.ContainsFunc(l, func(n candidateNode) bool { return !n.machine.Rendered })
}

// pick reads the files of the one node that answers, and returns what refuses that.
func (l nodeList) pick(platform finding.Platform, o Choice, p *Picked) finding.Findings {
	l, refused := l.choose(o, p)
	if refused != nil {
		return refused
	}
	if platform == finding.Linux {
		p.Linux = readLinux(l[0], o.Client)
		p.Findings = append(p.Findings, unspoken(p.Linux)...)
		return refusals(p.Linux.Findings)
	}
	hosts, err := l[0].hosts(o.Client)
	if err != nil {
		return finding.Findings{{
			Code: finding.CodeUnreadable, Severity: finding.SeverityError, RefusedBy: finding.Reader,
			Origin: finding.Origin{File: l[0].name}, Message: "cannot be read: " + reason(err),
		}}
	}
	hosts.readBy(o.Client)
	hosts.on(platform)
	p.Hosts = hosts
	if len(hosts.Tree) == 0 {
		p.Findings = append(p.Findings, finding.Finding{
			Code: finding.CodeNothingRead, Severity: finding.SeverityInfo, Platform: finding.Containerd,
			Origin:  finding.Origin{File: hosts.Dir},
			Message: "holds no hosts.toml of a registry: every image comes from its own",
		})
	}
	return p.unlessIgnored(refusals(hosts.Findings), o)
}

// unlessIgnored returns what still refuses where some codes are ignored; what is ignored is beside
// the answer.
func (p *Picked) unlessIgnored(refused finding.Findings, o Choice) finding.Findings {
	var rest finding.Findings
	for _, f := range refused {
		if f.RefusedBy != finding.Reader || !slices.Contains(o.Ignore, f.Code) {
			rest = append(rest, f)
			continue
		}
		f.RefusedBy = ""
		p.Findings = append(p.Findings, f)
	}
	return rest
}

// unspoken says that a node's files name no registry.
func unspoken(l *Linux) finding.Findings {
	if refusals(l.Findings) != nil || len(l.Config().Registries) > 0 {
		return nil
	}
	return finding.Findings{{
		Code: finding.CodeNothingRead, Severity: finding.SeverityInfo, Platform: finding.Linux,
		Origin:  finding.Origin{File: l.Name},
		Message: "holds no [[registry]]: every image comes from its own registry",
	}}
}

// choose leaves the one node that is asked.
func (l nodeList) choose(o Choice, p *Picked) (nodeList, finding.Findings) {
	if o.Pool != "" {
		of := slices.DeleteFunc(slices.Clone(l), func(n candidateNode) bool { return n.machine.Pool != o.Pool })
		if len(of) == 0 {
			return nil, finding.Findings{ambiguous(l[0].name, fmt.Sprintf("holds no MachineConfig of the "+
				"pool %s that says where pulls go; there are: %s", shown.Value(o.Pool), l.list()))}
		}
		l = of
	}
	rendered := slices.DeleteFunc(slices.Clone(l), func(n candidateNode) bool { return !n.machine.Rendered })
	if len(rendered) > 0 {
		l = append(slices.DeleteFunc(slices.Clone(l), func(n candidateNode) bool { return n.inside }), rendered...)
	}
	pools := map[string]nodeList{}
	for _, n := range l {
		key := n.machine.Pool
		if !n.inside || key == "" {
			key = "\x00" + n.name + n.machine.Name
		}
		pools[key] = append(pools[key], n)
	}
	if len(pools) > 1 {
		return nil, finding.Findings{ambiguous(l[0].name, fmt.Sprintf("is one of the files of %d nodes; "+
			"name one, or for a MachineConfig its pool with --pool: %s", len(pools), l.list()))}
	}
	if len(l) == 1 {
		return l, nil
	}
	if !l[0].machine.Rendered {
		return l.parts()
	}
	slices.SortStableFunc(l, func(a, b candidateNode) int {
		return -strings.Compare(a.machine.Created,
			b.machine.Created)
	})
	if l[0].machine.Created == l[1].machine.Created {
		return nil, finding.Findings{ambiguous(l[0].name, "is one of several rendered MachineConfigs, and "+
			"nothing says which is the newest; give one: "+l.list())}
	}
	p.Findings = append(p.Findings, finding.Finding{
		Code: finding.CodeAmbiguousInput, Severity: finding.SeverityInfo,
		Origin: finding.Origin{File: l[0].name, Object: "MachineConfig/" + l[0].machine.Name},
		Message: fmt.Sprintf("is the newest of %d rendered MachineConfigs of the pool %s, and is the one asked",
			len(l), l[0].machine.Pool),
	})
	return l[:1], nil
}

// parts joins the parts of one pool: of files with one path that of the last name counts. A cluster has one object
// of a name, so two with other content are of two clusters, or one is out of date.
func (l nodeList) parts() (nodeList, finding.Findings) {
	slices.SortStableFunc(l, func(a, b candidateNode) int {
		return strings.Compare(a.machine.Name, b.machine.Name)
	})
	for i := range l[1:] {
		a, b := l[i], l[i+1]
		if a.machine.Name == b.machine.Name && !slices.EqualFunc(a.confs, b.confs, conf.same) {
			return nil, finding.Findings{ambiguous(a.name, fmt.Sprintf("holds MachineConfig/%s with other content than "+
				"%s does, and a cluster has one of a name; give one", shown.Value(a.machine.Name), shown.Location(b.name)))}
		}
	}
	return l.merge(), nil
}

// list names what there is to choose from.
func (l nodeList) list() string {
	var names []string
	for _, n := range l {
		name := shown.Location(n.name)
		if n.machine.Name != "" {
			name = shown.Value(n.machine.Name)
			if n.machine.Pool != "" {
				name += " (pool " + shown.Value(n.machine.Pool) + ")"
			}
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// merge joins the parts of one pool's configuration: a file of a later part replaces the same one
// of an earlier part.
func (l nodeList) merge() nodeList {
	n := l[0]
	for _, part := range l[1:] {
		for _, c := range part.confs {
			n.confs = slices.DeleteFunc(slices.Clone(n.confs),
				func(d conf) bool { return d.dir == c.dir && d.sub == c.sub && d.base == c.base })
			n.confs = append(n.confs, c)
		}
		n.policies = slices.Concat(n.policies, part.policies) // the last counts
		n.besides = slices.Concat(n.besides, part.besides)
		if part.tree != nil {
			n.tree = part.tree
		}
	}
	return nodeList{n}
}

// inOnePool reports whether two MachineConfigs are parts of the configuration of one pool.
func inOnePool(a, b mirrorset.MachineConfig) bool {
	return a.Pool != "" && a.Pool == b.Pool && !a.Rendered && !b.Rendered
}

// besideObjects says which policy.json files and settings of CRI-O of the manifests belong to no node of the input.
func (in *Input) besideObjects(platform finding.Platform, set *mirrorset.Set) (findings finding.Findings) {
	if platform != finding.Linux {
		return nil
	}
	nodes := in.nodes(finding.Linux, set)
	for _, group := range groups(set.NodeFiles) {
		_, policies := confsOf(group)
		for _, p := range policies {
			if !slices.ContainsFunc(nodes, func(n candidateNode) bool {
				return slices.ContainsFunc(n.policies, func(q conf) bool { return q.name == p.name })
			}) {
				findings = append(findings, loosePolicy(p))
			}
		}
	}
	for _, f := range set.CRIOFiles {
		c, ok := newCRIO(f.Path, f.Data.Bytes())
		if c.name = nameOf(f); !ok || !crioLine.Match(c.data) || slices.ContainsFunc(nodes, func(n candidateNode) bool {
			return slices.ContainsFunc(n.crio, func(d crioFile) bool { return d.name == c.name })
		}) {
			continue
		}
		findings = append(findings, ofCRIO(c.name, c.data))
	}
	return findings
}

// nameOf returns what a file inside a manifest is called.
func nameOf(f mirrorset.NodeFile) string { return f.Origin.File + ", " + f.Origin.String() }

// modeOf returns the mode of a file in a MachineConfig, "none" where it gives none; empty for any other.
func modeOf(f mirrorset.NodeFile) string {
	if f.Machine.Name == "" {
		return ""
	}
	return cmp.Or(f.Mode, "none")
}

// groups returns the files that stand inside manifests, by the object that holds them, in the order
// of reading.
func groups(files []mirrorset.NodeFile) [][]mirrorset.NodeFile {
	type key struct{ object, file, wrapper string }
	at := map[key]int{}
	var all [][]mirrorset.NodeFile
	for _, f := range files {
		k := key{f.Origin.Object, f.Origin.File, f.Origin.Wrapper}
		if f.Path == distros.TalosPath { // documents of one configuration
			k.object = ""
		}
		i, ok := at[k]
		if !ok {
			i = len(all)
			at[k] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], f)
	}
	return all
}

// confsOf returns the files of containers-image among those of one object.
func confsOf(files []mirrorset.NodeFile) (confs, policies []conf) {
	for _, f := range files {
		name := path.Clean(f.Path)
		if path.Base(name) == policyjson.FileName && path.Base(path.Dir(name)) == "containers" {
			c := newConf(name, f.Data.Bytes(), false)
			c.name, c.mode = nameOf(f), modeOf(f)
			policies = append(policies, c)
			continue
		}
		if path.Base(name) != "registries.conf" && !isDropInDir(path.Base(path.Dir(name))) {
			continue
		}
		c := newConf(name, f.Data.Bytes(), false)
		c.name, c.mode = nameOf(f), modeOf(f)
		confs = append(confs, c)
	}
	return confs, policies
}

// treeOf returns the config_path among the files of one object.
func treeOf(files []mirrorset.NodeFile) *configPath {
	m := newMemory()
	dir := ""
	for _, f := range files {
		if name := path.Clean(f.Path); path.Base(name) == hoststoml.FileName {
			dir = cmp.Or(dir, path.Dir(path.Dir(name)))
			m.add(name, f.Data.Bytes())
		}
	}
	if dir == "" {
		return nil
	}
	return &configPath{fsys: m, dir: dir}
}

// distroOf returns the files among those of one object that tell a distribution of mirrors.
func distroOf(files []mirrorset.NodeFile) (all []mirrorset.NodeFile) {
	for _, f := range files {
		if f.Path == distros.TalosPath || path.Base(f.Path) == registriesYAML {
			all = append(all, f)
		}
	}
	return all
}

// refusals returns the findings that refuse.
func refusals(fs finding.Findings) finding.Findings {
	var refused finding.Findings
	for _, f := range fs {
		if f.Refused() {
			refused = append(refused, f)
		}
	}
	return refused
}

// differing returns an object that two clusters hold with different content.
func differing(a, b *mirrorset.Set) (object string, found bool) {
	ofA, ofB := objects(a), objects(b)
	for _, name := range slices.Sorted(maps.Keys(ofA)) {
		if content, ok := ofB[name]; ok && !reflect.DeepEqual(content, ofA[name]) {
			return name, true
		}
	}
	return "", false
}

// objects returns the content of the mirror objects of a set by kind and name.
func objects(s *mirrorset.Set) map[string]any {
	all := map[string]any{}
	for i := range s.Images {
		all["Image/"+s.Images[i].Metadata.Name] = &s.Images[i].Spec
	}
	for i := range s.ImageDigestMirrorSets {
		all["ImageDigestMirrorSet/"+s.ImageDigestMirrorSets[i].Metadata.Name] = &s.ImageDigestMirrorSets[i].Spec
	}
	for i := range s.ImageTagMirrorSets {
		all["ImageTagMirrorSet/"+s.ImageTagMirrorSets[i].Metadata.Name] = &s.ImageTagMirrorSets[i].Spec
	}
	for i := range s.ImageContentSourcePolicies {
		all["ImageContentSourcePolicy/"+s.ImageContentSourcePolicies[i].Metadata.Name] = &s.ImageContentSourcePolicies[i].Spec
	}
	return all
}
