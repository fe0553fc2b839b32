package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// askOptions say how locations are asked.
type askOptions struct {
	node        string
	layers      bool
	credentials []string
	cas         []string
	certsD      string
	timeout     time.Duration
}

// An asker asks locations.
type asker struct {
	source   *source
	keys     keychain
	trust    *trust
	platform v1.Platform
	layers   bool
	timeout  time.Duration
	// dial makes connections; nil means as Go does, by the proxy that the environment names.
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func newAsker(from *source, o askOptions) (*asker, error) {
	if o.node == "" {
		o.node = "linux/amd64"
		if from.platform == finding.Windows {
			o.node = "windows/amd64"
		}
	}
	platform, err := v1.ParsePlatform(o.node)
	if err != nil || platform.OS == "" || platform.Architecture == "" {
		return nil, fmt.Errorf("%w: --node %s: is to be os/arch", errUsage, shown.Location(o.node))
	}
	a := &asker{source: from, platform: *platform, layers: o.layers, timeout: o.timeout}
	if a.keys, err = readKeychain(o.credentials); err != nil {
		return nil, err
	}
	a.trust, err = newTrust(from, o.cas, o.certsD)
	return a, err
}

// image asks every location of a plan, in order.
func (a *asker) image(ctx context.Context, p *planned) *Report {
	r := &Report{
		Image: shown.Value(p.Image), Platform: a.source.platform, Node: a.platform.String(), Findings: a.source.about(p),
	}
	if p.Outcome == resolve.OutcomeRefused {
		r.Outcome = Refused
		return r
	}
	known := map[string]*Answer{}
	digest, pull := p.digest, p.Pull
	for _, at := range p.Resolve {
		answer := a.attempt(ctx, known, p, at, p.tag, ForTag)
		r.Attempts = append(r.Attempts, answer)
		if digest == "" && answer.Outcome == Serves {
			digest = answer.Digest
		}
	}
	wanted, purpose := p.tag, ForTag
	if a.source.platform != finding.Linux {
		wanted, purpose = digest, ForDigest
		if p.digest == "" && digest != "" {
			var err error
			if pull, err = a.source.byDigest(p, digest); err != nil {
				r.fail(err)
				return r
			}
		}
	} else if p.digest != "" {
		wanted, purpose = p.digest, ForDigest
	}
	for _, at := range pull {
		r.Attempts = append(r.Attempts, a.attempt(ctx, known, p, at, wanted, purpose))
	}
	r.judge(p, len(p.Resolve))
	return r
}

// attempt asks one location, unless that was done for this image before.
func (a *asker) attempt(
	ctx context.Context, known map[string]*Answer, p *planned, at resolve.Attempt, object string, purpose Purpose,
) *Answer {
	key := fmt.Sprintf("%s %s %t %s %s", at.Scheme, at.Location, at.ThenHTTP, at.URL, object)
	answer := newAnswer(at, purpose)
	switch {
	case object == "":
		answer.Outcome, answer.Message = NotAsked, "no location says what the tag stands for"
		return answer
	case known[key] != nil:
		same := *known[key]
		same.Requests, same.Role, same.Origin = nil, answer.Role, answer.Origin
		return &same
	}
	known[key] = answer
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	if err := a.ask(ctx, p, at, object, answer); err != nil {
		answer.failed(err)
	}
	return answer
}

// ask asks one location for a manifest, and with --layers for all that the manifest names.
func (a *asker) ask(ctx context.Context, p *planned, at resolve.Attempt, object string, answer *Answer) error {
	manifest, err := manifestURL(p, at, object)
	if err != nil {
		return err
	}
	settings, err := a.trust.of(p, manifest)
	if err != nil {
		return err
	}
	settings.tls.InsecureSkipVerify = settings.tls.InsecureSkipVerify || at.Insecure
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.TLSClientConfig = settings.tls
	if a.dial != nil {
		base.DialContext, base.Proxy = a.dial, nil
	}
	defer base.CloseIdleConnections()
	g := &gate{next: base, host: manifest.Host, header: settings.header}
	if a.source.platform != finding.Linux {
		g.first = manifest
	}
	defer func() { answer.Requests, answer.Status = g.requests, g.status }()
	client, err := a.authenticated(ctx, p, at, g, answer)
	if err != nil {
		return err
	}
	manifest.Scheme = g.scheme
	answer.Scheme = g.scheme
	l := location{client: client, base: strings.TrimSuffix(manifest.String(), manifest.RawQuery), ns: manifest.RawQuery}
	l.base = l.base[:strings.LastIndex(l.base, "/manifests/")]
	return a.look(ctx, &l, object, answer)
}

// manifestURL returns where the node asks for a manifest.
func manifestURL(p *planned, at resolve.Attempt, object string) (*url.URL, error) {
	if at.URL != "" {
		return url.Parse(at.URL)
	}
	host, repository, _ := strings.Cut(at.Location, "/")
	u := &url.URL{Scheme: at.Scheme, Host: host, Path: "/v2/" + repository + "/manifests/" + object}
	if ns := p.Namespace(at); ns != "" {
		u.RawQuery = url.Values{"ns": {ns}}.Encode()
	}
	return u, nil
}

// authenticated returns a client with the credential for the location: by HTTPS, and by HTTP where that is
// the attempt's scheme, or follows when HTTPS fails.
func (a *asker) authenticated(
	ctx context.Context, p *planned, at resolve.Attempt, g *gate, answer *Answer,
) (*http.Client, error) {
	auth, from, err := a.keys.find(at.Location)
	if err != nil {
		return nil, err
	}
	answer.Credential = from
	if len(g.header["Authorization"]) > 0 {
		answer.Credential = "the header of hosts.toml"
	}
	_, repository, _ := strings.Cut(at.Location, "/")
	scopes := []string{"repository:" + repository + ":pull"}
	if _, own, _ := strings.Cut(p.name, "/"); g.first != nil && own != repository {
		// containerd asks for a token for the image's own repository as well.
		scopes = append([]string{"repository:" + own + ":pull"}, scopes...)
	}
	schemes := []string{at.Scheme}
	if at.ThenHTTP {
		schemes = append(schemes, "http")
	}
	var failed error
	for _, g.scheme = range schemes {
		g.status = 0
		options := []name.Option{name.WeakValidation}
		if g.scheme == "http" {
			options = append(options, name.Insecure)
		}
		registry, err := name.NewRegistry(g.host, options...)
		if err != nil {
			return nil, err
		}
		authenticated, err := transport.NewWithContext(ctx, registry, auth, g, scopes)
		if err == nil {
			return &http.Client{Transport: authenticated}, nil
		}
		if g.status == http.StatusOK || g.status == http.StatusUnauthorized {
			return nil, err // it speaks this scheme, and only gives no token
		}
		if failed == nil || !errors.Is(err, errOutside) {
			failed = err
		}
	}
	return nil, failed
}

// A location is where the objects of one repository are.
type location struct {
	client *http.Client
	base   string // https://host/v2/repository
	ns     string // the query of every request
}

// accepted are the types of manifests that clients take.
var accepted = strings.Join([]string{
	string(types.OCIImageIndex), string(types.DockerManifestList), string(types.OCIManifestSchema1),
	string(types.DockerManifestSchema2), "*/*",
}, ", ")

// maxManifest is how large a manifest may be: 4 MiB, as for containers-image.
const maxManifest = 4 << 20

// send asks for an object; the status of the answer is 200.
func (l *location) send(ctx context.Context, method, path string) (*http.Response, error) {
	to := l.base + path
	if l.ns != "" {
		to += "?" + l.ns
	}
	r, err := http.NewRequestWithContext(ctx, method, to, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", accepted)
	response, err := l.client.Do(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		return nil, transport.CheckError(response, http.StatusOK)
	}
	return response, nil
}

// manifest fetches a manifest, and returns its digest.
func (l *location) manifest(ctx context.Context, object string) ([]byte, types.MediaType, string, error) {
	response, err := l.send(ctx, http.MethodGet, "/manifests/"+object)
	if err != nil {
		return nil, "", "", err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxManifest+1))
	if err == nil && len(data) > maxManifest {
		err = errors.New("the manifest is larger than 4 MiB, which no client takes")
	}
	sum := sha256.Sum256(data)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	if err == nil && strings.HasPrefix(object, "sha256:") && object != digest {
		err = fmt.Errorf("the content has the digest %s: a client refuses it", digest)
	}
	kind := types.MediaType(response.Header.Get("Content-Type"))
	var own struct {
		MediaType types.MediaType `json:"mediaType"`
	}
	if json.Unmarshal(data, &own) == nil && own.MediaType != "" {
		kind = own.MediaType
	}
	return data, kind, digest, err
}

// look asks by HEAD, reads the manifest, and of an index the one of the node's platform.
func (a *asker) look(ctx context.Context, l *location, object string, answer *Answer) error {
	head, err := l.send(ctx, http.MethodHead, "/manifests/"+object)
	if err != nil {
		return err
	}
	head.Body.Close()
	data, kind, digest, err := l.manifest(ctx, object)
	if err != nil {
		return err
	}
	answer.Outcome, answer.Digest, answer.MediaType = Serves, digest, shown.Value(string(kind))
	if said := head.Header.Get("Docker-Content-Digest"); said != "" && said != digest {
		return fmt.Errorf("says that the digest is %s, and gives a manifest with %s", shown.Value(said), digest)
	}
	if kind.IsIndex() {
		if data, err = a.choose(ctx, l, data, answer); err != nil || data == nil {
			return err
		}
	}
	var image v1.Manifest
	if err := json.Unmarshal(data, &image); err != nil {
		return errors.New("the manifest cannot be read")
	}
	return a.blobs(ctx, l, &image, answer)
}

// choose returns the manifest for the node's platform that an index names, and nil where it names none.
func (a *asker) choose(ctx context.Context, l *location, data []byte, answer *Answer) ([]byte, error) {
	var index v1.IndexManifest
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, errors.New("the index cannot be read")
	}
	answer.InIndex = new(bool)
	for _, m := range index.Manifests {
		if m.Platform == nil || m.Platform.OS == "unknown" {
			continue // an attestation
		}
		answer.Platforms = append(answer.Platforms, shown.Value(m.Platform.String()))
		if *answer.InIndex || !m.Platform.Satisfies(a.platform) {
			continue
		}
		*answer.InIndex = true
		image, _, _, err := l.manifest(ctx, m.Digest.String())
		if err != nil {
			answer.Outcome = Incomplete
			return nil, fmt.Errorf("has the index, and of %s not the manifest %s: %w", a.platform, m.Digest, plain(err))
		}
		data = image
	}
	if !*answer.InIndex {
		answer.Outcome, answer.Message = NoPlatform, "the index has no image for "+a.platform.String()
		return nil, nil
	}
	return data, nil
}

