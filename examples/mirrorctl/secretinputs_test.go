package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"net/url"
	"strings"
)

// The inputs of TestNoSecretIsPrintedWhateverTheInput that hold files of nodes, and the commands that answer from them.

func init() { inputs = append(inputs, nodeInputs...) }

var nodeInputs = []secretInput{
	{"mc.yaml", (*planted).machineConfig, nodeCommands},
	{"etc/containers/registries.d/a.yaml", (*planted).lookaside, nodeCommands},
	{"etc/containers/policy.json", (*planted).policyJSON, nodeCommands},
	{"etc/crio/crio.conf", (*planted).crio, nodeCommands},
	{"etc/containerd/config.toml", (*planted).containerd, nodeCommands},
	{"certs.d/quay.io/hosts.toml", (*planted).headers, nodeCommands},
	{"kustomization.yaml", (*planted).kustomization, nodeCommands},
	{"statements.yaml", (*planted).statements, []string{
		"assert -f GOOD/rules.yaml FILE", "assert -f GOOD/rules.yaml FILE -o json", "assert -f GOOD/rules.yaml -o junit FILE", "lint -f FILE",
	}},
	{"client.log", (*planted).clientLog, []string{
		"explain -f GOOD/rules.yaml FILE", "explain -f GOOD/rules.yaml FILE --platform containerd --json", "explain -f GOOD/rules.yaml --image quay.io/team/app:1 FILE",
		"explain -f GOOD/tree FILE --image quay.io/team/app:1",
	}},
	{"no file", func(p *planted) string {
		return []string{p.auths("quay.io"), "Bearer " + p.secret(""), "password=" + p.secret(""), p.user(), "eyJ" + p.secret("") + "." + p.secret("-_")}[p.r.IntN(5)]
	}, []string{
		"lint -f ARG", "lint --json -f ARG", "render --platform linux -f GOOD/rules.yaml --base ARG", "explain -f GOOD/rules.yaml ARG", "assert -f GOOD/rules.yaml ARG", "assert -f GOOD/rules.yaml -o json ARG",
		"resolve --platform linux -f GOOD/rules.yaml --from ARG", "diff --platform linux GOOD/rules.yaml ARG", "image-mirror list --cluster c --store ARG", "render --platform windows -f GOOD/rules.yaml --pull-secret ARG", "migrate-icsp -f ARG -f ARG",
	}},
}

var nodeCommands = []string{
	"routes --platform linux -f DIR", "routes --platform windows -f FILE -o json --ignore unread-rules", "routes --platform linux -f FILE -o mermaid --ignore unread-rules", "routes --platform linux -f FILE -o dot --ignore unread-rules",
	"assert -f FILE GOOD/statements.yaml --ignore unread-rules", "assert -f DIR GOOD/statements.yaml -o json", "diff --platform linux --routes GOOD/rules.yaml FILE", "diff --platform linux --all --ignore unread-rules --json DIR GOOD/rules.yaml",
	"diff --platform containerd --all --ignore unread-rules DIR GOOD/rules.yaml", "resolve --platform containerd --all -f DIR quay.io/team/app:1 --ignore unread-rules", "resolve --platform linux --client podman --all -f DIR quay.io/team/app:1 app",
	"resolve --platform linux --pool worker --json -f FILE quay.io/team/app:1", "lint -f DIR --together --all", "lint -f DIR -o sarif", "lint -f FILE --json --platform linux --platform windows --ignore unread-rules", "lint -f FILE -o github",
	"explain -f FILE GOOD/pull.log", "explain -f DIR --json GOOD/pull.log", "render --platform linux -f FILE --ignore unread-rules --out OUT", "copy-plan --json -f FILE --ignore unread-rules quay.io/team/app:1",
}

