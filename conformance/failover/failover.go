// Package failover holds what the library says of a client that meets a failing location against the
// client: each fault, as each answer that stands for it, at each place in a list of locations. The
// packages linux and windows run the cases, each with its clients.
package failover

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/resolve"
)

// The locations of the image that every case pulls.
var locations = []string{"m.io/a", "n.io/a", "quay.io/a"}

// Tag names the image by tag.
const Tag = "quay.io/a:1"

// Image is what the locations have.
var Image = world.NewImage("one")

// Digest names the image by digest.
var Digest = "quay.io/a@" + Image.Manifest.Digest.String()

// elsewhere is where a registry keeps its blobs that fails in the connection only.
const elsewhere = "blobs.example.com"

// answer is one way in which a location has a fault.
type answer struct {
	fault resolve.Fault
	name  string
	// registry is how the location's registry is.
	registry world.Registry
	// elsewhere is the state of the host that the blobs are at.
	elsewhere world.State
}

var answers = []answer{
	{fault: resolve.ManifestNotFound, name: "404 MANIFEST_UNKNOWN", registry: says(404, "MANIFEST_UNKNOWN")},
	{fault: resolve.ManifestNotFound, name: "404 NAME_UNKNOWN", registry: says(404, "NAME_UNKNOWN")},
	{fault: resolve.ManifestNotFound, name: "404", registry: says(404, "")},
	{fault: resolve.ManifestUnauthorized, name: "401", registry: says(401, "UNAUTHORIZED")},
	{fault: resolve.ManifestUnauthorized, name: "401 to credentials",
		registry: world.Registry{Auth: world.Basic, Username: "u"}},
	{fault: resolve.ManifestForbidden, name: "403", registry: says(403, "DENIED")},
	{fault: resolve.ManifestTooMany, name: "429", registry: says(429, "TOOMANYREQUESTS")},
	{fault: resolve.ManifestTooMany, name: "429 without a code", registry: says(429, "")},
	{fault: resolve.ManifestBroken, name: "500", registry: says(500, "UNKNOWN")},
	{fault: resolve.ManifestBroken, name: "503", registry: says(503, "")},
	{fault: resolve.ManifestBroken, name: "500 to everything", registry: world.Registry{State: world.Broken}},
	{fault: resolve.ManifestTimeout, name: "time-out", registry: world.Registry{State: world.Stalls}},
	{fault: resolve.ManifestRefused, name: "connection refused", registry: world.Registry{State: world.Down}},

	{fault: resolve.BlobUnknown, name: "404 BLOB_UNKNOWN", registry: lacks(404, "BLOB_UNKNOWN")},
	{fault: resolve.BlobNotFound, name: "404", registry: lacks(404, "")},
	{fault: resolve.BlobNotFound, name: "404 NAME_UNKNOWN", registry: lacks(404, "NAME_UNKNOWN")},
	{fault: resolve.BlobUnauthorized, name: "401", registry: lacks(401, "UNAUTHORIZED")},
	{fault: resolve.BlobForbidden, name: "403", registry: lacks(403, "DENIED")},
	{fault: resolve.BlobTooMany, name: "429", registry: lacks(429, "TOOMANYREQUESTS")},
	{fault: resolve.BlobBroken, name: "500", registry: lacks(500, "UNKNOWN")},
	{fault: resolve.BlobBroken, name: "503", registry: lacks(503, "")},
	{fault: resolve.BlobBroken, name: "500 to everything", registry: world.Registry{State: world.Broken}},
	{fault: resolve.BlobTimeout, name: "time-out where it redirects to",
		registry: world.Registry{BlobsAt: elsewhere}, elsewhere: world.Stalls},
	{fault: resolve.BlobTimeout, name: "time-out", registry: world.Registry{State: world.Stalls}},
	{fault: resolve.BlobRefused, name: "connection refused where it redirects to",
		registry: world.Registry{BlobsAt: elsewhere}, elsewhere: world.Down},
	{fault: resolve.BlobRefused, name: "connection refused", registry: world.Registry{State: world.Down}},
}

func says(status int, code string) world.Registry {
	return world.Registry{Manifests: world.Answer{Status: status, Code: code}}
}

func lacks(status int, code string) world.Registry {
	return world.Registry{Blobs: world.Answer{Status: status, Code: code}}
}

