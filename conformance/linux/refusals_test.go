package linux

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

const apiServer = "API server (CRDs of openshift/api 8f52beb625b5)"

// refused says whether the library refuses a manifest, and by whom.
func refused(t *testing.T, manifest []byte) (byAPIServer bool, all finding.Findings) {
	t.Helper()
	set, err := mirrorset.Decode("-", bytes.NewReader(manifest))
	var refusal *finding.RefusedError
	if err != nil {
		require.True(t, errors.As(err, &refusal), "%v", err)
		all = append(all, refusal.Findings...)
	}
	all = append(all, set.Validate()...)
	for _, f := range all {
		byAPIServer = byAPIServer || f.RefusedBy == finding.APIServer
	}
	return byAPIServer, all
}

func TestWhatTheAPIServerRefusesIsRefused(t *testing.T) {
	crds, err := openshift.LoadCRDs()
	require.NoError(t, err)
	for _, kind := range []string{"ImageDigestMirrorSet", "ImageTagMirrorSet", "ImageContentSourcePolicy", "Image"} {
		t.Run(kind, func(t *testing.T) {
			each := random.Count(3_000)
			row := newRow(t, apiServer, kind+", as many taken as refused")
			counts := map[bool]int{}
			s := objects{random.New(t.Name())}
			for (counts[false] < each || counts[true] < each) && row.Mismatches < 3 {
				object := s.object(kind)
				for range s.Intn(3) {
					s.damage(object)
				}
				manifest, err := yaml.Marshal(object)
				require.NoError(t, err)
				if s.Intn(4) == 0 {
					manifest, err = yaml.YAMLToJSON(manifest)
					require.NoError(t, err)
				}
				errs, err := crds.Validate(manifest)
				require.NoError(t, err, "%s", manifest)
				ours, findings := refused(t, manifest)
				if !assert.Equal(t, len(errs) > 0, ours, "the API server says %v, the library %v of\n%s", errs, findings, manifest) {
					row.Mismatches++
				}
				if counts[ours] < each {
					counts[ours]++
					row.Configurations++
				}
			}
		})
	}
}

// objects makes manifests and breaks them.
type objects struct{ *random.Source }

type object = map[string]any

func (s objects) object(kind string) object {
	o := object{
		"apiVersion": map[bool]string{true: "operator.openshift.io/v1alpha1", false: "config.openshift.io/v1"}[kind == "ImageContentSourcePolicy"],
		"kind":       kind, "metadata": object{"name": "cluster"},
	}
	switch kind {
	case "ImageDigestMirrorSet":
		o["spec"] = object{"imageDigestMirrors": s.entries(true)}
	case "ImageTagMirrorSet":
		o["spec"] = object{"imageTagMirrors": s.entries(true)}
	case "ImageContentSourcePolicy":
		o["spec"] = object{"repositoryDigestMirrors": s.entries(false)}
	case "Image":
		sources := object{}
		lists := []string{"insecureRegistries", s.Pick("blockedRegistries", "allowedRegistries")}
		if s.Intn(8) == 0 {
			lists = []string{"blockedRegistries", "allowedRegistries"}
		}
		for _, list := range lists {
			if s.Intn(3) > 0 {
				sources[list] = s.names(s.source)
			}
		}
		if s.Intn(3) == 0 {
			sources["containerRuntimeSearchRegistries"] = []any{"docker.io", "quay.io:443"}[s.Intn(2):]
		}
		o["spec"] = object{"registrySources": sources}
	}
	return o
}

func (s objects) entries(policy bool) (list []any) {
	for range s.Intn(4) {
		e := object{"source": s.source()}
		if s.Intn(4) > 0 {
			e["mirrors"] = s.names(s.mirror)
		}
		if policy && s.Intn(2) == 0 {
			e["mirrorSourcePolicy"] = s.Pick("NeverContactSource", "AllowContactingSource")
		}
		list = append(list, e)
	}
	return list
}

