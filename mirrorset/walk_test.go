package mirrorset

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/stretchr/testify/require"
)

// said returns what was read and what was found in a few words each: rules with their origins, files, findings.
func said(t *testing.T, input string) string {
	t.Helper()
	set, refused := decode(t, input)
	rules, _ := set.Rules()
	var lines []string
	for _, r := range rules.Rules {
		never := map[bool]string{true: " never"}[r.Never]
		lines = append(lines, fmt.Sprintf("%s %s%s: %s:%d", r.Pull, r.Source, never, r.Entries[0].Origin, r.Entries[0].Origin.Line))
	}
	for _, s := range rules.Blocked {
		lines = append(lines, fmt.Sprintf("blocked %s: %s:%d", s.Value, s.Origin, s.Origin.Line))
	}
	for _, f := range set.NodeFiles {
		lines = append(lines, fmt.Sprintf("file %s %q: %s:%d", f.Path, f.Data.Bytes(), f.Origin, f.Origin.Line))
	}
	for _, f := range append(refused, set.Findings...) {
		if f.Code != finding.CodeUnrelatedKind && f.Code != finding.CodeNothingRead {
			lines = append(lines, fmt.Sprintf("%s %s: %s:%d", f.Severity, f.Code, f.Origin, f.Origin.Line))
		}
	}
	return strings.Join(lines, "\n")
}

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

const registriesConf = "[[registry]]\nlocation = \"quay.io/b\"\nblocked = true\n"

// flowIDMS is an ImageDigestMirrorSet in one line.
const flowIDMS = `{apiVersion: config.openshift.io/v1, kind: ImageDigestMirrorSet, metadata: {name: d}, spec: {imageDigestMirrors: [{source: quay.io/a, mirrors: [m.io/a]}]}}`

