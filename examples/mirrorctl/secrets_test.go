package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

var (
	long = flag.Bool("long", false, "run randomised tests in full, with a new seed unless one is given; see docs/full-runs.md")
	seed = flag.Uint64("seed", 0, "the seed of randomised tests; 0 is one that is always the same, or with -long a new one")
)

// piece is the length of the shortest part of a secret that counts as shown.
const piece = 10

// planted holds secrets of one input in all the forms that they might be printed in, by their first characters
// each time.
type planted struct {
	r      *rand.Rand
	pieces map[[piece]byte]string
	plain  []string
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// secret makes a secret, of letters and digits and those symbols.
func (p *planted) secret(symbols string) string {
	s := make([]byte, 24)
	for i := range s {
		s[i] = letters[p.r.IntN(len(letters))]
		if symbols != "" && i%7 == 5 {
			s[i] = symbols[p.r.IntN(len(symbols))]
		}
	}
	p.plant(string(s))
	return string(s)
}

// plant notes the forms of a secret.
func (p *planted) plant(secret string) {
	p.plain = append(p.plain, secret)
	var percent, decimal, octal, unicodes strings.Builder
	for _, c := range []byte(secret) {
		fmt.Fprintf(&percent, "%%%02X", c)
		fmt.Fprintf(&decimal, "%d ", c)
		fmt.Fprintf(&octal, `\%03o`, c)
		fmt.Fprintf(&unicodes, `\u%04x`, c)
	}
	quoted, _ := json.Marshal(secret)
	forms := []string{
		secret, strings.Trim(string(quoted), `"`), strings.Trim(fmt.Sprintf("%q", secret), `"`), percentSymbols(secret),
		percent.String(), strings.ToLower(percent.String()), decimal.String(), octal.String(), unicodes.String(),
		hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))), fmt.Sprintf("% x", secret), `\x` + strings.ReplaceAll(fmt.Sprintf("% x", secret), " ", `\x`),
	}
	for shift := range 3 { // base64 at each alignment, without what depends on the neighbours
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			encoded := encoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
			forms = append(forms, encoded[(shift*8+5)/6:len(encoded)-2])
		}
	}
	for _, form := range forms {
		for i := 0; i+piece <= len(form); i++ {
			p.pieces[[piece]byte([]byte(form[i:i+piece]))] = form
		}
	}
}

func percentSymbols(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if strings.IndexByte(letters, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// in returns the part of a secret that a text shows, and the text around it.
func (p *planted) in(text []byte) string {
	for i := 0; i+piece <= len(text); i++ {
		if form, ok := p.pieces[[piece]byte(text[i:i+piece])]; ok {
			return fmt.Sprintf("%q of %q in …%q…", text[i:i+piece], form, text[max(0, i-150):min(len(text), i+150)])
		}
	}
	return ""
}

// control returns a character that a terminal or a log may act on.
func control(text []byte) string {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 || !unicode.IsPrint(r) && r != '\n' && r != '\t' {
			return fmt.Sprintf("%U in …%q…", r, text[max(0, i-100):min(len(text), i+100)])
		}
		i += size
	}
	return ""
}

// user returns USER:PASSWORD.
func (p *planted) user() string {
	name := []string{"puller", "robot$ci", "me", "o+r"}[p.r.IntN(4)]
	switch p.r.IntN(4) {
	case 0:
		return name + ":" + percentSymbols(p.secret("/@:?#"))
	case 1:
		return name + ":" + p.secret("!~$*+,;=")
	case 2:
		return name + ":" + p.secret("@")
	}
	return name + ":" + p.secret("")
}

// beforeImage is user for a reference of an image. Every part of the password has something in it that no tag has: what is
// left of USER:PASSWORD@HOST when the end is cut off would else be NAME:TAG, an image as any other.
func (p *planted) beforeImage() string { return "puller:" + p.secret("!~$*+,;=@") }

// auths returns the JSON of a pull secret.
func (p *planted) auths(hosts ...string) string {
	entries := map[string]map[string]string{}
	for i, host := range hosts {
		password := p.secret("")
		auth := base64.StdEncoding.EncodeToString([]byte("puller:" + password))
		entries[host] = map[string]string{"auth": auth}
		switch i % 3 {
		case 1:
			entries[host] = map[string]string{"username": "puller", "password": p.secret(`"'\ %{}`), "email": "a@example.com"}
		case 2:
			entries[host]["identitytoken"] = p.secret("-_")
		}
	}
	if p.r.IntN(4) == 0 {
		entries["https://"+p.user()+"@key.io"] = map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte("a:" + p.secret("")))}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if p.r.IntN(3) == 0 {
		e.SetIndent("", "  ")
	}
	e.Encode(map[string]any{"auths": entries})
	return strings.TrimSpace(b.String())
}

