package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	stdlog "log"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"
)

// mirrors is a manifest with one rule for digests and tags each, and the CA of registries that are given.
func mirrors(source, policy string, to ...string) string {
	list := "[" + strings.Join(to, ", ") + "]"
	text := ""
	for _, kind := range []string{"Digest", "Tag"} {
		text += fmt.Sprintf("---\napiVersion: config.openshift.io/v1\nkind: Image%sMirrorSet\nmetadata: {name: x}\nspec:\n"+
			"  image%sMirrors:\n  - {source: %q, mirrors: %s, mirrorSourcePolicy: %s}\n", kind, kind, source,
			list, policy)
	}
	return text
}

// trusting is the rest of a manifest, in which registries have this CA and others are insecure.
func trusting(ca string, insecure string, hosts ...string) string {
	text := "---\napiVersion: config.openshift.io/v1\nkind: Image\nmetadata: {name: cluster}\nspec:\n" +
		"  additionalTrustedCA: {name: cas}\n  registrySources: {insecureRegistries: [" + insecure + "]}\n" +
		"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: cas, namespace: openshift-config}\ndata:\n"
	for _, host := range hosts {
		text += fmt.Sprintf("  %q: %q\n", strings.ReplaceAll(host, ":", ".."), ca)
	}
	return text
}

// keys is a file of credentials.
func keys(entries ...string) string {
	auths := map[string]any{}
	for i := 0; i < len(entries); i += 3 {
		login := base64.StdEncoding.EncodeToString([]byte(entries[i+1] + ":" + entries[i+2]))
		auths[entries[i]] = map[string]string{"auth": login}
	}
	text, _ := json.Marshal(map[string]any{"auths": auths})
	return string(text)
}

func newImage(t *testing.T) (v1.Image, string) {
	image, err := random.Image(256, 2)
	require.NoError(t, err)
	digest, err := image.Digest()
	require.NoError(t, err)
	return image, digest.String()
}

