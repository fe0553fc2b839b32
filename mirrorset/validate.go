package mirrorset

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Validate returns everything that the API server or MCO refuses in the set, each finding saying which
// of the two, and everything that either accepts and that has no effect or another one than it seems. It
// does not repeat s.Findings.
func (s *Set) Validate() finding.Findings {
	return s.validate(s.entries())
}

func (s *Set) validate(entries []*Entry) finding.Findings {
	v := &validator{set: s, entries: entries}
	for _, e := range v.entries {
		v.entry(e)
	}
	v.policies()
	v.imageMirrors()
	for i := range s.Images {
		v.image(&s.Images[i])
	}
	v.imagePolicies()
	v.names()
	v.duplicates()
	v.nodePools()
	v.managed()
	return v.findings.Sort()
}

type validator struct {
	set      *Set
	entries  []*Entry
	findings finding.Findings
}

func (v *validator) refuse(code finding.Code, by finding.Refuser, origin finding.Origin, value, message string) {
	v.findings = append(v.findings, finding.Finding{
		Code: code, Severity: finding.SeverityError, RefusedBy: by, Origin: origin,
		Value: shortened(shown.Location(value)), Message: message,
	})
}

func (v *validator) warn(code finding.Code, origin finding.Origin, value, message string) {
	v.findings = append(v.findings, finding.Finding{
		Code: code, Severity: finding.SeverityWarning, Origin: origin, Value: shown.Location(value), Message: message,
	})
}

// refuser says who holds the entry's kind to the grammar: the schema of its definition, or, for
// ImageContentSourcePolicy, which has no patterns in its own, MCO. An image mirror is the service's.
func refuser(e *Entry) finding.Refuser {
	switch kind, _, _ := strings.Cut(e.Origin.Object, "/"); kind {
	case kindICSP:
		return finding.MCO
	case kindImageMirror:
		return finding.ClusterService
	}
	return finding.APIServer
}

// refuserOf returns who refuses a value that the grammar does: a name that is too long passes the
// schemas.
func refuserOf(value string, by finding.Refuser) finding.Refuser {
	if len(value) > maxLength {
		return finding.Reader
	}
	return by
}

// shortened returns a value as it stands in a finding: the beginning of one that nobody can read.
func shortened(value string) string {
	if len(value) <= maxLength {
		return value
	}
	return value[:60] + "..."
}

// shortAddress reports a host that the resolver of the C library reads as an IPv4 address, though
// it is not written as one: which host a node asks then depends on its resolver.
func (v *validator) shortAddress(origin func() finding.Origin, value string) {
	host, _, _ := strings.Cut(value, "/")
	if address, ok := network.ShortIPv4(host); ok {
		v.warn(finding.CodeAmbiguousHost, origin(), value, fmt.Sprintf(
			"may be asked at another address: some resolvers read it as %s and others as a name; write the "+
				"address as four decimal numbers", address))
	}
}

func (v *validator) entry(e *Entry) {
	by := refuser(e)
	valid := ValidSource(e.Source)
	if !valid {
		message := "is not a source: " + whyInvalid(e.Source)
		if e.Source == "" {
			message = "is missing or empty; name the registry, namespace or repository to redirect"
		}
		v.refuse(finding.CodeInvalidSource, refuserOf(e.Source, by), e.SourceOrigin(), e.Source, message)
	} else {
		v.shortAddress(e.SourceOrigin, e.Source)
	}
	switch e.Policy {
	case "", NeverContactSource, AllowContactingSource:
	default:
		v.refuse(finding.CodeInvalidPolicy, finding.APIServer, e.PolicyOrigin(), string(e.Policy),
			"is not a policy; write NeverContactSource or AllowContactingSource, or leave the field out")
	}
	v.mirrors(e, by)
	if valid {
		v.unmatched(e)
	}
	v.noEffect(e, by)
}

