package mirrorset

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/internal/pattern"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// maxUnpacked bounds what the texts and files inside one input may take together, unpacked.
const maxUnpacked = 256 << 20

// text looks at a text: it may be a data URL, or hold manifests.
func (w *walker) text(n *document.Node, at *step, c context) {
	s := n.Text
	if !strings.ContainsAny(s, "\n{[%:") {
		return // neither an object nor a list
	}
	data, literal := []byte(s), n.Literal
	if strings.HasPrefix(s, "data:") {
		data, _ = dataURL(s) // nothing, where it is broken
		literal = false
	}
	if mentions(data) {
		w.embedded(data, n.Line, literal, at, c)
	}
}

// embedded looks at a text that stands inside an object: at its objects where it is YAML or JSON,
// else at what TOML it is. literal is set where its lines are those of the input.
func (w *walker) embedded(data []byte, line int, literal bool, at *step, c context) {
	w.unpacked += len(data)
	if c.texts++; c.texts > maxTexts || w.unpacked > maxUnpacked {
		w.unread(line, at, c, "", "speaks of mirrors, and was not read: too much stands in texts that stand in texts")
		return
	}
	if first := bytes.TrimLeft(data, " \t\r\n\ufeff"); bytes.HasPrefix(first, []byte("#!")) {
		w.plain(data, line, at, c) // a script
		return
	}
	options := document.Options{FirstLine: line, OneLine: !literal}
	if literal {
		options.FirstLine++
	}
	outer := w.doc
	rest := false
	for doc := range document.Read(bytes.NewReader(data), options) {
		doc.Number = outer.Number
		w.doc = doc
		if doc.Root == nil || doc.Root.IsScalar() {
			rest = true
			continue
		}
		w.node(doc.Root, at, c)
		if doc.Root.Kind == document.List && tomlTable(data) != nil {
			rest = true // the head of a table is a list in YAML
		}
		if bad := doc.Err(); bad != nil {
			w.refuse(finding.CodeUnreadable, w.object, bad.Line, at.String(), bad.Message)
		}
	}
	w.doc = outer
	if rest {
		w.plain(data, line, at, c)
	}
}

// plain looks at a text that is neither YAML nor JSON, or not throughout.
func (w *walker) plain(data []byte, line int, at *step, c context) {
	if table := tomlTable(data); table != nil {
		if what := rulesOfTOML(table); what != "" {
			w.unread(line, at, c, "", "holds "+what+", and was not read: give the file itself, or the "+
				"MachineConfig that puts it on a node")
		}
		return
	}
	if !speaks(data) || bytes.IndexByte(data, '\n') < 0 {
		return
	}
	message := "speaks of mirrors, and is neither YAML nor JSON nor TOML: nothing of it was read; if it " +
		"makes mirror objects, give these"
	if isTemplate(data) {
		message = "speaks of mirrors and is a template, of which nothing was read: render it first, and " +
			"give the result"
	}
	w.found = true
	w.note(finding.CodeUnreadText, finding.SeverityWarning, w.origin(w.object, at.String(), line), message)
}

// ruleWords are how rules begin, in any of their forms. A name in a sentence is none.
var ruleWords = pattern.New(`(?m)kind"?\s*:\s*["']?(ImageDigestMirrorSet|ImageTagMirrorSet|ImageContentSourcePolicy)\b` +
	`|\b(imageDigestMirrors|imageTagMirrors|repositoryDigestMirrors|imageDigestSources|imageContentSources` +
	`|registrySources|mirrors)\\?["']?\s*:` +
	`|^\s*\[\[registry\b|^\s*\[host\.`)

// speaks reports whether a text that cannot be taken apart speaks of rules.
func speaks(text []byte) bool { return ruleWords.Match(text) }

// isTemplate reports whether a text has the marks of Helm, Go, Jinja, Ansible or ERB templates.
func isTemplate(text []byte) bool {
	for _, marks := range [][]string{{"{{", "}}"}, {"{%", "%}"}, {"<%", "%>"}} {
		if _, rest, ok := bytes.Cut(text, []byte(marks[0])); ok && bytes.Contains(rest, []byte(marks[1])) {
			return true
		}
	}
	return false
}

// maxBrackets bounds the nesting of what the TOML parser is given, which has no bound of its own.
const maxBrackets = 20_000

// tomlTable returns what a text says as TOML, nil where it is none.
func tomlTable(data []byte) map[string]any {
	if bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) > maxBrackets {
		return nil
	}
	var table map[string]any
	if err := toml.Unmarshal(data, &table); err != nil || len(table) == 0 {
		return nil
	}
	return table
}