// Two registries with TLS and htpasswd, one by plain HTTP, one that is not there, and the source.
func TestEveryLocationOfRealRegistriesIsAsked(t *testing.T) {
	w := newWorld(t)
	image, digest := newImage(t)
	w.dockerRegistry("m.corp:443", "ann", "s3cret")
	w.dockerRegistry("n.corp:443", "ann", "s3cret")
	w.dockerRegistry("plain.corp:80", "", "")
	w.dockerRegistry("quay.io:443", "bob", "other-s3cret")
	login := &authn.Basic{Username: "ann", Password: "s3cret"}
	w.push("n.corp/team/app:1", image, login)
	w.push("plain.corp:80/team/app:1", image, authn.Anonymous)
	w.push("quay.io/team/app:1", image, &authn.Basic{Username: "bob", Password: "other-s3cret"})
	input := w.path("mirrors.yaml", mirrors("quay.io/team", "AllowContactingSource",
		"m.corp/team", "gone.corp/team", "n.corp/team", "plain.corp:80/team")+
		trusting(w.ca.pem(), `"plain.corp:80"`, "m.corp", "n.corp"))
	credentials := w.path("auth.json", keys("m.corp/team", "ann", "s3cret", "m.corp", "ann", "wrong",
		"n.corp", "ann", "wrong"))

	t.Run("by digest on Linux", func(t *testing.T) {
		code, all := w.reports("--platform", "linux", "-f", input, "--credentials", credentials, "--layers",
			"quay.io/team/app@"+digest)
		require.Equal(t, 0, code)
		r := all[0]
		require.Equal(t, []string{
			"m.corp/team/app not-found", "gone.corp/team/app unreachable", "n.corp/team/app unauthorized",
			"plain.corp:80/team/app serves", "quay.io/team/app untrusted",
		}, r.outcomes())
		require.Equal(t, Served, r.Outcome)
		require.Equal(t, "plain.corp:80/team/app", r.By)
		require.Equal(t, digest, r.Digest)
		require.Equal(t, "http", r.Attempts[3].Scheme)
		require.Len(t, r.Attempts[3].Blobs, 3)
		require.Equal(t, "m.corp/team of "+credentials, r.Attempts[0].Credential)
		require.Equal(t, http.StatusUnauthorized, r.Attempts[2].Status)
	})
	t.Run("by tag on Windows, with the right credential and a CA for the system", func(t *testing.T) {
		right := w.path("right.json", keys("n.corp", "ann", "s3cret", "quay.io", "bob", "other-s3cret"))
		system := w.path("system.pem", w.ca.pem())
		code, all := w.reports("--platform", "windows", "-f", input, "--credentials", right, "--ca", system,
			"--node", "linux/amd64", "quay.io/team/app:1")
		require.Equal(t, 0, code)
		var served []string
		for _, a := range all[0].Attempts {
			if a.Outcome == Serves {
				served = append(served, fmt.Sprintf("%s by %s, %s", a.Location, a.For, a.Digest))
			}
		}
		require.Equal(t, []string{
			"n.corp/team/app by tag, " + digest, "plain.corp:80/team/app by tag, " + digest,
			"quay.io/team/app by tag, " + digest,
			"n.corp/team/app by digest, " + digest, "plain.corp:80/team/app by digest, " + digest,
			"quay.io/team/app by digest, " + digest,
		}, served)
		require.Equal(t, "n.corp/team/app", all[0].By)
	})
	t.Run("no location serves", func(t *testing.T) {
		code, out, messages := w.probe("--platform", "linux", "-f", input, "quay.io/team/other:2",
			"quay.io/team/app:1")
		require.Equal(t, 1, code)
		require.Empty(t, messages)
		require.Contains(t, out, "quay.io/team/other:2 on linux: not served\n")
		require.Contains(t, out, "wants a credential")
		require.Contains(t, out, "1 of 2 images are served\n")
	})
	t.Run("no secret is printed", func(t *testing.T) {
		for _, form := range []string{"text", "json"} {
			_, out, messages := w.probe("--platform", "linux", "-f", input, "--credentials", credentials, "-o",
				form, "quay.io/team/app:1")
			for _, secret := range []string{"s3cret", "wrong",
				base64.StdEncoding.EncodeToString([]byte("ann:wrong"))} {
				require.NotContains(t, out+messages, secret)
			}
		}
	})
	require.Equal(t, []string{"gone.corp:443", "m.corp:443", "n.corp:443", "plain.corp:80", "quay.io:443"},
		w.asked(), "who was connected to")
}

// A log notes what a host was asked.
type log struct {
	mu    sync.Mutex
	lines []string
}

func (l *log) of(host string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		l.lines = append(l.lines, r.Method+" "+host+r.URL.RequestURI())
		l.mu.Unlock()
		h.ServeHTTP(w, r)
	})
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n") + "\n"
}

// bearer wants a token of auth.corp, and sends blobs to cdn.corp.
func bearer(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer t0ken":
			w.Header().Set("WWW-Authenticate", `Bearer realm="https://auth.corp/token?of=corp",service="m.corp"`)
			w.WriteHeader(http.StatusUnauthorized)
		case strings.Contains(r.URL.Path, "/blobs/") && r.Method == http.MethodHead:
			http.Redirect(w, r, "https://cdn.corp/b?signature=s3cret", http.StatusTemporaryRedirect)
		default:
			inner.ServeHTTP(w, r)
		}
	})
}

func quiet() http.Handler {
	return registry.New(registry.Logger(stdlog.New(io.Discard, "", 0)))
}

