package policyjson

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// Outcome is what a policy makes of an image.
type Outcome string

const (
	// Accepted images are pulled.
	Accepted Outcome = "accepted"
	// Refused images are not, whoever serves them.
	Refused Outcome = "refused"
	// SignatureRequired images are pulled where the signatures that the requirements ask for are found.
	SignatureRequired Outcome = "signature required"
)

// A Judgement is what a policy makes of one reference.
type Judgement struct {
	// Reference is the reference that was judged, written out in full, as the client does.
	Reference string
	// Transport is "docker", or empty where the default of the whole policy governs.
	Transport string
	// Scope is the scope that governs: a reference, a repository, a namespace, a host, a wildcard,
	// or "" for a default.
	Scope string
	// Origin is the list of requirements in the file that was parsed, or the field that it was made of.
	Origin finding.Origin
	// Outcome is what the requirements come to together.
	Outcome Outcome
	// Requirements are those of the scope. They are the policy's own, and not to be changed.
	Requirements Requirements
}

// Judge returns what the policy makes of an image that is pulled from a registry, and which scope
// decides it. The error is about a reference that no client takes.
//
// The image is named as the pod does; like the client, Judge writes docker.io/library/ before a
// short name, takes the tag latest where there is none, and drops a tag beside a digest. A node
// that looks a short name up in search registries judges each full name that it tries.
//
// The client judges this name, never that of a mirror, and after it has fetched the manifest from
// one of the image's locations: a refused image costs one request for its manifest at one location
// at least, and nothing else of it is asked for.
func (p *Policy) Judge(image string) (Judgement, error) {
	r, err := resolve.ParseReference(image)
	if err != nil {
		return Judgement{}, err
	}
	return p.JudgeReference(r), nil
}

// JudgeReference is Judge for a reference that was parsed before. The zero Reference is governed by
// the defaults.
func (p *Policy) JudgeReference(r resolve.Reference) Judgement {
	if p == nil {
		p = &Policy{}
	}
	j := p.judge(around(r))
	j.Reference = r.String()
	return j
}

// judge takes the first of some scopes that the policy has.
func (p *Policy) judge(around iter.Seq[string]) Judgement {
	j := Judgement{Requirements: p.Default}
	at := place{global: true}
	if scopes, ok := p.Transports[docker]; ok {
		for scope := range around {
			if list, ok := scopes[scope]; ok {
				j.Transport, j.Scope, j.Requirements = docker, scope, list
				at = place{transport: docker, scope: scope}
				break
			}
		}
	}
	j.Origin, j.Outcome = p.origins[at], j.Requirements.outcome()
	return j
}

// docker is the transport of images that are pulled from registries.
const docker = "docker"

// ByName returns what of a policy goes by the names of images alone: the policy without its scopes of
// single references, such as quay.io/team/app:1, which are left, and the scopes of names, sorted.
func (p *Policy) ByName() (named *Policy, scopes, left []string) {
	if p == nil {
		return nil, nil, nil
	}
	named = &Policy{Default: p.Default, Transports: maps.Clone(p.Transports), origins: p.origins}
	if lists, ok := p.Transports[docker]; ok {
		lists = maps.Clone(lists)
		for _, scope := range slices.Sorted(maps.Keys(lists)) {
			if _, last, _ := strings.Cut(scope, "/"); strings.ContainsAny(last, ":@") {
				left = append(left, scope)
				delete(lists, scope)
			} else if scope != "" {
				scopes = append(scopes, scope)
			}
		}
		named.Transports[docker] = lists
	}
	return named, scopes, left
}

// around yields the scopes that may govern a reference, most specific first
// (PolicyContext.requirementsForImageRef, and docker/policyconfiguration): the reference, the
// repository, each namespace, the host with its port, the wildcards around the host, and "". The
// host of a name with a port is no scope without it.
func around(r resolve.Reference) iter.Seq[string] {
	return func(yield func(string) bool) {
		if yield(r.String()) {
			aroundName(r.Name())(yield)
		}
	}
}

// aroundName is around without the reference: from the repository, or from any scope without tag and
// digest, on.
func aroundName(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		host, _, _ := strings.Cut(name, "/")
		for ; name != host; name = name[:strings.LastIndexByte(name, '/')] {
			if !yield(name) {
				return
			}
		}
		if !yield(host) {
			return
		}
		host, _, _ = strings.Cut(host, ":")
		for {
			_, parent, more := strings.Cut(host, ".")
			if !more {
				break
			}
			if host = parent; !yield("*." + host) {
				return
			}
		}
		yield("")
	}
}

// outcome returns what requirements come to: all have to be met.
func (r Requirements) outcome() Outcome {
	if len(r) == 0 || slices.ContainsFunc(r, func(r Requirement) bool { return !r.accepts() && !r.signs() }) {
		return Refused
	}
	if slices.ContainsFunc(r, Requirement.signs) {
		return SignatureRequired
	}
	return Accepted
}

func (r Requirement) accepts() bool { return r.Type == Accept }
func (r Requirement) signs() bool   { return r.Type == SignedBy || r.Type == SigstoreSigned }

// String returns the judgement as one line:
//
//	quay.io/team/app:1: refused by the scope quay.io (reject)
func (j Judgement) String() string {
	by := "the default of the policy"
	switch {
	case j.Scope != "":
		by = "the scope " + j.Scope
	case j.Transport != "":
		by = `the scope "" of ` + j.Transport
	}
	how := string(j.Outcome) + " by"
	if j.Outcome == "" {
		how = "not judged by"
	}
	list := j.Requirements.String()
	if list == "" {
		list = "no requirements"
	}
	s := fmt.Sprintf("%s: %s %s (%s)", j.Reference, how, by, list)
	return shown.Text(s)
}
