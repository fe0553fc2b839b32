package mirrorset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/internal/near"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// maxDepth is how deep lists may lie in lists; those that oc prints do not.
const maxDepth = 1000

// root reads the value of a document.
func (d *decoder) root(n *document.Node) {
	if n.Kind != document.Mapping && d.among && !d.mentioned(n) {
		return // a list or a value that is about other things
	}
	switch n.Kind {
	case document.Mapping:
		d.object(n, TypeMeta{}, 0)
	case document.List:
		d.bareList(n)
	default:
		d.refuse(finding.CodeUnreadable, "", n.Line, "", "is a single value, not an object; a manifest "+
			"starts with apiVersion and kind")
	}
}

// object reads one object of any kind. inherited is what a typed list says of its items, which may leave
// it out themselves.
func (d *decoder) object(n *document.Node, inherited TypeMeta, depth int) {
	if depth > maxDepth {
		d.refuse(finding.CodeUnreadable, "", n.Line, "", "lists are nested too deep")
		return
	}
	if line := d.repeatedKind(n); line > 0 {
		if d.among && !d.mentioned(n) {
			d.skip(text(lookup(n, "kind")))
			return
		}
		d.refuse(finding.CodeUnreadable, "", line, "kind", "is written twice; put a line \"---\" between "+
			"two objects, or keep one of the two")
		return
	}
	o := d.newObject(n, inherited)
	switch {
	case o.Kind == "List":
		d.list(o, TypeMeta{}, depth)
	case o.typedList(depth), o.mirrorKind(), o.configKind(), o.clusterKind(), o.imageMirrorKind(), o.withoutKind():
	case o.nearlyOurs() != "":
		d.misspelt(o, o.nearlyOurs())
	default:
		d.other(o)
	}
}

// newObject reads what every object has.
func (d *decoder) newObject(n *document.Node, inherited TypeMeta) *object {
	o := &object{decoder: d, node: n, TypeMeta: TypeMeta{
		Kind: text(lookup(n, "kind")), APIVersion: text(lookup(n, "apiVersion")),
	}}
	if o.Kind == "" && o.APIVersion == "" {
		o.TypeMeta = inherited
	}
	metadata := lookup(n, "metadata")
	o.metadata.Name = text(lookup(metadata, "name"))
	o.namespace = text(lookup(metadata, "namespace"))
	o.metadata.GenerateName = text(lookup(metadata, "generateName"))
	o.generated = lookup(metadata, "generateName") != nil
	o.name = shown.Key(o.Kind) + "/" + shown.Key(o.metadata.Name)
	return o
}

// typedList reads a list of one of the kinds, and reports whether the object is one.
func (o *object) typedList(depth int) bool {
	item, isList := strings.CutSuffix(o.Kind, "List")
	if !isList {
		return false
	}
	switch item {
	case kindIDMS, kindITMS, kindICSP:
	case kindImage, kindClusterImagePolicy, kindImagePolicy:
		// Other groups have kinds of these names too, policy.sigstore.dev for one.
		if !strings.HasPrefix(o.APIVersion, groupConfig) {
			o.skip(o.Kind)
			return true
		}
	case kindClusterVersion, kindMachineConfiguration:
		o.list(o, TypeMeta{Kind: item, APIVersion: o.APIVersion}, depth)
		return true
	default:
		return false
	}
	if o.apiVersion(versionOf(item)) {
		o.list(o, TypeMeta{Kind: item, APIVersion: o.APIVersion}, depth)
	}
	return true
}

// mirrorKind reads a mirror object, and reports whether the object is one.
func (o *object) mirrorKind() bool {
	switch o.Kind {
	case kindIDMS, kindITMS, kindICSP:
		// What is under spec is read all the same: what it would do is certain.
		if o.apiVersion(versionOf(o.Kind)) || lookup(o.node, "spec") != nil {
			o.mirrorObject()
		}
		return true
	}
	return false
}

