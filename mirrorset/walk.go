package mirrorset

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Objects of other kinds may hold mirror objects, rules without an object, and files of nodes: a
// policy, a template, a ConfigMap with manifests in its texts, a MachineConfig. One walk looks for
// them at any depth. What it finds is read, or reported: nothing that looks like a rule is passed
// over without a word.

// maxWalk is how deep a walk goes. What people write is nested less than forty deep.
const maxWalk = 200

// maxTexts is how deep texts may lie in texts: a manifest in a ConfigMap in a ManifestWork.
const maxTexts = 6

// Of these words at least one stands in every text that the walk finds something in. They are rare
// elsewhere: a document without any is not parsed. Each stands under two letters of it that are
// rarely seen together, which are looked for first.
var words = map[string][]string{
	"rr": {"irrors", "irrorSet", "irrorConfig"}, // imageDigestMirrors; the kinds
	"tS": {"ontentSource", "igestSource"},       // of HostedCluster and install-config
	"yS": {"egistrySources"}, "yT": {"egistryTLSConfig"}, "y_": {"egistry_sources", "egistry_config"},
	"eg": {"egistries"}, "[r": {"[registry"}, "Br": {"%5Bregistry"}, "[h": {"[host"}, "Bh": {"%5Bhost"},
	".t": {"hosts.toml"}, ".j": {"policy.json"}, "/c": {"/crio/"}, "eP": {"ImagePolicy"},
	"nP": {"nodeDisruptionPolicy"}, "dC": {"dditionalTrustedCA"},
	// The values of a Secret, and the binaryData of a ConfigMap, are in base64, in which none of these
	// words can be seen.
	"Se": {kindSecret}, "yD": {"binaryData"}, ";b": {";base64,"},
}

// rarePairs has which two letters words has something under.
var rarePairs = sync.OnceValue(func() *[256][256]bool {
	rare := new([256][256]bool)
	for two := range words {
		rare[two[0]][two[1]] = true
	}
	return rare
})

// mentions reports whether a text may say where pulls go. All words are looked for at once: most of
// what a repository holds is searched and then passed over, and a search for each would take as
// long as reading the files.
func mentions(text []byte) bool {
	rare := rarePairs()
	var last byte
	for i, b := range text {
		if rare[last][b] && wordAround(text, i-1) {
			return true
		}
		last = b
	}
	return false
}

// wordAround reports whether one of words stands around its two letters at a place.
func wordAround(text []byte, at int) bool {
	two := string(text[at : at+2])
	for _, word := range words[two] {
		begin := at - strings.Index(word, two)
		// Secret counts as the value of a key kind only.
		if begin >= 0 && bytes.HasPrefix(text[begin:], []byte(word)) && (word != kindSecret || followsKind(text[:begin])) {
			return true
		}
	}
	return false
}

// followsKind reports whether a text ends with the key kind, quoted and escaped as it may be.
func followsKind(text []byte) bool {
	return bytes.HasSuffix(bytes.TrimRight(text, `:"'\ `+"\t"), []byte("kind"))
}

// mentioned reports whether the text of an object may say where pulls go.
func (d *decoder) mentioned(n *document.Node) bool {
	if text := n.JSON(); text != nil {
		return mentions(text)
	}
	if d.doc != d.looked { // the objects of one YAML document share its text
		d.looked, d.mentions = d.doc, mentions(d.doc.Text)
	}
	return d.mentions
}

// other looks at an object of another kind, and counts it where nothing in it says where pulls go.
func (d *decoder) other(o *object) {
	kind := o.Kind
	if kind == "" {
		kind = "none"
	}
	if o.Kind == kindNodePool && strings.HasPrefix(o.APIVersion, groupHyperShift+"/") {
		d.nodePool(o)
	}
	o.pullSecret()
	if o.Kind != kindSecret && !d.mentioned(o.node) {
		d.skip(kind)
		return
	}
	name := ""
	if o.Kind != "" {
		name = strings.TrimSuffix(o.name, "/")
	}
	if !d.walk(o.node, name) {
		d.skip(kind)
	}
}

