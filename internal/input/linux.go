package input

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
	"github.com/pullroute/pullroute/resolve"
)

// Linux is what a client reads of the files of one Linux node.
type Linux struct {
	// Name is the file that findings and plans name: registries.conf, or where there is none the
	// directory.
	Name string
	Main *registriesconf.Config
	// Data is the text of registries.conf; nil where there is none.
	Data []byte
	// DropIns are in the order in which the client reads them.
	DropIns []DropIn
	// Lone is set for a registries.conf that was given without its directory, and so says nothing
	// of drop-ins.
	Lone bool
	// Policy is the policy.json beside registries.conf; nil where the input has none.
	Policy *policyjson.Policy
	// Files are the files that say nothing of where pulls go, but whose change costs something, by the
	// names that [registriesconf.NodeImpact.WithFile] takes: policy.json, registries.d, the policies of
	// namespaces, CRI-O's own configuration. Of the pull secret it has the digest.
	Files map[string][]byte
	// Modes are the modes of files that stand in a MachineConfig, by the names of Files, registries.conf and
	// the drop-ins among them; "none" where it gives none.
	Modes map[string]string
	// ShortNameMode is what CRI-O's own configuration says, which counts for it in place of the
	// short-name-mode of registries.conf; empty where it does not say.
	ShortNameMode string
	Findings      finding.Findings
}

// DropIn is a file that is laid over registries.conf.
type DropIn struct {
	Name   string // beside registries.conf: registries.conf.d/01.conf
	Config *registriesconf.Config
	Data   []byte // its text
	Origin string // the file that findings and plans name
}

// Table returns what the client makes of the files, each entry with the file that it stands in.
func (l *Linux) Table() *resolve.LinuxTable {
	merged := l.Config()
	if len(l.DropIns) == 0 {
		return merged.Table(l.Name)
	}
	// A drop-in replaces an entry as a whole, and of two in one file the first counts.
	own := map[string]resolve.LinuxEntry{}
	from := func(name string, c *registriesconf.Config) {
		for _, e := range slices.Backward(c.Table(name).Entries()) {
			own[e.Prefix] = e
		}
	}
	from(l.Name, l.Main)
	for _, d := range l.DropIns {
		from(d.Origin, d.Config)
	}
	entries := merged.Table(l.Name).Entries()
	for i := range entries {
		if e, ok := own[entries[i].Prefix]; ok && len(e.Mirrors) == len(entries[i].Mirrors) {
			entries[i].Origins, entries[i].Mirrors = e.Origins, e.Mirrors
		}
	}
	return resolve.LinuxTableOf(resolve.LinuxConfig{SearchRegistries: merged.UnqualifiedSearchRegistries,
		ShortNameMode: merged.ShortNameMode, Aliases: merged.Aliases, Entries: entries})
}

// Config returns the one file that the client makes of them.
func (l *Linux) Config() *registriesconf.Config {
	c := l.files()
	if l.ShortNameMode != "" {
		with := *c
		with.ShortNameMode = l.ShortNameMode
		c = &with
	}
	return c
}

func (l *Linux) files() *registriesconf.Config {
	if len(l.DropIns) == 0 {
		return l.Main
	}
	dropIns := make([]*registriesconf.Config, len(l.DropIns))
	for i, d := range l.DropIns {
		dropIns[i] = d.Config
	}
	return l.Main.Overlay(dropIns...)
}

// layer is one of the places where a client looks for its files.
type layer int

const (
	layerHome layer = iota
	layerEtc
	layerUsr
)

const (
	plainDropIns    = "registries.conf.d"
	rootfulDropIns  = "registries.rootful.conf.d"
	rootlessDropIns = "registries.rootless.conf.d"
)

func isDropInDir(base string) bool {
	return base == plainDropIns || base == rootfulDropIns || base == rootlessDropIns
}

// inDropInDir reports whether a file is one of drop-ins.
func inDropInDir(name string) bool {
	dir := path.Dir(name)
	return isDropInDir(path.Base(dir)) || path.Base(path.Dir(dir)) == rootlessDropIns
}

