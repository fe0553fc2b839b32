// Package world stands in for the container registries of the internet.
//
// A [World] is any number of registries behind one value: it says which of them are up, which
// ask for credentials and which images each has, and it keeps every request in order. A client
// library reaches it in process, as the http.RoundTripper of its HTTP client; an unmodified
// program reaches it through a [Proxy] on loopback. Either way the client asks for quay.io or
// mcr.microsoft.com by name, and nothing leaves the machine.
//
//	w := world.New()
//	w.Put("mirror.example.com/team/app", "1", world.NewImage("one"))
//	w.Registry("quay.io").State = world.Down
//	... let a client pull ...
//	world.Trace(w.Requests()) // [mirror.example.com/team/app]
package world

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// State is how a registry answers.
type State int

const (
	Up     State = iota // answers for the images it has, 404 for all others
	Down                // refuses connections
	Broken              // answers 500 to everything
	Empty               // answers 404 to every manifest and blob, whatever it has
	Hangs               // takes the request and never answers
	Stalls              // takes the connection and never speaks TLS, until the client gives up
)

// Answer is what a registry says in place of an object; the zero value is none.
type Answer struct {
	Status int
	Code   string // of the error in the body; without one there is no body
}

func (a Answer) reply() reply {
	r := failure(a.Status, a.Code, "no")
	if a.Code == "" {
		r.body = nil
	}
	if a.Status == http.StatusTooManyRequests {
		r.header.Set("Retry-After", "0") // clients wait for seconds otherwise
	}
	return r
}

// Auth is how a registry asks who is there.
type Auth int

const (
	Anonymous Auth = iota
	Basic          // 401 with a Basic challenge
	Bearer         // 401 with a Bearer challenge that names a token server
)

// Registry is one host of a [World]. The zero value is up, open and empty.
type Registry struct {
	State State
	Auth  Auth

	// Username and Password are what Basic, and the token server of Bearer, accept. With an empty
	// Username, Basic accepts nothing, and the token server hands a token to anyone.
	Username, Password string

	// Realm is the host of the token server, the registry itself if empty. Any host of a world is
	// a token server under the path /token.
	Realm string

	// PlainHTTP marks a registry that does not speak TLS. All others speak nothing else.
	PlainHTTP bool

	// BlobsAt is the host that requests for blobs are redirected to, under the same path; empty for
	// none.
	BlobsAt string

	// Manifests and Blobs are answers to all requests for manifests and for blobs.
	Manifests, Blobs Answer

	// WithoutBlobs is a registry that lost its blobs, but still has the manifests.
	WithoutBlobs bool

	// Backend, where it is set, is a real registry on loopback that answers in place of
	// Repositories, pushes included.
	Backend *url.URL

	// Repositories holds the images by repository path and tag. An image is also found by digest.
	Repositories map[string]map[string]Image
}

// World is a set of registries and the record of what they were asked. Its methods may be called
// from any goroutine; change registries only while no client is at work.
type World struct {
	// Elsewhere is the state of all registries that were never mentioned.
	Elsewhere State

	// Patience is how long a client in process waits for a registry that hangs, before its
	// transport gives up as the clients' own transports do after 30 seconds. Zero is at once.
	// A client behind a Proxy waits as long as it likes.
	Patience time.Duration

	// Websites are hosts that are no registry and answer 404: docker.io, where a client asks for it
	// under that name.
	Websites []string

	mu         sync.Mutex
	registries map[string]*Registry
	requests   []Request
}

// New returns a world in which every registry is up and empty.
func New() *World {
	return &World{registries: map[string]*Registry{}}
}

// Registry returns the registry at host[:port], to be changed as the test needs it. Without a port
// it answers at the default ports of both schemes, unless another is put at port 80.
func (w *World) Registry(host string) *Registry {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.registry("https", host)
}

// Put adds an image to a repository, location being host[:port]/repository as asked on the wire.
func (w *World) Put(location, tag string, image Image) {
	host, repository, _ := strings.Cut(location, "/")
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.registry("https", host)
	if r.Repositories == nil {
		r.Repositories = map[string]map[string]Image{}
	}
	if r.Repositories[repository] == nil {
		r.Repositories[repository] = map[string]Image{}
	}
	r.Repositories[repository][tag] = image
}

