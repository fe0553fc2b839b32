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
// Printing it with any verb, encoding it as JSON or logging it shows the scopes and no credential,
// also where it stands in an unexported field. It is safe to be read from any number of goroutines.
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

// plain reports whether the key is the scope itself. Of several spellings such a key counts: containers-image
// looks for it before it compares others (pkg/docker/config, findCredentialsInFile), and the kubelet compares keys as
// they are spelled.
func (c credential) plain() bool { return c.key == c.scope() || c.key == "docker.io"+c.path }

// credentialHost returns a host so that two spellings compare equal if one's credential is good for
// the other: as the network sees it, but for the names of Docker Hub with a port. docker.io:443 is
// not docker.io for a client: the latter is short for registry-1.docker.io and the former a web
// server of that name, so the credential of one has no business at the other.
func credentialHost(host string) string {
	seen := network.Host(host)
	if seen == network.DockerHub && strings.Contains(host, ":") {
		return strings.ToLower(host)
	}
	return seen
}

// ParsePullSecret reads a pull secret: the JSON of a .dockerconfigjson, {"auths": {KEY: {…}}}, or
// the manifest, in YAML or JSON, of a Kubernetes Secret of the type kubernetes.io/dockerconfigjson.
// The name is only used in the findings.
//
// A key is a host, a URL of one, or HOST/NAMESPACE… for a part of it. In a URL the paths /v1/ and
// /v2/ of old tools stand for the whole host, and https://index.docker.io/v1/ for Docker Hub;
// quay.io/v1 is a namespace. The names of Docker Hub with a port, docker.io:443, are hosts of their
// own. Of several keys for one scope the one that is spelled like it counts. An entry has auth, the
// base64 of USER:PASSWORD, or username and password; where it has all of them auth counts, as it does
// for kubectl and docker. Entries that nothing can be made of are findings.
//
// What is no pull secret at all is refused: Err of the findings is then a *finding.RefusedError. No
// finding says what stands in the text, and none has a line number, so that nobody looks the line
// up and prints it.
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

// dockerConfig returns the JSON of a .dockerconfigjson, unwrapped if it stands in a Secret. The
// errors of the parsers are dropped, because they repeat a part of the text.
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
		var o secretManifest
		err := decodeYAML(dec, &o)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.New("it is neither valid JSON nor the YAML of a Secret (the place is not " +
				"said: it might hold a secret)")
		}
		config, err := o.dockerConfig()
		if err != nil {
			return nil, err
		}
		if config != nil {
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

// secretManifest is what matters of a document that may be a Secret.
type secretManifest struct {
	Kind       string
	Data       map[string]string
	StringData map[string]string `yaml:"stringData"`
	Auths      yaml.Node
}

// dockerConfig returns the .dockerconfigjson of a Secret, and nil for other documents.
func (o secretManifest) dockerConfig() ([]byte, error) {
	const key = ".dockerconfigjson"
	if !o.Auths.IsZero() {
		return nil, errors.New(`"auths" is to be written in JSON`)
	}
	if o.Kind != "Secret" {
		return nil, nil
	}
	if text, ok := o.StringData[key]; ok { // the API server prefers it too
		return []byte(text), nil
	}
	encoded, ok := o.Data[key]
	if !ok {
		return nil, nil
	}
	// YAML folds long values over lines.
	config, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if err != nil {
		return nil, errors.New("data[\"" + key + "\"] of the Secret is not base64")
	}
	return config, nil
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
	switch string(top.CredsStore) {
	case "", "null", `""`: // there is none
	default:
		r.report(finding.CodeUnusableCredential, finding.SeverityWarning, "credsStore", "", elsewhere)
	}
	for _, key := range slices.Sorted(maps.Keys(top.CredHelpers)) {
		r.report(finding.CodeUnusableCredential, finding.SeverityWarning, `credHelpers["`+shown.Key(key)+`"]`,
			"", elsewhere)
	}
	for _, key := range slices.Sorted(maps.Keys(top.Auths)) {
		r.entry(key, top.Auths[key])
	}
	slices.SortStableFunc(r.secret.entries, func(a, b credential) int {
		return cmp.Or(cmp.Compare(a.scope(), b.scope()), compareBool(!a.plain(), !b.plain()))
	})
	var entries []credential
	for _, c := range r.secret.entries {
		if n := len(entries); n == 0 || entries[n-1].scope() != c.scope() {
			entries = append(entries, c)
		} else if first := entries[n-1]; first.header() != c.header() {
			r.unusable(c.key, fmt.Sprintf("is another credential for what %s is for, which is taken; "+
				"remove one of the two", shown.Value(first.key)))
		}
	}
	r.secret.entries = entries
	return nil
}

func (r *secretReader) report(code finding.Code, severity finding.Severity, field, value, message string) {
	r.findings = append(r.findings, finding.Finding{
		Code: code, Severity: severity, Platform: finding.Containerd, Value: value, Message: message,
		Origin: finding.Origin{File: r.secret.name, Field: field},
	})
}

func (r *secretReader) unusable(key, message string) {
	r.report(finding.CodeUnusableCredential, finding.SeverityWarning, keyField(key), "", message)
}

// keyField is the field of a finding about an entry.
func keyField(key string) string { return `auths["` + shown.Key(key) + `"]` }

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
			"has an identitytoken, which a client exchanges for others at the token server; no header can "+
				"do that, and it is not written; use a credential with a password, such as a token of the "+
				"registry's own")
		if password == "" {
			return
		}
	case e.RegistryToken != "" && password == "":
		r.unusable(key, "has a registrytoken, which is good for a short time only and is not written; use "+
			"a username and a password")
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
	r.secret.entries = append(r.secret.entries, credential{key: key, host: host, path: path,
		header: func() string { return header }})
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

// splitKey says what a key is for. The clients do not agree; where they differ it takes the
// narrower meaning, so that no credential goes where its owner did not send it:
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