// conf is a file of containers-image, and where it lies.
type conf struct {
	name  string // as it is shown
	data  []byte
	mode  string // as in Modes; empty where no MachineConfig says
	given bool   // by itself, without its directory

	root  string // of the node's file system, or the directory of the files where that is not known
	layer layer
	dir   string // the containers directory
	sub   string // the directory of drop-ins, rootless ones with their UID; empty for a main file
	base  string
	path  string // clean; on the node itself for a file in a manifest
	owner string // of a configuration in a home directory
}

// same reports whether two files have one path and one content.
func (c conf) same(d conf) bool { return c.path == d.path && bytes.Equal(c.data, d.data) }

// newConf tells by the path which file of a node it is.
func newConf(name string, data []byte, given bool) conf {
	c := conf{name: name, data: data, given: given, base: path.Base(name), path: path.Clean(name),
		layer: layerEtc}
	dir := path.Dir(name)
	switch base := path.Base(dir); {
	case isDropInDir(base):
		c.sub, dir = base, path.Dir(dir)
	case path.Base(path.Dir(dir)) == rootlessDropIns:
		c.sub, dir = rootlessDropIns+"/"+base, path.Dir(path.Dir(dir))
	}
	c.dir, c.root = dir, dir
	if root, ok := below(dir, "etc/containers"); ok {
		c.root = root
	} else if root, ok := below(dir, "usr/share/containers"); ok {
		c.root, c.layer = root, layerUsr
	} else if home, ok := below(dir, ".config/containers"); ok {
		c.root, c.layer, c.owner = home, layerHome, path.Base(home)
		if root, ok := below(path.Dir(home), "home"); ok {
			c.root = strings.TrimSuffix(root, "/var")
		} else if c.owner == "root" {
			c.root = path.Dir(home)
		}
	}
	return c
}

// below returns what stands before a path at the end of a name.
func below(name, end string) (root string, ok bool) {
	if name == end {
		return ".", true
	}
	root, ok = strings.CutSuffix(name, "/"+end)
	if ok && root == "" {
		root = "/"
	}
	return root, ok
}

// linuxNodes returns the files by node, sorted by its root.
func linuxNodes(confs []conf) [][]conf {
	byRoot := map[string][]conf{}
	for _, c := range confs {
		byRoot[c.root] = append(byRoot[c.root], c)
	}
	var nodes [][]conf
	for _, root := range slices.Sorted(maps.Keys(byRoot)) {
		nodes = append(nodes, byRoot[root])
	}
	return nodes
}

// node is what is known of a node while its files are read.
type node struct {
	Linux
	client Client
	unread map[string]finding.Finding // by directory
	// otherPolicy is set where CRI-O judges by another file than policy.json.
	otherPolicy bool
	policyDir   string // that CRI-O looks for the policies of namespaces in
	// homeMain is the main file in the home directory of root, which keeps the older generation of the
	// client from everything elsewhere.
	homeMain string
}

// readLinux reads the files of one node as a client does. The policies and other files of it are those
// of all nodes.
func readLinux(of candidateNode, client Client) *Linux {
	confs := of.confs
	n := &node{client: client, unread: map[string]finding.Finding{}, policyDir: policyjson.NamespacesDir}
	n.Files, n.Modes = map[string][]byte{}, map[string]string{}
	homeOnly := !slices.ContainsFunc(confs, func(c conf) bool { return c.layer != layerHome })
	if i := slices.IndexFunc(confs, func(c conf) bool {
		return c.layer == layerHome && c.owner == "root" &&
			c.sub == ""
	}); i >= 0 && !client.searchesAll() {
		n.homeMain = confs[i].name
	}
	var mains, ins []conf
	for _, c := range confs {
		switch why := n.notRead(c, homeOnly); {
		case why != "":
			n.notice(c, why)
		case c.sub != "":
			if strings.HasSuffix(c.base, ".conf") {
				ins = append(ins, c)
			} else {
				n.notice(c, "is not read as a drop-in: its name does not end in .conf")
			}
		default:
			mains = append(mains, c)
		}
	}
	n.main(mains, len(ins) > 0)
	n.dropIns(ins)
	if n.Name == "" && len(confs) > 0 {
		n.Name = confs[0].dir
	}
	n.namespaceProxies()
	n.crio(confs, of.crio, of.policies)
	n.overriddenMode()
	n.policy(confs, of.policies)
	n.besides(confs, of.besides)
	n.namespaces()
	for _, dir := range slices.Sorted(maps.Keys(n.unread)) {
		n.Findings = append(n.Findings, n.unread[dir])
	}
	return &n.Linux
}

