package policy

import (
	"fmt"
	"strings"

	"github.com/pullroute/pullroute/conformance/random"
)

// source makes policies and references over few names, so that scopes nest and references meet them.
type source struct{ *random.Source }

func (s source) name() string {
	host := s.Pick("quay.io", "quay.io", "quay.io:443", "docker.io", "a.b.example.org", "b.example.org", "localhost:5000")
	if host == "docker.io" && s.Intn(2) == 0 {
		return "docker.io/library/" + s.Pick("busybox", "a")
	}
	for range 1 + s.Intn(3) {
		host += "/" + s.Pick("a", "b")
	}
	return host
}

// reference returns a reference as a pod may have it.
func (s source) reference() string {
	name := s.name()
	name = strings.TrimPrefix(name, s.Pick("docker.io/library/", "docker.io/", "none"))
	return name + s.Pick("", ":1", ":latest", "@"+random.Digest)
}

// scope returns a scope of docker: one that may govern a reference, or another one that is as good as none.
func (s source) scope() string {
	name := s.name()
	host, _, _ := strings.Cut(name, "/")
	switch s.Intn(10) {
	case 0, 9:
		return name + s.Pick(":1", ":latest", "@"+random.Digest)
	case 1, 2:
		return name
	case 3, 4:
		return name[:strings.LastIndexByte(name, '/')]
	case 5:
		return host
	case 6:
		_, parent, _ := strings.Cut(host, ".")
		return "*." + parent
	case 7:
		return "*." + host
	case 8:
		return s.Pick("", "busybox", "library/busybox", "*", "*.", "io", "quay", "docker.io/library", "a/", "index.docker.io", "<&>")
	}
	return name
}

// policy returns a policy that the client takes.
func (s source) policy() string {
	var b strings.Builder
	b.WriteString(`{"default": ` + s.list())
	if s.Intn(10) > 0 {
		b.WriteString(`, "transports": {`)
		separator := ""
		for _, transport := range []string{"docker", "atomic", "docker-daemon", "dir", "oci", "docker-archive", "other"} {
			if transport != "docker" && s.Intn(5) > 0 || s.Intn(10) == 0 {
				continue
			}
			b.WriteString(separator + quote(transport) + ": {")
			separator = ", "
			seen := map[string]bool{}
			for range s.Intn(20) {
				scope := s.scopeOf(transport)
				if seen[scope] {
					continue
				}
				if len(seen) > 0 {
					b.WriteString(",\n")
				}
				seen[scope] = true
				b.WriteString(quote(scope) + ": " + s.list())
			}
			b.WriteString("}")
		}
		b.WriteString("}")
	}
	return b.String() + "}"
}

func quote(s string) string { return `"` + s + `"` }

func (s source) scopeOf(transport string) string {
	switch transport {
	case "docker", "other":
		return s.scope()
	case "atomic":
		return s.Pick("", "quay.io", "quay.io/a", "quay.io/a/b", "quay.io/a/b:1", "quay.io:443/a", "*.io")
	case "dir", "oci":
		return s.Pick("", "/a", "/a/b", "/a:b")
	}
	return ""
}

// list returns a list of requirements that the client takes.
func (s source) list() string {
	items := make([]string, 1+s.Intn(8)/6)
	for i := range items {
		items[i] = s.requirement()
	}
	return "[" + strings.Join(items, ", ") + "]"
}

func (s source) requirement() string {
	switch s.Intn(8) {
	case 0, 1, 2:
		return `{"type": "insecureAcceptAnything"}`
	case 3, 4:
		return `{"type": "reject"}`
	case 5:
		return fmt.Sprintf(`{"type": "signedBy", "keyType": %s, %s%s}`,
			quote(s.Pick("GPGKeys", "signedByGPGKeys", "X509Certificates", "signedByX509CAs")),
			s.Pick(`"keyPath": "/k"`, `"keyData": "a2V5"`, `"keyPaths": ["/k", "/l"]`, `"keyPaths": []`, `"keyData": ""`, `"keyData": [1, null, 255]`),
			s.signedIdentity())
	case 6:
		if s.Intn(4) == 0 {
			return `{"type": "signedBaseLayer", "baseLayerIdentity": ` + s.identity() + `}`
		}
		return `{"type": "sigstoreSigned", "pki": {` + s.Pick(`"caRootsPath": "/r"`, `"caRootsData": "cm9vdA=="`) +
			s.Pick("", `, "caIntermediatesPath": "/i"`, `, "caIntermediatesData": "aQ=="`, `, "caIntermediatesData": ""`) +
			s.Pick(`, "subjectEmail": "a@b"`, `, "subjectHostname": "h"`) + `}` + s.signedIdentity() + `}`
	}
	rekor := s.Pick(`"rekorPublicKeyPath": "/r"`, `"rekorPublicKeyData": "cg=="`, `"rekorPublicKeyPaths": ["/r"]`, `"rekorPublicKeyDatas": ["cg==", null]`)
	if s.Intn(3) == 0 {
		return `{"type": "sigstoreSigned", "fulcio": {` + s.Pick(`"caPath": "/c"`, `"caData": "Yw=="`) +
			`, "oidcIssuer": "https://i/?a=1&b", "subjectEmail": "a@b"}, ` + rekor + s.signedIdentity() + `}`
	}
	return `{"type": "sigstoreSigned", ` +
		s.Pick(`"keyPath": "/k"`, `"keyData": "a2V5"`, `"keyPaths": ["/k", null]`, `"keyDatas": ["a2V5", "", null, [7]]`, `"keyData": "a2V5", "keyPath": ""`) +
		s.Pick("", ", "+rekor) + s.signedIdentity() + `}`
}

