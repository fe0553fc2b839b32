package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

// guarded are sources under NeverContactSource in every revision of these tests.
var guarded = []string{"registry.redhat.io", "quay.io/secret"}

// A guard looks at what nodes have, and counts moments in which one that had a file that keeps it from a
// guarded source had none.
type guard struct {
	dir string

	mu       sync.Mutex
	held     map[string]bool // nodes and sources, once the node has been kept from the source
	verdicts map[string]bool // by content
	states   int             // nodes that were looked at, mostly after a call that changed something
	gaps     []string
}

func newGuard(dir string) *guard {
	return &guard{dir: dir, held: map[string]bool{}, verdicts: map[string]bool{}}
}

// look looks at every guarded source on one node.
func (g *guard) look(node *NodePulls) {
	g.mu.Lock()
	g.states++
	g.mu.Unlock()
	for _, source := range guarded {
		file := registriesconf.FileName
		if node.Spec.Platform == finding.Windows {
			host, _, _ := strings.Cut(source, "/")
			file = hoststoml.Dir(host) + "/" + hoststoml.FileName
		}
		data, err := os.ReadFile(filepath.Join(g.dir, node.Name, file))
		g.mu.Lock()
		forbids := err == nil && g.forbids(node.Spec.Platform, source, string(data))
		who := node.Name + " " + source
		if !forbids && g.held[who] {
			g.gaps = append(g.gaps, fmt.Sprintf("%s: %v\n%s", who, err, data))
		}
		g.held[who] = g.held[who] || forbids
		g.mu.Unlock()
	}
}

// forbids reports whether a node with this file asks a guarded source for no image.
func (g *guard) forbids(p finding.Platform, source, file string) bool {
	key := string(p) + source + file
	verdict, ok := g.verdicts[key]
	if !ok {
		verdict = forbids(p, source, file)
		g.verdicts[key] = verdict
	}
	return verdict
}

func forbids(p finding.Platform, source, file string) bool {
	var plan func(string) (resolve.Plan, error)
	if p == finding.Windows {
		parsed, findings := hoststoml.Parse("", []byte(file))
		if findings.Err() != nil {
			return false // containerd ignores it
		}
		host, _, _ := strings.Cut(source, "/")
		plan = hoststoml.Tree{{Host: host, File: parsed}}.Table("").Plan
	} else {
		parsed, findings := registriesconf.Parse("", []byte(file))
		if findings.Err() != nil {
			return false // half of a file; that nothing is pulled then is no excuse
		}
		plan = parsed.Table("").Plan
	}
	for _, image := range []string{source + "/a/b:1", source + "/a@sha256:" + strings.Repeat("a", 64)} {
		p, err := plan(image)
		if err != nil {
			return false
		}
		for _, a := range append(p.Resolve, p.Pull...) {
			if a.Role == resolve.RoleSource || strings.HasPrefix(a.Location+"/", source+"/") {
				return false
			}
		}
	}
	return true
}

// unguarded returns the nodes and sources that never had a file which keeps the one from the other.
func (g *guard) unguarded(nodes []*NodePulls) []string {
	var all []string
	for _, n := range nodes {
		g.look(n)
		g.mu.Lock()
		for _, source := range guarded {
			if who := n.Name + " " + source; !g.held[who] {
				all = append(all, who)
			}
		}
		g.mu.Unlock()
	}
	return all
}

// A fleet is the way to nodes of which some fail, and which the operator may die on.
type fleet struct {
	*guard
	t      *testing.T
	dial   Dial
	before func(node *NodePulls, call, name string) // is told of each call that changes something

	mu       sync.Mutex
	r        *rand.Rand
	faults   map[string]fault
	open     map[string]int // transports, by node
	overlaps int            // runs on a node that had one already
	hanging  int            // nodes that hang just now
	mostHung int
	left     int           // calls that change something, until the operator dies
	dead     chan struct{} // closed when it has died
}

// A fault is what a node does to the operator.
type fault int

const (
	unreachable fault = iota + 1 // there is no way to it
	failing                      // every call fails
	broken                       // every call panics
	flaky                        // every third call fails, done or not
	hanging                      // calls end when the operator gives up
	stuck                        // calls do not even end then, but when the operator is gone
)

func newFleet(t *testing.T, dir string, seed int64) *fleet {
	return &fleet{
		guard: newGuard(dir), t: t, dial: Directories(dir), r: rand.New(rand.NewSource(seed)),
		faults: map[string]fault{}, open: map[string]int{}, left: -1, dead: make(chan struct{}),
	}
}

// dieAfter has the operator die after so many calls that change a node.
func (f *fleet) dieAfter(calls int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = calls
}

// revive is for the operator that is started next.
func (f *fleet) revive() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.dead = -1, make(chan struct{})
}