// ofManifest reports whether the fault is one of the manifest.
func (a answer) ofManifest() bool { return strings.HasPrefix(string(a.fault), "manifest ") }

// whole reports whether the registry gives neither manifests nor blobs. As a fault of a blob that is
// seen only where another location gave the manifest.
func (a answer) whole() bool {
	return a.registry.State != world.Up || a.registry.Auth != world.Anonymous
}

// Case is one pull.
type Case struct {
	answer
	// place is that of the faulty location.
	place int
	// lost is set where the locations before it gave the manifest and say BLOB_UNKNOWN; otherwise
	// they have nothing.
	lost bool
	// rest is set where the locations after it fail alike; otherwise they have the image.
	rest bool
	// Never is set for a source under NeverContactSource.
	Never bool
	// Image is pulled.
	Image string
}

func (c Case) String() string {
	before, after := "empty", "good"
	if c.lost {
		before = "without blobs"
	}
	if c.rest {
		after = "the same"
	}
	return fmt.Sprintf("%s as %s at location %d, before it %s, after it %s, never %t, %s", c.fault, c.name,
		c.place+1, before, after, c.Never, c.Image)
}

// Slow reports whether a client waits in the case for seconds.
func (c Case) Slow() bool { return c.registry.State == world.Stalls || c.elsewhere == world.Stalls }

// Cases returns all of them.
func Cases() (cases []Case) {
	for _, a := range answers {
		for place := range locations {
			for _, lost := range []bool{false, true} {
				for _, rest := range []bool{false, true} {
					for _, never := range []bool{false, true} {
						for _, image := range []string{Tag, Digest} {
							c := Case{answer: a, place: place, lost: lost, rest: rest, Never: never, Image: image}
							if c.possible() {
								cases = append(cases, c)
							}
						}
					}
				}
			}
		}
	}
	return cases
}

// possible reports whether the case is one, and not the same as another.
func (c Case) possible() bool {
	last := len(locations) - 1
	switch {
	case c.Never && c.place == last, c.rest && c.place == last:
		return false
	case c.lost && (c.place == 0 || c.ofManifest()):
		return false // the fault is not seen
	case c.whole() && !c.ofManifest() && !c.lost:
		return false
	case c.Slow() && (c.Never || c.rest || c.Image == Tag): // each takes ten seconds and more
		return false
	}
	return true
}

// World returns the registries.
func (c Case) World() *world.World {
	w := world.New()
	w.Registry(elsewhere).State = c.elsewhere
	for i, location := range locations {
		host, _, _ := strings.Cut(location, "/")
		switch {
		case i == c.place, i > c.place && c.rest:
			*w.Registry(host) = c.registry
		case i < c.place && c.lost:
			w.Registry(host).WithoutBlobs = true
		case i < c.place:
			w.Registry(host).State = world.Empty
		}
		w.Put(location, "1", Image)
	}
	return w
}

// faultOf returns the fault of a location for an object; "" where it has it.
func (c Case) faultOf(location string, manifest bool) resolve.Fault {
	i := slices.Index(locations, location)
	switch {
	case i == c.place, i > c.place && c.rest:
		object, what, _ := strings.Cut(string(c.fault), " ")
		switch {
		case c.ofManifest() == manifest:
			return c.fault
		case c.whole() && object == "manifest":
			return resolve.Fault("blob " + what)
		case c.whole():
			return resolve.Fault("manifest " + what)
		}
	case i < c.place && c.lost:
		if !manifest {
			return resolve.BlobUnknown
		}
	case i < c.place:
		if manifest {
			return resolve.ManifestNotFound
		}
		return resolve.BlobUnknown
	}
	return ""
}

// A Request is one object that is asked for at a location.
type Request struct {
	Method, Object, Location string
	// Times is how often in a row; 0 where it may be any number of times.
	Times int
}

