package resolve

import (
	"encoding/json"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Plan says where one image will be pulled from on one platform.
type Plan struct {
	// Image is the reference as it was asked for.
	Image string
	// References are the full references that the client makes of it: one, or for a name without a
	// registry on Linux one for each search registry.
	References []string
	Platform   finding.Platform
	// Resolve are the attempts to turn a tag into a digest, in order. It is empty for a reference with a
	// digest, and on Linux, where one request does both.
	Resolve []Attempt
	// Pull are the attempts to fetch the image, in order; the first location that has it serves it.
	// Where nothing can be pulled both lists are empty, and a finding of severity error says why.
	Pull []Attempt
	// Scopes are, for each of References, the table's entry that governs it: the prefix of a
	// registries.conf entry, or the registry host of a hosts.toml; empty where none does.
	Scopes []string
	// Findings are what is worth knowing of this image; the table's own findings are not repeated.
	Findings finding.Findings
}

// Attempt is one location that is asked.
type Attempt struct {
	// Location is host[:port]/repository as it is contacted on the wire: Docker Hub is
	// registry-1.docker.io.
	Location string
	Role     Role
	// Origins are the fields that name the location; empty for a source that is asked only because
	// nothing forbids it.
	Origins []finding.Origin
}

// Role says what a location is to the image.
type Role string

const (
	// RoleMirror is any location but the image's own.
	RoleMirror Role = "mirror"
	// RoleSource is the image's own location, even where it is listed as a mirror.
	RoleSource Role = "source"
)

// MarshalJSON writes the attempt as {"location", "role", "origin"}, with "origins" beside it where more
// than one field names the location.
func (a Attempt) MarshalJSON() ([]byte, error) {
	out := struct {
		Location string   `json:"location"`
		Role     Role     `json:"role"`
		Origin   string   `json:"origin,omitempty"`
		Origins  []string `json:"origins,omitempty"`
	}{Location: shown.Value(a.Location), Role: a.Role}
	if len(a.Origins) > 0 {
		out.Origin = a.Origins[0].String()
	}
	if len(a.Origins) > 1 {
		for _, o := range a.Origins {
			out.Origins = append(out.Origins, o.String())
		}
	}
	return json.Marshal(out)
}

// MarshalJSON writes the plan as {"image", "platform", "resolve", "pull", "findings"}; lists are never
// null.
func (p Plan) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Image    string           `json:"image"`
		Platform finding.Platform `json:"platform"`
		Resolve  []Attempt        `json:"resolve"`
		Pull     []Attempt        `json:"pull"`
		Findings finding.Findings `json:"findings"`
	}{shown.Value(p.Image), p.Platform, notNil(p.Resolve), notNil(p.Pull), notNil(p.Findings)})
}

func notNil[S ~[]E, E any](s S) S {
	if s == nil {
		return S{}
	}
	return s
}

// Step is an [Attempt] whose location is left in its pieces, so that asking for it takes no memory: what
// AppendPull and AppendResolve give to callers that ask at every pull.
type Step struct {
	// Host is host[:port] as it is contacted.
	Host string
	// Path is that of the mirror, and Rest what follows it in the name of the image: each empty, or "/" and
	// components. The repository asked for is Path and Rest, without the "/" in front.
	Path, Rest string
	Role       Role
	// Origins are those of the Attempt.
	Origins []finding.Origin
}

// Location returns host[:port]/repository.
func (s Step) Location() string { return s.Host + s.Path + s.Rest }

// AppendLocation appends host[:port]/repository.
func (s Step) AppendLocation(dst []byte) []byte {
	return append(append(append(dst, s.Host...), s.Path...), s.Rest...)
}

// newStep returns the step to a location, given in two pieces, as it is contacted: Docker Hub under the name
// that answers.
func newStep(base, rest string) Step {
	if rest != "" && rest[0] != '/' { // a port follows
		base, rest = base+rest, ""
	}
	host, path := splitHost(base)
	if host == "docker.io" {
		host = network.DockerHub
	}
	return Step{Host: host, Path: path, Rest: rest, Role: RoleMirror}
}

// appendStep adds a step. An immediate repeat is written once: to the wire it is the same question again.
func appendStep(steps []Step, s Step) []Step {
	if n := len(steps); n > 0 && steps[n-1].Host == s.Host && samePieces(steps[n-1].Path, steps[n-1].Rest, s.Path, s.Rest) {
		return steps
	}
	return append(steps, s)
}

// samePieces reports whether a+b and c+d are equal.
func samePieces(a, b, c, d string) bool {
	if len(a) > len(c) {
		a, b, c, d = c, d, a, b
	}
	more, ok := strings.CutPrefix(c, a)
	if !ok || len(b) != len(more)+len(d) {
		return false
	}
	return b[:len(more)] == more && b[len(more):] == d
}

// setAttempts makes attempts of steps. Their locations are pieces of one text, and both lists pieces of one.
func (p *Plan) setAttempts(resolve, pull []Step) {
	var text strings.Builder
	size := 0
	for _, steps := range [...][]Step{resolve, pull} {
		for i := range steps {
			size += steps[i].size()
		}
	}
	text.Grow(size)
	all := make([]Attempt, 0, len(resolve)+len(pull))
	for _, steps := range [...][]Step{resolve, pull} {
		for i := range steps {
			s := &steps[i]
			text.WriteString(s.Host)
			text.WriteString(s.Path)
			text.WriteString(s.Rest)
			written := text.String()
			all = append(all, Attempt{Location: written[len(written)-s.size():], Role: s.Role, Origins: s.Origins})
		}
	}
	n := len(resolve)
	if n > 0 {
		p.Resolve = all[:n:n]
	}
	if len(pull) > 0 {
		p.Pull = all[n:]
	}
}

func (s *Step) size() int { return len(s.Host) + len(s.Path) + len(s.Rest) }

// finding adds a finding about the fields that name value.
func (p *Plan) finding(code finding.Code, severity finding.Severity, origins []finding.Origin, value, message string) {
	f := finding.Finding{Code: code, Severity: severity, Platform: p.Platform, Value: value, Message: message}
	if len(origins) > 0 {
		f.Origin = origins[0]
	}
	p.Findings = append(p.Findings, f)
}
