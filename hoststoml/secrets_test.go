package hoststoml_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// The password, as it may stand in a text.
const password = "hunter2-hunter2"

var passwordForms = []string{
	password, base64.StdEncoding.EncodeToString([]byte("me:" + password)), fmt.Sprintf("%x", password), fmt.Sprintf("%X", password),
	base64.StdEncoding.EncodeToString([]byte(password)), strings.Trim(fmt.Sprint([]byte(password)), "[]"),
}

func requireNoSecret(t *testing.T, text string) {
	t.Helper()
	for _, form := range passwordForms {
		require.NotContains(t, text, form)
	}
}

const auth = `{"username": "me", "password": "` + password + `"}`

func secretOf(t *testing.T, keys ...string) hoststoml.PullSecret {
	t.Helper()
	var entries []string
	for _, key := range keys {
		entries = append(entries, fmt.Sprintf("%q: %s", key, auth))
	}
	secret, findings := hoststoml.ParsePullSecret("secret.json", []byte(`{"auths": {`+strings.Join(entries, ",")+`}}`))
	require.Empty(t, findings)
	return secret
}

func TestKeysOfAPullSecret(t *testing.T) {
	for key, want := range map[string]string{
		"quay.io":                     "quay.io",
		"quay.io/org":                 "quay.io/org",
		"quay.io/org/team/":           "quay.io/org/team",
		"quay.io:5000":                "quay.io:5000",
		"https://quay.io":             "quay.io",
		"http://quay.io:5000/":        "quay.io:5000",
		"https://quay.io/v2/":         "quay.io",
		"https://quay.io/v2/org":      "quay.io/org",
		"https://index.docker.io/v1/": "docker.io",
		"docker.io":                   "docker.io",
		"registry-1.docker.io":        "docker.io",
		"quay.io/v1beta":              "quay.io/v1beta",
		"quay.io/v1":                  "quay.io/v1",
		"quay.io/v1/":                 "quay.io/v1",
		"quay.io/v2/org":              "quay.io/v2/org",
		"https://quay.io/v1":          "quay.io/v1",
		"https://quay.io/v2/v2/org":   "quay.io/v2/org",
		"docker.io:443":               "docker.io:443",
		"https://index.docker.io:443": "index.docker.io:443",
		"registry-1.docker.io:0443":   "registry-1.docker.io:0443",
		"docker.io/org":               "docker.io/org",
		"docker.io:443/org":           "docker.io:443/org",
		"quay.io:443":                 "quay.io:443",
	} {
		require.Equal(t, "PullSecret["+want+"]", secretOf(t, key).String(), key)
	}
	for _, key := range []string{"", "*.quay.io", "https://me:" + password + "@quay.io", "https://quay.io?t=" + password, "ftp://quay.io", "[::1]:5000", "quay.io/Org", "https://%zz"} {
		secret, findings := hoststoml.ParsePullSecret("secret.json", []byte(fmt.Sprintf(`{"auths": {%q: %s}}`, key, auth)))
		require.Equal(t, "PullSecret[]", secret.String())
		require.Len(t, findings, 1, key)
		require.Equal(t, finding.CodeUnusableCredential, findings[0].Code)
		requireNoSecret(t, findings[0].String())
	}
}

// For a client docker.io is short for registry-1.docker.io, and docker.io:443 is a host of that name.
func TestACredentialOfDockerHubWithAPortBelongsToThatSpelling(t *testing.T) {
	ask := func(urls ...string) hoststoml.RegistryFile {
		rf := hoststoml.RegistryFile{Host: "a.io", File: &hoststoml.File{}}
		for _, url := range urls {
			rf.File.Hosts = append(rf.File.Hosts, hoststoml.Host{URL: url})
		}
		return rf
	}
	all := ask("https://docker.io:443", "https://registry-1.docker.io", "https://docker.io:0443", "https://registry-1.docker.io:443", "https://quay.io", "https://quay.io:443")
	for key, want := range map[string][]string{
		"docker.io:443":               {"a.io: https://docker.io:443", "docker.io:443: server https://docker.io:443"},
		"docker.io":                   {"a.io: https://registry-1.docker.io", "docker.io: server https://registry-1.docker.io"},
		"https://index.docker.io/v1/": {"a.io: https://registry-1.docker.io", "docker.io: server https://registry-1.docker.io"},
		"registry-1.docker.io:443":    {"a.io: https://registry-1.docker.io:443", "registry-1.docker.io:443: server https://registry-1.docker.io:443"},
		"quay.io:443":                 {"a.io: https://quay.io", "a.io: https://quay.io:443", "quay.io:443: server https://quay.io:443"},
	} {
		tree, _ := hoststoml.Tree{all}.WithCredentials(secretOf(t, key))
		require.Equal(t, want, headers(tree), key)
	}
	both, _ := hoststoml.Tree{}.WithCredentials(secretOf(t, "docker.io", "docker.io:443"))
	require.Equal(t, []string{"docker.io: server https://registry-1.docker.io", "docker.io:443: server https://docker.io:443"}, headers(both))
}

