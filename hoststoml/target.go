package hoststoml

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
)

// A Target is where containerd sends the requests for a host.
type Target struct {
	Scheme string // "https" or "http"
	Host   string // host[:port], as spelled
	// Path is the root of the API, "/v2" or "/v2/org". The repository's path follows it:
	// /v2/org/library/alpine/manifests/3. Empty, with override_path and no path, is the root of the host.
	Path string
}

// ParseTarget returns where containerd sends requests for a host table's name, or for server.
//
// The rule is that of parseHostConfig in containerd's hosts.go, the same from 1.6 to 2.4: "https://" is
// put before what does not begin with "http"; the path is cleaned; "/v2" is appended to a path that does
// not end in it, unless override_path is set. So "https://m.io/org" is asked at /org/v2, where hardly a
// registry answers; what is meant is "https://m.io/v2/org" with override_path. Everything else a URL can
// have, user information and query among it, is dropped.
//
// An error says that containerd ignores the whole file, or that it could not send a request.
func ParseTarget(url string, overridePath bool) (Target, error) {
	u, err := parseURL(url)
	if err != nil {
		return Target{}, fmt.Errorf("%q: %w", shown(url), err)
	}
	switch {
	case u.Hostname() == "" && !strings.Contains(url, "://"):
		return Target{}, fmt.Errorf(`%q: containerd takes what begins with "http" for a URL and finds no host in it; write "https://" before it`, shown(url))
	case u.Hostname() == "":
		return Target{}, fmt.Errorf("%q: there is no host in it; write https://HOST", shown(url))
	case u.Scheme != "https" && u.Scheme != "http":
		return Target{}, fmt.Errorf("%q: scheme %q: containerd can ask by https and http only", shown(url), u.Scheme)
	}
	root := u.Path
	if root != "" {
		root = path.Clean(root)
	}
	if !overridePath && !strings.HasSuffix(root, "/v2") {
		root += "/v2"
	}
	// A request's path is joined and cleaned once more (dockerBase.request in resolver.go).
	root = strings.TrimSuffix(path.Join("/", root), "/")
	return Target{Scheme: u.Scheme, Host: u.Host, Path: root}, nil
}

// parseURL fails where containerd ignores the file.
func parseURL(s string) (*url.URL, error) {
	if s == "" {
		return nil, errors.New("empty: write https://HOST")
	}
	if !strings.HasPrefix(s, "http") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		// The error repeats the URL, and its cause may repeat a part of the password.
		var cause *url.Error
		if strings.Contains(s, "@") || !errors.As(err, &cause) {
			return nil, errors.New("not a URL")
		}
		return nil, fmt.Errorf("not a URL: %w", cause.Err)
	}
	// net/url refuses this from Go 1.26 on; before, containerd asks a host that cannot be.
	if strings.Count(u.Host, ":") > 1 && !strings.HasPrefix(u.Host, "[") {
		return nil, errors.New("not a URL: more than one colon in the host")
	}
	return u, nil
}

// shown returns a URL, or a text that may hold one, without user information and query.
func shown(s string) string {
	s, _, query := strings.Cut(s, "?")
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		start := 0
		if j := strings.Index(s[:i], "://"); j >= 0 {
			start = j + len("://")
		}
		s = s[:start] + redacted + s[i:]
	}
	if query {
		s += "?" + redacted
	}
	return s
}