// policy reads the policy.json that stands beside the files of the node.
func (n *node) policy(confs, policies []conf) {
	for _, p := range policies {
		if !p.belongsTo(confs) {
			continue
		}
		if n.otherPolicy {
			n.Files[policyjson.FileName], n.Modes[policyjson.FileName] = p.data, p.mode
			continue
		}
		policy, findings := policyjson.Parse(p.name, p.data)
		n.Findings = append(n.Findings, findings...)
		if n.Policy == nil || p.layer == layerEtc {
			n.Policy, n.Files[policyjson.FileName] = policy, p.data
			n.Modes[policyjson.FileName] = p.mode
		}
	}
}

// belongsTo reports whether a policy.json is that of the node with these files: it stands beside them, or both were
// given by themselves.
func (c conf) belongsTo(confs []conf) bool {
	return slices.ContainsFunc(confs, func(d conf) bool { return c.given && d.given || !d.given && c.dir == d.dir })
}

// notRead returns why a client does not read a file, and "" where it does. It is one list of what
// each client looks for, the first that holds, and would be harder to follow in parts.
//
//gocyclo:ignore
func (n *node) notRead(c conf, homeOnly bool) string {
	all := n.client.searchesAll()
	switch {
	case homeOnly && c.sub != rootfulDropIns && !strings.HasPrefix(c.sub, rootlessDropIns):
		return "" // the configuration of a user is what was asked about
	case c.layer == layerHome && c.owner != "root":
		return fmt.Sprintf("is the configuration of the user %s, which is not read for root", c.owner)
	case c.layer == layerEtc && n.homeMain != "":
		return fmt.Sprintf("is not read by %s: %s is found before it, and only what lies beside that counts then",
			n.client, n.homeMain)
	case c.layer == layerUsr && !all:
		return n.older("looks into /etc/containers only")
	case c.sub == rootfulDropIns && !all:
		return n.older("knows no rootful drop-ins")
	case strings.HasPrefix(c.sub, rootlessDropIns) && !all:
		return n.older("knows no rootless drop-ins")
	case strings.HasPrefix(c.sub, rootlessDropIns):
		return "holds rootless drop-ins, which " + n.client.String() + " reads for users other than root; " +
			"this answer is for root"
	case c.layer == layerHome && c.sub == rootfulDropIns:
		return "is not read: in a home directory only " + plainDropIns + " counts"
	}
	return ""
}

func (n *node) older(why string) string {
	return fmt.Sprintf("is not read by %s, which %s; podman and skopeo with containers-image 5.42 do: ask "+
		"with --client podman", n.client, why)
}

// notice notes that a file is not read, once for its directory.
func (n *node) notice(c conf, why string) {
	dir := path.Dir(c.name)
	severity := finding.SeverityInfo
	if registriesLine.Match(c.data) {
		severity = finding.SeverityWarning
	}
	if before, ok := n.unread[dir]; ok && before.Severity == finding.SeverityWarning {
		return
	}
	n.unread[dir] = finding.Finding{
		Code: finding.CodeFileNotRead, Severity: severity, Platform: finding.Linux,
		Origin: finding.Origin{File: c.name}, Message: why,
	}
}