func (s objects) names(name func() string) []any {
	list := []any{}
	for range s.Intn(4) {
		list = append(list, name())
	}
	return list
}

func (s objects) mirror() string {
	if s.Intn(12) == 0 {
		return s.odd()
	}
	return s.Location()
}

func (s objects) source() string {
	if s.Intn(12) == 0 {
		return s.odd()
	}
	return s.Scope()
}

// odd is a name that is refused, or only looks so.
func (s objects) odd() string {
	if s.Intn(2) == 0 {
		name := []byte(s.Scope())
		i := s.Intn(len(name))
		c := s.Pick(".", "-", "_", "__", "/", ":", "@", "*", "A", "0", " ", "é", "\n", "--", "..", "[", "?", "5", "._", "-.", "\t", "\\", "\x00")
		if s.Intn(3) == 0 {
			return string(name[:i]) + string(name[i+1:])
		}
		return string(name[:i]) + c + string(name[i:])
	}
	return s.Pick("", " ", "a", "A", "localhost", "localhost:5000/a", "quay.io:tag", "quay.io/a:1", "quay.io/a@"+random.Digest, "quay.io:", "quay.io:/a",
		"quay.io:0", "quay.io:99999", "quay.io:05", "quay.io/", "/a", "quay.io//a", "https://quay.io", "quay.io/A", "QUAY.IO/a", "*", "*.", "*.*", "*.a", "*.io", "*.quay.io/a",
		"*.quay.io:5000", "quay.*.io", "a.*", "**.a", "*a.io", "-a.io", "a-.io", "a--b.io", "a..b", ".a", "a.", "a_b", "a_b.io", "a.io/a_b", "a.io/a__b", "a.io/a___b",
		"a.io/a.b", "a.io/a..b", "a.io/a-b", "a.io/a---b", "a.io/a-_b", "a.io/a._b", "a.io/-a", "a.io/a-", "a.io/a_", "a.io/_a", "[::1]/a", "::1", "1.2.3.4:5/a", "xn--p1ai.io",
		"quay.io\n", "\nquay.io", "quay.io/a\n", "quay.io ", "ä.io", "a.io/ä", "a.io/a b", strings.Repeat("a", 256), strings.Repeat("a", 257), "a.io/"+strings.Repeat("b", 300))
}

// wrong is a value of any type.
func (s objects) wrong() any {
	return []any{nil, true, false, 0, 1, -1, 1.5, "", " ", "x", "quay.io", []any{}, []any{nil}, []any{"quay.io"}, []any{1}, []any{"", ""}, []any{object{}},
		object{}, object{"a": 1}, object{"source": "quay.io"}, []any{object{"source": "quay.io"}}, "NeverContactSource", "neverContactSource", "Never",
		"null", "true", "1", "2020-01-01", "~", "yes"}[s.Intn(30)]
}

// damage changes one thing somewhere in an object.
func (s objects) damage(o object) {
	if s.Intn(8) == 0 {
		switch s.Intn(6) {
		case 0:
			delete(o, "spec")
		case 1:
			o["spec"] = s.wrong()
		case 2:
			o[s.Pick("extra", "Spec", "items", "data")] = s.wrong()
		case 3:
			delete(o["metadata"].(object), "name")
		case 4:
			o["metadata"].(object)["name"] = []any{"", nil}[s.Intn(2)]
		case 5:
			o["metadata"].(object)[s.Pick("labels", "annotations")] = object{"a": "b"}
		}
		return
	}
	if spec, ok := o["spec"].(object); ok {
		s.damageField(spec)
	}
}

