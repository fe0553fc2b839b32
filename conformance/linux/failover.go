package linux

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/failover"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/resolve"
)

// linked is the client whose library the module of the test links.
func linked() resolve.Client {
	if strings.HasPrefix(containersimage.Version, "5.38.") {
		return resolve.ContainersImage538
	}
	return resolve.ContainersImage542
}

// Whatever a location fails with, and wherever it stands, the client goes on where the plan says, and
// nowhere else.
func aFailingLocationIsLeftAsThePlanSays(t *testing.T) {
	row := newRow(t, containersImage, "faults × places: requests and outcome as Plan.After says")
	configurations := map[bool]config{} // by whether the source is under NeverContactSource
	for never, text := range map[bool]string{
		false: "digest quay.io/a m.io/a n.io/a\ntag quay.io/a m.io/a n.io/a",
		true:  "digest quay.io/a m.io/a n.io/a never\ntag quay.io/a m.io/a n.io/a never",
	} {
		configurations[never] = newConfig(t, newSet(t, text))
	}
	cases := make(chan failover.Case)
	var workers sync.WaitGroup
	var mu sync.Mutex
	for range 24 { // they wait, most of the time
		p := newProxy(t)
		clients := map[bool]*containersimage.Registries{}
		for never, c := range configurations {
			clients[never] = c.load(t)
		}
		workers.Go(func() {
			for test := range cases {
				c := configurations[test.Never]
				plan, err := c.table.Plan(test.Image)
				if err == nil {
					plan.Client = linked()
					want, served := test.Foretell(plan, false)
					p.Use(test.World())
					pull := clients[test.Never].Pull(context.Background(), p, test.Image)
					err = failover.Compare(want, served, pull.Requests, pull.Err)
				}
				mu.Lock()
				row.Configurations++
				row.Pulls++
				if err != nil {
					row.Mismatches++
					t.Errorf("%s: %v", test, err)
				}
				mu.Unlock()
			}
		})
	}
	for _, test := range failover.Cases() {
		cases <- test
	}
	close(cases)
	workers.Wait()
	require.Greater(t, row.Pulls, 300)
}

// A location that takes the request and never answers is waited for, wherever it stands.
func aFailoverWaitsForALocationThatNeverAnswers(t *testing.T) {
	row := newRow(t, containersImage, "a location that takes the request and never answers is waited for")
	p := newProxy(t)
	c := newConfig(t, newSet(t, "digest quay.io/a m.io/a n.io/a"))
	client := c.load(t)
	for place, host := range []string{"m.io", "n.io", "quay.io"} {
		w := world.New()
		for i, location := range []string{"m.io/a", "n.io/a", "quay.io/a"} {
			if i > place {
				w.Put(location, "1", failover.Image)
			}
		}
		w.Registry(host).State = world.Hangs
		p.Use(w)
		pulled := waitFor(t, client, p, failover.Digest, host)
		row.Configurations++
		row.Pulls++
		require.Error(t, pulled.Err)
		require.Equal(t, host, pulled.Trace()[place])
		require.Len(t, pulled.Trace(), place+1)
	}
}