// kill has the operator die now, if it has not, and waits until nothing is left of it.
func (f *fleet) kill(op *operator) {
	f.mu.Lock()
	f.die()
	f.mu.Unlock()
	op.stop(f.t)
	f.revive()
}

func (f *fleet) die() {
	f.left = 0
	select {
	case <-f.dead:
	default:
		close(f.dead)
	}
}

// start starts an operator that works on the fleet.
func (f *fleet) start(c *cluster, o Options) *operator {
	f.t.Helper()
	op := c.start(f.Dial, o)
	f.t.Cleanup(func() { // before op's own, which waits for what is stuck
		f.mu.Lock()
		defer f.mu.Unlock()
		f.die()
	})
	return op
}

var (
	errDead  = errors.New("the operator is dead")
	errFault = errors.New("the node does not work")
)

// Dial implements [Dial].
func (f *fleet) Dial(ctx context.Context, node *NodePulls) (Transport, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.faults[node.Name] == unreachable {
		return nil, errFault
	}
	if f.open[node.Name]++; f.open[node.Name] > 1 {
		f.overlaps++
	}
	t, err := f.dial(ctx, node)
	if err != nil {
		f.open[node.Name]--
		return nil, err
	}
	return &line{Transport: t, f: f, node: node}, nil
}

// A line is the way to one node of a fleet.
type line struct {
	Transport
	f    *fleet
	node *NodePulls
}

func (l *line) Close() error {
	l.f.mu.Lock()
	l.f.open[l.node.Name]--
	l.f.mu.Unlock()
	return l.Transport.Close()
}

// call does what its node has become of a call. half does the call in part; nil where that is not possible.
func (l *line) call(ctx context.Context, what, name string, do, half func() error) error {
	f := l.f
	changes := what != "list" && what != "read"
	if changes && f.before != nil {
		f.before(l.node, what, name)
	}
	f.mu.Lock()
	fault, dead, dice := f.faults[l.node.Name], f.dead, f.r.Intn(6)
	switch {
	case f.left == 0:
		f.mu.Unlock()
		return errDead
	case changes && f.left > 0:
		if f.left--; f.left == 0 {
			f.die()
			f.mu.Unlock()
			if half != nil && dice%2 == 0 {
				_ = half()
				f.look(l.node)
			}
			return errDead
		}
	}
	if fault == hanging {
		f.hanging++
		f.mostHung = max(f.mostHung, f.hanging)
	}
	f.mu.Unlock()

	switch {
	case fault == failing:
		return errFault
	case fault == broken:
		panic("the transport is broken")
	case fault == hanging:
		<-ctx.Done()
		f.mu.Lock()
		f.hanging--
		f.mu.Unlock()
		return ctx.Err()
	case fault == stuck:
		<-dead
		return errDead
	case fault == flaky && dice == 0:
		return errFault
	}
	err := do()
	if changes {
		f.look(l.node)
	}
	if fault == flaky && dice == 1 {
		return errFault // it is done, and the answer gets lost
	}
	return err
}

func (l *line) List(ctx context.Context, dir string) (entries []nodefiles.DirEntry, err error) {
	err = l.call(ctx, "list", dir, func() (err error) { entries, err = l.Transport.List(ctx, dir); return err }, nil)
	return entries, err
}

func (l *line) ReadFile(ctx context.Context, name string) (data []byte, err error) {
	err = l.call(ctx, "read", name, func() (err error) { data, err = l.Transport.ReadFile(ctx, name); return err }, nil)
	return data, err
}

func (l *line) Mkdir(ctx context.Context, name string) error {
	return l.call(ctx, "mkdir", name, func() error { return l.Transport.Mkdir(ctx, name) }, nil)
}

func (l *line) WriteFile(ctx context.Context, name string, data []byte, perm fs.FileMode) error {
	do := func() error {
		if err := l.Transport.WriteFile(ctx, name, nil, perm); err != nil {
			return err
		}
		l.f.look(l.node) // while it is written
		return l.Transport.WriteFile(ctx, name, data, perm)
	}
	return l.call(ctx, "write", name, do, func() error { return l.Transport.WriteFile(ctx, name, data[:len(data)/2], perm) })
}

func (l *line) Rename(ctx context.Context, from, to string) error {
	do := func() error { return l.Transport.Rename(ctx, from, to) }
	return l.call(ctx, "rename", to, do, do)
}

func (l *line) Remove(ctx context.Context, name string) error {
	do := func() error { return l.Transport.Remove(ctx, name) }
	return l.call(ctx, "remove", name, do, do)
}

func (l *line) Sync(ctx context.Context, dir string) error {
	return l.call(ctx, "sync", dir, func() error { return l.Transport.Sync(ctx, dir) }, nil)
}

