package input

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/internal/tomltree"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

// This file follows CRI-O's own configuration, crio.conf and the files of crio.conf.d, as far as it decides about
// pulls: short_name_mode, signature_policy and signature_policy_dir of the table crio.image
// (github.com/cri-o/cri-o 1.37, pkg/config/config.go and server/image_pull.go).

// crioFile is crio.conf or a file of crio.conf.d.
type crioFile struct {
	name string // as it is shown
	path string
	etc  string // the directory that holds crio and containers
	main bool   // crio.conf itself, which is read first
	data []byte
	mode string // as in [Linux.Modes]
}

const crioDropIns = "crio.conf.d"

// newCRIO tells by the path whether a file is one.
func newCRIO(name string, data []byte) (crioFile, bool) {
	name = path.Clean(name)
	dir := path.Dir(name)
	c := crioFile{name: name, path: name, main: path.Base(name) == "crio.conf" && path.Base(dir) == "crio", data: data}
	switch {
	case c.main:
		c.etc = path.Dir(dir)
	case inCRIODropIns(name):
		c.etc = path.Dir(path.Dir(dir))
	default:
		return c, false
	}
	return c, true
}

// inCRIODropIns reports whether CRI-O reads a file because of the directory that it is in, whatever its name.
func inCRIODropIns(name string) bool {
	dir := path.Dir(name)
	return path.Base(dir) == crioDropIns && path.Base(path.Dir(dir)) == "crio"
}

// crioOf returns those among the files of one MachineConfig, or of all that are parts of one pool's configuration:
// of files with one path that of the last name counts.
func crioOf(like mirrorset.NodeFile, files []mirrorset.NodeFile) (all []crioFile) {
	files = slices.Clone(files)
	slices.SortStableFunc(
		files,
		func(a, b mirrorset.NodeFile) int { return strings.Compare(a.Machine.Name, b.Machine.Name) },
	)
	for _, f := range files {
		same := f.Machine == like.Machine && f.Origin.File == like.Origin.File && f.Machine.Name != ""
		if c, ok := newCRIO(f.Path, f.Data.Bytes()); ok && (same || inOnePool(f.Machine, like.Machine)) {
			c.name, c.mode = nameOf(f), modeOf(f)
			all = append(slices.DeleteFunc(all, func(d crioFile) bool { return d.path == c.path }), c)
		}
	}
	return all
}

// belongsTo reports whether the file is one of the node with these files.
func (c crioFile) belongsTo(confs []conf) bool {
	return slices.ContainsFunc(confs, func(f conf) bool {
		return !f.given && path.Base(f.dir) == "containers" && path.Dir(f.dir) == c.etc
	})
}

// crioSettings are what the files say together: of one setting the last one counts.
type crioSettings struct {
	mode, policy, policyDir crioSetting
	insecure                []crioSetting
}

// crioSetting is a value and where it stands; the file is empty where no file has it.
type crioSetting struct {
	value, file string
	line        int
}

func (s crioSetting) origin() finding.Origin { return finding.Origin{File: s.file, Line: s.line} }

// readCRIO reads crio.conf and then the others in the order of their paths, as filepath.Walk has it.
func readCRIO(files []crioFile) (s crioSettings, findings finding.Findings) {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b crioFile) int {
		if a.main != b.main {
			if a.main {
				return -1
			}
			return 1
		}
		return strings.Compare(a.path, b.path)
	})
	for _, f := range files {
		document, err := tomltree.Parse(f.data, new(map[string]any))
		if err != nil {
			findings = append(findings, refusedByCRIO(finding.Origin{File: f.name}, "", "is not valid TOML"))
			continue
		}
		image := fold(fold(document.Root, "crio"), "image")
		for key, setting := range map[string]*crioSetting{"short_name_mode": &s.mode,
			"signature_policy": &s.policy, "signature_policy_dir": &s.policyDir} {
			if value := fold(image, key); value != nil && value.Kind == tomltree.String {
				*setting = crioSetting{value.Text, f.name, value.Line}
			}
		}
		if value := fold(image, "insecure_registries"); value != nil && value.Kind == tomltree.Array {
			s.insecure = nil
			for _, item := range value.Items {
				s.insecure = append(s.insecure, crioSetting{item.Text, f.name, value.Line})
			}
		}
	}
	return s, findings
}