func indent(text, by string) string {
	return by + strings.ReplaceAll(text, "\n", "\n"+by)
}

// folded returns base64 over several lines.
func folded(text, by string) string {
	encoded := base64.StdEncoding.EncodeToString([]byte(text))
	var lines []string
	for part := range slices.Chunk([]byte(encoded), 60) {
		lines = append(lines, by+string(part))
	}
	return strings.Join(lines, "\n")
}

// secretManifests are Secrets of several types, as they stand between other objects.
func (p *planted) secretManifests() string {
	config := p.auths("quay.io", "m.io")
	key := "-----BEGIN PRIVATE KEY-----\n" + base64.StdEncoding.EncodeToString([]byte(p.secret("")+p.secret(""))) + "\n-----END PRIVATE KEY-----\n"
	return "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: pull\ntype: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: " + base64.StdEncoding.EncodeToString([]byte(config)) +
		"\n---\nkind: Secret\napiVersion: v1\ndata:\n  .dockerconfigjson: |\n" + folded(config, "    ") + "\nmetadata: {name: folded}\n" +
		"---\napiVersion: v1\nkind: Secret\nmetadata: {name: basic}\ntype: kubernetes.io/basic-auth\nstringData:\n  username: puller\n  password: " + p.secret("") +
		"\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: quoted}\nstringData: {password: \"" + p.secret("!$%&/()=+*~") + "\", token: '" + p.secret("!$%&/()=+*~") + "'}\n" +
		"---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: tls\ntype: kubernetes.io/tls\nstringData:\n  tls.key: |\n" + indent(key, "    ") + "\n" +
		"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: ca, namespace: openshift-config}\ndata:\n  m.io..5000: |\n" + indent(key, "    ") + "\n  note: " + p.secret("") + "\n"
}

// rules are mirror objects. withUsers puts user information where it does not belong.
func (p *planted) rules(withUsers bool) string {
	at := func() string {
		if withUsers && p.r.IntN(3) == 0 {
			return []string{"", "https://", "docker://"}[p.r.IntN(3)] + p.user() + "@"
		}
		return ""
	}
	return "apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata:\n  name: digests\nspec:\n  imageDigestMirrors:\n  - source: " + at() + "quay.io/team\n    mirrors:\n    - " + at() + "m.io/team\n    - \"" + at() + "n.io/team\"\n    mirrorSourcePolicy: NeverContactSource\n" +
		"  - {source: '" + at() + "a.io/b', mirrors: ['" + at() + "c.io/b', d.io]}\n" +
		"---\napiVersion: config.openshift.io/v1\nkind: ImageTagMirrorSet\nmetadata:\n  name: tags\nspec:\n  imageTagMirrors:\n  - source: " + at() + "t.io\n    mirrors:\n    - " + at() + "m.io/t\n" +
		"---\napiVersion: operator.openshift.io/v1alpha1\nkind: ImageContentSourcePolicy\nmetadata:\n  name: old\nspec:\n  repositoryDigestMirrors:\n  - source: " + at() + "o.io/old\n    mirrors: [" + at() + "m.io/old]\n" +
		"---\napiVersion: config.openshift.io/v1\nkind: Image\nmetadata: {name: cluster}\nspec:\n  additionalTrustedCA: {name: ca}\n  registrySources:\n    insecureRegistries: ['" + at() + "i.io']\n    blockedRegistries:\n    - " + at() + "b.io\n    containerRuntimeSearchRegistries: [" + at() + "s.io]\n"
}

func (p *planted) installConfig() string {
	secret := p.auths("cloud.openshift.com", "quay.io", "m.io")
	var line string
	switch p.r.IntN(4) {
	case 0:
		quoted, _ := json.Marshal(secret)
		line = "pullSecret: " + string(quoted)
	case 1:
		line = "pullSecret: >-\n" + indent(secret, "    ")
	case 2:
		line = "pullSecret: |\n" + indent(secret, "  ")
	default:
		line = "pullSecret: '" + strings.ReplaceAll(secret, "\n", " ") + "'"
	}
	lines := []string{
		"baseDomain: example.com", "metadata:\n  name: test",
		"imageDigestSources:\n- source: quay.io/ocp/release\n  mirrors:\n  - m.io/ocp/release\n- {source: a.io/b, mirrors: [c.io/b], sourcePolicy: NeverContactSource}",
		line, "proxy:\n  httpProxy: http://" + p.user() + "@proxy.example.com:3128\n  noProxy: .example.com",
		"platform:\n  vsphere:\n    vcenters:\n    - {server: v.example.com, user: admin, password: '" + p.secret("!$%/()=+*~") + "'}\n    password: " + p.secret(""),
	}
	p.r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return "apiVersion: v1\n" + strings.Join(lines, "\n") + "\n"
}

