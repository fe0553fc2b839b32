package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1alpha1 "github.com/openshift/api/operator/v1alpha1"
	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

// Webhook judges a mirror object, or the cluster's Image, before it is stored. It refuses what the
// API server would take and the Machine Config Operator stops at: until somebody mends that, no
// change of any mirror object reaches a node. What is else worth knowing it returns as warnings,
// which kubectl apply prints.
//
// It judges the object together with those that its reader has, which may be a moment behind: two
// objects that contradict each other, created at once, may both get through. The Renderer then
// reports them.
type Webhook struct {
	Reader  client.Reader
	Decoder admission.Decoder

	last atomic.Pointer[judged] // of the objects that the reader had last
}

// judged is what there is to say of objects, by their versions.
type judged struct {
	versions string
	findings finding.Findings
}

// webhookPath is where the API server asks; config/webhook.yaml has it too.
const webhookPath = "/validate-mirrors"

const (
	// The API server cuts a warning after 256 bytes, and takes no more than 4,096 in all
	// (k8s.io/apiserver, pkg/endpoints/filters/warning.go).
	maxWarning  = 256
	maxWarnings = 4096 / maxWarning
)

// Handle implements [admission.Handler].
func (w *Webhook) Handle(ctx context.Context, request admission.Request) admission.Response {
	if request.Operation != admissionv1.Create && request.Operation != admissionv1.Update {
		return admission.Allowed("")
	}
	object, err := w.decode(request)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	before, windows, err := w.read(ctx)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	after := before.with(object)
	was, err := w.judgeAgain(before, windows)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	is, err := judge(after, windows)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	name := kindOf(object) + "/" + object.GetName()
	response := admission.Allowed("")
	if refused := newRefusals(was, is); len(refused) > 0 {
		response = admission.Denied(strings.Join(refused, "; "))
	}
	return response.WithWarnings(warnings(was, is, name)...)
}

// decode returns the object of a request.
func (w *Webhook) decode(request admission.Request) (client.Object, error) {
	var object client.Object
	switch request.Kind.Kind {
	case "ImageDigestMirrorSet":
		object = &configv1.ImageDigestMirrorSet{}
	case "ImageTagMirrorSet":
		object = &configv1.ImageTagMirrorSet{}
	case "ImageContentSourcePolicy":
		object = &operatorv1alpha1.ImageContentSourcePolicy{}
	case "Image":
		object = &configv1.Image{}
	default:
		return nil, fmt.Errorf("objects of kind %s are not judged here: take them out of the "+
			"ValidatingWebhookConfiguration", request.Kind.Kind)
	}
	return object, w.Decoder.Decode(request, object)
}

// read returns the objects that the reader has, and whether there are nodes with Windows.
func (w *Webhook) read(ctx context.Context) (objects *mirrorObjects, windows bool, err error) {
	o := &mirrorObjects{}
	var nodes NodePullsList
	for _, list := range []client.ObjectList{
		&o.ImageDigestMirrorSets, &o.ImageTagMirrorSets, &o.ImageContentSourcePolicies, &o.Images, &nodes,
	} {
		if err := w.Reader.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil { // they are only read
			return nil, false, err
		}
	}
	return o, slices.ContainsFunc(nodes.Items, func(n NodePulls) bool { return n.Spec.Platform == finding.Windows }), nil
}

// with returns the objects with one that is new, or in place of that of its name.
func (o *mirrorObjects) with(object client.Object) *mirrorObjects {
	after := *o
	switch object := object.(type) {
	case *configv1.ImageDigestMirrorSet:
		after.ImageDigestMirrorSets.Items = put(o.ImageDigestMirrorSets.Items, *object, object.Name,
			func(i *configv1.ImageDigestMirrorSet) string { return i.Name })
	case *configv1.ImageTagMirrorSet:
		after.ImageTagMirrorSets.Items = put(o.ImageTagMirrorSets.Items, *object, object.Name,
			func(i *configv1.ImageTagMirrorSet) string { return i.Name })
	case *operatorv1alpha1.ImageContentSourcePolicy:
		after.ImageContentSourcePolicies.Items = put(o.ImageContentSourcePolicies.Items, *object, object.Name,
			func(i *operatorv1alpha1.ImageContentSourcePolicy) string { return i.Name })
	case *configv1.Image:
		after.Images.Items = put(o.Images.Items, *object, object.Name, func(i *configv1.Image) string { return i.Name })
	}
	return &after
}

