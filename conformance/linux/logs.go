package linux

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/failover"
	"github.com/pullroute/pullroute/conformance/logs"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/report"
	"github.com/pullroute/pullroute/internal/clientlog"
	"github.com/pullroute/pullroute/internal/explain"
	"github.com/pullroute/pullroute/resolve"
)

// traced runs f, and returns what containers-image logs meanwhile.
func traced(f func()) string {
	logger := logrus.StandardLogger()
	out, level := logger.Out, logger.Level
	defer func() {
		logrus.SetOutput(out)
		logrus.SetLevel(level)
	}()
	var b bytes.Buffer
	logrus.SetOutput(&b)
	logrus.SetLevel(logrus.DebugLevel)
	f()
	return b.String()
}

// printed is an error as the programs print it. Package copy of containers-image says what it was about (copy.go:
// "initializing source"); CRI-O 1.37 tries the image as an artifact then (pullImageImplementation), which ends
// alike here.
func printed(image string, err error, beforeBlobs bool) string {
	if !beforeBlobs {
		return "Error: parsing image configuration: " + err.Error() + "\n"
	}
	text := fmt.Sprintf("initializing source docker://%s: %v", image, err)
	if linked() == resolve.ContainersImage538 {
		return fmt.Sprintf("  Warning  Failed  3s (x2 over 18s)  kubelet  Failed to pull image %q: rpc error: code = "+
			"Unknown desc = unable to pull image or OCI artifact: pull image err: %s; artifact err: image reference: "+
			"get manifest: build image source: %v\n", image, text, err)
	}
	return "Error: unable to copy from source docker://" + image + ": " + text + "\n"
}

// sampled returns the cases that a run takes: every fifth, and one that waits, without -long.
func sampled() (some []failover.Case) {
	slow := false
	for i, c := range failover.Cases() {
		if random.Long() || c.Slow() && !slow || !c.Slow() && i%5 == 0 {
			some = append(some, c)
			slow = slow || c.Slow()
		}
	}
	return some
}

// Whatever a location fails with, and wherever it stands, what is read of the client's trace, of what CRI-O
// logs of it and of its error is what the registries saw, and does not contradict the plan. The row's configurations
// are the logs that were read, its pulls the attempts.
func aLogSaysWhatTheRegistriesSaw(t *testing.T) {
	row := newRow(t, containersImage, "faults × places: what is read of trace, info lines and error = what the "+
		"registries saw")
	configurations := map[bool]config{}
	for never, text := range map[bool]string{
		false: "digest quay.io/a m.io/a n.io/a\ntag quay.io/a m.io/a n.io/a",
		true:  "digest quay.io/a m.io/a n.io/a never\ntag quay.io/a m.io/a n.io/a never",
	} {
		configurations[never] = newConfig(t, newSet(t, text))
	}
	p := newProxy(t)
	var counts logs.Counts
	for _, test := range sampled() {
		c := configurations[test.Never]
		plan, err := c.table.Plan(test.Image)
		require.NoError(t, err)
		plan.Client = linked()
		client := c.load(t)
		p.Use(test.World())
		var failed error
		trace := traced(func() { failed = client.Pull(context.Background(), p, test.Image).Err })
		requests := p.World().Requests()
		var info strings.Builder
		fmt.Fprintf(&info, "level=info msg=\"Pulling image: %s\" id=1\n", test.Image)
		for line := range strings.Lines(trace) {
			if strings.Contains(line, `msg="Trying to access`) && (linked() == resolve.ContainersImage538 ||
				!strings.Contains(info.String(), line[strings.Index(line, "msg="):])) {
				info.WriteString(strings.Replace(line, "level=debug", "level=info", 1))
			}
		}
		ending, beforeBlobs := "", !strings.Contains(trace, "/blobs/sha256:")
		if failed != nil {
			ending = printed(test.Image, failed, beforeBlobs)
		} else {
			info.WriteString("level=info msg=\"Pulled image: 0123\" id=1\n")
		}
		for name, log := range map[string]logs.Log{
			"trace": {Text: trace, Complete: true}, "trace and error": {Text: trace + ending, Complete: true},
			"error": {Text: ending}, "info": {Text: info.String() + ending},
		} {
			if name == "info" && linked() == resolve.ContainersImage542 && !beforeBlobs {
				continue // podman has no such log, and its trace asks for blobs elsewhere in the same words
			}
			log.Plan, log.Requests = plan, requests
			err := log.Compare(&counts)
			if err == nil {
				err = logs.Wrapped(log.Text)
			}
			if err != nil {
				row.Mismatches++
				if row.Mismatches < 4 {
					t.Errorf("%s, %s: %v\n%s", test, name, err, log.Text)
				}
			}
		}
	}
	row.Configurations, row.Pulls = counts.Logs, counts.Attempts
	t.Logf("%d logs, %d attempts, %d answers", counts.Logs, counts.Attempts, counts.Answers)
	require.Zero(t, row.Mismatches)
	require.Greater(t, counts.Answers, 300)
}

// What goes wrong before a registry answers is told in the words of the system, at each of four places.
func aLogSaysWhatTheNetworkDoes(t *testing.T) {
	row := report.Add(containersImage, "faults of a real network × places: what is read of the trace and of the error")
	for _, fault := range logs.Faults() {
		for at := range 4 {
			if fault.Slow && at != 1 && !random.Long() {
				continue
			}
			hosts, classes := fault.Places(t, at)
			c := newConfig(t, newSet(t, fmt.Sprintf("tag %s/a %s/a %s/a %s/a", hosts[3], hosts[0], hosts[1], hosts[2])))
			image := hosts[3] + "/a:1"
			plan, err := c.table.Plan(image)
			require.NoError(t, err)
			require.Len(t, plan.Pull, 4)
			plan.Client = linked()
			var failed error
			trace := traced(func() { failed = c.load(t).Pull(context.Background(), nil, image).Err })
			require.Error(t, failed)
			for _, text := range []string{trace, printed(image, failed, true), trace + printed(image, failed, true)} {
				row.Configurations++
				e := explain.Of(clientlog.Read([]byte(text)).Events, plan)
				for i, a := range e.Attempts {
					row.Pulls++
					if a.Answer.Class != classes[i] || e.Differs != nil {
						row.Mismatches++
						t.Errorf("%s at %d: the answer of %d is said to be %+v, %v\n%s", fault.Class, at, i, a.Answer,
							e.Differs, text)
					}
				}
			}
		}
	}
	require.Greater(t, row.Pulls, 200)
}
