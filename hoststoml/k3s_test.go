package hoststoml_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

func ExampleTree_K3sTable() {
	node := fstest.MapFS{"certs.d/quay.io/hosts.toml": {Data: []byte(`[host."https://mirror.corp"]
  [host."https://mirror.corp".rewrite]
    "^team/(.*)" = "quay/team-$1"
`)}}
	tree, findings, err := hoststoml.ReadTreeFS(node, "certs.d")
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := tree.K3sTable("certs.d").Plan("quay.io/team/app:1")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range plan.Pull {
		fmt.Println(a.Location)
	}
	fmt.Println(len(findings), len(tree.K3sFindings("certs.d", findings)))
	// Output:
	// mirror.corp/quay/team-app
	// 2 0
}

func TestTheContainerdOfK3sReadsWhatUpstreamDoesNot(t *testing.T) {
	for name, test := range map[string]struct {
		text  string
		k3s   []string
		codes []finding.Code
	}{
		"no server":             {"[host.'https://m.io']\n", []string{"m.io/a/b"}, nil},
		"an empty server":       {"server = ''\n[host.'https://m.io']\n", []string{"m.io/a/b", "quay.io/a/b"}, nil},
		"no server and no host": {"[host]\n", []string{"quay.io/a/b"}, []finding.Code{finding.CodeIgnoredSetting}},
		"rewrite of the registry itself": {"server = ''\n[rewrite]\n'^a/' = 'x/'\n[host.'https://m.io']\n",
			[]string{"m.io/a/b", "quay.io/x/b"}, nil},
		"rewrite of server":  {"server = 'https://s.io'\n[rewrite]\n'^a/' = ''\n[host]\n", []string{"s.io/b"}, nil},
		"no such expression": {"server = 'https://s.io'\n[rewrite]\n'(' = ''\n[host]\n", []string{"s.io/a/b"}, []finding.Code{finding.CodeIgnoredSetting}},
		"out of the root": {"server = 'https://s.io'\n[rewrite]\n'^a' = '../x'\n[host]\n", []string{"s.io/x/b"},
			[]finding.Code{finding.CodeOtherPath}},
		"several": {"server = 'https://s.io'\n[rewrite]\n'a' = 'x'\n'b' = 'y'\n'^b' = 'z'\n[host]\n", []string{"s.io/a/y", "s.io/x/b"},
			[]finding.Code{finding.CodeRewriteOrder}},
		"no table of texts": {"server = 'https://s.io'\nrewrite = {a = 1}\n[host]\n", []string{"quay.io/a/b"},
			[]finding.Code{finding.CodeInvalidFile, finding.CodeIgnoredSetting}},
	} {
		t.Run(name, func(t *testing.T) {
			file, findings := hoststoml.Current("certs.d/quay.io/hosts.toml", []byte(test.text))
			require.NotNil(t, file)
			tree := hoststoml.Tree{{Host: "quay.io", File: file}}
			plan, err := tree.K3sTable("certs.d").Plan("quay.io/a/b:1")
			require.NoError(t, err)
			var asked []string
			for _, a := range plan.Pull {
				asked = append(asked, a.Location)
			}
			require.Equal(t, test.k3s, asked)
			var codes []finding.Code
			for _, f := range append(tree.K3sFindings("certs.d", findings), plan.Findings...) {
				codes = append(codes, f.Code)
			}
			require.Equal(t, test.codes, codes)

			plan, err = tree.Table("certs.d").Plan("quay.io/a/b:1")
			require.NoError(t, err)
			require.Empty(t, plan.Findings)
			last := plan.Pull[len(plan.Pull)-1]
			require.Contains(t, []string{"quay.io/a/b", "s.io/a/b"}, last.Location, "upstream has no rewrite, and asks the registry last")
			require.Equal(t, last.Location == "quay.io/a/b", last.Role == resolve.RoleSource)
		})
	}
}
