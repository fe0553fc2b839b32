package mirrorset

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// Whatever valid objects are wrapped into, the same rules come out, or an error that names what they stand in.
func TestRandomWrappersHideNoRule(t *testing.T) {
	rnd := rand.New(rand.NewPCG(14, 1))
	read, refused := 0, 0
	for range 1500 {
		if hidesNoRule(t, rnd) {
			read++
		} else {
			refused++
		}
	}
	require.Greater(t, read, 1000)
	require.Greater(t, refused, 50)
}

// FuzzWrappers is the law of TestRandomWrappersHideNoRule, with the choices left to the fuzzer.
func FuzzWrappers(f *testing.F) {
	for n := range 20 {
		seed := make([]byte, 64)
		rnd := rand.New(rand.NewPCG(14, uint64(n)))
		for i := range seed {
			seed[i] = byte(rnd.IntN(256))
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, choices []byte) { hidesNoRule(t, rand.New(newChoices(choices))) })
}

// choices is a source of random numbers whose first ones are the bytes of a text.
type choices struct {
	first []byte
	rest  *rand.PCG
}

func newChoices(first []byte) *choices {
	h := fnv.New64()
	h.Write(first)
	return &choices{first, rand.NewPCG(h.Sum64(), 0)}
}

// Uint64 returns a number whose highest bits, which decide what is chosen, are the next byte.
func (c *choices) Uint64() uint64 {
	n := c.rest.Uint64()
	if len(c.first) > 0 {
		n = uint64(c.first[0])<<56 | n>>8
		c.first = c.first[1:]
	}
	return n
}

// hidesNoRule wraps a random object and holds that its rule is read or refused by name, and reports which.
func hidesNoRule(t *testing.T, rnd *rand.Rand) (read bool) {
	object, rule := randomObject(rnd)
	wrapped, named := object, false
	for range rnd.IntN(4) {
		wrapped = wrap(rnd, wrapped)
		named = true
	}
	text, err := json.Marshal(wrapped)
	require.NoError(t, err)
	if rnd.IntN(2) == 0 {
		text, err = yaml.Marshal(wrapped)
		require.NoError(t, err)
	}
	forms := []string{string(text), strings.ReplaceAll(string(text), "\n", "\r\n"), deployment + "---\n" + string(text), "\ufeff" + string(text), utf16Of(string(text))}
	for _, form := range forms {
		require.False(t, AboutOther([]byte(form)), "%s", text)
	}
	form := forms[rnd.IntN(len(forms))]
	set, findings := decode(t, form)
	rules, _ := set.Rules()
	var got []string
	for _, r := range rules.Rules {
		got = append(got, fmt.Sprint(r.Pull, " ", r.Source, " ", r.Mirrors()[0].Location, " ", r.Never))
	}
	for _, s := range rules.Blocked {
		got = append(got, "blocked "+s.Value)
	}
	if len(findings) > 0 {
		require.Equal(t, finding.CodeUnreadRules, findings[0].Code, "%s", text)
		require.NotEmpty(t, findings[0].Origin.String(), "%s", text)
		require.True(t, named)
		return false
	}
	require.Equal(t, []string{rule}, got, "%s", text)
	return true
}

// randomObject returns an object with one rule, and the rule in words.
func randomObject(rnd *rand.Rand) (object map[string]any, rule string) {
	source, mirror := fmt.Sprintf("quay.io/a%d", rnd.IntN(1000)), fmt.Sprintf("m%d.io/b", rnd.IntN(1000))
	entry := map[string]any{"source": source, "mirrors": []any{mirror}}
	named := func(version, kind string, spec map[string]any) map[string]any {
		return map[string]any{"apiVersion": version, "kind": kind, "metadata": map[string]any{"name": "cluster"}, "spec": spec}
	}
	never := rnd.IntN(2) == 0
	switch rnd.IntN(5) {
	case 0:
		if never {
			entry["mirrorSourcePolicy"] = "NeverContactSource"
		}
		return named("config.openshift.io/v1", "ImageDigestMirrorSet", map[string]any{"imageDigestMirrors": []any{entry}}), fmt.Sprint("digest ", source, " ", mirror, " ", never)
	case 1:
		if never {
			entry["mirrorSourcePolicy"] = "NeverContactSource"
		}
		return named("config.openshift.io/v1", "ImageTagMirrorSet", map[string]any{"imageTagMirrors": []any{entry}}), fmt.Sprint("tag ", source, " ", mirror, " ", never)
	case 2:
		return named("operator.openshift.io/v1alpha1", "ImageContentSourcePolicy", map[string]any{"repositoryDigestMirrors": []any{entry}}), fmt.Sprint("digest ", source, " ", mirror, " false")
	case 3:
		return named("hypershift.openshift.io/v1beta1", "HostedCluster", map[string]any{"imageContentSources": []any{entry}}), fmt.Sprint("digest ", source, " ", mirror, " false")
	}
	return named("config.openshift.io/v1", "Image", map[string]any{"registrySources": map[string]any{"blockedRegistries": []any{source}}}), "blocked " + source
}

