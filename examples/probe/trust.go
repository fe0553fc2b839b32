package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// trust is what the node knows of hosts: certificates, and what hosts.toml has it send.
type trust struct {
	source *source
	system *x509.CertPool
	certsD string
}

// settings are those for one location.
type settings struct {
	tls    *tls.Config
	header http.Header
}

// newTrust returns what a node knows whose system trusts, beside what this one trusts, certificates of files.
func newTrust(from *source, cas []string, certsD string) (*trust, error) {
	system, err := x509.SystemCertPool()
	if err != nil {
		system = x509.NewCertPool()
	}
	for _, name := range cas {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		if !system.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("--ca %s: holds no certificate in PEM", shown.Location(name))
		}
	}
	if certsD != "" && from.platform != finding.Linux {
		return nil, fmt.Errorf("%w: --certs-d is for --platform linux; containerd is told in hosts.toml", errUsage)
	}
	return &trust{from, system, certsD}, nil
}

// of returns the settings for a manifest's URL.
func (t *trust) of(p *planned, manifest *url.URL) (settings, error) {
	s := settings{tls: &tls.Config{RootCAs: t.system.Clone()}}
	if t.source.platform == finding.Linux {
		host := manifest.Host
		if host == dockerHub[len(dockerHub)-1] {
			host = dockerHub[0] // whose certificates the client looks for (docker_client.go, newDockerClient)
		}
		s.tls.RootCAs.AppendCertsFromPEM([]byte(t.source.cas[host]))
		return s, t.fromCertsD(s.tls, host)
	}
	for i := range t.source.tree {
		if r := &t.source.tree[i]; r.File != nil && len(p.Scopes) > 0 && r.Host == p.Scopes[0] {
			return s, t.fromHostsTOML(&s, r, manifest)
		}
	}
	return s, nil
}

// fromCertsD reads what containers-image reads for a host (docker_client.go, dockerCertDir; tlsclientconfig,
// SetupCertificates): *.crt are authorities, *.cert and *.key a pair.
func (t *trust) fromCertsD(config *tls.Config, host string) error {
	if t.certsD == "" {
		return nil
	}
	dir := filepath.Join(t.certsD, host)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		switch filepath.Ext(name) {
		case ".crt":
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			config.RootCAs.AppendCertsFromPEM(data)
		case ".cert":
			pair, err := tls.LoadX509KeyPair(name, strings.TrimSuffix(name, ".cert")+".key")
			if err != nil {
				return fmt.Errorf("the client certificate %s cannot be used: every client fails here", shown.Value(name))
			}
			config.Certificates = append(config.Certificates, pair)
		}
	}
	return nil
}

// fromHostsTOML takes the settings of the host table, or the server, that leads to a manifest.
func (t *trust) fromHostsTOML(s *settings, r *hoststoml.RegistryFile, manifest *url.URL) error {
	for _, host := range r.File.Hosts {
		if leadsTo(host.URL, host.OverridePath, manifest) {
			return t.apply(s, r, host.Settings)
		}
	}
	if r.File.Server != "" && !leadsTo(r.File.Server, r.File.OverridePath, manifest) {
		return nil
	}
	return t.apply(s, r, r.File.Settings)
}

func leadsTo(table string, overridePath bool, manifest *url.URL) bool {
	target, err := hoststoml.ParseTarget(table, overridePath)
	return err == nil && target.Host == manifest.Host && strings.HasPrefix(manifest.Path, target.Path+"/")
}

// apply adds the settings of a table. containerd fails every pull where a file cannot be read, and so does this.
func (t *trust) apply(s *settings, r *hoststoml.RegistryFile, of hoststoml.Settings) error {
	for _, ca := range of.CA {
		data, err := t.beside(r, ca)
		if err != nil {
			return err
		}
		s.tls.RootCAs.AppendCertsFromPEM(data)
	}
	for _, files := range of.Client {
		certificate, err := t.beside(r, files.Cert)
		if err != nil {
			return err
		}
		key := certificate
		if files.Key != "" {
			if key, err = t.beside(r, files.Key); err != nil {
				return err
			}
		}
		pair, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			return errors.New("the client certificate that hosts.toml names cannot be used")
		}
		s.tls.Certificates = append(s.tls.Certificates, pair)
	}
	s.tls.InsecureSkipVerify = of.SkipVerify != nil && *of.SkipVerify
	s.header = http.Header{}
	for name, values := range of.Header {
		for _, value := range values {
			s.header.Add(name, value.Reveal())
		}
	}
	return nil
}

// beside returns a file that a hosts.toml names.
func (t *trust) beside(r *hoststoml.RegistryFile, name string) ([]byte, error) {
	if secret, ok := r.Extra[path.Base(name)]; ok {
		return []byte(secret.Reveal()), nil
	}
	if !filepath.IsAbs(name) {
		if t.source.dir == "" {
			return nil, fmt.Errorf("%s, which hosts.toml names, is not in the input", shown.Value(name))
		}
		name = filepath.Join(t.source.dir, path.Dir(r.Path()), name)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%s, which hosts.toml names, cannot be read here", shown.Value(name))
	}
	return data, nil
}
