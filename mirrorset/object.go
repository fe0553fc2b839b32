package mirrorset

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"go.yaml.in/yaml/v3"
)

// root reads one document.
func (d *decoder) root(n *yaml.Node) {
	if isNull(n) {
		return // an empty document
	}
	d.document++
	d.aliased = 0
	if d.visit != nil {
		d.visit(n)
		return
	}
	switch n = d.deref(n); n.Kind {
	case yaml.MappingNode:
		d.object(n, TypeMeta{}, 0)
	case yaml.SequenceNode:
		d.bareList(n)
	default:
		d.refuse(finding.CodeUnreadable, "", n.Line, "", "is a single value, not an object; a manifest starts with apiVersion and kind")
	}
}

// object reads one object of any kind. inherited is what a typed list says of its items, which may leave
// it out themselves.
func (d *decoder) object(n *yaml.Node, inherited TypeMeta, depth int) {
	if depth > maxDepth {
		d.refuse(finding.CodeUnreadable, "", n.Line, "", "lists are nested too deep")
		return
	}
	if line := d.repeatedKind(n); line > 0 {
		d.refuse(finding.CodeUnreadable, "", line, "kind", "is written twice; put a line \"---\" between two objects, or keep one of the two")
		return
	}
	o := &object{decoder: d, node: n, TypeMeta: TypeMeta{
		Kind: d.text(lookup(d, n, "kind")), APIVersion: d.text(lookup(d, n, "apiVersion")),
	}}
	if o.Kind == "" && o.APIVersion == "" {
		o.TypeMeta = inherited
	}
	metadata := lookup(d, n, "metadata")
	o.metadata.Name = d.text(lookup(d, metadata, "name"))
	o.namespace = d.text(lookup(d, metadata, "namespace"))
	o.metadata.GenerateName = d.text(lookup(d, metadata, "generateName"))
	o.generated = lookup(d, metadata, "generateName") != nil
	o.name = shown.Value(o.Kind) + "/" + shown.Value(o.metadata.Name)

	item, isList := strings.CutSuffix(o.Kind, "List")
	switch {
	case o.Kind == "List":
		d.list(o, TypeMeta{}, depth)
	case isList && (item == kindIDMS || item == kindITMS || item == kindICSP || item == kindImage):
		if item == kindImage && !strings.HasPrefix(o.APIVersion, "config.openshift.io/") {
			d.skip(o.Kind)
			return
		}
		if o.apiVersion(versionOf(item)) {
			d.list(o, TypeMeta{Kind: item, APIVersion: o.APIVersion}, depth)
		}
	case o.Kind == kindIDMS:
		if o.apiVersion(versionConfig) {
			o.digestMirrorSet()
		}
	case o.Kind == kindITMS:
		if o.apiVersion(versionConfig) {
			o.tagMirrorSet()
		}
	case o.Kind == kindICSP:
		if o.apiVersion(versionOperator) {
			o.contentSourcePolicy()
		}
	case o.Kind == kindImage && strings.HasPrefix(o.APIVersion, "config.openshift.io/"):
		// Other groups have an Image kind too, image.openshift.io above all: those are unrelated.
		if o.apiVersion(versionConfig) {
			o.image()
		}
	case o.Kind == kindHostedCluster && strings.HasPrefix(o.APIVersion, "hypershift.openshift.io/"):
		o.name = kindHostedCluster + "/" + strings.TrimPrefix(o.namespace+"/"+o.metadata.Name, "/")
		o.hostedCluster()
	case o.Kind == kindConfigMap && o.APIVersion == "v1" && o.holdsCertificates():
		o.configMap()
	case d.isImageMirror(n, o.TypeMeta):
		d.imageMirror(n)
	case o.Kind == kindImageMirror+"List" && o.APIVersion == "":
		d.imageMirrorList(n)
	case o.Kind == "" && d.isImageMirrorStore(n):
		d.refuse(finding.CodeUnreadable, "", n.Line, "", "is a store of the image mirrors of clusters; print those of one cluster with \"mirrorctl image-mirror list --output json\" and give that list")
	case o.Kind == "" && (lookup(d, n, "imageDigestSources") != nil || lookup(d, n, "imageContentSources") != nil),
		o.Kind == "" && o.APIVersion == "v1" && d.mentionsMirrors(n):
		o.installConfig()
	case o.Kind == "":
		d.skip("no kind")
	default:
		d.skip(o.Kind)
	}
}

