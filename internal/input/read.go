package input

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

// Input is everything that was read. It does not change.
type Input struct {
	given      []string // what the user named
	mustGather bool
	manifests  []*manifest
	kustomize  []*kustomization
	confs      []conf
	policies   []conf // policy.json files that may belong to them
	besides    []beside
	crio       []crioFile
	trees      []configPath
	findings   finding.Findings // about files, whatever is asked
	containerd []containerdFile // config.toml, and what they import
}

// manifest is a file of objects, or standard input.
type manifest struct {
	name    string
	dir     string // that it lies in; empty for what was given by itself
	outside bool   // reached by a kustomization only
	set     *mirrorset.Set
	refused finding.Findings
}

// configPath is a directory of hosts.toml files, or one hosts.toml by itself.
type configPath struct {
	fsys fs.FS
	dir  string
	file string // the only file that is read; empty for the directory
	data []byte // of that file
}

// Read reads files, directories, archives, and "-" for standard input. What cannot be understood is
// in the Input, and refuses what is asked of it; the error is one of the file system, or about an
// archive.
func Read(paths []string, stdin io.Reader) (*Input, error) {
	in := &Input{given: paths}
	for _, name := range paths {
		var err error
		if name == "-" {
			err = in.stream("-", "-", stdin, -1)
		} else {
			err = in.path(filepath.ToSlash(name))
		}
		if err != nil {
			return nil, err
		}
	}
	in.loosePolicies()
	in.looseCRIO()
	in.findings = in.findings.Sort()
	return in, nil
}

// Files returns the names of the files that were read for what they say of pulls, but for those of a
// config_path: the tree of its node has them.
func (in *Input) Files() []string {
	var names []string
	for _, m := range in.manifests {
		names = append(names, m.name)
	}
	for _, list := range [][]conf{in.confs, in.policies} {
		for _, c := range list {
			names = append(names, c.name)
		}
	}
	for _, c := range in.containerd {
		names = append(names, c.name)
	}
	for _, c := range in.crio {
		names = append(names, c.name)
	}
	for _, t := range in.trees {
		if t.file != "" {
			names = append(names, t.file)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (in *Input) path(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return in.directory(disk{}, path.Clean(name))
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return in.stream(name, path.Clean(name), f, info.Size())
}

// headBytes is how much of a file is looked at to tell what it is.
const headBytes = 64 << 10

// stream reads a file, or standard input. The text of manifests is not held in memory as a whole.
func (in *Input) stream(shown, name string, r io.Reader, size int64) error {
	buffered := bufio.NewReaderSize(r, headBytes)
	begin, err := buffered.Peek(headBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", shown, err)
	}
	archive, other := isArchive(begin)
	switch {
	case other != "":
		return fmt.Errorf("%s: is packed by %s, which is not unpacked here; unpack it first", shown, other)
	case archive:
		var from io.Reader = buffered
		if f, ok := r.(*os.File); ok && size >= 0 {
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				return err
			}
			from = f
		}
		m, single, err := openArchive(name, from, size)
		if err != nil {
			return fmt.Errorf("%s: %w", shown, err)
		}
		if !single {
			return in.directory(m, name)
		}
		data := m.files[name]
		return in.text(shown, name, sized{bufio.NewReaderSize(bytes.NewReader(data), headBytes), len(data)})
	}
	return in.text(shown, name, sized{buffered, int(max(0, size))})
}

// sized is a text of which the size is known, or 0: whoever reads it whole makes room for it once.
type sized struct {
	*bufio.Reader
	size int
}

// Len returns the size of a text that nothing was read of yet.
func (s sized) Len() int { return s.size }

// text reads a file that was given by itself.
func (in *Input) text(shown, name string, r sized) error {
	begin, _ := r.Peek(headBytes)
	kind := sniff(name, begin)
	if kind == formatManifest && (isPolicy(name, begin) || policyText(begin)) {
		kind = formatPolicy
	}
	if kind == formatManifest {
		set, err := mirrorset.Decode(shown, r)
		m := &manifest{name: shown, set: set}
		var refused *finding.RefusedError
		if errors.As(err, &refused) {
			m.refused = refused.Findings
		} else if err != nil {
			return err
		}
		in.manifests = append(in.manifests, m)
		return nil
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("%s: %w", shown, err)
	}
	switch kind {
	case formatRegistries:
		in.confs = append(in.confs, newConf(name, data, true))
	case formatPolicy:
		in.policies = append(in.policies, newConf(name, data, true))
	case formatHosts:
		in.trees = append(in.trees, configPath{fsys: disk{}, dir: path.Dir(path.Dir(name)), file: name, data: data})
	default:
		if c, ok := newContainerdFile(&found{name: name, data: data}); ok {
			c.given = true
			in.containerd = append(in.containerd, c)
			break
		}
		in.manifests = append(in.manifests, &manifest{name: shown, set: &mirrorset.Set{}, refused: finding.Findings{{
			Code: finding.CodeUnreadable, Severity: finding.SeverityError, RefusedBy: finding.Reader,
			Origin:  finding.Origin{File: shown},
			Message: "is TOML, but neither a registries.conf nor a hosts.toml, nor a config.toml of containerd",
		}}})
	}
	return nil
}

// found is a file of a directory, and what it turned out to be.
type found struct {
	name    string
	kind    format
	data    []byte         // of node files and kustomizations
	set     *mirrorset.Set // nil where the text was only searched, and of node files
	refused finding.Findings
	nothing bool // it is about other things
	beside  *beside
	crio    *crioFile
}

// directory reads all that may say where pulls go below a directory.
func (in *Input) directory(fsys fs.FS, root string) error {
	var files []*found
	names := 0
	var trees []string
	r := startReaders(fsys)
	err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != root && hidden(d.Name()) && (d.IsDir() || !inDropInDir(name)): // clients read .a.conf
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir() && name == root:
			in.mustGather = in.mustGather || d.Name() == clusterResources
			return nil
		case d.IsDir():
			names++
			if d.Name() == "certs.d" {
				trees = append(trees, name)
			}
			return in.inner(name)
		}
		names++
		if !candidate(name) {
			return nil
		}
		if linksToDir(fsys, name, d) {
			return nil
		}
		f := &found{name: name}
		files = append(files, f)
		r.add(f)
		return nil
	})
	r.wait()
	if err != nil {
		return err
	}
	in.sort(fsys, root, files, trees, names == 0)
	return nil
}

