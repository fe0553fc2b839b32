package world_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/world"
)

func client(p *world.Proxy) *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy:           http.ProxyURL(p.URL()),
		TLSClientConfig: &tls.Config{RootCAs: p.CertPool()},
	}}
}

// ways are the two ways into a world, which must look the same to a client.
func ways(t *testing.T, test func(t *testing.T, w *world.World, c *http.Client)) {
	t.Run("in process", func(t *testing.T) {
		w := world.New()
		test(t, w, &http.Client{Transport: w})
	})
	t.Run("through the proxy", func(t *testing.T) {
		w := world.New()
		p, err := world.NewProxy(w)
		require.NoError(t, err)
		defer p.Close()
		test(t, w, client(p))
	})
}

func get(t *testing.T, c *http.Client, method, url string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	require.NoError(t, err)
	response, err := c.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Header, string(body)
}

func TestAnImageIsServedByTagAndByDigest(t *testing.T) {
	ways(t, func(t *testing.T, w *world.World, c *http.Client) {
		image := world.NewImage("one")
		w.Put("quay.io/team/app", "1", image)
		for _, object := range []string{"1", string(image.Manifest.Digest)} {
			status, header, body := get(t, c, "GET", "https://quay.io/v2/team/app/manifests/"+object+"?ns=docker.io")
			require.Equal(t, 200, status)
			require.Equal(t, string(image.Manifest.Digest), header.Get("Docker-Content-Digest"))
			require.Equal(t, image.Manifest.Digest, digest.FromString(body))
		}
		status, header, body := get(t, c, "HEAD", "https://quay.io/v2/team/app/manifests/1")
		require.Equal(t, 200, status)
		require.Empty(t, body)
		require.NotEmpty(t, header.Get("Content-Type"))
		_, _, body = get(t, c, "GET", "https://quay.io/v2/team/app/blobs/"+string(image.Layer.Digest))
		require.Equal(t, image.Layer.Digest, digest.FromString(body))
		status, _, _ = get(t, c, "GET", "https://quay.io/v2/team/other/manifests/1")
		require.Equal(t, 404, status)

		requests := w.Requests()
		require.Len(t, requests, 5)
		require.Equal(t, world.Request{
			Scheme: "https", Host: "quay.io", Method: "GET", Namespace: "docker.io", Status: 200,
			Path: "/v2/team/app/manifests/1",
		}, requests[0])
		require.Equal(t, []string{"quay.io/team/app", "quay.io/team/other"}, world.Trace(requests))
	})
}

func TestRegistriesAnswerAsTheirStateSays(t *testing.T) {
	ways(t, func(t *testing.T, w *world.World, c *http.Client) {
		w.Put("empty.io/a", "1", world.NewImage("one"))
		w.Registry("empty.io").State = world.Empty
		w.Registry("broken.io").State = world.Broken
		w.Registry("down.io:5000").State = world.Down
		w.Registry("plain.io:80").PlainHTTP = true

		status, _, _ := get(t, c, "GET", "https://empty.io/v2/a/manifests/1")
		require.Equal(t, 404, status)
		status, _, _ = get(t, c, "GET", "https://broken.io/v2/a/manifests/1")
		require.Equal(t, 500, status)
		status, _, _ = get(t, c, "GET", "http://broken.io/v2/")
		require.Equal(t, 400, status, "plain HTTP at a TLS registry")
		status, _, _ = get(t, c, "GET", "http://plain.io:80/v2/")
		require.Equal(t, 200, status)
		w.Reset()

		_, err := c.Get("https://down.io:5000/v2/a/manifests/1")
		require.Error(t, err)
		require.Equal(t, []string{"down.io:5000"}, hosts(w.Requests()))
		_, err = c.Get("https://plain.io:80/v2/")
		require.ErrorIs(t, err, http.ErrSchemeMismatch)
	})
}