// configKind reads an object that says something of registries beside its own purpose, and reports
// whether the object is one. Other groups have kinds of these names too, image.openshift.io above
// all: those are unrelated.
func (o *object) configKind() bool {
	inConfig := strings.HasPrefix(o.APIVersion, groupConfig)
	switch {
	case o.Kind == kindImage && inConfig:
		if o.apiVersion(versionConfig) {
			o.image()
		}
	case (o.Kind == kindClusterImagePolicy || o.Kind == kindImagePolicy) && inConfig:
		if o.apiVersion(versionConfig) {
			o.imagePolicy()
		}
	case o.Kind == kindHostedCluster && strings.HasPrefix(o.APIVersion, groupHyperShift+"/"):
		o.name = kindHostedCluster + "/" + strings.TrimPrefix(o.namespace+"/"+o.metadata.Name, "/")
		o.hostedCluster()
	case o.Kind == kindConfigMap && o.APIVersion == "v1" && o.holdsCertificates():
		o.configMap()
		if o.mentioned(o.node) {
			o.walk(o.node, o.name)
		}
	default:
		return false
	}
	return true
}

// imageMirrorKind reads image mirrors of a managed cluster, and reports whether the object is one
// or a list of them.
func (o *object) imageMirrorKind() bool {
	switch {
	case isImageMirror(o.node, o.TypeMeta):
		o.imageMirror(o.node)
	case o.Kind == kindImageMirror+"List" && o.APIVersion == "":
		o.imageMirrorList(o.node)
	case o.Kind == "" && isImageMirrorStore(o.node):
		o.refuse(finding.CodeUnreadable, "", o.node.Line, "", "is a store of the image mirrors of "+
			"clusters; print those of one cluster with \"mirrorctl image-mirror list --output json\" and "+
			"give that list")
	default:
		return false
	}
	return true
}

// withoutKind reads an install-config, which has no kind, and reports whether the object is one.
func (o *object) withoutKind() bool {
	if o.Kind != "" {
		return false
	}
	sources := lookup(o.node, "imageDigestSources") != nil || lookup(o.node, "imageContentSources") != nil
	if !sources && (o.APIVersion != "v1" || !mentionsMirrors(o.node)) {
		return false
	}
	o.installConfig()
	return true
}

// nearlyOurs returns the kind that is likely meant, and "" for an object that is something else.
func (o *object) nearlyOurs() string {
	if strings.EqualFold(o.Kind, kindImage) && strings.HasPrefix(o.APIVersion, groupConfig) {
		return kindImage
	}
	return nearKind(o.Kind)
}

// groupConfig is how the versions of OpenShift's configuration begin.
const groupConfig = "config.openshift.io/"

