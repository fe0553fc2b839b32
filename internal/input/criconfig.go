package input

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/internal/tomltree"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// This file says what a config.toml of containerd makes of the hosts.toml files beside it: the
// plugin that pulls for the kubelet reads them in its config_path, and may have none, or two. The
// rules are those of containerd 2.4.2 (cmd/containerd/server/config/config.go,
// plugins/cri/images/plugin.go, internal/cri/config/config.go,
// internal/cri/server/images/image_pull.go) and 1.7.35 (services/server/config/config.go, pkg/cri).

// The names that the plugin has had in files of version 1, 2 and 3.
const (
	criPlugin1 = "cri"
	criPlugin2 = "io.containerd.grpc.v1.cri"
	criPlugin3 = "io.containerd.cri.v1.images"
)

// containerdFile is a config.toml of containerd, or a file that one imports.
type containerdFile struct {
	name    string
	given   bool // by itself, and not with a directory
	version int
	imports []string
	// older is the plugin's table under its names of version 1 and 2, images that of version 3.
	older, images *tomltree.Value
}

// containerdKeys are those that a config.toml of containerd may have (server/config.Config).
var containerdKeys = []string{"version", "root", "state", "temp", "plugin_dir", "grpc", "ttrpc", "debug", "metrics",
	"disabled_plugins", "required_plugins", "plugins", "oom_score", "cgroup", "proxy_plugins", "timeouts", "imports",
	"stream_processors"}

// newContainerdFile reads a file that speaks of the plugin, or is a config.toml that has nothing
// but keys of containerd; false for another one, and for what containerd does not start with.
func newContainerdFile(f *found) (c containerdFile, ok bool) {
	named := path.Base(f.name) == "config.toml"
	if !named && !bytes.Contains(f.data, []byte("plugins")) {
		return c, false
	}
	document, err := tomltree.Parse(f.data, new(map[string]any))
	if err != nil {
		return c, false
	}
	c = containerdFile{name: f.name, version: 1}
	if v := document.Root.Get("version"); v != nil {
		c.version, _ = strconv.Atoi(string(v.Source))
		if list := document.Root.Get("imports"); list != nil {
			for _, item := range list.Items {
				c.imports = append(c.imports, item.Text)
			}
		}
	}
	if plugins := document.Root.Get("plugins"); plugins != nil {
		c.older, c.images = plugins.Get(criPlugin2), plugins.Get(criPlugin3)
		if c.version == 1 && c.older == nil {
			c.older = plugins.Get(criPlugin1)
		}
	}
	return c, c.older != nil || c.images != nil || named && document.Root.Get("version") != nil &&
		!slices.ContainsFunc(document.Root.Entries, func(e tomltree.Entry) bool {
			return !slices.Contains(containerdKeys, e.Key)
		})
}

func (c containerdFile) isGiven() bool { return c.given }

