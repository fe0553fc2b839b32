package hoststoml_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// newPair makes a certificate that is its own CA, and its key.
func newPair(t testing.TB) (certificate []byte, key hoststoml.Secret) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	require.NoError(t, err)
	der8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), hoststoml.NewSecret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der8}))
}

func TestTLSStandsAtEveryEndpointOfItsHost(t *testing.T) {
	ca, _ := newPair(t)
	certificate, key := newPair(t)
	tree := treeOf(t, []string{"i.io"},
		mirrorset.ImageMirrors{Source: "a.io", Mirrors: []string{"m.io:5000/x", "m.io:5000", "n.io", "i.io"}, MirrorSourcePolicy: mirrorset.NeverContactSource},
		mirrorset.ImageMirrors{Source: "b.io", Mirrors: []string{"n.io"}})
	got, findings := tree.WithTLS(map[string]hoststoml.TLS{
		"m.io:5000": {CA: ca, Certificate: certificate, Key: key}, "b.io": {SkipVerify: true}, "i.io": {CA: ca}, "alone.io": {CA: ca},
	})
	require.Empty(t, findings)
	caName, pairName := hoststoml.ExtraName("ca.pem", ca), hoststoml.ExtraName("client.pem", []byte(string(certificate)+"\n"+key.Reveal()))
	var shown []string
	for _, rf := range got {
		require.Empty(t, rf.File.Validate().For(finding.Containerd))
		describe := func(url string, s hoststoml.Settings) {
			line := rf.Host + " " + url
			if s.SkipVerify != nil {
				line += " skip"
			}
			for _, name := range s.CA {
				require.Equal(t, caName, name)
				line += " ca"
			}
			for _, pair := range s.Client {
				require.Equal(t, hoststoml.KeyPair{Cert: pairName}, pair)
				line += " client"
			}
			shown = append(shown, line)
		}
		for _, h := range rf.File.Hosts {
			describe(h.URL, h.Settings)
		}
		describe(rf.File.Server, rf.File.Settings)
	}
	require.Equal(t, []string{
		"a.io https://m.io:5000/v2/x ca client", "a.io https://m.io:5000 ca client", "a.io https://n.io", "a.io https://i.io skip ca", "a.io http://i.io skip ca", "a.io http://i.io skip ca",
		"alone.io https://alone.io ca",
		"b.io https://n.io", "b.io https://b.io skip",
		"i.io https://i.io skip ca", "i.io http://i.io skip ca",
		"m.io:5000 https://m.io:5000 ca client",
	}, shown)
	for _, rf := range tree {
		require.Empty(t, rf.Extra, "the tree itself is as it was")
	}

	// Beside each file that names them, and readable for the owner only where a key is among them.
	dir := t.TempDir()
	_, err := got.Write(dir)
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join(dir, "alone.io", caName))
	require.NoError(t, err)
	require.Equal(t, ca, data)
	info, err := os.Stat(filepath.Join(dir, "a.io", pairName))
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	require.NoFileExists(t, filepath.Join(dir, "alone.io", pairName))
}

