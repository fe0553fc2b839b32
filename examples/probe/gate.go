package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"sync"

	"github.com/pullroute/pullroute/internal/shown"
)

// Why says for what reason a request is sent.
type Why string

const (
	WhyPlan     Why = "plan"     // the host of the attempt
	WhyToken    Why = "token"    // the realm that the host's challenge names
	WhyRedirect Why = "redirect" // where an answer of one of these leads to
)

// Request is one that was sent. The URL has no query, which may hold a signature or a token.
type Request struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	Why    Why    `json:"why"`
	Status int    `json:"status,omitempty"` // 0 where there was no answer
}

// errOutside is the error of a request that is not sent.
var errOutside = errors.New("is neither in the plan nor named by a location of it, and is not asked")

// A gate lets requests of one attempt through, and no others: those to the attempt's own host by the
// attempt's scheme, to the realm of its challenge, and to where these redirect. It notes each.
type gate struct {
	next   http.RoundTripper
	scheme string
	host   string
	// header is what hosts.toml has the host sent.
	header http.Header
	// first is asked in place of /v2/, where it is set: containerd does not ask for that, and learns
	// from the manifest's own answer how to authenticate.
	first *url.URL

	mu       sync.Mutex
	named    map[string]Why // by URL; of a realm without its query
	requests []Request
	// status is that of the last answer of the host itself.
	status int
}

// RoundTrip implements [http.RoundTripper].
func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	why, ok := g.why(r.URL)
	if !ok {
		return nil, fmt.Errorf("%s %w", shown.Location(r.URL.Host), errOutside)
	}
	if why == WhyPlan && len(g.header) > 0 {
		r = r.Clone(r.Context())
		for name, values := range g.header {
			if r.Header.Get(name) == "" {
				r.Header[http.CanonicalHeaderKey(name)] = values
			}
		}
	}
	if why == WhyPlan && g.first != nil && r.URL.Path == "/v2/" {
		return g.challenge(r)
	}
	return g.send(r, why)
}

// why returns the reason for which a URL may be asked.
func (g *gate) why(u *url.URL) (Why, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, named := range []string{u.String(), withoutQuery(u)} {
		if why, ok := g.named[named]; ok {
			return why, true
		}
	}
	return WhyPlan, u.Host == g.host && u.Scheme == g.scheme
}

// send sends a request, and notes it with what its answer names.
func (g *gate) send(r *http.Request, why Why) (*http.Response, error) {
	response, err := g.next.RoundTrip(r)
	g.mu.Lock()
	defer g.mu.Unlock()
	noted := Request{Method: r.Method, URL: shown.Request(withoutQuery(r.URL)), Why: why}
	if err == nil {
		noted.Status = response.StatusCode
		if why == WhyPlan {
			g.status = response.StatusCode
		}
		g.learn(r.URL, response)
	}
	g.requests = append(g.requests, noted)
	return response, err
}

// realm is the parameter of a Bearer challenge that says where tokens are given.
var realm = regexp.MustCompile(`(?i)realm="([^"]*)"`)

// learn notes the URLs that an answer names.
func (g *gate) learn(from *url.URL, response *http.Response) {
	if g.named == nil {
		g.named = map[string]Why{}
	}
	if to, err := response.Location(); err == nil && response.StatusCode/100 == 3 {
		g.named[from.ResolveReference(to).String()] = WhyRedirect
	}
	if response.StatusCode != http.StatusUnauthorized {
		return
	}
	for _, challenge := range response.Header.Values("WWW-Authenticate") {
		for _, found := range realm.FindAllStringSubmatch(challenge, -1) {
			if u, err := url.Parse(found[1]); err == nil && u.Host != "" {
				g.named[withoutQuery(u)] = WhyToken
			}
		}
	}
}

// challenge asks for the manifest, and answers as /v2/ would: with the manifest's challenge, or that
// none is needed.
func (g *gate) challenge(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	to := *g.first
	to.Scheme = r.URL.Scheme
	r.Method, r.URL, r.Host = http.MethodHead, &to, to.Host
	r.Header.Set("Accept", accepted)
	response, err := g.send(r, WhyPlan)
	if err != nil || response.StatusCode == http.StatusUnauthorized {
		return response, err
	}
	response.Body.Close()
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}, Request: r}, nil
}

func withoutQuery(u *url.URL) string {
	plain := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return plain.String()
}