// importing returns the file with those of all that it imports, in the order in which they are
// merged, and which of them are not among all. A name that is not absolute starts at the directory
// of its file (resolveImports).
func (c containerdFile) importing(all []containerdFile) (files []containerdFile, missing []string) {
	files = []containerdFile{c}
	for i := 0; i < len(files); i++ { // containerd goes on breadth first
		for _, name := range files[i].imports {
			pattern := path.Clean(strings.ReplaceAll(name, `\`, "/"))
			if !path.IsAbs(pattern) && !strings.Contains(pattern, ":") {
				pattern = path.Join(path.Dir(files[i].name), pattern)
			}
			found := false
			for _, other := range all {
				if other.isAt(pattern) {
					found = true
					if !slices.ContainsFunc(files, func(f containerdFile) bool { return f.name == other.name }) {
						files = append(files, other)
					}
				}
			}
			if !found && !strings.Contains(pattern, "*") {
				missing = append(missing, name)
			}
		}
	}
	return files, missing
}

// isAt reports whether the file may be one that a pattern names on its node: an input may hold a
// part of the node.
func (c containerdFile) isAt(pattern string) bool {
	parts := strings.Split(strings.TrimPrefix(pattern, "/"), "/")
	own := strings.Split(strings.TrimPrefix(c.name, "/"), "/")
	if len(own) < len(parts) {
		return false
	}
	match, err := path.Match(strings.Join(parts, "/"), strings.Join(own[len(own)-len(parts):], "/"))
	return match && err == nil
}

// as returns the file as a containerd takes it whose newest version of these files is given.
// Version 1 knows the older names only. Version 2 brings a file of an older version up to date, and
// reads the older table for that alone (configMigration).
func (c containerdFile) as(newest int) containerdFile {
	if newest == 2 {
		c.images = nil
	} else if c.version >= newest {
		c.older = nil
	}
	return c
}

// get returns a value of a table, nil where either is not there.
func get(table *tomltree.Value, key string) *tomltree.Value {
	if table == nil {
		return nil
	}
	return table.Get(key)
}

// newestFile returns the newest version of its files that a containerd starts with (version.go,
// ConfigVersion).
func newestFile(v hoststoml.Version) int {
	switch {
	case v.Before(2, 0, 0):
		return 2
	case v.Before(2, 3, 0):
		return 3
	}
	return 4
}

// criConfig is what the plugin of one node is told.
type criConfig struct {
	files   []containerdFile
	missing []string // files that are imported, and not in the input
	version hoststoml.Version
	on      finding.Platform
	trees   []configPath // of the input
}

// setting returns a setting of the plugin, or of its table registry, and the file that it stands
// in: nil and the first where it stands in none. The last file that has it counts, and in that the
// table under the older names before that of version 3; an empty table adds nothing (mergeConfig).
// 1.6 and 1.7 take the table of a plugin whole, from one file.
func (c *criConfig) setting(of tableOf, key string) (v *tomltree.Value, file string) {
	for _, f := range slices.Backward(c.files) {
		for _, table := range of(f) {
			if v := get(table, key); v != nil && (v.Kind != tomltree.Table || len(v.Entries) > 0) {
				return v, f.name
			}
		}
		if c.version.Before(2, 0, 0) && f.older != nil {
			break
		}
	}
	return nil, c.files[0].name
}

// tableOf returns the tables of a file in which a setting may stand, that which counts first.
type tableOf func(containerdFile) []*tomltree.Value

func ofPlugin(f containerdFile) []*tomltree.Value { return []*tomltree.Value{f.older, f.images} }

func ofImages(f containerdFile) []*tomltree.Value { return []*tomltree.Value{f.images} }

// ofRegistry returns one table: that under the older names takes the place of the other.
func ofRegistry(f containerdFile) []*tomltree.Value {
	if older := get(f.older, "registry"); older != nil {
		return []*tomltree.Value{older}
	}
	return []*tomltree.Value{get(f.images, "registry")}
}

// ofSnapshots takes the older table below containerd, which is brought up to date only where it has
// runtimes (migrateConfig).
func ofSnapshots(f containerdFile) []*tomltree.Value {
	below := get(f.older, "containerd")
	if get(below, "runtimes") == nil {
		below = nil
	}
	return []*tomltree.Value{below, f.images}
}

// splits reports whether a list of directories is taken for one: up to 2.0 it is, and from then on
// where the plugin pulls without the transfer service, because it is told to, or has something to
// do that the service does not (CheckLocalImagePullConfigs).
func (c *criConfig) splits() bool {
	if c.version.Before(2, 1, 0) {
		return true
	}
	isSet := func(v *tomltree.Value) bool { return v.Flag }
	isThere := func(*tomltree.Value) bool { return true }
	for _, s := range []struct {
		of    tableOf
		key   string
		local func(*tomltree.Value) bool
	}{
		{ofImages, "use_local_image_pull", isSet},
		{ofPlugin, "image_pull_with_sync_fs", isSet},
		{ofSnapshots, "discard_unpacked_layers", isSet},
		{ofPlugin, "max_concurrent_downloads", func(v *tomltree.Value) bool { return string(v.Source) != "3" }},
		{ofSnapshots, "disable_snapshot_annotations", // where it is not set it is true on Linux, and false on Windows
			func(v *tomltree.Value) bool { return v.Flag == (c.on == finding.Windows) }},
		{ofRegistry, "mirrors", isThere}, {ofRegistry, "configs", isThere}, {ofRegistry, "auths", isThere},
	} {
		if v, _ := c.setting(s.of, s.key); v != nil && s.local(v) {
			return true
		}
	}
	return false
}

// ofContainerd reports what keeps the files of a tree from being what decides, which refuses an
// answer, or makes that uncertain. For nodes without containerd there is nothing.
func (in *Input) ofContainerd(on finding.Platform, client Client) (findings finding.Findings) {
	if !on.ReadsHosts() {
		return nil
	}
	newest := newestFile(client.containerd())
	imported := map[string]bool{}
	configs := make([]criConfig, len(in.containerd))
	for i, f := range in.containerd {
		c := &configs[i]
		c.version, c.on = client.containerd(), on
		c.files, c.missing = f.importing(in.containerd)
		for i, part := range c.files {
			imported[part.name] = imported[part.name] || i > 0
			c.files[i] = part.as(newest)
		}
	}
	for _, c := range configs {
		if imported[c.files[0].name] {
			continue // it is a part of another
		}
		c.trees = in.trees
		findings = append(findings, c.findings(len(in.trees) > 0 || c.files[0].given)...)
	}
	return findings
}

const (
	// asIf ends what refuses an answer from the files of a tree.
	asIf = "; --ignore unread-rules answers as if it named the directory of these files"
	// defaultDirs is what config_path is on Linux from 2.2 on, where it is not set.
	defaultDirs = "/etc/containerd/certs.d:/etc/docker/certs.d"
)

// findings says what the node does; withTree is set where there are files that could decide.
func (c *criConfig) findings(withTree bool) (findings finding.Findings) {
	say := func(at *tomltree.Value, file, value, message string) *finding.Finding {
		f := finding.Finding{
			Code: finding.CodeUnreadRules, Severity: finding.SeverityError, RefusedBy: finding.Reader,
			Platform: finding.Containerd, Origin: finding.Origin{File: file}, Value: value, Message: message,
		}
		if at != nil {
			f.Origin.Line = at.Line
		}
		findings = append(findings, f)
		return &findings[len(findings)-1]
	}
	dir, file := c.setting(ofRegistry, "config_path")
	mirrors, mirrorsFile := c.setting(ofRegistry, "mirrors")
	switch main, newest := c.files[0], newestFile(c.version); {
	case main.version > newest:
		say(nil, main.name, "version", fmt.Sprintf("is newer than containerd %s takes, which does not "+
			"start: no image is pulled; write version = %d; --ignore unread-rules answers from the files "+
			"of the tree", c.version, newest))
		return findings
	case mirrors != nil && dir != nil && dir.Text != "":
		say(mirrors, mirrorsFile, "registry.mirrors", "stand beside config_path, with which the plugin "+
			"for the kubelet does not start: no image is pulled; remove them; --ignore unread-rules answers without them")
	case mirrors != nil:
		say(mirrors, mirrorsFile, "registry.mirrors", "are the mirrors of older versions of "+
			"containerd, and were not read; where there are some, no hosts.toml is; --ignore unread-rules answers without them")
	case dir == nil && (!withTree || len(c.missing) > 0):
	default:
		c.directories(dir, file, say)
	}
	for _, name := range c.missing {
		f := say(nil, c.files[0].name, name, "is imported, and is not in the input: what it says of "+
			"config_path, and of mirrors, counts before this file; give it too")
		f.Code, f.Severity, f.RefusedBy = finding.CodeFileNotRead, finding.SeverityWarning, ""
	}
	return findings
}

// directories says where config_path is not one directory.
func (c *criConfig) directories(dir *tomltree.Value, file string,
	say func(*tomltree.Value, string, string, string) *finding.Finding) {
	list, set := "", "is not set"
	if dir != nil {
		list, set = dir.Text, "is empty"
	}
	if list == "" && c.on != finding.Windows && !c.version.Before(2, 2, 0) {
		list = defaultDirs
		set += ", which on Linux is " + list
	} else if list != "" {
		set = "lists several directories"
	}
	switch {
	case list == "":
		say(dir, file, "config_path", set+": containerd reads no hosts.toml, and asks every registry "+
			"itself; name the directory"+asIf)
	case !isList(list):
		if has := c.elsewhere(list); has != "" {
			say(dir, file, "config_path", "is another directory than "+shown.Location(has)+", whose files the input "+
				"has and containerd then does not read; give the files of that directory"+asIf)
		}
	case c.splits() && strings.Contains(list, ";") == (c.on == finding.Windows):
		f := say(dir, file, "config_path", set+": of each registry the first that has a directory for it "+
			"counts; the answer is from the files that were given")
		f.Code, f.Severity, f.RefusedBy = finding.CodeAmbiguousInput, finding.SeverityInfo, ""
	default:
		say(dir, file, "config_path", set+", which containerd from 2.1 on takes for one name: it finds "+
			"nothing there, and asks every registry itself, unless use_local_image_pull has it look into each "+
			"as older versions do; write one directory"+asIf)
	}
}

// configPlaces are where the file lies on a node: by default, on Windows, and where WMCO puts it.
var configPlaces = []string{"etc/containerd/config.toml", "Program Files/containerd/config.toml",
	"k/containerd/containerd_conf.toml"}

// elsewhere returns the first tree of the node of the file where it has some, and none of them is the one
// directory that config_path names. Where that is not known, because the file lies in no place of a node,
// it returns "".
func (c *criConfig) elsewhere(list string) string {
	dir := strings.ReplaceAll(list, `\`, "/")
	if len(dir) > 2 && dir[1] == ':' {
		dir = dir[2:] // the drive
	}
	for _, place := range configPlaces {
		root, ok := below(c.files[0].name, place)
		if !ok || !strings.HasPrefix(dir, "/") {
			continue
		}
		has := ""
		for _, t := range c.trees {
			name, inside := strings.CutPrefix(t.dir, strings.TrimSuffix(root, "/")+"/")
			if root == "." {
				name, inside = t.dir, true
			}
			if !inside || t.file != "" {
				continue
			}
			// The root may be one of a part of the node: k3s has etc/containerd below its own directory.
			if strings.HasSuffix(strings.ToLower(path.Clean(dir)), "/"+strings.ToLower(name)) {
				return ""
			}
			has = cmp.Or(has, t.dir)
		}
		return has
	}
	return ""
}

// isList reports whether a config_path names more than one directory: they stand between colons, on
// Windows between semicolons.
func isList(dir string) bool {
	drive := len(dir) > 2 && dir[1] == ':' && (dir[2] == '\\' || dir[2] == '/')
	return strings.Contains(dir, ";") || strings.Contains(dir, ":") && !drive
}
