package distros_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/hoststoml/distros"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/stretchr/testify/require"
)

// files tells what a tree says, a line for each file: the hosts in order, and behind "|" the server.
func files(tree hoststoml.Tree) string {
	var lines []string
	for _, rf := range tree {
		if rf.File == nil {
			lines = append(lines, rf.Host+": ignored")
			continue
		}
		var hosts []string
		for _, h := range rf.File.Hosts {
			hosts = append(hosts, h.URL+settings(h.Settings))
		}
		lines = append(lines, rf.Host+": "+strings.Join(hosts, " ")+" | "+rf.File.Server+settings(rf.File.Settings))
	}
	return strings.Join(lines, "\n")
}

func settings(s hoststoml.Settings) string {
	var b strings.Builder
	for _, c := range s.Capabilities {
		b.WriteString("+" + string(c))
	}
	if s.OverridePath {
		b.WriteString(" override")
	}
	if len(s.CA) > 0 {
		fmt.Fprintf(&b, " ca=%s", s.CA)
	}
	if len(s.Client) > 0 {
		fmt.Fprintf(&b, " client=%s", s.Client)
	}
	if s.SkipVerify != nil && *s.SkipVerify {
		b.WriteString(" insecure")
	}
	for _, pattern := range slices.Sorted(maps.Keys(s.Rewrites)) {
		b.WriteString(" " + pattern + "=" + s.Rewrites[pattern])
	}
	return b.String()
}

// said tells what findings say, a line for each.
func said(findings finding.Findings) string {
	var lines []string
	for _, f := range findings {
		lines = append(lines, fmt.Sprintf("%s %s %s", f.Severity, f.Code, f.Origin.Field))
	}
	return strings.Join(lines, "\n")
}