func TestAFindingNamesAFewEndpointsOfMany(t *testing.T) {
	var tree hoststoml.Tree
	for _, host := range []string{"a.io", "b.io", "c.io", "d.io", "e.io"} {
		tree = append(tree, hoststoml.RegistryFile{Host: host, File: &hoststoml.File{Server: "https://m.io", Hosts: []hoststoml.Host{{URL: "https://m.io"}}}})
	}
	tree[4].File.Server = "https://m.io/v2/x"
	tree[4].File.OverridePath = true
	_, findings := tree.WithCredentials(secretOf(t, "m.io/x/y", "m.io/z"))
	require.Len(t, findings, 2)
	require.Contains(t, findings[0].Message, "is not sent to m.io (for a.io), m.io (for b.io), m.io (for c.io) and 3 more: containerd")
	require.Contains(t, findings[1].Message, "is not sent to m.io (for a.io), m.io (for b.io), m.io (for c.io) and 2 more: containerd")
}

func TestEntriesOfAPullSecret(t *testing.T) {
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for entry, want := range map[string]string{ // the user and password sent, or the code of the finding
		auth: "me:" + password,
		`{"auth": "` + encode("me:"+password) + `"}`:                                   "me:" + password,
		`{"auth": "` + strings.TrimRight(encode("me:a:b"), "=") + `"}`:                 "me:a:b",
		`{"auth": "` + encode("me:"+password) + `", "username": "x", "password": "y"}`: "me:" + password,
		`{"auth": "` + encode("me:"+password+"\x00\x00") + `", "email": "a@b"}`:        "me:" + password,
		`{"auth": "` + encode("0000:") + `", "identitytoken": "` + password + `"}`:     "identity-token",
		`{"identitytoken": "` + password + `"}`:                                        "identity-token",
		`{"registrytoken": "` + password + `"}`:                                        "unusable-credential",
		`{"auth": "` + password + `"}`:                                                 "unusable-credential",
		`{"auth": "` + encode(password) + `"}`:                                         "unusable-credential",
		`{"username": "` + password + `"}`:                                             "unusable-credential",
		`{"username": "` + password + `:", "password": "` + password + `"}`:            "unusable-credential",
		`{}`:                                "unusable-credential",
		`"` + password + `"`:                "unusable-credential",
		`["` + password + `"]`:              "unusable-credential",
		`{"auth": {"` + password + `": 1}}`: "unusable-credential",
	} {
		secret, findings := hoststoml.ParsePullSecret("secret.json", []byte(`{"auths": {"quay.io": `+entry+`}}`))
		for _, f := range findings {
			requireNoSecret(t, f.String())
			require.Zero(t, f.Origin.Line)
			require.Equal(t, want, string(f.Code), entry)
		}
		tree, _ := hoststoml.Tree{}.WithCredentials(secret)
		if len(findings) > 0 {
			require.Empty(t, tree)
			continue
		}
		require.Len(t, tree, 1, entry)
		require.Equal(t, hoststoml.Secrets("Basic "+encode(want)), tree[0].File.Header["Authorization"])
	}
}

func TestAnIdentityTokenBesideAPasswordIsReportedAndThePasswordWritten(t *testing.T) {
	secret, findings := hoststoml.ParsePullSecret("s", []byte(`{"auths": {"quay.io": {"username": "me", "password": "p", "identitytoken": "t"}}}`))
	require.Len(t, findings, 1)
	require.Equal(t, finding.CodeIdentityToken, findings[0].Code)
	require.Equal(t, "PullSecret[quay.io]", secret.String())
}

func TestTwoCredentialsForOneScope(t *testing.T) {
	other := `{"username": "me", "password": "other"}`
	secret, findings := hoststoml.ParsePullSecret("s", []byte(`{"auths": {"https://quay.io": `+auth+`, "quay.io": `+other+`, "m.io": `+auth+`, "https://m.io/v2/": `+auth+`}}`))
	require.Equal(t, "PullSecret[m.io quay.io]", secret.String())
	require.Len(t, findings, 1)
	require.Equal(t, `auths["https://quay.io"]`, findings[0].Origin.Field)
}

