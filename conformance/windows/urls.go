package windows

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/resolve"
)

// asksTheURLs says which request for a manifest goes to another URL than the plan gives, or, where that knows no
// digest, by another scheme.
func asksTheURLs(plan resolve.Plan, pull clients.Pull) error {
	byDigest := strings.Contains(plan.References[0], "@")
	for _, r := range pull.Requests {
		if !strings.HasPrefix(r.Object(), "manifests/") {
			continue
		}
		attempts := plan.Pull
		if !byDigest && r.Method == http.MethodHead {
			attempts = plan.Resolve
		}
		if asked := urlOf(r); !slices.ContainsFunc(attempts, func(a resolve.Attempt) bool { return isURLOf(asked, r, a) }) {
			return fmt.Errorf("%s %s was asked, and the plan has %+v", r.Method, asked, attempts)
		}
	}
	return nil
}

func urlOf(r world.Request) string {
	u := url.URL{Scheme: r.Scheme, Host: r.Host, Path: r.Path}
	if r.Namespace != "" {
		u.RawQuery = url.Values{"ns": {r.Namespace}}.Encode()
	}
	return u.String()
}

func isURLOf(asked string, r world.Request, a resolve.Attempt) bool {
	if a.URL == "" { // of a digest that the plan does not know
		return strings.TrimSuffix(r.Location(), "/"+r.Object()) == a.Location && (r.Scheme == a.Scheme || a.ThenHTTP)
	}
	return asked == a.URL || a.ThenHTTP && asked == "http"+strings.TrimPrefix(a.URL, "https")
}
