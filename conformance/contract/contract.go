// Package contract judges by the rules alone what registries were asked: whether a place may be
// contacted, and whether a finding speaks of a contact. It knows no table and no file, and has from
// package world what one host is.
package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Contract is what a cluster's objects forbid.
type Contract struct {
	rules *mirrorset.Rules
	// plainHTTP reports whether a node may ask a location by plain HTTP, which makes port 80 its own.
	plainHTTP func(location string) bool
}

// Of returns the contract of rules, for a node that asks by plain HTTP what plainHTTP says.
func Of(rules *mirrorset.Rules, plainHTTP func(location string) bool) Contract {
	return Contract{rules, plainHTTP}
}

// around reports whether a place is in a scope, which is asked by HTTPS, and by plain HTTP where a
// node does so.
func (c Contract) around(scope, place string) bool {
	if world.Around("https", scope, place) {
		return true
	}
	if !world.Around("http", scope, place) {
		return false
	}
	host, _, _ := strings.Cut(scope, "/")
	_, path, _ := strings.Cut(place, "/")
	return c.plainHTTP(strings.TrimSuffix(host+"/"+path, "/"))
}

// Forbids returns the source under NeverContactSource, or the blocked scope, that a place (see
// [world.Request.Place]) lies in, and "" for a place that may be contacted.
func (c Contract) Forbids(place string) (scope string) {
	if source := c.Never(place); source != "" {
		return source
	}
	for _, s := range c.rules.Blocked {
		if c.around(s.Value, place) {
			return s.Value
		}
	}
	return ""
}

// Never returns the source under NeverContactSource that keeps everyone from a place, and "" where
// there is none. Of the sources around it the longest decides, for each kind of pull by itself;
// where two are as long, and where the kinds differ, NeverContactSource wins.
func (c Contract) Never(place string) (source string) {
	for _, pull := range []mirrorset.Pull{mirrorset.ByDigest, mirrorset.ByTag} {
		var plain, wildcard longest
		for i := range c.rules.Rules {
			r := &c.rules.Rules[i]
			if r.Pull != pull || !c.around(r.Source, place) {
				continue
			}
			if strings.HasPrefix(r.Source, "*.") {
				wildcard.add(len(r.Source), len(r.Source), r)
			} else {
				// Plain sources around one place are one host, whatever their spelling.
				_, path, _ := strings.Cut(r.Source, "/")
				plain.add(len(path), len(world.WireLocation(r.Source)), r)
			}
		}
		if wildcard.never != "" && (wildcard.length >= plain.length) {
			return wildcard.never
		}
		if plain.never != "" && plain.length >= wildcard.length {
			return plain.never
		}
	}
	return ""
}

// longest is what the longest of some sources says.
type longest struct {
	rank, length int
	never        string // a source under NeverContactSource, of those that rank highest
}

func (l *longest) add(rank, length int, r *mirrorset.Rule) {
	if l.length == 0 || rank > l.rank {
		*l = longest{rank: rank}
	}
	if rank < l.rank {
		return
	}
	if l.length = max(l.length, length); r.Never {
		l.never = r.Source
	}
}

// A Contact is a request that reached a place which may not be contacted.
type Contact struct {
	world.Request
	Scope string // that forbids it
}

func (c Contact) String() string {
	return fmt.Sprintf("%s %s://%s%s reached %s, inside %s", c.Method, c.Scheme, c.Host, c.Path, c.Place(), c.Scope)
}

// Contacts returns the requests that reached what may not be contacted. A request that names no
// repository, a ping or one for a token, belongs to the attempt at a location of its host, and is
// judged only where no such request is seen: an attempt that failed before.
func (c Contract) Contacts(requests []world.Request) (contacts []Contact) {
	attempted := map[string]bool{}
	for _, r := range requests {
		if address, repository, _ := strings.Cut(r.Place(), "/"); repository != "" {
			attempted[address] = true
		}
	}
	for _, r := range requests {
		if attempted[r.Place()] {
			continue
		}
		// What is asked under a name without a port is what the name means, even by plain HTTP.
		named := r
		named.Scheme = "https"
		scope := c.Forbids(named.Place())
		if scope == "" || strings.Contains(r.Host, ":") {
			scope = c.Forbids(r.Place())
		}
		if scope != "" {
			contacts = append(contacts, Contact{r, scope})
		}
	}
	return contacts
}

// Unsaid returns the contacts of a pull that none of the findings speaks of. reference is the image
// as the client takes it, empty where that is a matter of the files too: a name without a registry.
//
// That a host is spelled in another way than the rule has it excuses a contact with the host of the
// reference itself only. What the files lead to, mirrors, locations of entries, search registries
// and aliases, they can forbid, but for ports that nothing names.
func (c Contract) Unsaid(reference string, requests []world.Request, findings finding.Findings) (unsaid []Contact) {
	host, _, _ := strings.Cut(reference, "/")
	for _, contact := range c.Contacts(requests) {
		own := reference != "" && world.WireLocation(contact.Host) == world.WireLocation(host)
		if !slices.ContainsFunc(findings, func(f finding.Finding) bool {
			return (f.Code != finding.CodeEvadesRule || own || everyPort(f, contact)) && c.says(f, contact)
		}) {
			unsaid = append(unsaid, contact)
		}
	}
	return unsaid
}

// everyPort reports whether a finding is about the host of a contact without its port: an entry for a
// host governs every port of it, and no file can name them all.
func everyPort(f finding.Finding, contact Contact) bool {
	name, port, _ := strings.Cut(contact.Host, ":")
	return port != "" && strings.EqualFold(f.Value, name)
}

// says reports whether a finding announces a contact: its code is one of those that do, and its
// value is the place, or a scope around it.
func (c Contract) says(f finding.Finding, contact Contact) bool {
	switch f.Code {
	case finding.CodeForbiddenContact, finding.CodeWildcardUnused, finding.CodeNarrowScope,
		finding.CodeContainsForbidden:
	case finding.CodeEvadesRule:
		if c.spelled(contact) {
			return false // what is spelled as the rule has it evades nothing
		}
	case finding.CodeHiddenEntry: // of a scope that is only blocked; else the wildcard has to be blocked too
		if c.Never(contact.Place()) != "" {
			return false
		}
	default:
		return false
	}
	place := contact.Place()
	for _, scheme := range []string{"https", "http"} {
		if world.Around(scheme, f.Value, place) {
			return true
		}
	}
	if address, rest, _ := strings.Cut(place, "/"); rest == "" { // all that is seen of an attempt at a location there
		host, _, _ := strings.Cut(f.Value, "/")
		return world.Address("https", host) == address || world.Address("http", host) == address
	}
	// A host without port that is opened on every port.
	name, _, _ := strings.Cut(place, ":")
	return f.Code == finding.CodeEvadesRule && strings.EqualFold(f.Value, name)
}

// spelled reports whether a contact was made under the very spelling of a source under
// NeverContactSource around it. Docker Hub's names change on the way to the wire, and wildcards
// have the clients' quirks, so neither is judged.
func (c Contract) spelled(contact Contact) bool {
	location := contact.Location()
	if strings.HasPrefix(location, "registry-1.docker.io/") {
		return false
	}
	// A longer rule may open a part of one, and a blocked scope in another spelling close a part of
	// that.
	scope := world.WireLocation(contact.Scope)
	return slices.ContainsFunc(c.rules.Rules, func(r mirrorset.Rule) bool {
		return r.Never && !strings.HasPrefix(r.Source, "*.") && world.WireLocation(r.Source) == scope &&
			(location == r.Source || strings.HasPrefix(location, r.Source+"/"))
	})
}