func (p *planted) asJSON() string {
	list := map[string]any{"apiVersion": "v1", "kind": "List", "items": []any{
		map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s"}, "stringData": map[string]string{"password": p.secret(`"'\/`), "auth": "Basic " + p.secret("=")}},
		map[string]any{"apiVersion": "config.openshift.io/v1", "kind": "ImageDigestMirrorSet", "metadata": map[string]any{"name": "j"}, "spec": map[string]any{
			"imageDigestMirrors": []any{map[string]any{"source": "quay.io/team", "mirrors": []string{"m.io/team", "https://" + p.user() + "@n.io/team"}}},
		}},
		map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "t"}, "data": map[string]string{".dockerconfigjson": base64.StdEncoding.EncodeToString([]byte(p.auths("quay.io")))}},
	}}
	data, _ := json.MarshalIndent(list, "", []string{"", "  "}[p.r.IntN(2)])
	return string(data)
}

func (p *planted) registriesConf() string {
	at := func() string {
		if p.r.IntN(3) > 0 {
			return []string{"", "https://"}[p.r.IntN(2)] + p.user() + "@"
		}
		return ""
	}
	return "unqualified-search-registries = [\"" + at() + "s.io\", 't.io']\nshort-name-mode = \"permissive\"\ncredential-helpers = [\"containers-auth.json\"]\n\n[[registry]]\nprefix = \"" + at() +
		"quay.io/team\"\nlocation = '" + at() + "quay.io/team'\nblocked = true\n\n  [[registry.mirror]]\n  location = \"" + at() + "m.io/team\"\n  pull-from-mirror = \"digest-only\"\n\n" +
		"  [[registry.mirror]]\n  location = \"" + at() + "n.io\"\n  namespace-proxy = '" + at() + "x.io'\n\n[[registry]]\nlocation = \"" + at() + "a.io\"\npassword = \"" + p.secret("") + "\"\n\n[aliases]\n\"app\" = \"" + at() + "quay.io/team/app\"\n"
}

func (p *planted) hostsTOML() string {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("puller:"+p.secret("")))
	header := []string{
		"[host.\"https://m.io/v2/x\".header]\n  Authorization = \"" + basic + "\"\n  X-Token = ['" + p.secret("!$&/()=") + "', \"" + p.secret("") + "\"]\n",
		"[host.\"https://m.io/v2/x\".header]\n  Authorization = " + basic + "\n",
		"header = {Authorization = '" + basic + "', \"X-Key\" = '" + p.secret("") + "'}\n",
		"header.Authorization = [\n  \"" + basic + "\",\n]\n",
	}[p.r.IntN(4)]
	return "# " + []string{"made by hand", "Written by pullroute from the cluster's image mirror objects; changes are overwritten."}[p.r.IntN(2)] +
		"\nserver = \"https://" + p.user() + "@quay.io\"\n[host.\"https://m.io/v2/x\"]\ncapabilities = [\"pull\", \"resolve\"]\noverride_path = true\n" + header +
		"[host.\"https://" + p.user() + "@n.io?token=" + p.secret("") + "\"]\n  dial_timeout = \"10s\"\n  client = [\"/etc/c.pem\"]\n"
}

// k3s is a registries.yaml.
func (p *planted) k3s() string {
	lines := []string{
		"mirrors:\n  docker.io:\n    endpoint:\n    - \"https://m.io\"\n    - https://" + p.user() + "@n.io/v2/hub\n    rewrite: {'^a/(.*)': \"" + p.secret("") + "/$1\"}\n  quay.io: {endpoint: ['" + p.user() + "@q.io']}\n",
		"configs:\n  m.io:\n    auth:\n      username: puller\n      password: " + p.secret("!$%/()=+*~") + "\n    tls: {ca_file: /etc/ca.pem}\n  n.io: {auth: {auth: " + base64.StdEncoding.EncodeToString([]byte("puller:"+p.secret(""))) + ", identity_token: \"" + p.secret("-_") + "\"}}\n",
	}
	p.r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return strings.Join(lines, "")
}

// talos is a machine configuration, which holds the keys of the cluster too.
func (p *planted) talos() string {
	return "version: v1alpha1\nmachine:\n  token: " + p.secret("") + "\n  ca: {crt: LS0t, key: " + p.secret("") + "}\n  registries:\n    mirrors:\n      docker.io:\n        endpoints: ['https://" + p.user() + "@m.io']\n    config:\n      m.io:\n        auth: {username: u, password: '" + p.secret("!$%/()=+*~") + "', identityToken: " + p.secret("") + "}\n        tls: {clientIdentity: {crt: LS0t, key: " + p.secret("") + "}}\n" +
		"cluster: {secret: " + p.secret("") + ", secretboxEncryptionSecret: \"" + p.secret("+/=") + "\"}\n---\napiVersion: v1alpha1\nkind: RegistryMirrorConfig\nname: quay.io\nendpoints:\n- url: https://" + p.user() + "@q.io\n  overridePath: true\n" +
		"---\napiVersion: v1alpha1\nkind: RegistryAuthConfig\nname: q.io\nusername: u\npassword: " + p.secret("") + "\n---\napiVersion: v1alpha1\nkind: RegistryTLSConfig\nname: q.io\nclientIdentity: {cert: LS0t, key: " + p.secret("") + "}\n"
}