func TestWhatStandsInOtherObjectsIsRead(t *testing.T) {
	for _, test := range []struct{ name, input, want string }{
		{"a policy", `apiVersion: policy.open-cluster-management.io/v1
kind: Policy
metadata: {name: p}
spec:
  policy-templates:
  - objectDefinition:
      kind: ConfigurationPolicy
      spec: {object-templates: [{complianceType: MustHave, objectDefinition: ` + flowIDMS + `}]}
`, "digest quay.io/a: ImageDigestMirrorSet/d spec.imageDigestMirrors[0] in Policy/p spec.policy-templates[0].objectDefinition.spec.object-templates[0].objectDefinition:8"},
		{"a text of manifests", `apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data:
  one.yaml: |
    # a comment

    ` + flowIDMS + `
    ---
    apiVersion: config.openshift.io/v1
    kind: ImageTagMirrorSet
    metadata: {name: t}
    spec:
      imageTagMirrors:
      - {source: quay.io/t, mirrors: [m.io/t]}
`, `digest quay.io/a: ImageDigestMirrorSet/d spec.imageDigestMirrors[0] in ConfigMap/c data["one.yaml"]:8
tag quay.io/t: ImageTagMirrorSet/t spec.imageTagMirrors[0] in ConfigMap/c data["one.yaml"]:15`},
		{"a text in quotes, whose lines are none of the input", `apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data:
  one: "\n\n` + flowIDMS + `\n"
`, `digest quay.io/a: ImageDigestMirrorSet/d spec.imageDigestMirrors[0] in ConfigMap/c data.one:5`},
		{"a ConfigMap in a ManifestWork", `apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: w}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: ConfigMap
      metadata: {name: c}
      data:
        a: '` + flowIDMS + `'
`, `digest quay.io/a: ImageDigestMirrorSet/d spec.imageDigestMirrors[0] in ManifestWork/w spec.workload.manifests[0].data.a:11`},
		{"a template with a parameter", `apiVersion: template.openshift.io/v1
kind: Template
metadata: {name: t}
parameters: [{name: M, value: m.io}, {name: N}]
objects:
- apiVersion: config.openshift.io/v1
  kind: ImageDigestMirrorSet
  metadata: {name: "d${N}"}
  spec:
    imageDigestMirrors:
    - {source: quay.io/a, mirrors: ["${M}/a"]}
`, `digest quay.io/a: [redacted] spec.imageDigestMirrors[0] in Template/t objects[0]:11
warning template: Template/t parameters:1`},
		{"an annotation with an install-config", `apiVersion: extensions.hive.openshift.io/v1beta1
kind: AgentClusterInstall
metadata:
  name: a
  annotations:
    agent-install.openshift.io/install-config-overrides: '{"imageDigestSources":[{"source":"quay.io/a","mirrors":["m.io"],"sourcePolicy":"NeverContactSource"}]}'
`, `digest quay.io/a never: AgentClusterInstall/a metadata.annotations["agent-install.openshift.io/install-config-overrides"].imageDigestSources[0]:6`},
		{"installers", `apiVersion: extensions.hive.openshift.io/v1alpha1
kind: ImageClusterInstall
metadata: {name: i}
spec: {imageDigestSources: [{source: quay.io/a, mirrors: [m.io/a]}]}
---
apiVersion: v1beta1
kind: ImageBasedInstallationConfig
metadata: {name: j}
imageDigestSources: [{source: quay.io/b, mirrors: [m.io/b]}]
---
apiVersion: hypershift.openshift.io/v1beta1
kind: HostedControlPlane
metadata: {name: h}
spec:
  imageContentSources: [{source: quay.io/c, mirrors: [m.io/c]}]
  configuration: {image: {registrySources: {blockedRegistries: [x.io]}}}
`, `digest quay.io/a: ImageClusterInstall/i spec.imageDigestSources[0]:4
digest quay.io/b: ImageBasedInstallationConfig/j imageDigestSources[0]:9
digest quay.io/c: HostedControlPlane/h spec.imageContentSources[0]:15
blocked x.io: Image/cluster spec.registrySources.blockedRegistries[0] in HostedControlPlane/h spec.configuration.image:16`},
		{"patches", `apiVersion: policy.open-cluster-management.io/v1
kind: PolicyGenerator
metadata: {name: g}
policies: [{manifests: [{path: x.yaml, patches: [{spec: {imageDigestMirrors: [{source: quay.io/a, mirrors: [m.io/a]}]}}]}]}]
---
- op: add
  path: /spec/imageTagMirrors
  value: [{source: quay.io/t, mirrors: [m.io/t]}]
- op: remove
  path: /spec/imageDigestMirrors/0
`, `digest quay.io/a: ImageDigestMirrorSet spec.imageDigestMirrors[0] in PolicyGenerator/g policies[0].manifests[0].patches[0].spec.imageDigestMirrors:4
tag quay.io/t: ImageTagMirrorSet spec.imageTagMirrors[0] in [0].value:8
warning patch: ImageDigestMirrorSet in PolicyGenerator/g policies[0].manifests[0].patches[0].spec.imageDigestMirrors:4
warning patch: ImageTagMirrorSet in [0].value:8
warning patch: in.yaml [1]:9`},
		{"tasks of Ansible", `- tasks:
  - kubernetes.core.k8s: {state: present, definition: ` + flowIDMS + `}
`, `digest quay.io/a: ImageDigestMirrorSet/d spec.imageDigestMirrors[0] in [0].tasks[0]["kubernetes.core.k8s"].definition:2`},
		{"files in a MachineConfig", `apiVersion: machineconfiguration.openshift.io/v1
kind: MachineConfig
metadata: {name: m}
spec:
  config:
    storage:
      files:
      - {path: /etc/containers/registries.conf, contents: {source: "data:text/plain;charset=utf-8;base64,` + base64Of("a = 1") + `"}}
      - {path: /etc/containers/registries.conf.d/x.conf, contents: {compression: gzip, source: "data:;base64,` + base64Of(gzipped("b = 2")) + `"}}
      - {path: /etc/containers/policy.json, contents: {source: "data:,` + url.PathEscape("{ }+%") + `"}}
      - {path: /etc/containers/registries.d/a.yaml, contents: {source: ""}}
      - {path: /etc/containerd/certs.d/quay.io/hosts.toml, contents: {inline: "c = 3"}}
      - {path: /etc/hosts, contents: {source: "data:,x"}}
`, `file /etc/containers/registries.conf "a = 1": MachineConfig/m spec.config.storage.files[0].contents.source:8
file /etc/containers/registries.conf.d/x.conf "b = 2": MachineConfig/m spec.config.storage.files[1].contents.source:9
file /etc/containers/policy.json "{ }+%": MachineConfig/m spec.config.storage.files[2].contents.source:10
file /etc/containers/registries.d/a.yaml "": MachineConfig/m spec.config.storage.files[3].contents.source:11
file /etc/containerd/certs.d/quay.io/hosts.toml "c = 3": MachineConfig/m spec.config.storage.files[4].contents.inline:12`},
		{"files of the Cluster API, and Ignition in a Secret", `apiVersion: bootstrap.cluster.x-k8s.io/v1beta1
kind: KubeadmConfig
metadata: {name: k}
spec: {files: [{path: /etc/containers/registries.conf, encoding: gzip+base64, content: ` + base64Of(gzipped("a = 1")) + `}]}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
data: {userData: ` + base64Of(`{"ignition":{},"storage":{"files":[{"path":"/etc/containers/registries.conf","contents":{"source":"data:,b"}}]}}`) + `}
`, `file /etc/containers/registries.conf "a = 1": KubeadmConfig/k spec.files[0].content:4
file /etc/containers/registries.conf "b": Secret/s data.userData.storage.files[0].contents.source:9`},
		{"the ConfigMap of the assisted installer", `apiVersion: v1
kind: ConfigMap
metadata: {name: mirrors}
data:
  registries.conf: |
    unqualified-search-registries = ["a.io"]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: of-another-tool}
data:
  registries.conf: |
    registries: [a.io]
`, `file /etc/containers/registries.conf "unqualified-search-registries = [\"a.io\"]\n": ConfigMap/mirrors data["registries.conf"]:5`},
		{"what a policy only checks for, and what is not to exist", `apiVersion: policy.open-cluster-management.io/v1
kind: Policy
metadata: {name: p}
spec:
  remediationAction: enforce
  policy-templates:
  - objectDefinition:
      kind: ConfigurationPolicy
      spec:
        remediationAction: inform
        object-templates:
        - {complianceType: musthave, objectDefinition: ` + flowIDMS + `}
        - {complianceType: mustnothave, objectDefinition: ` + flowIDMS + `}
---
apiVersion: policy.open-cluster-management.io/v1
kind: ConfigurationPolicy
metadata: {name: q}
spec: {remediationAction: Inform, object-templates: [{objectDefinition: ` + flowIDMS + `}]}
---
apiVersion: policy.open-cluster-management.io/v1
kind: Policy
metadata: {name: r}
spec: {disabled: true, policy-templates: [{objectDefinition: ` + flowIDMS + `}]}
---
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: k}
spec: {rules: [{validate: {pattern: {spec: {imageDigestMirrors: [{source: quay.io/x, mirrors: [m.io]}]}}}}]}
---
- k8s: {state: absent, definition: ` + flowIDMS + `}
`, `digest quay.io/a: ImageDigestMirrorSet/d spec.imageDigestMirrors[0] in Policy/p spec.policy-templates[0].objectDefinition.spec.object-templates[0].objectDefinition:12
info not-created: ImageDigestMirrorSet/d in Policy/p spec.policy-templates[0].objectDefinition.spec.object-templates[1].objectDefinition:13
info not-created: ImageDigestMirrorSet/d in ConfigurationPolicy/q spec.object-templates[0].objectDefinition:18
info not-created: ImageDigestMirrorSet/d in Policy/r spec.policy-templates[0].objectDefinition:23
info not-created: ClusterPolicy/k spec.rules[0].validate.pattern.spec.imageDigestMirrors:28
info not-created: ImageDigestMirrorSet/d in [0].k8s.definition:30`},
		{"an object with the apiVersion of another", strings.Replace(flowIDMS, "config.openshift.io/v1", "operator.openshift.io/v1alpha1", 1),
			"digest quay.io/a: ImageDigestMirrorSet/d spec.imageDigestMirrors[0]:1\nerror wrong-apiversion: ImageDigestMirrorSet/d apiVersion:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, said(t, test.input))
		})
	}
}