// put returns a copy of items with one that is new, or in place of that of its name.
func put[T any](items []T, item T, name string, nameOf func(*T) string) []T {
	items = slices.Clone(items)
	for i := range items {
		if nameOf(&items[i]) == name {
			items[i] = item
			return items
		}
	}
	return append(items, item)
}

// judgeAgain judges objects, unless they are those of the last time.
func (w *Webhook) judgeAgain(o *mirrorObjects, windows bool) (finding.Findings, error) {
	var versions strings.Builder
	fmt.Fprint(&versions, windows)
	for _, object := range o.all() {
		version := object.GetResourceVersion()
		if version == "" {
			return judge(o, windows) // not from an API server
		}
		versions.WriteString(" " + string(object.GetUID()) + "@" + version)
	}
	if last := w.last.Load(); last != nil && last.versions == versions.String() {
		return last.findings, nil
	}
	findings, err := judge(o, windows)
	if err == nil {
		w.last.Store(&judged{versions.String(), findings})
	}
	return findings, err
}

// judge returns everything that there is to say of objects, for nodes with Windows too where there are any.
func judge(o *mirrorObjects, windows bool) (finding.Findings, error) {
	set, err := o.Set()
	if err != nil {
		return nil, err
	}
	rules, refused := set.Rules()
	files, _, findings := registriesconf.Render(rules, registriesconf.RenderOptions{})
	findings = slices.Concat(rules.Findings, findings)
	if windows {
		_, _, more := hoststoml.Render(rules, hoststoml.RenderOptions{})
		findings = append(findings, more...)
	}
	if refused != nil {
		return findings, nil // those of the rules say why
	}
	theirs := *rules
	theirs.Blocked = files.Policies.Blocked
	if fails, ok := resolve.MCO(&theirs).Fails(); ok {
		fails.RefusedBy = finding.MCO
		findings = append(findings, fails)
	}
	return findings, nil
}

// newRefusals returns what refuses the objects now and did not before. Who mends a part of what is wrong is not
// held up by the rest.
func newRefusals(before, after finding.Findings) (refused []string) {
	for _, f := range after {
		if f.Refused() && !slices.ContainsFunc(before, func(b finding.Finding) bool {
			return b.Refused() && b.Code == f.Code && b.Origin.Object == f.Origin.Object && b.Value == f.Value
		}) {
			refused = append(refused, f.String())
		}
	}
	return refused
}

// warnings returns what is worth a look: of the object itself all, and of others what is new because of it.
func warnings(before, after finding.Findings, object string) (lines []string) {
	known := make(map[finding.Finding]bool, len(before))
	for _, f := range before {
		known[f] = true
	}
	var told finding.Findings
	for _, f := range after {
		about := f.Origin.Object == object || f.Related.Object == object || !known[f]
		if about && !f.Refused() && f.Severity != finding.SeverityInfo {
			told = append(told, f)
		}
	}
	slices.SortStableFunc(told, func(a, b finding.Finding) int { // the gravest first
		return boolToInt(b.Severity == finding.SeverityError) - boolToInt(a.Severity == finding.SeverityError)
	})
	for i, f := range told {
		if i == maxWarnings-1 && len(told) > maxWarnings {
			return append(lines, fmt.Sprintf("and %d more: mirrorctl lint has them all", len(told)-i))
		}
		lines = append(lines, truncate(f.String(), maxWarning))
	}
	return lines
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