// repeatedKind returns the line of the second kind of an object, and 0 where there is none. It is what two objects
// without a separator look like, of whatever kinds: the rules of one of them would be lost without a word.
func (d *decoder) repeatedKind(n *yaml.Node) int {
	found := false
	content := d.content(n)
	for i := 0; i+1 < len(content); i += 2 {
		if k := d.deref(content[i]); k.Kind == yaml.ScalarNode && k.Value == "kind" {
			if found {
				return k.Line
			}
			found = true
		}
	}
	return 0
}

func versionOf(kind string) string {
	if kind == kindICSP {
		return versionOperator
	}
	return versionConfig
}

// list reads the items of a List or of a typed list.
func (d *decoder) list(o *object, item TypeMeta, depth int) {
	items := lookup(d, o.node, "items")
	if items == nil {
		d.refuseAPI(finding.CodeMissingField, o.Kind, o.node.Line, "items", "", "is missing; a list has items, even where there are none")
		return
	}
	if items.Kind != yaml.SequenceNode {
		d.wrongType(o.Kind, items, "items", "a list")
		return
	}
	for i, n := range d.items(items) {
		if n = d.deref(n); n.Kind != yaml.MappingNode {
			d.wrongType(o.Kind, n, fmt.Sprintf("items[%d]", i), "an object")
			continue
		}
		d.object(n, item, depth+1)
	}
}

// items returns the items of a list with their places. Of long lists what is made of an item is in
// memory while that item is read, and no longer.
func (d *decoder) items(n *yaml.Node) iter.Seq2[int, *yaml.Node] {
	switch {
	case n.Column < 0:
		return d.json.items(n)
	case d.block != nil && n == d.block.node:
		return d.block.items(d)
	}
	return slices.All(n.Content)
}

// skip counts an object of another kind.
func (d *decoder) skip(kind string) {
	if d.others == nil {
		d.others = map[string]int{}
	}
	d.others[shown.Value(kind)]++
}

// reportOthers tells once per input what was skipped.
func (d *decoder) reportOthers() {
	if len(d.others) == 0 {
		return
	}
	kinds := make([]string, 0, len(d.others))
	total := 0
	for kind, n := range d.others {
		kinds = append(kinds, fmt.Sprintf("%s (%d)", kind, n))
		total += n
	}
	slices.Sort(kinds)
	if more := len(kinds) - 8; more > 0 {
		kinds = append(kinds[:8], fmt.Sprintf("and %d more kinds", more))
	}
	d.set.Findings = append(d.set.Findings, finding.Finding{
		Code: finding.CodeUnrelatedKind, Severity: finding.SeverityInfo, Origin: finding.Origin{File: d.name},
		Message: fmt.Sprintf("%d objects of kinds that do not say where pulls go were skipped: %s", total, strings.Join(kinds, ", ")),
	})
}

// object is one object while it is read.
type object struct {
	*decoder
	TypeMeta
	node      *yaml.Node
	name      string // as findings call it: Kind/name
	namespace string
	generated bool // it has a generateName, and gets its name from the API server
	metadata  ObjectMeta
	lines     []entryLines
}

func (o *object) readFrom() *ReadFrom {
	return &ReadFrom{File: o.decoder.name, Document: o.document, Line: o.node.Line, lines: o.lines}
}

// apiVersion refuses a known kind that names another API than its own.
func (o *object) apiVersion(want string) bool {
	if o.APIVersion == want {
		return true
	}
	message := "is not an apiVersion of " + o.Kind + "; write " + want
	if o.APIVersion == "" {
		message = "is missing; write apiVersion: " + want
	}
	o.refuseAPI(finding.CodeWrongVersion, o.name, o.node.Line, "apiVersion", o.APIVersion, message)
	return false
}