// linksToDir reports whether a file is a link to a directory.
func linksToDir(fsys fs.FS, name string, d fs.DirEntry) bool {
	if d.Type()&fs.ModeSymlink == 0 {
		return false
	}
	info, err := fs.Stat(fsys, name)
	return err == nil && info.IsDir()
}

// clusterResources is a directory of what must-gather collects.
const clusterResources = "cluster-scoped-resources"

// inner looks at the name of a directory inside another.
func (in *Input) inner(name string) error {
	in.mustGather = in.mustGather || path.Base(name) == clusterResources
	dir := path.Dir(name)
	ofUser := path.Base(dir) == rootlessDropIns && !strings.HasSuffix(name, ".conf") // its directories are by UID
	if !inDropInDir(name) || ofUser {
		return nil
	}
	in.findings = append(in.findings, finding.Finding{
		Code: finding.CodeFileNotRead, Severity: finding.SeverityInfo, Platform: finding.Linux,
		Origin:  finding.Origin{File: name},
		Message: "is a directory, which clients pass over where they look for drop-ins; what is in it is not read",
	})
	return fs.SkipDir
}

// isPolicy reports whether a file is a policy.json of containers-image, which is no manifest. CRI-O may
// name one of another name below etc/crio.
func isPolicy(name string, data []byte) bool {
	if dir := path.Dir(name); path.Base(name) != policyjson.FileName &&
		(path.Ext(name) != ".json" || path.Base(dir) != "crio") {
		return false
	}
	return path.Base(path.Dir(name)) == "containers" || policyText(data)
}

// policyText reports whether a text is that of a policy.json, whatever the file is called.
func policyText(data []byte) bool {
	var top struct {
		Default []struct {
			Type string `json:"type"`
		} `json:"default"`
	}
	return json.Unmarshal(data, &top) == nil && len(top.Default) > 0 && top.Default[0].Type != ""
}

// readers read files, several at a time, while others are still looked for. What each holds does
// not depend on the others.
type readers struct {
	next    chan []*found
	some    []*found // not handed on yet
	workers sync.WaitGroup
}

// fewFiles is how many are handed to a reader at once: waking one for each takes longer than to read it.
const fewFiles = 32

func startReaders(fsys fs.FS) *readers {
	r := &readers{next: make(chan []*found, 4096/fewFiles)} // looking for files is not to wait for reading them
	for range runtime.GOMAXPROCS(0) {
		r.workers.Go(func() {
			text := bytes.NewBuffer(make([]byte, 0, headBytes)) // used for one file after another
			for some := range r.next {
				for _, f := range some {
					f.read(fsys, text)
				}
			}
		})
	}
	return r
}

// add has one more file read.
func (r *readers) add(f *found) {
	if r.some = append(r.some, f); len(r.some) == fewFiles {
		r.next <- r.some
		r.some = make([]*found, 0, fewFiles)
	}
}

// wait returns when all files that were given are read.
func (r *readers) wait() {
	r.next <- r.some
	close(r.next)
	r.workers.Wait()
}