// repeatedKind returns the line of the second kind of an object, and 0 where there is none. It is
// what two objects without a separator look like, of whatever kinds: the rules of one of them would
// be lost without a word.
func (d *decoder) repeatedKind(n *document.Node) int {
	found := false
	for i := range n.Fields() {
		if k := &n.Fields()[i].Key; k.Text == "kind" {
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
	items := lookup(o.node, "items")
	if items == nil {
		d.refuseAPI(finding.CodeMissingField, o.Kind, o.node.Line, "items", "", "is missing; a list has "+
			"items, even where there are none")
		return
	}
	if items.Kind != document.List {
		d.wrongType(o.Kind, items, "items", "a list")
		return
	}
	for i, n := range items.Items() {
		if n.Kind != document.Mapping {
			d.wrongType(o.Kind, n, fmt.Sprintf("items[%d]", i), "an object")
			continue
		}
		d.object(n, item, depth+1)
	}
	d.set.none = d.set.none || items.Len() == 0
}

// skip counts an object of another kind.
func (d *decoder) skip(kind string) {
	if d.others == nil {
		d.others = map[string]int{}
	}
	d.others[shown.Key(kind)]++
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
	text := "%d objects of kinds that do not say where pulls go were skipped: %s"
	if total == 1 {
		text = "%d object of a kind that does not say where pulls go was skipped: %s"
	}
	d.set.Findings = append(d.set.Findings, finding.Finding{
		Code: finding.CodeUnrelatedKind, Severity: finding.SeverityInfo, Origin: finding.Origin{File: d.name},
		Message: fmt.Sprintf(text, total, strings.Join(kinds, ", ")),
	})
}

// object is one object while it is read.
type object struct {
	*decoder
	TypeMeta
	node      *document.Node
	name      string // as findings call it: Kind/name
	namespace string
	generated bool // it has a generateName, and gets its name from the API server
	metadata  ObjectMeta
	lines     []entryLines
}

func (o *object) readFrom() *ReadFrom {
	return &ReadFrom{File: o.decoder.name, Document: o.doc.Number, Line: o.node.Line, Wrapper: o.wrapper,
		lines: o.lines}
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
		o.refuseAPI(finding.CodeMissingField, o.name, o.node.Line, "spec", "", "is missing; write what "+
			"the object is to do under spec")
	}
	return spec, ok
}

// metadataFields are the fields of every Kubernetes object's metadata (k8s.io/apimachinery, meta/v1).
var metadataFields = []string{
	"name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation",
	"creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations",
	"ownerReferences", "finalizers", "managedFields", "clusterName",
}

func (o *object) readMetadata(n *document.Node) {
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
func (o *object) texts(n *document.Node, path string) map[string]string {
	fields, _ := o.fields(n, o.name, path)
	m := make(map[string]string, len(fields))
	for _, f := range fields {
		m[f.key], _ = o.str(f.value, o.name, path, ".", shown.Key(f.key))
	}
	return m
}

// named refuses an object that has no name.
func (o *object) named() {
	if o.metadata.Name == "" && !o.generated {
		o.refuseAPI(finding.CodeMissingField, o.name, o.node.Line, "metadata.name", "", "is missing; "+
			"every object has a name")
	}
}

// mirrorObject reads an ImageDigestMirrorSet, ImageTagMirrorSet or ImageContentSourcePolicy.
func (o *object) mirrorObject() {
	spec, ok := o.top()
	o.named()
	if ok {
		o.mirrors(spec)
	}
}

// mirrors reads the spec of such an object.
func (o *object) mirrors(spec []field) {
	switch o.Kind {
	case kindIDMS:
		o.digestMirrorSet(spec)
	case kindITMS:
		o.tagMirrorSet(spec)
	case kindICSP:
		o.contentSourcePolicy(spec)
	}
}

func (o *object) digestMirrorSet(spec []field) {
	entries := o.mirrorEntries(spec, "imageDigestMirrors")
	o.set.ImageDigestMirrorSets = append(o.set.ImageDigestMirrorSets, ImageDigestMirrorSet{
		TypeMeta: o.TypeMeta, Metadata: o.metadata, Spec: ImageDigestMirrorSetSpec{entries}, ReadFrom: o.readFrom(),
	})
}

func (o *object) tagMirrorSet(spec []field) {
	entries := o.mirrorEntries(spec, "imageTagMirrors")
	o.set.ImageTagMirrorSets = append(o.set.ImageTagMirrorSets, ImageTagMirrorSet{
		TypeMeta: o.TypeMeta, Metadata: o.metadata, Spec: ImageTagMirrorSetSpec{entries}, ReadFrom: o.readFrom(),
	})
}

// mirrorEntries reads the one list that a spec has.
func (o *object) mirrorEntries(spec []field, list string) (entries []ImageMirrors) {
	for _, f := range spec {
		if f.key == list {
			entries = o.entries(f.value, "spec."+list, "mirrorSourcePolicy")
		} else {
			o.unknown(f, o.name, "spec", list)
		}
	}
	return entries
}

func (o *object) contentSourcePolicy(spec []field) {
	s := ImageContentSourcePolicy{TypeMeta: o.TypeMeta, Metadata: o.metadata}
	for _, f := range spec {
		if f.key == "repositoryDigestMirrors" {
			for _, e := range o.entries(f.value, "spec.repositoryDigestMirrors", "") {
				s.Spec.RepositoryDigestMirrors = append(s.Spec.RepositoryDigestMirrors,
					RepositoryDigestMirrors{Source: e.Source, Mirrors: e.Mirrors})
			}
		} else {
			o.unknown(f, o.name, "spec", "repositoryDigestMirrors")
		}
	}
	s.ReadFrom = o.readFrom()
	o.set.ImageContentSourcePolicies = append(o.set.ImageContentSourcePolicies, s)
}

func (o *object) image() {
	spec, ok := o.top()
	o.named()
	if ok {
		o.imageSpec(spec)
	}
}

// imageConfiguration reads what HyperShift has of the Image named cluster.
func (d *decoder) imageConfiguration(n *document.Node) {
	o := &object{decoder: d, node: n, name: kindImage + "/cluster",
		TypeMeta: TypeMeta{Kind: kindImage, APIVersion: versionConfig}}
	o.metadata.Name = "cluster"
	if spec, ok := o.fields(n, o.name, "spec"); ok {
		o.imageSpec(spec)
	}
}

func (o *object) imageSpec(spec []field) {
	s := Image{TypeMeta: o.TypeMeta, Metadata: o.metadata}
	o.lines = make([]entryLines, len(registrySourceLists))
	for _, f := range spec {
		switch f.key {
		case "registrySources":
			o.registrySources(f.value, &s.Spec.RegistrySources, "spec.registrySources", registrySourceLists)
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
var registrySourceLists = []string{"insecureRegistries", "blockedRegistries", "allowedRegistries",
	"containerRuntimeSearchRegistries"}

// registrySources reads the lists, which have those names at a path.
func (o *object) registrySources(n *document.Node, s *RegistrySources, path string, names []string) {
	fields, _ := o.fields(n, o.name, path)
	lists := []*[]string{&s.InsecureRegistries, &s.BlockedRegistries, &s.AllowedRegistries,
		&s.ContainerRuntimeSearchRegistries}
	for _, f := range fields {
		i := slices.Index(names, f.key)
		if i < 0 {
			o.unknown(f, o.name, path)
			continue
		}
		o.lines[i].entry = int32(f.line)
		*lists[i], o.lines[i].mirrors = o.strs(f.value, path, ".", f.key)
	}
}

// maxContentSources bounds imageContentSources (github.com/openshift/hypershift, api,
// HostedClusterSpec).
const maxContentSources = 255

// hostedCluster reads the digest rules of a HyperShift HostedCluster and reports what else in it
// speaks of mirrors.
func (o *object) hostedCluster() {
	spec, ok := o.fields(lookup(o.node, "spec"), o.name, "spec")
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
			if n := f.value.Len(); n > maxContentSources {
				o.refuseAPI(finding.CodeTooMany, o.name, f.line, "spec.imageContentSources", "", fmt.Sprintf(
					"has %d entries, and may have %d; name namespaces or whole registries in place of "+
						"repositories", n, maxContentSources))
			}
		case f.key == "configuration":
			if image := lookup(f.value, "image"); lookup(image, "registrySources") != nil {
				w := &walker{decoder: o.decoder, object: o.name}
				w.inside((*step)(nil).field("spec").field("configuration").field("image"),
					func() { w.imageConfiguration(image) })
				found = true
			}
		case aboutMirrors(f.key):
			o.notApplied("spec."+f.key, f.line, "speaks of mirrors, but only spec.imageContentSources is "+
				"read from a HostedCluster")
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
		o.name = objectName(kindInstallConfig, o.metadata.Name)
	}
	for _, f := range top {
		switch {
		case f.key == "imageDigestSources":
			o.digestSources(f.value, f.key, "sourcePolicy")
		case f.key == "imageContentSources":
			o.digestSources(f.value, f.key, "")
		case aboutMirrors(f.key):
			o.notApplied(f.key, f.line, "speaks of mirrors, but only imageDigestSources and "+
				"imageContentSources are read from an install-config")
		}
	}
}

// mentionsMirrors reports whether a mapping has a field that looks as if it held mirrors.
func mentionsMirrors(n *document.Node) bool {
	return slices.ContainsFunc(n.Fields(), func(f document.Field) bool {
		return aboutMirrors(f.Key.Text) && f.Value.Kind != document.Null
	})
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
		Code: finding.CodeNotApplied, Severity: finding.SeverityWarning, Message: message,
		Origin: o.origin(o.name, path, line),
	})
}

// bareList reads a document that is only a list of {source, mirrors}, or of image mirrors.
func (d *decoder) bareList(n *document.Node) {
	if holdsImageMirrors(n) {
		d.imageMirrorItems(n, "", "")
		return
	}
	for _, item := range n.Items() {
		if item.Kind != document.Mapping || lookup(item, "source") == nil {
			if isJSONPatch(n) {
				if !d.walk(n, "") {
					d.skip("JSONPatch")
				}
				return
			}
			if d.walk(n, "") {
				return
			}
			d.refuse(finding.CodeUnreadable, "", n.Line, "", "is a list, but not of {source, mirrors}; a "+
				"manifest starts with apiVersion and kind")
			return
		}
	}
	o := &object{decoder: d, node: n}
	o.digestSources(n, "", "sourcePolicy")
}

func (o *object) digestSources(n *document.Node, path, policy string) {
	o.lines = nil
	s := DigestSources{Object: o.name, Field: path, Sources: o.entries(n, path, policy)}
	s.ReadFrom = o.readFrom()
	o.set.DigestSources = append(o.set.DigestSources, s)
}

// entries reads a list of {source, mirrors}, with a policy where the kind has one; policy is that
// field's name. It appends to o.lines.
func (o *object) entries(n *document.Node, path, policy string) []ImageMirrors {
	if n.Kind != document.List {
		o.wrongType(o.name, n, path, "a list")
		return nil
	}
	known := []string{"source", "mirrors"}
	if policy != "" {
		known = append(known, policy)
	}
	entries := make([]ImageMirrors, 0, n.Len())
	for i, n := range n.Items() {
		at := item(path, i)
		var e ImageMirrors
		lines := entryLines{entry: int32(n.Line)}
		fields, _ := o.fields(n, o.name, at)
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
					o.unknown(f, o.name, at, known...)
					continue
				}
				e.MirrorSourcePolicy, lines.policy = o.sourcePolicy(f, at), int32(f.line)
			}
		}
		if lines.source == 0 && o.Kind == kindICSP {
			// Its definition has no patterns, and yet requires the field.
			o.refuseAPI(finding.CodeMissingField, o.name, n.Line, at+".source", "", "is missing; name the "+
				"registry, namespace or repository to redirect")
		}
		entries = append(entries, e)
		o.lines = append(o.lines, lines)
	}
	return entries
}