// mirrors checks the mirrors of an entry.
func (v *validator) mirrors(e *Entry, by finding.Refuser) {
	first := indexOf(e.Mirrors)
	for i, m := range e.Mirrors {
		if !ValidMirror(m) {
			v.refuse(finding.CodeInvalidMirror, refuserOf(m, by), e.MirrorOrigin(i), m,
				"is not a mirror: "+whyInvalid(m))
		} else {
			v.shortAddress(func() finding.Origin { return e.MirrorOrigin(i) }, m)
		}
		if at, _ := first(m); at < i {
			v.repeated(e, by, i, at)
			continue
		}
		if m == e.Source && e.never() {
			v.refuse(finding.CodeSourceAsMirror, finding.MCO, e.MirrorOrigin(i), m,
				"is the source itself, which NeverContactSource forbids to contact; remove it or change the policy")
		}
	}
}

// repeated reports mirror i, which is the same as an earlier one.
func (v *validator) repeated(e *Entry, by finding.Refuser, i, earlier int) {
	m := e.Mirrors[i]
	if by != finding.MCO {
		v.refuse(finding.CodeRepeatedMirror, by, e.MirrorOrigin(i), m, fmt.Sprintf("is listed already as "+
			"mirrors[%d]; remove one of the two", earlier))
	} else { // the definition of ImageContentSourcePolicy does not call the list a set
		v.warn(finding.CodeRepeatedMirror, e.MirrorOrigin(i), m, fmt.Sprintf("is listed already as "+
			"mirrors[%d]; MCO decides where it stands in the order of preference", earlier))
	}
}

// noEffect reports an entry that makes no rule. That an image mirror has no mirrors is refused
// elsewhere.
func (v *validator) noEffect(e *Entry, by finding.Refuser) {
	if e.real() || by == finding.ClusterService && len(e.Mirrors) == 0 {
		return
	}
	why, mend := "it has no mirrors", "add mirrors or remove the entry"
	if len(e.Mirrors) > 0 {
		why = "it has no mirror but its own source"
	}
	if e.never() {
		why, mend = why+", and NeverContactSource needs one", "block the registry in the Image named cluster instead"
	}
	message := "redirects and forbids nothing: " + why + "; " + mend
	v.warn(finding.CodeNoEffect, e.Origin, e.Source, message)
}

// policies refuses a source that has both policies. MCO judges all entries of all kinds together, also
// those that make no rule, and counts an absent policy as AllowContactingSource.
func (v *validator) policies() {
	never := map[string]*Entry{} // the first of each source
	for _, e := range slices.Backward(v.entries) {
		if e.never() {
			never[e.Source] = e
		}
	}
	for _, e := range v.entries {
		if n := never[e.Source]; n != nil && !e.never() {
			v.contradiction(n, e)
			delete(never, e.Source) // one of them is enough
		}
	}
}

// contradiction refuses two policies of one source.
func (v *validator) contradiction(never, allow *Entry) {
	said := "says " + string(AllowContactingSource)
	if allow.Policy == "" {
		said = "says nothing, which means " + string(AllowContactingSource)
		if strings.HasPrefix(allow.Origin.Object, kindICSP) {
			said = "is of a kind that always means " + string(AllowContactingSource)
		}
	}
	v.refuse(finding.CodePolicyConflict, finding.MCO, never.PolicyOrigin(), never.Source, fmt.Sprintf(
		"is under two policies, and MCO takes neither; NeverContactSource stands here, while %s %s; give both "+
			"the same policy",
		allow.Origin, said))
	v.findings[len(v.findings)-1].Related = allow.Origin
}