func (f *found) read(fsys fs.FS, text *bytes.Buffer) {
	if err := f.load(fsys, text); err != nil {
		f.refused = finding.Findings{{
			Code: finding.CodeUnreadable, Severity: finding.SeverityError, RefusedBy: finding.Reader,
			Origin:  finding.Origin{File: f.name},
			Message: "cannot be read: " + reason(err),
		}}
		f.set = &mirrorset.Set{}
		return
	}
	data := text.Bytes()
	if isPolicy(f.name, data) {
		f.kind, f.data = formatPolicy, bytes.Clone(data)
		return
	}
	if c, ok := newCRIO(f.name, data); ok {
		c.data, f.crio, f.nothing = bytes.Clone(data), &c, true
		return
	}
	f.kind = formatManifest
	// Of the two endings for YAML and of .json the name tells: looking at each text would take as
	// long as reading it.
	switch strings.ToLower(path.Ext(f.name)) {
	case ".conf", ".toml":
		f.kind = sniff(f.name, data)
		if f.kind == formatManifest ||
			f.kind == formatRegistries && !isRegistriesName(f.name) && !registriesLine.Match(data) {
			f.kind = formatOther // the .conf of another program
		}
		f.data, f.nothing = bytes.Clone(data), f.kind == formatOther
		return
	}
	if isKustomization(f.name) {
		f.data = bytes.Clone(data)
	}
	if f.nothing = mirrorset.AboutOther(data); !f.nothing {
		f.decode(data)
	}
	if b, ok := newBeside(f.name, data); ok && f.nothing {
		b.data = bytes.Clone(b.data)
		f.beside = &b
	}
}

// load reads the text of the file.
func (f *found) load(fsys fs.FS, text *bytes.Buffer) error {
	text.Reset()
	if _, ok := fsys.(disk); ok {
		return readFile(filepath.FromSlash(f.name), text)
	}
	file, err := fsys.Open(f.name)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = text.ReadFrom(file)
	return err
}

// decode reads the manifests of the file.
func (f *found) decode(data []byte) {
	set, err := mirrorset.DecodeAmong(f.name, bytes.NewReader(data))
	var refused *finding.RefusedError
	if errors.As(err, &refused) {
		f.refused = refused.Findings
	}
	f.set = set
	f.nothing = f.refused == nil && set.Empty() && !set.Speaks()
	if f.nothing { // that kinds were skipped is said once, for all files
		set.Findings = slices.DeleteFunc(set.Findings, func(g finding.Finding) bool {
			return g.Code == finding.CodeUnrelatedKind ||
				g.Code == finding.CodeTemplate && g.Severity == finding.SeverityWarning
		})
	}
}

// reason returns what is wrong with a file, without its name.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// sort puts the files of a directory where they belong.
func (in *Input) sort(fsys fs.FS, root string, files []*found, trees []string, empty bool) {
	nothing := 0
	trees = append(trees, treesOf(files, root)...)
	for _, f := range files {
		switch {
		case f.kind == formatRegistries:
			in.confs = append(in.confs, newConf(f.name, f.data, false))
		case f.kind == formatPolicy:
			in.policies = append(in.policies, newConf(f.name, f.data, false))
		case f.kind == formatHosts:
			in.hostsFile(fsys, root, trees, f)
		case f.crio != nil:
			in.crio = append(in.crio, *f.crio)
		case f.beside != nil:
			in.besides = append(in.besides, *f.beside)
		case f.nothing:
			if !in.aside(f) {
				nothing++
			}
		default:
			in.manifests = append(in.manifests, &manifest{name: f.name, dir: path.Dir(f.name), set: f.set,
				refused: f.refused})
		}
		if isKustomization(f.name) && f.data != nil {
			in.kustomize = append(in.kustomize, parseKustomization(fsys, f.name, f.data))
		}
	}
	in.addTrees(fsys, root, trees, empty)
	in.followKustomizations(fsys)
	in.passedOver(root, nothing)
}

// treesOf returns the directories that files of a directory show to be a config_path.
func treesOf(files []*found, root string) (trees []string) {
	for _, f := range files {
		if f.kind == formatHosts && path.Base(f.name) == hoststoml.FileName && path.Dir(f.name) != root {
			trees = append(trees, path.Dir(path.Dir(f.name)))
		}
	}
	return trees
}

// hostsFile takes a hosts.toml that lies in no registry's directory of a tree, and says what else looks like one.
func (in *Input) hostsFile(fsys fs.FS, root string, trees []string, f *found) {
	dir, base := path.Dir(f.name), path.Base(f.name)
	switch {
	case base == hoststoml.FileName && dir == root && !slices.Contains(trees, root):
		in.trees = append(in.trees, configPath{fsys: fsys, dir: path.Dir(root), file: f.name, data: f.data})
	case base == hoststoml.FileName, base == "host.toml" && slices.Contains(trees, path.Dir(dir)):
		// ReadTree says what becomes of it.
	default:
		in.findings = append(in.findings, finding.Finding{
			Code: finding.CodeFileNotRead, Severity: finding.SeverityWarning, Platform: finding.Containerd,
			Origin: finding.Origin{File: f.name},
			Message: "looks like a hosts.toml, but containerd reads no file of this name; call it " +
				"hosts.toml, in the directory of its registry",
		})
	}
}