func TestErrorsInProcessAreThoseOfARealTransport(t *testing.T) {
	w := world.New()
	w.Registry("down.io").State = world.Down
	w.Registry("hangs.io").State = world.Hangs
	c := &http.Client{Transport: w}

	_, err := c.Get("https://down.io/v2/")
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	_, err = c.Get("https://hangs.io/v2/")
	var timeout net.Error
	require.True(t, errors.As(err, &timeout) && timeout.Timeout())

	w.Patience = time.Hour
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", "https://hangs.io/v2/", nil)
	_, err = c.Do(r)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestAHangingRegistryHoldsAClientOfTheProxy(t *testing.T) {
	w := world.New()
	w.Registry("hangs.io").State = world.Hangs
	p, err := world.NewProxy(w)
	require.NoError(t, err)
	defer p.Close()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for len(w.Requests()) == 0 {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(10 * time.Millisecond)
		cancel()
	}()
	r, _ := http.NewRequestWithContext(ctx, "GET", "https://hangs.io/v2/a/manifests/1", nil)
	_, err = client(p).Do(r)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []string{"hangs.io/a"}, world.Trace(w.Requests()))
}

func TestCredentialsAreAskedForAndRecorded(t *testing.T) {
	ways(t, func(t *testing.T, w *world.World, c *http.Client) {
		*w.Registry("basic.io") = world.Registry{Auth: world.Basic, Username: "u", Password: "p"}
		*w.Registry("bearer.io") = world.Registry{Auth: world.Bearer, Username: "u", Password: "p", Realm: "auth.io"}

		status, header, _ := get(t, c, "GET", "https://basic.io/v2/")
		require.Equal(t, 401, status)
		require.Equal(t, `Basic realm="basic.io"`, header.Get("WWW-Authenticate"))
		status, _, _ = get(t, c, "GET", "https://u:p@basic.io/v2/")
		require.Equal(t, 200, status)
		require.Equal(t, "Basic dTpw", w.Requests()[1].Authorization)

		_, header, _ = get(t, c, "GET", "https://bearer.io/v2/a/manifests/1")
		require.Equal(t, `Bearer realm="https://auth.io/token",service="bearer.io",scope="repository:a:pull"`,
			header.Get("WWW-Authenticate"))
		status, _, _ = get(t, c, "GET", "https://auth.io/token?service=bearer.io")
		require.Equal(t, 401, status)
		status, _, body := get(t, c, "GET", "https://u:p@auth.io/token?service=bearer.io")
		require.Equal(t, 200, status)
		require.Contains(t, body, world.Token("bearer.io"))
	})
}

func TestTheProxyCanChangeWorlds(t *testing.T) {
	first, second := world.New(), world.New()
	p, err := world.NewProxy(first)
	require.NoError(t, err)
	defer p.Close()
	p.Use(second)
	get(t, client(p), "GET", "https://quay.io/v2/")
	require.Empty(t, first.Requests())
	require.Len(t, second.Requests(), 1)
}

func TestATraceCollapsesRepeatsAndPings(t *testing.T) {
	requests := []world.Request{
		{Host: "a.io", Method: "GET", Path: "/v2/"},
		{Host: "auth.io", Method: "GET", Path: "/token"},
		{Host: "a.io", Method: "HEAD", Path: "/v2/x/y/manifests/1"},
		{Host: "a.io", Method: "HEAD", Path: "/v2/x/y/manifests/1"},
		{Host: "b.io", Method: "CONNECT"},
		{Host: "c.io", Method: "HEAD", Path: "/org/v2/x/manifests/1"},
		{Host: "a.io", Method: "GET", Path: "/v2/x/y/blobs/sha256:00", Status: 200},
	}
	require.Equal(t, []string{"a.io/x/y", "b.io", "c.io/org/v2/x/manifests/1", "a.io/x/y"}, world.Trace(requests))
	require.Equal(t, []world.Pass{
		{Method: "HEAD", Object: "manifests/1", Locations: []string{"a.io/x/y", "c.io/org/v2/x/manifests/1"}},
		{Method: "GET", Object: "blobs/sha256:00", Locations: []string{"a.io/x/y"}, Served: true},
	}, world.Passes(requests))
}

func TestATraceFollowsAPlanUpToWhereItStops(t *testing.T) {
	plan := []string{"m.io/a", "registry-1.docker.io/library/x"}
	require.NoError(t, world.Follow([]string{"m.io/a"}, plan))
	require.NoError(t, world.Follow([]string{"M.io:443", "docker.io/library/x"}, plan))
	require.Error(t, world.Follow([]string{"m.io/b"}, plan))
	require.Error(t, world.Follow(append(plan, "m.io/a"), plan))
}

