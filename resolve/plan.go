package resolve

import (
	"encoding/json"
	"slices"
	"strings"

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
	// Outcome is [OutcomeRefused] where policy.json of a Linux node refuses the image (package
	// policyjson applies it to a plan). Pull is empty then, and Asked are the locations that are
	// asked for the manifest, in order, until one has it.
	Outcome Outcome
	Asked   []Attempt
	// Signatures are what policy.json of a Linux node asks for, for each of References that it asks
	// signatures of: the image is pulled where they are found, and refused where not.
	Signatures []Signature
	// Scopes are, for each of References, the table's entry that governs it: the prefix of a
	// registries.conf entry, or the registry host of a hosts.toml; empty where none does.
	Scopes []string
	// Findings are about this image. The table's own findings are not repeated.
	Findings finding.Findings
	// Client is the client that [Plan.After] and the JSON form answer for. It may be set; where it is empty
	// it is CRI-O's on Linux, and containerd 2 for hosts.toml.
	Client Client

	starts []int // the places in Pull at which the second and later References begin
}

// Outcome says what becomes of a pull whatever its locations have.
type Outcome string

// OutcomeRefused is that of an image that no location may serve.
const OutcomeRefused Outcome = "refused"

// Signature is a requirement of policy.json that an image is signed.
type Signature struct {
	// Reference is the image that is judged, as the plan's References write it.
	Reference string `json:"reference"`
	// Scope is the scope of policy.json that asks: a registry, namespace, repository, reference or
	// wildcard; empty where the default does.
	Scope string `json:"scope"`
	// Types are the types of the requirements, as policy.json names them: signedBy, sigstoreSigned. All
	// have to be met.
	Types []string `json:"types"`
	// Origin is the field that asks.
	Origin finding.Origin `json:"origin"`
}

// Attempt is one location that is asked.
type Attempt struct {
	// Location is host[:port]/repository as it is contacted on the wire: Docker Hub is
	// registry-1.docker.io.
	Location string
	Role     Role
	// Scheme is "https" or "http". ThenHTTP is set where plain HTTP follows when HTTPS fails.
	Scheme   string
	ThenHTTP bool
	// Reference is the location with the tag or digest that it is asked for, and URL where the manifest
	// is asked for, with ?ns= where containerd sends that: by HEAD for what a tag stands for, by HEAD
	// and then GET for a digest. Both are empty on Linux, and for what is fetched by a digest that is
	// not known before the tag is resolved.
	Reference, URL string
	// Insecure is set where the location is asked without a look at its certificate, or by plain HTTP.
	Insecure bool
	// Namespace is the namespace-proxy of a registries.conf, which the client may tell the location; see
	// [Plan.Namespace].
	Namespace string
	// Origins are the fields that name the location; empty for a source that is asked only because
	// nothing forbids it. They are the table's own, and not to be changed.
	Origins []finding.Origin
}

// For returns the attempts to fetch the image as References[i]: a part of Pull, or of Asked where that has them.
func (p *Plan) For(i int) []Attempt {
	if i < 0 || i >= len(p.References) {
		return nil
	}
	attempts := slices.Concat(p.Asked, p.Pull) // one of them is empty
	begin, end := 0, len(attempts)
	if i > 0 && i <= len(p.starts) {
		begin = min(p.starts[i-1], end) // nothing may be asked of any reference
	}
	if i < len(p.starts) {
		end = min(p.starts[i], end)
	}
	return attempts[begin:end]
}

// Namespace returns the value that the plan's client appends to every request of an attempt as the query
// parameter ns; empty where it appends none. The namespace-proxy of registries.conf is read by containers-image 5.42
// (docker_client.go, resolveRequestURL), and not by 5.39 and older ones. containerd tells every
// host but the image's own the registry of the image.
func (p *Plan) Namespace(a Attempt) string {
	if p.client() != ContainersImage542 {
		return ""
	}
	return a.Namespace
}

// sent returns attempts as the plan's client makes them.
func (p *Plan) sent(attempts []Attempt) []Attempt {
	if !slices.ContainsFunc(attempts, func(a Attempt) bool { return a.Namespace != p.Namespace(a) }) {
		return notNil(attempts)
	}
	attempts = slices.Clone(attempts)
	for i := range attempts {
		attempts[i].Namespace = p.Namespace(attempts[i])
	}
	return attempts
}

// Role says what a location is to the image.
type Role string

const (
	// RoleMirror is any location but the image's own.
	RoleMirror Role = "mirror"
	// RoleSource is the image's own location, even where it is listed as a mirror.
	RoleSource Role = "source"
)

