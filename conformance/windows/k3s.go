package windows

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// CompareK3s holds plans of trees of other hands against the containerd of k3s and RKE2, which reads rewrite, and
// whether the key server is there.
func CompareK3s(t *testing.T, c clients.Containerd) {
	t.Run("it asks what the plan says", func(t *testing.T) {
		inParallel(t, []clients.Containerd{c}, "requests = plan, files with rewrite", k3sAsksWhatThePlanSays)
	})
	t.Run("it asks what the plan says once the tree was printed", func(t *testing.T) {
		inParallel(t, []clients.Containerd{c}, "requests = plan, such files printed again", k3sAsksTheSameOfPrintedFiles)
	})
}

// The rewrites of k3s' own documentation, of issues, and odd ones.
var (
	patternsOfK3s = []string{"^rancher/(.*)", "^a", "^(.*)$", "a/", "^org/(.+)$", "b", "(?!a)", "", "^v2x/", "[.]", "x*"}
	replacements  = []string{"mirror/rancher-$1", "p/$1", "$1", "x/", "", "${1}", "$0/y", "../$1", "a b", "A", "p//$1/"}
)

func k3sRewrites(s *random.Source, table, indent string, most int) string {
	var b strings.Builder
	seen := map[string]bool{}
	for range s.Intn(most + 1) {
		pattern := s.Pick(patternsOfK3s...)
		if seen[pattern] {
			continue
		}
		if len(seen) == 0 {
			fmt.Fprintf(&b, "%s[%s]\n", indent, table)
		}
		seen[pattern] = true
		fmt.Fprintf(&b, "%s  %q = %q\n", indent, pattern, s.Pick(replacements...))
	}
	return b.String()
}

// k3sFile returns a hosts.toml as k3s, or a hand, may write it.
func k3sFile(s *random.Source) string {
	if s.Intn(12) == 0 {
		return s.Pick(
			"rewrite = \"a\"\n[host.\"https://m.io\"]\n",
			"[host.\"https://m.io\"]\n[host.\"https://m.io\".rewrite]\na = 1\n",
			"server = \"\"\n[host]\n",
			"[host]\n",
			"rewrite = {}\n[host.\"https://m.io\"]\n",
		)
	}
	var b strings.Builder
	switch s.Intn(4) {
	case 0:
		b.WriteString("server = \"\"\n")
	case 1:
	default:
		fmt.Fprintf(&b, "server = %q\n", foreignURL(s))
	}
	b.WriteString(foreignSettings(s, ""))
	b.WriteString("[note]\nby = 'a hand'\n")
	b.WriteString(k3sRewrites(s, "rewrite", "", 1))
	seen := map[string]bool{}
	for range s.Intn(4) {
		url := foreignURL(s)
		if seen[url] {
			continue
		}
		seen[url] = true
		fmt.Fprintf(&b, "[host.%q]\n%s", url, foreignSettings(s, "  "))
		b.WriteString(k3sRewrites(s, fmt.Sprintf("host.%q.rewrite", url), "  ", 2))
	}
	return b.String()
}

func k3sImage(s *random.Source) string {
	host := s.Pick("quay.io/", "quay.io/", "n.io:5000/", "docker.io/", "", "other.io/")
	return host + s.Pick("a", "a/b", "org/a", "v2x/a", "rancher/coredns", "rancher/a") + suffix(s)
}

func k3sAsksWhatThePlanSays(y tally, c clients.Containerd) {
	s := random.New(y.Name())
	for i := range random.Count(8_000) {
		files := map[string]string{}
		for _, dir := range []string{"quay.io", "n.io_5000_", "docker.io", "_default"} {
			if s.Intn(5) > 0 {
				files[dir] = k3sFile(s)
			}
		}
		dir := configPath(y, files)
		y.row.Configurations++
		tree, _, err := hoststoml.ReadTree(dir)
		require.NoError(y, err, strconv.Itoa(i))
		k3sPulls(y, c, s, here(tree.K3sTable(dir)), dir, files)
	}
}