// top reads what all kinds share and returns the fields of spec; ok is false where there is none.
func (o *object) top() (spec []field, ok bool) {
	fields, _ := o.fields(o.node, o.name, "")
	for _, f := range fields {
		switch f.key {
		case "apiVersion", "kind", "status":
		case "metadata":
			o.readMetadata(f.value)
		case "spec":
			spec, ok = o.fields(f.value, o.name, "spec")
			if !ok {
				return nil, false
			}
		default:
			o.unknown(f, o.name, "")
		}
	}
	if !ok {
		o.refuseAPI(finding.CodeMissingField, o.name, o.node.Line, "spec", "", "is missing; write what the object is to do under spec")
	}
	return spec, ok
}

// metadataFields are the fields of every Kubernetes object's metadata (k8s.io/apimachinery, meta/v1).
var metadataFields = []string{
	"name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation",
	"creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations",
	"ownerReferences", "finalizers", "managedFields", "clusterName",
}

func (o *object) readMetadata(n *yaml.Node) {
	fields, ok := o.fields(n, o.name, "metadata")
	if !ok {
		return
	}
	for _, f := range fields {
		switch {
		case f.key == "name":
			o.str(f.value, o.name, "metadata.name")
		case f.key == "labels" || f.key == "annotations":
			texts := o.texts(f.value, "metadata."+f.key)
			if f.key == "labels" {
				o.metadata.Labels = texts
			} else {
				o.metadata.Annotations = texts
			}
		case !slices.Contains(metadataFields, f.key):
			o.unknown(f, o.name, "metadata")
		}
	}
}

// texts reads a mapping of strings.
func (o *object) texts(n *yaml.Node, path string) map[string]string {
	fields, _ := o.fields(n, o.name, path)
	if len(fields) == 0 {
		return nil
	}
	m := make(map[string]string, len(fields))
	for _, f := range fields {
		m[f.key], _ = o.str(f.value, o.name, path, ".", shown.Value(f.key))
	}
	return m
}

// named refuses an object that has no name.
func (o *object) named() {
	if o.metadata.Name == "" && !o.generated {
		o.refuseAPI(finding.CodeMissingField, o.name, o.node.Line, "metadata.name", "", "is missing; every object has a name")
	}
}

func (o *object) digestMirrorSet() {
	spec, ok := o.top()
	o.named()
	if !ok {
		return
	}
	s := ImageDigestMirrorSet{TypeMeta: o.TypeMeta, Metadata: o.metadata}
	for _, f := range spec {
		if f.key == "imageDigestMirrors" {
			s.Spec.ImageDigestMirrors = o.entries(f.value, "spec.imageDigestMirrors", "mirrorSourcePolicy")
		} else {
			o.unknown(f, o.name, "spec")
		}
	}
	s.ReadFrom = o.readFrom()
	o.set.ImageDigestMirrorSets = append(o.set.ImageDigestMirrorSets, s)
}

func (o *object) tagMirrorSet() {
	spec, ok := o.top()
	o.named()
	if !ok {
		return
	}
	s := ImageTagMirrorSet{TypeMeta: o.TypeMeta, Metadata: o.metadata}
	for _, f := range spec {
		if f.key == "imageTagMirrors" {
			s.Spec.ImageTagMirrors = o.entries(f.value, "spec.imageTagMirrors", "mirrorSourcePolicy")
		} else {
			o.unknown(f, o.name, "spec")
		}
	}
	s.ReadFrom = o.readFrom()
	o.set.ImageTagMirrorSets = append(o.set.ImageTagMirrorSets, s)
}

