package world

import (
	"fmt"
	"net/http"
	"strings"
)

// Request is one request as a registry saw it.
type Request struct {
	Scheme        string // http or https
	Host          string // host[:port], as the client spelled it
	Method        string // CONNECT is a connection through the proxy that came to nothing
	Path          string
	Namespace     string // the query's ns: the registry that containerd asks a mirror about
	Authorization string // the header's value
	Status        int    // of the answer; 0 where there was none
}

// Location is what was asked for: host[:port]/repository of a manifest or blob; the bare host
// where the request names no repository (the ping of /v2/, a connection that failed); host and
// path as they are for anything else.
func (r Request) Location() string {
	if repository, _, _ := parsePath(r.Path); repository != "" {
		return r.Host + "/" + repository
	}
	if r.Path == "" || r.Path == "/v2/" || r.Path == "/v2" {
		return r.Host
	}
	return r.Host + r.Path
}

// Object is manifests/TAG, manifests/DIGEST or blobs/DIGEST, and empty for any other request.
func (r Request) Object() string {
	_, kind, object := parsePath(r.Path)
	if kind == "" {
		return ""
	}
	return kind + "/" + object
}

// Trace returns the locations that were asked, in order, repeats in a row written once. Requests
// to token servers are left out, and pings where a request to the same host follows: they belong
// to the attempt that they serve.
func Trace(requests []Request) []string {
	var trace []string
	for _, r := range requests {
		if r.Path == "/token" {
			continue
		}
		location := r.Location()
		if n := len(trace); n > 0 && (trace[n-1] == location || trace[n-1] == r.Host) {
			trace[n-1] = location
			continue
		}
		trace = append(trace, location)
	}
	return trace
}

// Pass is a client's search for one object: containerd goes through its hosts anew for each.
type Pass struct {
	Method    string
	Object    string
	Locations []string // as in Trace
	Served    bool     // the last location had it
}

// Passes splits the requests by method and object. For containerd, HEAD passes are the resolving
// of a name, GET passes the fetching of its content.
func Passes(requests []Request) []Pass {
	var passes []Pass
	var run []Request
	flush := func() {
		if len(run) == 0 {
			return
		}
		last := run[len(run)-1]
		passes = append(passes, Pass{
			Method:    run[0].Method,
			Object:    run[0].Object(),
			Locations: Trace(run),
			Served:    last.Status == http.StatusOK,
		})
		run = nil
	}
	for _, r := range requests {
		if r.Object() == "" {
			continue // token servers, pings
		}
		if len(run) > 0 && (run[0].Method != r.Method || run[0].Object() != r.Object()) {
			flush()
		}
		run = append(run, r)
	}
	flush()
	return passes
}

// Follow reports where a trace leaves the plan: it has to be a beginning of it, as a client stops
// at the first location that serves. A bare host in the trace, all that a proxy sees of a registry
// that is down, stands for any location of that host. Names compare as the wire sees them.
func Follow(trace, plan []string) error {
	for i, location := range trace {
		if i >= len(plan) {
			return fmt.Errorf("attempt %d went to %s, after the end of the plan %q", i+1, location, plan)
		}
		got, want := WireLocation(location), WireLocation(plan[i])
		host, _, _ := strings.Cut(want, "/")
		if got != want && got != host {
			return fmt.Errorf("attempt %d went to %s, the plan says %s (trace %q, plan %q)", i+1, location, plan[i], trace, plan)
		}
	}
	return nil
}

// Contacts returns the requests for a location inside the source, which is host[:port], with or
// without a path, or *.host. A source is reached by HTTPS, and by the scheme of the request where
// no port is spelled in it: a client that asks for n.io by plain HTTP asks n.io:80.
func Contacts(requests []Request, source string) []Request {
	var inside []Request
	for _, r := range requests {
		if place := r.Place(); Around("https", source, place) || Around(r.Scheme, source, place) {
			inside = append(inside, r)
		}
	}
	return inside
}

// Inside says whether a location lies inside a source, both asked by HTTPS.
func Inside(location, source string) bool {
	host, rest := cut(location)
	return Around("https", source, Address("https", host)+rest)
}

// parsePath takes /v2/REPOSITORY/manifests/OBJECT apart, and the same with blobs. Where the path
// does not begin with /v2/ there is no repository, but still an object.
func parsePath(path string) (repository, kind, object string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", "", ""
	}
	rest, object := path[:i], path[i+1:]
	for _, kind := range []string{"manifests", "blobs"} {
		if name, ok := strings.CutSuffix(rest, "/"+kind); ok && object != "" {
			repository, ok := strings.CutPrefix(name, "/v2/")
			if !ok {
				repository = ""
			}
			return repository, kind, object
		}
	}
	return "", "", ""
}