func TestWhatWouldFailEveryPullIsLeftOut(t *testing.T) {
	ca, key := newPair(t)
	_, otherKey := newPair(t)
	const left = "has a client certificate that cannot be used: left out, because with it every pull would fail: "
	for want, tls := range map[string]hoststoml.TLS{
		"has a CA without a certificate that can be read: left out":    {CA: []byte("no certificate")},
		left + "tls: private key does not match public key":            {Certificate: ca, Key: otherKey},
		left + "there is no key for it":                                {Certificate: ca},
		left + "there is a key, but no certificate":                    {Key: key},
		left + "tls: failed to find any PEM data in certificate input": {Certificate: []byte("x"), Key: hoststoml.NewSecret("y")},
	} {
		t.Run(want, func(t *testing.T) {
			tree, findings := treeOf(t, nil).WithTLS(map[string]hoststoml.TLS{"m.io": tls})
			require.Empty(t, tree)
			require.Len(t, findings, 1)
			require.Equal(t, finding.CodeUnusableCA, findings[0].Code)
			require.Contains(t, findings[0].Message, want)
			require.Equal(t, finding.SeverityError, findings[0].Severity)
			require.NotContains(t, findings[0].String(), key.Reveal())
		})
	}
	otherCA, _ := newPair(t)
	tree, findings := treeOf(t, nil).WithTLS(map[string]hoststoml.TLS{"m.io/x": {CA: ca}, "m.io": {CA: otherCA}, "M.io:443": {CA: ca}})
	require.Len(t, findings, 2)
	require.Equal(t, "is named twice, in two spellings; the first counts", findings[0].Message)
	require.Equal(t, "is no registry host, host[:port]", findings[1].Message)
	require.Len(t, tree, 1)
	require.Equal(t, "M.io:443", tree[0].Host)
	require.Equal(t, []string{hoststoml.ExtraName("ca.pem", ca)}, tree[0].File.CA)
	tree, _, findings = hoststoml.Render(nil, hoststoml.RenderOptions{TLS: map[string]hoststoml.TLS{"m.io/x": {CA: ca}}})
	require.Empty(t, tree)
	require.Equal(t, []string{"error unusable-ca "}, codes(findings), "nothing is said of its CA")
}

func TestAdditionalTrustedCA(t *testing.T) {
	ca, _ := newPair(t)
	indented := strings.ReplaceAll(strings.TrimSpace(string(ca)), "\n", "\n    ")
	set, err := mirrorset.Decode("in.yaml", strings.NewReader("apiVersion: config.openshift.io/v1\nkind: Image\nmetadata: {name: cluster}\nspec:\n  additionalTrustedCA: {name: cas}\n"+
		"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: openshift-config}\ndata: {x.io: unrelated}\n"+
		"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: cas}\ndata:\n  m.io..5000: |\n    "+indented+"\n  n.io: |\n    "+indented+
		"\n  bad.io: nothing\n  Bad_Host: x\n  updateservice-registry: |\n    "+indented+"\n"))
	require.NoError(t, err)
	rules, err := set.Rules()
	require.NoError(t, err)
	require.Len(t, rules.TrustedCAs, 2)
	require.Equal(t, []string{`warning unusable-ca data["Bad_Host"]`, `warning unusable-ca data["bad.io"]`}, sorted(codes(rules.Findings)))
	require.NotZero(t, rules.Findings[0].Origin.Line)
	tree, _, findings := hoststoml.Render(rules, hoststoml.RenderOptions{})
	require.Equal(t, []string{`info ca-alone data["m.io..5000"]`, `info ca-alone data["n.io"]`}, sorted(codes(findings)))
	_, _, findings = hoststoml.Render(rules, hoststoml.RenderOptions{Platform: finding.Containerd})
	require.Empty(t, findings, "Linux trusts them beside its own")
	require.Len(t, tree, 2)
	require.Equal(t, "m.io_5000_/hosts.toml", tree[0].Path())

	set.ConfigMaps = nil
	rules, err = set.Rules()
	require.NoError(t, err)
	require.Empty(t, rules.TrustedCAs)
	require.Equal(t, []string{`warning unusable-ca spec.additionalTrustedCA.name`}, codes(rules.Findings))
}

func sorted(s []string) []string {
	if len(s) > 1 && s[0] > s[1] {
		s[0], s[1] = s[1], s[0]
	}
	return s
}

// A registry with settings of its own gets a file, also where no rule speaks of it.
func ExampleRender_certificates() {
	tree, _, findings := hoststoml.Render(&mirrorset.Rules{}, hoststoml.RenderOptions{
		TLS: map[string]hoststoml.TLS{"quay.io": {SkipVerify: true}, "mirror.corp": {CA: []byte("?")}},
	})
	fmt.Print(string(tree[0].File.Bytes()))
	fmt.Println(findings[0].Code)
	// Output:
	// # Written by pullroute from the cluster's image mirror objects; changes are overwritten.
	//
	// server = "https://quay.io"
	// skip_verify = true
	//
	// [host] # containerd before 1.7.32 ignores a file that has no host table
	// unusable-ca
}