// sourcePolicy reads the policy of the entry at a path. One that is refused forbids, for whoever goes on.
func (o *object) sourcePolicy(f field, at string) MirrorSourcePolicy {
	text, ok := o.str(f.value, o.name, at, ".", f.key)
	if ok && text == "" { // on a value in memory this means absent; in a manifest it is refused
		o.refuseAPI(finding.CodeInvalidPolicy, o.name, f.line, at+"."+f.key, "",
			"is empty; write NeverContactSource or AllowContactingSource, or leave the field out")
	}
	if text == "" {
		return NeverContactSource
	}
	return MirrorSourcePolicy(text)
}

// strs reads a list of strings and the line of each.
func (o *object) strs(n *document.Node, path ...string) ([]string, []int32) {
	if n.Kind != document.List {
		o.wrongType(o.name, n, strings.Join(path, ""), "a list")
		return nil, nil
	}
	values, lines := make([]string, 0, n.Len()), make([]int32, 0, n.Len())
	for i, item := range n.Items() {
		if !isText(item) {
			o.str(item, o.name, fmt.Sprintf("%s[%d]", strings.Join(path, ""), i))
			continue
		}
		values = append(values, item.Text)
		lines = append(lines, int32(item.Line))
	}
	return values, lines
}

// field is one field of a mapping.
type field struct {
	key   string
	line  int
	value *document.Node
}

