package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	configv1 "github.com/openshift/api/config/v1"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/pullroute/pullroute/registriesconf"
)

func TestNothingIsWrittenWhileNothingChanges(t *testing.T) {
	gone := newNode("gone", finding.Linux)
	c := newCluster(t, linux(), windows(), gone)
	require.NoError(t, os.Remove(c.path(gone.Name)))
	require.NoError(t, os.Mkdir(c.path("windows", "registry.redhat.io"), 0o755))
	require.NoError(t, os.WriteFile(c.path("windows", "registry.redhat.io", "hosts.toml"), []byte("# by hand\n"), 0o644))
	o := testOptions
	o.Resync, o.RetryMax = 20*time.Millisecond, 50*time.Millisecond
	op := c.start(Directories(c.dir), o)
	c.create(documented())
	c.settled(linux())
	c.eventually("the others are reported", func() bool {
		states := nodeStates(t, op)
		return states["failed"] == 1 && states["conflict"] == 1
	})
	require.Contains(t, c.node(gone.Name).Status.Conditions[0].Message, "no such file or directory")
	require.Contains(t, c.node("windows").Status.Conditions[0].Message, "registry.redhat.io/hosts.toml: another hand's file is in the way")
	require.NotEmpty(t, c.node("windows").Status.Kept)

	c.eventually("events are stored", func() bool {
		all := strings.Join(c.events(), "\n")
		return strings.Contains(all, "Failed NodePulls/gone: ") && strings.Contains(all, "Conflict NodePulls/windows: ") &&
			strings.Contains(all, "PullsBlocked ImageDigestMirrorSet/ubi9repo: ")
	})
	runs := func() float64 {
		values := gathered(t, op.registry)
		return values[`pullroute_apply_duration_seconds{platform="linux"}`] + values[`pullroute_apply_duration_seconds{platform="windows"}`]
	}
	events := c.events()
	statusWrites.Store(0)
	before := runs()
	c.eventually("every node is looked at again and again", func() bool { return runs() > before+100 })
	require.Zero(t, statusWrites.Load())
	require.Equal(t, events, c.events())

	// What was changed by hand is put right, and a node that comes back gets its files.
	require.NoError(t, os.WriteFile(c.path("linux", registriesconf.FileName), []byte("unqualified-search-registries = []\n"), 0o644))
	require.NoError(t, os.RemoveAll(c.path("windows", "registry.redhat.io")))
	require.NoError(t, os.Mkdir(c.path(gone.Name), 0o755))
	c.settled(windows(), gone)
	c.eventually("the file by hand is replaced", func() bool {
		return onDisk(t, c.path("linux"))[registriesconf.FileName] == string(c.want().Linux.Config.Bytes())
	})
	c.eventually("an event says that the node is well again", func() bool {
		return strings.Contains(strings.Join(c.events(), "\n"), "Applied NodePulls/gone: ")
	})
}

func TestStatusAndEventsOfManyFindingsAreBounded(t *testing.T) {
	c := newCluster(t)
	entries := func(n int) (all []configv1.ImageDigestMirrors) {
		for i := range n {
			all = append(all, byDigest(fmt.Sprintf("s%d.example.org/a", i), allow, "mirror.example.com/b"))
		}
		return all
	}
	many := digestMirrors("many", entries(300)...)
	for i := range maxEvents + 5 {
		c.create(digestMirrors(fmt.Sprintf("few-%02d", i), byDigest(fmt.Sprintf("f%d.example.org/a", i), allow, "mirror.example.com/b")))
	}
	op := c.start(Directories(c.dir), testOptions)
	c.eventually("the findings are counted", func() bool { return c.pulls().Status.Warnings >= maxEvents+5 })
	c.eventually("events are stored", func() bool { return len(c.events()) == maxEvents+1 })
	require.Contains(t, strings.Join(c.events(), "\n"), "MoreFindings ClusterPulls/cluster: there are new findings of 5 more kinds")

	c.create(many)
	c.eventually("the findings are counted", func() bool { return c.pulls().Status.Warnings >= 300 })
	require.Len(t, c.pulls().Status.Findings, maxFindings)
	c.eventually("one event tells them", func() bool { return len(c.events()) == maxEvents+2 })
	require.Regexp(t, `InexactMirror ImageDigestMirrorSet/many: 300: spec\.imageDigestMirrors\[0\]`, strings.Join(c.events(), "\n"))

	// Neither a restart nor another rendering says anything again.
	op.stop(t)
	op = c.start(Directories(c.dir), testOptions)
	c.create(tagMirrors("fine", byTag("fine.example.org", allow, "mirror.example.com")))
	c.eventually("it is rendered again", func() bool { return c.pulls().Status.Linux == c.want().Linux.Hash })
	require.Len(t, c.events(), maxEvents+2)

	c.delete(many)
	c.eventually("it is rendered again", func() bool { return c.pulls().Status.Linux == c.want().Linux.Hash })
	require.Less(t, c.pulls().Status.Warnings, 300)
	c.eventually("an event says so", func() bool {
		return strings.Contains(strings.Join(c.events(), "\n"), "FindingsGone ClusterPulls/cluster: ")
	})
	op.stop(t)
	require.Len(t, c.events(), maxEvents+3)
}

