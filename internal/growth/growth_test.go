// Package growth holds how much work and memory the library takes as its input grows. Nothing here is timed: work
// is the number of statements that were executed, which Go's coverage counts, and memory what was allocated.
package growth

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/clientlog"
	"github.com/pullroute/pullroute/internal/shapes"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
	"github.com/pullroute/pullroute/resolve/routes"
	"github.com/stretchr/testify/require"
)

// most is how many times more work or memory ten times the input may take: a little more than ten, as what is
// sorted takes a little more.
const most = 12.0

var std = flag.Bool("std", false, "count the statements of the standard library's slices, strings and bytes too; the first time that takes a minute to build")

// platforms are the two ways from objects in memory to files, and what a change of the first costs.
var platforms = map[string]func(*mirrorset.Rules) (written int){
	"linux": func(rules *mirrorset.Rules) int {
		return len(linuxFile(rules).Bytes())
	},
	"linux-change": func(rules *mirrorset.Rules) int {
		old := linuxFile(rules)
		new := linuxFile(rules)
		for i := range new.Registries {
			r := &new.Registries[i]
			r.Insecure = !r.Insecure
			r.Mirrors = r.Mirrors[len(r.Mirrors)/10:]
			slices.Reverse(r.Mirrors)
		}
		return len(registriesconf.Impact(old, new).Differences)
	},
	"windows": func(rules *mirrorset.Rules) (written int) {
		for _, rf := range windowsTree(rules) {
			written += len(rf.File.Bytes())
		}
		return written
	},
}

func render(t testing.TB, platform string, set *mirrorset.Set) {
	rules, err := set.Rules()
	require.NoError(t, err)
	require.Positive(t, platforms[platform](rules))
}

func TestWorkAndMemoryGrowNoFasterThanTheInput(t *testing.T) {
	counted := program(t, !*std)
	n := 300 // enough for work that grows with the square to show
	if *std {
		n = 1000
	}
	for _, shape := range shapes.All {
		for platform := range platforms {
			t.Run(shape.Name+" on "+platform, func(t *testing.T) {
				t.Parallel()
				small := counted.run(t, fmt.Sprintf("render %s %s %d", platform, shape.Name, n))
				large := counted.run(t, fmt.Sprintf("render %s %s %d", platform, shape.Name, 10*n))
				work, allocations, bytes := large.statements/small.statements, large.allocations/small.allocations, large.bytes/small.bytes
				t.Logf("%.0f statements; for ten times the input %.1f times as many, %.1f times the allocations, %.1f times the bytes",
					small.statements, work, allocations, bytes)
				require.LessOrEqual(t, work, most)
				require.LessOrEqual(t, allocations, most)
				require.LessOrEqual(t, bytes, most)
			})
		}
	}
}