// fold returns the value of a key, letter case aside, as github.com/BurntSushi/toml takes it; nil where
// there is none.
func fold(table *tomltree.Value, key string) *tomltree.Value {
	if table == nil {
		return nil
	}
	if exact := table.Get(key); exact != nil {
		return exact
	}
	for _, e := range table.Entries {
		if strings.EqualFold(e.Key, key) {
			return e.Value
		}
	}
	return nil
}

func refusedByCRIO(origin finding.Origin, value, message string) finding.Finding {
	return finding.Finding{Code: finding.CodeNotApplied, Severity: finding.SeverityWarning, Platform: finding.Linux,
		Origin: origin, Value: value, Message: message + ", and CRI-O does not start with it"}
}

// crio follows what CRI-O's own configuration says of the node. policies are the files that could be the one
// which signature_policy names.
func (n *node) crio(confs []conf, files []crioFile, policies []conf) {
	files = slices.DeleteFunc(slices.Clone(files), func(c crioFile) bool { return !c.belongsTo(confs) })
	for _, f := range files {
		name := "/etc" + strings.TrimPrefix(f.path, f.etc)
		n.Files[name], n.Modes[name] = f.data, f.mode
	}
	if len(files) == 0 || !n.isCRIO() {
		return
	}
	s, findings := readCRIO(files)
	n.Findings = append(n.Findings, findings...)
	tell := func(at crioSetting, severity finding.Severity, message string) {
		n.Findings = append(n.Findings, finding.Finding{Code: finding.CodeNotApplied, Severity: severity,
			Platform: finding.Linux, Origin: at.origin(), Value: at.value, Message: message})
	}
	n.Findings = append(n.Findings, s.refused()...)
	if s.mode.value == "disabled" {
		n.ShortNameMode = s.mode.value
	} else if s.mode.file != "" {
		n.ShortNameMode = "enforcing" // SetSystemContext takes everything else for that
	}
	if dir := s.policyDir; dir.file != "" && path.Clean(dir.value) != policyjson.NamespacesDir {
		n.policyDir = path.Clean(dir.value)
		tell(dir, finding.SeverityWarning, "is the directory of the policies of namespaces: the pods of a namespace "+
			"with a file there are judged by that alone, which answers do not show; files in "+policyjson.NamespacesDir+
			" count for none")
	}
	for _, host := range s.insecure {
		tell(host, finding.SeverityWarning, "is in insecure_registries, which CRI-O ignores: for plain HTTP, or "+
			"certificates that do not verify, write insecure = true into its [[registry]] of registries.conf")
	}
	if s.policy.value == "" {
		return
	}
	n.otherPolicy = true
	for _, p := range policies {
		if p.name == rooted(files[0].etc, s.policy.value) || p.path == path.Clean(s.policy.value) {
			policy, findings := policyjson.Parse(p.name, p.data)
			n.Findings = append(n.Findings, findings...)
			n.Policy = policy
			return
		}
	}
	tell(s.policy, finding.SeverityWarning, "is the signature_policy that CRI-O judges images by in place of "+
		"policy.json, and is not in the input: answers do not show which images it refuses; give it too")
}