func TestRegistriesYAMLBecomesTheFilesOfK3s(t *testing.T) {
	const hub = "https://registry-1.docker.io/v2+pull+resolve+push"
	for _, test := range []struct{ name, input, want, said string }{
		{"a host", "mirrors: {docker.io: {endpoint: [m.io]}}", "docker.io: https://m.io/v2+pull+resolve | " + hub, ""},
		{"a URL, with a path that is taken as it is", `mirrors: {docker.io: {endpoint: ["https://m.io", "http://n.io/v2", "https://h.io/v2/hub", "https://h.io/prefix/v2/"]}}`,
			"docker.io: https://m.io/v2+pull+resolve http://n.io/v2+pull+resolve https://h.io/v2/hub+pull+resolve override https://h.io/prefix/v2/+pull+resolve override | " + hub, `warning other-path host."https://h.io/prefix/v2/"`},
		{"this machine on another port than 443", "mirrors: {quay.io: {endpoint: ['localhost:5000', '127.0.0.1:443', 'localhost', '[::1]:5000']}}",
			"quay.io: http://localhost:5000/v2+pull+resolve https://127.0.0.1:443/v2+pull+resolve https://localhost/v2+pull+resolve http://[::1]:5000/v2+pull+resolve | https://quay.io/v2+pull+resolve+push", `warning invalid-file host."http://[::1]:5000/v2"`},
		{"the registry itself as the last one", "mirrors: {docker.io: {endpoint: [m.io, docker.io]}}", "docker.io: https://m.io/v2+pull+resolve | https://registry-1.docker.io/v2+pull+resolve+push", ""},
		{"the registry itself as the first one", "mirrors: {docker.io: {endpoint: [docker.io, m.io]}}", "docker.io: https://registry-1.docker.io/v2+pull+resolve https://m.io/v2+pull+resolve | " + hub, ""},
		{"one twice", "mirrors: {docker.io: {endpoint: [m.io, 'https://m.io/v2']}}", "docker.io: https://m.io/v2+pull+resolve | " + hub, `warning repeated-mirror mirrors["docker.io"].endpoint[1]`},
		{"no endpoint", "mirrors: {docker.io: , quay.io: {}, 'localhost:5000': {endpoint: []}}", "", ""},
		{"every registry", "mirrors: {'*': {endpoint: [m.io]}}", "_default: https://m.io/v2+pull+resolve | +pull+resolve+push", ""},
		{"a port", "mirrors: {'r.io:5000': {endpoint: [m.io]}}", "r.io:5000: https://m.io/v2+pull+resolve | https://r.io:5000/v2+pull+resolve+push", ""},
		{"how the mirror and the registry are spoken to", "mirrors: {docker.io: {endpoint: [m.io]}}\nconfigs: {m.io: {tls: {ca_file: /ca, cert_file: /c, key_file: /k}}, docker.io: {tls: {insecure_skip_verify: true}, auth: {password: x}}}",
			"docker.io: https://m.io/v2+pull+resolve ca=[/ca] client=[{/c /k}] | " + hub + " insecure\nm.io:  | https://m.io/v2+pull+resolve+push ca=[/ca] client=[{/c /k}]", ""},
		{"Docker Hub under the name that is contacted", "mirrors: {docker.io: {endpoint: [m.io]}}\nconfigs: {registry-1.docker.io: {tls: {insecure_skip_verify: true}}}",
			"docker.io: https://m.io/v2+pull+resolve | " + hub + " insecure\nregistry-1.docker.io:  | " + hub + " insecure", ""},
		{"credentials alone", "configs: {m.io: {auth: {username: u, password: p}}}", "m.io:  | https://m.io/v2+pull+resolve+push", ""},
		{"settings of every registry, lost where it has mirrors", "mirrors: {'*': {endpoint: [m.io]}}\nconfigs: {'*': {tls: {insecure_skip_verify: true}}}", "_default: https://m.io/v2+pull+resolve | +pull+resolve+push", ""},
		{"rewrite", "mirrors: {docker.io: {endpoint: [m.io, docker.io], rewrite: {'^a/(.*)': 'b/$1'}}}", "docker.io: https://m.io/v2+pull+resolve ^a/(.*)=b/$1 | " + hub + " ^a/(.*)=b/$1", ""},
		{"rewrite of nothing", "mirrors: {docker.io: {rewrite: {'^a/(.*)': 'b/$1'}}, quay.io: {endpoint: [m.io], rewrite: {}}}", "quay.io: https://m.io/v2+pull+resolve | https://quay.io/v2+pull+resolve+push", "warning no-effect mirrors[\"docker.io\"].rewrite"},
		{"keys that are nearly right", "mirrors: {docker.io: {endpoints: [m.io]}}\nconfig: {}", "", "warning unknown-field config\nwarning unknown-field mirrors[\"docker.io\"].endpoints"},
		{"no URL", "mirrors: {docker.io: {endpoint: ['https://m.io:port', m.io]}}", "docker.io: https://m.io/v2+pull+resolve | " + hub, `warning invalid-mirror mirrors["docker.io"].endpoint[0]`},
		{"no registry", "mirrors: {'a b': {endpoint: [m.io]}, 'q.io/team': {endpoint: [m.io]}}", "", "warning no-effect \nwarning no-effect "},
		{"a name with something lost behind it", "configs: {'m.io word': {tls: {ca: /a}}}", "", "warning no-effect \nwarning unknown-field configs[\"m.io [redacted]\"].tls.ca"},
		{"wrong types", "mirrors: {docker.io: {endpoint: m.io}, quay.io: [m.io]}\nconfigs: a", "", "error wrong-type configs\nerror wrong-type mirrors[\"docker.io\"].endpoint\nerror wrong-type mirrors[\"quay.io\"]"},
		{"no YAML", "mirrors: {", "", "error unreadable "},
		{"nothing", "", "", ""},
		{"a quote in a path", `mirrors: {docker.io: {endpoint: ['https://m.io/a"b\c']}}`, "docker.io: https://m.io/a%22b%5Cc+pull+resolve override | " + hub, `warning other-path host."https://m.io/a%22b%5Cc"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree, findings := distros.K3s("registries.yaml", distros.K3sDir, []byte(test.input))
			require.Equal(t, test.want, files(tree))
			require.Equal(t, test.said, said(findings))
		})
	}
}

func TestTheConfigurationOfTalosBecomesItsFiles(t *testing.T) {
	machine := func(registries string) string {
		return "version: v1alpha1\nmachine: {type: worker, registries: " + registries + "}\n"
	}
	document := func(text string) string {
		return "---\napiVersion: v1alpha1\nkind: RegistryMirrorConfig\n" + text + "\n"
	}
	for _, test := range []struct{ name, input, want, said string }{
		{"mirrors", machine("{mirrors: {docker.io: {endpoints: ['https://m.io', 'http://n.io:5000']}}}"), "docker.io: https://m.io+pull+resolve http://n.io:5000+pull+resolve | ", ""},
		{"a document", document("name: docker.io\nendpoints: [{url: 'https://m.io'}, {url: 'https://h.io/v2/hub', overridePath: true}]"), "docker.io: https://m.io+pull+resolve https://h.io/v2/hub+pull+resolve override | ", ""},
		{"overridePath is of all endpoints", machine("{mirrors: {docker.io: {endpoints: ['https://h.io/v2/hub', 'https://i.io/v2/hub'], overridePath: true}}}"), "docker.io: https://h.io/v2/hub+pull+resolve override https://i.io/v2/hub+pull+resolve override | ", ""},
		{"skipFallback puts the last endpoint in the place of the registry", document("name: docker.io\nskipFallback: true\nendpoints: [{url: 'https://m.io'}, {url: 'https://n.io'}]"), "docker.io: https://m.io+pull+resolve | https://n.io+pull+resolve", ""},
		{"skipFallback with one endpoint", document("name: docker.io\nskipFallback: true\nendpoints: [{url: 'https://m.io'}]"), "docker.io:  | https://m.io+pull+resolve", ""},
		{"skipFallback without an endpoint", document("name: docker.io\nskipFallback: true"), "docker.io:  | ", "warning no-effect RegistryMirrorConfig/docker.io"},
		{"every registry", document("name: '*'\nendpoints: [{url: 'https://m.io'}]"), "_default: https://m.io+pull+resolve | ", ""},
		{"a document counts before the machine", machine("{mirrors: {docker.io: {endpoints: ['https://old.io']}, quay.io: {endpoints: ['https://q.io']}}}") + document("name: docker.io\nendpoints: [{url: 'https://m.io'}]"), "docker.io: https://m.io+pull+resolve | \nquay.io: https://q.io+pull+resolve | ", ""},
		{"how registries are spoken to", machine("{mirrors: {docker.io: {endpoints: ['https://m.io:5000']}}, config: {'m.io:5000': {tls: {insecureSkipVerify: true, ca: LS0t, clientIdentity: {crt: a, key: b}}, auth: {password: x}}}}"),
			"docker.io: https://m.io:5000+pull+resolve ca=[/etc/cri/conf.d/hosts/docker.io/m.io:5000-ca.crt] client=[{/etc/cri/conf.d/hosts/docker.io/m.io:5000-client.crt /etc/cri/conf.d/hosts/docker.io/m.io:5000-client.key}] insecure | \n" +
				"m.io:5000:  | https://m.io:5000 ca=[/etc/cri/conf.d/hosts/m.io_5000_/m.io:5000-ca.crt] client=[{/etc/cri/conf.d/hosts/m.io_5000_/m.io:5000-client.crt /etc/cri/conf.d/hosts/m.io_5000_/m.io:5000-client.key}] insecure", ""},
		{"a document of TLS", "---\napiVersion: v1alpha1\nkind: RegistryTLSConfig\nname: docker.io\ninsecureSkipVerify: true\n", "docker.io:  | https://registry-1.docker.io insecure", ""},
		{"the cache of the node", "machine: {features: {imageCache: {localEnabled: true}}, registries: {mirrors: {docker.io: {endpoints: ['https://m.io']}}}}", "docker.io: https://m.io+pull+resolve | ", "warning not-applied machine.features.imageCache"},
		{"one twice, which containerd ignores the file for", machine("{mirrors: {docker.io: {endpoints: ['https://m.io', 'https://m.io']}}}"), "docker.io: ignored", `error invalid-file host."https://m.io"`},
		{"the same document twice", document("name: docker.io") + document("name: docker.io"), "docker.io:  | ", "error duplicate-object RegistryMirrorConfig"},
		{"no URL", machine("{mirrors: {docker.io: {endpoints: ['https://m.io:x']}}}"), "docker.io: ignored", "error invalid-file host.\"https://m.io:[redacted]\"\n" + `error invalid-mirror machine.registries.mirrors["docker.io"].endpoints[0]`},
		{"another scheme", document("name: docker.io\nendpoints: [{url: 'oci://m.io'}]"), "docker.io: oci://m.io+pull+resolve | ", "warning invalid-file host.\"oci://m.io\"\nerror invalid-mirror RegistryMirrorConfig/docker.io endpoints[0].url"},
		{"keys that Talos does not know", document("name: docker.io\nendpoint: []\nendpoints: [{url: 'https://m.io', override: true}]"), "docker.io: https://m.io+pull+resolve | ", "error unknown-field RegistryMirrorConfig/docker.io endpoints[0].override\nerror unknown-field RegistryMirrorConfig/docker.io.endpoint"},
		{"no name", document("endpoints: [{url: 'https://m.io'}]"), "", "error missing-field RegistryMirrorConfig name"},
		{"null", machine("{mirrors: {docker.io: }}"), "", `error missing-field machine.registries.mirrors["docker.io"]`},
		{"TLS of every registry", machine("{config: {'*': {tls: {insecureSkipVerify: true}}}}"), "", "error invalid-scope "},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree, findings := distros.Talos("talos.yaml", []byte(test.input))
			require.Equal(t, test.want, files(tree))
			require.Equal(t, test.said, said(findings))
		})
	}
}