// fields returns the fields of a mapping in order, merge keys expanded, and reports anything else.
func (d *decoder) fields(n *document.Node, object, path string) ([]field, bool) {
	if n == nil || n.Kind != document.Mapping {
		if n == nil {
			n = &document.Node{Kind: document.Null}
		}
		d.wrongType(object, n, path, "an object")
		return nil, false
	}
	fields := make([]field, 0, len(n.Fields()))
	var seen keys
	var merges []*document.Node
	for i := range n.Fields() {
		k, v := &n.Fields()[i].Key, &n.Fields()[i].Value
		switch {
		case !k.IsScalar():
			d.refuse(finding.CodeUnreadable, object, k.Line, path, "has a key that is not a text")
		case k.Kind == document.Merge:
			merges = append(merges, v)
		case seen.add(k.Text):
			d.refuse(finding.CodeUnreadable, object, k.Line, join(path, k.Text), "is written twice; keep "+
				"one of the two")
		case v.Kind == document.Null:
			// The API server drops null before it validates (structural schemas, nullable unset).
		default:
			fields = append(fields, field{k.Text, k.Line, v})
		}
	}
	for _, m := range merges {
		if m.Kind != document.List {
			fields = d.merge(fields, &seen, m, object, path)
		}
		for _, part := range m.Items() {
			fields = d.merge(fields, &seen, part, object, path)
		}
	}
	return fields, true
}

