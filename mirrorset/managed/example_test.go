package managed_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/mirrorset/managed"
)

// The image mirrors of a cluster become rules, and a rule names the image mirror behind each location.
func ExampleCluster() {
	var cluster managed.Cluster
	created, err := cluster.Create(mirrorset.ImageMirror{
		ID:                "abc123def456",
		Source:            "registry.example.com/team",
		Mirrors:           []string{"mirror.corp.com/team", "backup.corp.com/team"},
		CreationTimestamp: time.Date(2026, 1, 7, 10, 11, 12, 0, time.UTC),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(created.ID, created.Type)

	rules, err := (&mirrorset.Set{ImageMirrors: cluster.List()}).Rules()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, mirror := range rules.Rules[0].Mirrors() {
		fmt.Println(mirror.Location, "from", mirror.Origins[0])
	}
	// Output:
	// abc123def456 digest
	// mirror.corp.com/team from ImageMirror/abc123def456 mirrors[0]
	// backup.corp.com/team from ImageMirror/abc123def456 mirrors[1]
}

// A refusal names field and value and says what to do; its code is there to branch on.
func ExampleCluster_Edit() {
	cluster, err := managed.NewCluster(mirrorset.ImageMirror{
		ID: "abc123def456", Source: "registry.example.com/team", Mirrors: []string{"mirror.corp.com/team"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = cluster.Edit(mirrorset.ImageMirror{ID: "abc123def456", Source: "quay.io/team", Mirrors: []string{"m.io/team"}})
	fmt.Println(errors.Is(err, finding.CodeSourceFixed))
	fmt.Println(err)
	// Output:
	// true
	// error: ImageMirror/abc123def456 source: "quay.io/team": differs from registry.example.com/team, and the source of an image mirror cannot be changed; delete it and create another [source-fixed, refused by the cluster-management API]
}

func ExampleFile() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	var store managed.Store = managed.File{Path: filepath.Join(dir, "store.json")}
	err = store.Update("mycluster", func(cluster *managed.Cluster) error {
		_, err := cluster.Create(mirrorset.ImageMirror{ID: "abc123def456", Source: "quay.io/team", Mirrors: []string{"m.io/team"}})
		return err
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	cluster, err := store.Read("mycluster")
	fmt.Println(len(cluster.List()), err)
	// Output: 1 <nil>
}

// From objects to image mirrors: what an image mirror has no place for is said.
func ExampleFromRules() {
	set := mirrorset.Set{ImageDigestMirrorSets: []mirrorset.ImageDigestMirrorSet{{
		Metadata: mirrorset.ObjectMeta{Name: "corp"},
		Spec: mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: []mirrorset.ImageMirrors{
			{Source: "quay.io/team", Mirrors: []string{"m.io/team"}},
			{Source: "quay.io/secret", Mirrors: []string{"m.io/secret"}, MirrorSourcePolicy: mirrorset.NeverContactSource},
		}},
	}}}
	rules, err := set.Rules()
	if err != nil {
		fmt.Println(err)
		return
	}
	mirrors, findings := managed.FromRules(rules)
	for _, m := range mirrors {
		fmt.Println(m.Source, m.Mirrors)
	}
	for _, f := range findings {
		fmt.Println(f)
	}
	// Output:
	// quay.io/team [m.io/team]
	// warning: ImageDigestMirrorSet/corp spec.imageDigestMirrors[1]: "quay.io/secret": is under NeverContactSource, and an image mirror always allows contacting its source [not-carried]
}