func (v *validator) image(o *Image) {
	if !o.isCluster() {
		v.warn(finding.CodeNoEffect, o.origin("metadata.name"), o.Metadata.Name, "is not read: only the "+
			"Image named cluster counts")
	}
	for list, values := range o.lists() {
		if list == listSearch {
			v.searchRegistries(o, values)
			continue
		}
		// The bounds are those of github.com/openshift/api, config/v1, types_image.go.
		if len(values) > 1024 {
			v.refuse(finding.CodeInvalidScope, finding.APIServer, o.listOrigin(list), "",
				fmt.Sprintf("has %d items, and may have 1024; name whole registries or wildcards", len(values)))
		}
		for i, value := range values {
			if len(value) > 256 {
				v.refuse(finding.CodeInvalidScope, finding.APIServer, o.scopeOrigin(list, i), value,
					fmt.Sprintf("is %d characters long, and may be 256", len(value)))
			} else if !ValidSource(value) {
				v.refuse(finding.CodeInvalidScope, refuserOf(value, finding.APIServer), o.scopeOrigin(list, i),
					value, "is not a registry scope: "+whyInvalid(value))
			} else {
				v.shortAddress(func() finding.Origin { return o.scopeOrigin(list, i) }, value)
			}
		}
	}
	r := &o.Spec.RegistrySources
	if r.AllowedRegistries != nil && r.BlockedRegistries != nil { // empty lists count too
		v.refuse(finding.CodeBothLists, finding.APIServer, o.listOrigin(listBlocked), "", "cannot be "+
			"set together with allowedRegistries; keep one of the two")
	}
	if len(r.AllowedRegistries) > 0 && o.isCluster() {
		v.findings = append(v.findings, finding.Finding{
			Code: finding.CodeNotApplied, Severity: finding.SeverityInfo, Platform: finding.Linux,
			Origin: o.listOrigin(listAllowed),
			Message: "allows images by the name that pods use: list their sources; mirrors need not be " +
				"listed, and to list only a mirror rejects the pull; policy.json of Linux nodes says so",
		})
		v.notByContainerd(o.listOrigin(listAllowed), "is not applied by containerd: it has no file that refuses what "+
			"is not listed, and images of every registry are pulled; keep them out by other means")
	}
}

// notByContainerd says that nothing on nodes with containerd does what a field asks for.
func (v *validator) notByContainerd(origin finding.Origin, message string) {
	v.findings = append(v.findings, finding.Finding{Code: finding.CodeNotApplied, Severity: finding.SeverityWarning,
		Platform: finding.Containerd, Origin: origin, Message: message})
}

// searchRegistries checks containerRuntimeSearchRegistries, a set of at least one host. The schema's
// "format: hostname" stands on the list and not on its items, so the API server lets anything in; one
// item that is no host then makes every Linux client refuse its whole configuration.
func (v *validator) searchRegistries(o *Image, values []string) {
	if values != nil && len(values) == 0 {
		v.refuse(finding.CodeInvalidScope, finding.APIServer, o.listOrigin(listSearch), "", "is "+
			"empty; name a registry or leave the field out")
	}
	listed := map[string]bool{}
	for i, value := range values {
		if listed[value] {
			v.refuse(finding.CodeInvalidScope, finding.APIServer, o.scopeOrigin(listSearch, i), value,
				"is listed already; remove one of the two")
		}
		listed[value] = true
		if !ValidHost(value) {
			v.refuse(finding.CodeInvalidScope, finding.Client, o.scopeOrigin(listSearch, i), value, "is "+
				"not a registry host, and Linux nodes would refuse all of registries.conf for it; write host[:port]")
		}
	}
}

// duplicates reports objects of one kind and name that differ. In a cluster one replaces the other.
func (v *validator) duplicates() {
	s := v.set
	v.differing(kindImage, len(s.Images), func(i int) (string, *ReadFrom, any) {
		o := &s.Images[i]
		return o.Metadata.Name, o.ReadFrom, &o.Spec
	})
	v.differing(kindClusterVersion, len(s.ClusterVersions), func(i int) (string, *ReadFrom, any) {
		o := &s.ClusterVersions[i]
		return o.Metadata.Name, o.ReadFrom, &o.Status
	})
	v.differing(kindMachineConfiguration, len(s.MachineConfigurations), func(i int) (string, *ReadFrom, any) {
		o := &s.MachineConfigurations[i]
		return o.Metadata.Name, o.ReadFrom, &o.Spec
	})
	v.differing(kindIDMS, len(s.ImageDigestMirrorSets), func(i int) (string, *ReadFrom, any) {
		o := &s.ImageDigestMirrorSets[i]
		return o.Metadata.Name, o.ReadFrom, &o.Spec
	})
	v.differing(kindITMS, len(s.ImageTagMirrorSets), func(i int) (string, *ReadFrom, any) {
		o := &s.ImageTagMirrorSets[i]
		return o.Metadata.Name, o.ReadFrom, &o.Spec
	})
	v.differing(kindICSP, len(s.ImageContentSourcePolicies), func(i int) (string, *ReadFrom, any) {
		o := &s.ImageContentSourcePolicies[i]
		return o.Metadata.Name, o.ReadFrom, &o.Spec
	})
}