func TestDialectsOfTheSameRulesAreRead(t *testing.T) {
	const k3s = "mirrors:\n  docker.io:\n    endpoint: [https://m.io]\n"
	const talos = "apiVersion: v1alpha1\nkind: RegistryMirrorConfig\nname: docker.io\nendpoints: [{url: https://m.io}]\n"
	quoted := func(s string) string { return fmt.Sprintf("%q", s) }
	for _, test := range []struct{ name, input, want string }{
		{"registries.yaml", k3s, "file /etc/rancher/k3s/registries.yaml " + quoted(k3s) + ": in.yaml:1"},
		{"registries.yaml as JSON", `{"mirrors":{"docker.io":{"endpoint":["https://m.io"]}}}` + "\n{}", `file /etc/rancher/k3s/registries.yaml ` + quoted(`{"mirrors":{"docker.io":{"endpoint":["https://m.io"]}}}`) + `: in.yaml:1`},
		{"registries.yaml in a ConfigMap", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  registries.yaml: |\n    " + strings.ReplaceAll(k3s, "\n", "\n    "), "file /etc/rancher/k3s/registries.yaml " + quoted(k3s) + ": ConfigMap/c data[\"registries.yaml\"]:6"},
		{"registries.yaml in cloud-init", "#cloud-config\nwrite_files:\n- path: /etc/rancher/rke2/registries.yaml\n  content: |\n    " + strings.ReplaceAll(k3s, "\n", "\n    "), "file /etc/rancher/rke2/registries.yaml " + quoted(k3s) + ": in.yaml write_files[0].content:3"},
		{"mirrors that name no endpoint", "mirrors:\n  docker.io:\n", `file /etc/rancher/k3s/registries.yaml "mirrors:\n  docker.io:\n": in.yaml:1`},
		{"documents of Talos", talos + "---\napiVersion: v1alpha1\nkind: RegistryTLSConfig\nname: m.io\n---\nversion: v1alpha1\nmachine: {registries: {mirrors: {}}}\n",
			"file /system/state/config.yaml " + quoted(talos) + ": RegistryMirrorConfig:1\n" +
				`file /system/state/config.yaml "---\napiVersion: v1alpha1\nkind: RegistryTLSConfig\nname: m.io\n": RegistryTLSConfig:6` + "\n" +
				`file /system/state/config.yaml "---\nversion: v1alpha1\nmachine: {registries: {mirrors: {}}}\n": in.yaml:10`},
		{"a patch of Talos", "machine: {registries: {mirrors: {docker.io: {endpoints: [https://m.io]}}}}\n",
			`file /system/state/config.yaml "machine: {registries: {mirrors: {docker.io: {endpoints: [https://m.io]}}}}\n": in.yaml:1` + "\nwarning patch: machine:1"},
		{"a cluster of OCM", `{"kind":"Cluster","registry_config":{"registry_sources":{"blocked_registries":["a.io"]}},"image_mirrors":{"kind":"ImageMirrorList","items":[{"id":"m1","type":"digest","source":"quay.io/a","mirrors":["m.io"]}]}}`,
			"digest quay.io/a: ImageMirror/m1 in Cluster image_mirrors.items:1\nblocked a.io: Image/cluster spec.registrySources.blockedRegistries[0] in Cluster registry_config:1"},
		{"image mirrors of OCM in a plain list", `{"kind":"Cluster","image_mirrors":[{"id":"m1","type":"digest","source":"quay.io/a","mirrors":["m.io"]}]}`, "digest quay.io/a: ImageMirror/m1 in Cluster image_mirrors:1"},
		{"allowed registries of OCM", `{"kind":"Cluster","registry_config":{"platform_allowlist":{"id":"a"},"registry_sources":{"allowed_registries":["a.io"]}}}`, "warning unread-text: Image/cluster registry_sources.allowed_registries in Cluster registry_config:1"},
		{"a key that OCM does not know", `{"kind":"Cluster","registry_config":{"registry_sources":{"blockedRegistries":["a.io"]}}}`, "warning unknown-field: Image/cluster registry_sources.blockedRegistries in Cluster registry_config:1"},
		{"ARO-HCP in its service", `{"kind":"Cluster","registry_config":{"image_digest_mirrors":[{"source":"quay.io/a","mirrors":["m.io"]}]}}`, "digest quay.io/a: Cluster registry_config.image_digest_mirrors[0]:1"},
		{"ARO-HCP in Azure", `{"type":"Microsoft.RedHatOpenShift/hcpOpenShiftClusters","properties":{"imageDigestMirrors":[{"source":"quay.io/a","mirrors":["m.io"]}]}}`, "digest quay.io/a: in.yaml properties.imageDigestMirrors[0]:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, said(t, test.input))
		})
	}
}

