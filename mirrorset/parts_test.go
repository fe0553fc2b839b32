package mirrorset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/internal/symlink"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Every list of a set is added, makes the set not empty, and speaks, but for those named here.
func TestASetIsTheSumOfItsParts(t *testing.T) {
	empty := []string{"HostedClusters", "CRIOFiles", "Rendered", "Findings", "ocm"}
	silent := append([]string{"ConfigMaps", "ClusterVersions", "MachineConfigurations", "PullSecrets", "NodePools"}, empty[1:]...)
	type_ := reflect.TypeFor[Set]()
	for i := range type_.NumField() {
		field := type_.Field(i)
		if field.Type.Kind() != reflect.Slice {
			continue
		}
		one := func() *Set {
			s := &Set{ocm: make([]finding.Origin, 1)}
			if field.Name != "ocm" {
				s.ocm = nil
				reflect.ValueOf(s).Elem().Field(i).Set(reflect.MakeSlice(field.Type, 1, 1))
			}
			return s
		}
		s := one()
		require.Equal(t, slices.Contains(empty, field.Name), s.Empty(), field.Name)
		require.Equal(t, !slices.Contains(silent, field.Name), s.Speaks(), field.Name)
		s.Add(one())
		s.Add(nil)
		require.Equal(t, 2, reflect.ValueOf(s).Elem().Field(i).Len(), field.Name)
	}
	for _, none := range [][2]bool{{false, false}, {true, false}, {false, true}} {
		s := &Set{none: none[0]}
		s.Add(&Set{none: none[1]})
		require.Equal(t, none != [2]bool{}, s.Speaks())
	}
}

func TestListsHaveTheBoundsOfTheirAPIs(t *testing.T) {
	list := func(n int, text string) string { return strings.TrimSuffix(strings.Repeat(text+", ", n), ", ") }
	hosted := func(n int) string {
		return "apiVersion: hypershift.openshift.io/v1beta1\nkind: HostedCluster\nmetadata: {name: a}\nspec: {imageContentSources: [" + list(n, "{source: a.io, mirrors: [m.io]}") + "]}"
	}
	for input, want := range map[string]string{
		hosted(255): "",
		hosted(256): "error: HostedCluster/a spec.imageContentSources: has 256 entries, and may have 255; name namespaces or whole registries in place of repositories [too-many, refused by the API server] (in.yaml:4)\n",
	} {
		_, refused := decode(t, input)
		var b strings.Builder
		for _, f := range refused {
			fmt.Fprintln(&b, f)
		}
		require.Equal(t, want, b.String())
	}

	policy := func(scopes int, key string) *Set {
		p := ClusterImagePolicy{Metadata: ObjectMeta{Name: "a"}}
		for i := range scopes {
			p.Spec.Scopes = append(p.Spec.Scopes, fmt.Sprintf("a%d.io", i))
		}
		p.Spec.Policy.RootOfTrust = RootOfTrust{PolicyType: "PublicKey", PublicKey: &PublicKeyRootOfTrust{KeyData: []byte(key)}}
		return &Set{ClusterImagePolicies: []ClusterImagePolicy{p}}
	}
	const begin, end = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
	key := func(n int) string { return begin + strings.Repeat("A", n-len(begin)-len(end)) + end }
	for _, test := range []struct {
		set  *Set
		want string
	}{
		{policy(256, key(8192/4*3)), ""},
		{policy(257, key(100)), "error: ClusterImagePolicy/a spec.scopes: has 257 scopes, and may have 256; spread them over several objects [invalid-scope, refused by the API server]"},
		{policy(1, key(8192/4*3+1)), "error: ClusterImagePolicy/a spec.policy.rootOfTrust.publicKey.keyData: has 8196 characters in base64, and may have 8192 [invalid-image-policy, refused by the API server]"},
	} {
		_, err := test.set.Rules()
		if test.want == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, test.want)
		}
	}
}

