// Command operator is a complete, small controller that embeds pullroute: it watches the mirror
// objects of a cluster, renders them for Linux and for Windows nodes, and keeps every node's files
// as they are to be.
//
//	ImageDigestMirrorSet ┐  render.go   ┌ registries.conf ┐  nodes.go
//	ImageTagMirrorSet    ├─────────────▶│ hosts.toml tree ├────────────▶ every NodePulls, several at a time
//	ImageContentSource-  │              └─────────────────┘
//	Policy, Image        ┘
//
// Its files, in the order to read them:
//
//   - convert.go reads the objects of one moment, the certificates of registries and the pull secret.
//   - render.go turns them into files, and reports findings in the status of ClusterPulls and as events.
//   - store.go keeps the last good files in Secrets, for nodes that come while the objects are refused.
//   - files.go makes the files stand on a node.
//   - nodes.go does that for all nodes: queue, limit, time limit, back-off; lane.go is for those that are slow.
//   - status.go, metrics.go and api.go say how it went.
//   - webhook.go judges objects before they are stored.
//
// Here a directory for each node, below --nodes, stands for the way to a node: /etc/containers for
// Linux, containerd's config_path for Windows. An operator of your own replaces Directories by its
// own Dial.
//
// Objects that the Machine Config Operator refuses change no node, and a node that comes new then
// gets the last good files. Without any mirror object, Linux nodes have the registries.conf that a
// cluster starts with, and Windows nodes no hosts.toml of pullroute's.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1alpha1 "github.com/openshift/api/operator/v1alpha1"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "operator:", err)
		os.Exit(1)
	}
}

// program is what the flags say.
type program struct {
	Options
	nodes, namespace              string
	metricsAddress, healthAddress string
	elect                         bool
	certDir                       string
	webhookHost                   string
	webhookPort                   int
}

// parse reads the flags.
func parse() (*program, error) {
	p := &program{}
	o := &p.Options
	flag.StringVar(&p.nodes, "nodes", "", "the `DIR` that holds a directory for each node")
	flag.IntVar(&o.Limit, "limit", 10, "how many nodes are worked on at a time")
	flag.DurationVar(&o.Timeout, "timeout", 30*time.Second, "how long one run on one node may take")
	flag.DurationVar(&o.RetryMin, "retry-min", time.Second, "the pause after a node failed once; it doubles each time")
	flag.DurationVar(&o.RetryMax, "retry-max", 5*time.Minute, "the longest pause")
	flag.DurationVar(&o.Resync, "resync", 10*time.Minute, "how often a node is looked at though nothing changed")
	flag.StringVar(&p.metricsAddress, "metrics-address", ":8080", "where metrics are served; 0 serves none")
	flag.StringVar(&p.healthAddress, "health-address", ":8081", "where /healthz and /readyz are served; 0 serves none")
	flag.BoolVar(&p.elect, "leader-elect", true, "work only while holding the lease; without it, never start "+
		"two operators")
	flag.StringVar(&p.namespace, "namespace", "", "the namespace of the lease and of the last good files; "+
		"empty for that of the pod")
	flag.StringVar(&p.certDir, "webhook-cert-dir", "", "the `DIR` of tls.crt and tls.key of the admission webhook; "+
		"empty serves none")
	flag.StringVar(&p.webhookHost, "webhook-host", "", "the address that the webhook listens on; empty for all")
	flag.IntVar(&p.webhookPort, "webhook-port", 9443, "its port")
	logging := zap.Options{}
	logging.BindFlags(flag.CommandLine)
	flag.Parse()
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&logging)))
	switch {
	case flag.NArg() > 0:
		return nil, fmt.Errorf("%q is not a flag", flag.Arg(0))
	case p.nodes == "":
		return nil, errors.New("--nodes is missing")
	case o.Limit < 1:
		return nil, fmt.Errorf("--limit %d: must be 1 or more", o.Limit)
	case o.Timeout <= 0 || o.RetryMin <= 0 || o.RetryMax < o.RetryMin || o.Resync <= 0:
		return nil, errors.New("--timeout, --retry-min, --retry-max and --resync must be positive, and the " +
			"longest pause not shorter than the first")
	}
	return p, nil
}

func run() error {
	p, err := parse()
	if err != nil {
		return err
	}
	if p.namespace == "" {
		data, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
		if err != nil {
			return fmt.Errorf("--namespace is missing, and this is no pod: %w", err)
		}
		p.namespace = strings.TrimSpace(string(data))
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	o := manager.Options{
		Scheme:                 newScheme(),
		Cache:                  caches(),
		Metrics:                server.Options{BindAddress: p.metricsAddress},
		HealthProbeBindAddress: p.healthAddress,
		// The lease is not given back at the end: a run that was given up may still be working on
		// its node until the process is gone. Who loses the lease exits at once; no more than a
		// call that is on its way to a node just then can still arrive there.
		LeaderElection:          p.elect,
		LeaderElectionID:        "pullroute-operator",
		LeaderElectionNamespace: p.namespace,
	}
	if p.certDir != "" {
		o.WebhookServer = webhook.NewServer(webhook.Options{Host: p.webhookHost, Port: p.webhookPort, CertDir: p.certDir})
	}
	mgr, err := ctrl.NewManager(config, o)
	if err != nil {
		return err
	}
	ready := healthz.Checker(healthz.Ping)
	if p.certDir != "" { // every replica answers, whoever has the lease
		register(mgr)
		ready = mgr.GetWebhookServer().StartedChecker()
	}
	if err := errors.Join(mgr.AddHealthzCheck("ping", healthz.Ping), mgr.AddReadyzCheck("ready", ready)); err != nil {
		return err
	}
	if _, err := setup(mgr, metrics.Registry, Directories(p.nodes), p.namespace, p.Options); err != nil {
		return err
	}
	return mgr.Start(ctrl.SetupSignalHandler())
}

// register adds the webhook to the manager's server.
func register(mgr manager.Manager) {
	mgr.GetWebhookServer().Register(webhookPath, &admission.Webhook{
		Handler: &Webhook{Reader: mgr.GetClient(), Decoder: admission.NewDecoder(mgr.GetScheme())},
	})
}

// setup adds both controllers to a manager.
func setup(mgr manager.Manager, registry prometheus.Registerer, dial Dial, namespace string, o Options) (
	*Nodes, error) {
	m, err := NewMetrics(registry)
	if err != nil {
		return nil, err
	}
	desired := NewDesired()
	events := mgr.GetEventRecorder("pullroute-operator")
	renderer := &Renderer{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Events: events, Metrics: m, Desired: desired,
		Resync: o.Resync,
		Store:  &Store{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Namespace: namespace},
	}
	if err := renderer.SetupWithManager(mgr); err != nil {
		return nil, err
	}
	nodes := &Nodes{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Events: events, Metrics: m,
		Desired: desired, Dial: dial, Options: o}
	return nodes, nodes.SetupWithManager(mgr)
}

// newScheme knows the kinds that the operator reads.
func newScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	kinds := []func(*runtime.Scheme) error{configv1.Install, operatorv1alpha1.Install, corev1.AddToScheme, addTypes}
	for _, add := range kinds {
		if err := add(s); err != nil {
			panic(err) // two Go types for one kind: a mistake in this program
		}
	}
	return s
}
