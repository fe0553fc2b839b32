package windows

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/faults"
)

// loaded is what containerd makes of a config_path for each registry, as text: where it would send a pull,
// with what, or why it does not know.
func loaded(c clients.Containerd) func(dir string, hosts []string) map[string]string {
	return func(root string, hosts []string) map[string]string {
		all := map[string]string{}
		for _, host := range hosts {
			all[host] = "the registry itself, without a directory"
			for _, dir := range hoststoml.Dirs(host) { // as HostDirFromRoot does
				dir = filepath.Join(root, dir)
				if _, err := os.Stat(dir); err == nil {
					h, err := c.LoadHosts(dir, host)
					all[host] = fmt.Sprintf("%+v, %v", h, err)
					break
				}
			}
		}
		return all
	}
}

// Wherever a replacement stops, and at every moment on the way there and from there to its end, containerd
// makes of each registry what it made before or what it makes afterwards. The row's configurations are
// the states of a config_path that were looked at.
func TestThereIsNoGapWhereverAReplacementStops(t *testing.T) {
	inParallel(t, versions, "states of trees being replaced: stopped after every operation and at every failing call, then finished", func(y tally, c clients.Containerd) {
		s := random.New(y.Name())
		cases := slices.Clone(faults.HandPicked)
		if !random.Long() { // hoststoml's own tests go through all of them, without a client
			s.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
			cases = cases[:random.Count(60)]
		}
		for range random.Count(20) {
			cases = append(cases, faults.Random(s.Rand))
		}
		dir := filepath.Join(y.TempDir(), "certs.d")
		for _, test := range cases {
			if !random.Long() && y.row.Configurations >= random.Count(200_000) {
				break // one case may have thousands of states
			}
			count, err := faults.Try(test.On(y.TempDir()), func(test faults.Case) (faults.Site, error) {
				local, err := faults.NewLocal(dir, test)
				if err != nil {
					return nil, err
				}
				local.Governed = loaded(c)
				return local, nil
			})
			require.NoError(y, err)
			y.row.Configurations += count.States
			y.row.Mismatches += count.Gaps
			require.Zero(y, count.Gaps, count.First)
		}
	})
}