// damageField walks down at random and changes what it finds.
func (s objects) damageField(v any) {
	switch v := v.(type) {
	case object:
		var keys []string
		for _, k := range []string{"imageDigestMirrors", "imageTagMirrors", "repositoryDigestMirrors", "registrySources", "insecureRegistries",
			"blockedRegistries", "allowedRegistries", "containerRuntimeSearchRegistries", "source", "mirrors", "mirrorSourcePolicy"} {
			if _, ok := v[k]; ok {
				keys = append(keys, k)
			}
		}
		if len(keys) == 0 {
			v[s.Pick("source", "mirrors", "registrySources", "extra", "blockedRegistries", "allowedRegistries")] = s.wrong()
			return
		}
		key := s.Pick(keys...)
		switch s.Intn(8) {
		case 0:
			delete(v, key)
		case 1:
			v[key] = s.wrong()
		case 2:
			v[s.Pick("extra", "sourcePolicy", "Source", "mirror", "mirrorSourcePolicy", "mirrors", "source", "blockedRegistries", "allowedRegistries", "insecureRegistries")] = s.wrong()
		default:
			switch child := v[key].(type) {
			case []any:
				if s.Intn(3) == 0 { // one more, one less, one twice
					switch n := len(child); {
					case n == 0:
						v[key] = append(child, s.wrong())
					case s.Intn(2) == 0:
						v[key] = append(child, child[s.Intn(n)])
					default:
						v[key] = append(child, s.wrong())
					}
					return
				}
				s.damageField(child)
			case object:
				s.damageField(child)
			default:
				v[key] = s.odd()
			}
		}
	case []any:
		if len(v) == 0 {
			return
		}
		i := s.Intn(len(v))
		switch child := v[i].(type) {
		case object:
			s.damageField(child)
		case string:
			v[i] = s.odd()
		default:
			v[i] = s.wrong()
		}
	}
}

