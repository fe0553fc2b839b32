package hoststoml

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// TLS says how one registry host proves who it is, and how a node proves to that host who the node is.
type TLS struct {
	// CA are certificates, in PEM, that the node trusts for this host, beside those that it trusts
	// anyway.
	CA []byte
	// Certificate, in PEM, and its Key are what the node presents.
	Certificate []byte
	Key         Secret
	// SkipVerify leaves the host's certificate unchecked. The host is still asked by HTTPS only; a scope
	// under insecureRegistries of Image also allows plain HTTP.
	SkipVerify bool
	// Origin is what findings point at; it may be empty.
	Origin finding.Origin
}

// tlsOf returns what additionalTrustedCA of an Image says. The scopes under insecureRegistries are
// in the table, and so in the tree, already.
func tlsOf(rules *mirrorset.Rules) map[string]TLS {
	if rules == nil {
		return nil
	}
	hosts := make(map[string]TLS, len(rules.TrustedCAs))
	for _, ca := range rules.TrustedCAs {
		hosts[ca.Host] = TLS{CA: []byte(ca.PEM), Origin: ca.Origin}
	}
	return hosts
}

// caAlone is what a ca does on Windows: rootSystemPool of containerd 1.6 and 1.7 is empty there
// (config_windows.go); 2 asks x509.SystemCertPool everywhere.
const caAlone = "is the only CA that containerd 1.6 and 1.7 trust for this host on Windows: where the host's " +
	"certificate is of one that Windows itself trusts, pulls fail; give that CA here too (containerd 2 trusts both)"

// usableTLS returns the settings that containerd can use, by host as it is spelled. containerd
// fails every pull from a registry whose file names a certificate that it cannot read: such ones
// are left out, and a finding says so.
func usableTLS(hosts map[string]TLS) (map[string]TLS, finding.Findings) {
	usable, seen := map[string]TLS{}, map[string]bool{}
	var findings finding.Findings
	for _, host := range slices.Sorted(maps.Keys(hosts)) {
		settings := hosts[host]
		problem := func(text string) {
			findings = append(findings, finding.Finding{
				Code: finding.CodeUnusableCA, Severity: finding.SeverityError, Platform: finding.Containerd,
				Origin: settings.Origin, Value: host, Message: text,
			})
		}
		if !mirrorset.ValidHost(host) {
			problem("is no registry host, host[:port]")
			continue
		}
		if len(settings.CA) != 0 && !x509.NewCertPool().AppendCertsFromPEM(settings.CA) {
			problem("has a CA without a certificate that can be read: left out, because with it every " +
				"pull would fail; write PEM")
			settings.CA = nil
		}
		if err := checkPair(settings); err != nil {
			problem("has a client certificate that cannot be used: left out, because with it every pull would " +
				"fail: " + err.Error())
			settings.Certificate, settings.Key = nil, Secret{}
		}
		if settings.isZero() {
			continue
		}
		if seen[network.Host(host)] {
			problem("is named twice, in two spellings; the first counts")
			continue
		}
		if len(settings.CA) != 0 {
			findings = append(findings, finding.Finding{
				Code: finding.CodeCAAlone, Severity: finding.SeverityInfo, Platform: finding.Windows,
				Origin: settings.Origin, Value: host, Message: caAlone,
			})
		}
		seen[network.Host(host)] = true
		usable[host] = settings
	}
	return usable, findings
}

// addTLS puts these settings, which are usable, at every endpoint on the hosts named.
//
// Certificates are put beside each hosts.toml that needs them, [RegistryFile.Extra], and named
// there by a relative path, so that the tree may be put anywhere. The names end in .pem: what ends
// in .crt, .cert and .key containerd would take for the registry itself as soon as it cannot read
// hosts.toml.
func (t Tree) addTLS(hosts map[string]TLS) {
	byHost := make(map[string]TLS, len(hosts))
	for host, settings := range hosts {
		byHost[network.Host(host)] = settings
	}
	for i := range t {
		rf := &t[i]
		for _, e := range rf.targets() {
			host, _, _ := strings.Cut(e.location, "/")
			if settings, ok := byHost[host]; ok {
				rf.apply(settings, e.settings)
			}
		}
	}
}

// pair returns the certificate and its key as one file.
func (t TLS) pair() []byte {
	return slices.Concat(t.Certificate, []byte("\n"), []byte(t.Key.Reveal()))
}

func (t TLS) isZero() bool { return len(t.CA)+len(t.Certificate) == 0 && !t.SkipVerify }

func (r *RegistryFile) apply(t TLS, s *Settings) {
	if t.SkipVerify {
		s.SkipVerify = new(bool)
		*s.SkipVerify = true
	}
	if len(t.CA) != 0 {
		s.CA = append(s.CA, r.extra("ca.pem", t.CA))
	}
	if len(t.Certificate) != 0 {
		// Both in one file, so that no pull meets one without the other.
		s.Client = append(s.Client, KeyPair{Cert: r.extra("client.pem", t.pair())})
	}
}

func (r *RegistryFile) extra(base string, content []byte) (name string) {
	if r.Extra == nil {
		r.Extra = Extra{}
	}
	name = ExtraName(base, content)
	r.Extra[name] = NewSecret(content)
	return name
}

// checkPair does what containerd does with the pair. The errors of package tls name what is wrong
// and never what is in the files.
func checkPair(t TLS) error {
	switch {
	case len(t.Certificate) == 0 && t.Key.IsZero():
		return nil
	case t.Key.IsZero():
		return errors.New("there is no key for it")
	case len(t.Certificate) == 0:
		return errors.New("there is a key, but no certificate")
	}
	_, err := tls.X509KeyPair(t.pair(), t.pair())
	return err
}