// nodeWork is what is done with a tree besides making it: n is the number of its registries.
var nodeWork = map[string]func(t testing.TB, n int){
	// 20 credentials for each registry, for hosts, for namespaces of a host that all files name, and for parts of
	// an endpoint.
	"credentials": func(t testing.TB, n int) {
		var auths []string
		for i := range n {
			for j := range 20 {
				key := []string{"h%d-%d.io", "m.io/org%d/team%d", "r%d.io/%d"}[j%3]
				auths = append(auths, fmt.Sprintf("%q: {\"username\": \"u\", \"password\": \"p\"}", fmt.Sprintf(key, i, j)))
			}
		}
		secret, findings := hoststoml.ParsePullSecret("secret", []byte(`{"auths": {`+strings.Join(auths, ",")+`}}`))
		require.Empty(t, findings)
		tree, _, findings := hoststoml.Render(registryRules(n, "m.io"), hoststoml.RenderOptions{PullSecret: secret})
		require.Len(t, tree, n+7*n)
		require.NotEmpty(t, findings)
	},
	// A list of mirrors that does not end, lines that open and never close something, quotes in quotes.
	"client log": func(t testing.TB, n int) {
		n *= 20
		for _, text := range []string{
			"(Mirrors also failed: [" + strings.Repeat("a/b:1: x]\n[", n), strings.Repeat("x also failed: [\n[\n", n), strings.Repeat("k=<\n", n),
			strings.Repeat(`{"message":"{\"message\":`, n), strings.Repeat(`\`, n) + `"`, strings.Repeat(`level= msg="a=\"`, n),
			strings.Repeat("Failed to pull image \"q.io/a:1\": ; artifact err: (Mirrors also failed: [a]): b: \n", n),
			strings.Repeat("level=info msg=\"trying next host\" error=\"Head \\\"https://m.io/v2/a/manifests/1?ns=q.io\\\": no such host\" host=m.io\n", n),
		} {
			require.Positive(t, clientlog.Read([]byte(text)).Lines)
		}
	},
	"tls": func(t testing.TB, n int) {
		settings := map[string]hoststoml.TLS{}
		for i := range n {
			settings[fmt.Sprintf("h%d.io", i)] = hoststoml.TLS{SkipVerify: true}
		}
		tree, _, _ := hoststoml.Render(registryRules(n, "m.io"), hoststoml.RenderOptions{TLS: settings})
		require.Len(t, tree, 2*n)
	},
	"routes": func(t testing.TB, n int) {
		for _, set := range []*mirrorset.Set{shapes.Sources(n), shapes.Nested(n)} {
			rules, err := set.Rules()
			require.NoError(t, err)
			classes := 0
			for range routes.Linux(resolve.NewLinuxTable(rules)).Classes() {
				classes++
			}
			require.Greater(t, classes, n)
			for range routes.Containerd(resolve.NewContainerdTable(rules)).Classes() {
				classes++
			}
			require.Empty(t, routes.Check([]routes.Statement{{Never: "none.example.com"}}, routes.Linux(resolve.NewLinuxTable(rules)), nil)[0].Notes)
		}
	},
	// Wildcards beside one another, and each inside the one before; hosts below them.
	"wildcards": func(t testing.TB, n int) {
		set, classes := &mirrorset.Set{}, 0
		var entries []mirrorset.ImageMirrors
		for i := range 5 * n {
			domain := fmt.Sprintf("%sw%d.io", strings.Repeat("a.", i%5), i/5)
			entries = append(entries, mirrorset.ImageMirrors{Source: "*." + domain, Mirrors: []string{"m.io"}},
				mirrorset.ImageMirrors{Source: fmt.Sprintf("*.x%d.io", i), Mirrors: []string{"m.io"}},
				mirrorset.ImageMirrors{Source: fmt.Sprintf("h.x%d.io", i), Mirrors: []string{"n.io"}})
		}
		set.ImageDigestMirrorSets = []mirrorset.ImageDigestMirrorSet{{Metadata: mirrorset.ObjectMeta{Name: "a"},
			Spec: mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: entries}}}
		rules, err := set.Rules()
		require.NoError(t, err)
		for range routes.Linux(resolve.NewLinuxTable(rules)).Classes() {
			classes++
		}
		require.Greater(t, classes, 5*n)
	},
	"drop-ins": func(t testing.TB, n int) {
		dropIns := make([]*registriesconf.Config, 10*n)
		for i := range dropIns {
			dropIns[i] = &registriesconf.Config{Aliases: map[string]string{fmt.Sprintf("a%d", i): "quay.io/a"},
				Registries: []registriesconf.Registry{{Location: fmt.Sprintf("r%d.io", i)}}}
		}
		require.Len(t, registriesconf.Default().Overlay(dropIns...).Registries, 10*n)
	},
	// A third of the registries stay, change, go and come.
	"diff": func(t testing.TB, n int) {
		old, new := registries(n, "old.io"), registries(n, "new.io")
		copy(new[:n/3], old)
		for i := range n / 3 {
			new[n-1-i].Host = fmt.Sprintf("n%d.io:5000", i)
		}
		for _, platform := range []finding.Platform{"", finding.Windows} {
			change, err := hoststoml.Diff(old.Node(), new, hoststoml.Options{Platform: platform})
			require.NoError(t, err)
			require.Greater(t, len(change.Operations), n)
		}
		change, err := hoststoml.Diff(old.Node(), append(old, old...), hoststoml.Options{})
		require.Len(t, hoststoml.RegistryErrors(err), n)
		require.Empty(t, change.Operations)
	},
	"extra files": func(t testing.TB, n int) {
		one := registries(1, "m.io")
		one[0].Extra = hoststoml.Extra{}
		for i := range n {
			one[0].Extra[hoststoml.ExtraName("ca.pem", []byte(strconv.Itoa(i)))] = hoststoml.NewSecret("x")
		}
		change, err := hoststoml.Diff(one.Node(), registries(1, "m.io"), hoststoml.Options{})
		require.NoError(t, err)
		require.Len(t, change.Operations, n)
		change, err = hoststoml.Diff(one.Node(), one, hoststoml.Options{})
		require.NoError(t, err)
		require.Empty(t, change.Operations)
	},
}