// Requests returns all requests since the last Reset, in the order of their arrival.
func (w *World) Requests() []Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Request(nil), w.requests...)
}

// Reset forgets the requests, and only these.
func (w *World) Reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = nil
}

// Token is the bearer token that opens the registry at host.
func Token(host string) string {
	return "token-for-" + base64.RawURLEncoding.EncodeToString([]byte(WireLocation(host)))
}

// registry returns the registry that a client of a scheme reaches at a host.
func (w *World) registry(scheme, host string) *Registry {
	address := Address(scheme, host)
	r, ok := w.registries[address]
	if name, plain := strings.CutSuffix(address, ":80"); !ok && plain && scheme == "http" {
		address = name + ":443"
		r, ok = w.registries[address]
	}
	if !ok {
		r = &Registry{State: w.Elsewhere}
		w.registries[address] = r
	}
	return r
}

// The ways in which a request gets no answer.
var (
	errRefused  = errors.New("connection refused")
	errHangs    = errors.New("no answer")
	errNotTLS   = errors.New("the registry speaks plain HTTP")
	errProtocol = errors.New("not an absolute request")
)

// reply is an answer before it is bound to a way of transport.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// answer records the request and decides what the registry says to it.
func (w *World) answer(scheme, host string, r *http.Request) (reply, error) {
	if host == "" {
		return reply{}, errProtocol
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	index := len(w.requests)
	w.requests = append(w.requests, Request{
		Scheme:        scheme,
		Host:          host,
		Method:        r.Method,
		Path:          r.URL.Path,
		Namespace:     r.URL.Query().Get("ns"),
		Authorization: r.Header.Get("Authorization"),
	})
	a, err := w.decide(scheme, host, r)
	w.requests[index].Status = a.status
	return a, err
}

// connect is asked for a tunnel to a registry. It says whether TLS will be spoken in it, and
// records nothing unless the connection ends here: the requests in the tunnel follow.
func (w *World) connect(host string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.registry("https", host)
	var err error
	switch {
	case r.State == Down, Address("https", host) == "":
		err = errRefused
	case r.State == Stalls:
		err = errHangs
	case r.PlainHTTP:
		err = errNotTLS
	}
	if err != nil {
		w.requests = append(w.requests, Request{Scheme: "https", Host: host, Method: http.MethodConnect})
	}
	return err
}

func (w *World) decide(scheme, host string, r *http.Request) (reply, error) {
	if slices.Contains(w.Websites, host) {
		return failure(http.StatusNotFound, "", "no such page"), nil
	}
	registry := w.registry(scheme, host)
	if Address(scheme, host) == "" {
		return reply{}, errRefused // no client gets as far as this
	}
	switch registry.State {
	case Down:
		return reply{}, errRefused
	case Hangs, Stalls:
		return reply{}, errHangs
	}
	if registry.PlainHTTP && scheme == "https" {
		return reply{}, errNotTLS
	}
	if !registry.PlainHTTP && scheme == "http" {
		return failure(http.StatusBadRequest, "UNSUPPORTED", "client sent an HTTP request to an HTTPS server"), nil
	}
	if registry.State == Broken {
		return failure(http.StatusInternalServerError, "UNKNOWN", "broken"), nil
	}
	if r.URL.Path == "/token" {
		return w.issueToken(scheme, r), nil
	}
	if challenge := registry.challenge(host, r); challenge != "" {
		a := failure(http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		a.header.Set("WWW-Authenticate", challenge)
		return a, nil
	}
	if r.URL.Path == "/v2/" || r.URL.Path == "/v2" {
		return reply{http.StatusOK, http.Header{"Content-Type": {"application/json"}}, []byte("{}")}, nil
	}
	if registry.Backend != nil {
		return registry.forward(scheme, host, r), nil
	}
	return registry.content(r), nil
}

// forward asks the backend. It is told the name that the client used, so that the places it names for
// uploads are under that name.
func (g *Registry) forward(scheme, host string, r *http.Request) reply {
	target := *g.Backend
	target.Path, target.RawQuery = r.URL.Path, r.URL.RawQuery
	request, err := http.NewRequestWithContext(r.Context(), r.Method, target.String(), r.Body)
	if err != nil {
		return failure(http.StatusBadGateway, "UNKNOWN", err.Error())
	}
	request.Host, request.ContentLength = host, r.ContentLength
	request.Header = r.Header.Clone()
	request.Header.Set("X-Forwarded-Proto", scheme)
	response, err := backendClient.Do(request)
	if err != nil {
		return failure(http.StatusBadGateway, "UNKNOWN", err.Error())
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return failure(http.StatusBadGateway, "UNKNOWN", err.Error())
	}
	header := response.Header.Clone()
	if r.Method == http.MethodHead {
		body = make([]byte, max(response.ContentLength, 0)) // counted, not sent
	}
	header.Del("Content-Length")
	return reply{response.StatusCode, header, body}
}

// backendClient goes past any proxy: the backend is on loopback.
var backendClient = &http.Client{Transport: &http.Transport{}}

// challenge returns the WWW-Authenticate header for a request without valid credentials, and
// nothing where it has them.
func (g *Registry) challenge(host string, r *http.Request) string {
	switch g.Auth {
	case Basic:
		user, password, ok := r.BasicAuth()
		if ok && g.Username != "" && user == g.Username && password == g.Password {
			return ""
		}
		return `Basic realm="` + host + `"`
	case Bearer:
		if r.Header.Get("Authorization") == "Bearer "+Token(host) {
			return ""
		}
		realm := g.Realm
		if realm == "" {
			realm = host
		}
		scheme := "https"
		if g.PlainHTTP {
			scheme = "http"
		}
		challenge := fmt.Sprintf(`Bearer realm="%s://%s/token",service="%s"`, scheme, realm, host)
		if repository, _, _ := parsePath(r.URL.Path); repository != "" {
			challenge += `,scope="repository:` + repository + `:pull"`
		}
		return challenge
	}
	return ""
}

// issueToken is the token server: the registry in question is named by the query's service.
func (w *World) issueToken(scheme string, r *http.Request) reply {
	if r.Method != http.MethodGet {
		// As registries without the OAuth2 way do; clients then use GET.
		return failure(http.StatusMethodNotAllowed, "UNSUPPORTED", "use GET")
	}
	service := r.URL.Query().Get("service")
	g := w.registry(scheme, service)
	if user, password, _ := r.BasicAuth(); g.Username != "" && (user != g.Username || password != g.Password) {
		return failure(http.StatusUnauthorized, "UNAUTHORIZED", "no token for these credentials")
	}
	body, _ := json.Marshal(map[string]any{"token": Token(service), "access_token": Token(service), "expires_in": 300})
	return reply{http.StatusOK, http.Header{"Content-Type": {"application/json"}}, body}
}

func (g *Registry) content(r *http.Request) reply {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return failure(http.StatusMethodNotAllowed, "UNSUPPORTED", "this registry is read-only")
	}
	repository, kind, object := parsePath(r.URL.Path)
	images := g.Repositories[repository]
	if g.State == Empty {
		images = nil
	}
	switch kind {
	case "manifests":
		if g.Manifests.Status != 0 {
			return g.Manifests.reply()
		}
		if image, ok := images[object]; ok {
			return image.Manifest.reply()
		}
		for _, image := range images {
			if string(image.Manifest.Digest) == object {
				return image.Manifest.reply()
			}
		}
		return failure(http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
	case "blobs":
		if g.Blobs.Status != 0 {
			return g.Blobs.reply()
		}
		if g.BlobsAt != "" {
			a := failure(http.StatusTemporaryRedirect, "", "")
			a.header.Set("Location", "https://"+g.BlobsAt+r.URL.Path)
			return a
		}
		for _, image := range images {
			for _, c := range []Content{image.Config, image.Layer} {
				if string(c.Digest) == object && !g.WithoutBlobs {
					return c.reply()
				}
			}
		}
		return failure(http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown")
	}
	return failure(http.StatusNotFound, "NAME_UNKNOWN", "no such path")
}

func (c Content) reply() reply {
	return reply{http.StatusOK, http.Header{
		"Content-Type":          {c.MediaType},
		"Docker-Content-Digest": {c.Digest.String()},
	}, c.Bytes}
}

// failure is an error in the form of the distribution API; containers-image decides by its code
// whether to look for a blob elsewhere.
func failure(status int, code, message string) reply {
	body, _ := json.Marshal(map[string]any{"errors": []map[string]string{{"code": code, "message": message}}})
	return reply{status, http.Header{"Content-Type": {"application/json"}}, body}
}
