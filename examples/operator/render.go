package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1alpha1 "github.com/openshift/api/operator/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
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

// Renderer turns the cluster's mirror objects into files, whenever one of them changes, and
// publishes them to the nodes' controller. Whatever changed, it renders everything anew: there is
// one request, "cluster".
type Renderer struct {
	client.Client
	// Live reads from the API server, past the caches; see readObjects. Statuses are read there
	// too: one that a cache has not heard of yet would look as if it need not be written.
	Live    client.Reader
	Events  recorder.EventRecorder
	Metrics *Metrics
	Desired *Desired
	Store   *Store
	Resync  time.Duration // how often the store is looked at though nothing changed

	told []finding.Finding // the findings of the last rendering; nil after a start, when the status says
}

// Desired is the newest set of files that was not refused. It is empty until the first one, and
// while there is no ClusterPulls.
type Desired struct {
	files   atomic.Pointer[Files]
	none    atomic.Pointer[string]  // why there are no files; nil until that is known
	changed chan event.GenericEvent // capacity 1: one notice that is not read yet is enough
}

// NewDesired returns an empty Desired.
func NewDesired() *Desired { return &Desired{changed: make(chan event.GenericEvent, 1)} }

// publish has the nodes get files.
func (d *Desired) publish(f *Files) {
	d.none.Store(nil)
	d.files.Store(f)
	d.notify()
}

// publishNone has nodes that come new say why they get none.
func (d *Desired) publishNone(why string) {
	if old := d.none.Swap(&why); old == nil || *old != why {
		d.notify()
	}
}

// clear leaves the nodes alone.
func (d *Desired) clear() {
	d.none.Store(nil)
	d.files.Store(nil)
}

func (d *Desired) notify() {
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
		Watches(&operatorv1alpha1.ImageContentSourcePolicy{}, all, spec).
		Watches(&configv1.Image{}, all, spec).
		Watches(&corev1.ConfigMap{}, all). // of openshift-config, with the certificates of registries
		Watches(&corev1.Secret{}, all).    // the pull secret
		Complete(r)
}

// Reconcile renders. Objects that the Machine Config Operator would refuse are not rendered in
// part: the last good files stay, those in the store after a restart, and the status names object,
// field and value.
func (r *Renderer) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	if request.Name != clusterName {
		return ctrl.Result{}, nil
	}
	var cluster ClusterPulls
	if err := r.Live.Get(ctx, request.NamespacedName, &cluster); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, err
	} else if err != nil {
		r.Desired.clear()
		r.told = nil
		return ctrl.Result{}, nil
	}
	in, err := readInput(ctx, r.Live)
	if err != nil {
		return ctrl.Result{}, errors.Join(err, r.unread(ctx, &cluster, err))
	}
	before := cluster.DeepCopy()
	rendered, findings := in.render(cluster.Spec.WindowsHosts) // of refused objects, for the findings alone
	if in.refused != nil {
		rendered = nil
	}
	files, problem := r.settle(ctx, &cluster, rendered)
	if ctx.Err() != nil {
		return ctrl.Result{}, ctx.Err()
	}
	// Before the status is written: the nodes do not wait for that.
	if files == nil {
		r.Desired.publishNone(fmt.Sprintf("the mirror objects are refused, and %v", problem))
	} else {
		if now := r.Desired.files.Load(); now == nil || now.Linux.Hash != files.Linux.Hash ||
			now.Windows.Hash != files.Windows.Hash {
			r.Desired.publish(files)
		}
		cluster.Status.Linux, cluster.Status.Windows = files.Linux.Hash, files.Windows.Hash
	}
	cluster.setRendered(in.refused)
	cluster.setStored(problem)
	cluster.setFindings(findings)
	r.Metrics.rendered(in.rules, findings, in.refused != nil)
	r.Metrics.stored(problem == nil || errors.Is(problem, errLeftBehind))
	if err := r.report(ctx, before, &cluster, in.objects, findings); err != nil {
		return ctrl.Result{}, err
	}
	if problem != nil && !lasting(problem) {
		return ctrl.Result{}, problem // and try again
	}
	return ctrl.Result{RequeueAfter: r.Resync}, nil
}