const (
	kindDefinition = "CustomResourceDefinition"
	kindSecret     = "Secret"
	kindTemplate   = "Template"
	kindNodePool   = "NodePool"
	// groupHyperShift is the API group of HostedCluster and NodePool.
	groupHyperShift = "hypershift.openshift.io"
	// lastApplied is the annotation in which kubectl keeps the object that it stands on.
	lastApplied = "kubectl.kubernetes.io/last-applied-configuration"
)

// walk looks for rules and files of nodes in an object, and reports whether it found any.
func (d *decoder) walk(n *document.Node, object string) bool {
	w := &walker{decoder: d, object: object}
	w.node(n, nil, context{})
	return w.found
}

// walker looks for what says where pulls go in one object.
type walker struct {
	*decoder
	object string // that is walked through: "Policy/idms"
	found  bool
}

// context is what is known of a place in a walk from what stands above it.
type context struct {
	kind    string // of the nearest object
	machine MachineConfig
	mode    string // of the file of a node that stands here
	not     string // why what stands here makes no rule
	secret  bool   // the place is a Secret itself
	fixed   bool   // a Policy says what its templates do
	patch   bool   // what stands here is put into an object that stands elsewhere
	depth   int
	texts   int // how many texts the place lies in
}

// step is one step of the way to a place.
type step struct {
	up     *step
	key    string // of a field
	index  int    // of an item of a list
	isItem bool
}

func (s *step) field(key string) *step { return &step{up: s, key: key} }
func (s *step) item(i int) *step       { return &step{up: s, index: i, isItem: true} }

// String returns the path: spec.policy-templates[0].objectDefinition, data["config.yaml"].
func (s *step) String() string {
	var steps []*step
	for ; s != nil; s = s.up {
		steps = append(steps, s)
	}
	var b strings.Builder
	for _, s := range slices.Backward(steps) {
		key := shown.Key(s.key)
		switch {
		case s.isItem:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case strings.ContainsAny(key, "./ "):
			b.WriteString(`["` + key + `"]`)
		case b.Len() > 0:
			b.WriteString("." + key)
		default:
			b.WriteString(key)
		}
	}
	return b.String()
}

// last returns the key of the last step, "" for an item.
func (s *step) last() string {
	if s == nil {
		return ""
	}
	return s.key
}

// node looks at one value.
func (w *walker) node(n *document.Node, at *step, c context) {
	if c.depth++; c.depth > maxWalk {
		w.unread(n.Line, at, c, "", fmt.Sprintf("is nested more than %d deep, and was not read below that", maxWalk))
		return
	}
	switch n.Kind {
	case document.Mapping:
		w.mapping(n, at, c)
	case document.List:
		w.list(n, at, c)
	case document.Text:
		w.text(n, at, c)
	}
}

// mapping looks at an object, or at a part of one.
func (w *walker) mapping(n *document.Node, at *step, c context) {
	if w.enter(n, at, &c) {
		return
	}
	if w.file(n, at, c) || w.dialect(n, at, c) {
		return
	}
	if c.kind == kindTalosMirror && lookup(n, "endpoints") != nil {
		w.unread(n.Line, at, c, text(lookup(n, "name")), "is a mirror of Talos, and was not read: give "+
			"mirror objects, or the files that the client is given")
	}
	if source, ok := ruleOf(n); ok {
		w.unread(n.Line, at, c, source, "has a source and mirrors, and was not read: "+adviceRule)
		return
	}
	before := len(w.set.NodeFiles)
	w.fields(n, at, c)
	if len(w.set.NodeFiles) > before {
		w.ignition(n, at, c)
	}
}