func TestOfSeveralSpellingsOfOneScopeThePlainOneCounts(t *testing.T) {
	for plain, others := range map[string][]string{
		"m.io":       {"https://m.io", "https://M.io/v1/", "M.io", "m.io:443", "http://m.io:0443/v2/"},
		"m.io/org":   {"https://m.io/org", "M.io/org", "m.io:443/org"},
		"m.io:5000":  {"https://m.io:5000", "M.io:5000", "m.io:05000"},
		"docker.io":  {"https://index.docker.io/v1/", "Docker.io", "index.docker.io"},
		"zz.io/v1/a": {"https://zz.io/v1/v1/a"},
	} {
		for _, other := range others {
			for _, mine := range []string{"mine", "other"} { // whatever the order of keys and values
				theirs := map[string]string{"mine": "other", "other": "mine"}[mine]
				secret, findings := hoststoml.ParsePullSecret("s", fmt.Appendf(nil,
					`{"auths": {%q: {"username": "me", "password": %q}, %q: {"username": "me", "password": %q}}}`, plain, mine, other, theirs))
				require.Len(t, findings, 1, other)
				require.Equal(t, `auths["`+other+`"]`, findings[0].Origin.Field)
				require.Equal(t, "PullSecret["+plain+"]", secret.String())
				host, path, _ := strings.Cut(plain, "/")
				url := "https://" + strings.Replace(host, "docker.io", "registry-1.docker.io", 1) + "/v2/" + path
				tree, _ := hoststoml.Tree{{Host: "a.io", File: &hoststoml.File{Hosts: []hoststoml.Host{{URL: url, Settings: hoststoml.Settings{OverridePath: true}}}}}}.
					WithCredentials(secret)
				require.Contains(t, string(tree[0].File.Bytes()), base64.StdEncoding.EncodeToString([]byte("me:"+mine)), other)
			}
		}
	}
}

func TestPullSecretsComeInManifestsToo(t *testing.T) {
	config := `{"auths": {"quay.io": ` + auth + `}}`
	encoded := base64.StdEncoding.EncodeToString([]byte(config))
	for _, text := range []string{
		config, "\ufeff" + config,
		"apiVersion: v1\nkind: Secret\nmetadata: {name: pull-secret}\ntype: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: " + encoded + "\n",
		"---\nkind: ConfigMap\n---\nkind: Secret\ndata:\n  .dockerconfigjson: |\n    " + encoded[:20] + "\n    " + encoded[20:] + "\n",
		"kind: Secret\nstringData:\n  .dockerconfigjson: '" + config + "'\n",
		`{"kind": "Secret", "data": {".dockerconfigjson": "` + encoded + `"}}`,
	} {
		secret, findings := hoststoml.ParsePullSecret("s", []byte(text))
		require.Empty(t, findings, text)
		require.Equal(t, "PullSecret[quay.io]", secret.String(), text)
	}
	for _, text := range []string{
		"", "{}", "[]", "null", password, `{"auths": "` + password + `"}`, `{"auths": null}`, `{"auths": {"quay.io": ` + auth, "auths:\n  quay.io: {password: " + password + "}\n",
		"kind: Secret\n" + password + "\n", "kind: Secret\ndata:\n  .dockerconfigjson: " + password + "\n", "kind: [" + password, "kind: Secret\ndata: " + password + "\n",
		"kind: Secret\nstringData: {.dockerconfigjson: " + password + "}\n", "kind: Secret\ndata: {a: b}\n---\n" + password + ": *" + password + "\n",
		"kind: Secret\ndata:\n  .dockerconfigjson: " + encoded + "\n---\nkind: Secret\ndata:\n  .dockerconfigjson: " + encoded + "\n",
	} {
		secret, findings := hoststoml.ParsePullSecret("s", []byte(text))
		err := findings.Err()
		require.ErrorIs(t, err, finding.CodeUnreadable, text)
		requireNoSecret(t, err.Error())
		require.Equal(t, "PullSecret[]", secret.String())
	}
}

