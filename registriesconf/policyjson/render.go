package policyjson

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"go.yaml.in/yaml/v3"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// RenderOptions say what [Render] goes by beside the rules. The zero value is right where it is not
// known what release the cluster runs.
type RenderOptions struct {
	// ReleaseImage is the image of the release payload; where it is empty, that of the rules, which
	// they have from the ClusterVersion. MCO keeps its repository usable whatever is blocked. Where
	// neither is known there is no such exception, and a finding where one is to be expected.
	ReleaseImage string
	// Base is the table of the registries.conf that the rules edit: signatures are looked for at
	// its mirrors of a scope too. Nil stands for a file without registries, which MCO starts from.
	Base *resolve.LinuxTable
}

// Files are what a Linux node reads beside registries.conf. Each is empty where the node keeps what
// it has.
type Files struct {
	// Policy is /etc/containers/policy.json, and PolicyJSON the file itself. Where the file stays
	// as the template has it, PolicyJSON is the template, which is indented otherwise than
	// [Policy.Bytes] does.
	Policy     *Policy
	PolicyJSON []byte
	// Attachments are the scopes in /etc/containers/registries.d/sigstore-registries.yaml, in the
	// order of the file: for these the client looks for sigstore signatures beside the image.
	Attachments []string
	// Namespaces are /etc/crio/policies/NAMESPACE.json: each replaces policy.json for the pods of
	// one namespace.
	Namespaces map[string]*Policy
	// Blocked are the blocked scopes of registries.conf: those of the rules, but for the ones that
	// MCO leaves out because of the release payload.
	Blocked []mirrorset.Scope
}

// File is one file of a node.
type File struct {
	// Path is absolute.
	Path string
	Data []byte
}

// The directories that the files stand in, and their names there.
const (
	Containers      = "/etc/containers"
	FileName        = "policy.json"
	AttachmentsName = "registries.d/sigstore-registries.yaml"
	// NamespacesDir is where CRI-O looks for NAMESPACE.json, unless signature_policy_dir of its
	// configuration says otherwise.
	NamespacesDir = "/etc/crio/policies"
)

// InContainers returns the files that stand in /etc/containers, by their names there.
func (f Files) InContainers() map[string][]byte {
	files := map[string][]byte{}
	for _, file := range f.List() {
		if name, ok := strings.CutPrefix(file.Path, Containers+"/"); ok {
			files[name] = file.Data
		}
	}
	return files
}

// List returns the files to write, in the order of MCO.
func (f Files) List() []File {
	var files []File
	if f.PolicyJSON != nil {
		files = append(files, File{Containers + "/" + FileName, f.PolicyJSON})
	}
	if len(f.Attachments) > 0 {
		files = append(files, File{Containers + "/" + AttachmentsName, attachments(f.Attachments)})
	}
	for _, namespace := range slices.Sorted(maps.Keys(f.Namespaces)) {
		files = append(files, File{NamespacesDir + "/" + namespace + ".json", f.Namespaces[namespace].Bytes()})
	}
	return files
}

// Rendered reports whether a file has the form that List gives the file of this name, so that it
// was made here or by MCO: a policy with scopes of the transports docker and atomic, [Template], or
// attachments and nothing else.
func Rendered(name string, data []byte) bool {
	if name == AttachmentsName {
		var file struct {
			Docker map[string]any `yaml:"docker"`
		}
		_ = yaml.Unmarshal(data, &file) // what does not decode is nothing that attachments writes
		return bytes.Equal(attachments(slices.Sorted(maps.Keys(file.Docker))), data)
	}
	if string(data) == template {
		return true
	}
	p, findings := Parse(name, data)
	return findings.Err() == nil && p.Transports[docker] != nil && p.Transports[atomic] != nil &&
		bytes.Equal(p.Bytes(), data)
}

