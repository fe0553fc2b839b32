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
		"no server":                            {"[host.'https://m.io']\n", []string{"m.io/a/b"}, nil},
		"an empty server":                      {"server = ''\n[host.'https://m.io']\n", []string{"m.io/a/b", "quay.io/a/b"}, nil},
		"no server and no host":                {"[host]\n", []string{"quay.io/a/b"}, []finding.Code{finding.CodeIgnoredSetting}},
		"what neither reads, without a server": {"other = 1\n[host.'https://m.io']\n", []string{"m.io/a/b"}, []finding.Code{finding.CodeIgnoredSetting}},
		"what neither reads, with an empty server": {"server = ''\nother = 1\n[host.'https://m.io']\n", []string{"m.io/a/b", "quay.io/a/b"},
			[]finding.Code{finding.CodeIgnoredSetting}},
		"a server with a user": {"server = 'https://u@s.io'\n[host.'https://m.io']\n", []string{"m.io/a/b", "s.io/a/b"},
			[]finding.Code{finding.CodeIgnoredSetting}},
		"what old versions do not know, without a server": {"capabilities = ['pull', 'resolve', 'referrers']\n[host.'https://m.io']\n", []string{"m.io/a/b"},
			[]finding.Code{finding.CodeInvalidFile, finding.CodeServerOnly}},
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
		"no table": {"server = 'https://s.io'\nrewrite = 1\n[host]\n", []string{"quay.io/a/b"},
			[]finding.Code{finding.CodeInvalidFile, finding.CodeIgnoredSetting}},
		"no table in a host": {"server = 'https://s.io'\n[host.'https://m.io']\nrewrite = ['a']\n", []string{"quay.io/a/b"},
			[]finding.Code{finding.CodeInvalidFile, finding.CodeIgnoredSetting}},
		"an empty table": {"server = 'https://s.io'\nrewrite = {}\n[host]\n", []string{"s.io/a/b"}, nil},
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
			_, alone := hoststoml.Parse("hosts.toml", []byte(test.text))
			require.Len(t, tree.K3sFindings("certs.d", alone), len(tree.K3sFindings("certs.d", findings)), "findings of a file by itself")

			plan, err = tree.Table("certs.d").Plan("quay.io/a/b:1")
			require.NoError(t, err)
			require.Empty(t, plan.Findings)
			last := plan.Pull[len(plan.Pull)-1]
			want, role := "quay.io/a/b", resolve.RoleSource
			if file.Server != "" {
				want, role = "s.io/a/b", resolve.RoleMirror
			}
			require.Equal(t, want, last.Location, "upstream has no rewrite, and asks the registry last")
			require.Equal(t, role, last.Role)
		})
	}
}

func TestFindingsThatAreOfNoRegistryAreKeptForK3s(t *testing.T) {
	node := fstest.MapFS{
		"certs.d/hosts.toml":         {Data: []byte("[host.'https://m.io']\n")},
		"certs.d/quay.io/hosts.toml": {Data: []byte("[host.'https://m.io']\n")},
		"certs.d/m.io/hosts.toml":    {Data: []byte("[host.'https://n.io']\n")},
	}
	tree, findings, err := hoststoml.ReadTreeFS(node, "certs.d")
	require.NoError(t, err)
	require.Len(t, findings, 3)
	require.Equal(t, "certs.d/hosts.toml", findings[0].Origin.File)
	require.Equal(t, findings[:1], tree.K3sFindings("certs.d", findings))
}

// A File that was not read may hold what no file says.
func TestWhatIsNoTOMLIsNoRewriteOfK3s(t *testing.T) {
	unknown := map[string]hoststoml.Secret{"rewrite": hoststoml.NewSecret("[")}
	tree := hoststoml.Tree{{Host: "quay.io", File: &hoststoml.File{Server: "https://s.io", Settings: hoststoml.Settings{Unknown: unknown}}}}
	plan, err := tree.K3sTable("certs.d").Plan("quay.io/a/b:1")
	require.NoError(t, err)
	require.Equal(t, "s.io/a/b", plan.Pull[0].Location)
}