func (p *planted) ocm() string {
	return `{"kind":"Cluster","aws":{"secret_access_key":"` + p.secret("") + `"},"registry_config":{"additional_trusted_ca":{"m.io":"` + p.secret("") + `"},"registry_sources":{"blocked_registries":["https://` + p.user() + `@b.io"],"insecure_registries":["` + p.user() + `@i.io"]},` +
		`"image_digest_mirrors":[{"source":"quay.io/team","mirrors":["https://` + p.user() + `@m.io/team"]}]},"image_mirrors":{"items":[{"id":"a","type":"digest","source":"` + p.user() + `@o.io/old","mirrors":["m.io/old"]}]}}`
}

func (p *planted) store() string {
	at := func() string {
		if p.r.IntN(2) > 0 {
			return p.user() + "@"
		}
		return ""
	}
	return "{\n  \"mycluster\": [\n    {\n      \"id\": \"abc123def456\",\n      \"type\": \"digest\",\n      \"source\": \"" + at() + "quay.io/team\",\n      \"mirrors\": [\n        \"m.io/team\",\n        \"https://" + at() +
		"n.io/team\"\n      ],\n      \"creation_timestamp\": \"2026-01-07T10:11:12Z\"\n    }\n  ],\n  \"other\": [{\"id\": \"abc123def457\", \"type\": \"digest\", \"source\": \"a.io\", \"mirrors\": [\"b.io\"], \"password\": \"" + p.secret("") + "\"}]\n}\n"
}

func (p *planted) images() string {
	return "# images\nquay.io/team/app:1\n" + p.beforeImage() + "@quay.io/team/app:2\nhttps://" + p.beforeImage() + "@quay.io/team/app\nm.io/team/app@sha256:" + strings.Repeat("a", 64) + "\npassword=" + p.secret("") + "\n"
}

func (p *planted) pods() string {
	return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  imagePullSecrets: [{name: x}]\n  containers:\n  - name: c\n    image: quay.io/team/app:1\n    env:\n    - name: PASSWORD\n      value: " + p.secret("") +
		"\n    - {name: TOKEN, value: \"" + p.secret("!$&/()=") + "\"}\n    args: ['--password=" + p.secret("") + "', '--url=https://" + p.user() + "@db.example.com']\n  initContainers:\n  - {name: i, image: '" + p.beforeImage() + "@quay.io/team/init:1'}\n"
}

// log is what a client may write, with secrets where clients write some, and where people paste them.
func (p *planted) log() string {
	return "time=\"2026-11-29T20:00:00Z\" level=debug msg=\"GET https://" + p.user() + "@m.io/v2/team/app/manifests/1\"\n" +
		"Authorization: Bearer " + p.secret("") + "\n" +
		"Trying to access \"" + p.beforeImage() + "@m.io/team/app:1\"\n" +
		"time=\"2026-11-29T20:00:00Z\" level=debug msg=\"do request\" url=\"https://" + p.user() + "@n.io/v2/team/app/blobs/sha256:0?token=" + p.secret("") + "\"\n" +
		"Failed to pull image \"quay.io/team/app:1\": initializing source docker://quay.io/team/app:1: (Mirrors also failed: [m.io/team/app:1: reading " +
		"manifest 1 in m.io/team/app: unauthorized: " + p.secret("") + "]): quay.io/team/app:1: Get \"https://" + p.user() + "@quay.io/v2/\": EOF\n" +
		"Pulling image \"" + p.beforeImage() + "@quay.io/team/app:1\"\npassword=" + p.secret("") + "\n"
}

// A secretInput is a file with secrets in it, and the commands that read it. Of their arguments FILE stands for it, DIR
// for the directory that it lies in, and GOOD for rules without secrets.
type secretInput struct {
	name     string
	make     func(p *planted) string
	commands []string
}

const digest = "@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