// rulesOfTOML says what of a registries.conf or hosts.toml says where pulls go, "" where nothing does.
func rulesOfTOML(table map[string]any) string {
	registries, _ := table["registry"].([]any)
	for _, r := range registries {
		r, _ := r.(map[string]any)
		mirrors, _ := r["mirror"].([]any)
		prefix, _ := r["prefix"].(string)
		if r["blocked"] == true || len(mirrors) > 0 || prefix != "" && r["location"] != nil && r["location"] != prefix {
			return "the [[registry]] tables of a registries.conf"
		}
	}
	if holdsMirrors(table) {
		return "the registry.mirrors of a configuration of containerd"
	}
	if hosts, _ := table["host"].(map[string]any); len(hosts) > 0 {
		return "the [host] tables of a hosts.toml"
	}
	return ""
}

// holdsMirrors reports whether the older mirrors of containerd's config.toml stand in a table:
// [plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"].
func holdsMirrors(table map[string]any) bool {
	plugins, _ := table["plugins"].(map[string]any)
	for _, plugin := range plugins {
		plugin, _ := plugin.(map[string]any)
		registry, _ := plugin["registry"].(map[string]any)
		if mirrors, _ := registry["mirrors"].(map[string]any); len(mirrors) > 0 {
			return true
		}
	}
	return false
}

// encoded looks at the values of a mapping that are in base64.
func (w *walker) encoded(n *document.Node, at *step, c context) {
	for i := range n.Fields() {
		f := &n.Fields()[i]
		if data, err := fromBase64(f.Value.Text); err == nil {
			w.packed(data, f.Value.Line, at.field(f.Key.Text), c)
		}
	}
}

// packed looks at a text that gzip may have packed.
func (w *walker) packed(data []byte, line int, at *step, c context) {
	if bytes.HasPrefix(data, []byte("\x1f\x8b")) {
		var err error
		if data, err = gunzip(data); err != nil {
			return
		}
	}
	if mentions(data) {
		w.embedded(data, line, false, at, c)
	}
}

// file reads a file of a node: a mapping with a path and contents as Ignition and Butane have it,
// or with content as cloud-init and the Cluster API have it.
func (w *walker) file(n *document.Node, at *step, c context) (handled bool) {
	name := text(lookup(n, "path"))
	contents, content := lookup(n, "contents"), lookup(n, "content")
	if name == "" || contents == nil && content == nil && lookup(n, "append") == nil {
		return false
	}
	data, field, err := fileData(n, contents, content)
	at = at.field(field)
	for _, key := range []string{"source", "inline"} {
		if field == "contents" && lookup(contents, key) != nil {
			at = at.field(key)
		}
	}
	of := c
	of.mode = fileMode(n)
	if !isNodeFile(name) {
		if err == nil && !w.besides(name, data, n.Line, at, of) {
			w.packed(data, n.Line, at, c)
		}
		return true
	}
	w.found = true
	if w.unpacked += len(data); w.unpacked > maxUnpacked && err == nil {
		err = fmt.Errorf("and others are more than %d MiB together", maxUnpacked>>20)
	}
	if err != nil {
		w.unread(n.Line, at, c, name, "is a file of a node, and was not read: what it holds "+err.Error())
		return true
	}
	w.nodeFile(name, data, n.Line, at, of)
	return true
}

// ignition refuses the files of an Ignition config that others, which stand elsewhere, are merged into or
// take the place of: a file of theirs with the same path counts (ignition, internal/exec/engine.go,
// renderConfig). append is the older name of merge.
func (w *walker) ignition(n *document.Node, at *step, c context) {
	config := lookup(lookup(n, "ignition"), "config")
	for _, key := range []string{"merge", "append", "replace"} {
		others := lookup(config, key)
		if others == nil {
			continue
		}
		elsewhere := standsElsewhere(others)
		for _, other := range others.Items() {
			elsewhere = elsewhere || standsElsewhere(other)
		}
		if elsewhere {
			w.unread(others.Line, at.field("ignition").field("config").field(key), c, "", "names another config, "+
				"which was not read: a registries.conf in it counts in place of the one here; give that config")
		}
	}
}

// standsElsewhere reports whether a resource of Ignition or Butane is not in the text itself.
func standsElsewhere(n *document.Node) bool {
	source := text(lookup(n, "source"))
	return lookup(n, "local") != nil || source != "" && !strings.HasPrefix(source, "data:")
}

// fileMode returns the mode of a file as a decimal number; YAML has octal ones too.
func fileMode(n *document.Node) string {
	mode := lookup(n, "mode")
	if mode == nil {
		return ""
	}
	number, err := strconv.ParseInt(mode.Text, 0, 64)
	if err != nil {
		return ""
	}
	return strconv.FormatInt(number, 10)
}

// besides notes a file of a node that says nothing of where pulls go, and yet has to do with them.
func (w *walker) besides(name string, data []byte, line int, at *step, c context) (handled bool) {
	name = path.Clean(name)
	if c.not != "" || name != pullSecretPath && !isCRIOFile(name) {
		return false
	}
	origin := w.origin(w.object, at.String(), line)
	if name == pullSecretPath {
		w.set.PullSecrets = append(w.set.PullSecrets, PullSecret{Origin: origin, Machine: c.machine, sum: sha256.Sum256(data)})
	} else {
		w.set.CRIOFiles = append(w.set.CRIOFiles, NodeFile{Path: name, Data: NewContent(data), Mode: c.mode, Origin: origin,
			Machine: c.machine})
	}
	return true
}

