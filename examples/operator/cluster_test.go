package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1alpha1 "github.com/openshift/api/operator/v1alpha1"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
)

// A cluster is the API server without any objects, and an empty directory for nodes.
type cluster struct {
	client.Client
	t   *testing.T
	ctx context.Context
	dir string
}

// newCluster returns an empty cluster with a ClusterPulls, and nodes with a directory each.
func newCluster(t *testing.T, nodes ...*NodePulls) *cluster {
	t.Helper()
	scheme := newScheme()
	require.NoError(t, eventsv1.AddToScheme(scheme))
	api, err := client.New(apiServer, client.Options{Scheme: scheme})
	require.NoError(t, err)
	c := &cluster{api, t, context.Background(), t.TempDir()}
	c.clear()
	t.Cleanup(c.clear)
	c.create(&ClusterPulls{ObjectMeta: metav1.ObjectMeta{Name: clusterName}})
	for _, n := range nodes {
		require.NoError(t, os.Mkdir(c.path(n.Name), 0o755))
		c.create(n)
	}
	return c
}

func (c *cluster) clear() {
	for _, kind := range []client.Object{
		&configv1.ImageDigestMirrorSet{}, &configv1.ImageTagMirrorSet{}, &operatorv1alpha1.ImageContentSourcePolicy{},
		&configv1.Image{}, &ClusterPulls{}, &NodePulls{},
	} {
		require.NoError(c.t, c.DeleteAllOf(c.ctx, kind))
	}
	require.NoError(c.t, c.DeleteAllOf(c.ctx, &eventsv1.Event{}, client.InNamespace("default")))
	for _, in := range []string{namespace, configNamespace} {
		require.NoError(c.t, c.DeleteAllOf(c.ctx, &corev1.Secret{}, client.InNamespace(in)))
		require.NoError(c.t, c.DeleteAllOf(c.ctx, &corev1.ConfigMap{}, client.InNamespace(in)))
	}
}

func (c *cluster) path(elements ...string) string {
	return filepath.Join(append([]string{c.dir}, elements...)...)
}

func (c *cluster) create(o client.Object) {
	c.t.Helper()
	require.NoError(c.t, c.Create(c.ctx, o))
}

// put creates an object or gives it this content.
func (c *cluster) put(o client.Object) {
	c.t.Helper()
	err := c.Create(c.ctx, o)
	if apierrors.IsAlreadyExists(err) {
		old := o.DeepCopyObject().(client.Object)
		require.NoError(c.t, c.Get(c.ctx, client.ObjectKeyFromObject(o), old))
		o.SetResourceVersion(old.GetResourceVersion())
		err = c.Update(c.ctx, o)
	}
	require.NoError(c.t, err)
}

func (c *cluster) delete(o client.Object) {
	c.t.Helper()
	require.NoError(c.t, client.IgnoreNotFound(c.Delete(c.ctx, o)))
}

func (c *cluster) pulls() *ClusterPulls {
	c.t.Helper()
	var o ClusterPulls
	require.NoError(c.t, c.Get(c.ctx, client.ObjectKey{Name: clusterName}, &o))
	return &o
}

func (c *cluster) node(name string) *NodePulls {
	c.t.Helper()
	var o NodePulls
	require.NoError(c.t, c.Get(c.ctx, client.ObjectKey{Name: name}, &o))
	return &o
}

// events returns the events in the order they were stored, as "reason kind/name: note".
func (c *cluster) events() []string {
	c.t.Helper()
	var list eventsv1.EventList
	require.NoError(c.t, c.List(c.ctx, &list))
	var all []string
	for _, e := range list.Items {
		all = append(all, fmt.Sprintf("%s %s/%s: %s", e.Reason, e.Regarding.Kind, e.Regarding.Name, e.Note))
	}
	return all
}

// eventually waits until a condition holds; how long a machine takes is no matter of these tests.
func (c *cluster) eventually(what string, condition func() bool) {
	c.t.Helper()
	require.Eventually(c.t, condition, 5*time.Minute, 20*time.Millisecond, what)
}

// want returns the files that the objects of the cluster ask for, rendered anew.
func (c *cluster) want() *Files {
	c.t.Helper()
	in, err := readInput(c.ctx, c)
	require.NoError(c.t, err)
	require.NoError(c.t, in.refused)
	files, _ := in.render(c.pulls().Spec.WindowsHosts)
	return files
}

// content returns the files as they stand on a node, by path.
func (f *Files) content(p finding.Platform) map[string]string {
	files := map[string]string{}
	if p == finding.Windows {
		for _, c := range f.Windows.contents() {
			files[c.name] = string(c.data)
		}
		return files
	}
	files[registriesconf.FileName] = string(f.Linux.Config.Bytes())
	if f.Linux.Search != nil {
		files[registriesconf.SearchDropIn] = string(f.Linux.Search.Bytes())
	}
	return files
}