// aside reports what there is to say of a file about other things, and whether there is anything.
func (in *Input) aside(f *found) bool {
	if f.set == nil || len(f.set.Findings) == 0 {
		return f.kind == formatOther && in.program(f)
	}
	in.findings = append(in.findings, f.set.Findings...)
	return true
}

// loosePolicies says which policy.json files belong to no node of the input. What they refuse is no
// part of an answer.
func (in *Input) loosePolicies() {
	for _, p := range in.policies {
		if !p.belongsTo(in.confs) && !in.namedByCRIO(p) {
			in.findings = append(in.findings, loosePolicy(p))
		}
	}
}

func loosePolicy(p conf) finding.Finding {
	return finding.Finding{
		Code: finding.CodeFileNotRead, Severity: finding.SeverityWarning, Platform: finding.Linux,
		Origin: finding.Origin{File: p.name},
		Message: "stands beside no registries.conf and is not read: answers do not show which images " +
			"it refuses; give the directory of the node's files, both in it",
	}
}

// addTrees adds the directories that are a config_path each; an empty root may be one.
func (in *Input) addTrees(fsys fs.FS, root string, trees []string, empty bool) {
	if empty {
		trees = append(trees, root)
	}
	slices.Sort(trees)
	for _, dir := range slices.Compact(trees) {
		in.trees = append(in.trees, configPath{fsys: fsys, dir: dir})
	}
}

// passedOver says how many files of a directory are about other things.
func (in *Input) passedOver(root string, n int) {
	if n == 0 {
		return
	}
	files := "1 file"
	if n > 1 {
		files = fmt.Sprintf("%d files", n)
	}
	in.findings = append(in.findings, finding.Finding{
		Code: finding.CodeUnrelatedKind, Severity: finding.SeverityInfo, Origin: finding.Origin{File: root},
		Message: files + " in it about other things passed over",
	})
}

// Nodes are the nodes whose files the input holds, those inside manifests included, as a client
// reads them. on is the platform of those with containerd; where it is empty what is found holds for any.
// A config_path that cannot be read is a finding.
func (in *Input) Nodes(client Client, on finding.Platform) (linux []*Linux, containerd []*Hosts, findings finding.Findings) {
	all := &mirrorset.Set{}
	for _, m := range in.manifests {
		all.NodeFiles = append(all.NodeFiles, m.set.NodeFiles...)
		all.CRIOFiles = append(all.CRIOFiles, m.set.CRIOFiles...)
		all.PullSecrets = append(all.PullSecrets, m.set.PullSecrets...)
	}
	findings = append(in.besideObjects(finding.Linux, all), in.ofContainerd(cmp.Or(on, finding.Containerd), client)...)
	for _, n := range in.nodes(finding.Linux, all) {
		linux = append(linux, readLinux(n, client))
		findings = append(findings, unspoken(linux[len(linux)-1])...)
	}
	for _, n := range in.nodes(finding.Containerd, all) {
		hosts, err := n.hosts(client)
		if err != nil {
			findings = append(findings, finding.Finding{
				Code: finding.CodeUnreadable, Severity: finding.SeverityError, RefusedBy: finding.Reader,
				Origin: finding.Origin{File: n.name}, Message: "cannot be read: " + reason(err),
			})
			continue
		}
		hosts.readBy(client)
		if hosts.platform = finding.Containerd; on != "" {
			hosts.on(on)
		}
		containerd = append(containerd, hosts)
	}
	return linux, containerd, findings
}

// Findings returns what is known of the files, whatever is asked: what was passed over, and, where
// there is nothing that says where pulls go, that.
func (in *Input) Findings() finding.Findings {
	findings := slices.Clone(in.findings)
	speaks := func(m *manifest) bool { return m.dir == "" || m.set.Speaks() || m.refused != nil }
	if len(in.confs)+len(in.trees) > 0 || slices.ContainsFunc(in.containerd, containerdFile.isGiven) ||
		slices.ContainsFunc(in.manifests, speaks) {
		return findings
	}
	return append(findings, finding.Finding{
		Code: finding.CodeNothingRead, Severity: finding.SeverityWarning,
		Origin:  finding.Origin{File: strings.Join(in.given, ", ")},
		Message: "nothing in it says where pulls go: no mirror object, and no file of a node",
	})
}
