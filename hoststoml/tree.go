package hoststoml

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// ReadTree reads a config_path as a node has it. A file that containerd ignores is in the tree as
// one that says nothing, which is what containerd makes of it, and the findings tell why; they
// refuse nothing by themselves. Where versions differ, it is containerd 2.4 that counts; see
// [Version.ReadTree] for another. What is named as no registry host is passed over, and of a hosts.toml in
// it that is said; addresses of IPv6 are hosts here. Where containerd fails every pull from a registry
// because a file stands in the place of its directory, what is there cannot be read, or a certificate
// is missing that its file names, no location is left in the table's plans.
func ReadTree(dir string) (Tree, finding.Findings, error) {
	t, findings, _, err := Version{}.ReadTree(dir)
	return t, findings, err
}

// ReadTreeFS is ReadTree for a directory of any file system, an archive for one.
func ReadTreeFS(fsys fs.FS, dir string) (Tree, finding.Findings, error) {
	t, findings, _, err := Version{}.ReadTreeFS(fsys, dir)
	return t, findings, err
}

// disk is the file system of this machine, with the names that it has there.
type disk struct{}

func (disk) Open(name string) (fs.File, error)          { return os.Open(name) }
func (disk) Stat(name string) (fs.FileInfo, error)      { return os.Stat(name) }
func (disk) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

func readTree(fsys fs.FS, dir string, join func(...string) string, v Version) (tree Tree,
	findings finding.Findings, unsure []string, err error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, nil, nil, err
	}
	names := make(map[string]bool, len(entries))
	for _, e := range entries {
		names[e.Name()] = true
	}
	for _, e := range entries {
		if e.Name() == FileName {
			findings = append(findings, misplaced(onDisk(dir, FileName), "stands beside the directories "+
				"of registries, where containerd does not read it: move it into the directory of its "+
				"registry, or into _default"))
			continue
		}
		host, ok := hostFromDir(e.Name())
		if !ok {
			if _, err := fs.Stat(fsys, join(dir, e.Name(), FileName)); err == nil {
				findings = append(findings, unnamed(onDisk(dir, e.Name()+"/"+FileName)))
			}
			continue
		}
		// Of HOST_PORT_ and HOST:PORT the first counts.
		if e.Name() != Dir(host) && names[Dir(host)] {
			continue
		}
		at := join(dir, e.Name())
		info, err := fs.Stat(fsys, at)
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && !info.IsDir() && isNote(e.Name()):
			continue
		case err != nil || !info.IsDir():
			// containerd takes the first name that exists, and then reads below it (hosts.go,
			// hostPaths, loadHostDir).
			tree = append(tree, RegistryFile{Host: host, found: e.Name(), fails: true})
			findings = append(findings, failing(onDisk(dir, e.Name()), host, err, "is no directory: put "+
				"the file into it under the name "+FileName))
			continue
		}
		rf, problems, sure := readRegistry(registryDir{fsys, at, join}, dir, e.Name(), host, v)
		tree = append(tree, rf)
		findings = append(findings, problems...)
		if !sure {
			unsure = append(unsure, host)
		}
	}
	tree.sort()
	return tree, findings.Sort(), unsure, nil
}

// registryDir is the directory of one registry in a file system.
type registryDir struct {
	fsys fs.FS
	path string
	join func(...string) string
}

func (d registryDir) file(name string) string { return d.join(d.path, name) }

