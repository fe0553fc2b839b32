package hoststoml

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// A PullSecret holds credentials for registries. [ParsePullSecret] reads one, [Render] writes
// them into the files as headers.
//
// Printing it with any verb, encoding it as JSON or logging it shows the scopes and no credential, also where
// it stands in an unexported field. It is safe to be read from any number of goroutines.
type PullSecret struct {
	name    string
	entries []credential // sorted by scope
}

// A credential is one entry of a pull secret that can be written.
type credential struct {
	key    string // as it stands in the secret
	host   string // host[:port], as spelled in the key
	path   string // "/org/team"; empty where the credential is good for the whole host
	header func() string
	// header is a func because a func shows nothing, whoever prints it and however deep it lies.
}

// scope is what the credential is for. Two spellings of a host are one, except as credentialHost says.
func (c credential) scope() string { return credentialHost(c.host) + c.path }

// credentialHost returns a host so that two spellings compare equal if one's credential is good for the other: as
// the network sees it, but for the names of Docker Hub with a port. docker.io:443 is not docker.io for a client: the
// latter is short for registry-1.docker.io and the former a web server of that name, so the credential of one has
// no business at the other.
func credentialHost(host string) string {
	seen := network.Host(host)
	if seen == network.DockerHub && strings.Contains(host, ":") {
		return strings.ToLower(host)
	}
	return seen
}

// ParsePullSecret reads a pull secret: the JSON of a .dockerconfigjson, {"auths": {KEY: {…}}}, or the
// manifest, in YAML or JSON, of a Kubernetes Secret of the type kubernetes.io/dockerconfigjson. The name is
// only used in the findings.
//
// A key is a host, a URL of one, or HOST/NAMESPACE… for a part of it. In a URL the paths /v1/ and /v2/ of old tools
// stand for the whole host, and https://index.docker.io/v1/ for Docker Hub; quay.io/v1 is a namespace. The names of
// Docker Hub with a port, docker.io:443, are hosts of their own. An entry has auth, the base64 of
// USER:PASSWORD, or username and password; where it has all of them auth counts, as it does for kubectl and
// docker. Entries that nothing can be made of are findings.
//
// What is no pull secret at all is refused: Err of the findings is then a *finding.RefusedError. No finding
// says what stands in the text, and none has a line number, so that nobody looks the line up and prints it.
func ParsePullSecret(name string, data []byte) (PullSecret, finding.Findings) {
	r := secretReader{secret: PullSecret{name: name}}
	config, err := dockerConfig(data)
	if err == nil {
		err = r.read(config)
	}
	if err != nil {
		return PullSecret{}, finding.Findings{{
			Code: finding.CodeUnreadable, Severity: finding.SeverityError, RefusedBy: finding.Reader,
			Origin: finding.Origin{File: name}, Message: "is no pull secret: " + err.Error(),
		}}
	}
	return r.secret, r.findings.Sort()
}

// String returns the scopes, in order: PullSecret[m.io/org quay.io].
func (s PullSecret) String() string {
	scopes := make([]string, len(s.entries))
	for i, c := range s.entries {
		scopes[i] = c.host + c.path
	}
	return "PullSecret[" + strings.Join(scopes, " ") + "]"
}

// GoString returns what String does.
func (s PullSecret) GoString() string { return s.String() }

// Format writes what String returns, whatever the verb.
func (s PullSecret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalJSON returns an object of the scopes, each with "[redacted]".
func (s PullSecret) MarshalJSON() ([]byte, error) {
	scopes := map[string]string{}
	for _, c := range s.entries {
		scopes[c.host+c.path] = shown.Redacted
	}
	return json.Marshal(scopes)
}

// LogValue returns what String does.
func (s PullSecret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// dockerConfig returns the JSON of a .dockerconfigjson, unwrapped if it stands in a Secret. The errors of the
// parsers are dropped: they repeat what they stumbled over.
func dockerConfig(data []byte) ([]byte, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if json.Valid(data) {
		var top map[string]json.RawMessage
		if json.Unmarshal(data, &top) != nil {
			return nil, errors.New("the JSON is no object")
		}
		if _, ok := top["auths"]; ok {
			return data, nil
		}
	}
	var found [][]byte
	for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var o struct {
			Kind, Type string
			Data       map[string]string
			StringData map[string]string `yaml:"stringData"`
			Auths      yaml.Node
		}
		err := decodeYAML(dec, &o)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.New("it is neither valid JSON nor the YAML of a Secret (the place is not said: it might hold a secret)")
		}
		if !o.Auths.IsZero() {
			return nil, errors.New(`"auths" is to be written in JSON`)
		}
		if o.Kind != "Secret" {
			continue
		}
		const key = ".dockerconfigjson"
		text, plain := o.StringData[key]
		encoded, ok := o.Data[key]
		switch {
		case plain: // the API server prefers it too
			found = append(found, []byte(text))
		case ok:
			// YAML folds long values over lines.
			config, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
			if err != nil {
				return nil, errors.New("data[\"" + key + "\"] of the Secret is not base64")
			}
			found = append(found, config)
		}
	}
	switch {
	case len(found) == 0:
		return nil, errors.New(`it has neither "auths" nor is it a Secret of the type kubernetes.io/dockerconfigjson`)
	case len(found) > 1:
		return nil, errors.New("it holds several Secrets: give the one that the nodes use")
	}
	return found[0], nil
}

