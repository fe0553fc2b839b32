package mirrorset

import (
	"crypto/x509"
	"maps"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// ConfigMapReference names a ConfigMap. That of an Image lies in the namespace openshift-config.
type ConfigMapReference struct {
	Name string `json:"name"`
}

// ConfigMap is the part of v1 ConfigMap that additionalTrustedCA of an Image is about: each key is a
// registry host, with ".." in place of a port's colon, which a key cannot have, and each value the
// certificates, in PEM, that this registry's may be signed by.
type ConfigMap struct {
	TypeMeta `json:",inline"`
	Metadata ObjectMeta        `json:"metadata,omitzero"`
	Data     map[string]string `json:"data,omitempty"`
	// ReadFrom is where the object was read; nil for an object built in memory.
	ReadFrom *ReadFrom `json:"-"`
}

// TrustedCA are the certificates that one registry host's may be signed by, beside those that every
// system trusts.
type TrustedCA struct {
	// Host is host[:port].
	Host string
	// PEM holds at least one certificate.
	PEM string
	// Origin is the key of the ConfigMap.
	Origin finding.Origin
}

const (
	kindConfigMap = "ConfigMap"
	// namespaceConfig is where the cluster's configuration looks for what it names.
	namespaceConfig = "openshift-config"
	// updateService is a key that stands for no host but for the OpenShift Update Service, which has the
	// certificates of its own registry there.
	updateService = "updateservice-registry"
)

// holdsCertificates reports whether a ConfigMap may be one that an Image names. A manifest need not
// say its namespace; then a certificate has to be in it.
func (o *object) holdsCertificates() bool {
	if o.namespace != "" {
		return o.namespace == namespaceConfig
	}
	data := lookup(o.node, "data")
	return data != nil && slices.ContainsFunc(data.Fields(), func(f document.Field) bool {
		return strings.Contains(f.Value.Text, "-----BEGIN CERTIFICATE-----")
	})
}

// configMap reads the texts of a ConfigMap and checks nothing: no Image may name it, and then its
// content is of no concern.
func (o *object) configMap() {
	c := ConfigMap{TypeMeta: o.TypeMeta, Metadata: ObjectMeta{Name: o.metadata.Name}, Data: map[string]string{}}
	lines := map[string]int{}
	if data := lookup(o.node, "data"); data != nil {
		for _, f := range data.Fields() {
			if isText(&f.Value) {
				c.Data[f.Key.Text] = f.Value.Text
				lines[f.Key.Text] = f.Key.Line
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.Data)) {
		o.lines = append(o.lines, entryLines{entry: int32(lines[key])})
	}
	c.ReadFrom = o.readFrom()
	o.set.ConfigMaps = append(o.set.ConfigMaps, c)
}

// trustedCAs returns what additionalTrustedCA of the Image named cluster stands for, by host. Of two
// ConfigMaps of one name the last counts, as with kubectl apply.
func (s *Set) trustedCAs() (cas []TrustedCA, findings finding.Findings) {
	seen := map[string]bool{}
	for i := range s.Images {
		image := &s.Images[i]
		name := image.Spec.AdditionalTrustedCA.Name
		if !image.isCluster() || name == "" || seen[name] {
			continue
		}
		seen[name] = true
		var found *ConfigMap
		for j := range s.ConfigMaps {
			if s.ConfigMaps[j].Metadata.Name == name {
				found = &s.ConfigMaps[j]
			}
		}
		if found == nil {
			findings = append(findings, finding.Finding{
				Code: finding.CodeUnusableCA, Severity: finding.SeverityWarning, Platform: finding.Containerd,
				Origin: image.origin("spec.additionalTrustedCA.name"), Value: name,
				Message: "is a ConfigMap of the namespace " + namespaceConfig + " that was not given: its " +
					"certificates reach no hosts.toml; give its manifest too",
			})
			continue
		}
		more, problems := found.trustedCAs()
		cas, findings = append(cas, more...), append(findings, problems...)
	}
	return cas, findings
}

func (c *ConfigMap) trustedCAs() (cas []TrustedCA, findings finding.Findings) {
	for i, key := range slices.Sorted(maps.Keys(c.Data)) {
		origin := c.ReadFrom.Origin(kindConfigMap+"/"+c.Metadata.Name, `data["`+shown.Key(key)+`"]`)
		if r := c.ReadFrom; r != nil && i < len(r.lines) {
			origin.Line = int(r.lines[i].entry)
		}
		host := strings.ReplaceAll(key, "..", ":")
		problem := ""
		switch {
		case key == updateService:
			continue
		case !ValidHost(host):
			problem = "is not a registry host; write HOST, or HOST..PORT"
		case !holdsCertificate(c.Data[key]):
			problem = "holds no certificate that can be read; a client fails every pull with such a file, " +
				"so none is written; write certificates in PEM"
		default:
			cas = append(cas, TrustedCA{Host: host, PEM: c.Data[key], Origin: origin})
			continue
		}
		findings = append(findings, finding.Finding{
			Code: finding.CodeUnusableCA, Severity: finding.SeverityWarning, Origin: origin, Value: key, Message: problem,
		})
	}
	return cas, findings
}

// holdsCertificate reports whether Go, in which the clients are written, finds a certificate in PEM text
// (crypto/x509, AppendCertsFromPEM).
func holdsCertificate(text string) bool {
	return x509.NewCertPool().AppendCertsFromPEM([]byte(text))
}
