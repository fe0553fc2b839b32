package clientlog

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/pullroute/pullroute/internal/pattern"
)

// Answer is what a location answered, or what became of the request for it.
type Answer struct {
	Class  Class
	Status int    // of HTTP, where it is told
	Said   string // the client's words
	// Tokens is the host that was asked for a token, where that answered, or failed, and not the registry.
	Tokens string
	// Proxy is set where the proxy could not be reached.
	Proxy bool
}

// Class is the kind of an answer, by what one does about it.
type Class string

const (
	// None is for an event without an answer.
	None           Class = ""
	Served         Class = "served"
	NotFound       Class = "not found"
	Unauthorized   Class = "unauthorized"
	Denied         Class = "denied"
	TooMany        Class = "too many requests"
	ServerError    Class = "server error"
	OtherStatus    Class = "refused by the registry"
	Timeout        Class = "time-out"
	Refused        Class = "connection refused"
	Reset          Class = "connection broken off"
	Unreachable    Class = "unreachable"
	NoName         Class = "no such host"
	UnknownCA      Class = "certificate of an unknown authority"
	WrongName      Class = "certificate for another name"
	Expired        Class = "certificate expired"
	BadTLS         Class = "TLS failed"
	PlainHTTP      Class = "plain HTTP"
	Blocked        Class = "blocked"
	PolicyRejected Class = "rejected by policy.json"
	NoHosts        Class = "no resolve hosts"
	Canceled       Class = "canceled"
	OtherFailure   Class = "failed"
)

// phrases are the texts of what goes wrong on the way to a registry: those of Go's net, net/http, crypto/tls and
// crypto/x509 (1.21 to 1.26), and those of the systems behind them, Windows included. The first that is found counts;
// letter case does not, which is the system's: Wine and C libraries begin with a capital.
var phrases = []struct {
	text  string
	class Class
}{
	{"certificate signed by unknown authority", UnknownCA},
	{"certificate is not trusted", UnknownCA}, // macOS
	{"certificate is valid for", WrongName},
	{"certificate is not valid for any names", WrongName},
	{"doesn't contain any IP SANs", WrongName},
	{"certificate relies on legacy Common Name field", WrongName},
	{"certificate has expired or is not yet valid", Expired},
	{"server gave HTTP response to HTTPS client", PlainHTTP},
	{"first record does not look like a TLS handshake", PlainHTTP},
	{"x509: ", BadTLS},
	{"TLS handshake timeout", Timeout},
	{"tls: ", BadTLS},
	{"no such host", NoName},
	{"server misbehaving", NoName},
	{"temporary failure in name resolution", NoName},
	{"No address associated with hostname", NoName},
	{"connection refused", Refused},
	{"actively refused it", Refused}, // Windows
	{"no route to host", Unreachable},
	{"network is unreachable", Unreachable},
	{"host is unreachable", Unreachable},
	{"unreachable network", Unreachable}, // Windows
	{"unreachable host", Unreachable},
	{"i/o timeout", Timeout},
	{"context deadline exceeded", Timeout},
	{"Client.Timeout exceeded", Timeout},
	{"timeout awaiting response headers", Timeout},
	{"did not properly respond after a period of time", Timeout}, // Windows
	{"connection timed out", Timeout},
	{"context canceled", Canceled},
	{"connection reset by peer", Reset},
	{"forcibly closed by the remote host", Reset}, // Windows
	{"unexpected EOF", Reset},
	{": EOF", Reset},
	{"broken pipe", Reset},
}

// codes are the beginnings of what the clients say where a registry answered with an error of the distribution
// specification. The code stands in small letters before the registry's message; where that is the usual one, it
// stands alone (docker/distribution, registry/api/errcode and v2; containers-image 5.22 to 5.42, errors.go,
// registryHTTPResponseToError).
var codes = []struct {
	text   string
	class  Class
	status int
}{
	{"manifest unknown", NotFound, 404},
	{"name unknown", NotFound, 404},
	{"repository name not known to registry", NotFound, 404},
	{"blob unknown", NotFound, 404},
	{"unable to retrieve auth token: invalid username/password", Unauthorized, 401},
	{"invalid username/password", Unauthorized, 401},
	{"unauthorized", Unauthorized, 401},
	{"authentication required", Unauthorized, 401},
	{"denied", Denied, 403},
	{"requested access to the resource is denied", Denied, 403},
	{"toomanyrequests", TooMany, 429},
	{"too many requests", TooMany, 429},
	{"pull access denied, repository does not exist or may require authorization", Unauthorized, 0},
	{"no basic auth credentials", Unauthorized, 401},
	{"authorization failed", Unauthorized, 0},
	{"unavailable", ServerError, 503},
}