func TestRulesThatAreNotReadAreRefusedByName(t *testing.T) {
	const inConfigMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  x: |\n    "
	for _, test := range []struct{ name, input, want string }{
		{"values of a chart", "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec:\n  source:\n    helm:\n      values: |\n        m:\n        - {source: quay.io/a, mirrors: [m.io]}\n",
			"error unread-rules: Application/a spec.source.helm.values.m:9"},
		{"another kind with our fields", "apiVersion: a.io/v1\nkind: Mirroring\nmetadata: {name: a}\nspec: {imageDigestMirrors: [{source: quay.io/a, mirrors: [m.io]}]}", "error unread-rules: Mirroring/a spec.imageDigestMirrors:4"},
		{"no kind at all", "a:\n  source: quay.io/a\n  mirrors: [m.io]\n", "error unread-rules: in.yaml a:2"},
		{"registrySources", "apiVersion: a.io/v1\nkind: A\nmetadata: {name: a}\nspec: {registrySources: {blockedRegistries: [a.io]}}", "error unread-rules: A/a spec.registrySources:4"},
		{"mirrors of k3s inside another object", "apiVersion: provisioning.cattle.io/v1\nkind: Cluster\nmetadata: {name: c}\nspec:\n  rkeConfig:\n    registries:\n      mirrors:\n        docker.io: {endpoint: [https://m.io]}\n", "error unread-rules: Cluster/c spec.rkeConfig.registries.mirrors:7"},
		{"mirrors of Talos inside another object", "apiVersion: a.io/v1\nkind: A\nmetadata: {name: a}\nspec: {machine: {registries: {mirrors: {docker.io: {endpoints: [https://m.io]}}}}}", "error unread-rules: A/a spec.machine.registries.mirrors:4"},
		{"a template of k3s", "mirrors:\n  docker.io:\n    endpoint: ['{{ .mirror }}']\n", "error template: in.yaml:1"},
		{"a slip in the kind of Talos", "apiVersion: v1alpha1\nkind: registryMirrorConfig\nname: docker.io\nendpoints: [{url: https://m.io}]\n", "error misspelt-kind: registryMirrorConfig/ kind:1"},
		{"a JSON patch of Talos", "- {op: add, path: /machine/registries/mirrors, value: {docker.io: {endpoints: [https://m.io]}}}", "error unread-rules: in.yaml [0].value:1"},
		{"a slip in the key of OCM", `{"kind":"Cluster","registry_config":{"registry_source":{"blocked_registries":["a.io"]}}}`, "error unread-rules: Cluster registry_config.registry_source:1"},
		{"mirrors of k3s beside other fields", "mirrors:\n  docker.io:\n    endpoint: [https://m.io]\nversion: 1\n", "error unread-rules: in.yaml mirrors:1"},
		{"a slip in the key of k3s", "mirrors:\n  docker.io:\n    endpoints: [https://m.io]\n", "error unread-rules: in.yaml mirrors:1"},
		{"a registries.conf under another name", inConfigMap + strings.ReplaceAll(registriesConf, "\n", "\n    "), "error unread-rules: ConfigMap/c data.x:5"},
		{"the same in base64", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {x: " + base64Of(registriesConf) + "}", "error unread-rules: Secret/s data.x:4"},
		{"the same as a data URL", "apiVersion: v1\nkind: A\nmetadata: {name: s}\nx: \"data:;base64," + base64Of(registriesConf) + "\"", "error unread-rules: A/s x:4"},
		{"a hosts.toml", inConfigMap + "[host.\"https://m.io\"]\n", "error unread-rules: ConfigMap/c data.x:5"},
		{"a config.toml of containerd", inConfigMap + "[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"docker.io\"]\n    endpoint = [\"https://m.io\"]\n", "error unread-rules: ConfigMap/c data.x:5"},
		{"a file that stands elsewhere", "apiVersion: machineconfiguration.openshift.io/v1\nkind: MachineConfig\nmetadata: {name: m}\nspec: {config: {storage: {files: [{path: /etc/containers/registries.conf, contents: {source: \"https://u:p@a.io\"}}]}}}",
			"error unread-rules: MachineConfig/m spec.config.storage.files[0].contents.source:4"},
		{"a part of an entry", "- {op: replace, path: /spec/imageDigestMirrors/0/mirrors, value: [m.io]}", "error unread-rules: in.yaml [0].value:1"},
		{"a script", inConfigMap + "#!/bin/sh\n    oc apply -f - <<E\n    kind: ImageDigestMirrorSet\n    E\n", "warning unread-text: ConfigMap/c data.x:5"},
		{"a template in a text", inConfigMap + "{{- if .a }}\n    imageDigestMirrors:\n    {{- end }}\n", "warning unread-text: ConfigMap/c data.x:5"},
		{"a template", "{{- if .Values.a }}\nkind: ImageDigestMirrorSet\n{{- end }}\n", "error template: in.yaml:1"},
		{"a template that happens to be YAML", strings.Replace(flowIDMS, "quay.io/a", "{{ .Values.source }}", 1), "error template: in.yaml:1"},
		{"another letter case", strings.Replace(flowIDMS, "MirrorSet", "mirrorset", 1), "error misspelt-kind: ImageDigestmirrorset/d kind:1"},
		{"a slip of a letter", strings.Replace(flowIDMS, "MirrorSet", "MirorSet", 1), "error misspelt-kind: ImageDigestMirorSet/d kind:1"},
		{"letters that changed places", strings.Replace(flowIDMS, "Digest", "Digset", 1), "error misspelt-kind: ImageDigsetMirrorSet/d kind:1"},
		{"a slip of a letter in a list", "apiVersion: v1\nkind: ImageDigestMirorSetList\nmetadata: {name: d}\nitems: []\n", "error misspelt-kind: ImageDigestMirorSetList/d kind:1"},
		{"a list without the last word", "apiVersion: v1\nkind: ImageDigestMirrorList\nitems: []\n", "error misspelt-kind: ImageDigestMirrorList/ kind:1"},
		{"no last word", strings.Replace(flowIDMS, "MirrorSet", "Mirror", 1), "error misspelt-kind: ImageDigestMirror/d kind:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, said(t, test.input))
			require.NotContains(t, fmt.Sprint(Decode("in.yaml", strings.NewReader(test.input))), "u:p")
		})
	}
}

