package hoststoml_test

import (
	"math/rand"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/faults"
	"github.com/stretchr/testify/require"
)

// governed reads a config_path as ReadTree does, and says which of its files decides for each registry.
func governed(dir string, hosts []string) map[string]string {
	tree, _, err := hoststoml.ReadTree(dir)
	decides := map[string]string{}
	for _, rf := range tree {
		decides[rf.Host] = "a directory without a file"
		if rf.File == nil {
			continue
		}
		text := string(rf.File.Bytes())
		for _, h := range rf.File.Hosts {
			for _, ca := range h.CA {
				text += string(rf.Extra[ca])
			}
		}
		decides[rf.Host] = text
	}
	governed := map[string]string{}
	for _, host := range hosts {
		text, ok := decides[host]
		if !ok {
			text = decides["_default"]
		}
		if err != nil {
			text = err.Error()
		}
		governed[host] = text
	}
	return governed
}

func TestWhateverStopsAReplacementEachRegistryHasItsOldFileOrItsNewOne(t *testing.T) {
	runs := tryAll(t, 1, 10, faults.Try)
	require.Greater(t, runs, int64(1000))
}

func TestARegistryThatFailsHoldsBackNoOtherAndLeavesNoGap(t *testing.T) {
	runs := tryAll(t, 2, 6, faults.TryOthers)
	require.Greater(t, runs, int64(500))
}

// tryAll tries the cases, and some random ones, and returns the number of runs with a fault.
func tryAll(t *testing.T, seed int64, random int, try func(faults.Case, func(faults.Case) (faults.Site, error)) (faults.Count, error)) int64 {
	cases := slices.Clone(faults.HandPicked)
	r := rand.New(rand.NewSource(seed))
	for range random {
		cases = append(cases, faults.Random(r))
	}
	var runs, states atomic.Int64
	t.Run("cases", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(t.TempDir(), "certs.d")
				count, err := try(c, func(c faults.Case) (faults.Site, error) {
					local, err := faults.NewLocal(dir, c)
					if err != nil {
						return nil, err
					}
					local.Governed = governed
					return local, nil
				})
				require.NoError(t, err)
				require.Zero(t, count.Gaps, count.First)
				runs.Add(int64(count.Runs))
				states.Add(int64(count.States))
			})
		}
	})
	t.Logf("%d runs with a fault, %d states looked at", runs.Load(), states.Load())
	return runs.Load()
}
