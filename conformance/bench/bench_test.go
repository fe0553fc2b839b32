// Package bench measures pullroute side by side with what a user would pick instead, in one run over the same
// inputs. The metric "x" is how many times faster pullroute is.
package bench

import (
	"fmt"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

// source returns source i and its two mirrors.
func source(i int) (string, []string) {
	path := fmt.Sprintf("/org%d/repo%d", i%1000, i)
	return fmt.Sprintf("registry%d.example.com%s", i%97, path), []string{"mirror.corp" + path, "backup.corp" + path}
}

func ours(n int) *mirrorset.Set {
	set := &mirrorset.Set{}
	for i := range n {
		s, mirrors := source(i)
		set.ImageDigestMirrorSets = append(set.ImageDigestMirrorSets, mirrorset.ImageDigestMirrorSet{
			Metadata: mirrorset.ObjectMeta{Name: fmt.Sprintf("m%d", i)},
			Spec:     mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: []mirrorset.ImageMirrors{{Source: s, Mirrors: mirrors}}},
		})
	}
	return set
}

func theirs(n int) clients.Cluster {
	var c clients.Cluster
	for i := range n {
		s, mirrors := source(i)
		o := &configv1.ImageDigestMirrorSet{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("m%d", i)}}
		e := configv1.ImageDigestMirrors{Source: s}
		for _, m := range mirrors {
			e.Mirrors = append(e.Mirrors, configv1.ImageMirror(m))
		}
		o.Spec.ImageDigestMirrors = []configv1.ImageDigestMirrors{e}
		c.IDMS = append(c.IDMS, o)
	}
	return c
}

func render(b *testing.B, set *mirrorset.Set) []byte {
	rules, err := set.Rules()
	if err != nil {
		b.Fatal(err)
	}
	return registriesconf.FromTable(registriesconf.Default(), resolve.NewImageTable(rules)).Bytes()
}

// BenchmarkRegistriesConf merges objects in memory and writes registries.conf, as MCO's library and encoder do
// it.
func BenchmarkRegistriesConf(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			set, cluster := ours(n), theirs(n)
			start := time.Now()
			peer, err := clients.MCO(clients.MCOBase, cluster)
			if err != nil {
				b.Fatal(err)
			}
			theirTime := time.Since(start)
			if own := render(b, set); string(own) != string(peer) {
				b.Fatal("the files differ")
			}
			b.ReportAllocs()
			for b.Loop() {
				render(b, set)
			}
			b.ReportMetric(float64(theirTime.Nanoseconds()), "ns/op-mco")
			b.ReportMetric(float64(theirTime.Nanoseconds())/(float64(b.Elapsed().Nanoseconds())/float64(b.N)), "x")
		})
	}
}

// BenchmarkPlan asks where an image goes, as containers-image does it: find the registry, rewrite the
// reference for each location.
func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			set := ours(n)
			rules, err := set.Rules()
			if err != nil {
				b.Fatal(err)
			}
			table := resolve.NewImageTable(rules)
			client, err := clients.LoadRegistries(b.TempDir(), string(render(b, set)))
			if err != nil {
				b.Fatal(err)
			}
			defer client.Close()
			images := make([]string, 100)
			for i := range images {
				s, _ := source(i * 7919 % n)
				images[i] = s + "/app@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			}
			start := time.Now()
			for _, image := range images {
				if _, err := client.Attempts(image); err != nil {
					b.Fatal(err)
				}
			}
			theirTime := float64(time.Since(start).Nanoseconds()) / float64(len(images))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := table.Plan(images[i%len(images)]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(theirTime, "ns/op-containers-image")
			b.ReportMetric(theirTime/(float64(b.Elapsed().Nanoseconds())/float64(b.N)), "x")
		})
	}
}
