package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/recorder"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/pullroute/pullroute/registriesconf"
)

// Nodes brings the files to the nodes: one request for each node, several at a time.
//
// There are never two runs on one node, which hoststoml.Diff demands: the queue does not hand out a
// request that is being worked on, leader election (see main.go) keeps other operators away, and a
// run that was given up because it took too long keeps its node until it has ended.
//
// A node that fails is tried again after a pause that doubles each time. One that is slow occupies
// a worker until Timeout, whatever its transport does; from then on, while it stays slow, it shares
// half of the workers with the other slow ones. So with a Limit of two or more, a node is slow at
// the others' cost once: from then on half of the workers are theirs alone, however many are slow.
//
// Nothing is remembered that a restart would miss: each run reads what the node really has, and
// does what is left to do.
type Nodes struct {
	client.Client
	Live    client.Reader // for statuses, as in Renderer
	Events  recorder.EventRecorder
	Metrics *Metrics
	Desired *Desired
	Dial    Dial
	Options Options

	slowLane *lane
	mu       sync.Mutex
	running  map[string]bool // nodes that a run, perhaps one that was given up, still works on
	slow     map[string]bool // nodes whose last run did not end in time
}

// Options say how the nodes are treated.
type Options struct {
	Limit              int           // nodes at a time
	Timeout            time.Duration // of one run on one node
	RetryMin, RetryMax time.Duration // the pause after the first failure, and the longest
	Resync             time.Duration // how often a node is looked at though nothing changed
}

// Dial opens the way to a node. It stands for SSH, an agent on the node, or what else there is.
type Dial func(ctx context.Context, node *NodePulls) (Transport, error)

// Transport is the way to the directory of a node's files: /etc/containers of a Linux node, containerd's
// config_path of a Windows node.
type Transport interface {
	nodefiles.Transport
	io.Closer
}

// Directories returns a Dial that takes the directory of a node's name, in dir, for the node.
func Directories(dir string) Dial {
	return func(_ context.Context, node *NodePulls) (Transport, error) {
		return nodefiles.OpenLocal(filepath.Join(dir, node.Name))
	}
}

// SetupWithManager registers the controller.
func (n *Nodes) SetupWithManager(mgr ctrl.Manager) error {
	n.slowLane = &lane{size: max(1, n.Options.Limit/2)}
	n.running, n.slow = map[string]bool{}, map[string]bool{}
	return ctrl.NewControllerManagedBy(mgr).Named("nodes").
		For(&NodePulls{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(source.Channel(n.Desired.changed, handler.EnqueueRequestsFromMapFunc(n.all))).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: n.Options.Limit,
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](
				n.Options.RetryMin,
				n.Options.RetryMax,
			),
		}).
		Complete(n)
}

// all returns a request for each node, those that wait for their next try included.
func (n *Nodes) all(ctx context.Context, _ client.Object) []reconcile.Request {
	var nodes NodePullsList
	if err := n.List(ctx, &nodes); err != nil { // of a cache; each node's next look finds the new files
		log.FromContext(ctx).Error(err, "listing the nodes")
	}
	requests := make([]reconcile.Request, len(nodes.Items))
	for i := range nodes.Items {
		requests[i].Name = nodes.Items[i].Name
		n.Metrics.setState(nodes.Items[i].Name, StatePending)
	}
	return requests
}