func treeOf(t *testing.T, insecure []string, entries ...mirrorset.ImageMirrors) hoststoml.Tree {
	t.Helper()
	set := mirrorset.Set{
		ImageTagMirrorSets: []mirrorset.ImageTagMirrorSet{{Metadata: mirrorset.ObjectMeta{Name: "x"}, Spec: mirrorset.ImageTagMirrorSetSpec{ImageTagMirrors: entries}}},
		Images:             []mirrorset.Image{{Spec: mirrorset.ImageSpec{RegistrySources: mirrorset.RegistrySources{InsecureRegistries: insecure}}}},
	}
	rules, err := set.Rules()
	require.NoError(t, err)
	return hoststoml.FromTable(resolve.NewContainerdTable(rules))
}

// headers tells which endpoint of which file has a header.
func headers(tree hoststoml.Tree) (all []string) {
	for _, rf := range tree {
		for _, h := range rf.File.Hosts {
			if h.Header != nil {
				all = append(all, rf.Host+": "+h.URL)
			}
		}
		if rf.File.Header != nil {
			all = append(all, rf.Host+": server "+rf.File.Server)
		}
	}
	return all
}

func codes(findings finding.Findings) (all []string) {
	for _, f := range findings {
		all = append(all, string(f.Severity)+" "+string(f.Code)+" "+f.Origin.Field)
	}
	return all
}

func TestACredentialGoesToTheEndpointItIsFor(t *testing.T) {
	rule := func(source string, policy mirrorset.MirrorSourcePolicy, mirrors ...string) mirrorset.ImageMirrors {
		return mirrorset.ImageMirrors{Source: source, Mirrors: mirrors, MirrorSourcePolicy: policy}
	}
	const never = mirrorset.NeverContactSource
	for name, test := range map[string]struct {
		tree  hoststoml.Tree
		keys  []string
		want  []string
		codes []string
	}{
		"the most specific": {
			treeOf(t, nil, rule("a.io", never, "m.io/org/team", "m.io/org", "m.io/other")), []string{"m.io/org", "m.io/org/team", "m.io/o"},
			[]string{"a.io: https://m.io/v2/org/team", "a.io: https://m.io/v2/org"},
			[]string{`info bearer-token auths["m.io/org"]`, `warning narrow-credential auths["m.io/o"]`, `info bearer-token auths["m.io/org/team"]`, `warning narrow-credential auths["m.io/org/team"]`},
		},
		"not to an endpoint that is wider": {
			treeOf(t, nil, rule("a.io", "", "m.io")), []string{"m.io/org"}, nil,
			[]string{`warning narrow-credential auths["m.io/org"]`},
		},
		"to the server, which is the last endpoint again": {
			treeOf(t, nil, rule("a.io", never, "m.io", "n.io/x")), []string{"n.io/x"},
			[]string{"a.io: https://n.io/v2/x", "a.io: server https://n.io/v2/x"}, []string{`info bearer-token auths["n.io/x"]`},
		},
		"to a source that may be asked": {
			treeOf(t, nil, rule("a.io", "", "m.io")), []string{"a.io"},
			[]string{"a.io: server https://a.io"}, []string{`info bearer-token auths["a.io"]`},
		},
		"not to a source that may not": {
			treeOf(t, nil, rule("a.io", never, "m.io")), []string{"a.io"}, nil, nil,
		},
		"to Docker Hub under its name on the wire": {
			treeOf(t, nil, rule("a.io", "", "docker.io/org")), []string{"https://index.docker.io/v1/"},
			[]string{"a.io: https://registry-1.docker.io/v2/org", "docker.io: server https://registry-1.docker.io"},
			[]string{`warning bearer-token auths["https://index.docker.io/v1/"]`},
		},
		"whatever the spelling of the host": {
			treeOf(t, nil, rule("a.io", "", "M.io:443/org")), []string{"m.io/org"},
			[]string{"a.io: https://M.io:443/v2/org"}, []string{`info bearer-token auths["m.io/org"]`},
		},
		"by both ways to an insecure registry": {
			treeOf(t, []string{"m.io"}, rule("a.io", never, "m.io/x")), []string{"m.io/x"},
			[]string{"a.io: https://m.io/v2/x", "a.io: http://m.io/v2/x", "a.io: server http://m.io/v2/x"},
			[]string{`info bearer-token auths["m.io/x"]`, `warning insecure-credential auths["m.io/x"]`, `warning narrow-credential auths["m.io/x"]`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			secret := secretOf(t, test.keys...)
			tree, findings := test.tree.WithCredentials(secret)
			require.ElementsMatch(t, test.want, headers(tree))
			require.ElementsMatch(t, test.codes, codes(findings))
			for _, f := range findings {
				requireNoSecret(t, f.String())
				require.Equal(t, finding.Containerd, f.Platform)
			}
			for i := range tree {
				require.Empty(t, tree[i].File.Validate())
				marked := strings.HasPrefix(string(tree[i].File.Bytes()), "# "+hoststoml.Marker+"\n# "+hoststoml.SecretMarker+"\n")
				require.Equal(t, strings.Contains(string(tree[i].File.Bytes()), "Authorization"), marked)
			}
		})
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	secret := secretOf(t, "m.io", "quay.io/org")
	tree, findings := treeOf(t, nil, mirrorset.ImageMirrors{Source: "quay.io", Mirrors: []string{"m.io"}}).WithCredentials(secret)
	tree, more := tree.WithTLS(map[string]hoststoml.TLS{"m.io": {Certificate: []byte("x"), Key: hoststoml.NewSecret(password)}})
	plan, err := tree.Table("dir").Plan("quay.io/a:1")
	require.NoError(t, err)
	for _, value := range []any{
		secret, &secret, []any{secret}, map[string]any{"s": secret}, holder{secret}, &holder{secret}, struct{ S hoststoml.PullSecret }{secret},
		tree, tree[0], *tree[0].File, tree[0].File, findings, more, more.Err(), plan, tree.Table("dir"),
		hoststoml.TLS{Key: hoststoml.NewSecret(password)}, map[string]hoststoml.TLS{"a": {Key: hoststoml.NewSecret(password)}},
		hoststoml.RegistryFile{Extra: hoststoml.Extra{"pullroute-client.pem": hoststoml.NewSecret(password)}},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			requireNoSecret(t, fmt.Sprintf(verb, value))
		}
		text, err := json.Marshal(value)
		require.NoError(t, err)
		requireNoSecret(t, string(text))
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", value)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", value)
		requireNoSecret(t, log.String())
	}
	require.Contains(t, string(tree[0].File.Bytes()), passwordForms[1], "the file itself has it")
	require.Equal(t, "PullSecret[m.io quay.io/org]", secret.GoString())
}