// fields looks at the fields of an object, or of a part of one.
func (w *walker) fields(n *document.Node, at *step, c context) {
	fields := n.Fields()
	for i := range fields {
		key, value := &fields[i].Key, &fields[i].Value
		if !key.IsScalar() {
			continue
		}
		if key.Text == lastApplied || key.Text == "managedFields" {
			continue // they repeat the object that they stand on
		}
		if !w.fragment(key, value, at, c) {
			w.node(value, at.field(key.Text), c.below(key.Text))
		}
	}
}

// below returns what is known of a field of a place.
func (c context) below(key string) context {
	switch key {
	case "validate":
		c.exclude("it is what a policy checks for (validate)") // Kyverno
	case "patches", "patchesStrategicMerge", "patchesJson6902":
		if slices.Contains([]string{"Kustomization", "Component", "PolicyGenerator", "SyncSet", "SelectorSyncSet"}, c.kind) {
			c.patch = true
		}
	case "sourceFiles":
		if c.kind == "PolicyGenTemplate" {
			c.patch = true
		}
	}
	return c
}

// exclude notes why what stands here makes no rule.
func (c *context) exclude(why string) {
	if c.not == "" {
		c.not = why
	}
}

// enter notes what an object, or a part of one, says of all that stands below it. It reads an
// object of a kind of this package; handled is then true.
func (w *walker) enter(n *document.Node, at *step, c *context) (handled bool) {
	kind, version := text(lookup(n, "kind")), text(lookup(n, "apiVersion"))
	switch {
	case at != nil && w.isOurs(n, kind, version):
		c.judge(n)
		w.nested(n, at, *c)
		return true
	case kind == kindDefinition:
		return true
	}
	if kind != "" && version != "" {
		c.kind = kind
	}
	c.secret = kind == kindSecret
	switch {
	case kind == "PolicyGenerator":
		c.judge(lookup(n, "policyDefaults"))
	case kind == "Policy" && strings.HasPrefix(version, "policy.open-cluster-management.io/"):
		// What the policy says overrides what its templates do.
		if spec := lookup(n, "spec"); lookup(spec, "remediationAction") != nil {
			c.judge(spec)
			c.fixed = true
		}
	case kind == kindMachineConfig && strings.HasPrefix(version, groupMachineConfig+"/"):
		c.machine = machine(n)
		w.rendered(n, at, c.machine)
	case kind == kindTemplate && strings.HasPrefix(version, "template.openshift.io/"):
		w.parameters(n, at)
	}
	c.judge(n)
	return false
}

// judge notes what a mapping says of whether what stands in it is to exist. It is one list of the
// keys by which tools say so.
//
//gocyclo:ignore
func (c *context) judge(n *document.Node) {
	if n == nil {
		return
	}
	fields := n.Fields()
	for i := range fields {
		value := &fields[i].Value
		switch key := fields[i].Key.Text; key {
		case "complianceType":
			if strings.EqualFold(value.Text, "mustnothave") {
				c.exclude("it is not to exist (complianceType mustnothave)")
			}
		case "remediationAction":
			switch inform := "it is only checked for (remediationAction inform)"; {
			case c.fixed:
			case strings.EqualFold(value.Text, "inform"), strings.EqualFold(value.Text, "informonly"):
				c.exclude(inform)
			case c.not == inform:
				c.not = "" // the nearest counts
			}
		case "disabled":
			if value.Kind == document.Boolean && value.Text == "true" && strings.HasPrefix(c.kind, "Policy") {
				c.exclude("its policy is disabled")
			}
		case "state":
			if value.Text == "absent" && (lookup(n, "definition") != nil || lookup(n, "resource_definition") != nil) { // Ansible
				c.exclude("it is removed (state absent)")
			}
		case "$patch":
			if value.Text == "delete" {
				c.exclude("it is removed ($patch delete)")
			}
		}
	}
}