// attachments writes the file of registries.d.
func attachments(scopes []string) []byte {
	type registry struct {
		UseSigstoreAttachments bool `yaml:"use-sigstore-attachments"`
	}
	list := map[string]registry{}
	for _, scope := range scopes {
		list[scope] = registry{true}
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	_ = e.Encode(map[string]any{"docker": list}) // no text fails
	return b.Bytes()
}

// Template returns the policy.json that MCO starts from and that every node of OpenShift has: it
// takes every image.
func Template() []byte { return []byte(template) }

const template = `{
    "default": [
        {
            "type": "insecureAcceptAnything"
        }
    ],
    "transports":
        {
            "docker-daemon":
                {
                    "": [{"type":"insecureAcceptAnything"}]
                }
        }
}`

// Render returns what the Machine Config Operator makes of the blocked and allowed registries of
// Image, of ClusterImagePolicy and of ImagePolicy (pkg/controller/container-runtime-config,
// helpers.go), byte for byte:
//
//   - A blocked scope is rejected, so that its mirrors serve nothing either. That is not so for NeverContactSource, which
//     stands in registries.conf alone.
//   - Where there are allowed scopes, everything else is rejected by default.
//   - The scopes of a ClusterImagePolicy ask for its signatures, those of an ImagePolicy do in a file of its namespace,
//     unless a ClusterImagePolicy has them. All of them, and their mirrors, get an entry in registries.d.
//   - The repository of the release payload stays usable.
//
// Where MCO ends in an error it writes none of its files, registries.conf included. A finding then
// says which field is at fault, its Err is not nil, and the Files are empty. So they are where MCO
// writes a file that its client refuses. The findings of the rules themselves are not repeated. Nil
// rules ask for nothing.
//
// Several policies of one scope are appended in the order of their names; MCO takes the order of
// its cache, which is none. All of them have to be met.
func Render(rules *mirrorset.Rules, o RenderOptions) (Files, finding.Findings) {
	if rules == nil {
		rules = &mirrorset.Rules{}
	}
	release := rules.ReleaseImage
	if o.ReleaseImage != "" {
		release = mirrorset.Scope{Value: o.ReleaseImage}
	}
	r := renderer{rules: rules, o: o, release: release, cluster: map[string]*scoped{},
		namespaced: map[string]map[string]*scoped{}}
	r.payload()
	r.collect()
	r.scopesAreUsable()
	files := Files{Blocked: r.registriesBlocked}
	if len(r.policyBlocked)+len(r.allowed)+len(r.cluster)+len(r.namespaced) > 0 && r.findings.Err() == nil {
		r.policy(&files)
		r.sourcesAreAccepted(files.Policy)
		r.attachments(&files)
	}
	if r.findings.Err() != nil {
		files = Files{}
	}
	return files, r.findings.Sort()
}

// A renderer goes MCO's steps.
type renderer struct {
	rules    *mirrorset.Rules
	o        RenderOptions
	findings finding.Findings

	release                                   mirrorset.Scope // the release payload; empty where it is not known
	payloadName                               string
	registriesBlocked, policyBlocked, allowed []mirrorset.Scope
	cluster                                   map[string]*scoped            // by scope
	namespaced                                map[string]map[string]*scoped // by namespace and scope
}

// scoped is what is asked for on one scope.
type scoped struct {
	list   Requirements
	origin finding.Origin // of the first that asks
}

func (r *renderer) refuse(code finding.Code, origin finding.Origin, value, message string) {
	r.findings = append(r.findings, finding.Finding{
		Code: code, Severity: finding.SeverityError, Platform: finding.Linux, RefusedBy: finding.MCO, Origin: origin,
		Value: shown.Location(value), Message: message,
	})
}

func (r *renderer) tell(code finding.Code, severity finding.Severity, origin finding.Origin, value, message string) {
	r.findings = append(r.findings, finding.Finding{
		Code: code, Severity: severity, Platform: finding.Linux, Origin: origin, Value: shown.Location(value),
		Message: message,
	})
}

// releaseRepositories are where OpenShift's payload comes from unless it was mirrored by another name.
var releaseRepositories = []string{"quay.io/openshift-release-dev/ocp-release",
	"quay.io/openshift-release-dev/ocp-v4.0-art-dev"}

// unknownPayload blocks and allows what is listed, and reports a scope that MCO may treat otherwise.
func (r *renderer) unknownPayload() {
	r.registriesBlocked, r.policyBlocked, r.allowed = r.rules.Blocked, r.rules.Blocked, r.rules.Allowed
	for _, scope := range r.rules.Blocked {
		if slices.ContainsFunc(releaseRepositories, func(name string) bool { return inside(name, scope.Value) }) {
			r.tell(finding.CodePayloadBlocked, finding.SeverityWarning, scope.Origin, scope.Value,
				"may not be blocked for release payloads of OpenShift, which come from inside it: MCO treats such "+
					"a scope otherwise, which cannot be said without the release image; give it, or the "+
					"ClusterVersion")
		}
	}
	r.both()
}

// payload takes the repository of the release payload out of what is blocked
// (getValidBlockedAndAllowedRegistries).
func (r *renderer) payload() {
	if r.release.Value == "" {
		r.unknownPayload()
		return
	}
	named, ok := parseNamed(r.release.Value)
	if !ok || !strings.HasPrefix(r.release.Value, named.Name()) {
		origin := r.release.Origin
		if origin == (finding.Origin{}) {
			origin = finding.Origin{Object: "ClusterVersion/version", Field: "status.desired.image"}
		}
		r.refuse(finding.CodePayloadBlocked, origin, r.release.Value,
			"is not a release image that is written out in full, and MCO writes no configuration at all; "+
				"write host[:port]/repository@sha256:…")
		return
	}
	r.payloadName = named.Name()
	_, byDigest := named.(reference.Digested)
	var around []mirrorset.Scope
	for _, scope := range r.rules.Blocked {
		if !inside(r.payloadName, scope.Value) {
			r.registriesBlocked, r.policyBlocked = append(r.registriesBlocked, scope), append(r.policyBlocked, scope)
			continue
		}
		usable, err := r.payloadMirror(byDigest)
		if err != nil {
			r.tell(finding.CodePayloadBlocked, finding.SeverityError, scope.Origin, scope.Value, fmt.Sprintf(
				"holds the repository of the release payload, %s%s, of which MCO cannot find the mirrors: "+
					"%v; it then blocks and allows nothing at all, whatever is listed: correct the mirror",
				r.payloadName, r.named(), err))
			r.registriesBlocked, r.policyBlocked, r.allowed = nil, nil, nil
			return
		}
		if !usable {
			r.leavesOut(scope)
			continue
		}
		r.registriesBlocked = append(r.registriesBlocked, scope)
		if r.payloadName != scope.Value {
			r.policyBlocked = append(r.policyBlocked, scope)
		}
		around = append(around, scope)
		r.allowed = append(r.allowed, mirrorset.Scope{Value: r.payloadName, Origin: scope.Origin})
		r.tell(finding.CodePayloadBlocked, finding.SeverityInfo, scope.Origin, scope.Value, fmt.Sprintf(
			"holds the repository of the release payload, %s%s, which policy.json goes on to accept, so "+
				"that its mirrors serve it; no other image of the scope is", r.payloadName, r.named()))
	}
	r.allowed = append(r.allowed, r.rules.Allowed...)
	if len(around) > 0 && len(r.policyBlocked) == 0 && len(r.rules.Allowed) == 0 {
		r.tell(finding.CodePayloadBlocked, finding.SeverityError, around[0].Origin, around[0].Value,
			"is the repository of the release payload itself and nothing else is blocked: MCO's "+
				"policy.json then accepts that repository alone and rejects every other image of the "+
				"cluster; take it out of the list, and use NeverContactSource")
	}
	r.both()
}

// leavesOut reports a scope that MCO does not block, because it finds no usable mirror of the payload.
// Where the release image has no digest it finds none, whatever the objects say: the mirrors of IDMS and
// ICSP serve digests only.
func (r *renderer) leavesOut(scope mirrorset.Scope) {
	why, fix := "which has no digest mirror outside of the blocked registries", "mirror the payload, or block narrower scopes"
	if usable, _ := r.payloadMirror(true); usable { // and so it is the digest that is missing
		why = "which the release image names without a digest, so that MCO finds no mirror of it"
		fix = "give the release image with its digest, as the ClusterVersion has it"
	}
	r.tell(finding.CodePayloadBlocked, finding.SeverityWarning, scope.Origin, scope.Value, fmt.Sprintf(
		"holds the repository of the release payload, %s%s, %s: MCO does not block the scope at all, and "+
			"says so in no status; %s", r.payloadName, r.named(), why, fix))
}

// named says where the name of the payload comes from, unless the caller gave it.
func (r *renderer) named() string {
	if r.release.Origin == (finding.Origin{}) {
		return ""
	}
	return fmt.Sprintf(" (%s)", r.release.Origin)
}

// both refuses blocked scopes beside allowed ones (updatePolicyJSON).
func (r *renderer) both() {
	if len(r.allowed) == 0 || len(r.policyBlocked) == 0 || len(r.allowed) == 1 && r.allowed[0].Value == r.payloadName {
		return
	}
	if len(r.rules.Allowed) > 0 {
		r.refuse(finding.CodeBothLists, r.policyBlocked[0].Origin, r.policyBlocked[0].Value,
			"is blocked while allowedRegistries is set; MCO writes no configuration at all, keep one of the two lists")
		return
	}
	r.refuse(finding.CodePayloadBlocked, r.allowed[1].Origin, "", fmt.Sprintf(
		"is the second blocked scope around the repository of the release payload, %s, and MCO writes no "+
			"configuration at all then; keep the widest of them", r.payloadName))
}

// payloadMirror reports whether the payload has a digest mirror outside of all blocked scopes
// (payloadRepoHasUnblockedMirror).
func (r *renderer) payloadMirror(byDigest bool) (bool, error) {
	if !byDigest { // mirrors of IDMS and ICSP serve digests only
		return false, nil
	}
	entry, _ := resolve.NewLinuxTable(r.rules).Find(r.payloadName) // where there is none it has no mirrors
	entry.Mirrors = slices.DeleteFunc(entry.Mirrors, func(m resolve.LinuxMirror) bool { return m.Pull == mirrorset.ByTag })
	sources, err := pullSources(&entry, r.payloadName)
	return slices.ContainsFunc(sources, func(s string) bool {
		return !slices.ContainsFunc(r.rules.Blocked, func(b mirrorset.Scope) bool { return inside(s, b.Value) })
	}), err
}

// inside reports whether a scope is another one or lies inside it, as openshift/runtime-utils does
// (ScopeIsNestedInsideScope).
func inside(scope, around string) bool {
	if scope == around || strings.HasPrefix(scope, around+"/") {
		return true
	}
	if !strings.HasPrefix(around, "*.") {
		return false
	}
	if host, _, colon := strings.Cut(scope, ":"); colon {
		return strings.HasSuffix(host, around[1:]) && !strings.Contains(host, "/")
	}
	host, _, _ := strings.Cut(scope, "/")
	return strings.HasSuffix(host, around[1:])
}

// collect brings the requirements of all objects together (getValidScopePolicies).
func (r *renderer) collect() {
	clusterPolicies := slices.Clone(r.rules.ClusterImagePolicies)
	slices.SortStableFunc(
		clusterPolicies,
		func(a, b mirrorset.ClusterImagePolicy) int { return cmp.Compare(a.Metadata.Name, b.Metadata.Name) },
	)
	for i := range clusterPolicies {
		o := &clusterPolicies[i]
		requirement := r.requirement(&o.Spec.Policy, o.Origin("spec.policy"))
		if requirement == nil {
			continue
		}
		for j, scope := range o.Spec.Scopes {
			add(r.cluster, scope, *requirement, o.Origin(scopeAt(j)))
		}
	}
	policies := slices.Clone(r.rules.ImagePolicies)
	slices.SortStableFunc(policies, func(a, b mirrorset.ImagePolicy) int {
		return cmp.Compare(a.Metadata.Name,
			b.Metadata.Name)
	})
	for i := range policies {
		o := &policies[i]
		requirement := r.requirement(&o.Spec.Policy, o.Origin("spec.policy"))
		if requirement == nil {
			continue
		}
		for j, scope := range o.Spec.Scopes {
			if of := r.clusterScopeAround(scope); of != "" {
				r.tell(finding.CodeOverriddenScope, finding.SeverityWarning, o.Origin(scopeAt(j)), scope, fmt.Sprintf(
					"is judged by %s of %s alone, which lies around it: MCO leaves the scope out; take it out, "+
						"or narrow the ClusterImagePolicy", of, r.cluster[of].origin.Object))
				continue
			}
			namespace := o.Metadata.Namespace
			if r.namespaced[namespace] == nil {
				r.namespaced[namespace] = map[string]*scoped{}
			}
			add(r.namespaced[namespace], scope, *requirement, o.Origin(scopeAt(j)))
		}
	}
}

func scopeAt(i int) string { return fmt.Sprintf("spec.scopes[%d]", i) }

func add(to map[string]*scoped, scope string, r Requirement, origin finding.Origin) {
	if to[scope] == nil {
		to[scope] = &scoped{origin: origin}
	}
	to[scope].list = append(to[scope].list, r)
}

// clusterScopeAround returns a scope of a ClusterImagePolicy that a scope lies inside, and "" where
// there is none.
func (r *renderer) clusterScopeAround(scope string) string {
	for _, around := range slices.Sorted(maps.Keys(r.cluster)) {
		if inside(scope, around) {
			return around
		}
	}
	return ""
}

// requirement turns the policy of an object into that of policy.json (policyItemFromSpec). What the
// definition of the object refuses and MCO would stumble over is refused, and nil is returned.
func (r *renderer) requirement(p *mirrorset.ImageVerificationPolicy, origin finding.Origin) *Requirement {
	to := &Requirement{Type: SigstoreSigned, SignedIdentity: &Identity{Type: MatchRepoDigestOrExact}}
	root := &p.RootOfTrust
	switch {
	case root.PolicyType == "PublicKey" && root.PublicKey != nil:
		to.KeyData = root.PublicKey.KeyData
		if len(root.PublicKey.RekorKeyData) > 0 {
			to.RekorPublicKeyData = root.PublicKey.RekorKeyData
		}
	case root.PolicyType == "FulcioCAWithRekor" && root.FulcioCAWithRekor != nil:
		from := root.FulcioCAWithRekor
		to.Fulcio = &Fulcio{CAData: from.FulcioCAData, OIDCIssuer: from.FulcioSubject.OIDCIssuer,
			SubjectEmail: from.FulcioSubject.SignedEmail}
		to.RekorPublicKeyData = from.RekorKeyData
	case root.PolicyType == "PKI" && root.PKI != nil:
		from := root.PKI
		to.PKI = &PKI{CARootsData: from.CARootsData, SubjectEmail: from.PKICertificateSubject.Email,
			SubjectHostname: from.PKICertificateSubject.Hostname}
		if len(from.CAIntermediatesData) > 0 {
			to.PKI.CAIntermediatesData = from.CAIntermediatesData
		}
	}
	if p.SignedIdentity != nil {
		to.SignedIdentity = identityOf(p.SignedIdentity)
	}
	var c checker
	c.requirement("policy", to)
	if len(c.findings) == 0 {
		return to
	}
	message, _, _ := strings.Cut(c.findings[0].Message, "; the client")
	r.refuse(finding.CodeInvalidImagePolicy, origin, c.findings[0].Value, fmt.Sprintf(
		"makes no requirement of policy.json (%s %s), and MCO writes no configuration at all; correct the "+
			"object", c.findings[0].Origin.Field, message))
	return nil
}

func identityOf(id *mirrorset.SignedIdentity) *Identity {
	switch {
	case id.MatchPolicy == "RemapIdentity" && id.RemapIdentity != nil:
		return &Identity{Type: RemapIdentity, Prefix: id.RemapIdentity.Prefix,
			SignedPrefix: id.RemapIdentity.SignedPrefix}
	case id.MatchPolicy == "ExactRepository" && id.ExactRepository != nil:
		return &Identity{Type: ExactRepository, DockerRepository: id.ExactRepository.Repository}
	case id.MatchPolicy == "MatchRepository":
		return &Identity{Type: MatchRepository}
	case id.MatchPolicy == "MatchRepoDigestOrExact":
		return &Identity{Type: MatchRepoDigestOrExact}
	}
	return &Identity{Type: IdentityType(id.MatchPolicy)} // which is none
}

// scopesAreUsable refuses signatures that could never be asked for: on a scope that is not allowed,
// or that is blocked (validateImagePolicyWithAllowedBlockedRegistries).
func (r *renderer) scopesAreUsable() {
	r.usable(r.cluster)
	for _, scopes := range r.namespaced {
		r.usable(scopes)
	}
}

func (r *renderer) usable(scopes map[string]*scoped) {
	for scope, s := range scopes {
		if fitsAtomic(scope) && whyNoScope(atomic, scope) != "" {
			r.findings = append(r.findings, finding.Finding{
				Code: finding.CodePolicyScope, Severity: finding.SeverityError, Platform: finding.Linux,
				RefusedBy: finding.Client,
				Origin:    s.origin, Value: shown.Location(scope),
				Message: "is copied by MCO to the transport atomic, which has no such scope: podman, " +
					"skopeo and every client that knows the transport refuse the whole policy.json and " +
					"take no image; write the repository without tag and digest, or its namespace",
			})
		}
		within := func(list []mirrorset.Scope) int {
			return slices.IndexFunc(list, func(l mirrorset.Scope) bool { return inside(scope, l.Value) })
		}
		if len(r.allowed) > 0 && within(r.allowed) < 0 {
			why := "is not inside allowedRegistries"
			if len(r.rules.Allowed) == 0 {
				why = "is not inside the repository of the release payload, the only one that is accepted " +
					"by name because a blocked registry holds it,"
			}
			r.refuse(finding.CodePolicyScope, s.origin, scope, why+" and MCO writes no configuration at "+
				"all; allow the scope, or take it out")
		}
		if i := within(r.policyBlocked); i >= 0 {
			r.refuse(finding.CodePolicyScope, s.origin, scope, fmt.Sprintf(
				"is inside %s, which %s blocks, and MCO writes no configuration at all; take it out of one of the "+
					"two", r.policyBlocked[i].Value, r.policyBlocked[i].Origin))
		}
	}
}

// sourcesAreAccepted reports the entries whose mirrors serve nothing, because the names that they are
// for are all rejected.
func (r *renderer) sourcesAreAccepted(p *Policy) {
	accepted := map[string]bool{} // scopes that hold one that is not rejected
	for scope, list := range p.Transports[docker] {
		if list.outcome() == Refused {
			continue
		}
		for around := range aroundName(withoutTag(scope)) {
			accepted[around] = true
		}
	}
	for i := range r.rules.Rules {
		rule := &r.rules.Rules[i]
		j := p.judge(aroundName(rule.Source))
		if j.Outcome != Refused || accepted[rule.Source] {
			continue
		}
		why := fmt.Sprintf("policy.json rejects %s (%s) and judges the name that pods use, whoever serves "+
			"it; to have the mirrors serve it, write NeverContactSource instead of blocking it", j.Scope, j.Origin)
		if j.Scope == "" {
			why = fmt.Sprintf("policy.json rejects what is not listed (%s) and judges the name that pods "+
				"use, not that of a mirror; list the source, its mirrors need not be", j.Origin)
		}
		for _, e := range rule.Entries {
			if e == nil { // of rules built by hand
				continue
			}
			r.tell(finding.CodeNoLocation, finding.SeverityError, e.Origin, rule.Source, "cannot be "+
				"pulled from on Linux, and its mirrors serve nothing; "+why)
		}
	}
}

// policy makes policy.json and the files of namespaces (updatePolicyJSON, updateNamespacedPolicyJSONs).
func (r *renderer) policy(files *Files) {
	p, _ := Parse("", []byte(template))
	p.origins = map[place]finding.Origin{}
	scopes := Scopes{}
	set := func(scope string, list Requirements, origin finding.Origin) {
		scopes[scope] = list
		p.origins[place{transport: docker, scope: scope}] = origin
	}
	if len(r.allowed) > 0 {
		p.Default = Requirements{{Type: Reject}}
		origin := r.allowed[0].Origin
		origin.Field = strings.TrimSuffix(origin.Field, fmt.Sprintf("[%d]", 0))
		p.origins[place{global: true}] = origin
		for _, scope := range r.allowed {
			if r.cluster[scope.Value] == nil {
				set(scope.Value, Requirements{{Type: Accept}}, scope.Origin)
			}
		}
	}
	if len(r.policyBlocked) > 0 {
		p.Default = Requirements{{Type: Accept}}
		delete(p.origins, place{global: true})
		for _, scope := range r.policyBlocked {
			set(scope.Value, Requirements{{Type: Reject}}, scope.Origin)
		}
	}
	for scope, s := range r.cluster {
		set(scope, append(scopes[scope], s.list...), s.origin)
	}
	files.Policy, files.PolicyJSON = p, Template()
	if len(scopes) > 0 {
		p.Transports[docker], p.Transports[atomic] = scopes, Scopes{}
		for scope, list := range scopes {
			if fitsAtomic(scope) {
				p.Transports[atomic][scope] = list
			}
		}
		files.PolicyJSON = p.Bytes()
	}
	for namespace, scopes := range r.namespaced {
		if files.Namespaces == nil {
			files.Namespaces = map[string]*Policy{}
		}
		files.Namespaces[namespace] = p.with(scopes)
	}
}

// with returns the policy of a namespace, which has scopes of its own beside those of the cluster.
func (p *Policy) with(scopes map[string]*scoped) *Policy {
	n := &Policy{Default: p.Default, Transports: maps.Clone(p.Transports), origins: maps.Clone(p.origins)}
	for _, transport := range []string{docker, atomic} {
		list := maps.Clone(n.Transports[transport])
		if list == nil {
			list = Scopes{}
		}
		for scope, s := range scopes {
			if transport == docker || fitsAtomic(scope) {
				list[scope] = append(slices.Clone(list[scope]), s.list...)
			}
		}
		n.Transports[transport] = list
	}
	for scope, s := range scopes {
		n.origins[place{transport: docker, scope: scope}] = s.origin
	}
	return n
}

// atomic is the transport of OpenShift's former registry. MCO gives it the scopes of docker that it
// takes.
const atomic = "atomic"

func fitsAtomic(scope string) bool { return strings.Count(scope, "/") < 3 }

// attachments finds the scopes of registries.d: those of the policies and their mirrors
// (generateSigstoreRegistriesdConfig).
func (r *renderer) attachments(files *Files) {
	policies := map[string]finding.Origin{}
	for scope, s := range r.cluster {
		policies[scope] = s.origin
	}
	for _, scopes := range r.namespaced {
		for scope, s := range scopes {
			if _, ok := policies[scope]; !ok {
				policies[scope] = s.origin
			}
		}
	}
	if len(policies) == 0 {
		return
	}
	rules := *r.rules
	rules.Blocked = r.registriesBlocked
	table := r.o.Base.Edit(&rules)
	found := slices.Collect(maps.Keys(policies))
	entries := table.Entries()
	for _, policy := range slices.Sorted(maps.Keys(policies)) {
		found = append(found, r.mirrors(table, policy, policies[policy])...)
		for i := range entries {
			if prefix := entries[i].Prefix; inside(prefix, policy) {
				found = append(found, r.mirrors(table, prefix, policies[policy])...)
			}
		}
	}
	slices.Sort(found)
	files.Attachments = slices.Compact(found)
}

// mirrors returns the mirrors of a scope, and the scope itself where it has an entry
// (addScopeMirrorsSigstoreRegistriesdConfig).
func (r *renderer) mirrors(table *resolve.LinuxTable, scope string, policy finding.Origin) []string {
	name := withoutTag(scope)
	entry, _ := table.Find(name) // where there is none it has no mirrors
	const image = "/a"           // of a registry, whose name alone is no reference
	whole := !strings.Contains(name, "/")
	if whole {
		name += image
	}
	sources, err := pullSources(&entry, name)
	if err != nil {
		r.refuse(finding.CodePolicyScope, policy, scope, fmt.Sprintf("has a mirror that cannot be written "+
			"for it: %v; MCO writes no configuration at all, correct the mirror or the scope", err))
	}
	for i := range sources {
		if whole {
			sources[i] = strings.TrimSuffix(sources[i], image)
		}
	}
	return sources
}

// withoutTag returns a scope without the tag and the digest of one image.
func withoutTag(scope string) string {
	name, _, _ := strings.Cut(scope, "@")
	host, rest, below := strings.Cut(name, "/")
	if !below {
		return name // the colon of a host stands before its port
	}
	rest, _, _ = strings.Cut(rest, ":")
	return host + "/" + rest
}

// pullSources returns where a repository may come from: its name at each mirror, and at the
// registry itself unless that is a wildcard (sysregistriesv2, PullSourcesFromReference). The error
// is about one that cannot be written.
func pullSources(entry *resolve.LinuxEntry, name string) ([]string, error) {
	rest := strings.TrimPrefix(name, entry.Prefix)
	if wildcard, is := strings.CutPrefix(entry.Prefix, "*"); is {
		_, rest, _ = strings.Cut(name, wildcard)
	}
	var sources []string
	for _, m := range entry.Mirrors {
		sources = append(sources, m.Location+rest)
	}
	if entry.Location != "" {
		sources = append(sources, entry.Location+rest)
	}
	for _, s := range sources {
		named, ok := parseNamed(s)
		if !ok || named.String() != s {
			return nil, fmt.Errorf("%s is no repository", shown.Location(s))
		}
	}
	return sources, nil
}