func TestWhatOnlyNamesAKindIsNoFinding(t *testing.T) {
	for name, input := range map[string]string{
		"a definition":     "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {names: {kind: ImageDigestMirrorSet}, example: {source: a.io, mirrors: [b.io]}}",
		"RBAC":             "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{resources: [imagedigestmirrorsets, imagetagmirrorsets]}]",
		"a match list":     "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nspec: {rules: [{match: {any: [{resources: {kinds: [ImageDigestMirrorSet]}}]}}]}",
		"a reference":      "apiVersion: v1\nkind: Event\ninvolvedObject: {apiVersion: config.openshift.io/v1, kind: ImageDigestMirrorSet, name: a}",
		"a sentence":       "apiVersion: v1\nkind: A\ndescription: \"mirrors: see ImageDigestMirrorSet\"",
		"what was applied": "apiVersion: v1\nkind: A\nmetadata:\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: '{\"a\":[{\"source\":\"a.io\",\"mirrors\":[\"b.io\"]}]}'",
		"endpoints":        "apiVersion: v1\nkind: A\nx: {endpoints: [a.io]}\ny: no mirrors",
		"two lines":        "apiVersion: v1\nkind: A\ndescription: \"its mirrors\\nare many\"",
		"a ConfigMap":      "apiVersion: v1\nkind: ConfigMap\ndata: {a: \"source: a.io\\nmirrors: []\\n\"}",
	} {
		require.Empty(t, said(t, input), name)
	}
}