var manifestCommands = []string{
	"lint -f FILE", "lint FILE -o sarif --platform windows", "lint FILE -o github --all", "lint FILE -o junit", "lint -f FILE --json --host quay.io --require quay.io/team/app:1 --disconnected", "lint -f FILE -f GOOD/rules.yaml --platform linux", "lint -f - --json",
	"resolve --platform linux -f FILE quay.io/team/app:1 a.io/b" + digest + " app", "resolve --platform windows -f FILE quay.io/team/app" + digest + " t.io/x:1",
	"resolve --platform linux --json -f FILE quay.io/team/app:1 o.io/old/x" + digest, "resolve --platform windows --json -f FILE quay.io/team/app:1",
	"render --platform windows -f FILE --pull-secret GOOD/auth.json --host quay.io", "render --platform linux -f FILE --base GOOD/registries.conf", "render --platform linux -f FILE", "render --platform linux -f DIR --out OUT",
	"render --platform windows -f FILE --out OUT --pull-secret GOOD/auth.json",
	"diff --platform linux FILE GOOD/rules.yaml", "diff --platform linux --json GOOD/rules.yaml FILE", "diff --platform windows --json FILE GOOD/rules.yaml", "diff --platform windows GOOD/rules.yaml FILE", "diff --platform windows GOOD/tree FILE",
	"copy-plan -f FILE quay.io/team/app:1 a.io/b" + digest, "copy-plan --json -f FILE quay.io/team/app:1 t.io/x:1", "migrate-icsp -f FILE",
	"render --platform windows -f GOOD/rules.yaml --pull-secret FILE", "render --platform linux -f GOOD/rules.yaml --base FILE", "lint -f GOOD/rules.yaml --require-from FILE",
	"image-mirror list --cluster mycluster --store FILE",
}

