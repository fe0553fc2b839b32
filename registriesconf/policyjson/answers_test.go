package policyjson_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
	"github.com/pullroute/pullroute/resolve"
)

// A file is answered with everything that it is refused for, or with what was read of it.
func TestAPolicyFileIsReadOrRefusedInTheseWords(t *testing.T) {
	scenario.Answers(t, "testdata/files.txtar", func(t *testing.T, name, text string) string {
		policy, findings := policyjson.Parse("policy.json", []byte(text))
		if policy == nil {
			require.Error(t, findings.Err())
			return scenario.Text(findings)
		}
		require.Empty(t, findings)
		again, findings := policyjson.Parse("policy.json", policy.Bytes())
		require.Empty(t, findings)
		require.Equal(t, string(policy.Bytes()), string(again.Bytes()))
		return scenario.Text(policy.Validate()) + string(policy.Bytes())
	})
}

// Policies that no file can hold, or whose file is refused for another reason.
func TestValidateTellsEveryKeyThatDoesNotFit(t *testing.T) {
	id := func(id policyjson.Identity) policyjson.Requirement {
		return policyjson.Requirement{Type: policyjson.SigstoreSigned, KeyPath: "/k", SignedIdentity: &id}
	}
	const ends = "; the client refuses the file and takes no image until it is mended: "
	const identities = "write matchRepoDigestOrExact, matchRepository, matchExact, exactRepository, exactReference or remapIdentity"
	for name, test := range map[string]struct {
		policy policyjson.Requirement
		want   string // behind "default[0]"
	}{
		"every key of another type": {policyjson.Requirement{Type: policyjson.SignedBy, KeyType: "GPGKeys", KeyPath: "/k",
			KeyDatas: [][]byte{{1}}, Fulcio: &policyjson.Fulcio{}, PKI: &policyjson.PKI{}, RekorPublicKeyPath: "/r", RekorPublicKeyPaths: []string{"/r"},
			RekorPublicKeyData: []byte{1}, RekorPublicKeyDatas: [][]byte{{1}}, BaseLayerIdentity: &policyjson.Identity{}},
			`.baseLayerIdentity .fulcio .keyDatas .pki .rekorPublicKeyData .rekorPublicKeyDatas .rekorPublicKeyPath .rekorPublicKeyPaths: is not a key of type signedBy` +
				ends + `remove it, or correct its name: keyType, keyPath, keyPaths, keyData, signedIdentity are known`},
		"every key of a type that has none": {policyjson.Requirement{Type: policyjson.Reject, KeyType: "GPGKeys", KeyPath: "/k", KeyPaths: []string{"/k"},
			KeyData: []byte{1}, SignedIdentity: &policyjson.Identity{}},
			`.keyData .keyPath .keyPaths .keyType .signedIdentity: is not a key of type reject` + ends + `remove it`},
		"keys that are set and empty": {policyjson.Requirement{Type: policyjson.Accept, KeyPaths: []string{}, KeyData: []byte{}, KeyDatas: [][]byte{},
			RekorPublicKeyPaths: []string{}, RekorPublicKeyData: []byte{}, RekorPublicKeyDatas: [][]byte{}}, ""},
		"no identity":       {id(policyjson.Identity{Type: policyjson.MatchExact}), ""},
		"a list of no key":  {policyjson.Requirement{Type: policyjson.SigstoreSigned, KeyDatas: [][]byte{}}, ".keyDatas: holds no key" + ends + "name a key, or remove it"},
		"a list of no path": {policyjson.Requirement{Type: policyjson.SigstoreSigned, KeyPaths: []string{}}, ".keyPaths: holds no key" + ends + "name a key, or remove it"},
		"no key at all":     {policyjson.Requirement{Type: policyjson.SigstoreSigned}, ": needs exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki" + ends + "keep one that is not empty"},
		"a type that is none": {policyjson.Requirement{Type: "sigstore", KeyPath: "/k"}, `.type: "sigstore": is not a type of requirement` + ends +
			"write insecureAcceptAnything, reject, signedBy or sigstoreSigned"},
		"an identity of no type": {policyjson.Requirement{Type: policyjson.SignedBy, KeyType: "GPGKeys", KeyPath: "/k", SignedIdentity: &policyjson.Identity{Type: "exact"}},
			`.signedIdentity.type: "exact": is not a type of identity` + ends + identities},
		"a base layer of no type": {policyjson.Requirement{Type: policyjson.SignedBaseLayer, BaseLayerIdentity: &policyjson.Identity{}},
			".baseLayerIdentity.type: is not a type of identity" + ends + identities},
		"no base layer":        {policyjson.Requirement{Type: policyjson.SignedBaseLayer}, ".baseLayerIdentity: is missing" + ends + "replace the requirement, which no image can meet: the client does not implement it"},
		"X.509":                {policyjson.Requirement{Type: policyjson.SignedBy, KeyType: "X509Certificates", KeyData: []byte{}}, ""},
		"X.509 authorities":    {policyjson.Requirement{Type: policyjson.SignedBy, KeyType: "signedByX509CAs", KeyPaths: []string{}}, ""},
		"signatures of GPG":    {policyjson.Requirement{Type: policyjson.SignedBy, KeyType: "signedByGPGKeys", KeyPath: "/k"}, ""},
		"another type of keys": {policyjson.Requirement{Type: policyjson.SignedBy, KeyType: "gpgkeys", KeyPath: "/k"}, `.keyType: "gpgkeys": is not a type of keys` + ends + "write GPGKeys"},
	} {
		t.Run(name, func(t *testing.T) {
			var at []string
			said := map[string]bool{}
			for _, f := range (&policyjson.Policy{Default: policyjson.Requirements{test.policy}}).Validate() {
				where, what, ok := strings.Cut(strings.TrimPrefix(f.String(), "error: default[0]"), ": ")
				require.True(t, ok)
				at = append(at, where)
				said[strings.TrimSuffix(what, " [invalid-file, linux, refused by the client]")] = true
			}
			if test.want == "" {
				require.Empty(t, said)
				return
			}
			require.Len(t, said, 1)
			for what := range said {
				require.Equal(t, test.want, strings.Join(at, " ")+": "+what)
			}
		})
	}
}