// decodeYAML keeps the parser's panics, which some mistakes bring about, from the caller.
func decodeYAML(dec *yaml.Decoder, into any) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("not YAML")
		}
	}()
	return dec.Decode(into)
}

type secretReader struct {
	secret   PullSecret
	findings finding.Findings
}

// entry is one of "auths".
type entry struct {
	Auth, Username, Password     string
	IdentityToken, RegistryToken string
}

func (r *secretReader) read(config []byte) error {
	var top struct {
		Auths       map[string]json.RawMessage `json:"auths"`
		CredsStore  json.RawMessage            `json:"credsStore"`
		CredHelpers map[string]json.RawMessage `json:"credHelpers"`
	}
	if json.Unmarshal(config, &top) != nil || top.Auths == nil {
		return errors.New(`there is no "auths", an object of registries, in it`)
	}
	const elsewhere = "credentials that a program hands out are not in the file: none is written; put them into auths"
	if len(top.CredsStore) > 0 {
		r.report(finding.CodeUnusableCredential, finding.SeverityWarning, "credsStore", "", elsewhere)
	}
	for _, key := range slices.Sorted(maps.Keys(top.CredHelpers)) {
		r.report(finding.CodeUnusableCredential, finding.SeverityWarning, `credHelpers["`+shown.Value(key)+`"]`, "", elsewhere)
	}
	for _, key := range slices.Sorted(maps.Keys(top.Auths)) {
		r.entry(key, top.Auths[key])
	}
	slices.SortStableFunc(r.secret.entries, func(a, b credential) int { return cmp.Compare(a.scope(), b.scope()) })
	var entries []credential
	for _, c := range r.secret.entries {
		if n := len(entries); n == 0 || entries[n-1].scope() != c.scope() {
			entries = append(entries, c)
		} else if first := entries[n-1]; first.header() != c.header() {
			r.unusable(c.key, fmt.Sprintf("is another credential for what %s is for, which is taken; remove one of the two", shown.Value(first.key)))
		}
	}
	r.secret.entries = entries
	return nil
}

func (r *secretReader) report(code finding.Code, severity finding.Severity, field, value, message string) {
	r.findings = append(r.findings, finding.Finding{
		Code: code, Severity: severity, Platform: finding.Windows, Value: value, Message: message,
		Origin: finding.Origin{File: r.secret.name, Field: field},
	})
}

func (r *secretReader) unusable(key, message string) {
	r.report(finding.CodeUnusableCredential, finding.SeverityWarning, keyField(key), "", message)
}

// keyField is the field of a finding about an entry.
func keyField(key string) string { return `auths["` + shown.Value(key) + `"]` }

func (r *secretReader) entry(key string, raw json.RawMessage) {
	host, path, problem := splitKey(key)
	if problem != "" {
		r.unusable(key, problem)
		return
	}
	var e entry
	if json.Unmarshal(raw, &e) != nil {
		r.unusable(key, "is not an object of texts: auth, or username and password")
		return
	}
	user, password := e.Username, e.Password
	if e.Auth != "" {
		decoded, err := decodeAuth(e.Auth)
		if err != nil {
			r.unusable(key, err.Error())
			return
		}
		user, password, _ = strings.Cut(decoded, ":")
		password = strings.TrimRight(password, "\x00") // which docker once wrote
	}
	switch {
	case e.IdentityToken != "":
		r.report(finding.CodeIdentityToken, finding.SeverityWarning, keyField(key), "",
			"has an identitytoken, which a client exchanges for others at the token server; no header can do that, and it is not written; use a credential with a password, such as a token of the registry's own")
		if password == "" {
			return
		}
	case e.RegistryToken != "" && password == "":
		r.unusable(key, "has a registrytoken, which is good for a short time only and is not written; use a username and a password")
		return
	}
	switch {
	case user == "" || password == "":
		r.unusable(key, "has no username or no password")
		return
	case strings.Contains(user, ":"):
		r.unusable(key, `has a ":" in the username, which HTTP cannot send`)
		return
	}
	header := "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	r.secret.entries = append(r.secret.entries, credential{key: key, host: host, path: path, header: func() string { return header }})
}

