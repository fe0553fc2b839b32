package hoststoml

import (
	"fmt"
	"path"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// secretMarker is the second comment line of a file that holds credentials, after [Marker].
const secretMarker = "It holds credentials: only its owner, and containerd, may read it."

// addCredentials gives each endpoint that a credential belongs to its header.
//
// An endpoint gets the most specific credential among those that are for all of it: a credential
// for m.io/org goes to https://m.io/v2/org and to what lies below, and not to https://m.io, which
// serves others' images too. containerd sends a header to the host it stands at and, from version 2
// on, to the token server that this host names in a Bearer challenge; and to nobody else, except
// that it follows redirects of the host to its own subdomains, as Go's net/http does. The files are
// to be kept from others' eyes: Write gives them mode 0600.
//
// With mirrorsOnly no endpoint on a registry's own host gets one in its file.
//
// The findings say where a header is not enough. None of them holds a credential.
func (t Tree) addCredentials(s PullSecret, mirrorsOnly bool) finding.Findings {
	b := newCredentialWriter(s)
	for i := range t {
		rf := &t[i]
		marked := false
		targets := rf.targets()
		b.ask(rf.Host, targets)
		for _, e := range targets {
			if mirrorsOnly && e.on(rf.Host) {
				b.leave(e)
				continue
			}
			if header := b.choose(e); header != "" {
				e.settings.Header = Header{"Authorization": Secrets(header)}
				marked = true
			}
		}
		if marked {
			rf.File.Comment += "\n" + secretMarker
		}
	}
	return b.report()
}

// hosts returns the registry hosts that have a credential for all of them.
func (s PullSecret) hosts() (hosts []string) {
	for _, c := range s.entries {
		if c.path == "" {
			hosts = append(hosts, c.host)
		}
	}
	return hosts
}

type credentialWriter struct {
	secret   PullSecret
	byScope  map[string]int      // entries, by scope
	used     map[int]bool        // entries, by index
	left     map[int]bool        // those of sources, which get none
	insecure map[int]bool        // those sent to an endpoint that may be somebody else
	asked    map[string][]string // the registries that ask at a scope
}

func newCredentialWriter(s PullSecret) *credentialWriter {
	b := &credentialWriter{
		secret: s, byScope: make(map[string]int, len(s.entries)), used: map[int]bool{}, left: map[int]bool{},
		insecure: map[int]bool{}, asked: map[string][]string{},
	}
	for i, c := range s.entries {
		b.byScope[c.scope()] = i
	}
	return b
}

// ask notes the endpoints in the file of a registry. Registries come in order.
func (b *credentialWriter) ask(registry string, all []endpointSettings) {
	seen := make(map[string]bool, len(all))
	for _, e := range all {
		if !seen[e.scope] {
			b.asked[e.scope] = append(b.asked[e.scope], registry)
		}
		seen[e.scope] = true
	}
}

// few is the number of endpoints that a finding names.
const few = 3

// choose returns the header for an endpoint, and "" where none belongs to it. Of the scopes around
// the endpoint the longest counts.
func (b *credentialWriter) choose(e endpointSettings) string {
	i, ok := b.find(e.scope)
	if !ok {
		return ""
	}
	b.used[i] = true
	b.insecure[i] = b.insecure[i] || e.settings.SkipVerify != nil
	return b.secret.entries[i].header()
}

// leave notes that an endpoint does not get the credential that belongs to it.
func (b *credentialWriter) leave(e endpointSettings) {
	if i, ok := b.find(e.scope); ok {
		b.left[i] = true
	}
}

// find returns the longest entry around a scope.
func (b *credentialWriter) find(scope string) (entry int, ok bool) {
	for more := true; more && !ok; scope, more = parent(scope) {
		entry, ok = b.byScope[scope]
	}
	return entry, ok
}

// wider returns the endpoints around a scope, which serve more than it, as a text; "" where there
// is none.
func (b *credentialWriter) wider(scope string) string {
	all := 0
	var first []string
	for location, more := parent(scope); more; location, more = parent(location) {
		asked := b.asked[location]
		all += len(asked)
		var here []string
		for _, registry := range asked[:min(few, len(asked))] {
			here = append(here, location+" (for "+registry+")")
		}
		first = append(here, first...)
	}
	first = first[:min(few, len(first))]
	text := strings.Join(first, ", ")
	if more := all - len(first); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// parent returns the location around a location, host/path; ok is false for a host.
func parent(location string) (around string, ok bool) {
	around, _ = path.Split(location)
	return strings.TrimSuffix(around, "/"), around != ""
}

func (b *credentialWriter) report() finding.Findings {
	r := secretReader{secret: b.secret}
	for i, c := range b.secret.entries {
		at := keyField(c.key)
		if wider := b.wider(c.scope()); wider != "" {
			r.report(finding.CodeNarrowCredential, finding.SeverityWarning, at, c.host+c.path, fmt.Sprintf(
				"is not sent to %s: containerd asks there for images of others too; give a credential for "+
					"the whole host, or use mirrors below this path",
				wider))
		} else if c.path != "" && !b.used[i] && !b.left[i] {
			r.report(finding.CodeNarrowCredential, finding.SeverityWarning, at, c.host+c.path,
				"is not used: no endpoint lies inside, and containerd has credentials for whole "+
					"registries only; give one for the host")
		}
		if b.used[i] {
			severity, who := finding.SeverityInfo, "where this registry asks for Bearer tokens"
			if usesTokens(network.Host(c.host)) {
				severity, who = finding.SeverityWarning, "this registry asks for Bearer tokens"
			}
			r.report(finding.CodeBearerToken, severity, at, c.host+c.path, who+
				": containerd takes the credential to the token server from version 2 on; 1.6 and 1.7 "+
				"fetch an anonymous token, and public images only; give pods an imagePullSecret there, or "+
				"use a registry with Basic authentication")
		}
		if b.insecure[i] {
			r.report(finding.CodeInsecureCredential, finding.SeverityWarning, at, c.host+c.path,
				"is sent to whoever answers for this registry, and in the clear where that is by plain "+
					"HTTP: it is insecure; give its CA instead")
		}
	}
	return r.findings.Sort()
}

// usesTokens reports whether a registry is one of those known to ask for Bearer tokens.
func usesTokens(host string) bool {
	switch host {
	case network.DockerHub, "quay.io", "ghcr.io", "gcr.io", "registry.gitlab.com", "registry.redhat.io",
		"registry.connect.redhat.com", "mcr.microsoft.com":
		return true
	}
	for _, domain := range []string{".azurecr.io", ".gcr.io", ".pkg.dev"} {
		if strings.HasSuffix(host, domain) {
			return true
		}
	}
	return false
}