// Manifests are answered with what is found in them and the files that they make. A comment "# release: IMAGE" names
// the release payload.
func TestManifestsBecomeThesePolicies(t *testing.T) {
	scenario.Answers(t, "testdata/manifests.txtar", func(t *testing.T, name, text string) string {
		set, err := mirrorset.Decode(name, strings.NewReader(text))
		require.NoError(t, err)
		rules, err := set.Rules()
		var refused *finding.RefusedError
		if errors.As(err, &refused) {
			require.NotNil(t, rules)
		}
		var release string
		if _, rest, ok := strings.Cut(text, "# release: "); ok {
			release, _, _ = strings.Cut(rest, "\n")
		}
		files, findings := policyjson.Render(rules, policyjson.RenderOptions{ReleaseImage: release})
		requirePoliciesAsParsed(t, files)
		var b strings.Builder
		b.WriteString(scenario.Text(findings))
		for _, s := range files.Blocked {
			fmt.Fprintln(&b, "blocked", s.Value)
		}
		for _, file := range files.List() {
			fmt.Fprintf(&b, "== %s\n%s\n", file.Path, file.Data)
		}
		return b.String()
	})
}

// requirePoliciesAsParsed holds that files have the policies that a client reads from them.
func requirePoliciesAsParsed(t *testing.T, files policyjson.Files) {
	t.Helper()
	policies := map[string]*policyjson.Policy{}
	for namespace, policy := range files.Namespaces {
		policies["/etc/crio/policies/"+namespace+".json"] = policy
	}
	if files.Policy != nil {
		policies["/etc/containers/policy.json"] = files.Policy
	}
	inContainers := map[string][]byte{}
	for _, file := range files.List() {
		if name, ok := strings.CutPrefix(file.Path, "/etc/containers/"); ok {
			inContainers[name] = file.Data
			require.True(t, policyjson.Rendered(name, file.Data), name)
		}
		if policy := policies[file.Path]; policy != nil {
			parsed, findings := policyjson.Parse(file.Path, file.Data)
			require.Empty(t, findings)
			require.Equal(t, policy.Default, parsed.Default, file.Path)
			require.Equal(t, policy.Transports, parsed.Transports, file.Path)
			delete(policies, file.Path)
		}
	}
	require.Empty(t, policies)
	require.Equal(t, inContainers, files.InContainers())
}

// A part is manifests, with the images to pull in comments "# pull: IMAGE" and the search registries in one "# search:
// HOST HOST". Each image is answered with the plan that the files leave of it: what becomes of it, the locations that
// are asked and those that serve it, the signatures, what is said of it, and how each policy judges it.
func TestPoliciesLeaveThesePlans(t *testing.T) {
	scenario.Answers(t, "testdata/plans.txtar", func(t *testing.T, name, text string) string {
		set, err := mirrorset.Decode(name, strings.NewReader(text))
		require.NoError(t, err)
		rules, err := set.Rules()
		require.NoError(t, err)
		comments := func(name string) (values []string) {
			for line := range strings.Lines(text) {
				if value, ok := strings.CutPrefix(line, "# "+name+": "); ok {
					values = append(values, strings.TrimSpace(value))
				}
			}
			return values
		}
		base := resolve.LinuxConfig{}
		for _, hosts := range comments("search") {
			base.SearchRegistries = strings.Fields(hosts)
		}
		table := resolve.LinuxTableOf(base).Edit(rules)
		release := strings.Join(comments("release"), "")
		files, findings := policyjson.Render(rules, policyjson.RenderOptions{ReleaseImage: release})
		require.NoError(t, findings.Err())
		var b strings.Builder
		for _, image := range comments("pull") {
			plan, err := table.Plan(image)
			require.NoError(t, err)
			own := len(plan.Findings)
			plan = files.Policy.Apply(plan)
			fmt.Fprintf(&b, "== %s %s\n", image, plan.Outcome)
			for _, a := range plan.Asked {
				fmt.Fprintf(&b, "asked %s\n", a.Location)
			}
			for _, a := range plan.Pull {
				fmt.Fprintf(&b, "pull %s\n", a.Location)
			}
			for _, s := range plan.Signatures {
				fmt.Fprintf(&b, "signed %s: scope %q, %s (%s)\n", s.Reference, s.Scope, strings.Join(s.Types, " and "), s.Origin)
			}
			b.WriteString(scenario.Text(plan.Findings[own:]))
			b.WriteString(scenario.Text(files.ForNamespaces(plan)))
			for _, r := range plan.References {
				j, err := files.Policy.Judge(r)
				require.NoError(t, err)
				fmt.Fprintf(&b, "%s [%s]\n", j, j.Origin)
				for _, namespace := range slices.Sorted(maps.Keys(files.Namespaces)) {
					j, err := files.Namespaces[namespace].Judge(r)
					require.NoError(t, err)
					fmt.Fprintf(&b, "in %s: %s [%s]\n", namespace, j, j.Origin)
				}
			}
		}
		return b.String()
	})
}