// differing reports, of n objects of a kind, those that have the name of an earlier one and another
// content.
func (v *validator) differing(kind string, n int, object func(i int) (name string, from *ReadFrom, content any)) {
	origin := func(name string, from *ReadFrom) finding.Origin { return from.Origin(kind+"/"+name, "") }
	first := make(map[string]int, n)
	for i := range n {
		name, from, content := object(i)
		if name == "" {
			continue
		}
		j, ok := first[name]
		if !ok {
			first[name] = i
			continue
		}
		_, before, was := object(j)
		if reflect.DeepEqual(was, content) {
			continue
		}
		places := []finding.Origin{origin(name, before), origin(name, from)}
		slices.SortFunc(places, finding.Origin.Compare) // whatever the order of reading, the later place is reported
		a, b := places[0], places[1]
		v.warn(finding.CodeDuplicate, b, "", fmt.Sprintf(
			"counts here beside other content in %s: in a cluster the one applied last replaces the other",
			cmp.Or(a.Place(), "elsewhere in the input")))
		v.findings[len(v.findings)-1].Related = a
	}
}

// unmatched reports a valid source that no image name lies inside: clients write names out in full
// before they compare them (github.com/distribution/reference, normalize.go).
func (v *validator) unmatched(e *Entry) {
	host, path, hasPath := strings.Cut(e.Source, "/")
	var message string
	switch {
	case strings.EqualFold(host, "index.docker.io"):
		message = "matches no image: clients write index.docker.io as docker.io; use docker.io"
	case strings.EqualFold(host, "registry-1.docker.io"):
		message = "matches only images that are spelled with registry-1.docker.io; clients write those of " +
			"Docker Hub as docker.io/…; use docker.io"
	case host == "docker.io" && hasPath && !strings.Contains(path, "/") && path != "library":
		message = fmt.Sprintf("matches the namespace %[1]s of Docker Hub and not its image %[1]s, which "+
			"clients write as docker.io/library/%[1]s", path)
	case !strings.ContainsAny(host, ".:") && host != "localhost" && strings.ToLower(host) == host:
		message = fmt.Sprintf("matches no image: clients take no name without dot or port for a host, and "+
			"write %s/… as docker.io/%[1]s/…", host)
	default:
		return
	}
	v.warn(finding.CodeUnmatchedSource, e.SourceOrigin(), e.Source, message)
}

// nodePools refuses mirrors for tags in the configuration of a NodePool: HyperShift takes
// ImageDigestMirrorSet and ImageContentSourcePolicy there, and no other kind of mirror object.
func (v *validator) nodePools() {
	for i := range v.set.ImageTagMirrorSets {
		o := &v.set.ImageTagMirrorSets[i]
		if o.ReadFrom == nil {
			continue
		}
		object, _, _ := strings.Cut(o.ReadFrom.Wrapper, " ")
		if name, ok := strings.CutPrefix(object, kindConfigMap+"/"); ok &&
			slices.ContainsFunc(v.set.NodePools, func(p NodePool) bool { return slices.Contains(p.Config, name) }) {
			v.refuse(finding.CodeManagedCluster, finding.NodePool,
				o.ReadFrom.Origin(objectName(kindITMS, o.Metadata.Name), ""), "",
				"stands in the configuration of a NodePool, which takes no mirrors for tags and stops "+
					"there; remove it")
		}
	}
}

// managed reports mirror objects that stand beside a HostedCluster: the nodes of a managed cluster take
// their mirrors from the HostedCluster, or from the managed cluster's image mirrors.
func (v *validator) managed() {
	if len(v.set.HostedClusters) == 0 {
		return
	}
	cluster := slices.MinFunc(v.set.HostedClusters, finding.Origin.Compare)
	reported := map[string]bool{}
	for _, e := range v.entries {
		inConfigMap := strings.HasPrefix(e.Origin.Wrapper, kindConfigMap+"/") // as a NodePool reads it
		if strings.HasPrefix(e.Origin.Object, kindHostedCluster) || inConfigMap || reported[e.Origin.Object] {
			continue
		}
		reported[e.Origin.Object] = true
		origin := e.Origin
		origin.Field = ""
		v.warn(finding.CodeManagedCluster, origin, "", fmt.Sprintf(
			"redirects nothing on the nodes of %s, which do not read it: a managed cluster takes "+
				"spec.imageContentSources of the HostedCluster, or image mirrors", cluster.Object))
	}
}