// blobs asks for the configuration and the layers of an image. The urls of a layer are listed, never asked.
func (a *asker) blobs(ctx context.Context, l *location, image *v1.Manifest, answer *Answer) error {
	asked := map[string]bool{}
	for _, blob := range append([]v1.Descriptor{image.Config}, image.Layers...) {
		for _, from := range blob.URLs {
			answer.addURL(from)
		}
		digest := blob.Digest.String()
		if !a.layers || asked[digest] {
			continue
		}
		asked[digest] = true
		response, err := l.send(ctx, http.MethodHead, "/blobs/"+digest)
		if err == nil {
			response.Body.Close()
			answer.Blobs = append(answer.Blobs, digest)
			continue
		}
		if ctx.Err() != nil {
			return err
		}
		answer.Missing = append(answer.Missing, Blob{digest, len(blob.URLs) > 0, plain(err).Error()})
		if len(blob.URLs) == 0 {
			answer.Outcome = Incomplete
		}
	}
	if answer.Outcome == Incomplete {
		answer.Message = "has the manifest, and not all blobs"
	}
	return nil
}

// failed notes why a location does not serve.
func (a *Answer) failed(err error) {
	outcome, message := classify(err)
	if a.Outcome != Incomplete {
		a.Outcome = outcome
	}
	a.Message = message
}