func TestDrainsAreAnnouncedBeforeTheFileChanges(t *testing.T) {
	c := newCluster(t, linux())
	f := newFleet(t, c.dir, 1)
	announced := map[string]string{} // hash by what was on the node just before
	f.before = func(node *NodePulls, call, name string) {
		if call == "rename" && name == registriesconf.FileName {
			if drain := c.node(node.Name).Status.Drain; drain != nil {
				announced[onDisk(t, c.path(node.Name))[registriesconf.FileName]] = drain.For
			}
		}
	}
	op := f.start(c, testOptions)
	c.settled(linux())
	require.Nil(t, c.node("linux").Status.Drain, "MCO takes an absent file for an empty one, and search registries are only added")

	c.create(digestMirrors("a", byDigest("quay.io/team", allow, "mirror.example.com/team")))
	c.settled(linux())
	require.Nil(t, c.node("linux").Status.Drain, "mirrors for digests drain nothing")

	before := onDisk(t, c.path("linux"))[registriesconf.FileName]
	c.create(tagMirrors("b", byTag("quay.io/other", allow, "mirror.example.com/other")))
	c.settled(linux())
	drain := c.node("linux").Status.Drain
	require.Equal(t, c.want().Linux.Hash, drain.For)
	require.False(t, drain.Reboot)
	require.Contains(t, drain.Reasons[0], "quay.io/other")
	require.Equal(t, map[string]string{before: drain.For}, announced)
	require.Equal(t, 1.0, gathered(t, op.registry)[`pullroute_drains_needed_total{reboot="false"}`])

	c.create(&configv1.Image{
		ObjectMeta: metav1.ObjectMeta{Name: "cluster"},
		Spec:       configv1.ImageSpec{RegistrySources: configv1.RegistrySources{ContainerRuntimeSearchRegistries: []string{"quay.io"}}},
	})
	c.settled(linux())
	require.True(t, c.node("linux").Status.Drain.Reboot)
	require.Equal(t, 1.0, gathered(t, op.registry)[`pullroute_drains_needed_total{reboot="true"}`])
	c.eventually("events say so", func() bool {
		return strings.Count(strings.Join(c.events(), "\n"), "DrainNeeded NodePulls/linux: ") == 2
	})

	// An operator that dies right after the file has changed has said so all the same.
	f.dieAfter(2) // the file is written, and its rename may be done or not
	c.put(tagMirrors("b", byTag("quay.io/other", allow, "mirror.example.com/another")))
	<-f.dead
	f.kill(op)
	require.Equal(t, c.want().Linux.Hash, c.node("linux").Status.Drain.For)
	f.start(c, testOptions)
	c.settled(linux())
	require.Equal(t, c.want().Linux.Hash, c.node("linux").Status.Drain.For)
}

