package windows

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/resolve"
)

// foretold is what a pull should look like from outside.
type foretold struct {
	// heads are asked for the tag, or for the digest, before anything is fetched; gets for each object.
	heads, gets []string
	byDigest    bool
}

// foretell takes a plan apart. The search for a digest goes through the hosts that may pull; a plan does
// not list them apart, so they come from the table.
func foretell(t *resolve.ContainerdTable, p resolve.Plan) foretold {
	f := foretold{heads: locations(p.Resolve), gets: locations(p.Pull),
		byDigest: strings.Contains(p.References[0], "@")}
	if f.byDigest && len(f.gets) > 0 {
		f.heads = ableToPull(t, p.References[0])
	}
	return f
}

func ableToPull(t *resolve.ContainerdTable, reference string) (able []string) {
	host, repository := splitHost(nameOf(reference))
	file, ok := t.Find(host)
	endpoints := file.Endpoints
	itself := !ok || file.Server == nil || file.Server.Host == ""
	if !itself {
		endpoints = append(slices.Clone(endpoints), *file.Server)
	}
	for _, e := range endpoints {
		if e.Capabilities.Has(resolve.CanPull) {
			able = append(able, e.Location(repository))
		}
	}
	if itself {
		if host == "docker.io" {
			host = "registry-1.docker.io"
		}
		able = append(able, host+"/"+repository)
	}
	return slices.Compact(able)
}

// compare says where a pull leaves what was foretold. It goes pass by pass: containerd goes through its
// hosts once for the tag, once or twice for a digest, and then once for each object, always up to the
// first that serves.
func (f foretold) compare(c clients.Containerd, pull clients.Pull) error {
	for _, r := range pull.Requests {
		if r.Object() == "" && r.Path != "/token" {
			return fmt.Errorf("%s was asked for %s", r.Host, r.Path)
		}
	}
	if len(f.gets) == 0 {
		if pull.Err == nil || len(pull.Requests) > 0 {
			return fmt.Errorf("the plan is empty, but %v was asked (%v)", pull.Trace(), pull.Err)
		}
		return nil
	}
	seen := newFollower(pull.Requests)
	served, err := seen.follow(http.MethodHead, "manifests/", f.heads)
	if err != nil {
		return err
	}
	// A digest that is nobody's manifest may be a blob's. 2.4 does not look for it once a registry
	// failed otherwise than by 404, as far as it counts what a registry says to a request without
	// credentials.
	if !served && f.byDigest && (!isV2(c) || !failed(pull.Requests) || seen.ahead(http.MethodHead)) {
		if served, err = seen.follow(http.MethodHead, "blobs/", f.heads); err != nil {
			return err
		}
	}
	if served {
		seen.asked = nil // fetching starts with a new authorizer
		for _, object := range objects(pull) {
			if served, err = seen.follow(http.MethodGet, object, f.gets); err != nil {
				return err
			}
			if !served {
				break
			}
		}
	}
	if len(seen.passes) > 0 {
		return fmt.Errorf("%s %s came after the end", seen.passes[0].Method, seen.passes[0].Object)
	}
	if served != (pull.Err == nil) {
		return fmt.Errorf("served %t, but the pull ends with %v", served, pull.Err)
	}
	return nil
}

// objects are what is fetched of the image that the pull found, in order.
func objects(pull clients.Pull) []string {
	i := images[0]
	if pull.Digest == images[1].Manifest.Digest {
		i = images[1]
	}
	return []string{"manifests/" + i.Manifest.Digest.String(), "blobs/" + i.Config.Digest.String(),
		"blobs/" + i.Layer.Digest.String()}
}

// failed reports whether a registry gave an answer that is neither success nor 404.
func failed(requests []world.Request) bool {
	return slices.ContainsFunc(requests, func(r world.Request) bool {
		return r.Status > 399 &&
			r.Status != http.StatusNotFound
	})
}

// follower walks through the passes of a pull.
type follower struct {
	passes []world.Pass
	// denied are the hosts whose token server gave no token. containerd remembers that a host wants one,
	// and asks the token server before it asks the host again: to no avail, so that the host is passed
	// over from then on, with all its endpoints.
	denied map[string]bool
	asked  map[string]bool // hosts, since the authorizer was made
}

func newFollower(requests []world.Request) *follower {
	f := &follower{passes: world.Passes(requests), denied: map[string]bool{}}
	for i := range f.passes {
		// A path that no registry answers, as plans call it: below / it has the same name as below /v2/.
		for j, l := range f.passes[i].Locations {
			f.passes[i].Locations[j] = strings.TrimSuffix(l, "/"+f.passes[i].Object)
		}
		f.passes[i].Locations = slices.Compact(f.passes[i].Locations)
	}
	for _, r := range requests {
		if r.Path == "/token" && r.Status != http.StatusOK {
			f.denied[r.Host] = true
		}
	}
	return f
}

// ahead reports whether another search by the method comes next.
func (f *follower) ahead(method string) bool {
	return len(f.passes) > 0 && f.passes[0].Method == method
}

// follow compares the next pass with the plan's locations, up to the one that served.
func (f *follower) follow(method, object string, plan []string) (served bool, err error) {
	var pass world.Pass
	if len(f.passes) > 0 && f.passes[0].Method == method && strings.HasPrefix(f.passes[0].Object, object) {
		pass, f.passes = f.passes[0], f.passes[1:]
	}
	last, at := "", 0
	passOver := func() bool {
		host, _ := splitHost(plan[at])
		if plan[at] == last || f.denied[host] && f.asked[host] {
			at++
			return true
		}
		return false
	}
	for _, l := range pass.Locations {
		for at < len(plan) && plan[at] != l && passOver() {
		}
		if at == len(plan) || plan[at] != l {
			return false, fmt.Errorf("%s %s went to %q, the plan says %q", method, object, pass.Locations, plan)
		}
		if f.asked == nil {
			f.asked = map[string]bool{}
		}
		host, _ := splitHost(l)
		f.asked[host] = true
		last = l
		at++
	}
	for !pass.Served && at < len(plan) {
		if !passOver() {
			return false, fmt.Errorf("%s %s ended after %q, the plan says %q", method, object, pass.Locations, plan)
		}
	}
	return pass.Served, nil
}