var inputs = []secretInput{
	{"install-config.yaml", (*planted).installConfig, manifestCommands},
	{"secrets.yaml", func(p *planted) string { return p.rules(false) + p.secretManifests() }, manifestCommands},
	{"users.yaml", func(p *planted) string { return p.rules(true) }, manifestCommands},
	{"mixed.yaml", func(p *planted) string {
		return strings.TrimPrefix(p.secretManifests(), "---\n") + "---\n" + p.rules(true)
	}, manifestCommands},
	{"list.json", (*planted).asJSON, manifestCommands},
	{"registries.yaml", (*planted).k3s, manifestCommands},
	{"talos.yaml", (*planted).talos, manifestCommands},
	{"cluster.json", (*planted).ocm, manifestCommands},
	{"registries.conf", (*planted).registriesConf, []string{
		"lint -f FILE", "lint -f FILE --json", "lint -f DIR --require quay.io/team/app:1", "resolve --platform linux -f FILE quay.io/team/app:1 app x", "resolve --platform linux --json -f FILE quay.io/team/app" + digest + " app",
		"render --platform linux -f GOOD/rules.yaml --base FILE", "render --platform linux -f GOOD/rules.yaml --base FILE --out OUT", "diff --platform linux FILE GOOD/rules.yaml", "diff --platform linux --json GOOD/rules.yaml FILE",
		"diff --platform linux GOOD/registries.conf FILE", "diff --platform linux DIR GOOD", "render --platform windows -f GOOD/rules.yaml --pull-secret FILE", "lint -f - --json", "lint -f GOOD/rules.yaml --require-from FILE",
		"image-mirror list --cluster mycluster --store FILE", "diff --platform windows FILE GOOD/tree",
	}},
	{"tree/quay.io/hosts.toml", (*planted).hostsTOML, []string{
		"lint -f TREE", "lint TREE -o sarif", "lint TREE -o github", "lint TREE -o junit", "lint -f TREE --json --require quay.io/team/app:1", "resolve --platform windows -f TREE quay.io/team/app:1", "resolve --platform windows --json -f TREE quay.io/team/app" + digest,
		"diff --platform windows TREE GOOD/rules.yaml", "diff --platform windows --json TREE GOOD/tree", "diff --platform windows GOOD/rules.yaml TREE", "lint -f FILE", "lint -f - --json", "render --platform windows -f GOOD/rules.yaml --pull-secret FILE",
		"render --platform linux -f GOOD/rules.yaml --base FILE", "lint -f GOOD/rules.yaml --require-from FILE",
	}},
	{"auth.json", func(p *planted) string { return p.auths("quay.io", "m.io", "n.io/team", "https://index.docker.io/v1/") }, []string{
		"render --platform windows -f GOOD/rules.yaml --pull-secret FILE", "render --platform windows -f GOOD/rules.yaml --pull-secret FILE --out OUT", "lint -f FILE", "lint -f FILE --json", "lint -f GOOD/rules.yaml --require-from FILE", "resolve --platform linux -f FILE quay.io/x:1",
		"image-mirror list --cluster quay.io --store FILE", "render --platform linux -f GOOD/rules.yaml --base FILE", "diff --platform linux FILE GOOD/rules.yaml", "migrate-icsp -f FILE", "copy-plan -f FILE quay.io/x:1",
	}},
	{"pull.yaml", func(p *planted) string { return strings.TrimPrefix(p.secretManifests(), "---\n") }, []string{
		"render --platform windows -f GOOD/rules.yaml --pull-secret FILE", "lint -f FILE", "lint -f FILE -f GOOD/rules.yaml --json", "lint -f GOOD/rules.yaml --require-from FILE", "render --platform linux -f GOOD/rules.yaml --base FILE",
	}},
	{"store.json", (*planted).store, []string{
		"image-mirror list --cluster mycluster --store FILE", "image-mirror list -o json --cluster mycluster --store FILE", "image-mirror list -o yaml --cluster other --store FILE",
		"image-mirror create --cluster mycluster --store FILE --source x.io --mirrors y.io", "image-mirror edit --cluster mycluster --store FILE abc123def456 --mirrors y.io", "image-mirror edit --cluster other --store FILE abc123def457 --source b.io",
		"image-mirror delete --cluster mycluster --store FILE abc123def456 --yes", "lint -f FILE", "lint -f FILE --json", "resolve --platform linux -f FILE quay.io/team/x:1",
	}},
	{"images.txt", (*planted).images, []string{"lint -f GOOD/rules.yaml --require-from FILE", "lint -f GOOD/rules.yaml --require-from FILE --json --disconnected", "lint -f FILE", "lint -f GOOD/registries.conf --require-from FILE"}},
	{"pull.log", (*planted).log, []string{
		"explain -f GOOD/rules.yaml FILE", "explain -f GOOD/rules.yaml --json FILE", "explain -f GOOD/tree --image quay.io/team/app:1 --json FILE", "explain -f GOOD/registries.conf",
		"explain -f FILE GOOD/rules.yaml", "lint FILE",
	}},
	{"pods.yaml", (*planted).pods, []string{"lint -f GOOD/rules.yaml --require-from FILE", "lint -f GOOD/rules.yaml --require-from FILE --json", "lint -f FILE --json", "lint -f GOOD/tree --require-from FILE"}},
	{"file name", func(p *planted) string {
		return "https://" + p.user() + "@quay.io/team/app:1" + odd[p.r.IntN(len(odd))]
	}, []string{
		"lint -f ARG", "lint --require-from ARG -f GOOD/rules.yaml", "render --platform windows -f GOOD/rules.yaml --pull-secret ARG", "render --platform linux -f GOOD/rules.yaml --base ARG",
		"diff --platform linux ARG GOOD/rules.yaml", "image-mirror list --cluster c --store ARG",
	}},
	{"argument", func(p *planted) string {
		return []string{"", "https://", "docker://"}[p.r.IntN(3)] + p.beforeImage() + "@quay.io/team/app:1"
	}, []string{
		"resolve --platform linux -f GOOD/rules.yaml ARG", "resolve --platform windows --json -f GOOD/rules.yaml ARG", "copy-plan -f GOOD/rules.yaml ARG", "lint -f GOOD/rules.yaml --require ARG", "lint -f GOOD/rules.yaml --json --host ARG --require quay.io/x:1",
		"render --platform windows -f GOOD/rules.yaml --host ARG", "image-mirror create --cluster c --store OUT/s.json --source ARG --mirrors ARG,m.io", "image-mirror edit --cluster mycluster --store GOOD/store.json abc123def456 --mirrors ARG", "image-mirror list --cluster ARG --store GOOD/store.json", "create image-mirror --cluster ARG --store GOOD/store.json --source quay.io/a --mirrors m.io --profile ARG --region ARG",
		"image-mirror delete --cluster mycluster --store GOOD/store.json ARG --yes", "render --platform windows -f GOOD/rules.yaml --pull-secret ARG",
		"resolve --platform ARG -f GOOD/rules.yaml x", "ARG", "image-mirror ARG", "lint --ignore ARG --fail-on ARG -f GOOD/rules.yaml", "migrate-icsp ARG", "lint -ARG",
		"resolve --platform windows -f GOOD/rules.yaml --host ARG --json a.quay.io/x:1", "lint --platform ARG -f GOOD/rules.yaml",
	}},
}

// odd are the characters that a text is damaged with.
var odd = []string{
	`"`, "'", "`", `"""`, " ", "  ", "\t", "\n", "\r", "\r\n", "\x1b[2J", "\x07", "\x7f", "\u0085", "\u2028", "\u202e", "\u2066", "\u200b", "\ufeff", "\xff", "\xc2", "\u009b", ":", ": ", "- ", "{", "}", "[", "]", ",", "#", " #", "&", "*", "!", "|", ">", "%", "@", "=", `\`, `\"`, "?", "---\n", "0",
}