func TestOneThingSpeaksAndAnotherDoesNot(t *testing.T) {
	for input, want := range map[string]bool{
		"": false, deployment: false, "apiVersion: v1\nkind: List\nitems: []": true,
		"apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod}]":                                              false,
		"apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSetList\nitems: []":                                 true,
		"apiVersion: config.openshift.io/v1\nkind: ImageTagMirrorSet\nmetadata: {name: a}\nspec: {}":                    true,
		"apiVersion: config.openshift.io/v1\nkind: Image\nmetadata: {name: cluster}\nspec: {}":                          true,
		"apiVersion: hypershift.openshift.io/v1beta1\nkind: HostedCluster\nmetadata: {name: a, namespace: b}\nspec: {}": true,
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: openshift-config}\ndata: {}":                   false,
	} {
		set, _ := decode(t, input)
		require.Equal(t, want, set.Speaks(), input)
	}
}

func TestMachineConfigsSayWhichOneTheyAre(t *testing.T) {
	for metadata, want := range map[string]MachineConfig{
		"{name: 99-a, labels: {machineconfiguration.openshift.io/role: infra}}": {Name: "99-a", Pool: "infra"},
		"{name: rendered-my-pool-0123, creationTimestamp: \"2026-01-07T10:11:12Z\"}": {
			Name: "rendered-my-pool-0123", Pool: "my-pool", Rendered: true, Created: "2026-01-07T10:11:12Z"},
		"{name: 99-b, ownerReferences: [{kind: MachineConfigPool, name: worker}]}": {Name: "99-b", Pool: "worker"},
	} {
		set, refused := decode(t, "apiVersion: machineconfiguration.openshift.io/v1\nkind: MachineConfig\nmetadata: "+metadata+
			"\nspec: {config: {storage: {files: [{path: /etc/containers/registries.conf, contents: {source: \"data:,a\"}}]}}}")
		require.Empty(t, refused)
		require.Equal(t, want, set.NodeFiles[0].Machine)
	}
}