// nodeFile keeps a file of a node.
func (w *walker) nodeFile(name string, data []byte, line int, at *step, c context) {
	w.found = true
	if c.not != "" {
		w.excluded(w.origin(w.object, at.String(), line), c)
		return
	}
	w.set.NodeFiles = append(w.set.NodeFiles, NodeFile{
		Path: name, Data: NewContent(data), Mode: c.mode, Origin: w.origin(w.object, at.String(), line), Machine: c.machine,
	})
}

// fileData returns what a file holds, and the field that says it.
func fileData(n, contents, content *document.Node) (data []byte, field string, err error) {
	added := lookup(n, "append")
	if added != nil && added.Kind == document.List && added.Len() > 0 { // cloud-init has a boolean
		return nil, "append", fmt.Errorf("is appended to a file that stands elsewhere")
	}
	if contents == nil {
		data, err = encodedContent(content, text(lookup(n, "encoding")))
		return data, "content", err
	}
	if contents.IsScalar() {
		return []byte(contents.Text), "contents", nil
	}
	if inline := lookup(contents, "inline"); inline != nil {
		return []byte(text(inline)), "contents", nil
	}
	source := text(lookup(contents, "source"))
	switch {
	case standsElsewhere(contents):
		return nil, "contents", fmt.Errorf("stands elsewhere")
	case source != "":
		data, err = dataURL(source)
	}
	switch compression := text(lookup(contents, "compression")); {
	case err != nil || compression == "":
	case compression == "gzip":
		data, err = gunzip(data)
	default:
		err = fmt.Errorf("is packed in another way than gzip")
	}
	return data, "contents", err
}

// encodedContent returns what a text says in one of the encodings of cloud-init and the Cluster API.
func encodedContent(content *document.Node, encoding string) (data []byte, err error) {
	if content == nil || !content.IsScalar() {
		return nil, fmt.Errorf("is no text")
	}
	data = []byte(content.Text)
	if content.Kind == document.Other { // !!binary
		if data, err = fromBase64(content.Text); err != nil {
			return nil, err
		}
	}
	for part := range strings.SplitSeq(encoding, "+") {
		if part == "base64" || part == "b64" {
			if data, err = fromBase64(string(data)); err != nil {
				return nil, err
			}
		}
	}
	for part := range strings.SplitSeq(encoding, "+") {
		switch part {
		case "gzip", "gz":
			return gunzip(data)
		case "", "text/plain", "base64", "b64":
		default:
			return nil, fmt.Errorf("is encoded in a way that is not known here")
		}
	}
	return data, nil
}

// mirrorConfig reads the registries.conf that a ConfigMap holds, such as the one that tells the
// assisted installer of mirrors. Another tool has YAML under the same key.
func (w *walker) mirrorConfig(key, value *document.Node, at *step, c context) (handled bool) {
	for doc := range document.Read(strings.NewReader(value.Text), document.Options{}) {
		if doc.Root != nil && !doc.Root.IsScalar() {
			return false
		}
	}
	w.nodeFile(registriesConfPath, []byte(value.Text), key.Line, at, c)
	return true
}

// isJSONPatch reports whether a list is a JSON patch (RFC 6902).
func isJSONPatch(n *document.Node) bool {
	for _, item := range n.Items() {
		if text(lookup(item, "op")) == "" || text(lookup(item, "path")) == "" {
			return false
		}
	}
	return true
}

// jsonPatch reads what a JSON patch puts into a mirror object.
func (w *walker) jsonPatch(n *document.Node, at *step, c context) {
	c.patch = true
	for i, op := range n.Items() {
		path := strings.Split(text(lookup(op, "path")), "/")
		value := lookup(op, "value")
		place := at.item(i).field("value")
		last := path[len(path)-1]
		ours := slices.ContainsFunc(path, func(key string) bool {
			_, isDigestList := digestLists[key]
			return isDigestList || fragmentKind(key) != "" || key == "registrySources"
		})
		switch {
		case ours && value == nil:
			w.found = true
			w.note(finding.CodePatch, finding.SeverityWarning, w.origin(w.object, at.item(i).String(), op.Line),
				"takes rules out of an object that stands elsewhere, which is not done here; render it "+
					"first, and give the result")
		case fragmentKind(last) != "" && value.Kind == document.List:
			w.patch(last, value, place, c)
		case ours:
			w.unread(op.Line, place, c, "", "is part of a rule whose rest stands elsewhere, and was not "+
				"read: render the patch first, and give the result")
		case slices.Contains(path, "registries") && slices.Contains(path, "mirrors"): // Talos
			w.unread(op.Line, place, c, "", "is part of mirrors whose rest stands elsewhere, and was not "+
				"read: apply the patch first, and give the result")
		case value != nil:
			w.node(value, place, c)
		}
	}
}