// onDisk returns all files of a directory, by path. Those that go away meanwhile, as the files that an operator is
// about to rename do, are not there.
func onDisk(t require.TestingT, dir string) map[string]string {
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			if path != dir && errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		files[filepath.ToSlash(strings.TrimPrefix(path, dir+string(filepath.Separator)))] = string(data)
		return err
	}))
	return files
}

// settled waits until nodes have the files that the objects ask for, and say so, and compares every byte.
func (c *cluster) settled(nodes ...*NodePulls) {
	c.t.Helper()
	want := c.want()
	c.eventually("all nodes say that they have their files", func() bool {
		var list NodePullsList
		require.NoError(c.t, c.List(c.ctx, &list))
		applied := map[string]bool{}
		for _, n := range list.Items {
			applied[n.Name] = n.Status.Applied == want.hash(n.Spec.Platform) && meta.IsStatusConditionTrue(n.Status.Conditions, conditionApplied)
		}
		for _, n := range nodes {
			if !applied[n.Name] {
				return false
			}
		}
		return true
	})
	for _, n := range nodes {
		require.Equal(c.t, want.content(n.Spec.Platform), onDisk(c.t, c.path(n.Name)), n.Name)
	}
}

// An operator is one that runs in this process.
type operator struct {
	nodes    *Nodes
	registry *prometheus.Registry
	cancel   context.CancelFunc
	done     chan error
}

// namespace is where operators keep the last good files.
const namespace = "pullroute"

// testOptions are quick to try again.
var testOptions = Options{Limit: 10, Timeout: time.Minute, RetryMin: 50 * time.Millisecond, RetryMax: time.Second, Resync: time.Hour}

// start starts an operator, which is stopped at the end of the test if not before.
func (c *cluster) start(dial Dial, o Options) *operator {
	c.t.Helper()
	skip := true
	server := rest.CopyConfig(apiServer)
	server.UserAgent = operatorAgent + "of a test"
	mgr, err := ctrl.NewManager(server, ctrl.Options{
		Scheme: newScheme(), Cache: caches(), Metrics: metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: &skip}, // a test starts several, one after the other
	})
	require.NoError(c.t, err)
	registry := prometheus.NewPedanticRegistry()
	nodes, err := setup(mgr, registry, dial, namespace, o)
	require.NoError(c.t, err)
	ctx, cancel := context.WithCancel(c.ctx)
	op := &operator{nodes, registry, cancel, make(chan error, 1)}
	go func() { op.done <- mgr.Start(ctx) }()
	c.t.Cleanup(func() { op.stop(c.t) })
	return op
}

// stop stops an operator and waits until it has ended, with every run that it gave up.
func (o *operator) stop(t *testing.T) {
	t.Helper()
	if o.cancel == nil {
		return
	}
	o.cancel()
	o.cancel = nil
	require.NoError(t, <-o.done)
	require.Eventually(t, func() bool {
		o.nodes.mu.Lock()
		defer o.nodes.mu.Unlock()
		return len(o.nodes.running) == 0
	}, 2*time.Minute, 5*time.Millisecond)
}

func newNode(name string, p finding.Platform) *NodePulls {
	return &NodePulls{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: NodePullsSpec{Platform: p}}
}

func digestMirrors(name string, entries ...configv1.ImageDigestMirrors) *configv1.ImageDigestMirrorSet {
	return &configv1.ImageDigestMirrorSet{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: configv1.ImageDigestMirrorSetSpec{ImageDigestMirrors: entries},
	}
}

func tagMirrors(name string, entries ...configv1.ImageTagMirrors) *configv1.ImageTagMirrorSet {
	return &configv1.ImageTagMirrorSet{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: configv1.ImageTagMirrorSetSpec{ImageTagMirrors: entries},
	}
}

func byDigest(source string, policy configv1.MirrorSourcePolicy, mirrors ...configv1.ImageMirror) configv1.ImageDigestMirrors {
	return configv1.ImageDigestMirrors{Source: source, Mirrors: mirrors, MirrorSourcePolicy: policy}
}

func byTag(source string, policy configv1.MirrorSourcePolicy, mirrors ...configv1.ImageMirror) configv1.ImageTagMirrors {
	return configv1.ImageTagMirrors{Source: source, Mirrors: mirrors, MirrorSourcePolicy: policy}
}

const (
	allow = configv1.AllowContactingSource
	never = configv1.NeverContactSource
)