// decodeAuth takes base64 with and without its padding, as kubectl does.
func decodeAuth(auth string) (string, error) {
	decoded, err := base64.StdEncoding.DecodeString(auth)
	if err != nil {
		decoded, err = base64.RawStdEncoding.DecodeString(auth)
	}
	if err != nil || !bytes.Contains(decoded, []byte(":")) {
		return "", errors.New("auth is not the base64 of USER:PASSWORD")
	}
	return string(decoded), nil
}

// splitKey says what a key is for. The clients do not agree; where they differ it takes the narrower meaning, so that
// no credential goes where its owner did not send it:
//
//   - The kubelet (k8s.io/kubernetes, pkg/credentialprovider, BasicDockerKeyring.Add) puts "https://" before a key
//     without a scheme and then takes a path that starts with "/v1/" or "/v2/" for the rest after it. Its patterns
//     are not for containerd.
//   - containers-image (pkg/docker/config, normalizeAuthFileKey) cuts the whole path from a URL, and takes a key
//     without a scheme as it stands: quay.io/v1/ is a namespace there, and so it is here.
//   - Ports are compared as spelled by both: the kubelet's URLsMatch wants equal ports, and containers-image's
//     normalizeRegistry knows docker.io, and not docker.io:443, as Docker Hub.
func splitKey(key string) (host, path, problem string) {
	rest, isURL := key, false
	if i := strings.Index(rest, "://"); i >= 0 {
		isURL = true
		if scheme := strings.ToLower(rest[:i]); scheme != "https" && scheme != "http" {
			return "", "", "is no host and no URL with https or http"
		}
		u, err := url.Parse(rest)
		if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return "", "", "is a URL with more in it than a host and a path"
		}
		rest = u.Host + u.Path
	}
	if strings.Contains(rest, "*") {
		return "", "", "is a pattern: containerd has no credentials for patterns; name the hosts"
	}
	host, path, _ = strings.Cut(rest, "/")
	path = "/" + path
	if isURL && (strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/v2/")) {
		path = path[len("/v1"):]
	}
	path = strings.TrimRight(path, "/")
	if !mirrorset.ValidMirror(host + path) {
		return "", "", "is no host, no URL of one, and no HOST/NAMESPACE"
	}
	if credentialHost(host) == network.DockerHub {
		host = "docker.io"
	}
	return host, path, ""
}

// SecretMarker is the second comment line of a file that holds credentials, after [Marker].
const SecretMarker = "It holds credentials: only its owner, and containerd, may read it."

// withCredentials returns the tree with a header for each endpoint that a credential belongs to. t is not changed.
//
// An endpoint gets the most specific credential among those that are for all of it: a credential for
// m.io/org goes to https://m.io/v2/org and to what lies below, and not to https://m.io, which serves others'
// images too. containerd sends a header to the host it stands at and, from version 2 on, to the token server
// that this host names in a Bearer challenge; and to nobody else, except that it follows redirects of the
// host to its own subdomains, as Go's net/http does. The files are to be kept from others' eyes: Write gives
// them mode 0600.
//
// The findings say where a header is not enough. None of them holds a credential.
func (t Tree) withCredentials(s PullSecret) (Tree, finding.Findings) {
	b := newCredentialWriter(s)
	out := t.clone()
	for i := range out {
		rf := &out[i]
		marked := false
		targets := rf.targets()
		b.ask(rf.Host, targets)
		for _, e := range targets {
			if header := b.choose(e); header != "" {
				if e.settings.Header == nil {
					e.settings.Header = Header{}
				}
				maps.DeleteFunc(e.settings.Header, func(name string, _ []Secret) bool { return strings.EqualFold(name, authorization) })
				e.settings.Header[authorization] = Secrets(header)
				marked = true
			}
		}
		if marked && !slices.Contains(strings.Split(rf.File.Comment, "\n"), SecretMarker) {
			first, rest, more := strings.Cut(rf.File.Comment, "\n")
			rf.File.Comment = strings.TrimPrefix(first+"\n"+SecretMarker, "\n")
			if more {
				rf.File.Comment += "\n" + rest
			}
		}
	}
	return out, b.report()
}

// hosts returns the registry hosts that have a credential for all of them.
func (s PullSecret) hosts() (hosts []string) {
	for _, c := range s.entries {
		if c.path == "" {
			hosts = append(hosts, c.host)
		}
	}
	return hosts
}