// What upstream containerd does not read is kept by Parse and print, so that a k3s node goes on as before.
func k3sAsksTheSameOfPrintedFiles(y tally, c clients.Containerd) {
	s := random.New(y.Name())
	for range random.Count(4_000) {
		files := map[string]string{"quay.io": k3sFile(s), "_default": k3sFile(s)}
		tree, _, err := hoststoml.ReadTree(configPath(y, files))
		require.NoError(y, err)
		printed := map[string]string{}
		for _, rf := range tree {
			if rf.File != nil && rf.File.Validate().Err() == nil {
				printed[hoststoml.Dir(rf.Host)] = string(rf.File.Bytes())
			}
		}
		tree = slices.DeleteFunc(tree, func(rf hoststoml.RegistryFile) bool { return printed[hoststoml.Dir(rf.Host)] == "" })
		y.row.Configurations++
		k3sPulls(y, c, s, here(tree.K3sTable("before")), configPath(y, printed), printed)
	}
}

func k3sPulls(
	y tally,
	c clients.Containerd,
	s *random.Source,
	table *resolve.ContainerdTable,
	dir string,
	files map[string]string,
) {
	for range pullsOfEach {
		image := k3sImage(s)
		plan, err := table.Plan(image)
		require.NoError(y, err)
		w := stateOf(s, locations(plan.Pull)...)
		for _, host := range []string{"m.io", "p.io:8080", "p.io:80", "localhost:5000"} {
			w.Registry(host).PlainHTTP = s.Intn(2) == 0
		}
		pull := c.Pull(context.Background(), w, dir, image)
		y.row.Pulls++
		if slices.ContainsFunc(plan.Findings, func(f finding.Finding) bool { return f.Code == finding.CodeRewriteOrder }) {
			// Any of them may be asked: nothing but what the plan lists is.
			if err := onlyAsked(pull, plan); err != nil {
				y.mismatch("%s: %v\n%q", image, err, files)
			}
			continue
		}
		told := foretell(table, plan)
		if told.byDigest && len(told.gets) > 0 {
			told.heads = ableOfK3s(table, plan.References[0])
		}
		if err := errors.Join(told.compare(c, pull), asksTheURLs(plan, pull)); err != nil {
			y.mismatch("%s: %v\n%q", image, err, files)
		}
	}
}

// ableOfK3s is ableToPull for endpoints with rewrites, of which no two change the repository.
func ableOfK3s(t *resolve.ContainerdTable, reference string) (able []string) {
	host, repository := splitHost(nameOf(reference))
	file, ok := t.Find(host)
	endpoints := file.Endpoints
	itself := resolve.Endpoint{Host: host, Root: "/v2", Capabilities: resolve.CanAll}
	if host == "docker.io" {
		itself.Host = "registry-1.docker.io"
	}
	switch {
	case file.NoServer:
	case ok && file.Server != nil && file.Server.Host != "":
		endpoints = append(endpoints, *file.Server)
	default:
		if file.Server != nil {
			itself.Rewrites = file.Server.Rewrites
		}
		endpoints = append(endpoints, itself)
	}
	for _, e := range endpoints {
		if !e.Capabilities.Has(resolve.CanPull) {
			continue
		}
		asked := repository
		for _, r := range e.Rewrites {
			if pattern, err := regexp.Compile(r.Pattern); err == nil && asked == repository {
				asked = pattern.ReplaceAllString(repository, r.Replacement)
			}
		}
		joined := path.Join("/", e.Root, asked)
		if strings.HasPrefix(joined, "/v2/") {
			joined = joined[len("/v2"):]
		}
		able = append(able, e.Host+strings.TrimSuffix(joined, "/"))
	}
	return slices.Compact(able)
}

func onlyAsked(pull clients.Pull, plan resolve.Plan) error {
	listed := locations(plan.Pull)
	for _, pass := range world.Passes(pull.Requests) {
		for _, l := range pass.Locations {
			if l = strings.TrimSuffix(l, "/"+pass.Object); !slices.Contains(listed, l) {
				return fmt.Errorf("%s was asked, and the plan lists %q", l, listed)
			}
		}
	}
	return nil
}