// The API server looks at the two lines around a key or certificate, which may overlap where it sets no length.
func TestTheShortestPEMThatTheAPITakes(t *testing.T) {
	const key, cert = "-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----", "-----BEGIN CERTIFICATE----------END CERTIFICATE-----"
	overlapping := func(s string) string { return strings.Replace(s, "----------", "-----", 1) }
	pki := func(roots string) RootOfTrust {
		return RootOfTrust{PolicyType: "PKI", PKI: &PKIRootOfTrust{CARootsData: []byte(roots), PKICertificateSubject: PKICertificateSubject{Email: "a@b"}}}
	}
	public := func(data, rekor string) RootOfTrust {
		return RootOfTrust{PolicyType: "PublicKey", PublicKey: &PublicKeyRootOfTrust{KeyData: []byte(data), RekorKeyData: []byte(rekor)}}
	}
	for _, test := range []struct {
		root RootOfTrust
		want string
	}{
		{pki(cert), ""}, {public(key, overlapping(key)), ""},
		{pki(overlapping(cert)), "rootOfTrust.pki.caRootsData: has 64 characters in base64, and needs 72"},
		{public(overlapping(key), key), "rootOfTrust.publicKey.keyData: has 60 characters in base64, and needs 68"},
	} {
		_, err := (&Set{ClusterImagePolicies: []ClusterImagePolicy{{Spec: ImagePolicySpec{Scopes: []string{"a.io"},
			Policy: ImageVerificationPolicy{RootOfTrust: test.root}}}}}).Rules()
		if test.want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, test.want)
		}
	}
}

func TestWhatIsWrongWithALocationIsSaid(t *testing.T) {
	for value, want := range map[string]string{
		"":                                "it is empty; name a host, namespace or repository such as quay.io/my-org",
		"{{ .x }}":                        "it is part of a template; render that first",
		"${X}":                            "it is part of a template; render that first",
		"https://a.io":                    "it has a URL scheme; write only host[:port]/path",
		"u@a.io":                          `it has a user name or a password; credentials belong in the pull secret, write only host[:port]/path`,
		"a.io/b@sha256:0":                 `it has a digest; rules are for repositories, write it without "@…"`,
		"a.io/":                           "it ends in a slash; remove it",
		"a.io b":                          "it has white space in it",
		"a.io\tb":                         "it has white space in it",
		"a.io\nb":                         "it has white space in it",
		"a.io\rb":                         "it has white space in it",
		"[::1]":                           "an IPv6 address cannot be written here; use a host name",
		"*.a.io/b":                        `a wildcard is "*." and a host, without port or path`,
		"a.*.io":                          `a wildcard can only stand as "*." at the beginning of a source`,
		"a.io/b:1":                        `it has a tag; rules are for repositories, write it without ":tag"`,
		"a_b.io/c":                        "a host name has no underscore",
		"a.io/b_-c_":                      "it is not host[:port][/component]…",
		"a.io/B":                          "a path is written in lower case",
		"a.io:":                           "a port is a number; a tag cannot be written here",
		"a.io:latest":                     "a port is a number; a tag cannot be written here",
		"a.io:8x":                         "it is not host[:port][/component]…",
		"a.io:x/b":                        "it is not host[:port][/component]…",
		"-":                               "it is not host[:port][/component]…",
		"://" + strings.Repeat("a", 1021): "it has a URL scheme; write only host[:port]/path",
		strings.Repeat("a", 1025):         "it is 1025 characters long, and no client takes a name of more than 1024",
	} {
		require.Equal(t, want, whyInvalid(value), value)
		require.False(t, ValidSource(value), value)
	}
}

// What is between the values of a mapping or list is counted behind each, and not only between them.
func TestTheSizeOfJSONIsCountedWithoutWritingIt(t *testing.T) {
	for text, containers := range map[string]int{
		`{}`: 0, `[]`: 0, `"a"`: 0, `1234`: 0, `true`: 0, `{"a":"b"}`: 1, `{"a":"b","cd":[1,22,null]}`: 2, `["\"","\n\n","\\\\\\"]`: 1,
	} {
		nodes, bad := document.ParseJSON([]byte(text))
		require.Nil(t, bad)
		require.Equal(t, len(text)+containers, jsonSize(&nodes[0]), text)
	}
	nodes, _ := document.ParseJSON([]byte(`{"a":1,"managedFields":[{"manager":"oc"}]}`))
	require.Equal(t, len(`{"a":1}`)+1, jsonSize(&nodes[0]))
}

func TestTheLargestRenderedConfigIsTheSameInEveryOrder(t *testing.T) {
	config := func(name, pool, created string, rest int) RenderedConfig {
		return RenderedConfig{MachineConfig: MachineConfig{Name: name, Pool: pool, Created: created, Rendered: true}, Rest: rest}
	}
	configs := []RenderedConfig{
		config("a", "x", "1", 90), config("b", "x", "2", 50), config("c", "x", "2", 60), config("d", "y", "", 60), config("c2", "y", "", 60),
	}
	for range configs {
		configs = append(configs[1:], configs[0])
		require.Equal(t, "d", (&Set{Rendered: configs}).largestRest().Name)
	}
	require.Equal(t, "a", (&Set{Rendered: configs[:1]}).largestRest().Name)
}

func TestReadFilesNamesTheFileThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	require.NoError(t, os.WriteFile(file, []byte(flowIDMS), 0o644))
	set, err := ReadFiles(file)
	require.NoError(t, err)
	require.Len(t, set.ImageDigestMirrorSets, 1)
	for _, name := range []string{"b.yml", "C.JSON", "d.YAML"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(deployment), 0o644))
	}
	set, err = ReadFiles(dir, file)
	require.NoError(t, err)
	require.Len(t, set.ImageDigestMirrorSets, 2)
	require.Len(t, set.Findings, 3, "one for each that holds something else, and none that a file holds nothing")
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".hidden.yaml"), []byte("mirrors: ["), 0o644))
	link := filepath.Join(t.TempDir(), "link")
	if err := symlink.Make(dir, link); err == nil {
		set, err = ReadFiles(link)
		require.NoError(t, err)
		require.Len(t, set.ImageDigestMirrorSets, 1, "a link to a directory is followed")
	}
	if err := symlink.Make("nowhere", filepath.Join(dir, "z.yaml")); err == nil {
		_, err = ReadFiles(dir)
		require.ErrorIs(t, err, os.ErrNotExist)
		require.ErrorContains(t, err, "z.yaml")
	}
}

// closedFS has a directory that cannot be listed.
type closedFS struct{ fstest.MapFS }

func (f closedFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "closed" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return f.MapFS.ReadDir(name)
}

func TestADirectoryThatCannotBeListedIsAnError(t *testing.T) {
	files := fstest.MapFS{"a.yaml": {}, "closed/b.yaml": {}, "closed.yaml/c.txt": {}, ".hidden/d.yaml": {}, "e.txt": {}, "sub/.f.yaml": {}, "sub/g.JSON": {}}
	names, err := manifests(files)
	require.NoError(t, err)
	require.Equal(t, []string{"a.yaml", "closed/b.yaml", "sub/g.JSON"}, names)
	_, err = manifests(closedFS{files})
	require.ErrorIs(t, err, fs.ErrPermission)
	_, err = manifests(fstest.MapFS{"closed.yaml/c.txt": {}})
	require.EqualError(t, err, "no .yaml, .yml or .json file in this directory")
}

func TestAnImageInMemoryNeedsNoName(t *testing.T) {
	for name, want := range map[string]int{"": 1, "cluster": 1, "other": 0} {
		image := Image{Metadata: ObjectMeta{Name: name}, Spec: ImageSpec{RegistrySources: RegistrySources{BlockedRegistries: []string{"a.io"}}}}
		rules, err := (&Set{Images: []Image{image}}).Rules()
		require.NoError(t, err)
		require.Len(t, rules.Blocked, want, name)
	}
}

func TestListsInListsHaveABound(t *testing.T) {
	for _, n := range []int{maxDepth, maxDepth + 1} {
		set, refused := decode(t, strings.Repeat("{apiVersion: v1, kind: List, items: [", n)+flowIDMS+strings.Repeat("]}", n))
		require.Equal(t, n <= maxDepth, len(set.ImageDigestMirrorSets) == 1)
		require.Equal(t, n > maxDepth, len(refused) == 1 && refused[0].Message == "lists are nested too deep", refused)
	}
}

func TestWhatIsUnpackedAndParsedHasBounds(t *testing.T) {
	for _, n := range []int{maxBrackets, maxBrackets + 1} {
		table := tomlTable([]byte("a = [" + strings.Repeat("[],", n-1) + "]"))
		require.Equal(t, n <= maxBrackets, table != nil, n)
	}
	for _, before := range []int{256<<20 - len(flowIDMS), 256<<20 - len(flowIDMS) + 1} {
		d := &decoder{name: "in.yaml", set: &Set{}, unpacked: before}
		set, err := d.decode(strings.NewReader("a: '"+flowIDMS+"'\n"), document.Options{})
		require.Equal(t, before+len(flowIDMS) <= 256<<20, err == nil, err)
		require.Equal(t, err == nil, len(set.ImageDigestMirrorSets) == 1)

		d = &decoder{name: "in.yaml", set: &Set{}, unpacked: before}
		_, err = d.decode(strings.NewReader("path: /etc/containers/registries.conf\ncontents: '"+flowIDMS+"'\n"), document.Options{})
		if before+len(flowIDMS) <= 256<<20 {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, "was not read: what it holds and others are more than 256 MiB together")
		}
	}
	plain, err := gunzip([]byte(gzipped(strings.Repeat("a", maxNodeFile))))
	require.NoError(t, err)
	require.Len(t, plain, maxNodeFile)
}

