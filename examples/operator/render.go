package main

import (
	"context"
	"slices"
	"sync/atomic"

	configv1 "github.com/openshift/api/config/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/recorder"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Renderer turns the cluster's mirror objects into files, whenever one of them changes, and publishes them
// to the nodes' controller. Whatever changed, it renders everything anew: there is one request, "cluster".
type Renderer struct {
	client.Client
	// Live reads from the API server, past the caches; see readObjects. Statuses are read there too: one that a
	// cache has not heard of yet would look as if it need not be written.
	Live    client.Reader
	Events  recorder.EventRecorder
	Metrics *Metrics
	Desired *Desired

	told []finding.Finding // the findings of the last rendering; nil after a start, when the status says
}

// Desired is the newest set of files that was not refused. It is empty until the first one, and while there
// is no ClusterPulls.
type Desired struct {
	files   atomic.Pointer[Files]
	changed chan event.GenericEvent // capacity 1: one notice that is not read yet is enough
}

// NewDesired returns an empty Desired.
func NewDesired() *Desired { return &Desired{changed: make(chan event.GenericEvent, 1)} }

func (d *Desired) publish(f *Files) {
	d.files.Store(f)
	select {
	case d.changed <- event.GenericEvent{Object: &ClusterPulls{}}:
	default:
	}
}

// SetupWithManager registers the controller.
func (r *Renderer) SetupWithManager(mgr ctrl.Manager) error {
	all := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: clusterName}}}
	})
	// Statuses and annotations change nothing; generations count changes of specs.
	spec := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	return ctrl.NewControllerManagedBy(mgr).Named("render").
		For(&ClusterPulls{}, spec).
		Watches(&configv1.ImageDigestMirrorSet{}, all, spec).
		Watches(&configv1.ImageTagMirrorSet{}, all, spec).
		Watches(&configv1.Image{}, all, spec).
		Complete(r)
}

// Reconcile renders. Objects that the Machine Config Operator would refuse are not rendered in part: what
// was published before stays, and the status names object, field and value. After a restart nothing is
// published then, and the nodes keep what they have.
func (r *Renderer) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	if request.Name != clusterName {
		return ctrl.Result{}, nil
	}
	var cluster ClusterPulls
	if err := r.Live.Get(ctx, request.NamespacedName, &cluster); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, err
	} else if err != nil {
		r.Desired.files.Store(nil)
		r.told = nil
		return ctrl.Result{}, nil
	}
	objects, err := readObjects(ctx, r.Live)
	if err != nil {
		return ctrl.Result{}, err
	}
	rules, err := objects.set().Rules()
	before := cluster.DeepCopy()
	files, findings := render(rules, cluster.Spec.WindowsHosts) // of refused objects, for the findings alone
	if err == nil {
		// Before the status is written: the nodes do not wait for that.
		if now := r.Desired.files.Load(); now == nil || now.Linux.Hash != files.Linux.Hash || now.Windows.Hash != files.Windows.Hash {
			r.Desired.publish(files)
		}
		cluster.Status.Linux, cluster.Status.Windows = files.Linux.Hash, files.Windows.Hash
	}
	cluster.setRendered(err)
	cluster.setFindings(findings)
	r.Metrics.rendered(rules, findings, err != nil)
	return ctrl.Result{}, r.report(ctx, before, &cluster, objects, findings)
}

// report writes the status and sends events, of what is not in the status yet.
func (r *Renderer) report(ctx context.Context, before, cluster *ClusterPulls, objects *mirrorObjects, findings finding.Findings) error {
	if equality.Semantic.DeepEqual(before.Status, cluster.Status) {
		return nil
	}
	if err := r.Status().Patch(ctx, cluster, client.MergeFrom(before)); err != nil {
		return err
	}
	// An operator that is killed here sends no events, which is better than one that cannot write its status
	// and sends them again and again.
	told, now := r.told, findings
	if told == nil { // and of those that the status has no room for nobody knows
		told, now = before.Status.Findings, cluster.Status.Findings
	}
	r.told = append([]finding.Finding{}, findings...)
	r.announce(cluster, objects, added(told, now), added(findings, told))
	return nil
}

// added returns the findings of after that are not in before, without those that are only good to know.
func added(before, after []finding.Finding) []finding.Finding {
	return slices.DeleteFunc(slices.Clone(after), func(f finding.Finding) bool {
		return f.Severity == finding.SeverityInfo || slices.Contains(before, f)
	})
}

// announce sends events about findings that are new, at the objects that they are about, and about those that
// are gone. Events about one object with one reason are taken for repetitions of the first, and their notes are
// lost; so there is one for each object and code.
func (r *Renderer) announce(cluster *ClusterPulls, objects *mirrorObjects, appeared, gone []finding.Finding) {
	type subject struct{ object, reason string }
	var order []subject
	notes := map[subject][]string{}
	for _, f := range appeared {
		s := subject{f.Origin.Object, reason(f)}
		if notes[s] == nil {
			order = append(order, s)
		}
		notes[s] = append(notes[s], f.Detail())
	}
	for i, s := range order {
		if i == maxEvents {
			r.Events.Eventf(cluster, nil, "Warning", "MoreFindings", "Render", "there are new findings of %d more kinds; the status lists the gravest", len(order)-i)
			break
		}
		regarding := objects.find(s.object)
		if regarding == nil {
			regarding = cluster
		}
		r.Events.Eventf(regarding, nil, "Warning", s.reason, "Render", "%s", note(notes[s]))
	}
	if len(gone) > 0 {
		lines := make([]string, len(gone))
		for i, f := range gone {
			lines[i] = f.String()
		}
		r.Events.Eventf(cluster, nil, "Normal", "FindingsGone", "Render", "%s", note(lines))
	}
}

// find returns the object that findings call "Kind/name", or nil.
func (o *mirrorObjects) find(name string) client.Object {
	for _, object := range o.all() {
		if name == kindOf(object)+"/"+object.GetName() {
			return object
		}
	}
	return nil
}

func kindOf(o client.Object) string {
	switch o.(type) {
	case *configv1.ImageDigestMirrorSet:
		return "ImageDigestMirrorSet"
	case *configv1.ImageTagMirrorSet:
		return "ImageTagMirrorSet"
	}
	return "Image"
}