// Reconcile brings the newest files to one node.
func (n *Nodes) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var node NodePulls
	if err := n.Live.Get(ctx, request.NamespacedName, &node); err != nil {
		if client.IgnoreNotFound(err) == nil {
			n.Metrics.forget(request.Name)
			n.setSlow(request.Name, false)
			n.slowLane.forget(request.Name)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	files := n.Desired.files.Load()
	if files == nil { // all nodes are asked for as soon as there are
		n.Metrics.setState(node.Name, StatePending)
		if why := n.Desired.none.Load(); why != nil && node.Status.Applied == "" {
			before := node.DeepCopy()
			node.setNoFiles(*why)
			return ctrl.Result{}, n.report(ctx, before, &node)
		}
		return ctrl.Result{}, nil
	}
	if n.isSlow(node.Name) {
		if !n.slowLane.enter(node.Name) {
			return ctrl.Result{RequeueAfter: n.Options.Timeout / 4}, nil
		}
		defer n.slowLane.leave()
	}

	before := node.DeepCopy()
	started := time.Now()
	drain, kept, err := n.run(ctx, before, files)
	if ctx.Err() != nil {
		return ctrl.Result{}, ctx.Err() // the operator stops; that says nothing of the node
	}
	if drain != nil {
		node.Status.Drain = drain
	}
	state := node.setApplied(files.hash(node.Spec.Platform), kept, err)
	n.setSlow(node.Name, state == StateTimedOut)
	n.Metrics.applied(&node, state, time.Since(started))
	if err := n.report(ctx, before, &node); err != nil {
		return ctrl.Result{}, err
	}
	if state == StateApplied || state.lasting() {
		return ctrl.Result{RequeueAfter: n.Options.Resync}, nil
	}
	return ctrl.Result{}, err
}

var errStillRunning = errors.New("a run on the node that was given up has not ended yet")

// run brings the files to the node, and returns when that is done, or when it has taken too long:
// not every transport can be interrupted, a directory on a dead file server for one.
func (n *Nodes) run(ctx context.Context, node *NodePulls, files *Files) (
	drain *Drain, kept []nodefiles.Kept, err error) {
	if !n.start(node.Name) {
		return nil, nil, errStillRunning
	}
	ctx, cancel := context.WithTimeout(ctx, n.Options.Timeout)
	type result struct {
		drain *Drain
		kept  []nodefiles.Kept
		err   error
	}
	done := make(chan result, 1)
	go func() {
		defer cancel()
		drain, kept, err := n.apply(ctx, node, files)
		n.end(node.Name)
		done <- result{drain, kept, err}
	}()
	select {
	case r := <-done:
		return r.drain, r.kept, r.err
	case <-ctx.Done():
		// It may have ended just now.
		select {
		case r := <-done:
			return r.drain, r.kept, r.err
		default:
			return nil, nil, fmt.Errorf("the node did not answer within %v: %w", n.Options.Timeout, ctx.Err())
		}
	}
}

// apply is one run on one node. node is only read.
func (n *Nodes) apply(ctx context.Context, node *NodePulls, files *Files) (
	drain *Drain, kept []nodefiles.Kept, err error) {
	defer func() {
		if p := recover(); p != nil { // controller-runtime catches its own goroutines' only
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	t, err := n.Dial(ctx, node)
	if err != nil {
		return nil, nil, err
	}
	defer t.Close()
	switch node.Spec.Platform {
	case finding.Windows:
		kept, err = files.Windows.apply(ctx, t)
	case finding.Linux:
		err = files.Linux.apply(ctx, t, func(impact registriesconf.NodeImpact) error {
			drain = newDrain(files.Linux.Hash, impact)
			return n.announce(ctx, node, drain)
		})
	default:
		err = fmt.Errorf("spec.platform: %q: is neither linux nor windows", node.Spec.Platform)
	}
	return drain, kept, err
}

// announce says that a change needs a drain, before it is made: afterwards an operator that was
// killed in between could not tell any more. An operator that drains nodes does it here.
func (n *Nodes) announce(ctx context.Context, node *NodePulls, drain *Drain) error {
	if equality.Semantic.DeepEqual(node.Status.Drain, drain) {
		return nil // said before the last try, which failed
	}
	announced := node.DeepCopy()
	announced.Status.Drain = drain
	if err := n.Status().Patch(ctx, announced, client.MergeFrom(node)); err != nil {
		return fmt.Errorf("announcing the drain: %w", err)
	}
	n.Metrics.drain(drain)
	n.Events.Eventf(node, nil, "Warning", "DrainNeeded", "Apply", "%s", truncate(fmt.Sprintf("the new "+
		"files need a drain: %q", drain.Reasons), maxNote))
	return nil
}

// report writes the status, and sends an event where it is or was bad news.
func (n *Nodes) report(ctx context.Context, before, node *NodePulls) error {
	if equality.Semantic.DeepEqual(before.Status, node.Status) {
		return nil
	}
	if err := n.Status().Patch(ctx, node, client.MergeFrom(before)); err != nil {
		return client.IgnoreNotFound(err) // it was deleted meanwhile
	}
	tell(n.Events, node, conditionApplied, "Apply", before.Status.Conditions, node.Status.Conditions)
	return nil
}

// start reserves a node for a run.
func (n *Nodes) start(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.running[name] {
		return false
	}
	n.running[name] = true
	return true
}

func (n *Nodes) end(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.running, name)
}

func (n *Nodes) isSlow(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.slow[name]
}

func (n *Nodes) setSlow(name string, slow bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if slow {
		n.slow[name] = true
	} else {
		delete(n.slow, name)
	}
}