func TestOfTwoImageMirrorsTheLaterPlaceIsReported(t *testing.T) {
	read := func(names ...string) string {
		set := &Set{}
		for _, name := range names {
			one, err := Decode(name, strings.NewReader(`[{"id":"`+strings.TrimSuffix(name, ".json")+`","source":"quay.io/a","mirrors":["m.io"]}]`))
			require.NoError(t, err)
			set.Add(one)
		}
		_, err := set.Rules()
		return err.Error()
	}
	const want = `error: ImageMirror/b source: "quay.io/a": has an image mirror already, ImageMirror/a; edit the mirrors of that one, or delete it first [source-in-use, refused by the cluster-management API] (b.json:1)`
	mirrors := []ImageMirror{{ID: "b", Source: "quay.io/a", Mirrors: []string{"m.io"}}, {ID: "a", Source: "quay.io/a", Mirrors: []string{"m.io"}}}
	_, err := (&Set{ImageMirrors: mirrors}).Rules()
	require.ErrorContains(t, err, "error: ImageMirror/a source: ", "of those in memory the later one")
	require.Equal(t, want, read("a.json", "b.json"))
	require.Equal(t, want, read("b.json", "a.json"))
}

func TestOfTwoObjectsOfOneNameTheLaterPlaceIsReported(t *testing.T) {
	read := func(names ...string) string {
		set := &Set{}
		for _, name := range names {
			one, err := Decode(name, strings.NewReader(strings.Replace(flowIDMS, "m.io", name, 1)))
			require.NoError(t, err)
			set.Add(one)
		}
		rules, err := set.Rules()
		require.NoError(t, err)
		require.Equal(t, finding.CodeDuplicate, rules.Findings[len(rules.Findings)-1].Code)
		return fmt.Sprint(rules.Findings[len(rules.Findings)-1], rules.Findings[len(rules.Findings)-1].Related.File)
	}
	require.Equal(t, read("a.yaml", "b.yaml"), read("b.yaml", "a.yaml"))
	require.Contains(t, read("b.yaml", "a.yaml"), "in a.yaml:1: in a cluster the one applied last replaces the other [duplicate-object] (b.yaml:1)a.yaml")
}

func TestPullSecretsAreToldApartByTheirBytes(t *testing.T) {
	sum := func(text string) [32]byte {
		set, _ := decode(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: pull-secret, namespace: openshift-config}\nstringData: {.dockerconfigjson: '"+text+"'}")
		return set.PullSecrets[0].Sum()
	}
	require.Equal(t, sum("{}"), sum("{}"))
	require.NotEqual(t, sum("{}"), sum("{ }"))
	require.NotZero(t, sum("{}"))
}

func TestAMigrationNamesItsPolicyInOneLine(t *testing.T) {
	set := &Set{ImageContentSourcePolicies: []ImageContentSourcePolicy{{Metadata: ObjectMeta{Name: "a\nb\x7fc\u0085d\u2028e\u2029f\ufeffg\x1fh i~\u0086"}}}}
	first, _, _ := strings.Cut(string(set.MigrateContentSourcePolicies()[0].YAML()), "\n")
	require.Equal(t, "# From ImageContentSourcePolicy/a b c d e f g h i~\u0086.", first)
}

func TestATimeThatJSONDoesNotHaveIsAnError(t *testing.T) {
	_, err := yaml.Marshal(ImageMirror{CreationTimestamp: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)})
	require.ErrorContains(t, err, "year outside of range")
}

