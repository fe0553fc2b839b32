// Package clientlog reads what people paste when an image is not pulled: errors and logs of podman, skopeo
// and CRI-O, the journal of containerd, events and the journal of the kubelet.
//
//	log := clientlog.Read(text)
//	for _, e := range log.Events {
//		fmt.Println(e.Line, e.Kind, e.Location, e.Answer.Class)
//	}
//
// The way of a text through the package, one file each:
//
//   - decode.go makes lines of bytes: UTF-16, CRLF;
//   - envelope.go takes off what carries a message: the journal's prefix, JSON, logfmt, klog;
//   - containersimage.go, containerd.go and kubelet.go know the texts of the clients, each with the version
//     whose source has it;
//   - answer.go says what an error means.
//
// A line of which no client's text is known is counted in [Log.Unknown]. Nothing that was read is fit to
// be shown as it is: it may hold a secret.
package clientlog

import (
	"strings"

	"github.com/pullroute/pullroute/internal/network"
)

// Log is what a text says of pulls.
type Log struct {
	// Events are in the order of the text.
	Events []Event
	// Lines counts the lines that are not empty. Beside counts those with a text that is known and says
	// nothing of where an image was asked for, and Unknown holds the numbers of those that are not known.
	Lines, Beside int
	Unknown       []int
	// UTF16 is set where the text came in it, as PowerShell writes files; Windows where a line speaks of
	// a path with a drive.
	UTF16, Windows bool
}

// Event is one thing that a line says of a pull.
type Event struct {
	Line   int // of the text, from 1
	Kind   Kind
	Client Client
	// Image is the image that is pulled, where the line names it.
	Image string
	// Location is host[:port]/repository, or the host alone where the line tells no more; Reference the
	// tag or digest that is asked for.
	Location, Reference string
	Object              Object
	// Namespace is the registry that containerd tells a mirror in the parameter ns.
	Namespace string
	Answer    Answer
	// Elsewhere is the host at which the request failed, where that is another than the location's: it
	// redirects there, or a layer has urls.
	Elsewhere string
	// Summary is set for a part of an error that ends a pull, and repeats what happened before.
	Summary bool
	// Artifact is set for CRI-O's second round, in which it tries the image as an OCI artifact.
	Artifact bool
}

// Kind says what an event is.
type Kind string

const (
	// Begins: a pull of Image begins.
	Begins Kind = "begins"
	// Asks: Location is asked.
	Asks Kind = "asks"
	// Answers: what Location answered, or what became of the request.
	Answers Kind = "answers"
	// Ends: the pull of Image ended with Answer.
	Ends Kind = "ends"
	// Ignores: containerd ignores the hosts.toml of the registry Location.
	Ignores Kind = "ignores"
)

// Client is the program, or the library, that a text is of.
type Client string

const (
	// ContainersImage is the library of podman, skopeo and CRI-O.
	ContainersImage Client = "containers-image"
	// Containerd is containerd.
	Containerd Client = "containerd"
	// Kubelet is the kubelet, whose texts repeat what the client says.
	Kubelet Client = "kubelet"
)

// Object is what is asked for.
type Object string

const (
	// Manifest is the manifest of an image, and Blob its configuration or a layer.
	Manifest Object = "manifest"
	Blob     Object = "blob"
)

// Read reads a text.
func Read(text []byte) *Log {
	decoded, utf16 := decode(text)
	r := &reader{log: Log{UTF16: utf16}, requested: map[string]place{}}
	r.read(decoded)
	return &r.log
}

// reader collects the events.
type reader struct {
	log  Log
	line int
	// artifact is set behind the line in which CRI-O begins its second round.
	artifact bool
	// fallback is set while containers-image looks for a blob elsewhere.
	fallback bool
	// requested are the places that containerd asked last, by the digest that is fetched.
	requested map[string]place
	image     string // that the line names
	told      bool   // the message told what stands in the fields beside it
	known     known  // what the line turned out to be
}

// known is how well a line is known.
type known int

const (
	unknown known = iota
	beside        // known, and says nothing of a pull
	used
)

// read reads the lines.
func (r *reader) read(text string) {
	for rec := range records(text) {
		r.line, r.known, r.image, r.told = rec.line, unknown, "", false
		r.log.Lines += rec.lines
		r.log.Windows = r.log.Windows || hasDrive(rec.text)
		for _, m := range messages(rec.text) {
			if !r.told {
				r.message(m)
			}
		}
		switch r.known {
		case beside:
			r.log.Beside += rec.lines
		case unknown:
			for i := range rec.lines {
				r.log.Unknown = append(r.log.Unknown, rec.line+i)
			}
		}
	}
}

// message takes what one message says. The kubelet repeats in one message what the client said.
func (r *reader) message(m message) {
	known := r.kubelet(m)
	if known = r.containerd(m) || r.containersImage(m) || known; known {
		r.known = used
	} else if r.known == unknown && isBeside(m.text) {
		r.known = beside
	}
}

// add adds an event. What an error says of locations is of the image that it names.
func (r *reader) add(e Event) {
	e.Line = r.line
	if r.image == "" {
		r.image = e.Image
	} else if e.Image == "" {
		e.Image = r.image
	}
	if p, ok := urlIn(e.Answer.Said); ok && e.Kind == Answers && e.Location != "" {
		own, _, _ := strings.Cut(e.Location, "/")
		if host, _, _ := strings.Cut(p.location, "/"); network.Host(host) != network.Host(own) {
			e.Elsewhere = host
		}
	}
	r.log.Events = append(r.log.Events, e)
}