func (s source) signedIdentity() string {
	if s.Intn(3) == 0 {
		return ""
	}
	return `, "signedIdentity": ` + s.identity()
}

func (s source) identity() string {
	switch s.Intn(5) {
	case 0:
		return `{"type": "exactReference", "dockerReference": ` + quote(s.Pick("quay.io/a:1", "busybox:1", "quay.io/a@"+random.Digest, "quay.io/a:1@"+random.Digest)) + `}`
	case 1:
		return `{"type": "exactRepository", "dockerRepository": ` + quote(s.Pick("quay.io/a", "busybox", "quay.io/a:1")) + `}`
	case 2:
		return `{"type": "remapIdentity", "prefix": ` + quote(s.Pick("quay.io", "quay.io/a", "a", "localhost:5000")) + `, "signedPrefix": "m.io"}`
	}
	return `{"type": ` + quote(s.Pick("matchExact", "matchRepoDigestOrExact", "matchRepository")) + `}`
}

// pieces are what a damaged file has in place of another piece, or beside it.
var pieces = []string{
	`null`, `{}`, `[]`, `""`, `[""]`, `1`, `true`, `"x"`, `"a2V5"`, `"a2V5="`, `"YQ==\n"`, `[256]`, `[-1]`, `["a"]`, `[1.0]`, `{"type": "reject"}`, `[{"type": "reject"}]`,
	`"type"`, `"Type"`, `"keyPath"`, `"keyData"`, `"keyType"`, `"keyDatas"`, `"fulcio"`, `"pki"`, `"default"`, `"Default"`, `"transports"`, `"docker"`,
	`"signedIdentity"`, `"rekorPublicKeyData"`, `"rekorPublicKeyPaths"`, `"dockerReference"`, `"prefix"`, `"reject"`, `"signedBy"`, `"sigstoreSigned"`, `"matchExact"`, `"exactReference"`,
	`"dir"`, `"docker-archive"`, `"tarball"`, `"atomic"`, `"sif"`, `"ostree"`, `"docker-daemon"`, `"oci-archive"`, `"/"`, `"/a/"`, `"/a/../b"`, `"a"`, `"quay.io/a/b/c"`, `"quay.io/a:1/b"`,
	`"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"`,
	`"Quay.io/a:1"`, `"Foo/bar:1"`, `"foo_bar.io/a:1"`, `"[::1]:5000/a:1"`, `"a_b/c:1"`, `"quay.io/A:1"`, `"quay.io"`, `"q..io/a"`, `"-a"`, `"a:b:c"`, `"ssh://a"`, `"https://a/b:1"`,
	`"caPath"`, `"caData"`, `"oidcIssuer"`, `"subjectEmail"`, `"caRootsData"`, `"caIntermediatesPath"`, `"\u0000"`, `"\ud800"`, "\"\xff\"", `,`, `:`, `}`, `]`, `{`, `[`, `"`, ` `, "\ufeff", "\x00",
}

// damage changes a policy at one place: a value or key is replaced, doubled or left out, or a byte is changed.
func (s source) damage(text string) string {
	if s.Intn(8) == 0 && text != "" {
		i := s.Intn(len(text))
		return text[:i] + s.Pick(pieces...) + text[i+s.Intn(min(3, len(text)-i)):]
	}
	var tokens []string // texts, numbers, words and punctuation
	for i := 0; i < len(text); {
		end := i + 1
		if text[i] == '"' {
			for end < len(text) && text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(text))
		}
		tokens = append(tokens, text[i:end])
		i = end
	}
	if len(tokens) == 0 {
		return s.Pick(pieces...)
	}
	i := s.Intn(len(tokens))
	for range 20 { // rather a text than punctuation
		if tokens[i][0] == '"' {
			break
		}
		i = s.Intn(len(tokens))
	}
	switch s.Intn(4) {
	case 0: // another key or value of the same file
		tokens[i] = tokens[s.Intn(len(tokens))]
	case 1:
		tokens[i] = strings.Join([]string{tokens[i], s.Pick(":", ","), tokens[i], s.Pick(":", ",")}, "")
	default:
		tokens[i] = s.Pick(pieces...)
	}
	return strings.Join(tokens, "")
}