// An object built in memory prints as its JSON does, with apiVersion and kind first.
func TestObjectsPrintAsManifests(t *testing.T) {
	object := ImageTagMirrorSet{TypeMeta: TypeMeta{Kind: kindITMS, APIVersion: versionConfig}, Metadata: ObjectMeta{Name: "yes",
		Annotations: map[string]string{"a": "x\ny\n", "b": " x", "c": "x\ty", "d": "x\ny"}},
		Spec: ImageTagMirrorSetSpec{[]ImageMirrors{{Source: "a.io", Mirrors: []string{"12:30"}}}}}
	text, err := yaml.Marshal(object)
	require.NoError(t, err)
	require.Equal(t, `apiVersion: config.openshift.io/v1
kind: ImageTagMirrorSet
metadata:
    name: "yes"
    annotations:
        a: "x\ny\n"
        b: ' x'
        c: "x\ty"
        d: |-
            x
            y
spec:
    imageTagMirrors:
        - source: a.io
          mirrors:
            - "12:30"
`, string(text))
	text, err = yaml.Marshal(ImageMirror{ID: "a"})
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(text, []byte("id: a\n")), string(text))
}

func TestAStoreOfImageMirrorsIsRefusedInTheseWords(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":[]}`: "", `{"a":[{"id":"m","source":"a.io","mirrors":["m.io"],"kind":"ImageMirror","href":"/"}]}`: "",
		`{"a":`:                       `error: store: is not valid JSON: it ends in the middle of a value [unreadable] (store:1)`,
		`[]`:                          `error: store: is not a store of image mirrors: a JSON object of lists by cluster; remove the file, or name another [unreadable] (store:1)`,
		`{} {}`:                       `error: store: is not a store of image mirrors: a JSON object of lists by cluster; remove the file, or name another [unreadable] (store:1)`,
		`{"a":{}}`:                    `error: store a: is to be a list, and is an object [wrong-type, refused by the API server] (store:1)`,
		`{"a":[{"id":"m","more":1}]}`: `error: ImageMirror/m more: is not a field of this object; remove it, or it would be lost [unknown-field] (store:1)`,
		`{"a":[],"a":[]}`:             `error: store a: is written twice; keep one of the two [unreadable] (store:1)`,
	} {
		clusters, err := DecodeClusters("store", []byte("\ufeff"+text))
		if want == "" {
			require.NoError(t, err)
			require.Len(t, clusters, 1)
			require.Len(t, clusters["a"], strings.Count(text, `"id"`))
			continue
		}
		require.EqualError(t, err, want, text)
	}
}

func TestServicesOfDisruptionActions(t *testing.T) {
	service := &NodeDisruptionService{ServiceName: "crio.service"}
	for action, want := range map[NodeDisruptionAction]string{
		{Type: ActionReload, Reload: service}: "crio.service", {Type: ActionRestart, Restart: service}: "crio.service",
		{Type: ActionReload, Restart: service}: "", {Type: ActionRestart, Reload: service}: "", {Type: ActionReload}: "", {Type: ActionRestart}: "", {Type: ActionDrain, Reload: service, Restart: service}: "",
	} {
		require.Equal(t, want, action.Service(), "%+v", action)
	}
}