var (
	// status matches the words before a status: of containers-image (errors.go, distribution_error.go; "invalid
	// status code" up to 5.22) and of containerd (resolver.go, fetcher.go, remotes/errors).
	status = pattern.New(`(?:received unexpected HTTP status: |StatusCode: |invalid status code from registry |` +
		`error parsing HTTP |unexpected status code (?:\[[^\]]*\]|\S+): |unexpected HEAD status code \S+: |` +
		`failed with status code \[[^\]]*\]: |` +
		`unexpected status(?: from \w+ request to \S+)?: |after status: )(\d{3})\b`)
	// wrapper matches what the clients put before the cause of an error.
	wrapper = pattern.New(`^(?:rpc error: code = \w+ desc = |pull image err: |` +
		`unable to pull image(?: or OCI artifact)?: |` +
		`(?:initializing source|reading manifest|fetching manifest|Error reading manifest|error parsing image name|` +
		`error reading manifest|parsing image configuration|writing blob|copying config|Error initializing source|` +
		`reading blob|fetching blob|Error fetching blob|Error reading blob|fetching target platform image selected from|` +
		`pinging container registry|error pinging docker registry|initializing image from source|` +
		`copying system image from)` +
		`(?: [^\s:"]\S*(?: in \S+)?)?: |get manifest: build image source: |pull artifact: |` +
		`failed to (?:pull and unpack image|pull image|resolve image|resolve reference|copy|fetch|` +
		`unpack image on snapshotter \S+)` +
		`(?: "[^"]*")?: |httpReadSeeker: failed open: |failed to do request: |RegistryUnavailable: |ErrImagePull: |` +
		`SignatureValidationFailed: |ErrRegistryUnavailable: )`)
)

// answerOf says what an error means.
func answerOf(text string) Answer {
	a := Answer{Class: OtherFailure, Said: strings.TrimSpace(text), Tokens: tokenServer(text),
		Proxy: strings.Contains(text, proxyFails)}
	cause := causeOf(a.Said)
	switch {
	case cause == "":
		return Answer{}
	case strings.HasPrefix(cause, "registry ") && strings.Contains(cause, blockedText):
		a.Class = Blocked
	case strings.Contains(cause, "Source image rejected: "): // copy.go
		a.Class = PolicyRejected
	case strings.Contains(cause, "no resolve hosts"), strings.Contains(cause, "no pull hosts"): // resolver.go
		a.Class = NoHosts
	default:
		if a.known(cause) {
			break
		}
		if strings.HasSuffix(cause, ": not found") || strings.HasSuffix(cause, "not found") { // errdefs.ErrNotFound
			a.Class, a.Status = NotFound, 404
		}
	}
	return a
}

// known takes what a registry, or the way to it, is known to say.
func (a *Answer) known(cause string) bool {
	for _, c := range codes {
		if hasWords(cause, c.text) {
			a.Class, a.Status = c.class, c.status
			return true
		}
	}
	if at := status.Submatch(cause); at != "" {
		a.Status, _ = strconv.Atoi(at)
		a.Class = classOf(a.Status)
		return true
	}
	small := strings.ToLower(cause)
	for _, p := range phrases {
		if strings.Contains(small, strings.ToLower(p.text)) {
			a.Class = p.class
			return true
		}
	}
	switch { // what a proxy answers in place of the registry, and tokens that were refused
	case strings.HasSuffix(cause, ": Bad Gateway"):
		a.Class, a.Status = ServerError, 502
	case strings.HasSuffix(cause, ": Forbidden"):
		a.Class, a.Status = Denied, 403
	case strings.HasSuffix(cause, ": Service Unavailable"):
		a.Class, a.Status = ServerError, 503
	case strings.Contains(cause, "authorization failed"), strings.Contains(cause, "no basic auth credentials"):
		a.Class = Unauthorized
	default:
		return false
	}
	return true
}

// hasWords reports whether a text begins with words, and not with a longer one.
func hasWords(text, words string) bool {
	rest, ok := strings.CutPrefix(text, words)
	return ok && (rest == "" || !isLetter(rest[0]) && rest[0] != '-')
}