// merge appends those fields of another mapping that are not there yet.
func (d *decoder) merge(fields []field, seen *keys, part *document.Node, object, path string) []field {
	if part.Kind != document.Mapping {
		d.refuse(finding.CodeUnreadable, object, part.Line, path, "merges (<<) what is not a mapping")
	}
	for i := range part.Fields() {
		k, v := &part.Fields()[i].Key, &part.Fields()[i].Value
		if !seen.add(k.Text) && v.Kind != document.Null {
			fields = append(fields, field{k.Text, k.Line, v})
		}
	}
	return fields
}

// lookup returns the value of a key of a mapping, nil where there is none or where it is null.
func lookup(n *document.Node, key string) *document.Node {
	if n == nil {
		return nil
	}
	fields := n.Fields()
	for i := range fields {
		f := &fields[i]
		if f.Key.Text == key {
			if f.Value.Kind == document.Null {
				return nil
			}
			return &f.Value
		}
	}
	return nil
}

// isText reports whether a node is a text to kubectl and oc: a date is one, and a word such as yes
// is not.
func isText(n *document.Node) bool { return n.Kind == document.Text || n.Kind == document.Time }

// text returns what a text says, and "" for anything else.
func text(n *document.Node) string {
	if n == nil || n.Kind != document.Text && n.Kind != document.OldBoolean {
		return ""
	}
	return n.Text
}

// str returns the text of a node and reports a node that is none. The parts of its path are put
// together only then.
func (d *decoder) str(n *document.Node, object string, path ...string) (string, bool) {
	if !isText(n) {
		d.wrongType(object, n, strings.Join(path, ""), "a text")
		return "", false
	}
	return n.Text, true
}

// wrongType reports a value of another type than the schema says.
func (d *decoder) wrongType(object string, n *document.Node, path, want string) {
	if d.doc.Err() != nil {
		return // the document lacks values that were not read
	}
	got := "a text"
	switch n.Kind {
	case document.Mapping:
		got = "an object"
	case document.List:
		got = "a list"
	case document.Null:
		got = "empty"
	case document.Number:
		got = "a number"
	case document.Boolean:
		got = "a boolean"
	case document.OldBoolean:
		got = "a boolean in YAML 1.1; put it in quotes"
	}
	if want == "a text" && (n.Kind == document.Number || n.Kind == document.Boolean) {
		got += "; put it in quotes"
	}
	value := n.Text
	// A text where none belongs may be anything; a location is what most likely stands there by mistake.
	if got == "a text" && (!ValidMirror(value) || strings.ToLower(value) != value) {
		value = ""
	}
	d.refuseAPI(finding.CodeWrongType, object, n.Line, path, value, fmt.Sprintf("is to be %s, and is %s", want, got))
}

func (d *decoder) refuseAPI(code finding.Code, object string, line int, path, value, message string) {
	d.refused = append(d.refused, finding.Finding{
		Code: code, Severity: finding.SeverityError, RefusedBy: finding.APIServer, Value: value, Message: message,
		Origin: d.origin(object, path, line),
	})
}

// unknown reports a field that the schema does not have, and which of some known ones was likely meant.
func (d *decoder) unknown(f field, object, path string, known ...string) {
	message := "has no effect: this object has no such field, and the API server drops it, as does this reader"
	if meant := meantField(f.key, known); meant != "" {
		message += "; did you mean " + meant + "?"
	}
	d.set.Findings = append(d.set.Findings, finding.Finding{
		Code: finding.CodeUnknownField, Severity: finding.SeverityWarning,
		Origin:  d.origin(object, join(path, f.key), f.line),
		Message: message,
	})
}

// meantField returns the one of some fields that another one is nearly, or has under another kind: the
// policy of install-config is sourcePolicy, and the list of each kind has its own name.
func meantField(key string, known []string) string {
	if meant := near.Word(key, known); meant != "" {
		return meant
	}
	for _, word := range []string{"policy", "mirrors"} {
		for _, field := range known {
			if strings.HasSuffix(strings.ToLower(key), word) && strings.HasSuffix(strings.ToLower(field), word) {
				return field
			}
		}
	}
	return ""
}

func (d *decoder) origin(object, path string, line int) finding.Origin {
	return finding.Origin{Object: object, Field: path, File: d.name, Document: d.doc.Number, Line: line,
		Wrapper: d.wrapper}
}

// join returns the path of a field that has a key of the input.
func join(path, key string) string { return under(path, shown.Key(key)) }

// under returns the path of a field.
func under(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}
