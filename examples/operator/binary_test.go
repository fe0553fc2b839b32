package main

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullroute/pullroute/internal/loopback"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
)

// A process is the operator's program.
type process struct {
	*exec.Cmd
	output bytes.Buffer
	done   chan error
}

// build builds the program, once for all tests.
var build = sync.OnceValues(func() (path string, err error) {
	path = filepath.Join(temporaryDir, "operator")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// run starts the program on the cluster. At the end of the test it is killed, if it is not dead by then.
func (c *cluster) run(program string, args ...string) *process {
	c.t.Helper()
	kubeconfig := c.path("..", "kubeconfig")
	require.NoError(c.t, writeKubeconfig(kubeconfig, apiServer))
	p := &process{
		Cmd: exec.Command(program, append([]string{
			"--kubeconfig", kubeconfig, "--nodes", c.dir, "--namespace", namespace, "--metrics-address", "0", "--health-address", "0",
			"--timeout", "2s", "--retry-min", "100ms", "--retry-max", "1s",
		}, args...)...),
		done: make(chan error, 1),
	}
	p.Stdout, p.Stderr = &p.output, &p.output
	require.NoError(c.t, p.Start())
	go func() { p.done <- p.Wait() }()
	c.t.Cleanup(func() {
		p.kill()
		if c.t.Failed() {
			c.t.Logf("the operator's log:\n%s", p.output.String())
		}
	})
	return p
}

// kill ends the program as a power failure would, between any two instructions.
func (p *process) kill() {
	if p.done == nil {
		return
	}
	p.Process.Signal(syscall.SIGKILL)
	<-p.done
	p.done = nil
}

func TestTheProgramIsKilledInTheMiddleAgainAndAgain(t *testing.T) {
	r := seedOf(t)
	var nodes []*NodePulls
	for i := range 200 {
		nodes = append(nodes, newNode(fmt.Sprintf("node-%03d", i), []finding.Platform{finding.Linux, finding.Windows}[i%2]))
	}
	hung, gone := nodes[0], nodes[1]
	healthy := nodes[2:]
	c := newCluster(t, nodes...)
	// Whoever opens this file waits for somebody to write into it, and no context ends that. A link is followed, and
	// nobody knows to what.
	require.NoError(t, syscall.Mkfifo(c.path(hung.Name, "pipe"), 0o600))
	require.NoError(t, os.Symlink("pipe", c.path(hung.Name, registriesconf.FileName)))
	require.NoError(t, os.Remove(c.path(gone.Name)))

	// Somebody reads the nodes' files all the time, as the clients do.
	g := newGuard(c.dir)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for at := 0; ; at++ {
			select {
			case <-stop:
				return
			default:
				g.look(healthy[at%len(healthy)])
			}
		}
	}()

	program, err := build()
	require.NoError(t, err)
	c.revise(r)
	p := c.run(program, "--leader-elect=false")
	c.settled(healthy...)
	require.Empty(t, g.unguarded(healthy))

	const kills = 6
	inTheMiddle := 0
	for range kills {
		c.revise(r)
		want := c.want()
		done := func() (n int) {
			for _, node := range healthy {
				if maps.Equal(onDisk(t, c.path(node.Name)), want.content(node.Spec.Platform)) {
					n++
				}
			}
			return n
		}
		c.eventually("the first nodes have their new files", func() bool { return done() > 0 })
		time.Sleep(time.Duration(r.Intn(200)) * time.Millisecond)
		p.kill()
		if done() < len(healthy) {
			inTheMiddle++
		}
		p = c.run(program, "--leader-elect=false")
		if r.Intn(2) == 0 {
			c.settled(healthy...)
		}
	}
	c.settled(healthy...)
	c.eventually("the others say what is wrong with them", func() bool {
		h, g := c.node(hung.Name).Status.Conditions, c.node(gone.Name).Status.Conditions
		return len(h) > 0 && h[0].Reason == "TimedOut" && len(g) > 0 && g[0].Reason == "Failed"
	})

	p.kill()
	require.NoError(t, os.Remove(c.path(hung.Name, registriesconf.FileName)))
	require.NoError(t, os.Remove(c.path(hung.Name, "pipe")))
	require.NoError(t, os.Mkdir(c.path(gone.Name), 0o755))
	c.run(program, "--leader-elect=false")
	c.settled(nodes...)
	close(stop)
	<-stopped
	t.Logf("%d nodes, killed %d times, %d of them before all nodes were done: nodes were read %d times, %d gaps", len(nodes), kills+1, inTheMiddle, g.states, len(g.gaps))
	require.Empty(t, g.gaps)
	require.NotZero(t, inTheMiddle)
}

func TestASecondProgramTakesOverWhenTheFirstIsKilled(t *testing.T) {
	c := newCluster(t, linux(), windows())
	lease := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": map[string]any{"namespace": namespace, "name": "pullroute-operator"},
	}}
	c.delete(lease)
	program, err := build()
	require.NoError(t, err)
	address := loopback.Address(t)
	first := c.run(program, "--metrics-address", address)
	c.create(documented())
	c.settled(linux(), windows())
	require.NoError(t, c.Get(c.ctx, client.ObjectKeyFromObject(lease), lease))
	holder, _, _ := unstructured.NestedString(lease.Object, "spec", "holderIdentity")
	require.NotEmpty(t, holder)

	response, err := http.Get("http://" + address + "/metrics")
	require.NoError(t, err)
	defer response.Body.Close()
	var metrics bytes.Buffer
	_, err = metrics.ReadFrom(response.Body)
	require.NoError(t, err)
	require.Contains(t, metrics.String(), `pullroute_nodes{state="applied"} 2`)
	require.Contains(t, metrics.String(), `workqueue_depth{controller="nodes"`)

	second := c.run(program)
	time.Sleep(time.Second)
	first.kill()
	c.delete(documented()) // nobody works while the lease runs out
	c.settled(linux(), windows())
	require.NoError(t, c.Get(c.ctx, client.ObjectKeyFromObject(lease), lease))
	other, _, _ := unstructured.NestedString(lease.Object, "spec", "holderIdentity")
	require.NotEqual(t, holder, other)

	require.NoError(t, second.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-second.done:
		second.done = nil
		require.NoError(t, err)
	case <-time.After(time.Minute):
		t.Fatal("the program does not end when asked to")
	}
	var events eventsv1.EventList
	require.NoError(t, c.List(c.ctx, &events))
	require.NotEmpty(t, events.Items)
}

func TestWrongFlagsAreRefused(t *testing.T) {
	program, err := build()
	require.NoError(t, err)
	for args, complaint := range map[string]string{
		"":                    "--nodes is missing",
		"--nodes x extra":     `"extra" is not a flag`,
		"--nodes x --limit 0": "--limit 0: must be 1 or more",
		"--nodes x --retry-min 2s --retry-max 1s":              "must be positive",
		"--nodes x --timeout -1s":                              "must be positive",
		"--nodes x":                                            "--namespace is missing, and this is no pod",
		"--nodes x --namespace y --kubeconfig /does/not/exist": "/does/not/exist",
	} {
		out, err := exec.Command(program, strings.Fields(args)...).CombinedOutput()
		assert.Error(t, err, args)
		assert.Contains(t, string(out), complaint, args)
	}
}