// revise gives the cluster other objects, in several steps, as people and their tools do: the guarded sources
// stay under NeverContactSource, but their mirrors change, and sometimes they move to an object of the other
// kind, which is created before the old one is deleted.
func (c *cluster) revise(r *rand.Rand) {
	c.t.Helper()
	mirrors := func(of string) []configv1.ImageMirror {
		var all []configv1.ImageMirror
		for _, i := range r.Perm(5)[:1+r.Intn(3)] {
			all = append(all, configv1.ImageMirror(fmt.Sprintf("m%d.example.com/r%d/%s", i, r.Intn(3), path.Base(of))))
		}
		return all
	}
	var digests []configv1.ImageDigestMirrors
	var tags []configv1.ImageTagMirrors
	for _, source := range guarded {
		digests = append(digests, byDigest(source, never, mirrors(source)...))
		tags = append(tags, byTag(source, never, mirrors(source)...))
	}
	switch r.Intn(3) {
	case 0:
		c.put(digestMirrors("guarded", digests...))
		c.delete(tagMirrors("guarded"))
	case 1:
		c.put(tagMirrors("guarded", tags...))
		c.delete(digestMirrors("guarded"))
	default:
		c.put(digestMirrors("guarded", digests...))
		c.put(tagMirrors("guarded", tags...))
	}
	digests, tags = nil, nil
	for i := range 8 {
		source := fmt.Sprintf("s%d.example.org:500%d/team", i, i)
		policy := []configv1.MirrorSourcePolicy{"", allow, never}[r.Intn(3)]
		if r.Intn(2) == 0 {
			digests = append(digests, byDigest(source, policy, mirrors(source)...))
		} else if r.Intn(2) == 0 {
			tags = append(tags, byTag(source, policy, mirrors(source)...))
		}
	}
	c.put(digestMirrors("others", digests...))
	c.put(tagMirrors("others", tags...))
	image := &configv1.Image{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}
	if r.Intn(2) == 0 {
		image.Spec.RegistrySources.BlockedRegistries = []string{"evil.example.com"}
	}
	if r.Intn(2) == 0 {
		image.Spec.RegistrySources.InsecureRegistries = []string{"m1.example.com", "registry.redhat.io/ubi9"}
	}
	if r.Intn(2) == 0 {
		image.Spec.RegistrySources.ContainerRuntimeSearchRegistries = []string{"quay.io"}
	}
	c.put(image)
}

// seedOf returns the random numbers of a test: the same in every run, or those of OPERATOR_SEED, where 0 takes a seed
// from the clock.
func seedOf(t *testing.T) *rand.Rand {
	seed := int64(20261125)
	if s := os.Getenv("OPERATOR_SEED"); s != "" {
		_, err := fmt.Sscan(s, &seed)
		require.NoError(t, err)
		if seed == 0 {
			seed = time.Now().UnixNano()
		}
	}
	t.Logf("repeat with OPERATOR_SEED=%d", seed)
	return rand.New(rand.NewSource(seed))
}

func TestTwoHundredNodesWhileSomeFailAndTheOperatorDies(t *testing.T) {
	r := seedOf(t)
	var nodes, healthy []*NodePulls
	faults := map[string]fault{}
	inTheWay := map[string]bool{} // Windows nodes with another hand's file for a guarded source
	for i := range 200 {
		n := newNode(fmt.Sprintf("node-%03d", i), []finding.Platform{finding.Linux, finding.Windows}[i%2])
		nodes = append(nodes, n)
		switch {
		case i%10 == 3:
			faults[n.Name] = []fault{unreachable, failing, hanging, stuck, broken}[i/10%5]
		case i%10 == 4 || i%10 == 5:
			faults[n.Name] = flaky
		case i%20 == 7:
			inTheWay[n.Name] = true
		default:
			healthy = append(healthy, n)
		}
	}
	c := newCluster(t, nodes...)
	for name := range inTheWay {
		require.NoError(t, os.Mkdir(c.path(name, "quay.io"), 0o755))
		require.NoError(t, os.WriteFile(c.path(name, "quay.io", "hosts.toml"), []byte("server = \"https://quay.io\"\n"), 0o644))
	}
	f := newFleet(t, c.dir, r.Int63())
	f.faults = faults
	o := testOptions
	o.Timeout, o.RetryMin, o.RetryMax = time.Second, 100*time.Millisecond, 2*time.Second

	c.revise(r)
	op := f.start(c, o)
	c.settled(healthy...)
	reasons := map[string]int{}
	c.eventually("the others say what is wrong with them", func() bool {
		var list NodePullsList
		require.NoError(t, c.List(c.ctx, &list))
		clear(reasons)
		for _, n := range list.Items {
			if condition := meta.FindStatusCondition(n.Status.Conditions, conditionApplied); condition != nil {
				reasons[condition.Reason]++
			}
		}
		return reasons["Failed"] >= 12 && reasons["TimedOut"] == 8 && reasons["Conflict"] == len(inTheWay)
	})
	t.Logf("with %d nodes of every kind of fault: %v", len(nodes)-len(healthy), reasons)

	deaths := 0
	for range 8 {
		f.dieAfter(1 + r.Intn(1200))
		c.revise(r)
		select {
		case <-f.dead:
			deaths++
		case <-time.After(time.Duration(1+r.Intn(3)) * time.Second): // in the middle of something else
		}
		f.kill(op)
		op = f.start(c, o)
	}
	c.revise(r)
	c.settled(healthy...)

	f.kill(op) // with it what is stuck
	f.mu.Lock()
	f.faults = map[string]fault{}
	f.mu.Unlock()
	for name := range inTheWay {
		require.NoError(t, os.RemoveAll(c.path(name, "quay.io")))
	}
	op = f.start(c, o)
	c.settled(nodes...)
	require.Empty(t, f.unguarded(nodes), "every node ends up kept from the guarded sources")
	f.guard.mu.Lock()
	defer f.guard.mu.Unlock()
	t.Logf("%d nodes, %d operators, %d of them died within a call: %d states of nodes, %d gaps", len(nodes), 10, deaths, f.states, len(f.gaps))
	require.Empty(t, f.gaps)
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Zero(t, f.overlaps, "two runs on one node")
	require.Greater(t, f.states, 5000)
	require.Equal(t, map[string]float64{"applied": 200}, nodeStates(t, op))
}