// damage changes a text at a random place.
func damage(r *rand.Rand, text string) string {
	lines := strings.SplitAfter(text, "\n")
	i, at := r.IntN(len(lines)), r.IntN(len(text)+1)
	line := lines[i]
	switch r.IntN(12) {
	case 0, 1, 2:
		return text[:at] + odd[r.IntN(len(odd))] + text[at:]
	case 3: // an indent
		lines[i] = strings.Repeat(" ", r.IntN(5)) + strings.TrimLeft(line, " ")
	case 4: // a key twice
		lines[i] = strings.TrimSuffix(line, "\n") + "\n" + line
	case 5:
		lines[i] = ""
	case 6:
		j := r.IntN(len(lines))
		lines[i], lines[j] = lines[j], lines[i]
	case 7: // the end is cut off
		return text[:at]
	case 8: // of a line
		lines[i] = line[:r.IntN(len(line)+1)] + "\n"
	case 9: // a part of a line
		from := r.IntN(len(line) + 1)
		lines[i] = line[:from] + line[from+r.IntN(len(line)-from+1):]
	case 10: // a character
		if at < len(text) {
			return text[:at] + text[at+1:]
		}
	case 11: // lines twice, elsewhere
		j := min(len(lines), i+1+r.IntN(5))
		return text + strings.Join(lines[i:j], "")
	}
	return strings.Join(lines, "")
}

