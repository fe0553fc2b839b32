package hoststoml

import (
	"cmp"
	"fmt"
	"io/fs"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pullroute/pullroute/internal/tomltree"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// A Version is a version of containerd, for files that versions read differently. The zero value is the
// newest that is known here, 2.4.
type Version struct{ major, minor, patch int }

// newest are the minor versions that are known here, newest first: those up to 1.5 read other files.
var newest = []Version{{2, 4, math.MaxInt}, {2, 3, math.MaxInt}, {2, 2, math.MaxInt}, {2, 1, math.MaxInt},
	{2, 0, math.MaxInt}, {1, 7, math.MaxInt}, {1, 6, math.MaxInt}}

// ParseVersion reads 1.7.31, v2.0 or 2; where a part is missing it is the newest there is. Text behind
// the numbers, "2.1.4-k3s1", is left out. Versions older than 1.6 are refused, and those after 2.4
// taken for 2.4.
func ParseVersion(s string) (Version, error) {
	text, _, _ := strings.Cut(strings.TrimPrefix(s, "v"), "-")
	text, _, _ = strings.Cut(text, "+")
	parts := strings.Split(text, ".")
	numbers := []int{math.MaxInt, math.MaxInt, math.MaxInt}
	if len(parts) > len(numbers) {
		return Version{}, fmt.Errorf("%q is no version of containerd: write 1.7.31, 1.7 or 2", s)
	}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil {
			return Version{}, fmt.Errorf("%q is no version of containerd: write 1.7.31, 1.7 or 2", s)
		}
		numbers[i] = n
	}
	for _, v := range newest {
		if numbers[0] > v.major || numbers[0] == v.major && numbers[1] >= v.minor {
			if numbers[0] == v.major && numbers[1] == v.minor {
				v.patch = numbers[2]
			}
			return v, nil
		}
	}
	return Version{}, fmt.Errorf("containerd %s is older than 1.6, and what it reads is not known here", s)
}

// String returns the version as ParseVersion reads it.
func (v Version) String() string {
	v = v.orNewest()
	if v.patch == math.MaxInt {
		return fmt.Sprintf("%d.%d", v.major, v.minor)
	}
	return fmt.Sprintf("%d.%d.%d", v.major, v.minor, v.patch)
}

func (v Version) orNewest() Version {
	if v == (Version{}) {
		return newest[0]
	}
	return v
}

// Before reports whether the version is older than another.
func (v Version) Before(major, minor, patch int) bool {
	v = v.orNewest()
	return cmp.Or(cmp.Compare(v.major, major), cmp.Compare(v.minor, minor), cmp.Compare(v.patch, patch)) < 0
}

// old reports whether it is 1.6 or 1.7, which have another parser.
func (v Version) old() bool { return v.Before(2, 0, 0) }

// Current returns what this version of containerd makes of a hosts.toml: nil where it ignores the
// file. The findings are those of Parse; they name the versions that a difference is between. sure is
// not set where it is not known whether 1.6 or 1.7 reads the file, and in which order its hosts.
func (v Version) Current(name string, data []byte) (f *File, findings finding.Findings, sure bool) {
	r := reader{name: name, version: v}
	f = r.current(data)
	return f, r.findings.Sort(), !r.unsure
}

// ReadTree is the function ReadTree for this version of containerd. unsure are the registries whose files
// Current is not sure of.
func (v Version) ReadTree(dir string) (t Tree, findings finding.Findings, unsure []string, err error) {
	return readTree(disk{}, dir, filepath.Join, v)
}

// ReadTreeFS is ReadTree for a directory of any file system.
func (v Version) ReadTreeFS(fsys fs.FS, dir string) (t Tree, findings finding.Findings, unsure []string, err error) {
	return readTree(fsys, dir, path.Join, v)
}

// includes reports whether a version is one of those that ignore a file.
func (who versions) includes(v Version) bool {
	switch who {
	case everyVersion:
		return true
	case oldVersions:
		return v.old()
	case beforeReferrers:
		return v.Before(2, 2, 0)
	case beforeServerOnly:
		return v.Before(1, 7, 32)
	}
	return strings.HasPrefix(string(who), string(newVersions)) && !v.old()
}

// unsure reports whether a problem leaves open what a version reads.
func (p problem) unsure(v Version) bool {
	who := p.versions
	return v.old() && (p.roughly || who != newVersions && strings.HasPrefix(string(who), string(newVersions)))
}

// oldFile returns what 1.6 and 1.7 read, where they read the file: every key of the table host is a host,
// in the order of their first lines (getSortedHosts), those in braces before all others. It is
// not sure where two begin on one line, or are in braces.
func (r *reader) oldFile(f *File) *File {
	old := &File{Comment: f.Comment}
	old.Server, _ = oldValue(r.doc.Root.Get("server")).(string)
	old.Settings, _ = oldSettings(r.doc.Root).settings()
	hosts := r.doc.Root.Get("host")
	if hosts == nil {
		return old
	}
	entries := slices.Clone(hosts.Entries)
	line := func(e tomltree.Entry) int {
		if hosts.Inline || e.Value.Inline {
			return 0 // parseInlineTable gives a table no place
		}
		return e.Line
	}
	slices.SortStableFunc(entries, func(a, b tomltree.Entry) int { return cmp.Compare(line(a), line(b)) })
	for i, e := range entries {
		r.unsure = r.unsure || i > 0 && line(entries[i-1]) == line(e)
		host := Host{URL: e.Key}
		host.Settings, _ = oldSettings(e.Value).settings()
		old.Hosts = append(old.Hosts, host)
	}
	return old
}

// oldSettings returns the settings of a table as 1.6 and 1.7 decode them; they do not read dial_timeout.
func oldSettings(table *tomltree.Value) rawSettings {
	raw := rawSettings{CA: oldValue(table.Get("ca")), Client: oldValue(table.Get("client"))}
	if list, ok := oldValue(table.Get("capabilities")).([]any); ok {
		for _, c := range list {
			text, _ := c.(string)
			raw.Capabilities = append(raw.Capabilities, text)
		}
	}
	if skip, ok := oldValue(table.Get("skip_verify")).(bool); ok {
		raw.SkipVerify = &skip
	}
	raw.OverridePath, _ = oldValue(table.Get("override_path")).(bool)
	raw.Header, _ = oldValue(table.Get("header")).(map[string]any)
	return raw
}

// oldValue returns a value as a decoder does, nil for what no setting holds.
func oldValue(v *tomltree.Value) any {
	switch {
	case v == nil:
	case v.Kind == tomltree.String:
		return v.Text
	case v.Kind == tomltree.Boolean:
		return v.Flag
	case v.Kind == tomltree.Array:
		list := make([]any, len(v.Items))
		for i, item := range v.Items {
			list[i] = oldValue(item)
		}
		return list
	case v.Kind == tomltree.Table:
		table := make(map[string]any, len(v.Entries))
		for _, e := range v.Entries {
			table[e.Key] = oldValue(e.Value)
		}
		return table
	}
	return nil
}