// refused returns what of the settings CRI-O does not start with (ImageConfig.Validate).
func (s crioSettings) refused() (findings finding.Findings) {
	if !slices.Contains([]string{"", "enforcing", "disabled"}, s.mode.value) {
		findings = append(findings, refusedByCRIO(s.mode.origin(), s.mode.value,
			`is no short_name_mode, write "enforcing" or "disabled"`))
	}
	if s.policyDir.file != "" && !path.IsAbs(s.policyDir.value) {
		findings = append(findings, refusedByCRIO(s.policyDir.origin(), s.policyDir.value,
			"is no absolute path for signature_policy_dir"))
	}
	return findings
}

func (n *node) isCRIO() bool { return n.client.Name == "" || n.client.Name == "crio" }

// rooted returns the path of a file of a node whose directory etc lies elsewhere.
func rooted(etc, file string) string { return path.Join(path.Dir(etc), file) }

// namespaces says of which pods an answer is not: none is for the pods of one namespace.
func (n *node) namespaces() {
	if n.policyDir != policyjson.NamespacesDir || !n.isCRIO() {
		return
	}
	var names []string
	for _, file := range slices.Sorted(maps.Keys(n.Files)) {
		if path.Dir(file) == policyjson.NamespacesDir {
			names = append(names, strings.TrimSuffix(path.Base(file), ".json"))
		}
	}
	if len(names) == 0 {
		return
	}
	n.Findings = append(n.Findings, finding.Finding{Code: finding.CodeNotApplied, Severity: finding.SeverityInfo,
		Platform: finding.Linux, Origin: finding.Origin{File: n.Name}, Value: strings.Join(names, ","),
		Message: "are the namespaces with a policy of their own, which CRI-O judges their pods by in place of " +
			"policy.json: this answer is for the pods of others"})
}

// crioLine finds a setting of CRI-O's own configuration that has to do with pulls
// (github.com/cri-o/cri-o, crio.conf.5.md).
var crioLine = regexp.MustCompile(
	`(?m)^\s*(signature_policy|signature_policy_dir|short_name_mode|insecure_registries)\s*=`)

// ofCRIO reports the settings of a crio.conf that no answer shows.
func ofCRIO(name string, data []byte) finding.Finding {
	var names []string
	for _, match := range crioLine.FindAllSubmatch(data, -1) {
		if name := string(match[1]); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return finding.Finding{
		Code: finding.CodeNotApplied, Severity: finding.SeverityWarning, Platform: finding.Linux,
		Origin: finding.Origin{File: name}, Value: strings.Join(names, ","),
		Message: "is of CRI-O's own configuration, which this answer does not follow: it is followed as " +
			"etc/crio/crio.conf, or in etc/crio/crio.conf.d, of a directory that has etc/containers too; " +
			"signature_policy names another file than " +
			"policy.json, short_name_mode decides about names without a registry",
	}
}

// looseCRIO says which files of CRI-O belong to no node of the input.
func (in *Input) looseCRIO() {
	for _, c := range in.crio {
		if !c.belongsTo(in.confs) && crioLine.Match(c.data) {
			in.findings = append(in.findings, ofCRIO(c.name, c.data))
		}
	}
}

// namedByCRIO reports whether a file is the signature_policy of a node of the input.
func (in *Input) namedByCRIO(p conf) bool {
	return slices.ContainsFunc(in.crio, func(c crioFile) bool {
		s, _ := readCRIO([]crioFile{c})
		return c.belongsTo(in.confs) && s.policy.value != "" && p.name == rooted(c.etc, s.policy.value)
	})
}

// overriddenMode says that a setting of registries.conf does not count.
func (n *node) overriddenMode() {
	if mode := n.files().ShortNameMode; n.ShortNameMode != "" && mode != "" && mode != n.ShortNameMode {
		n.Findings = append(n.Findings, finding.Finding{Code: finding.CodeNotApplied, Severity: finding.SeverityInfo,
			Platform: finding.Linux, Origin: finding.Origin{File: n.Name}, Value: shown.Value(mode),
			Message: fmt.Sprintf("is the short-name-mode of registries.conf, which CRI-O does not read: its own is %q",
				n.ShortNameMode)})
	}
}