// TestNoSecretIsPrintedWhateverTheInput plants secrets into each kind of input, damages it, and has each command print what it
// makes of it, as text and as JSON. The files that --out writes may hold them, and nothing else.
func TestNoSecretIsPrintedWhateverTheInput(t *testing.T) {
	runs, start := 210, *seed
	if start == 0 {
		start = 1
	}
	if *long {
		runs = 20_800
		if *seed == 0 {
			start = uint64(time.Now().UnixNano())
		}
	}
	t.Logf("seed %d", start)
	dir := t.TempDir()
	t.Chdir(dir)
	good := func(name, text string) {
		path := filepath.Join(dir, "good", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	clean := &planted{r: rand.New(rand.NewPCG(0, 0)), pieces: map[[piece]byte]string{}}
	good("rules.yaml", clean.rules(false))
	good("registries.conf", "[[registry]]\nlocation = \"quay.io/team\"\n[[registry.mirror]]\nlocation = \"m.io/team\"\n")
	good("tree/quay.io/hosts.toml", "server = \"https://quay.io\"\n[host.\"https://m.io\"]\n")
	good("statements.yaml", "- never: quay.io\n")
	good("pull.log", "Failed to pull image \"quay.io/team/app:1\": reading manifest 1 in quay.io/team/app: unauthorized\n")
	const stored = `{"mycluster": [{"id": "abc123def456", "type": "digest", "source": "quay.io/team", "mirrors": ["m.io/team"]}]}`
	damaged, executed, refused, leaks := 0, 0, 0, 0
	for n := range runs {
		r := rand.New(rand.NewPCG(start, uint64(n)))
		p := &planted{r: r, pieces: map[[piece]byte]string{}}
		in := inputs[n%len(inputs)]
		text := in.make(p)
		for range r.IntN(4) {
			if in.name != "file name" && in.name != "no file" { // one that is no more than a name is printed
				text = damage(r, text)
			}
		}
		good("auth.json", p.auths("quay.io", "m.io"))
		good("store.json", stored)
		file := filepath.Join("in", in.name)
		require.NoError(t, os.RemoveAll("in"))
		require.NoError(t, os.RemoveAll("out"))
		require.NoError(t, os.MkdirAll("out", 0o755))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		if strings.HasPrefix(in.name, "etc/") { // of a whole node
			require.NoError(t, os.MkdirAll("in/etc/containers", 0o755))
			require.NoError(t, os.WriteFile("in/etc/containers/registries.conf", []byte("[[registry]]\nlocation = \"quay.io/team\"\n"), 0o644))
		}
		damaged++
		for _, command := range in.commands {
			if strings.HasPrefix(command, "image-mirror") && in.name == "store.json" { // may have been changed
				require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
			}
			args := strings.Fields(command)
			for i, arg := range args {
				arg = strings.NewReplacer("FILE", file, "DIR", "in", "TREE", filepath.Join("in", "tree"), "GOOD", "good", "OUT", "out").Replace(arg)
				args[i] = strings.ReplaceAll(arg, "ARG", text)
			}
			var stdout, stderr bytes.Buffer
			code := run(args, strings.NewReader(text), &stdout, &stderr)
			executed++
			if code != 0 {
				refused++
			}
			for name, out := range map[string][]byte{"stdout": stdout.Bytes(), "stderr": stderr.Bytes()} {
				problem := control(out)
				if found := p.in(out); found != "" {
					problem = found
				}
				if problem != "" {
					leaks++
					t.Errorf("run %d, %s, %s: %s\n%s", n, command, name, problem, text)
				}
				if name == "stdout" && slices.Contains(args, "--json") && len(out) > 0 && code < exitUsage {
					require.True(t, json.Valid(out), "run %d, %s: %s", n, command, out)
				}
			}
			if leaks > 20 {
				t.FailNow()
			}
		}
	}
	t.Logf("%d damaged inputs, %d commands, of which %d refused theirs, %d leaks", damaged, executed, refused, leaks)
	require.Greater(t, executed-refused, executed/20, "most inputs are still read")
	require.Greater(t, refused, executed/20, "the damage is noticed")
}

// Each of these was found by a full run.
func TestNoSecretIsPrintedOfInputsThatOnceWere(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	joined := filepath.Dir(filepath.Dir(write("tree/quay.io/hosts.toml", "server = \"https://quay.io\"\n[host.\"https://m.io\"]\n[host.\"https://u:p@n.iotoken=Pa55word\"]\n")))
	rules := write("rules.yaml", "- {source: quay.io/a, mirrors: [m.io/a]}\n")
	store := filepath.Join(dir, "store.json")
	tried := write("tried.log", "Trying to access \"Pa55word@m.io/team/app:1\"\nTrying to access \"Pa55word\nFailed to pull image \"quay.io/team/app:1\": reading manifest 1 in quay.io/team/app: unauthorized\n")
	keys := filepath.Dir(filepath.Dir(write("keys/quay.io/hosts.toml", "[header.\"Basic-dXNlcjpQYTU1d29yZDEyMzQ1Pa55word\"]\nx = 1\n[host.\"https://m.io#Pa55word\"]\n")))
	names := write("names.yaml", "apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata: {name: ghp_Pa55wordPa55wordPa55word}\nspec: {imageDigestMirrors: [], Pa55wordPa55wordPa55word: 1}\n")
	for _, args := range [][]string{
		{"lint", "-f", joined, "--json", "--require", "quay.io/team/app:1"},
		{"resolve", "--platform", "windows", "-f", joined, "quay.io/team/app:1"},
		{"resolve", "--platform", "https://[user:Pa55word", "-f", rules, "quay.io/a:1"},
		{"resolve", "--platform", "linux", "-f", rules, "https://[user:Pa55word"},
		{"explain", "-f", rules, "--image", "quay.io/team/app:1", tried},
		{"lint", "-f", keys, "--all"},
		{"lint", "-f", filepath.Dir(filepath.Dir(write("joined/quay.io/hosts.toml", "server = \"httpstPa55wordhpo\"\n"))), "--all"},
		{"assert", "-f", rules, write("statements.yaml", "- never: quay.io\n  Pa55wordPa55word: 1\n  spelling: aPa55wordPa55word\n")},
		{"copy-plan", "-f", rules, "//puller:Pa55+word,"},
		{"lint", "-f", write("k3s.yaml", "mirrors: {quay.io: {endpoint: ['me:Pa55wordPa55wordq.io']}}\n")},
		{"lint", "-f", filepath.Dir(write("k/kustomization.yaml", "kind: Kustomization\nresources: [xPa55wordPa55wordPa55word]\n")), "-o", "sarif"},
		{"lint", "-f", rules, "--require-from", write("images.txt", "password=Pa55wordPa55word\n")},
		{"lint", "-f", names, "--all", "--json"},
		{"lint", "-f", `{"auths":{"quay.io":{"auth":"Pa55word"}}}`},
		{"lint", "-f", "Bearer Pa55word", "--json"},
		{"lint", "-f", rules, "--require-from", "password=Pa55word"},
		{"render", "--platform", "linux", "-f", rules, "--base", "user:Pa55word"},
		{"render", "--platform", "linux", "-f", "password=Pa55word", "-f", "password=Pa55word"},
		{"diff", "--platform", "linux", rules, "dir/Pa55wordPa55wordPa55word"},
		{"assert", "-f", rules, "ghp_Pa55wordPa55wordPa55word"},
		{"explain", "-f", rules, "eyJPa55wordPa55word.Pa55wordPa55word"},
		{"resolve", "--platform", "linux", "-f", rules, "ghp_Pa55wordPa55wordPa55word"},
		{"image-mirror", "list", "--cluster", "c", "--store", `{"auths":{"quay.io":{"auth":"Pa55word"}}}`},
		{"image-mirror", "delete", "--cluster", "c", "--store", store, "--yes", "ghp_Pa55wordPa55wordPa55word"},
		{"image-mirror", "create", "--cluster", "c", "--store", store, "--source", "quay.io/a", "--mirrors", "user:pw,Pa55word@quay.io/a:1user:pw,Pa55wordquay.io/a:1,m.io"},
	} {
		var stdout, stderr bytes.Buffer
		run(args, strings.NewReader(""), &stdout, &stderr)
		require.NotContains(t, stdout.String()+stderr.String(), "Pa55word", args)
	}
}