// isOurs reports whether a mapping that stands inside an object is an object of this package, and
// no reference to one.
func (w *walker) isOurs(n *document.Node, kind, version string) bool {
	spec := lookup(n, "spec")
	if spec == nil {
		return false
	}
	switch kind {
	case kindIDMS, kindITMS, kindICSP:
		return true
	case kindImage:
		return strings.HasPrefix(version, "config.openshift.io/") &&
			(lookup(spec, "registrySources") != nil || lookup(spec, "additionalTrustedCA") != nil)
	case kindHostedCluster:
		return strings.HasPrefix(version, groupHyperShift+"/") && speaksOfMirrors(spec)
	case kindMachineConfig:
		return strings.HasPrefix(version, groupMachineConfig+"/")
	case kindClusterImagePolicy, kindImagePolicy: // Sigstore's policy controller has one too
		return strings.HasPrefix(version, "config.openshift.io/")
	case kindMachineConfiguration:
		return strings.HasPrefix(version, "operator.openshift.io/") && lookup(spec, "nodeDisruptionPolicy") != nil
	}
	return false
}

// speaksOfMirrors reports whether the spec of a HostedCluster says where pulls go.
func speaksOfMirrors(spec *document.Node) bool {
	return lookup(spec, "imageContentSources") != nil ||
		lookup(lookup(lookup(spec, "configuration"), "image"), "registrySources") != nil
}

// nested reads an object of this package that stands inside the one that is walked through.
func (w *walker) nested(n *document.Node, at *step, c context) {
	w.found = true
	w.inside(at, func() {
		kind := text(lookup(n, "kind"))
		object := objectName(kind, text(lookup(lookup(n, "metadata"), "name")))
		w.apart(w.origin(object, "", n.Line), c, func() {
			if c.patch && kind != kindMachineConfig {
				w.patched(n, object)
			}
			w.decoder.object(n, TypeMeta{}, c.depth)
		})
	})
}

// inside reads what stands at a place of the object, which findings and origins then name.
func (w *walker) inside(at *step, read func()) {
	outer := w.wrapper
	w.wrapper = w.place(at)
	if outer != "" {
		w.wrapper += " in " + outer
	}
	read()
	w.wrapper = outer
}

// place names a place of the object that is walked through.
func (w *walker) place(at *step) string {
	return strings.TrimSpace(w.object + " " + at.String())
}

// apart reads what makes no rule into a set of its own, and says what was found there; of anything
// else it just reads.
func (w *walker) apart(origin finding.Origin, c context, read func()) {
	if c.not == "" {
		read()
		return
	}
	set, refused := w.set, w.refused
	w.set = &Set{}
	read()
	found := w.set.Speaks()
	w.set, w.refused = set, refused
	if found {
		w.excluded(origin, c)
	}
}

// excluded says that what stands at a place makes no rule.
func (w *walker) excluded(origin finding.Origin, c context) {
	w.found, w.set.none = true, true
	w.note(finding.CodeNotCreated, finding.SeverityInfo, origin, "makes no rule: "+c.not)
}

// patched says that an object is only put into another one.
func (w *walker) patched(n *document.Node, object string) {
	w.note(finding.CodePatch, finding.SeverityWarning, w.origin(object, "", n.Line),
		"is read as if the object that it patches held nothing else: that stands elsewhere; render it first, "+
			"with kustomize build or what else makes the objects, and give the result")
}

func (d *decoder) note(code finding.Code, severity finding.Severity, origin finding.Origin, message string) {
	d.set.Findings = append(d.set.Findings, finding.Finding{Code: code, Severity: severity, Origin: origin,
		Message: message})
}