// registries returns files of n registries that ask one mirror.
func registries(n int, mirror string) hoststoml.Tree {
	tree := make(hoststoml.Tree, n)
	for i := range tree {
		tree[i] = hoststoml.RegistryFile{Host: fmt.Sprintf("r%d.io", i), File: &hoststoml.File{
			Comment: hoststoml.Marker, Server: "https://" + mirror, Hosts: []hoststoml.Host{{URL: "https://" + mirror}},
		}}
	}
	return tree
}

// registryRules redirect n registries to one mirror, and never to themselves.
func registryRules(n int, mirror string) *mirrorset.Rules {
	rules := &mirrorset.Rules{Rules: make([]mirrorset.Rule, n)}
	for i := range rules.Rules {
		source := fmt.Sprintf("r%d.io", i)
		entry := &mirrorset.Entry{Pull: mirrorset.ByTag, Source: source, Mirrors: []string{mirror}, Policy: mirrorset.NeverContactSource}
		rules.Rules[i] = mirrorset.Rule{Pull: mirrorset.ByTag, Source: source, Never: true, Entries: []*mirrorset.Entry{entry}}
	}
	return rules
}

func TestTheWorkOnATreeGrowsNoFasterThanIt(t *testing.T) {
	counted := program(t, !*std)
	for name := range nodeWork {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			small := counted.run(t, "node - "+strings.ReplaceAll(name, " ", "_")+" 100")
			large := counted.run(t, "node - "+strings.ReplaceAll(name, " ", "_")+" 1000")
			t.Logf("%.0f statements, %.1f times as many for ten times the input", small.statements, large.statements/small.statements)
			require.LessOrEqual(t, large.statements/small.statements, most)
		})
	}
}

func TestTheWorkOfAPlanDoesNotDependOnTheNumberOfRules(t *testing.T) {
	counted := program(t, true)
	for _, platform := range []string{"linux", "windows"} {
		t.Run(platform, func(t *testing.T) {
			t.Parallel()
			perPlan := func(rules int) float64 {
				none := counted.run(t, fmt.Sprintf("plan %s sources %d 0", platform, rules))
				hundred := counted.run(t, fmt.Sprintf("plan %s sources %d 100", platform, rules))
				return (hundred.statements - none.statements) / 100
			}
			few, many := perPlan(100), perPlan(10_000)
			t.Logf("%.1f statements for a plan", few)
			require.Greater(t, few, 10.0)
			require.Equal(t, few, many)
		})
	}
}

// wanted is the variable by which the counting program is told what to do.
const wanted = "PULLROUTE_COUNTED"

const library = "github.com/pullroute/pullroute/mirrorset,github.com/pullroute/pullroute/resolve," +
	"github.com/pullroute/pullroute/resolve/routes," +
	"github.com/pullroute/pullroute/registriesconf,github.com/pullroute/pullroute/hoststoml," +
	"github.com/pullroute/pullroute/internal/clientlog"

// counting is a program of this package that counts the statements it executes.
type counting struct {
	file  string
	build func() error // once
}