// nodeStates returns how many nodes are in each state, as the metrics say, without the zeros.
func nodeStates(t *testing.T, op *operator) map[string]float64 {
	states := map[string]float64{}
	for name, value := range gathered(t, op.registry) {
		if state, ok := strings.CutPrefix(name, `pullroute_nodes{state="`); ok && value > 0 {
			states[strings.TrimSuffix(state, `"}`)] = value
		}
	}
	return states
}

// partlyFaulty returns a cluster of which every so-manieth node has a fault.
func partlyFaulty(t *testing.T, n int, p finding.Platform, every int, what fault) (c *cluster, f *fleet, nodes, healthy []*NodePulls) {
	t.Helper()
	for i := range n {
		nodes = append(nodes, newNode(fmt.Sprintf("node-%02d", i), p))
	}
	c = newCluster(t, nodes...)
	f = newFleet(t, c.dir, 1)
	for i, n := range nodes {
		if i%every == 0 {
			f.faults[n.Name] = what
		} else {
			healthy = append(healthy, n)
		}
	}
	return c, f, nodes, healthy
}

func TestNodesThatAreKnownToHangShareHalfOfTheWorkers(t *testing.T) {
	c, f, _, healthy := partlyFaulty(t, 40, finding.Linux, 4, hanging)
	o := testOptions
	o.Limit, o.Timeout, o.RetryMin, o.RetryMax = 8, time.Second, 10*time.Millisecond, 10*time.Millisecond
	c.create(digestMirrors("a", byDigest("quay.io", never, "mirror.example.com")))
	op := f.start(c, o)
	c.settled(healthy...)
	c.eventually("all that hang are known", func() bool { return nodeStates(t, op)["timedout"] == 10 })

	c.eventually("the first runs on them have ended", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.mostHung = 0
		return f.hanging <= 4
	})
	for i := range 5 {
		c.put(digestMirrors("a", byDigest("quay.io", never, configv1.ImageMirror(fmt.Sprintf("mirror.example.com/%d", i)))))
		c.settled(healthy...)
	}
	time.Sleep(3 * o.Timeout) // for those that hang to be tried again, in vain
	f.mu.Lock()
	defer f.mu.Unlock()
	require.GreaterOrEqual(t, f.mostHung, 3)
	require.LessOrEqual(t, f.mostHung, 6, "four, and perhaps some that are just ending")
}

func TestNodesThatNeverAnswerHoldNobodyBack(t *testing.T) {
	c, f, nodes, healthy := partlyFaulty(t, 20, finding.Windows, 2, stuck)
	o := testOptions
	o.Limit, o.Timeout = 2, 200*time.Millisecond
	c.create(documented())
	op := f.start(c, o)
	c.settled(healthy...)
	c.eventually("the others are reported", func() bool { return nodeStates(t, op)["timedout"] == 10 })
	changed := documented()
	changed.Spec.ImageDigestMirrors[1].Mirrors = []configv1.ImageMirror{"other.example.com"}
	c.put(changed)
	c.settled(healthy...)
	f.mu.Lock()
	require.Zero(t, f.overlaps, "while a run has not ended, none is started on its node")
	require.Equal(t, 1, f.open["node-00"])
	f.faults = map[string]fault{}
	f.mu.Unlock()
	f.kill(op)
	f.start(c, o)
	c.settled(nodes...)
}