// classify says what an error means. Its text has no URL, for the query of one may hold a secret.
func classify(err error) (Outcome, string) {
	var answered *transport.Error
	if errors.As(err, &answered) {
		outcome := Failed
		switch answered.StatusCode {
		case http.StatusNotFound:
			outcome = NotFound
		case http.StatusUnauthorized, http.StatusForbidden:
			outcome = Unauthorized
		case http.StatusTooManyRequests:
			outcome = Throttled
		}
		return outcome, plain(err).Error()
	}
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return Unreachable, "the name of the host cannot be looked up"
	case errors.As(err, &certificate):
		return Untrusted, plain(certificate.Err).Error()
	case errors.As(err, &record):
		return Untrusted, "the host speaks no TLS, and plain HTTP is not allowed for it"
	case errors.As(err, &alert):
		return Untrusted, plain(err).Error()
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return Unreachable, "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return Unreachable, "the connection is refused"
	}
	return Failed, plain(err).Error()
}

// plain returns an error without what it says of a URL, and of an answer its status and codes: what
// a registry adds may repeat a credential.
func plain(err error) error {
	var answered *transport.Error
	if errors.As(err, &answered) {
		text := fmt.Sprintf("%d %s", answered.StatusCode, http.StatusText(answered.StatusCode))
		for _, e := range answered.Errors {
			text += ", " + shown.Value(string(e.Code))
		}
		return errors.New(text)
	}
	var of *url.Error
	for errors.As(err, &of) {
		err = of.Err
	}
	if strings.HasPrefix(err.Error(), "invalid proxy address") { // it may have a password (net/http, httpproxy)
		return errors.New("the address of the proxy in the environment is no URL")
	}
	text := shown.Text(err.Error())
	if at := strings.Index(text, "://"); at >= 0 {
		text = text[:at] + "://" + shown.Redacted
	}
	return errors.New(text)
}