// The program that counts the statements of the library alone, and the one that counts those of the standard library too.
var dir string
var libraryOnly, withStandard counting

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if dir, err = os.MkdirTemp("", "growth"); err != nil {
		panic(err)
	}
	libraryOnly = newCounting("library", library)
	withStandard = newCounting("std", library+",slices,strings,bytes")
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func newCounting(name, packages string) counting {
	file := filepath.Join(dir, name+".test.exe")
	return counting{file, sync.OnceValue(func() error {
		out, err := exec.Command("go", "test", "-c", "-covermode=count", "-o", file, "-coverpkg="+packages, ".").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})}
}

// program returns a counting program; it is built where it is first asked for.
func program(t *testing.T, onlyLibrary bool) *counting {
	c := &withStandard
	if onlyLibrary {
		c = &libraryOnly
	}
	require.NoError(t, c.build())
	return c
}

// cost is what a piece of work takes; the memory is that of "render" alone.
type cost struct{ statements, allocations, bytes float64 }

func (c *counting) run(t *testing.T, work string) (took cost) {
	profile := filepath.Join(t.TempDir(), "profile")
	cmd := exec.Command(c.file, "-test.run=^TestCounted$", "-test.coverprofile="+profile)
	cmd.Env = append(os.Environ(), wanted+"="+work)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	took.statements = statements(t, profile)
	if strings.HasPrefix(work, "render") {
		_, err = fmt.Sscanf(string(out), memory, &took.allocations, &took.bytes)
		require.NoError(t, err, "%s", out)
	}
	return took
}

// memory is what the program prints of the memory that rendering takes.
const memory = "%f allocations, %f bytes\n"

// taken returns the number of allocations that f makes, and their bytes.
func taken(f func()) (allocations, bytes float64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs - before.Mallocs), float64(after.TotalAlloc - before.TotalAlloc)
}

// TestCounted is what the counting program runs.
func TestCounted(t *testing.T) {
	work := os.Getenv(wanted)
	if work == "" {
		return // it has no meaning of its own
	}
	var what, platform, name string
	var n, plans int
	read, err := fmt.Sscan(work, &what, &platform, &name, &n, &plans)
	require.GreaterOrEqual(t, read, 4, "%v", err)
	if what == "node" {
		nodeWork[strings.ReplaceAll(name, "_", " ")](t, n)
		return
	}
	var set *mirrorset.Set
	for _, shape := range shapes.All {
		if shape.Name == name {
			set = shape.Set(n)
		}
	}
	if what == "render" {
		allocations, bytes := taken(func() { render(t, platform, set) })
		fmt.Printf(memory, allocations, bytes)
		return
	}
	rules, err := set.Rules()
	require.NoError(t, err)
	linux, windows := resolve.NewLinuxTable(rules), resolve.NewContainerdTable(rules)
	for i := range 1 + plans { // the first plan makes an index of the rules, once
		source, _ := shapes.Source(i % 100) // the first sources are the same however many follow
		r, err := resolve.ParseReference(source + "/app@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
		require.NoError(t, err)
		var p resolve.Plan
		if platform == "linux" {
			p, err = linux.PlanReference(r)
		} else {
			p, err = windows.PlanReference(r)
		}
		require.NoError(t, err)
		require.Len(t, p.Pull, 3)
	}
}

// statements returns the number of executed statements in a profile, whose lines end in the number of statements
// of a block and how often it was executed.
func statements(t *testing.T, profile string) (sum float64) {
	f, err := os.Open(profile)
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	require.True(t, lines.Scan())
	require.Equal(t, "mode: count", lines.Text())
	for lines.Scan() {
		var block string
		var length, count float64
		_, err := fmt.Sscan(lines.Text(), &block, &length, &count)
		require.NoError(t, err, lines.Text())
		sum += length * count
	}
	require.NoError(t, lines.Err())
	return sum
}

func linuxFile(rules *mirrorset.Rules) *registriesconf.Config {
	files, _, _ := registriesconf.Render(rules, registriesconf.RenderOptions{})
	return files.Config
}

func windowsTree(rules *mirrorset.Rules) hoststoml.Tree {
	tree, _, _ := hoststoml.Render(rules, hoststoml.RenderOptions{})
	return tree
}