func (o *object) contentSourcePolicy() {
	spec, ok := o.top()
	o.named()
	if !ok {
		return
	}
	s := ImageContentSourcePolicy{TypeMeta: o.TypeMeta, Metadata: o.metadata}
	for _, f := range spec {
		if f.key == "repositoryDigestMirrors" {
			for _, e := range o.entries(f.value, "spec.repositoryDigestMirrors", "") {
				s.Spec.RepositoryDigestMirrors = append(s.Spec.RepositoryDigestMirrors, RepositoryDigestMirrors{Source: e.Source, Mirrors: e.Mirrors})
			}
		} else {
			o.unknown(f, o.name, "spec")
		}
	}
	s.ReadFrom = o.readFrom()
	o.set.ImageContentSourcePolicies = append(o.set.ImageContentSourcePolicies, s)
}

func (o *object) image() {
	spec, ok := o.top()
	o.named()
	if !ok {
		return
	}
	s := Image{TypeMeta: o.TypeMeta, Metadata: o.metadata}
	o.lines = make([]entryLines, len(registrySourceLists))
	for _, f := range spec {
		switch f.key {
		case "registrySources":
			o.registrySources(f.value, &s.Spec.RegistrySources)
		case "additionalTrustedCA":
			fields, _ := o.fields(f.value, o.name, "spec.additionalTrustedCA")
			for _, f := range fields {
				if f.key == "name" {
					s.Spec.AdditionalTrustedCA.Name, _ = o.str(f.value, o.name, "spec.additionalTrustedCA.name")
				} else {
					o.unknown(f, o.name, "spec.additionalTrustedCA")
				}
			}
		case "allowedRegistriesForImport", "externalRegistryHostnames", "imageStreamImportMode":
			// These say nothing of where a node pulls from.
		default:
			o.unknown(f, o.name, "spec")
		}
	}
	s.ReadFrom = o.readFrom()
	o.set.Images = append(o.set.Images, s)
}

// registrySourceLists are the lists of registrySources, in the order of ReadFrom.lines.
var registrySourceLists = []string{"insecureRegistries", "blockedRegistries", "allowedRegistries", "containerRuntimeSearchRegistries"}

func (o *object) registrySources(n *yaml.Node, s *RegistrySources) {
	fields, _ := o.fields(n, o.name, "spec.registrySources")
	lists := []*[]string{&s.InsecureRegistries, &s.BlockedRegistries, &s.AllowedRegistries, &s.ContainerRuntimeSearchRegistries}
	for _, f := range fields {
		i := slices.Index(registrySourceLists, f.key)
		if i < 0 {
			o.unknown(f, o.name, "spec.registrySources")
			continue
		}
		o.lines[i].entry = int32(f.line)
		*lists[i], o.lines[i].mirrors = o.strs(f.value, "spec.registrySources.", f.key)
	}
}

// hostedCluster reads the digest rules of a HyperShift HostedCluster and reports what else in it speaks of
// mirrors.
func (o *object) hostedCluster() {
	spec, ok := o.fields(lookup(o.decoder, o.node, "spec"), o.name, "spec")
	if !ok {
		return
	}
	o.set.HostedClusters = append(o.set.HostedClusters, o.origin(o.name, "", o.node.Line))
	found := false
	for _, f := range spec {
		switch {
		case f.key == "imageContentSources":
			o.digestSources(f.value, "spec.imageContentSources", "")
			found = true
		case f.key == "configuration":
			if n := lookup(o.decoder, lookup(o.decoder, f.value, "image"), "registrySources"); n != nil {
				o.notApplied("spec.configuration.image.registrySources", n.Line, "is not read here; give it as an Image named cluster to have it planned")
				found = true
			}
		case aboutMirrors(f.key):
			o.notApplied("spec."+f.key, f.line, "speaks of mirrors, but only spec.imageContentSources is read from a HostedCluster")
			found = true
		}
	}
	if !found {
		o.skip(kindHostedCluster)
	}
}