func TestARolloutTellsOfPoliciesAndFiles(t *testing.T) {
	config := func(text string) *Set {
		set, refused := decode(t, "apiVersion: hypershift.openshift.io/v1beta1\nkind: NodePool\nmetadata: {name: p}\nspec: {config: [{name: c}]}\n---\n"+
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  config: '"+text+"'\n")
		require.Empty(t, refused)
		return set
	}
	const policy = `{"apiVersion":"config.openshift.io/v1","kind":"ClusterImagePolicy","metadata":{"name":"a"},"spec":{"scopes":["a.io"],"policy":{"rootOfTrust":{"policyType":"PublicKey","publicKey":{"keyData":"YQ=="}}}}}`
	const file = `{"apiVersion":"machineconfiguration.openshift.io/v1","kind":"MachineConfig","metadata":{"name":"m"},"spec":{"config":{"storage":{"files":[{"path":"/etc/containers/registries.conf","contents":{"source":"data:,a"}}]}}}}`
	for text, changes := range map[string][2]string{policy: {"a.io", "b.io"}, file: {"data:,a", "data:,b"}} {
		require.Nil(t, RollsOut(config(text), config(text)))
		r := RollsOut(config(text), config(strings.Replace(text, changes[0], changes[1], 1)))
		require.NotNil(t, r)
		data, err := json.Marshal(r)
		require.NoError(t, err)
		require.Equal(t, `{"origin":{"object":"NodePool/p","file":"in.yaml","document":1,"line":1},"every":false,"pools":["NodePool/p"]}`, string(data))
		require.Equal(t, "HyperShift rolls out NodePool/p: the nodes are replaced by new ones (upgradeType Replace), or drained and changed in place (InPlace)", r.String())
	}
}

func TestTheErrorOfASetHoldsItsFindings(t *testing.T) {
	_, err := (&Set{ImageMirrors: []ImageMirror{{ID: "m", Source: "a.io"}}}).Rules()
	var refused *finding.RefusedError
	require.True(t, errors.As(err, &refused))
	require.Equal(t, "error: ImageMirror/m mirrors: is missing; name at least one mirror [missing-field, refused by the cluster-management API]", err.Error())
}

func TestAWordIsFoundAtEveryPlaceOfAText(t *testing.T) {
	for _, word := range slices.Concat(slices.Collect(maps.Values(words))...) {
		if word == kindSecret {
			word = "kind: " + word
		}
		for _, size := range []int{len(word), len(word) + 1, 3 * len(word)} {
			for at := range size - len(word) + 1 {
				text := strings.Repeat(".", at) + word + strings.Repeat(".", size-len(word)-at)
				require.True(t, mentions([]byte(text)), text)
			}
		}
	}
}

func TestAnOriginWithoutAnObjectNamesWhatItStandsIn(t *testing.T) {
	for want, o := range map[string]finding.Origin{
		"a.b in W/w":   {File: "f", Field: "a.b", Wrapper: "W/w"},
		"in W/w":       {File: "f", Wrapper: "W/w"},
		"O/o a in W/w": {File: "f", Object: "O/o", Field: "a", Wrapper: "W/w"},
		"O/o in W/w":   {Object: "O/o", Wrapper: "W/w"},
		"f a":          {File: "f", Field: "a"},
		"f":            {File: "f"},
		"a":            {Field: "a"},
		"O/o":          {File: "f", Object: "O/o"},
		"":             {Line: 1},
	} {
		require.Equal(t, want, o.String())
	}
}

// What was added in memory to an object that was read stands nowhere in the file: it has the place of its object.
func TestWhatIsAddedToAnObjectThatWasReadHasThePlaceOfTheObject(t *testing.T) {
	set, refused := decode(t, `apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata: {name: d}
spec:
  imageDigestMirrors:
  - source: quay.io/a
    mirrors:
    - m.io/a
    mirrorSourcePolicy: NeverContactSource
---
apiVersion: config.openshift.io/v1
kind: Image
metadata: {name: cluster}
spec:
  registrySources:
    blockedRegistries:
    - a.io
---
apiVersion: config.openshift.io/v1
kind: ClusterImagePolicy
metadata: {name: p}
spec:
  policy: {rootOfTrust: {policyType: PublicKey, publicKey: {keyData: YQ==}}}
  scopes:
  - a.io
---
apiVersion: operator.openshift.io/v1
kind: MachineConfiguration
metadata: {name: cluster}
spec:
  nodeDisruptionPolicy:
    files:
    - {path: /etc/a, actions: [{type: None}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ca, namespace: openshift-config}
data:
  a.io: x
`)
	require.Empty(t, refused)
	entry := &set.ImageDigestMirrorSets[0].Spec.ImageDigestMirrors[0]
	entry.Mirrors = append(entry.Mirrors, "n.io/a")
	set.ImageDigestMirrorSets[0].Spec.ImageDigestMirrors = append(set.ImageDigestMirrorSets[0].Spec.ImageDigestMirrors,
		ImageMirrors{Source: "quay.io/b", Mirrors: []string{"m.io/b"}})
	image := &set.Images[0]
	image.Spec.AdditionalTrustedCA.Name = "ca"
	sources := &image.Spec.RegistrySources
	sources.BlockedRegistries = append(sources.BlockedRegistries, "b.io")
	set.ConfigMaps[0].Data["b.io"] = "x"
	files := &set.MachineConfigurations[0].Spec.NodeDisruptionPolicy
	files.Files = append(files.Files, NodeDisruptionFile{Path: "/etc/b"})

	rules, _ := set.Rules()
	var places []string
	add := func(o finding.Origin) { places = append(places, fmt.Sprint(o, ":", o.Line)) }
	for _, r := range rules.Rules {
		e := r.Entries[0]
		add(e.Origin)
		add(e.SourceOrigin())
		add(e.PolicyOrigin())
		for i := range e.Mirrors {
			add(e.MirrorOrigin(i))
		}
	}
	for _, s := range rules.Blocked {
		add(s.Origin)
	}
	for _, p := range rules.DisruptionPolicies {
		add(p.Origin)
	}
	for _, f := range rules.Findings {
		if f.Code == finding.CodeUnusableCA {
			add(f.Origin)
		}
	}
	policy := &set.ClusterImagePolicies[0]
	for _, field := range []string{"[0]", "[1]", "[-1]", "[x]", "", "0"} {
		add(policy.Origin("spec.scopes" + field))
	}
	add(policy.Origin("0]"))
	policy.ReadFrom = &ReadFrom{Line: 19}
	add(policy.Origin("spec.scopes[0]"))
	policy.ReadFrom = nil
	add(policy.Origin("spec.scopes[0]"))
	require.Equal(t, `ImageDigestMirrorSet/d spec.imageDigestMirrors[0]:6
ImageDigestMirrorSet/d spec.imageDigestMirrors[0].source:6
ImageDigestMirrorSet/d spec.imageDigestMirrors[0].mirrorSourcePolicy:9
ImageDigestMirrorSet/d spec.imageDigestMirrors[0].mirrors[0]:8
ImageDigestMirrorSet/d spec.imageDigestMirrors[0].mirrors[1]:6
ImageDigestMirrorSet/d spec.imageDigestMirrors[1]:1
ImageDigestMirrorSet/d spec.imageDigestMirrors[1].source:1
ImageDigestMirrorSet/d spec.imageDigestMirrors[1].mirrorSourcePolicy:1
ImageDigestMirrorSet/d spec.imageDigestMirrors[1].mirrors[0]:1
Image/cluster spec.registrySources.blockedRegistries[0]:17
Image/cluster spec.registrySources.blockedRegistries[1]:11
MachineConfiguration/cluster spec.nodeDisruptionPolicy.files[0]:33
MachineConfiguration/cluster spec.nodeDisruptionPolicy.files[1]:27
ConfigMap/ca data["b.io"]:35
ConfigMap/ca data["a.io"]:39
ClusterImagePolicy/p spec.scopes[0]:25
ClusterImagePolicy/p spec.scopes[1]:19
ClusterImagePolicy/p spec.scopes[-1]:19
ClusterImagePolicy/p spec.scopes[x]:19
ClusterImagePolicy/p spec.scopes:19
ClusterImagePolicy/p spec.scopes0:19
ClusterImagePolicy/p 0]:19
ClusterImagePolicy/p spec.scopes[0]:19
ClusterImagePolicy/p spec.scopes[0]:0`, strings.Join(places, "\n"))

	// What says no more than where it begins, or nothing of where it was read.
	set.ClusterVersions = []ClusterVersion{{Metadata: ObjectMeta{Name: "version"}, Status: ClusterVersionStatus{Desired: Release{Image: "quay.io/r"}}}}
	set.ImageMirrors = []ImageMirror{{Source: "*.x.io"}}
	sources.AllowedRegistries = []string{"c.io"} // which is refused beside a list of blocked ones
	for _, from := range []*ReadFrom{{Line: 3}, nil} {
		set.ImageDigestMirrorSets[0].ReadFrom, image.ReadFrom, set.ConfigMaps[0].ReadFrom, set.MachineConfigurations[0].ReadFrom = from, from, from, from
		set.ClusterVersions[0].ReadFrom, set.ImageMirrors[0].ReadFrom, policy.ReadFrom = from, from, from
		line := from.Origin("", "").Line
		rules, _ = set.Rules()
		places = nil
		for _, e := range []*Entry{rules.Rules[0].Entries[0], rules.Unused[0]} {
			require.Equal(t, []int{line, line, line}, []int{e.Origin.Line, e.SourceOrigin().Line, e.PolicyOrigin().Line})
		}
		add(rules.Blocked[0].Origin)
		add(rules.DisruptionPolicies[0].Origin)
		add(rules.ReleaseImage.Origin)
		at := fmt.Sprint(":", line)
		require.Equal(t, []string{"Image/cluster spec.registrySources.blockedRegistries[0]" + at,
			"MachineConfiguration/cluster spec.nodeDisruptionPolicy.files[0]" + at, "ClusterVersion/version status.desired.image" + at}, places)
		for _, f := range rules.Findings {
			require.Equal(t, line, f.Origin.Line, f)
		}
	}
}