// What YAML makes of a word without quotes, and other things that a marshaller would not write. Names of
// objects, status, and the fields of Image beside registrySources are not compared: the library does not
// judge them.
func TestWhatTheAPIServerMakesOfPlainWordsIsWhatWeMakeOfThem(t *testing.T) {
	crds, err := openshift.LoadCRDs()
	require.NoError(t, err)
	row := newRow(t, apiServer, "hand-picked manifests")
	digest := func(entry string) string {
		return "apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata: {name: x}\nspec: {imageDigestMirrors: [" + entry + "]}\n"
	}
	sources := func(fields string) string {
		return "apiVersion: config.openshift.io/v1\nkind: Image\nmetadata: {name: cluster}\nspec: {registrySources: {" + fields + "}}\n"
	}
	var manifests []string
	for _, word := range []string{"quay.io", "'quay.io'", `"quay.io"`, "a", "yes", "no", "on", "off", "y", "n", "Yes", "NO", "True", "TRUE", "true", "false", "null", "Null", "NULL", "~",
		"1", "0", "-1", "1.5", "1e3", "1e", ".5", "5.", "0x1F", "0o17", "017", "08", "1_000", "0b1", "+1", ".inf", "-.Inf", ".nan", ".NaN", "1:30", "190:20:30", "2020-01-01", "2020-01-01T00:00:00Z",
		"1.2.3", "1.2.3.4", "127.0.0.1:5000", "!!str 1", "!!str true", "!!str null", "!!int '1'", "! quay.io", "'1'", "'true'", "'null'", "''", `"\x71uay.io"`, `"quay\u002eio"`,
		"=", "quay.io # a comment", "{}", "[]", "[quay.io]", "{quay.io: null}"} {
		manifests = append(manifests, digest("{source: "+word+", mirrors: [m.io]}"), digest("{source: quay.io, mirrors: ["+word+"]}"), digest("{source: quay.io, mirrors: ["+word+", "+word+"]}"),
			digest("{source: quay.io, mirrors: [m.io], mirrorSourcePolicy: "+word+"}"), sources("blockedRegistries: ["+word+"]"), sources("containerRuntimeSearchRegistries: ["+word+"]"))
	}
	for _, fields := range []string{"", "blockedRegistries: []", "allowedRegistries: []", "blockedRegistries: [], allowedRegistries: []", "blockedRegistries: null, allowedRegistries: [a.io]",
		"blockedRegistries: [a.io], allowedRegistries: null", "blockedRegistries: [a.io], allowedRegistries: []", "blockedRegistries: [], allowedRegistries: [a.io]",
		"blockedRegistries: [a.io], allowedRegistries: [b.io]", "blockedRegistries: [a.io, a.io]", "insecureRegistries: ['*.a.io']", "insecureRegistries: ['*.a.io:5']", "insecureRegistries: ['*']",
		"containerRuntimeSearchRegistries: []", "containerRuntimeSearchRegistries: null", "containerRuntimeSearchRegistries: [a.io, a.io]", "containerRuntimeSearchRegistries: ['']",
		"containerRuntimeSearchRegistries: ['not a host/x:y']", "blockedRegistries: [" + strings.Repeat("a.io,", 1024) + "]", "blockedRegistries: [" + strings.Repeat("a.io,", 1025) + "]",
		"blockedRegistries: [" + strings.Repeat("a", 256) + "]", "blockedRegistries: [" + strings.Repeat("a", 257) + "]", "blockedRegistries: ['" + strings.Repeat("é", 256) + "']"} {
		manifests = append(manifests, sources(fields))
	}
	manifests = append(manifests,
		digest(""), digest("{}"), digest("null"), digest("[]"), digest("{source: quay.io}, null"), digest("quay.io"),
		digest("&a {source: quay.io, mirrors: [m.io]}, *a"), digest("{source: &q quay.io, mirrors: [*q]}"), digest("&a {source: quay.io}, {<<: *a, mirrors: [m.io]}"),
		digest("{source: quay.io, mirrors: &m [m.io]}, {source: b.io, mirrors: *m}"), digest("{<<: {source: 1}, source: quay.io}"),
		digest("{source: quay.io, mirrors: [m.io,]}"), digest("{\"source\": \"quay.io\"}"), digest("{? source : quay.io}"), digest("{1: 2, source: quay.io}"), digest("{true: 2, source: quay.io}"),
		"apiVersion: config.openshift.io/v1\nkind: ImageTagMirrorSet\nmetadata: {name: x}\n",
		"apiVersion: config.openshift.io/v1\nkind: ImageTagMirrorSet\nmetadata: {name: x}\nspec:\n",
		"apiVersion: config.openshift.io/v1\nkind: ImageTagMirrorSet\nmetadata: {name: x}\nspec: {}\n",
		"apiVersion: config.openshift.io/v1\nkind: ImageTagMirrorSet\nmetadata: {name: x}\nspec: []\n",
		"apiVersion: config.openshift.io/v1\nkind: ImageTagMirrorSet\nmetadata: {name: x}\nspec: {imageTagMirrors: }\n",
		"apiVersion: config.openshift.io/v1\nkind: ImageTagMirrorSet\nmetadata: {name: x}\nspec: {imageTagMirrors: {}}\n",
		"apiVersion: config.openshift.io/v1\nkind: ImageTagMirrorSet\nmetadata: {name: x}\nspec: {imageDigestMirrors: 5}\n",
		"apiVersion: config.openshift.io/v1\nkind: ImageTagMirrorSet\nmetadata: {}\nspec: {}\n",
		"apiVersion: config.openshift.io/v1\nkind: ImageTagMirrorSet\nmetadata: null\nspec: {}\n",
		"apiVersion: config.openshift.io/v1\nkind: ImageTagMirrorSet\nspec: {}\n",
		"apiVersion: config.openshift.io/v1\nkind: Image\nmetadata: {name: other}\nspec: {registrySources: {blockedRegistries: ['a b']}}\n",
	)
	for _, manifest := range manifests {
		errs, err := crds.Validate([]byte(manifest))
		if err != nil {
			t.Logf("left out, %v: %s", err, manifest)
			continue
		}
		row.Configurations++
		ours, findings := refused(t, []byte(manifest))
		if !assert.Equal(t, len(errs) > 0, ours, "the API server says %v, the library %v of\n%.400s", errs, findings, manifest) {
			row.Mismatches++
		}
	}
}