// Foretell returns what the plan says of the case: the requests, and whether the image is served.
// containerd 1 looks for a blob of the digest whatever the failures were; containerd 2 does not where a
// registry answered with another error than 404 (resolver.go, firstErrPriority).
func (c Case) Foretell(plan resolve.Plan, containerd1 bool) (requests []Request, served bool) {
	f := foreteller{Case: c, plan: plan}
	blobs := []string{"blobs/" + Image.Config.Digest.String(), "blobs/" + Image.Layer.Digest.String()}
	manifest := "manifests/" + Image.Manifest.Digest.String()
	if !plan.Client.BeginsAnew() {
		if c.Image == Tag {
			manifest = "manifests/1"
		}
		served = f.look(http.MethodGet, manifest)
		for _, blob := range blobs {
			served = served && f.look(http.MethodGet, blob)
		}
		return f.requests, served
	}
	if c.Image == Tag {
		served = f.look(http.MethodHead, "manifests/1")
	} else {
		served = f.look(http.MethodHead, manifest)
		if !served && (containerd1 || !f.other) {
			f.at = 0
			f.look(http.MethodHead, "blobs/"+Image.Manifest.Digest.String())
			return f.requests, false // no blob has the digest of a manifest
		}
	}
	for _, object := range append([]string{manifest}, blobs...) {
		f.at = 0
		served = served && f.look(http.MethodGet, object)
	}
	return f.requests, served
}

type foreteller struct {
	Case
	plan     resolve.Plan
	requests []Request
	at       int  // the location that is asked
	other    bool // a registry answered with an error other than 404
}

// look adds the requests for an object, from the location that is asked on.
func (f *foreteller) look(method, object string) (served bool) {
	for ; ; f.at++ {
		location := f.plan.Pull[f.at].Location
		fault := f.faultOf(location, strings.HasPrefix(object, "manifests/"))
		if object == "blobs/"+Image.Manifest.Digest.String() {
			fault = resolve.BlobUnknown
		}
		request := Request{Method: method, Object: object, Location: location, Times: 1}
		step := resolve.StepFail
		if fault != "" {
			step = f.plan.After(f.at, fault)
			switch fault {
			case resolve.ManifestNotFound, resolve.ManifestTimeout, resolve.ManifestRefused:
			default:
				f.other = true
			}
		}
		last := f.at == len(f.plan.Pull)-1
		switch {
		case f.plan.Client.BeginsAnew(), last, fault == resolve.ManifestTooMany, fault == resolve.BlobTooMany:
			request.Times = 0
		case step == resolve.StepRetry:
			request.Times = 2
		}
		f.requests = append(f.requests, request)
		if fault == "" {
			return true
		}
		if step == resolve.StepFail {
			return false
		}
	}
}

// Compare says where what happened leaves what was foretold.
func Compare(want []Request, served bool, requests []world.Request, err error) error {
	got := seen(requests)
	for i := range max(len(got), len(want)) {
		switch {
		case i == len(got):
			return fmt.Errorf("ended after %d requests, and %+v was to come", i, want[i])
		case i == len(want):
			return fmt.Errorf("%+v came after the end", got[i])
		case !got[i].is(want[i]):
			return fmt.Errorf("request %d is %+v, and %+v was to come", i+1, got[i], want[i])
		}
	}
	if served != (err == nil) {
		return fmt.Errorf("served %t, but the pull ends with %v", served, err)
	}
	return nil
}

func (got Request) is(want Request) bool {
	if host, _, _ := strings.Cut(want.Location, "/"); got.Location == host {
		// All that is seen of a connection or a ping that came to nothing. containers-image does not
		// repeat one: it remembers what became of its ping (detectProperties).
		return got.Times == 1 || want.Times == 0
	}
	return got.Method == want.Method && got.Object == want.Object && got.Location == want.Location &&
		(want.Times == 0 || got.Times == want.Times)
}

// seen are the requests for objects, repeats in a row counted.
func seen(requests []world.Request) (list []Request) {
	var before world.Request
	for _, r := range requests {
		if r.Host == elsewhere || r.Object() == "" && r.Method != http.MethodConnect &&
			r.Status != http.StatusInternalServerError {
			continue // a ping that is answered goes before a request
		}
		// containerd 2 asks by GET why it may not, having asked by HEAD.
		why := r.Method == http.MethodGet && r.Status == http.StatusForbidden && before.Method == http.MethodHead &&
			before.Status == http.StatusForbidden && before.Object() == r.Object() && before.Host == r.Host
		before = r
		if why {
			continue
		}
		next := Request{Method: r.Method, Object: r.Object(), Location: r.Location(), Times: 1}
		if n := len(list); n > 0 && list[n-1].Method == next.Method && list[n-1].Object == next.Object &&
			list[n-1].Location == next.Location {
			list[n-1].Times++
			continue
		}
		list = append(list, next)
	}
	return list
}