// classOf returns the class of a status of HTTP.
func classOf(status int) Class {
	switch {
	case status >= 200 && status < 400:
		return Served
	case status == 401:
		return Unauthorized
	case status == 403:
		return Denied
	case status == 404:
		return NotFound
	case status == 429:
		return TooMany
	case status >= 500:
		return ServerError
	}
	return OtherStatus
}

// statusOf returns the answer that a status line stands for: "404 Not Found".
func statusOf(line string) Answer {
	number, _, _ := strings.Cut(line, " ")
	n, err := strconv.Atoi(number)
	if err != nil || n < 100 || n > 599 {
		return Answer{}
	}
	return Answer{Class: classOf(n), Status: n, Said: line}
}

// causeOf takes off what clients put before the cause of an error.
func causeOf(text string) string {
	for {
		rest, ok := wrapper.CutPrefix(text)
		if !ok {
			return text
		}
		text = rest
	}
}

// place is what a URL, or a name in a text, says of where something is asked for.
type place struct {
	location, reference, namespace string
	object                         Object
}

// placeOf takes a URL of the distribution API apart: scheme://host/v2/REPOSITORY/manifests/REFERENCE, with or
// without an endpoint's own path before or behind /v2. A location is as plans name it, without the /v2 that it
// begins with. ok is false for any other URL but that of /v2/ itself, of which the host is returned.
func placeOf(text string) (p place, ok bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return p, false
	}
	p.namespace = u.Query().Get("ns")
	for _, object := range []Object{Manifest, Blob} {
		if i := strings.LastIndex(u.Path, "/"+string(object)+"s/"); i >= 0 {
			path, _ := strings.CutPrefix(u.Path[:i], "/v2")
			p.location, p.reference, p.object = u.Host+path, u.Path[i+len(object)+3:], object
			return p, true
		}
	}
	p.location = u.Host
	return p, u.Path == "/v2/" || u.Path == "/v2"
}

// urlIn returns the place of the first URL in a text, as Go's net/http names it in an error: Get "URL": cause.
func urlIn(text string) (place, bool) {
	for _, scheme := range []string{"https://", "http://"} {
		i := strings.Index(text, scheme)
		if i < 0 {
			continue
		}
		word := text[i:]
		if end := strings.IndexAny(word, "\"' \n"); end >= 0 {
			word = word[:end]
		}
		return placeOf(strings.TrimRight(word, ":,)]"))
	}
	return place{}, false
}

// proxyFails is what net/http says where it cannot reach the proxy.
const proxyFails = "proxyconnect tcp: "

// tokenServer returns the host that a text says was asked for a token, and "" where it speaks of none. Both
// clients ask by GET with the parameter service or scope, or by POST, which no pull needs otherwise
// (containerd, remotes/docker/auth/fetch.go; containers-image, docker_client.go).
func tokenServer(text string) string {
	i := strings.Index(text, "http")
	if i < 0 {
		return ""
	}
	end := strings.IndexAny(text[i:], "\"' \n")
	if end < 0 {
		end = len(text) - i
	}
	u, err := url.Parse(strings.TrimRight(text[i:i+end], ":,)]"))
	if err != nil || u.Host == "" {
		return ""
	}
	if q := u.Query(); q.Has("service") || q.Has("scope") || strings.HasSuffix(text[:i], `Post "`) ||
		strings.Contains(text[:i], "POST request to ") {
		return u.Host
	}
	return ""
}

// withoutUser cuts the user information off a reference. The "@" of a digest has no slash behind it.
func withoutUser(reference string) string {
	name := reference
	if i := strings.LastIndexByte(reference, '@'); i >= 0 && !strings.Contains(reference[i:], "/") {
		name = reference[:i]
	}
	return reference[strings.LastIndexByte(name, '@')+1:]
}

// named takes a reference of a log apart: host/repository:tag, host/repository@digest.
func named(reference string) place {
	reference = withoutUser(strings.TrimPrefix(strings.TrimPrefix(reference, "docker:"), "//"))
	p := place{location: reference, object: Manifest}
	if name, digest, ok := strings.Cut(reference, "@"); ok {
		p.location, p.reference = name, digest
	} else if i := strings.LastIndexByte(reference, ':'); i > strings.LastIndexByte(reference, '/') {
		p.location, p.reference = reference[:i], reference[i+1:]
	}
	if i := strings.LastIndexByte(p.location, ':'); i > strings.LastIndexByte(p.location, '/') && p.reference != "" &&
		strings.Contains(p.location, "/") {
		p.location = p.location[:i] // a tag beside the digest
	}
	return p
}
