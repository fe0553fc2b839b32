package hoststoml

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// TLS says how one registry host proves who it is, and how a node proves it to that host.
type TLS struct {
	// CA are certificates, in PEM, that the host's may be signed by, beside those that the node trusts.
	CA []byte
	// Certificate, in PEM, and its Key are what the node presents.
	Certificate []byte
	Key         PrivateKey
	// SkipVerify leaves the host's certificate unchecked. The host is still asked by HTTPS only; a scope
	// under insecureRegistries of Image also allows plain HTTP.
	SkipVerify bool
	// Origin is what findings point at; it may be empty.
	Origin finding.Origin
}

// PrivateKey is a private key in PEM. Printing it with any verb, encoding it as JSON or logging it shows
// that there is one, and no more.
type PrivateKey []byte

// String returns "[redacted]", and "" where there is no key.
func (k PrivateKey) String() string {
	if len(k) == 0 {
		return ""
	}
	return redacted
}

// GoString returns what String does.
func (k PrivateKey) GoString() string { return k.String() }

// Format writes what String returns, whatever the verb.
func (k PrivateKey) Format(s fmt.State, _ rune) { io.WriteString(s, k.String()) }

// MarshalJSON returns what String does, as a text.
func (k PrivateKey) MarshalJSON() ([]byte, error) { return json.Marshal(k.String()) }

// LogValue returns what String does.
func (k PrivateKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// TLSOf returns what additionalTrustedCA of an Image says, for [Tree.WithTLS]. The scopes under
// insecureRegistries are in the table, and so in the tree, already.
func TLSOf(rules *mirrorset.Rules) map[string]TLS {
	hosts := make(map[string]TLS, len(rules.TrustedCAs))
	for _, ca := range rules.TrustedCAs {
		hosts[ca.Host] = TLS{CA: []byte(ca.PEM), Origin: ca.Origin}
	}
	return hosts
}

// WithTLS returns the tree with these settings at every endpoint on the hosts named, host[:port], and with the
// files of those of them that have none yet, which contact the registry itself. t is not changed.
//
// Certificates are put beside each hosts.toml that needs them, [RegistryFile.Extra], and named there by a
// relative path, so that the tree may be put anywhere. The names end in .pem: what ends in .crt, .cert
// and .key containerd would take for the registry itself as soon as it cannot read hosts.toml.
//
// containerd fails every pull from a registry whose file names a certificate that it cannot read. Such ones
// are left out, and a finding says so.
func (t Tree) WithTLS(hosts map[string]TLS) (Tree, finding.Findings) {
	out := t.clone()
	byHost := map[string]TLS{}
	var findings finding.Findings
	var alone []string
	for _, host := range slices.Sorted(maps.Keys(hosts)) {
		settings := hosts[host]
		problem := func(text string) {
			findings = append(findings, finding.Finding{
				Code: finding.CodeUnusableCA, Severity: finding.SeverityError, Platform: finding.Windows,
				Origin: settings.Origin, Value: host, Message: text,
			})
		}
		if strings.Contains(host, "/") || !mirrorset.ValidMirror(host) {
			problem("is no registry host, host[:port]")
			continue
		}
		if len(settings.CA) > 0 && !x509.NewCertPool().AppendCertsFromPEM(settings.CA) {
			problem("has a CA without a certificate that can be read: left out, because with it every pull would fail; write PEM")
			settings.CA = nil
		}
		if err := checkPair(settings); err != nil {
			problem("has a client certificate that cannot be used: left out, because with it every pull would fail: " + err.Error())
			settings.Certificate, settings.Key = nil, nil
		}
		if settings.isZero() {
			continue
		}
		if _, ok := byHost[network.Host(host)]; ok {
			problem("is named twice, in two spellings; the first counts")
			continue
		}
		byHost[network.Host(host)] = settings
		alone = append(alone, host)
	}
	out = out.withRegistries(alone)
	for i := range out {
		rf := &out[i]
		for _, e := range rf.targets() {
			host, _, _ := strings.Cut(e.location, "/")
			settings, ok := byHost[host]
			if !ok || e.scheme == "http" && e.settings.SkipVerify == nil {
				continue // any TLS setting would have containerd ask by HTTPS first
			}
			rf.apply(settings, e.settings)
		}
	}
	return out, findings.Sort()
}

func (t TLS) isZero() bool { return len(t.CA)+len(t.Certificate) == 0 && !t.SkipVerify }

func (r *RegistryFile) apply(t TLS, s *Settings) {
	if t.SkipVerify {
		s.SkipVerify = new(bool)
		*s.SkipVerify = true
	}
	if len(t.CA) > 0 {
		s.CA = append(s.CA, r.extra("ca.pem", t.CA))
	}
	if len(t.Certificate) > 0 {
		// Both in one file, so that no pull meets one without the other.
		pair := slices.Concat(t.Certificate, []byte("\n"), t.Key)
		s.Client = append(s.Client, KeyPair{Cert: r.extra("client.pem", pair)})
	}
}

func (r *RegistryFile) extra(base string, content []byte) (name string) {
	if r.Extra == nil {
		r.Extra = Extra{}
	}
	name = ExtraName(base, content)
	r.Extra[name] = slices.Clone(content)
	return name
}

// checkPair does what containerd does with the pair. The errors of package tls name what is wrong and never
// what is in the files.
func checkPair(t TLS) error {
	switch {
	case len(t.Certificate)+len(t.Key) == 0:
		return nil
	case len(t.Key) == 0:
		return errors.New("there is no key for it")
	case len(t.Certificate) == 0:
		return errors.New("there is a key, but no certificate")
	}
	_, err := tls.X509KeyPair(slices.Concat(t.Certificate, []byte("\n"), t.Key), slices.Concat(t.Certificate, []byte("\n"), t.Key))
	return err
}