func TestWhatIsPackedSmallIsNotUnpackedWithoutBound(t *testing.T) {
	packed := gzipped(strings.Repeat("a", maxNodeFile+1))
	_, err := gunzip([]byte(packed))
	require.EqualError(t, err, "is more than 32 MiB unpacked")
	bomb := base64Of(packed)
	require.Equal(t, "error unread-rules: A/a files[0].contents.source:4", said(t, "apiVersion: v1\nkind: A\nmetadata: {name: a}\n"+
		"files: [{path: /etc/containers/registries.conf, contents: {compression: gzip, source: \"data:;base64,"+bomb+"\"}}]"))

	for _, n := range []int{199, 200} {
		deep := said(t, strings.Repeat("{a: ", n)+flowIDMS+strings.Repeat("}", n))
		require.Equal(t, n < 200, strings.HasPrefix(deep, "digest quay.io/a: "), deep)
		require.Equal(t, n == 200, strings.HasPrefix(deep, "error unread-rules: "), deep)
	}

	text := flowIDMS
	for n := range maxTexts + 1 {
		quoted, err := json.Marshal(text)
		require.NoError(t, err)
		text = `{"a": ` + string(quoted) + `, "b": []}`
		require.Equal(t, n < maxTexts, strings.HasPrefix(said(t, text), "digest quay.io/a: "))
		require.Equal(t, n == maxTexts, strings.HasPrefix(said(t, text), "error unread-rules: "))
	}
}

func TestOneSearchFindsWhatASearchForEachWordFinds(t *testing.T) {
	rnd := rand.New(rand.NewPCG(14, 3))
	all := slices.Sorted(slices.Values(slices.Concat(slices.Collect(maps.Values(words))...)))
	var parts []string
	for _, word := range all {
		parts = append(parts, word, word[1:], word[:len(word)-1])
	}
	parts = append(parts, `kind: `, `kind\\\":\\\"`, `kind":`, "kind:\n")
	kindOfSecret := regexp.MustCompile(`kind[:"'\\ \t]*Secret`)
	found := 0
	for range 100_000 {
		var b strings.Builder
		for range rnd.IntN(5) {
			b.WriteString(parts[rnd.IntN(len(parts))])
			b.WriteString([]string{"", " ", "ir", "%5B", "ho"}[rnd.IntN(5)])
		}
		want := kindOfSecret.MatchString(b.String())
		for _, word := range all {
			want = want || word != kindSecret && strings.Contains(b.String(), word)
		}
		require.Equal(t, want, mentions([]byte(b.String())), "%q", b.String())
		if want {
			found++
		}
	}
	require.Greater(t, found, 10_000)
}