// unread says that the objects cannot be read, and gives the nodes the stored files where an operator that
// starts has no others. What keeps it from reading may stay, a role that lacks a right for one.
func (r *Renderer) unread(ctx context.Context, cluster *ClusterPulls, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	before := cluster.DeepCopy()
	if r.Desired.files.Load() == nil {
		if stored, err := r.Store.load(ctx); err == nil {
			r.Desired.publish(stored)
			cluster.Status.Linux, cluster.Status.Windows = stored.Linux.Hash, stored.Windows.Hash
		} else {
			r.Desired.publishNone(fmt.Sprintf("the mirror objects cannot be read (%v), and %v", cause, err))
		}
	}
	cluster.setUnread(cause)
	if equality.Semantic.DeepEqual(before.Status, cluster.Status) {
		return nil
	}
	if err := r.Status().Patch(ctx, cluster, client.MergeFrom(before)); err != nil {
		return err
	}
	tell(r.Events, cluster, conditionRendered, "Render", before.Status.Conditions, cluster.Status.Conditions)
	return nil
}

// settle stores what was rendered, and returns the files that the nodes are to have. rendered is
// nil while the objects are refused.
//
// Files are stored before they reach a node. Otherwise an operator that starts while the objects
// are refused could take nodes back to files from before. While they cannot be stored, the nodes
// have the last ones that are, and only where there are none the new ones all the same.
func (r *Renderer) settle(ctx context.Context, cluster *ClusterPulls, rendered *Files) (files *Files, problem error) {
	last := r.Desired.files.Load() // none after a start
	keep := rendered
	if keep == nil {
		keep = last
	}
	if keep != nil {
		replaced, err := r.Store.save(ctx, cluster, keep)
		// That nothing is stored is news only where something was.
		if replaced != nil && (!errors.Is(replaced, errNoneStored) ||
			meta.IsStatusConditionTrue(cluster.Status.Conditions, conditionStored)) {
			r.Events.Eventf(cluster, nil, "Warning", "StoredAgain", "Render", "%s", truncate("the last "+
				"good files are stored again: "+replaced.Error(), maxNote))
		}
		if err == nil || errors.Is(err, errLeftBehind) {
			return keep, err
		}
		problem = fmt.Errorf("storing the last good files: %w", err)
	}
	stored, err := r.Store.load(ctx)
	if err != nil && problem == nil {
		problem = err
	}
	switch {
	case keep != nil && lasting(err):
		return keep, problem
	case last != nil:
		return last, problem
	case stored != nil:
		return stored, problem
	}
	return keep, problem
}

// report writes the status and sends events, of what is not in the status yet.
func (r *Renderer) report(ctx context.Context, before, cluster *ClusterPulls, objects *mirrorObjects,
	findings finding.Findings) error {
	if equality.Semantic.DeepEqual(before.Status, cluster.Status) {
		return nil
	}
	if err := r.Status().Patch(ctx, cluster, client.MergeFrom(before)); err != nil {
		return err
	}
	// An operator that is killed here sends no events, which is better than one that cannot write
	// its status and sends them again and again.
	told, now := r.told, findings
	if told == nil { // and of those that the status has no room for nobody knows
		told, now = before.Status.Findings, cluster.Status.Findings
	}
	r.told = append([]finding.Finding{}, findings...)
	tell(r.Events, cluster, conditionStored, "Render", before.Status.Conditions, cluster.Status.Conditions)
	r.announce(cluster, objects, added(told, now), added(findings, told))
	return nil
}

// added returns the findings of after that are not in before, without those that are only good to know.
func added(before, after []finding.Finding) []finding.Finding {
	return slices.DeleteFunc(slices.Clone(after), func(f finding.Finding) bool {
		return f.Severity == finding.SeverityInfo || slices.Contains(before, f)
	})
}

// announce sends events about findings that are new, at the objects that they are about, and about
// those that are gone. Events about one object with one reason are taken for repetitions of the
// first, and their notes are lost; so there is one for each object and code.
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
			r.Events.Eventf(cluster, nil, "Warning", "MoreFindings", "Render", "there are new findings of "+
				"%d more kinds; the status lists the gravest", len(order)-i)
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
	case *operatorv1alpha1.ImageContentSourcePolicy:
		return "ImageContentSourcePolicy"
	}
	return "Image"
}