// A token realm and redirects that a planned location names are followed and listed; the urls of a layer, and a host
// that only a layer names, are not asked.
func TestWhatALocationNamesIsFollowedAndListed(t *testing.T) {
	w := newWorld(t)
	var asked log
	inner := quiet()
	w.serve("m.corp:443", inner)
	image, _ := newImage(t)
	image, err := mutate.Append(image, mutate.Addendum{
		Layer:     static.NewLayer([]byte("foreign"), types.OCIUncompressedRestrictedLayer),
		MediaType: types.OCIUncompressedRestrictedLayer,
		URLs:      []string{"https://mcr.microsoft.com/layer?key=s3cret"},
	})
	require.NoError(t, err)
	w.push("m.corp/team/app:1", image, authn.Anonymous)
	w.serve("m.corp:443", asked.of("m.corp", bearer(inner)))
	w.serve("auth.corp:443", asked.of("auth.corp", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "ann" || password != "pa55" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"token": "t0ken"}`)
	})))
	w.serve("cdn.corp:443", asked.of("cdn.corp", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the credential of m.corp is sent to cdn.corp")
		}
	})))
	for _, host := range []string{"mcr.microsoft.com:443", "quay.io:443"} {
		w.serve(host, asked.of(host, http.NotFoundHandler()))
	}
	input := w.path("mirrors.yaml", mirrors("quay.io/team", "NeverContactSource",
		"m.corp/team")+trusting(w.ca.pem(), "", "m.corp"))
	credentials := w.path("auth.json", keys("m.corp", "ann", "pa55"))
	for _, platform := range []string{"linux", "windows", "containerd"} {
		t.Run(platform, func(t *testing.T) {
			asked.lines = nil
			args := []string{"--platform", platform, "-f", input, "--credentials", credentials, "--layers",
				"quay.io/team/app:1"}
			code, all := w.reports(args...)
			require.Equal(t, 0, code, all[0])
			last := all[0].Attempts[len(all[0].Attempts)-1]
			require.Equal(t, []string{"https://mcr.microsoft.com/layer"}, last.URLs)
			whys := map[string]Why{}
			for _, r := range last.Requests {
				whys[strings.Split(r.URL, "/")[2]] = r.Why
			}
			require.Equal(t, map[string]Why{"m.corp": WhyPlan, "auth.corp": WhyToken, "cdn.corp": WhyRedirect}, whys)
			_, out, _ := w.probe(args...)
			require.Contains(t, out, "asked as well: https://auth.corp/token (token of m.corp/team/app)")
			require.Contains(t, out, "asked as well: https://cdn.corp/b (redirect of m.corp/team/app)")
			require.Contains(t, out, "https://mcr.microsoft.com/layer (not asked)")
			require.NotContains(t, out, "s3cret")
			require.NotContains(t, out, "t0ken")
			if platform != "linux" {
				require.NotContains(t, asked.String(), "GET m.corp/v2/\n", "containerd asks no /v2/")
				require.Contains(t, asked.String(), "m.corp/v2/team/app/manifests/1?ns=quay.io\n")
			}
		})
	}
	require.Equal(t, []string{"auth.corp:443", "cdn.corp:443", "m.corp:443"}, w.asked())

	t.Run("a token server that refuses", func(t *testing.T) {
		code, all := w.reports("--platform", "linux", "-f", input, "quay.io/team/app:1")
		require.Equal(t, 1, code)
		require.Equal(t, []string{"m.corp/team/app unauthorized"}, all[0].outcomes())
	})
}

func TestAGateLetsNothingElseThrough(t *testing.T) {
	g := &gate{scheme: "https", host: "m.corp", named: map[string]Why{"https://auth.corp/token": WhyToken,
		"https://cdn.corp/b?sig=1": WhyRedirect}}
	for target, want := range map[string]bool{
		"https://m.corp/v2/": true, "https://m.corp/anything?x=y": true, "http://m.corp/v2/": false,
		"https://m.corp:8443/v2/":           false,
		"https://auth.corp/token?service=x": true, "https://auth.corp/other": false, "http://auth.corp/token": false,
		"https://cdn.corp/b?sig=1": true, "https://cdn.corp/b?sig=2": false, "https://quay.io/v2/": false,
	} {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		_, ok := g.why(r.URL)
		require.Equal(t, want, ok, target)
		if !want {
			_, err := g.RoundTrip(r)
			require.ErrorIs(t, err, errOutside, target)
		}
	}
	require.Empty(t, g.requests)
}

// What hosts.toml says of a host holds for the requests to it: header, certificates, the root of the API.
func TestAHostIsAskedAsHostsTOMLSays(t *testing.T) {
	w := newWorld(t)
	var asked log
	image, digest := newImage(t)
	inner := quiet()
	w.serve("m.corp:443", inner)
	w.push("m.corp/org/team/app:1", image, authn.Anonymous)
	w.serve("m.corp:443", asked.of("m.corp", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") != "s3cret" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		inner.ServeHTTP(w, r)
	})))
	certs := filepath.Join(w.dir, "certs.d")
	require.NoError(t, os.MkdirAll(filepath.Join(certs, "quay.io"), 0o755))
	file := filepath.Join(certs, "quay.io", "hosts.toml")
	require.NoError(t, os.WriteFile(filepath.Join(certs, "quay.io", "ca.pem"), []byte(w.ca.pem()), 0o600))
	text := "server = \"https://gone.corp\"\n[host.\"https://m.corp/v2/org\"]\noverride_path = true\nca = \"ca.pem\"\n%s\n"
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, text,
		"[host.\"https://m.corp/v2/org\".header]\nX-Key = [\"s3cret\"]"), 0o600))
	code, all := w.reports("--platform", "containerd", "-f", certs, "quay.io/team/app:1")
	require.Equal(t, 0, code)
	require.Equal(t, []string{"m.corp/org/team/app serves", "gone.corp/team/app unreachable",
		"m.corp/org/team/app serves", "gone.corp/team/app unreachable"},
		all[0].outcomes())
	for line := range strings.Lines(asked.String()) {
		require.True(t, strings.HasSuffix(line, "/v2/org/team/app/manifests/1?ns=quay.io\n") ||
			strings.HasSuffix(line, "/v2/org/team/app/manifests/"+digest+"?ns=quay.io\n"), line)
	}
	_, out, _ := w.probe("--platform", "containerd", "-f", certs, "quay.io/team/app:1", "-o", "json")
	require.NotContains(t, out, "s3cret")

	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, text, ""), 0o600))
	_, all = w.reports("--platform", "containerd", "-f", certs, "quay.io/team/app:1")
	require.Equal(t, "m.corp/org/team/app unauthorized", all[0].outcomes()[0])

	require.NoError(t, os.Remove(filepath.Join(certs, "quay.io", "ca.pem")))
	before := asked.String()
	code, out, _ = w.probe("--platform", "containerd", "-f", certs, "quay.io/team/app:1")
	require.Equal(t, 1, code, "containerd fails every pull where a certificate cannot be read")
	require.Contains(t, out, "not served: the plan has no location")
	require.Contains(t, out, "cannot be pulled")
	require.Equal(t, before, asked.String(), "so nobody is asked")
}

func TestMirrorsThatDisagreeOnATagAndPlatformsOfAnIndex(t *testing.T) {
	w := newWorld(t)
	var indexes [2]v1.ImageIndex
	var digests [2]string
	for i := range indexes {
		image, _ := newImage(t)
		indexes[i] = mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}},
		})
		digest, err := indexes[i].Digest()
		require.NoError(t, err)
		digests[i] = digest.String()
		host := fmt.Sprintf("m%d.corp", i)
		w.serve(host+":443", quiet())
		w.push(host+"/team/app:1", indexes[i], authn.Anonymous)
	}
	input := w.path("mirrors.yaml", mirrors("quay.io/team", "NeverContactSource", "m0.corp/team", "m1.corp/team")+
		trusting(w.ca.pem(), "", "m0.corp", "m1.corp"))
	code, all := w.reports("--platform", "linux", "-f", input, "--layers", "quay.io/team/app:1")
	require.Equal(t, 0, code)
	require.Equal(t, []Tag{{digests[0], []string{"m0.corp/team/app"}}, {digests[1],
		[]string{"m1.corp/team/app"}}}, all[0].Tags)
	require.True(t, *all[0].Attempts[0].InIndex)
	_, out, _ := w.probe("--platform", "linux", "-f", input, "quay.io/team/app:1")
	require.Contains(t, out, "the locations disagree on the tag")

	code, all = w.reports("--platform", "linux", "-f", input, "--node", "linux/s390x", "quay.io/team/app:1")
	require.Equal(t, 1, code)
	require.Equal(t, []string{"m0.corp/team/app no-platform", "m1.corp/team/app no-platform"}, all[0].outcomes())
	require.Equal(t, []string{"linux/amd64"}, all[0].Attempts[0].Platforms)
	require.False(t, *all[0].Attempts[0].InIndex)
}

// A location without a layer: containers-image 5.38 stays with it, 5.42 and containerd ask the next.
func TestALayerThatIsMissing(t *testing.T) {
	w := newWorld(t)
	image, digest := newImage(t)
	for i := range 2 {
		host := fmt.Sprintf("m%d.corp", i)
		inner := quiet()
		w.serve(host+":443", inner)
		w.push(host+"/team/app:1", image, authn.Anonymous)
		layers, err := image.Layers()
		require.NoError(t, err)
		lost, err := layers[i].Digest()
		require.NoError(t, err)
		w.serve(host+":443", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, lost.String()) {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			inner.ServeHTTP(w, r)
		}))
	}
	input := w.path("mirrors.yaml", mirrors("quay.io/team", "NeverContactSource", "m0.corp/team", "m1.corp/team")+
		trusting(w.ca.pem(), "", "m0.corp", "m1.corp"))
	for args, want := range map[string]int{
		"--platform linux": 1, "--platform linux --client podman": 0, "--platform containerd": 0,
	} {
		code, all := w.reports(append(strings.Fields(args), "-f", input, "--layers", "quay.io/team/app@"+digest)...)
		require.Equal(t, want, code, args)
		require.Equal(t, []string{"m0.corp/team/app incomplete", "m1.corp/team/app incomplete"},
			all[0].outcomes(), args)
	}
}

// Of any plan, nobody but its own locations is connected to.
func TestNobodyOutsideOfThePlanIsAsked(t *testing.T) {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewSource(seed))
	hosts := []string{"a.corp", "b.corp", "c.corp:8443", "quay.io", "docker.io", "d.corp"}
	connected := 0
	for range 60 {
		w := newWorld(t)
		for _, host := range append(slices.Clone(hosts), "registry-1.docker.io") {
			if !strings.Contains(host, ":") {
				host += ":443"
			}
			w.serve(host, http.NotFoundHandler())
		}
		policy := []string{"AllowContactingSource", "NeverContactSource"}[r.Intn(2)]
		source := hosts[r.Intn(len(hosts))] + "/team"
		var to []string
		for _, i := range r.Perm(len(hosts))[:1+r.Intn(3)] {
			if !strings.HasPrefix(source, hosts[i]) {
				to = append(to, hosts[i]+"/x/team")
			}
		}
		if len(to) == 0 {
			continue
		}
		input := w.path("mirrors.yaml", mirrors(source, policy, to...))
		system := w.path("ca.pem", w.ca.pem())
		for _, platform := range []string{"linux", "windows"} {
			w.dials = nil
			o := planOptions{files: []string{input}, platform: platform}
			from, err := o.read(nil)
			require.NoError(t, err)
			plan, err := from.plan(source + "/app:1")
			require.NoError(t, err)
			planned := map[string]bool{}
			for _, at := range append(slices.Clone(plan.Resolve), plan.Pull...) {
				host, _, _ := strings.Cut(at.Location, "/")
				if !strings.Contains(host, ":") {
					host += ":443"
				}
				planned[host] = true
			}
			w.probe("--platform", platform, "-f", input, "--ca", system, source+"/app:1")
			for _, dialled := range w.asked() {
				require.True(t, planned[dialled], "%s is no location of %v", dialled, planned)
				connected++
			}
		}
	}
	require.Greater(t, connected, 100)
}

func TestManyImagesAtOnceAndNoMoreThanTheLimit(t *testing.T) {
	w := newWorld(t)
	image, _ := newImage(t)
	inner := quiet()
	w.serve("m.corp:443", inner)
	w.push("m.corp/team/app:1", image, authn.Anonymous)
	var now, most atomic.Int32
	w.serve("m.corp:443", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		inner.ServeHTTP(w, r)
	}))
	input := w.path("mirrors.yaml", mirrors("quay.io/team", "NeverContactSource",
		"m.corp/team")+trusting(w.ca.pem(), "", "m.corp"))
	var list strings.Builder
	for i := range 40 {
		fmt.Fprintf(&list, "quay.io/team/app:%d\n", i%2+1)
	}
	images := w.path("images.txt", list.String())
	code, all := w.reports("--platform", "linux", "-f", input, "--from", images, "--limit", "4")
	require.Equal(t, 1, code, "app:2 is not there")
	require.Len(t, all, 2, "an image of a list is asked for once")
	args := []string{"--platform", "linux", "-f", input, "--limit", "4"}
	for i := range 40 {
		args = append(args, fmt.Sprintf("quay.io/team/app:%d", i))
	}
	code, all = w.reports(args...)
	require.Equal(t, 1, code)
	require.Len(t, all, 40)
	for i, r := range all {
		require.Equal(t, fmt.Sprintf("quay.io/team/app:%d", i), r.Image)
		require.Equal(t, i == 1, r.Outcome == Served)
	}
	require.LessOrEqual(t, most.Load(), int32(4))
	require.Greater(t, most.Load(), int32(1))
}

func TestWrongUsageAndRefusedInput(t *testing.T) {
	w := newWorld(t)
	good := w.path("mirrors.yaml", mirrors("quay.io/team", "NeverContactSource", "m.corp/team"))
	bad := w.path("bad.yaml", mirrors("quay.io/team", "Sometimes", "m.corp/team"))
	notKeys := w.path("not-keys.json", `{"auths": {"quay.io": {"auth": "s3cret"`)
	for args, want := range map[string]int{
		"":                                    2,
		"--platform linux -f " + good:         2,
		"--platform linux quay.io/team/app:1": 2,
		"--platform mac -f " + good + " quay.io/team/app:1":                                    2,
		"--platform linux -f " + good + " Quay.io/Team":                                        2,
		"--platform linux -f " + good + " --node linux a/b":                                    2,
		"--platform linux -f " + good + " --limit 0 quay.io/team/app:1":                        2,
		"--platform linux -f " + good + " --nothing quay.io/team/app:1":                        2,
		"--platform linux -f " + bad + " quay.io/team/app:1":                                   1,
		"--platform linux -f " + good + " --credentials " + notKeys + " quay.io/team/app:1":    1,
		"--platform linux -f " + good + " --credentials " + w.dir + "/none quay.io/team/app:1": 1,
		"--platform linux -f " + good + " --from " + w.dir + "/none":                           1,
		"--platform windows -f " + good + " --certs-d /etc/docker/certs.d quay.io/team/app:1":  2,
		"--platform windows -f " + good + " --client crio quay.io/team/app:1":                  2,
		"--platform linux -f " + good + " --ca " + good + " quay.io/team/app:1":                1,
		"--platform linux -f " + good + " --ca user:s3cret quay.io/team/app:1":                 1,
		"--platform linux -f password=s3cret quay.io/team/app:1":                               1,
		"--platform linux -f " + good + " --credentials {\"s3cret\":{}} quay.io/team/app:1":    1,
		"--platform linux -f " + good + " --limit user:s3cret quay.io/team/app:1":              2,
	} {
		code, out, messages := w.probe(strings.Fields(args)...)
		require.Equal(t, want, code, "%s: %s", args, messages)
		require.Empty(t, out, args)
		require.NotEmpty(t, messages, args)
		require.NotContains(t, messages, "s3cret")
	}
	require.Empty(t, w.asked())
}

func TestTheMostSpecificCredentialCounts(t *testing.T) {
	secret := "kind: Secret\napiVersion: v1\ntype: kubernetes.io/dockerconfigjson\ndata: {.dockerconfigjson: " +
		base64.StdEncoding.EncodeToString([]byte(keys("quay.io", "a", "1", "quay.io/team", "b", "2",
			"quay.io/team/app", "c", "3",
			"https://index.docker.io/v1/", "hub", "4"))) + "}\n"
	w := newWorld(t)
	for _, file := range []string{w.path("secret.yaml", secret)} {
		k, err := readKeychain([]string{file})
		require.NoError(t, err)
		for location, user := range map[string]string{
			"quay.io/x": "a", "quay.io/team/x": "b", "quay.io/team/app": "c", "quay.io/team/app/y": "c",
			"quay.io/teams":                        "a",
			"registry-1.docker.io/library/busybox": "hub", "quay.io:443/x": "", "m.corp/x": "",
		} {
			auth, from, err := k.find(location)
			require.NoError(t, err)
			if user == "" {
				require.Equal(t, authn.Anonymous, auth, location)
				require.Empty(t, from)
				continue
			}
			c, err := auth.Authorization()
			require.NoError(t, err)
			require.Equal(t, user, c.Username, location)
		}
	}
	t.Setenv("DOCKER_CONFIG", w.dir)
	w.path("config.json", keys("quay.io", "docker", "1"))
	t.Setenv("REGISTRY_AUTH_FILE", w.path("podman.json", keys("quay.io", "podman", "1", "m.corp", "podman", "1")))
	k, err := readKeychain([]string{"docker", "podman"})
	require.NoError(t, err)
	for location, user := range map[string]string{"quay.io/x": "docker", "m.corp/x": "podman"} {
		auth, _, err := k.find(location)
		require.NoError(t, err)
		c, err := auth.Authorization()
		require.NoError(t, err)
		require.Equal(t, user, c.Username)
	}
}

// The certificates of a registry come from the input, or from certs.d of the node.
func TestCertificatesOfDockerHubAndOfCertsD(t *testing.T) {
	w := newWorld(t)
	image, digest := newImage(t)
	w.serve("registry-1.docker.io:443", quiet())
	w.push("registry-1.docker.io/team/app:1", image, authn.Anonymous)
	input := w.path("mirrors.yaml", mirrors("quay.io/team", "NeverContactSource", "docker.io/team"))
	trusted := w.path("trusted.yaml", mirrors("quay.io/team", "NeverContactSource", "docker.io/team")+trusting(w.ca.pem(), "", "docker.io"))
	certs := filepath.Join(w.dir, "certs.d")
	require.NoError(t, os.MkdirAll(filepath.Join(certs, "docker.io"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(certs, "docker.io", "ca.crt"), []byte(w.ca.pem()), 0o600))
	for want, args := range map[Outcome][][]string{
		Untrusted: {{"-f", input}}, Serves: {{"-f", trusted}, {"-f", input, "--certs-d", certs}},
	} {
		for _, args := range args {
			_, all := w.reports(append(args, "--platform", "linux", "quay.io/team/app@"+digest)...)
			require.Equal(t, []string{"registry-1.docker.io/team/app " + string(want)}, all[0].outcomes(), args)
		}
	}
}

func TestAProxyThatIsNoURLIsNotRepeated(t *testing.T) {
	err := fmt.Errorf("invalid proxy address %q: parse: first path segment in URL cannot contain colon", "user:s3 cret@proxy:3128")
	_, message := classify(&url.Error{Op: "Get", URL: "https://m.io/v2/", Err: err})
	require.Equal(t, "the address of the proxy in the environment is no URL", message)
}