// wrap puts an object into another one.
func wrap(rnd *rand.Rand, o map[string]any) map[string]any {
	asJSON, _ := json.Marshal(o)
	asYAML, _ := yaml.Marshal(o)
	text := []string{string(asJSON), string(asYAML), "---\n" + string(asYAML), "# words\n\n" + string(asYAML)}[rnd.IntN(4)]
	object := func(version, kind, field string, value any) map[string]any {
		return map[string]any{"apiVersion": version, "kind": kind, "metadata": map[string]any{"name": "w", "namespace": "n"}, field: value}
	}
	list := []any{map[string]any{"kind": "Pod", "apiVersion": "v1", "spec": map[string]any{}}, o}
	switch rnd.IntN(18) {
	case 0:
		return object("v1", "List", "items", list)
	case 1:
		return object("template.openshift.io/v1", "Template", "objects", list)
	case 2:
		return object("v1", "ConfigMap", "data", map[string]any{"a.yaml": text, "b": "words"})
	case 3:
		return object("v1", "Secret", "data", map[string]any{"a": base64Of(text)})
	case 4:
		return object("v1", "Secret", "stringData", map[string]any{"a": text})
	case 5:
		return object("work.open-cluster-management.io/v1", "ManifestWork", "spec", map[string]any{"workload": map[string]any{"manifests": list}})
	case 6:
		return object("hive.openshift.io/v1", "SelectorSyncSet", "spec", map[string]any{"resources": list})
	case 7:
		return object("policy.open-cluster-management.io/v1", "ConfigurationPolicy", "spec", map[string]any{
			"remediationAction": "enforce", "object-templates": []any{map[string]any{"complianceType": "musthave", "objectDefinition": o}}})
	case 8:
		o := object("a.io/v1", "Anything", "spec", map[string]any{})
		o["metadata"].(map[string]any)["annotations"] = map[string]any{"a.io/b": text}
		return o
	case 9:
		return object("argoproj.io/v1alpha1", "Application", "spec", map[string]any{"source": map[string]any{"helm": map[string]any{"values": text}}})
	case 10:
		return object("a.io/v1", "Anything", "data", "data:;base64,"+base64Of(text))
	case 11:
		return object("policy.open-cluster-management.io/v1", "Policy", "spec", map[string]any{"remediationAction": "enforce", "policy-templates": []any{
			map[string]any{"objectDefinition": object("policy.open-cluster-management.io/v1", "ConfigurationPolicy", "spec", map[string]any{
				"remediationAction": "inform", "object-templates": []any{map[string]any{"complianceType": "mustonlyhave", "objectDefinition": o}}})}}})
	case 12:
		return object("v1", "List", "items", []any{object("v1", "List", "items", list)})
	case 13:
		return object("v1", "ConfigMap", "binaryData", map[string]any{"a.gz": base64Of(gzipped(text))})
	case 14:
		return object("hive.openshift.io/v1", "SyncSet", "spec", map[string]any{"resourceApplyMode": "Sync", "resources": list})
	case 15:
		return map[string]any{"tasks": []any{map[string]any{"name": "apply", "kubernetes.core.k8s": map[string]any{"state": "present", "definition": o}}}}
	case 16:
		return object("kyverno.io/v1", "ClusterPolicy", "spec", map[string]any{"rules": []any{map[string]any{"name": "r", "generate": map[string]any{"data": o}}}})
	default:
		spec := any(o)
		if metadata, ok := o["metadata"].(map[string]any); ok && metadata["name"] == "cluster" { // a kind of its own with the fields of ours
			spec = o["spec"]
		}
		return object("a.io/v1", "Anything", "spec", map[string]any{"template": spec})
	}
}

// utf16Of returns a text as PowerShell writes it.
func utf16Of(s string) string {
	b := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}