// installConfig reads the digest rules of an install-config.yaml, or of the lists that mirroring tools
// print for one.
func (o *object) installConfig() {
	top, _ := o.fields(o.node, "", "")
	o.name = ""
	if o.APIVersion != "" || o.metadata.Name != "" {
		o.name = strings.TrimSuffix(kindInstallConfig+"/"+o.metadata.Name, "/")
	}
	for _, f := range top {
		switch {
		case f.key == "imageDigestSources":
			o.digestSources(f.value, f.key, "sourcePolicy")
		case f.key == "imageContentSources":
			o.digestSources(f.value, f.key, "")
		case aboutMirrors(f.key):
			o.notApplied(f.key, f.line, "speaks of mirrors, but only imageDigestSources and imageContentSources are read from an install-config")
		}
	}
}

// mentionsMirrors reports whether a mapping has a field that looks as if it held mirrors.
func (d *decoder) mentionsMirrors(n *yaml.Node) bool {
	content := d.content(n)
	for i := 0; i+1 < len(content); i += 2 {
		if aboutMirrors(d.deref(content[i]).Value) && !isNull(d.deref(content[i+1])) {
			return true
		}
	}
	return false
}

// aboutMirrors reports whether a field that is not read looks as if it held mirrors all the same.
func aboutMirrors(key string) bool {
	key = strings.ToLower(key)
	for _, word := range []string{"mirror", "imagecontent", "imagedigest", "imagetag", "registrysources"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}

func (o *object) notApplied(path string, line int, message string) {
	o.set.Findings = append(o.set.Findings, finding.Finding{
		Code: finding.CodeNotApplied, Severity: finding.SeverityWarning, Message: message, Origin: o.origin(o.name, path, line),
	})
}

// bareList reads a document that is only a list of {source, mirrors}, or of image mirrors.
func (d *decoder) bareList(n *yaml.Node) {
	if d.holdsImageMirrors(n) {
		d.imageMirrorItems(n, "", "")
		return
	}
	for _, item := range d.items(n) {
		if item = d.deref(item); item.Kind != yaml.MappingNode || lookup(d, item, "source") == nil {
			d.refuse(finding.CodeUnreadable, "", n.Line, "", "is a list, but not of {source, mirrors}; a manifest starts with apiVersion and kind")
			return
		}
	}
	o := &object{decoder: d, node: n}
	o.digestSources(n, "", "sourcePolicy")
}

func (o *object) digestSources(n *yaml.Node, path, policy string) {
	o.lines = nil
	s := DigestSources{Object: o.name, Field: path, Sources: o.entries(n, path, policy)}
	s.ReadFrom = o.readFrom()
	o.set.DigestSources = append(o.set.DigestSources, s)
}

// entries reads a list of {source, mirrors}, with a policy where the kind has one; policy is that
// field's name. It appends to o.lines.
func (o *object) entries(n *yaml.Node, path, policy string) []ImageMirrors {
	if n.Kind != yaml.SequenceNode {
		o.wrongType(o.name, n, path, "a list")
		return nil
	}
	content := o.content(n)
	entries := make([]ImageMirrors, 0, len(content))
	for i, item := range content {
		item = o.deref(item)
		at := o.paths.of(path).at(i).item
		var e ImageMirrors
		lines := entryLines{entry: int32(item.Line)}
		fields, _ := o.fields(item, o.name, at)
		for _, f := range fields {
			switch f.key {
			case "source":
				e.Source, _ = o.str(f.value, o.name, at, ".source")
				lines.source = int32(f.line)
			case "mirrors":
				e.Mirrors, lines.mirrors = o.strs(f.value, at, ".mirrors")
			default:
				// A bare list may be cut out of an install-config or out of an ImageDigestMirrorSet.
				if policy == "" || f.key != policy && (path != "" || f.key != "mirrorSourcePolicy") {
					o.unknown(f, o.name, at)
					continue
				}
				text, ok := o.str(f.value, o.name, at, ".", f.key)
				e.MirrorSourcePolicy = MirrorSourcePolicy(text)
				lines.policy = int32(f.line)
				if ok && text == "" { // on a value in memory this means absent; in a manifest it is refused
					o.refuseAPI(finding.CodeInvalidPolicy, o.name, f.line, at+"."+f.key, "",
						"is empty; write NeverContactSource or AllowContactingSource, or leave the field out")
				}
			}
		}
		if lines.source == 0 && o.Kind == kindICSP {
			// Its definition has no patterns, and yet requires the field.
			o.refuseAPI(finding.CodeMissingField, o.name, item.Line, at+".source", "", "is missing; name the registry, namespace or repository to redirect")
		}
		entries = append(entries, e)
		o.lines = append(o.lines, lines)
	}
	return entries
}

// strs reads a list of strings and the line of each.
func (o *object) strs(n *yaml.Node, path ...string) ([]string, []int32) {
	if n.Kind != yaml.SequenceNode {
		o.wrongType(o.name, n, strings.Join(path, ""), "a list")
		return nil, nil
	}
	content := o.content(n)
	values := make([]string, 0, len(content))
	lines := make([]int32, 0, len(content))
	for i, item := range content {
		if item = o.deref(item); !isText(item) {
			o.str(item, o.name, fmt.Sprintf("%s[%d]", strings.Join(path, ""), i))
			continue
		}
		values = append(values, item.Value)
		lines = append(lines, int32(item.Line))
	}
	return values, lines
}

// field is one field of a mapping.
type field struct {
	key   string
	line  int
	value *yaml.Node
}

// fields returns the fields of a mapping in order, merge keys expanded, and reports anything else.
func (d *decoder) fields(n *yaml.Node, object, path string) ([]field, bool) {
	if n == nil || n.Kind != yaml.MappingNode {
		if n == nil {
			n = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
		}
		d.wrongType(object, n, path, "an object")
		return nil, false
	}
	content := d.content(n)
	fields := make([]field, 0, len(content)/2)
	var keys keySet
	var merges []*yaml.Node
	for i := 0; i+1 < len(content); i += 2 {
		k, v := d.deref(content[i]), d.deref(content[i+1])
		switch {
		case k.Kind != yaml.ScalarNode:
			d.refuse(finding.CodeUnreadable, object, k.Line, path, "has a key that is not a text")
		case k.ShortTag() == "!!merge":
			merges = append(merges, v)
		case keys.add(k.Value):
			d.refuse(finding.CodeUnreadable, object, k.Line, join(path, k.Value), "is written twice; keep one of the two")
		case isNull(v):
			// The API server drops null before it validates (structural schemas, nullable unset).
		default:
			fields = append(fields, field{k.Value, k.Line, v})
		}
	}
	for _, m := range merges {
		parts := []*yaml.Node{m}
		if m.Kind == yaml.SequenceNode {
			parts = m.Content
		}
		for _, part := range parts {
			if part = d.deref(part); part.Kind != yaml.MappingNode {
				d.refuse(finding.CodeUnreadable, object, part.Line, path, "merges (<<) what is not a mapping")
				continue
			}
			for i := 0; i+1 < len(part.Content); i += 2 {
				if k := d.deref(part.Content[i]); !keys.add(k.Value) && !isNull(d.deref(part.Content[i+1])) {
					fields = append(fields, field{k.Value, k.Line, d.deref(part.Content[i+1])})
				}
			}
		}
	}
	return fields, true
}

// keySet holds the keys of a mapping: a few, which nearly all mappings have, without a map.
type keySet struct {
	few  [12]string
	n    int
	more map[string]bool
}

// add reports whether a key was there before.
func (s *keySet) add(key string) bool {
	if slices.Contains(s.few[:s.n], key) || s.more[key] {
		return true
	}
	if s.n < len(s.few) {
		s.few[s.n] = key
		s.n++
		return false
	}
	if s.more == nil {
		s.more = map[string]bool{}
	}
	s.more[key] = true
	return false
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// lookup returns the value of a key of a mapping, nil where there is none or where it is null.
func lookup(d *decoder, n *yaml.Node, key string) *yaml.Node {
	if n == nil {
		return nil
	}
	if n = d.deref(n); n.Kind != yaml.MappingNode {
		return nil
	}
	content := d.content(n)
	for i := 0; i+1 < len(content); i += 2 {
		if content[i].Value == key && content[i].Kind == yaml.ScalarNode {
			if v := d.deref(content[i+1]); !isNull(v) {
				return v
			}
			return nil
		}
	}
	return nil
}

// deref follows an alias to what it stands for, and counts. A document that reaches too many values
// through aliases gets empty ones from then on; that is reported once.
func (d *decoder) deref(n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.AliasNode {
		return n
	}
	d.aliased += 1 + len(n.Alias.Content)
	if d.aliased > maxAliased {
		if d.aliased-1-len(n.Alias.Content) <= maxAliased {
			d.refuse(finding.CodeUnreadable, "", n.Line, "", fmt.Sprintf("expands through aliases to more than %d values; write them out", maxAliased))
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: n.Line}
	}
	return n.Alias
}

// isText reports whether a node is a text to kubectl and oc, which read YAML 1.1 (sigs.k8s.io/yaml): there
// plain words such as yes and off are booleans, and dates are texts once they are JSON.
func isText(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode {
		return false
	}
	if n.ShortTag() == "!!timestamp" {
		return true
	}
	return n.ShortTag() == "!!str" && !isOldBoolean(n)
}

// isOldBoolean reports whether a plain word is a boolean in YAML 1.1.
func isOldBoolean(n *yaml.Node) bool {
	const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle | yaml.TaggedStyle
	if n.Style&quoted != 0 {
		return false
	}
	switch n.Value {
	case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF":
		return true
	}
	return false
}

// text returns a string node's value, and "" for anything else.
func (d *decoder) text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		return ""
	}
	return n.Value
}