// parameters puts the values of a Template's parameters into its objects, and reports those without one.
func (w *walker) parameters(n *document.Node, at *step) {
	values := map[string]string{}
	var without []string
	if parameters := lookup(n, "parameters"); parameters != nil {
		for _, p := range parameters.Items() {
			name := text(lookup(p, "name"))
			value := lookup(p, "value")
			switch {
			case name == "":
			case value == nil || !value.IsScalar():
				without = append(without, shown.Value(name))
			default:
				values[name] = value.Text
			}
		}
	}
	if objects := lookup(n, "objects"); objects != nil {
		objects.Expand(func(s string) string {
			for name, value := range values { // each stands for itself: the order does not count
				s = strings.ReplaceAll(s, "${{"+name+"}}", value)
				s = strings.ReplaceAll(s, "${"+name+"}", value)
			}
			return s
		})
	}
	if len(without) > 0 {
		slices.Sort(without)
		w.note(finding.CodeTemplate, finding.SeverityWarning,
			w.origin(w.object, at.field("parameters").String(), n.Line),
			"have no value: "+strings.Join(without, ", ")+"; process the template first where they stand in rules")
	}
}

// list looks at the items of a list.
func (w *walker) list(n *document.Node, at *step, c context) {
	if isJSONPatch(n) {
		w.jsonPatch(n, at, c)
		return
	}
	rules, first := 0, ""
	for i, item := range n.Items() {
		if source, ok := ruleOf(item); ok {
			if rules++; rules == 1 {
				first = source
			}
			continue
		}
		w.node(item, at.item(i), c)
	}
	if rules > 0 {
		what := "holds a source with mirrors that was not read: "
		if rules > 1 {
			what = fmt.Sprintf("holds %d sources with mirrors that were not read: ", rules)
		}
		w.unread(n.Line, at, c, first, what+adviceRule)
	}
}

const adviceRule = "give it as an ImageDigestMirrorSet or ImageTagMirrorSet, or as the output of what " +
	"makes the objects from it"

// ruleOf reports whether a mapping is a source with mirrors, and returns the source.
func ruleOf(n *document.Node) (source string, ok bool) {
	if n.Kind != document.Mapping {
		return "", false
	}
	source = text(lookup(n, "source"))
	mirrors := lookup(n, "mirrors")
	if source == "" || strings.Contains(source, "://") || mirrors == nil {
		return "", false
	}
	for _, m := range mirrors.Items() {
		return source, isText(m)
	}
	return "", false
}

// digestLists are the lists of digest rules that several kinds have, with the names of their policies.
var digestLists = map[string]string{"imageDigestSources": "sourcePolicy", "imageContentSources": ""}

// installers are the kinds that hold digest rules for a cluster or its installation, as fields of
// their own or as a text of an install-config.
var installers = []string{
	"AgentClusterInstall", "ClusterDeployment", "ClusterInstance", "ConfigMap", "HostedControlPlane",
	"ImageBasedConfig",
	"ImageBasedInstallationConfig", "ImageClusterInstall", kindInstallConfig, kindSecret, "SiteConfig",
}

