package hoststoml

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
)

// A Target is where containerd sends the requests for a host.
type Target struct {
	Scheme string // "https" or "http"
	Host   string // host[:port], as spelled
	// Path is the root of the API, "/v2" or "/v2/org". The repository's path follows it:
	// /v2/org/library/alpine/manifests/3. Empty, with override_path and no path, is the root of the
	// host.
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
	u, err := askable(url)
	if err != nil {
		return Target{}, err
	}
	root := path.Clean(u.Path)
	if !overridePath && !strings.HasSuffix(root, "/v2") {
		root += "/v2"
	}
	// A request's path is joined and cleaned once more (dockerBase.request in resolver.go).
	root = strings.TrimSuffix(path.Join("/", root), "/")
	return Target{Scheme: u.Scheme, Host: u.Host, Path: root}, nil
}

// askable fails where containerd ignores the file, or cannot send a request.
func askable(s string) (*url.URL, error) {
	u, err := parseURL(s)
	if err != nil {
		return nil, fmt.Errorf(`"%s": %w`, shown.Location(s), err)
	}
	switch {
	case u.Hostname() == "" && !strings.Contains(s, "://"):
		return nil, fmt.Errorf(`"%s": containerd takes what begins with "http" for a URL and finds no `+
			`host in it; write "https://" before it`, shown.Location(s))
	case u.Hostname() == "":
		return nil, fmt.Errorf(`"%s": there is no host in it; write https://HOST`, shown.Location(s))
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf(`"%s": scheme "%s": containerd can ask by https and http only`,
			shown.Location(s), shown.Value(u.Scheme))
	}
	return u, nil
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
		return nil, errors.New(urlMistake(err))
	}
	// net/url refuses this from Go 1.26 on; before, containerd asks a host that cannot be.
	if strings.Count(u.Host, ":") > 1 && !strings.HasPrefix(u.Host, "[") {
		return nil, errors.New("not a URL: more than one colon in the host")
	}
	return u, nil
}

// urlMistake says what is wrong with a URL. The error itself repeats the URL, or a part of it that
// may be one of the password.
func urlMistake(err error) string {
	var escape url.EscapeError
	var host url.InvalidHostError
	switch {
	case errors.As(err, &escape):
		return `not a URL: "%" stands before no two hexadecimal digits`
	case errors.As(err, &host):
		return "not a URL: a character in the host that no host has"
	case strings.Contains(err.Error(), "invalid port"):
		return "not a URL: the port is no number"
	}
	return "not a URL"
}