func TestContactsAreJudgedAsTheWireSeesThem(t *testing.T) {
	manifest := func(host string) world.Request {
		scheme, host, ok := strings.Cut(host, "://")
		if !ok {
			scheme, host = "https", scheme
		}
		return world.Request{Scheme: scheme, Host: host, Path: "/v2/a/b/manifests/1"}
	}
	for host, sources := range map[string][]string{
		"Quay.io:443":          {"quay.io", "quay.io/a", "quay.io/a/b", "*.io", "QUAY.io:00443/a"},
		"http://n.io":          {"n.io:80", "n.io:080/a", "n.io/a/b", "N.io"},
		"http://n.io:443":      {"n.io"},
		"https://n.io:80":      {"n.io:80"},
		"registry-1.docker.io": {"docker.io/a", "index.docker.io"},
		"x.y.example.org:5000": {"*.example.org", "x.y.example.org:5000"},
	} {
		for _, source := range sources {
			require.Len(t, world.Contacts([]world.Request{manifest(host)}, source), 1, "%s in %s", host, source)
		}
	}
	for host, source := range map[string]string{"quay.io": "quay.io/a/c", "example.org": "*.example.org", "quay.io:5000": "quay.io",
		"quay.io:4430": "quay.io", "https://n.io:80": "n.io", "https://n.io": "n.io:80"} {
		require.Empty(t, world.Contacts([]world.Request{manifest(host)}, source), "%s in %s", host, source)
	}
}

func hosts(requests []world.Request) []string {
	var h []string
	for _, r := range requests {
		h = append(h, r.Host)
	}
	return h
}

func TestAnAddressIsWhatIsDialled(t *testing.T) {
	for spelled, want := range map[string][2]string{ // by HTTPS and by HTTP
		"quay.io":                   {"quay.io:443", "quay.io:80"},
		"Quay.IO":                   {"quay.io:443", "quay.io:80"},
		"quay.io.":                  {"quay.io:443", "quay.io:80"},
		"quay.io:443":               {"quay.io:443", "quay.io:443"},
		"quay.io:0443":              {"quay.io:443", "quay.io:443"},
		"quay.io:000443":            {"quay.io:443", "quay.io:443"},
		"quay.io:080":               {"quay.io:80", "quay.io:80"},
		"quay.io:4430":              {"quay.io:4430", "quay.io:4430"},
		"n.io:05000":                {"n.io:5000", "n.io:5000"},
		"quay.io:65979":             {"", ""}, // 443 and 65536
		"quay.io:0":                 {"quay.io:0", "quay.io:0"},
		"docker.io":                 {"registry-1.docker.io:443", "registry-1.docker.io:80"},
		"Index.docker.io:0443":      {"registry-1.docker.io:443", "registry-1.docker.io:443"},
		"registry-1.docker.io:0443": {"registry-1.docker.io:443", "registry-1.docker.io:443"},
		"docker.io:5000":            {"docker.io:5000", "docker.io:5000"},
	} {
		require.Equal(t, want, [2]string{world.Address("https", spelled), world.Address("http", spelled)}, spelled)
	}
}

// A real dialer agrees, as far as it can be asked without a network: it finds the port of a listener on loopback.
func TestADialerReadsAPortAsANumber(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	for _, spelled := range []string{port, "0" + port, "000" + port} {
		conn, err := net.Dial("tcp", "127.0.0.1:"+spelled)
		require.NoError(t, err, spelled)
		require.NoError(t, conn.Close())
	}
	_, err = net.Dial("tcp", "127.0.0.1:65979")
	require.Error(t, err)
}

func TestADefaultPortIsOneRegistryForBothSchemesUnlessItIsPutApart(t *testing.T) {
	ways(t, func(t *testing.T, w *world.World, c *http.Client) {
		w.Registry("Plain.io").PlainHTTP = true
		w.Put("plain.io/a", "1", world.NewImage("one"))
		for _, url := range []string{"http://plain.io", "http://plain.io:80", "http://PLAIN.io:080"} {
			status, _, _ := get(t, c, "GET", url+"/v2/a/manifests/1")
			require.Equal(t, 200, status, url)
		}
		w.Registry("plain.io:80").State = world.Broken
		status, _, _ := get(t, c, "GET", "http://plain.io/v2/a/manifests/1")
		require.Equal(t, 400, status, "another registry, which speaks TLS")
		for _, r := range w.Requests() {
			require.Equal(t, "plain.io:80/a", r.Place())
		}
	})
}
