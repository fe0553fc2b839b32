package main

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Metrics are what the operator tells Prometheus, beside what controller-runtime tells of its queues. No
// label grows with the number of nodes or objects.
type Metrics struct {
	refused  prometheus.Gauge
	last     prometheus.Gauge
	sources  *prometheus.GaugeVec
	findings *prometheus.GaugeVec
	duration *prometheus.HistogramVec
	failures *prometheus.CounterVec
	drains   *prometheus.CounterVec

	nodes  *prometheus.Desc
	mu     sync.Mutex
	states map[string]State // by node
}

// NewMetrics registers the metrics; each registry takes them once.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		refused: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pullroute_render_refused", Help: "1 while the mirror objects are refused and the nodes " +
				"keep what they have.",
		}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pullroute_last_good_stored", Help: "1 while a restart finds the last good files.",
		}),
		sources: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pullroute_rendered_sources", Help: "Sources with mirrors, by the kind of pull that is redirected.",
		}, []string{"pull"}),
		findings: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pullroute_findings", Help: "Findings about the mirror objects, by severity and code.",
		}, []string{"severity", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pullroute_apply_duration_seconds", Help: "How long runs on nodes took, those without " +
				"anything to do included.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 9), // 1 ms to 65 s
		}, []string{"platform"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pullroute_apply_failures_total", Help: "Runs that did not bring all files to the node, " +
				"by the state they left it in.",
		}, []string{"platform", "state"}),
		drains: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pullroute_drains_needed_total", Help: "Changes of a node's files that need a drain, by " +
				"whether they also need a reboot.",
		}, []string{"reboot"}),
		nodes:  prometheus.NewDesc("pullroute_nodes", "Nodes, by what is known of their files.", []string{"state"}, nil),
		states: map[string]State{},
	}
	for _, pull := range []mirrorset.Pull{mirrorset.ByDigest, mirrorset.ByTag} {
		m.sources.WithLabelValues(string(pull))
	}
	m.drains.WithLabelValues("false")
	m.drains.WithLabelValues("true")
	for _, c := range []prometheus.Collector{m.refused, m.last, m.sources, m.findings, m.duration, m.failures, m.drains, m} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Describe implements [prometheus.Collector] for the states of the nodes.
func (m *Metrics) Describe(c chan<- *prometheus.Desc) { c <- m.nodes }

// Collect implements [prometheus.Collector] for the states of the nodes.
func (m *Metrics) Collect(c chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	count := map[State]int{}
	for _, s := range m.states {
		count[s]++
	}
	for _, s := range states {
		c <- prometheus.MustNewConstMetric(m.nodes, prometheus.GaugeValue, float64(count[s]), string(s))
	}
}

func (m *Metrics) setState(node string, s State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.states[node] = s
}

func (m *Metrics) forget(node string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.states, node)
}

func (m *Metrics) rendered(rules *mirrorset.Rules, findings finding.Findings, refused bool) {
	m.refused.Set(0)
	m.findings.Reset()
	for _, f := range findings {
		m.findings.WithLabelValues(string(f.Severity), string(f.Code)).Inc()
	}
	if refused {
		m.refused.Set(1)
		return // the sources are those of before
	}
	count := map[mirrorset.Pull]int{mirrorset.ByDigest: 0, mirrorset.ByTag: 0}
	for _, r := range rules.Rules {
		count[r.Pull]++
	}
	for pull, n := range count {
		m.sources.WithLabelValues(string(pull)).Set(float64(n))
	}
}

func (m *Metrics) stored(yes bool) {
	m.last.Set(0)
	if yes {
		m.last.Set(1)
	}
}

func (m *Metrics) applied(node *NodePulls, s State, took time.Duration) {
	m.setState(node.Name, s)
	platform := string(node.Spec.Platform)
	m.duration.WithLabelValues(platform).Observe(took.Seconds())
	if s != StateApplied {
		m.failures.WithLabelValues(platform, string(s)).Inc()
	}
}

func (m *Metrics) drain(d *Drain) {
	reboot := "false"
	if d.Reboot {
		reboot = "true"
	}
	m.drains.WithLabelValues(reboot).Inc()
}