// MarshalJSON writes the attempt as {"location", "role", "scheme", "reference", "url", "origin", "place"},
// with "thenHTTP" and "insecure" where they are, with "namespace" where it has one,
// and with "origins" where more than one field names the location. The place is that of the origin in
// its file, file:line.
func (a Attempt) MarshalJSON() ([]byte, error) {
	out := struct {
		Location string   `json:"location"`
		Role     Role     `json:"role"`
		Scheme   string   `json:"scheme,omitempty"`
		ThenHTTP bool     `json:"thenHTTP,omitempty"`
		Ref      string   `json:"reference,omitempty"`
		URL      string   `json:"url,omitempty"`
		Insecure bool     `json:"insecure,omitempty"`
		NS       string   `json:"namespace,omitempty"`
		Origin   string   `json:"origin,omitempty"`
		Origins  []string `json:"origins,omitempty"`
		Place    string   `json:"place,omitempty"`
	}{Location: shown.Value(a.Location), Role: a.Role, Scheme: a.Scheme, ThenHTTP: a.ThenHTTP,
		Ref: shown.Value(a.Reference), URL: shown.Request(a.URL), Insecure: a.Insecure, NS: shown.Value(a.Namespace)}
	if len(a.Origins) > 0 {
		out.Origin, out.Place = a.Origins[0].String(), a.Origins[0].Place()
	}
	if len(a.Origins) > 1 {
		for _, o := range a.Origins {
			out.Origins = append(out.Origins, o.String())
		}
	}
	return json.Marshal(out)
}

// MarshalJSON writes the plan as {"image", "platform", "resolve", "pull", "findings"}, with "way" where [Way]
// names one, with
// "outcome" and "asked" where the image is refused, "signatures" where some are asked for, and "movesOn"
// where it has several locations: the client, and after which faults of a location it asks another.
// Lists are never null.
func (p Plan) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Image      string           `json:"image"`
		Platform   finding.Platform `json:"platform"`
		Way        string           `json:"way,omitempty"`
		Resolve    []Attempt        `json:"resolve"`
		Pull       []Attempt        `json:"pull"`
		Outcome    Outcome          `json:"outcome,omitempty"`
		Asked      []Attempt        `json:"asked,omitempty"`
		Signatures []Signature      `json:"signatures,omitempty"`
		MovesOn    *movesOn         `json:"movesOn,omitempty"`
		Findings   finding.Findings `json:"findings"`
	}{shown.Value(p.Image), p.Platform, Way(p.Platform), notNil(p.Resolve), p.sent(p.Pull), p.Outcome,
		p.sent(p.Asked), p.Signatures, p.movesOn(), notNil(p.Findings)})
}

// Way names whose pulls an answer for a platform is about, where a node's programs ask differently: with
// containerd those of the kubelet, "CRI".
//
// Of containerd 2.4.2, ctr takes a name as it is spelled ("docker.io/alpine" without library/), and reads a
// hosts directory only with --hosts-dir (cmd/ctr/commands/images/pull.go, commands/resolver.go); so does whoever
// else calls the transfer service: the caller names the directory, config_path of the transfer plugin is
// read by nothing (core/transfer/registry/registry.go, plugins/transfer/plugin.go). nerdctl has directories of
// its own, hosts_dir, and goes through them in turn (pkg/imgutil/dockerconfigresolver of 2.x; read, not run).
func Way(p finding.Platform) string {
	if p.ReadsHosts() {
		return "CRI"
	}
	return ""
}

func notNil[S ~[]E, E any](s S) S {
	if s == nil {
		return S{}
	}
	return s
}

// path is the URL without its scheme: below / and below /v2 one location may have two.
func (a *Attempt) path() string {
	_, path, _ := strings.Cut(a.URL, "://")
	return path
}

// appendAttempt adds an attempt, unless it repeats the one before: the client would send the same
// request again, or one by HTTP behind that by HTTPS.
func appendAttempt(attempts []Attempt, a Attempt) []Attempt {
	if n := len(attempts); n > 0 && attempts[n-1].Location == a.Location && attempts[n-1].path() == a.path() &&
		attempts[n-1].Namespace == a.Namespace {
		if last := &attempts[n-1]; last.Scheme == "https" || a.Scheme == "http" {
			last.ThenHTTP = last.ThenHTTP || last.Scheme == "https" && (a.Scheme == "http" || a.ThenHTTP)
			return attempts
		}
	}
	return append(attempts, a)
}

// finding adds a finding about the fields that name value.
func (p *Plan) finding(code finding.Code, severity finding.Severity, origins []finding.Origin, value, message string) {
	f := finding.Finding{Code: code, Severity: severity, Platform: p.Platform, Value: value, Message: message}
	if len(origins) > 0 {
		f.Origin = origins[0]
	}
	p.Findings = append(p.Findings, f.Shown())
}