// readRegistry reads the directory of one registry.
func readRegistry(in registryDir, dir, name, host string, v Version) (rf RegistryFile, findings finding.Findings,
	sure bool) {
	rf = RegistryFile{Host: host}
	place := onDisk(dir, name+"/"+FileName)
	if name != Dir(host) {
		rf.found = name + "/" + FileName
	}
	if name != Dir(host) && !strings.HasPrefix(host, "[") { // an address of IPv6 has colons in either
		findings = append(findings, finding.Finding{
			Code: finding.CodeReservedName, Severity: finding.SeverityInfo, Platform: finding.Windows,
			Origin: finding.Origin{File: place}, Value: name,
			Message: fmt.Sprintf("cannot be a directory on Windows, where a name has no colon: name it "+
				"%s, which containerd reads everywhere, and first", Dir(host)),
		})
	}
	data, err := fs.ReadFile(in.fsys, in.file(FileName))
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		rf.fails = true
		return rf, append(findings, failing(place, host, err, "")), true
	}
	if rf.Extra, err = readExtra(in); err != nil {
		findings = append(findings, finding.Finding{
			Code: finding.CodeUnreadable, Severity: finding.SeverityError, Platform: finding.Containerd,
			Origin: finding.Origin{File: place}, Value: host,
			Message: fmt.Sprintf("what lies beside the file is not known: its directory cannot be read "+
				"(%s); make it readable", reason(err)),
		})
	}
	if missing { // the directory decides even so
		if _, err := fs.Stat(in.fsys, in.file("host.toml")); err == nil {
			findings = append(findings, misplaced(onDisk(dir, name+"/host.toml"), "containerd does not "+
				"read a file of this name, and contacts the original registry: name it "+FileName))
		}
		return rf, findings, true
	}
	r := reader{name: place, version: v, dir: &in}
	rf.File = r.current(data)
	rf.fails = r.fails
	return rf, append(findings, r.findings...), !r.unsure
}

// isNote reports whether a file of this name, which could also be that of a host, is for people to read.
func isNote(name string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	return ext == ".md" || ext == ".txt" || !strings.ContainsAny(name, ".:_")
}

// unnamed is the finding of a file that containerd looks for on behalf of no image.
func unnamed(place string) finding.Finding {
	return finding.Finding{
		Code: finding.CodeFileNotRead, Severity: finding.SeverityWarning, Platform: finding.Containerd,
		Origin: finding.Origin{File: place},
		Message: "is not read: its directory has the name of no registry host; call it HOST, HOST_PORT_ where images " +
			"name a port, or _default for every registry without a directory of its own",
	}
}

// misplaced is the finding of a file that containerd does not read.
func misplaced(place, message string) finding.Finding {
	return finding.Finding{
		Code: finding.CodeIgnoredSetting, Severity: finding.SeverityWarning, Platform: finding.Containerd,
		Origin: finding.Origin{File: place}, Message: message,
	}
}

// failing is the finding of what containerd finds for a registry and cannot read. The error is nil
// for what is no directory.
func failing(place, host string, err error, message string) finding.Finding {
	f := finding.Finding{
		Code: finding.CodeInvalidFile, Severity: finding.SeverityError, Platform: finding.Containerd,
		Origin: finding.Origin{File: place}, Value: host,
		Message: "every pull from the registry fails: what stands here " + message,
	}
	if err != nil {
		f.Code = finding.CodeUnreadable
		f.Message = fmt.Sprintf("is not known: it cannot be read (%s), and where containerd cannot read "+
			"it either, every pull from the registry fails; make it readable", reason(err))
	}
	return f
}

// reason is what the system said, without the path that the finding names.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return "it cannot be opened"
}

// readExtra reads the files beside a hosts.toml that pullroute wrote.
func readExtra(in registryDir) (Extra, error) {
	entries, err := fs.ReadDir(in.fsys, in.path)
	if err != nil {
		return nil, err
	}
	var extra Extra
	for _, e := range entries {
		if !validExtra(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		data, err := fs.ReadFile(in.fsys, in.file(e.Name()))
		if err != nil {
			return nil, err
		}
		if extra == nil {
			extra = Extra{}
		}
		extra[e.Name()] = NewSecret(data)
	}
	return extra, nil
}

// holdsSecrets reports whether the file has headers, or keys that may be misspelt ones: they may hold
// credentials.
func (f *File) holdsSecrets() bool {
	return f.Settings.holdsSecrets() || slices.ContainsFunc(f.Hosts, func(h Host) bool { return h.holdsSecrets() })
}

func (s *Settings) holdsSecrets() bool { return len(s.Header)+len(s.Unknown) > 0 }
