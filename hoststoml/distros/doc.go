// Package distros reads what distributions of Kubernetes that write hosts.toml files themselves are
// told of mirrors: registries.yaml of k3s and RKE2, and the machine configuration of Talos. It makes
// the files that they write, so that a plan can be asked of them.
//
//	tree, findings := distros.K3s("registries.yaml", distros.K3sDir, data)
//	if err := findings.Err(); err != nil {
//		return err // the distribution refuses the file, or a part of it has no equal here
//	}
//	plan, err := tree.K3sTable(distros.K3sDir).Plan(reference)
//
// Credentials are not read: they change no file, and no plan.
package distros

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// reader reads the configuration of one node.
type reader struct {
	name     string // of the input
	findings finding.Findings
}

func (r *reader) report(f finding.Finding, field, value, message string) {
	f.Platform, f.Origin, f.Value, f.Message = finding.Containerd, finding.Origin{File: r.name, Field: field},
		shown.Location(value), message
	r.findings = append(r.findings, f)
}

// refuse reports what the distribution refuses its configuration for.
func (r *reader) refuse(code finding.Code, field, value, message string) {
	r.report(finding.Finding{Code: code, Severity: finding.SeverityError, RefusedBy: finding.Reader}, field,
		value, message)
}

func (r *reader) warn(code finding.Code, field, value, message string) {
	r.report(finding.Finding{Code: code, Severity: finding.SeverityWarning}, field, value, message)
}

// documents returns the values of a text. What is no YAML is reported.
func (r *reader) documents(data []byte) (roots []*document.Node) {
	for doc := range document.Read(strings.NewReader(string(data)), document.Options{}) {
		if err := doc.Err(); err != nil {
			r.refuse(finding.CodeUnreadable, "", "", err.Message)
		} else if doc.Root != nil {
			roots = append(roots, doc.Root)
		}
	}
	return roots
}

// mapping returns the fields of a mapping, none of a null. Anything else is reported, and so is a
// key that is not among the known ones, by unknown; nil takes every key.
func (r *reader) mapping(n *document.Node, field string, known []string,
	unknown func(field, key string)) []document.Field {
	if n == nil || n.Kind == document.Null {
		return nil
	}
	if n.Kind != document.Mapping {
		r.refuse(finding.CodeWrongType, field, "", "is to be a mapping")
	}
	var fields []document.Field
	seen := map[string]bool{}
	for _, f := range n.Fields() {
		switch key := f.Key.Text; {
		case seen[key]:
			r.refuse(finding.CodeWrongType, below(field, key), "", "stands here twice")
		case known != nil && !slices.Contains(known, key):
			unknown(below(field, key), key)
		default:
			fields = append(fields, f)
		}
		seen[f.Key.Text] = true
	}
	return fields
}

// list returns the items of a list, none of a null. Anything else is reported.
func (r *reader) list(n *document.Node, field string) []document.Node {
	var items []document.Node
	if n.Kind != document.List && n.Kind != document.Null {
		r.refuse(finding.CodeWrongType, field, "", "is to be a list")
	}
	for _, item := range n.Items() {
		items = append(items, *item)
	}
	return items
}

// text returns what a scalar says. Numbers and the like are texts to a reader that wants one.
func (r *reader) text(n *document.Node, field string) string {
	if n == nil || n.Kind == document.Null {
		return ""
	}
	if !n.IsScalar() {
		r.refuse(finding.CodeWrongType, field, "", "is to be a text")
	}
	return n.Text
}

func (r *reader) boolean(n *document.Node, field string) bool {
	switch {
	case n == nil || n.Kind == document.Null:
		return false
	case n.Kind == document.Boolean:
		return strings.EqualFold(n.Text, "true")
	case n.Kind == document.OldBoolean: // both read YAML 1.1 here
		return slices.Contains([]string{"y", "yes", "on"}, strings.ToLower(n.Text))
	}
	r.refuse(finding.CodeWrongType, field, "", "is to be true or false")
	return false
}

// field returns the value of a field, nil where it is absent.
func field(n *document.Node, key string) *document.Node {
	if n == nil {
		return nil
	}
	for i := range n.Fields() {
		if f := &n.Fields()[i]; f.Key.Text == key {
			return &f.Value
		}
	}
	return nil
}

// below names a field: mirrors["docker.io"].endpoint.
func below(path, key string) string {
	key = shown.Key(key)
	switch {
	case strings.ContainsAny(key, ".:*/ "):
		return path + `["` + key + `"]`
	case path == "":
		return key
	}
	return path + "." + key
}

func item(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// quote writes a text as a basic string of TOML, whose escapes are those of JSON.
func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a text can be encoded
	return strings.TrimSuffix(b.String(), "\n")
}

// tree returns the files by the registry that they are for, as containerd reads them. dir is the
// directory that they are written into.
func (r *reader) tree(dir string, files map[string]string) hoststoml.Tree {
	var tree hoststoml.Tree
	for host, text := range files {
		if known, ok := hoststoml.HostFromDir(hoststoml.Dir(host)); (!ok || known != host) && !network.IPv6(host) {
			r.warn(finding.CodeNoEffect, "", host, "names no registry that an image can be of: nothing "+
				"that is said of it counts")
			continue
		}
		file, findings := hoststoml.Current(dir+"/"+hoststoml.Dir(host)+"/"+hoststoml.FileName, []byte(text))
		for _, f := range findings.For(finding.Containerd) { // these distributions are Linux
			f.RefusedBy = "" // containerd ignores the file, and goes on
			switch {
			case f.Severity == finding.SeverityError && file != nil: // a host is of no use, or older versions ignore the file
				f.Severity = finding.SeverityWarning
			case f.Severity != finding.SeverityError && slices.Contains([]finding.Code{finding.CodeInvalidFile,
				finding.CodeIgnoredSetting, finding.CodeServerOnly}, f.Code):
				continue // older versions read it otherwise, of which nothing can be changed
			}
			r.findings = append(r.findings, f)
		}
		tree = append(tree, hoststoml.RegistryFile{Host: host, File: file})
	}
	slices.SortFunc(tree, func(a, b hoststoml.RegistryFile) int { return strings.Compare(a.Host, b.Host) })
	return tree
}

// defaultHost is the host that containerd asks for the images of a registry (docker.DefaultHost).
func defaultHost(registry string) string {
	if registry == "docker.io" {
		return "registry-1.docker.io"
	}
	return registry
}

// wildcard stands for every registry, and everyHost is the directory for it.
const (
	wildcard  = "*"
	everyHost = "_default"
)