// dataURL writes a file as a MachineConfig has it.
func (p *planted) dataURL(data string) string {
	switch p.r.IntN(3) {
	case 0:
		return "{source: \"data:," + url.PathEscape(data) + "\"}"
	case 1:
		return "{source: 'data:text/plain;charset=utf-8;base64," + base64.StdEncoding.EncodeToString([]byte(data)) + "'}"
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write([]byte(data))
	w.Close()
	return "{source: 'data:;base64," + base64.StdEncoding.EncodeToString(packed.Bytes()) + "', compression: gzip}"
}

func (p *planted) machineConfig() string {
	files := ""
	add := func(path string, text func(*planted) string) {
		if p.r.IntN(3) == 0 {
			files += "      - {path: " + path + ", mode: 420, contents: " + p.dataURL(text(p)) + "}\n"
		}
	}
	add("/etc/containers/registries.conf", (*planted).registriesConf)
	add("/etc/containers/registries.conf.d/a.conf", (*planted).registriesConf)
	add("/etc/containers/registries.d/a.yaml", (*planted).lookaside)
	add("/etc/containers/policy.json", (*planted).policyJSON)
	add("/etc/crio/crio.conf.d/01", (*planted).crio)
	add("/etc/containerd/certs.d/quay.io/hosts.toml", (*planted).headers)
	add("/etc/rancher/k3s/registries.yaml", (*planted).k3s)
	add("/var/lib/kubelet/config.json", func(p *planted) string { return p.auths("quay.io") })
	if p.r.IntN(4) == 0 { // which is not read
		files += "      - {path: /etc/containers/registries.conf, contents: {source: 'https://" + p.user() + "@i.example.com/f?sig=" + p.secret("") + "'}}\n"
	}
	return "apiVersion: machineconfiguration.openshift.io/v1\nkind: MachineConfig\nmetadata:\n  name: rendered-worker-0a1b2c\n  labels: {machineconfiguration.openshift.io/role: worker}\nspec:\n  config:\n" +
		"    ignition:\n      version: 3.2.0\n      config: {merge: [{source: 'https://" + p.user() + "@i.example.com/c?token=" + p.secret("") + "', httpHeaders: [{name: Authorization, value: Bearer " + p.secret("") + "}]}]}\n" +
		"    passwd: {users: [{name: core, passwordHash: '$6$" + p.secret("") + "'}]}\n    systemd:\n      units:\n      - name: crio.service\n        contents: |\n          # mirrors: registry.mirrors\n          Environment=HTTP_PROXY=http://" + p.user() + "@proxy:3128\n" +
		"    storage:\n      files:\n" + files
}

func (p *planted) lookaside() string {
	return "default-docker:\n  lookaside: https://" + p.user() + "@sig.example.com/x?token=" + p.secret("") + "\ndocker:\n  quay.io/team:\n    use-sigstore-attachments: true\n    sigstore: https://" + p.user() + "@s.io/sig\n  https://" + p.user() +
		"@m.io/team: {use-sigstore-attachments: true}\n"
}

func (p *planted) policyJSON() string {
	return `{"default":[{"type":"reject"}],"transports":{"docker":{"quay.io/team":[{"type":"signedBy","keyType":"GPGKeys","keyData":"` + p.secret("+/") + `"}],"https://` + p.user() + `@m.io":[{"type":"insecureAcceptAnything"}],` +
		`"n.io":[{"type":"sigstoreSigned","keyPath":"/etc/k.pem","signedIdentity":{"type":"remapIdentity","prefix":"` + p.user() + `@q.io","signedPrefix":"x.io"}}]},"atomic":{"a.io":[{"type":"https://` + p.user() + `@x.io"}]}}}`
}

func (p *planted) crio() string {
	return "[crio.image]\nshort_name_mode = \"https://" + p.user() + "@x.io\"\nsignature_policy = \"/etc/crio/https://" + p.user() + "@x.io\"\ninsecure_registries = ['" + p.user() + "@q.io']\n" +
		"[crio.runtime]\ndefault_env = [\"HTTP_PROXY=http://" + p.user() + "@proxy:3128\", \"TOKEN=" + p.secret("") + "\"]\n"
}

func (p *planted) containerd() string {
	table := "[plugins.\"" + []string{"io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images"}[p.r.IntN(2)] + "\".registry"
	return "version = " + []string{"2", "3", "9"}[p.r.IntN(3)] + "\nimports = [\"https://" + p.user() + "@y.io\"]\n" + table + "]\nconfig_path = \"/etc/containerd/certs.d\"\n" +
		table + ".mirrors.\"https://" + p.user() + "@docker.io\"]\nendpoint = ['https://" + p.user() + "@m.io']\n" +
		table + ".configs.\"m.io\".auth]\nusername = \"u\"\npassword = '" + p.secret("!$%/()=+*~") + "'\nidentitytoken = \"\"\"\n" + p.secret("-_") + "\"\"\"\n" + table + ".headers]\nAuthorization = ['Bearer " + p.secret("") + "']\n"
}

// headers is a hosts.toml with headers in every way that TOML writes a table.
func (p *planted) headers() string {
	value := []string{
		"\"\"\"\nBasic " + p.secret("") + "\\\n  x\"\"\"", "'''Bearer " + p.secret("") + "'''", "[\"Bearer " + p.secret("") + "\", 'x " + p.secret("!$&/()=") + "',]", "{a = '" + p.secret("") + "'}", "Bearer " + p.secret(""), "\"Bearer " + p.secret("") + "\"",
	}[p.r.IntN(6)]
	return "server = \"https://quay.io/v2?sig=" + p.secret("") + "\"\n" + []string{
		"[host.'https://" + p.user() + "@m.io'.header]\n\"Authorization\" = " + value + "\n", "[host.\"https://m.io\"]\nheader = {Authorization = " + value + "}\n", "[host.\"https://m.io\"]\nheader.\"Authorization\" = " + value + "\n",
		"host.\"https://m.io\".header.Authorization = " + value + "\n", "host = {\"https://m.io\" = {header = {Authorization = " + value + "}}}\n", "[header]\nAuthorization = " + value + "\n", "[[host]]\nAuthorization = " + value + "\n",
		"[host.\"https://m.io\".header.Authorization]\nBasic = " + value + "\n", "[host.\"https://m.io\"]\nAuthorization = " + value + "\nskip_verify = " + value + "\nca = " + value + "\n",
		"[header]\n\"Bearer " + p.secret("") + "\" = 1\n" + p.secret("") + " = \"x\"\n", "[host.\"https://m.io/v2#access_token=" + p.secret("") + "\"]\n",
	}[p.r.IntN(11)]
}

func (p *planted) kustomization() string {
	return "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- https://" + p.user() + "@github.com/x?ref=" + p.secret("") + "\nsecretGenerator:\n- name: s\n  literals: ['password=" + p.secret("") + "', \"mirrors=https://" + p.user() + "@m.io\"]\n" +
		"helmCharts:\n- {name: x, repo: 'https://" + p.user() + "@charts', valuesInline: {mirrors: {password: " + p.secret("") + "}}}\npatches:\n- target: {kind: ImageDigestMirrorSet}\n  patch: |\n    - op: add\n      path: /spec/imageDigestMirrors/-\n" +
		"      value: {source: 'https://" + p.user() + "@q.io', mirrors: ['" + p.user() + "@m.io'], token: " + p.secret("") + "}\n"
}

func (p *planted) statements() string {
	return "- never: 'https://" + p.user() + "@x.io'\n- mirrored: q.io?t=" + p.secret("") + "\n- {never: quay.io, reason: token=" + p.secret("") + "}\n- never: {password: " + p.secret("") + "}\n"
}

// clientLog is what clients write of requests to registries, to token servers and to where they redirect.
func (p *planted) clientLog() string {
	lines := []string{
		`time="2026-11-29T20:00:00Z" level=debug msg="fetch response received" host=m.io response.header.authorization="Bearer ` + p.secret("") + `" response.status="401 Unauthorized" url="https://m.io/v2/team/app/manifests/1?X-Amz-Signature=` + p.secret("") + `"`,
		`time="2026-11-29T20:00:00Z" level=debug msg="do request" host="` + p.user() + `@m.io" request.header.authorization="Basic ` + base64.StdEncoding.EncodeToString([]byte("u:"+p.secret(""))) + `" request.method=GET url="https://m.io/v2/team/app/blobs/sha256:` + strings.Repeat("a", 64) + `#` + p.secret("") + `"`,
		`time="2026-11-29T20:00:00Z" level=error msg="PullImage \"quay.io/team/app:1\" failed" error="failed to pull and unpack image \"quay.io/team/app:1\": failed to copy: httpReadSeeker: failed open: failed to do request: Get \"https://cdn.quay.io/sha256/aa?Signature=` + p.secret("") + `\": dial tcp 192.0.2.1:443: connect: connection refused"`,
		`time="2026-11-29T20:00:00Z" level=info msg="trying next host" error="failed to do request: Head \"https://` + p.user() + `@m.io/v2/team/app/manifests/1?ns=quay.io\": proxyconnect tcp: dial tcp: lookup ` + p.user() + `@proxy: no such host" host=` + p.user() + `@m.io`,
		`Nov 29 20:00:00 node crio[123]: time="2026-11-29 20:00:00" level=info msg="Trying to access \"` + p.beforeImage() + `@m.io/team/app:1\""`,
		`Trying to access "eyJ` + p.secret("") + `.` + p.secret("-_") + `@m.io/team/app:1"`,
		`Failed to pull image "quay.io/team/app:1": rpc error: code = Unknown desc = reading manifest 1 in quay.io/team/app: unauthorized: token=` + p.secret("") + `: Get "https://quay.io/v2/auth?token=` + p.secret("") + `"`,
		`{"level":"error","msg":"failed","error":"Get \"https://` + p.user() + `@m.io/v2/?token=` + p.secret("") + `\": EOF","authorization":"Bearer ` + p.secret("") + `"}`,
		`(Mirrors also failed: [` + p.beforeImage() + `@m.io/team/app:1: reading manifest 1 in m.io/team/app: unauthorized]): quay.io/team/app:1: denied`,
		"HTTP_PROXY=http://" + p.user() + "@proxy:1",
	}
	p.r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return strings.Join(lines[:2+p.r.IntN(6)], "\n") + "\n"
}