// fragment reads a field that holds rules without an object of its own, or reports it. It is one
// list of such fields.
//
//gocyclo:ignore
func (w *walker) fragment(key, value *document.Node, at *step, c context) (handled bool) {
	name := key.Text
	policy, isDigestList := digestLists[name]
	switch {
	case value.Kind == document.Null:
	case isDigestList && value.Kind == document.List && slices.Contains(installers, c.kind):
		w.digestList(key, value, at.field(name), policy, c)
		return true
	case c.patch && value.Kind == document.List && fragmentKind(name) != "":
		w.patch(name, value, at.field(name), c)
		return true
	case c.kind == "HostedControlPlane" && name == "image" && at.last() == "configuration" &&
		lookup(value, "registrySources") != nil:
		w.found = true
		w.inside(at.field(name), func() {
			w.apart(w.origin(kindImage+"/cluster", "", key.Line), c, func() { w.imageConfiguration(value) })
		})
		return true
	case name == "registry_config" && value.Kind == document.Mapping:
		w.registryConfig(value, at.field(name), c)
		return true
	case name == "image_mirrors":
		w.ocmMirrors(key, value, at.field(name), c)
		return true
	case name == "imageDigestMirrors" && at.last() == "properties" && value.Kind == document.List: // ARO-HCP
		w.digestList(key, value, at.field(name), "", c)
		return true
	case (name == "registrySources" || name == "registry_sources") && holdsTexts(value):
		w.unread(key.Line, at.field(name), c, "", "was not read: give it as spec.registrySources of the "+
			"Image of config.openshift.io/v1 that is named cluster")
		return true
	case name == "mirrors" && isEndpoints(value):
		w.unread(key.Line, at.field(name), c, "", "holds mirrors in the form of registries.yaml (k3s, "+
			"RKE2) or of Talos, and was not read: give mirror objects, or the files that the client is given")
		return true
	case name == "registries.conf" && c.kind == kindConfigMap && at.last() == "data" && isText(value):
		return w.mirrorConfig(key, value, at.field(name), c)
	case c.secret && name == "data", c.kind == kindConfigMap && name == "binaryData":
		w.encoded(value, at.field(name), c)
		return true
	}
	return false
}

// digestList reads digest rules without an object of their own.
func (w *walker) digestList(key, list *document.Node, at *step, policy string, c context) {
	w.found = true
	w.apart(w.origin(w.object, at.String(), key.Line), c, func() {
		o := &object{decoder: w.decoder, node: key, name: w.object}
		o.digestSources(list, at.String(), policy)
	})
}

// fragmentKind returns the kind that a list of entries belongs to, "" for any other field.
func fragmentKind(name string) string {
	switch name {
	case "imageDigestMirrors":
		return kindIDMS
	case "imageTagMirrors":
		return kindITMS
	case "repositoryDigestMirrors":
		return kindICSP
	}
	return ""
}

// patch reads a list of entries that is put into an object.
func (w *walker) patch(list string, entries *document.Node, at *step, c context) {
	w.found = true
	kind := fragmentKind(list)
	w.inside(at, func() {
		w.apart(w.origin(kind, "", entries.Line), c, func() {
			w.patched(entries, kind)
			o := &object{decoder: w.decoder, node: entries, name: kind,
				TypeMeta: TypeMeta{Kind: kind, APIVersion: versionOf(kind)}}
			o.mirrors([]field{{list, entries.Line, entries}})
		})
	})
}

// holdsTexts reports whether a text stands below a mapping.
func holdsTexts(n *document.Node) bool {
	for i := range n.Fields() {
		value := &n.Fields()[i].Value
		for _, item := range value.Items() {
			if isText(item) {
				return true
			}
		}
		if value.Kind == document.Text && value.Text != "" && n.Fields()[i].Key.Text != "type" &&
			n.Fields()[i].Key.Text != "description" {
			return true
		}
	}
	return false
}

// isEndpoints reports whether a mapping is the "mirrors" of registries.yaml or of Talos: endpoints
// by registry.
func isEndpoints(n *document.Node) bool {
	for i := range n.Fields() {
		value := &n.Fields()[i].Value
		for _, key := range []string{"endpoint", "endpoints"} {
			if list := lookup(value, key); list != nil && list.Kind == document.List && list.Len() > 0 {
				return true
			}
		}
	}
	return false
}

// unread refuses what holds rules and was not read.
func (w *walker) unread(line int, at *step, c context, value, message string) {
	w.found = true
	if c.not != "" {
		w.excluded(w.origin(w.object, at.String(), line), c)
		return
	}
	if name := nearKind(c.kind); name != "" {
		message += "; did you mean kind " + name + "?"
	}
	w.refused = append(w.refused, finding.Finding{
		Code: finding.CodeUnreadRules, Severity: finding.SeverityError, RefusedBy: finding.Reader,
		Origin: w.origin(w.object, at.String(), line), Value: shown.Location(value), Message: message,
	})
}