// otherSeeds are about other things, or not: a list that is refused, mappings without a kind, image mirrors.
var otherSeeds = []string{
	deployment, deployment + "---\n" + deployment, "replicas: 3\nimage:\n  tag: v1\n", "- a\n- b\n", "a: [\n", "a: b\n---\nc: d\n", "just words\n", "", "# nothing\n", "---\n---\n",
	"id: a\nsource: b.io\n", "c:\n- id: a\n  source: b.io\n", "c:\n- kind: ImageMirror\n", "kind: Pod\nkind: Pod\n", "a: {{ .b }}\n",
	"apiVersion: v1\nkind: ConfigMap\nmetadata: {}\ndata: {}\n", "apiVersion: v1\nkind: ConfigMap\nbinaryData: {}\n", "apiVersion: v1\nkind: ConfigMap\ndata: {a: CERTIFICATE}\n",
	"apiVersion: v1\nkind: Secret\ndata: {}\n", "apiVersion: v1\nkind: List\nitems: []\n", "apiVersion: config.openshift.io/v1\nkind: Image\n", "apiVersion: v1\nkind: ImageDigestMirorSet\n",
	"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {}\n", "kind: CustomResourceDefinitionList\napiVersion: v1\n",
	"apiVersion: hypershift.openshift.io/v1beta1\nkind: NodePool\nspec: {config: [{name: a}]}\n", "%YAML 1.2\n---\na: b\n", "spec:\n  a: |\n    b\n",
}

// FuzzAboutOther holds what is said of a text without parsing it to what reading says.
func FuzzAboutOther(f *testing.F) {
	for _, s := range otherSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) { requireAboutOther(t, text) })
}

// requireAboutOther reads a text, and returns what AboutOther says of it.
func requireAboutOther(t *testing.T, text []byte) bool {
	t.Helper()
	if !AboutOther(text) {
		return false
	}
	d := &decoder{name: "in.yaml", set: &Set{}, among: true}
	set, err := d.decode(bytes.NewReader(text), document.Options{PassOver: passedOverAmong})
	require.NoError(t, err, "%q", text)
	require.True(t, set.Empty() && !set.Speaks(), "%q", text)
	for _, f := range set.Findings {
		require.Equal(t, finding.CodeUnrelatedKind, f.Code, "%q", text)
	}
	return true
}

func TestRandomTextsAboutOtherThingsHoldNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(14, 4))
	other := 0
	for range 5000 {
		var b strings.Builder
		for range 1 + rnd.IntN(3) {
			s := otherSeeds[rnd.IntN(len(otherSeeds))]
			if rnd.IntN(3) == 0 {
				i := rnd.IntN(len(s) + 1)
				s = s[:i] + otherSeeds[rnd.IntN(len(otherSeeds))] + s[i:]
			}
			b.WriteString(s)
			b.WriteString([]string{"", "---\n"}[rnd.IntN(2)])
		}
		if requireAboutOther(t, []byte(b.String())) {
			other++
		}
	}
	require.Greater(t, other, 300)
}

// The parameters of a Template of OpenShift are put in. Another group's Template is an object like any other, whose
// parameters nobody knows how to put in.
func TestOnlyTemplatesOfOpenShiftHaveParameters(t *testing.T) {
	const template = `
apiVersion: %s
kind: Template
metadata: {name: t}
parameters: [{name: HOST, value: m.io}]
objects:
- apiVersion: config.openshift.io/v1
  kind: ImageDigestMirrorSet
  metadata: {name: a}
  spec: {imageDigestMirrors: [{source: quay.io/a, mirrors: ["${HOST}/a"]}]}
`
	set, _ := decode(t, fmt.Sprintf(template, "template.openshift.io/v1"))
	rules, err := set.Rules()
	require.NoError(t, err)
	require.Equal(t, "m.io/a", rules.Rules[0].Mirrors()[0].Location)

	set, _ = decode(t, fmt.Sprintf(template, "example.com/v1"))
	_, err = set.Rules()
	require.ErrorContains(t, err, "it is part of a template; render that first")
}