func TestFilesWithCredentialsAreForTheirOwnerOnly(t *testing.T) {
	tree, _ := treeOf(t, nil, mirrorset.ImageMirrors{Source: "quay.io", Mirrors: []string{"m.io"}}).WithCredentials(secretOf(t, "m.io"))
	dir := t.TempDir()
	_, err := tree.Write(dir)
	require.NoError(t, err)
	for _, rf := range tree {
		info, err := os.Stat(dir + "/" + rf.Path())
		require.NoError(t, err)
		if runtime.GOOS != "windows" { // which has no such modes
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		}
	}
}

func FuzzParsePullSecret(f *testing.F) {
	f.Add([]byte(`{"auths": {"quay.io": ` + auth + `}}`))
	f.Add([]byte("kind: Secret\ndata:\n  .dockerconfigjson: e30=\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		secret, findings := hoststoml.ParsePullSecret("s", data)
		tree, _ := hoststoml.Tree{}.WithCredentials(secret)
		for _, rf := range tree {
			require.NoError(t, rf.File.Validate().Err())
		}
		_ = findings.Err()
	})
}

func ExampleRender_credentials() {
	secret, findings := hoststoml.ParsePullSecret("pull-secret.json", []byte(`{"auths": {
		"mirror.corp/quay": {"username": "puller", "password": "secret"}
	}}`))
	if err := findings.Err(); err != nil {
		fmt.Println(err)
		return
	}
	set := mirrorset.Set{ImageDigestMirrorSets: []mirrorset.ImageDigestMirrorSet{{
		Metadata: mirrorset.ObjectMeta{Name: "team"},
		Spec: mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: []mirrorset.ImageMirrors{
			{Source: "quay.io/team", Mirrors: []string{"mirror.corp/quay/team"}},
		}},
	}}}
	rules, err := set.Rules()
	if err != nil {
		fmt.Println(err)
		return
	}
	tree, _, findings := hoststoml.Render(rules, hoststoml.RenderOptions{PullSecret: secret})
	fmt.Println(secret)
	fmt.Println(tree[0].File.Hosts[0].Header)
	for _, f := range findings {
		fmt.Println(f.Code)
	}
	// Output:
	// PullSecret[mirror.corp/quay]
	// map[Authorization:[[redacted]]]
	// spillover
	// bearer-token
}