func TestMetricsAreNamedAsPrometheusWants(t *testing.T) {
	c := newCluster(t, linux(), windows())
	op := c.start(Directories(c.dir), testOptions)
	c.create(documented())
	c.create(tagMirrors("tags", byTag("quay.io", never, "mirror.example.com")))
	c.settled(linux(), windows())
	problems, err := testutil.GatherAndLint(op.registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	c.eventually("both objects are counted", func() bool { return gathered(t, op.registry)[`pullroute_rendered_sources{pull="tag"}`] == 1 })
	values := gathered(t, op.registry)
	require.Equal(t, 3.0, values[`pullroute_rendered_sources{pull="digest"}`])
	require.Equal(t, 0.0, values["pullroute_render_refused"])
	require.Equal(t, 2.0, values[`pullroute_findings{code="inexact-mirror",severity="warning"}`])
	require.Equal(t, 2.0, values[`pullroute_nodes{state="applied"}`])
	require.NotZero(t, values[`pullroute_apply_duration_seconds{platform="windows"}`])
	require.Zero(t, values[`pullroute_apply_failures_total{platform="windows",state="failed"}`])

	c.delete(windows())
	c.eventually("a node that is gone is not counted", func() bool { return gathered(t, op.registry)[`pullroute_nodes{state="applied"}`] == 1 })
}

func TestTextsAreShortenedBetweenCharacters(t *testing.T) {
	require.Equal(t, "short", truncate("short", 5))
	for limit := 3; limit < 12; limit++ {
		s := truncate("äöüäöüäöü", limit)
		require.LessOrEqual(t, len(s), limit)
		require.True(t, utf8.ValidString(s) && strings.HasSuffix(s, "…"), s)
	}
	require.Equal(t, "InvalidSource", reason(finding.Finding{Code: "invalid-source"}))
	require.Equal(t, "Odd", reason(finding.Finding{Code: "-odd-"}))
}

func TestARegistryThatWindowsCannotHaveIsSaidAndNotTriedAgain(t *testing.T) {
	c := newCluster(t, linux(), windows())
	c.create(digestMirrors("names",
		byDigest("aux.example.com/team", never, "mirror.example.com/team"),
		byDigest("nul.io:5000", allow, "mirror.example.com"), // nul.io_5000_
		byDigest("quay.io/team", never, "mirror.example.com/team"),
		byDigest("Quay.io/other", allow, "mirror.example.com/other")))
	o := testOptions
	o.RetryMin, o.RetryMax = time.Millisecond, 10*time.Millisecond
	op := c.start(Directories(c.dir), o)
	c.settled(linux())
	var status NodePullsStatus
	c.eventually("the Windows node says what it cannot have", func() bool {
		status = c.node("windows").Status
		return len(status.Conditions) > 0 && status.Conditions[0].Reason == "Partial"
	})
	require.Equal(t, map[string]float64{"applied": 1, "partial": 1}, nodeStates(t, op))
	require.Equal(t, c.want().Windows.Hash, status.Desired)
	require.Empty(t, status.Applied)
	var failed []string
	for _, f := range status.Failures {
		failed = append(failed, string(f.Reason)+" "+f.Registry)
		require.Contains(t, f.Message, "has the name of a device on Windows")
	}
	require.Equal(t, []string{"ReservedName aux.example.com", "ReservedName nul.io:5000"}, failed)
	want := c.want().content(finding.Windows)
	delete(want, "aux.example.com/hosts.toml")
	delete(want, "nul.io_5000_/hosts.toml")
	require.Equal(t, want, onDisk(t, c.path("windows")))
	require.Len(t, want, 1, "two spellings of one host have one file")
	require.Contains(t, want, "quay.io/hosts.toml")

	codes := map[string]string{}
	for _, f := range c.pulls().Status.Findings {
		codes[string(f.Code)+" "+f.Value] = f.Origin.Field
	}
	require.Equal(t, "spec.imageDigestMirrors[0]", codes["reserved-name aux.example.com"])
	require.Contains(t, codes, "reserved-name nul.io:5000")
	require.Contains(t, codes, "host-clash quay.io")
	c.eventually("events say so", func() bool {
		all := strings.Join(c.events(), "\n")
		return strings.Contains(all, "ReservedName ImageDigestMirrorSet/names: 2: ") && strings.Contains(all, "HostClash ImageDigestMirrorSet/names: ") &&
			strings.Contains(all, "Partial NodePulls/windows: registry \"aux.example.com\": ")
	})

	runs := func() float64 {
		return gathered(t, op.registry)[`pullroute_apply_duration_seconds{platform="windows"}`]
	}
	before := runs()
	time.Sleep(500 * time.Millisecond) // fifty pauses
	require.Equal(t, before, runs())

	c.put(digestMirrors("names", byDigest("quay.io/team", never, "mirror.example.com/team")))
	c.settled(linux(), windows())
	require.Empty(t, c.node("windows").Status.Failures)
}

func TestOfSeveralFailuresTheOneCountsThatTryingAgainMayMend(t *testing.T) {
	failed := func(err error) error { return &hoststoml.RegistryError{Registry: "quay.io", Err: err} }
	conflict, name := failed(nodefiles.ErrConflict), failed(hoststoml.ErrName)
	for _, tt := range []struct {
		state State
		errs  []error
	}{
		{StateApplied, nil},
		{StateConflict, []error{conflict}},
		{StateConflict, []error{name, conflict}},
		{StatePartial, []error{name}},
		{StatePartial, []error{failed(hoststoml.ErrSameDirectory), failed(nodefiles.ErrWaits)}},
		{StateFailed, []error{errFault}},
		{StateFailed, []error{name, failed(errFault), conflict}},
		{StateTimedOut, []error{name, conflict, context.DeadlineExceeded}},
		{StateTimedOut, []error{errStillRunning}},
	} {
		require.Equal(t, tt.state, stateOf(errors.Join(tt.errs...)), "%v", tt.errs)
	}

	var many []error
	for i := range maxFailures + 5 {
		many = append(many, &hoststoml.RegistryError{Registry: fmt.Sprintf("r%d.io", i), Err: nodefiles.ErrConflict})
	}
	node := windows()
	node.setApplied("hash", nil, errors.Join(many...))
	require.Len(t, node.Status.Failures, maxFailures)
	require.Equal(t, Failure{"r0.io", ReasonConflict, "another hand's file is in the way"}, node.Status.Failures[0])
	require.Contains(t, node.Status.Conditions[0].Message, "5 more registries than status.failures lists have failed")
	node.setApplied("hash", nil, context.DeadlineExceeded)
	require.Len(t, node.Status.Failures, maxFailures, "nobody has looked")
	node.setApplied("hash", nil, nil)
	require.Empty(t, node.Status.Failures)
}
