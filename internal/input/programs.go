package input

import (
	"bytes"
	"strings"

	"github.com/pullroute/pullroute/internal/tomltree"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// This file looks at the configuration of CRI-O and of containerd themselves, which can decide where a
// pull goes instead of the files that are read, and says so.

// program looks for what a file says of CRI-O and of containerd, and reports whether it says anything.
func (in *Input) program(f *found) bool {
	if crioLine.Match(f.data) {
		in.findings = append(in.findings, ofCRIO(f.name, f.data))
		return true
	}
	findings := ofContainerd(f)
	in.containerd = append(in.containerd, findings...)
	return len(findings) > 0
}

// refusesContainerd returns what keeps an answer for containerd from being one; for Linux there is
// nothing.
func (in *Input) refusesContainerd(platform finding.Platform) finding.Findings {
	if platform == finding.Linux {
		return nil
	}
	return in.containerd
}

// ofContainerd reports what a config.toml of containerd says that keeps the tree beside it from being
// what decides: the table registry of the plugin that pulls for the kubelet.
//
// A config_path that lists directories is one name to the transfer service, which does that from
// containerd 2.1 on: it finds no file there, and asks every registry itself (run on 2.4.2; containerd
// #12415).
func ofContainerd(f *found) (findings finding.Findings) {
	if !bytes.Contains(f.data, []byte("plugins")) {
		return nil
	}
	document, err := tomltree.Parse(f.data, new(map[string]any))
	if err != nil {
		return nil // containerd does not start with it
	}
	refuse := func(at *tomltree.Value, key, message string) {
		findings = append(findings, finding.Finding{
			Code: finding.CodeUnreadRules, Severity: finding.SeverityError, RefusedBy: finding.Reader, Platform: finding.Containerd,
			Origin: finding.Origin{File: f.name, Line: at.Line}, Value: key, Message: message,
		})
	}
	for _, registry := range registryTables(document.Root) {
		switch dir := registry.Get("config_path"); {
		case dir == nil || dir.Kind != tomltree.String:
		case dir.Text == "":
			refuse(dir, "config_path", "is empty: containerd reads no hosts.toml, and asks every registry itself; "+
				"--ignore unread-rules answers as if it named the directory of these files")
		case isList(dir.Text):
			refuse(dir, "config_path", "lists several directories, which containerd from 2.1 on takes for one name: "+
				"it finds nothing there, and asks every registry itself, unless use_local_image_pull has it look into each "+
				"as older versions do; write one directory; --ignore "+
				"unread-rules answers as if it named the directory of these files")
		}
		if mirrors := registry.Get("mirrors"); mirrors != nil && len(mirrors.Entries) > 0 {
			refuse(mirrors, "registry.mirrors", "are the mirrors of older versions of containerd, and were not "+
				"read; --ignore unread-rules answers without them")
		}
	}
	return findings
}

// registryTables returns the tables plugins.NAME.registry.
func registryTables(root *tomltree.Value) (tables []*tomltree.Value) {
	plugins := root.Get("plugins")
	if plugins == nil {
		return nil
	}
	for _, plugin := range plugins.Entries {
		if registry := plugin.Value.Get("registry"); registry != nil {
			tables = append(tables, registry)
		}
	}
	return tables
}

// isList reports whether a config_path names more than one directory: they stand between colons, on
// Windows between semicolons.
func isList(dir string) bool {
	drive := len(dir) > 2 && dir[1] == ':' && (dir[2] == '\\' || dir[2] == '/')
	return strings.Contains(dir, ";") || strings.Contains(dir, ":") && !drive
}