// str returns the text of a node and reports a node that is none. The parts of its path are put together only
// then.
func (d *decoder) str(n *yaml.Node, object string, path ...string) (string, bool) {
	if !isText(n) {
		d.wrongType(object, n, strings.Join(path, ""), "a text")
		return "", false
	}
	return n.Value, true
}

// wrongType reports a value of another type than the schema says.
func (d *decoder) wrongType(object string, n *yaml.Node, path, want string) {
	if d.aliased > maxAliased {
		return // the values missing are ours
	}
	got := "a text"
	switch n.Kind {
	case yaml.MappingNode:
		got = "an object"
	case yaml.SequenceNode:
		got = "a list"
	default:
		switch n.ShortTag() {
		case "!!null":
			got = "empty"
		case "!!int", "!!float":
			got = "a number"
			if want == "a text" {
				got = "a number; put it in quotes"
			}
		case "!!str":
			if isOldBoolean(n) {
				got = "a boolean in YAML 1.1; put it in quotes"
			}
		case "!!bool":
			got = "a boolean"
			if want == "a text" {
				got = "a boolean; put it in quotes"
			}
		}
	}
	value := ""
	// A text where none belongs may be anything; a location is what most likely stands there by mistake.
	if n.Kind == yaml.ScalarNode && (got != "a text" || ValidMirror(n.Value) && strings.ToLower(n.Value) == n.Value) {
		value = n.Value
	}
	d.refuseAPI(finding.CodeWrongType, object, n.Line, path, value, fmt.Sprintf("is to be %s, and is %s", want, got))
}

func (d *decoder) refuseAPI(code finding.Code, object string, line int, path, value, message string) {
	d.refused = append(d.refused, finding.Finding{
		Code: code, Severity: finding.SeverityError, RefusedBy: finding.APIServer, Value: value, Message: message,
		Origin: d.origin(object, path, line),
	})
}

// unknown reports a field that the schema does not have.
func (d *decoder) unknown(f field, object, path string) {
	d.set.Findings = append(d.set.Findings, finding.Finding{
		Code: finding.CodeUnknownField, Severity: finding.SeverityWarning, Origin: d.origin(object, join(path, f.key), f.line),
		Message: "is not a field of this object; the API server drops it, and so does this reader",
	})
}

func (d *decoder) origin(object, path string, line int) finding.Origin {
	return finding.Origin{Object: object, Field: path, File: d.name, Document: d.document, Line: line}
}

func join(path, key string) string {
	if key = shown.Value(key); path == "" {
		return key
	}
	return path + "." + key
}