const authorization = "Authorization"

type credentialWriter struct {
	secret   PullSecret
	byScope  map[string]int       // entries, by scope
	used     map[int]bool         // entries, by index
	insecure map[int]bool         // those sent to an insecure endpoint
	asked    map[string]endpoints // by scope
}

// endpoints are those of one scope: how many registries ask there, and the first few of them, in order.
type endpoints struct {
	first []string
	all   int
}

func newCredentialWriter(s PullSecret) *credentialWriter {
	b := &credentialWriter{
		secret: s, byScope: make(map[string]int, len(s.entries)), used: map[int]bool{}, insecure: map[int]bool{},
		asked: map[string]endpoints{},
	}
	for i, c := range s.entries {
		b.byScope[c.scope()] = i
	}
	return b
}

// ask notes that the files of a registry, which come in order, have these endpoints.
func (b *credentialWriter) ask(registry string, all []endpointSettings) {
	seen := make(map[string]bool, len(all))
	for _, e := range all {
		if seen[e.scope] {
			continue
		}
		seen[e.scope] = true
		asked := b.asked[e.scope]
		if asked.all++; len(asked.first) < few {
			asked.first = append(asked.first, e.scope+" (for "+registry+")")
		}
		b.asked[e.scope] = asked
	}
}

// few is how many endpoints a finding names.
const few = 3

// choose returns the header for an endpoint, and "" where none belongs to it. Of the scopes around the endpoint the
// longest counts.
func (b *credentialWriter) choose(e endpointSettings) string {
	for scope, more := e.scope, true; more; scope, more = parent(scope) {
		if i, ok := b.byScope[scope]; ok {
			b.used[i] = true
			b.insecure[i] = b.insecure[i] || e.insecure()
			return b.secret.entries[i].header()
		}
	}
	return ""
}

// wider returns the endpoints around a scope, which serve more than it, as a text; "" where there is none.
func (b *credentialWriter) wider(scope string) string {
	var around endpoints
	for location, more := parent(scope); more; location, more = parent(location) {
		asked := b.asked[location]
		around.all += asked.all
		around.first = slices.Concat(asked.first, around.first)
	}
	around.first = around.first[:min(few, len(around.first))]
	text := strings.Join(around.first, ", ")
	if more := around.all - len(around.first); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// parent returns the location around a location, host/path; ok is false for a host.
func parent(location string) (around string, ok bool) {
	i := strings.LastIndexByte(location, '/')
	return location[:max(i, 0)], i >= 0
}

func (b *credentialWriter) report() finding.Findings {
	r := secretReader{secret: b.secret}
	for i, c := range b.secret.entries {
		at := keyField(c.key)
		if wider := b.wider(c.scope()); wider != "" {
			r.report(finding.CodeNarrowCredential, finding.SeverityWarning, at, c.host+c.path, fmt.Sprintf(
				"is not sent to %s: containerd asks there for images of others too; give a credential for the whole host, or use mirrors below this path",
				wider))
		} else if c.path != "" && !b.used[i] {
			r.report(finding.CodeNarrowCredential, finding.SeverityWarning, at, c.host+c.path,
				"is not used: no endpoint lies inside, and containerd has credentials for whole registries only; give one for the host")
		}
		if b.used[i] {
			severity, who := finding.SeverityInfo, "where this registry asks for Bearer tokens"
			if usesTokens(network.Host(c.host)) {
				severity, who = finding.SeverityWarning, "this registry asks for Bearer tokens"
			}
			r.report(finding.CodeBearerToken, severity, at, c.host+c.path, who+
				": containerd takes the credential to the token server from version 2 on; 1.6 and 1.7 fetch an anonymous token, and public images only; give pods an imagePullSecret there, or use a registry with Basic authentication")
		}
		if b.insecure[i] {
			r.report(finding.CodeInsecureCredential, finding.SeverityWarning, at, c.host+c.path,
				"is sent to whoever answers for this registry, and in the clear where that is by plain HTTP: it is insecure; give its CA instead")
		}
	}
	return r.findings.Sort()
}

// usesTokens reports whether a registry is one of those known to ask for Bearer tokens.
func usesTokens(host string) bool {
	switch host {
	case network.DockerHub, "quay.io", "ghcr.io", "gcr.io", "registry.gitlab.com", "registry.redhat.io", "registry.connect.redhat.com", "mcr.microsoft.com":
		return true
	}
	for _, domain := range []string{".azurecr.io", ".gcr.io", ".pkg.dev"} {
		if strings.HasSuffix(host, domain) {
			return true
		}
	}
	return false
}
