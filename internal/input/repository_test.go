package input_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pullroute/pullroute/internal/input"
	"github.com/stretchr/testify/require"
)

// repositoryFiles and repositoryRules are the files of a repository, and those of them that hold a mirror object.
const repositoryFiles, repositoryRules = 2400, 30

// writeRepository writes a repository of the shape that clusters are kept in: directories of Deployments, Services,
// ConfigMaps with scripts, Helm values and definitions, and now and then a mirror object.
func writeRepository(tb testing.TB, dir string) {
	for i := range repositoryFiles {
		sub := filepath.Join(dir, fmt.Sprintf("cluster%02d", i%40), fmt.Sprintf("app%d", i%7))
		require.NoError(tb, os.MkdirAll(sub, 0o755))
		var text strings.Builder
		switch {
		case i%(repositoryFiles/repositoryRules) == 0:
			fmt.Fprintf(&text, "apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata:\n  name: idms-%d\nspec:\n  imageDigestMirrors:\n", i)
			for j := range 10 {
				fmt.Fprintf(&text, "  - source: quay.io/team%d/app%d\n    mirrors:\n    - mirror.example.com/team%d/app%d\n", i, j, i, j)
			}
		case i%5 == 0:
			fmt.Fprintf(&text, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: scripts-%d\ndata:\n  run.sh: |\n", i)
			for j := range 60 {
				fmt.Fprintf(&text, "    curl -sf http://service-%d:8080/healthz || exit %d\n", j, j%3)
			}
		case i%11 == 0:
			fmt.Fprintf(&text, "# values of app %d\nreplicaCount: 3\nimage:\n  repository: quay.io/team/app%d\n  tag: v1.2.3\n", i, i)
			for j := range 80 {
				fmt.Fprintf(&text, "option%d:\n  enabled: true\n  value: text-%d\n", j, j)
			}
		case i%50 == 1:
			fmt.Fprintf(&text, "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: things%d.example.com\nspec:\n  versions:\n  - name: v1\n    schema:\n      openAPIV3Schema:\n        properties:\n", i)
			for j := range 600 {
				fmt.Fprintf(&text, "          field%d:\n            description: what the field number %d of a thing is for, told at length\n            type: string\n", j, j)
			}
		default:
			fmt.Fprintf(&text, "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-%d\n  labels: {app: app-%d}\nspec:\n  template:\n    spec:\n      containers:\n", i, i)
			for j := range 4 {
				fmt.Fprintf(&text, "      - name: c%d\n        image: quay.io/team/app%d:v%d\n        resources:\n          limits:\n            memory: 256Mi\n            cpu: 500m\n        env:\n", j, i, j)
				for k := range 12 {
					fmt.Fprintf(&text, "        - name: SETTING_%d\n          value: \"%d\"\n", k, k*j)
				}
			}
		}
		require.NoError(tb, os.WriteFile(filepath.Join(sub, fmt.Sprintf("object%d.yaml", i)), []byte(text.String()), 0o644))
	}
}

func TestARepositoryIsReadWhateverTheOrderItsFilesComeIn(t *testing.T) {
	dir := t.TempDir()
	writeRepository(t, dir)
	var before []input.Cluster
	for range 3 {
		in, err := input.Read([]string{dir}, nil)
		require.NoError(t, err)
		require.Len(t, in.Findings(), 1)
		require.Contains(t, in.Findings()[0].Message, fmt.Sprint(repositoryFiles-repositoryRules, " files"))
		clusters, objects := in.Clusters(false), 0
		for _, c := range clusters {
			objects += len(c.Set.ImageDigestMirrorSets)
		}
		require.Equal(t, repositoryRules, objects)
		if before != nil {
			require.Equal(t, before, clusters)
		}
		before = clusters
	}
}

// BenchmarkRepository runs mirrorctl lint and grep for the kinds over one repository, by turns, each as a whole process.
// "×" is the median of the
// rounds' ratios.
func BenchmarkRepository(b *testing.B) {
	dir := b.TempDir()
	writeRepository(b, dir)
	ctl := filepath.Join(b.TempDir(), "mirrorctl")
	out, err := exec.Command("go", "build", "-o", ctl, "github.com/pullroute/pullroute/examples/mirrorctl").CombinedOutput()
	require.NoError(b, err, string(out))
	run := func(name string, args ...string) (wall, cpu float64) {
		cmd := exec.Command(name, args...)
		cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
		start := time.Now()
		require.NoError(b, cmd.Run())
		return time.Since(start).Seconds(), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	}
	var lints, greps, ratios, cpus []float64
	for b.Loop() {
		lint, lintCPU := run(ctl, "lint", "--platform", "linux", "-f", dir)
		grep, grepCPU := run("grep", "-rE", "kind: *(ImageDigestMirrorSet|ImageTagMirrorSet|ImageContentSourcePolicy|Image)$", dir)
		lints, greps, ratios, cpus = append(lints, lint), append(greps, grep), append(ratios, lint/grep), append(cpus, lintCPU/grepCPU)
	}
	median := func(values []float64) float64 { slices.Sort(values); return values[len(values)/2] }
	b.ReportMetric(1000*median(lints), "ms-lint")
	b.ReportMetric(1000*median(greps), "ms-grep")
	b.ReportMetric(median(ratios), "×")
	b.ReportMetric(median(cpus), "×-processor-time")
}
