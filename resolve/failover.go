package resolve

import (
	"slices"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Client is a range of versions of a client that go on alike where a location fails. What they ask,
// and in which order, is the plan; they differ in when they ask the next.
type Client string

const (
	// ContainersImage538 is containers-image up to 5.38: CRI-O up to 1.37, podman 5, skopeo before 1.23.
	ContainersImage538 Client = "containers-image up to 5.38"
	// ContainersImage542 is containers-image from 5.39 on: podman 6, skopeo 1.23. It was run as 5.42.
	ContainersImage542 Client = "containers-image from 5.39 on"
	// Containerd1 is containerd 1.6 and 1.7.
	Containerd1 Client = "containerd 1"
	// Containerd2 is containerd 2.0 to 2.4.
	Containerd2 Client = "containerd 2"
)

// Fault is a way in which a location fails a client: an object of the image, and what became of the
// request for it.
type Fault string

// The faults. A blob is the configuration of the image or a layer. A registry says BLOB_UNKNOWN in
// the body of its 404, and TOOMANYREQUESTS in that of its 429, as the distribution specification
// has it. A time-out is one of the connection or of its TLS handshake, after 30 or 10 seconds.
// A registry that takes the request and then says nothing is none of them: the client waits for it
// as long as its caller lets it.
const (
	ManifestNotFound     Fault = "manifest 404"
	ManifestUnauthorized Fault = "manifest 401"
	ManifestForbidden    Fault = "manifest 403"
	ManifestTooMany      Fault = "manifest 429"
	ManifestBroken       Fault = "manifest 5xx"
	ManifestTimeout      Fault = "manifest time-out"
	ManifestRefused      Fault = "manifest connection refused"
	BlobUnknown          Fault = "blob 404 BLOB_UNKNOWN"
	BlobNotFound         Fault = "blob 404"
	BlobUnauthorized     Fault = "blob 401"
	BlobForbidden        Fault = "blob 403"
	BlobTooMany          Fault = "blob 429"
	BlobBroken           Fault = "blob 5xx"
	BlobTimeout          Fault = "blob time-out"
	BlobRefused          Fault = "blob connection refused"
)

var faults = []Fault{
	ManifestNotFound, ManifestUnauthorized, ManifestForbidden, ManifestTooMany, ManifestBroken, ManifestTimeout,
	ManifestRefused,
	BlobUnknown, BlobNotFound, BlobUnauthorized, BlobForbidden, BlobTooMany, BlobBroken, BlobTimeout, BlobRefused,
}

// Faults returns all faults: those of a manifest, and then those of a blob.
func Faults() []Fault { return slices.Clone(faults) }

// ofManifest reports whether it is the manifest that a location fails to give.
func (f Fault) ofManifest() bool { return slices.Index(faults, f) < slices.Index(faults, BlobUnknown) }

// Step is what a client does after a fault.
type Step string

const (
	// StepFail ends the pull.
	StepFail Step = "fail"
	// StepNext asks the next location for the same object.
	StepNext Step = "next"
	// StepRetry asks the same location once more, about a second later, and then the next. Where
	// already the first request to the registry of all failed, nothing is sent the second time.
	StepRetry Step = "retry"
	// StepReference begins again with the next of the plan's References, and its first location.
	StepReference Step = "next reference"
)

// After returns what the client does after a fault of a location that is not the last.
//
//   - containers-image asks on for the manifest, whatever the failure (docker_image_src.go,
//     newImageSource).
//   - Up to 5.38 the location that has the manifest serves the whole image (getBlob asks
//     s.physicalRef).
//   - From 5.39 on the locations after it are asked for a blob where it may be there all the same:
//     after BLOB_UNKNOWN and TOOMANYREQUESTS at once (isMirrorFallbackError), after a 5xx and a
//     time-out once the same location was asked again (isMirrorTransientError, tryGetBlob). A
//     refused connection is none of these.
//   - containerd asks its next host after every failure, in every version from 1.6 to 2.4
//     (resolver.go, Resolve; fetcher.go, Fetch).
//
// A 429 is repeated at the same location before it counts: five times, with waits of two seconds and
// more, by containers-image; five or six times, at once, by containerd.
func (c Client) After(f Fault) Step {
	switch {
	case f.ofManifest(), c == Containerd1, c == Containerd2:
		return StepNext
	case c == ContainersImage538:
		return StepFail
	}
	switch f {
	case BlobUnknown, BlobTooMany:
		return StepNext
	case BlobBroken, BlobTimeout:
		return StepRetry
	}
	return StepFail
}

// BeginsAnew reports whether the client looks for each object of an image from the first location
// on, as containerd does. containers-image stays with the location that served the last one.
func (c Client) BeginsAnew() bool { return c == Containerd1 || c == Containerd2 }

// client is the client of the plan, named or not.
func (p *Plan) client() Client {
	switch {
	case p.Client != "":
		return p.Client
	case p.Platform == finding.Linux:
		return ContainersImage538
	}
	return Containerd2
}

// After returns what the plan's client does where the location of Pull[i] fails: [Client.After], save
// that after the last location of a reference there is no next. A fault of the manifest counts for
// Resolve too. It is StepFail where there is no such attempt.
func (p *Plan) After(i int, f Fault) Step {
	if i < 0 || i >= len(p.Pull) {
		return StepFail
	}
	step, end := p.client().After(f), len(p.Pull)
	more := false // references with locations
	for _, start := range p.starts {
		if start > i && start < len(p.Pull) {
			end, more = start, true
			break
		}
	}
	if i == end-1 {
		step = StepFail
	}
	if step == StepFail && more {
		return StepReference
	}
	return step
}

// movesOn are the faults after which a client asks another location, for programs.
type movesOn struct {
	Client Client  `json:"client"`
	After  []Fault `json:"after"`
}

// movesOn returns what is written of the client: nil where there is only one location.
func (p *Plan) movesOn() *movesOn {
	if len(p.Pull) < 2 {
		return nil
	}
	m := movesOn{Client: p.client()}
	for _, f := range faults {
		if m.Client.After(f) != StepFail {
			m.After = append(m.After, f)
		}
	}
	return &m
}