// main takes the first main file in the order of the search.
func (n *node) main(mains []conf, withDropIns bool) {
	slices.SortStableFunc(mains, func(a, b conf) int { return int(a.layer) - int(b.layer) })
	n.Main = &registriesconf.Config{}
	for i, c := range mains {
		if i == 0 {
			n.Name, n.Lone = c.name, c.given && !withDropIns
			n.Main, n.Data = n.parse(c), c.data
			n.Modes[registriesconf.FileName] = c.mode
			continue
		}
		if c.layer == mains[0].layer && c.name != mains[0].name {
			n.Findings = append(n.Findings, finding.Finding{
				Code: finding.CodeAmbiguousInput, Severity: finding.SeverityError, RefusedBy: finding.Reader,
				Origin: finding.Origin{File: c.name},
				Message: fmt.Sprintf("is a main file beside %s, and a client reads one; name the one that "+
					"is meant, or put drop-ins into a directory %s", mains[0].name, plainDropIns),
			})
			continue
		}
		n.notice(c, "is not read: "+mains[0].name+" is found before it")
	}
}

// olderDropIns lays the drop-ins over the main file as the older generation does: all of /etc, in the
// string order of their names, and then all of the home directory (containers-image 5.38,
// system_registries_v2.go, dropInConfigs).
func (n *node) olderDropIns(ins []conf) {
	slices.SortStableFunc(ins, func(a, b conf) int {
		return cmp.Or(int(b.layer)-int(a.layer), strings.Compare(a.base, b.base))
	})
	for _, c := range ins {
		n.dropIn(c, len(ins))
	}
}

// dropIns lays the drop-ins over the main file: of one name the first in the order of the search
// counts, and they are read in the string order of their names.
func (n *node) dropIns(ins []conf) {
	if !n.client.searchesAll() {
		n.olderDropIns(ins)
		return
	}
	slices.SortStableFunc(ins, func(a, b conf) int {
		if a.layer != b.layer {
			return int(a.layer) - int(b.layer)
		}
		return rank(a.sub) - rank(b.sub)
	})
	byName := map[string]conf{}
	for _, c := range ins {
		if first, hidden := byName[c.base]; hidden {
			n.notice(c, "is not read: "+first.name+" has the same name, and is found before it")
			continue
		}
		byName[c.base] = c
	}
	for _, base := range slices.Sorted(maps.Keys(byName)) {
		n.dropIn(byName[base], len(byName))
	}
}

// dropIn lays one of so many drop-ins over what was read before it.
func (n *node) dropIn(c conf, of int) {
	if n.Name == "" {
		n.Name = c.name
		if of > 1 {
			n.Name = c.dir
		}
	}
	n.DropIns = append(n.DropIns, DropIn{c.sub + "/" + c.base, n.parse(c), c.data, c.name})
	n.Modes[c.sub+"/"+c.base] = c.mode
}

// namespaceProxies says where a client does not send what a registries.conf tells it to.
func (n *node) namespaceProxies() {
	if n.client.Pulls(finding.Linux) != resolve.ContainersImage538 {
		return
	}
	for i, r := range n.files().Registries {
		proxies := r.NamespaceProxy != ""
		for _, m := range r.Mirrors {
			proxies = proxies || m.NamespaceProxy != ""
		}
		if proxies {
			n.Findings = append(n.Findings, finding.Finding{Code: finding.CodeNotApplied, Severity: finding.SeverityWarning,
				Platform: finding.Linux, Value: r.Scope(),
				Origin: finding.Origin{File: n.Name, Field: fmt.Sprintf("registry[%d]", i)},
				Message: "has a namespace-proxy, which " + n.client.String() + " does not send: containers-image " +
					"reads it from 5.42 on; a proxy that needs it does not serve"})
		}
	}
}

// rank orders the directories of drop-ins that lie beside each other.
func rank(sub string) int {
	if sub == plainDropIns {
		return 1
	}
	return 0
}

func (n *node) parse(c conf) *registriesconf.Config {
	parse := registriesconf.Parse
	if c.sub == "" && n.client.Pulls(finding.Linux) == resolve.ContainersImage538 {
		parse = registriesconf.ParseOlder
	}
	config, findings := parse(c.name, c.data)
	n.Findings = append(n.Findings, findings...)
	if config == nil {
		return &registriesconf.Config{}
	}
	return config
}
