// Package finding holds the one type that every package of this module reports through: a [Finding] says
// what is wrong, or worth knowing, with a [Code], a [Severity] and the [Origin] it was read from.
//
//	for _, f := range rules.Findings {
//		fmt.Println(f) // warning: ImageDigestMirrorSet/a spec.imageDigestMirrors[0].mirrors[0]: …
//	}
//
// A finding that refuses the input is an error: [Findings.Err] returns a [*RefusedError], and
// [errors.Is] finds the code of each refusal in it.
package finding

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
)

// A Finding is one thing worth telling about the input: a refusal, a surprise, or a note. Every
// package of this module reports through it, so that the same text reaches the caller of the API and
// the reader of the command line.
//
// The zero value of every field but Code, Severity and Message means "does not apply".
//
// However a finding is printed or encoded, it shows no user information of a URL, of a value that
// is no name only its first word, and no character that a terminal acts on: see [Finding.Shown].
// The lists that this module returns hold it in that form.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	// Platform is set where the finding concerns one kind of node only.
	Platform Platform `json:"platform,omitempty"`
	// RefusedBy is set where the input is refused: nothing may be planned or written from it.
	RefusedBy Refuser `json:"refusedBy,omitempty"`
	// Origin is the field at fault: object, field path and, where it was read from a file, the place.
	Origin Origin `json:"origin,omitzero"`
	// Related is the other of two places that contradict each other, or of which one decides for both.
	Related Origin `json:"related,omitzero"`
	// Value is the offending value as it was written, as far as it may be shown.
	Value string `json:"value,omitempty"`
	// Message says what is wrong and what to do.
	Message string `json:"message"`
}

// Severity orders findings by what they cost.
type Severity string

const (
	// SeverityError marks what the API server or MCO refuses, and what no pull of the source (or of
	// the image asked for) can work with.
	SeverityError Severity = "error"
	// SeverityWarning marks what works, but not as its author likely expects.
	SeverityWarning Severity = "warning"
	// SeverityInfo marks what is only good to know.
	SeverityInfo Severity = "info"
)

// Platform is the kind of node a finding or a plan is about.
type Platform string

const (
	// Linux nodes pull with containers-image (CRI-O, podman, skopeo) and read registries.conf.
	Linux Platform = "linux"
	// Windows nodes pull with containerd and read hosts.toml files.
	Windows Platform = "windows"
	// Containerd nodes are those with Linux that pull with containerd. They read the same files, and what only
	// Windows does is not said of them. A finding about a hosts.toml holds for every containerd, and has
	// this platform until [Findings.For] says otherwise.
	Containerd Platform = "containerd"
)

// ReadsHosts reports whether the nodes read hosts.toml files.
func (p Platform) ReadsHosts() bool { return p == Windows || p == Containerd }

// Where names the nodes in a sentence: "on Linux", "on Windows", "with containerd".
func (p Platform) Where() string {
	switch p {
	case Linux:
		return "on Linux"
	case Windows:
		return "on Windows"
	}
	return "with " + string(p)
}

// Refuser names who refuses an input.
type Refuser string

const (
	// APIServer: the object never enters a cluster, its schema forbids it.
	APIServer Refuser = "API server"
	// MCO: the object enters the cluster, and the Machine Config Operator then stops writing
	// registries.conf for every object, until it is mended.
	MCO Refuser = "MCO"
	// ClusterService: the service that keeps the image mirrors of managed clusters refuses the request.
	ClusterService Refuser = "cluster-management API"
	// Client: the program that reads the file (containerd, containers-image) refuses or ignores it.
	Client Refuser = "client"
	// NodePool: the controller of HyperShift's NodePools stops configuring the nodes of the pool.
	NodePool Refuser = "NodePool controller"
	// Reader: the input cannot be read at all.
	Reader Refuser = "pullroute"
)

// Origin names the place that something was read from. For values built in memory File is empty and
// Document and Line are zero.
type Origin struct {
	// Object is "Kind/name" for cluster objects; empty where a file that is no object is concerned.
	Object string `json:"object,omitempty"`
	// Field is the path inside the object: spec.imageDigestMirrors[2].mirrors[0].
	Field string `json:"field,omitempty"`
	// File is the name the input was read under, Document the 1-based position of the document in it
	// and Line the 1-based line. Column is the 1-based column in characters, 0 where it was not looked for.
	File     string `json:"file,omitempty"`
	Document int    `json:"document,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	// Wrapper is the object that the object stands in, with the path in it; empty for one that
	// stands by itself: Policy/idms spec.policy-templates[0].objectDefinition.
	Wrapper string `json:"wrapper,omitempty"`
}

// Shown returns the origin with names and keys as they may be shown: control characters and the like are
// escaped, and user information is left out.
func (o Origin) Shown() Origin {
	o.Object, o.Field, o.File, o.Wrapper = shown.Key(o.Object), shown.Text(o.Field), shown.Text(o.File),
		shown.Text(o.Wrapper)
	return o
}

// MarshalJSON encodes what Shown returns.
func (o Origin) MarshalJSON() ([]byte, error) {
	type plain Origin
	return encode(plain(o.Shown()))
}

// String returns the object and the field, "ImageTagMirrorSet/t
// spec.imageTagMirrors[0].mirrors[0]", or the file and the field where there is no object. Behind "
// in " follows the wrapper, where there is one.
func (o Origin) String() string {
	o = o.Shown()
	if wrapper := o.Wrapper; wrapper != "" {
		o.Wrapper = ""
		if o.Object == "" {
			o.File = "" // the wrapper says more
		}
		return strings.TrimPrefix(o.String()+" in "+wrapper, " ")
	}
	s := o.Object
	if s == "" {
		s = o.File
	}
	if o.Field == "" {
		return s
	}
	if s == "" {
		return o.Field
	}
	return s + " " + o.Field
}

// Format writes what String returns, whatever the verb.
func (o Origin) Format(s fmt.State, _ rune) { io.WriteString(s, o.String()) }

// Place returns where the origin stands in its file, "mirrors.yaml:12 (document 2)", behind it ",
// in " and the wrapper, where there is one; and "" for a value that was not read from a file.
func (o Origin) Place() string {
	if o.File == "" {
		return ""
	}
	s := shown.Text(o.File)
	if o.Line > 0 {
		s += fmt.Sprintf(":%d", o.Line)
	}
	if o.Document > 1 {
		s += fmt.Sprintf(" (document %d)", o.Document)
	}
	if o.Wrapper != "" {
		s += ", in " + shown.Text(o.Wrapper)
	}
	return s
}

// Shown returns the finding as it may be shown: its texts without secrets, and without characters
// that a terminal or a log acts on. String, Detail and the encoders use it.
func (f Finding) Shown() Finding {
	f.Origin, f.Related = f.Origin.Shown(), f.Related.Shown()
	f.Value, f.Message = shown.Value(f.Value), shown.Text(f.Message)
	return f
}

// MarshalJSON encodes what Shown returns.
func (f Finding) MarshalJSON() ([]byte, error) {
	type plain Finding
	return encode(plain(f.Shown()))
}

// encode leaves it to the caller's encoder whether <, > and & are escaped.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// Format writes what String returns, whatever the verb.
func (f Finding) Format(s fmt.State, _ rune) { io.WriteString(s, f.String()) }

// Refused reports whether the finding stops: nothing may be planned or written from the input.
func (f Finding) Refused() bool { return f.RefusedBy != "" }

// String returns the finding as one line, such as this, which is broken here:
//
//	error: ImageDigestMirrorSet/a spec.imageDigestMirrors[0].source: "quay.io:tag": …
//	[invalid-source, refused by the API server] (mirrors.yaml:7)
func (f Finding) String() string {
	f = f.Shown()
	s := string(f.Severity) + ": "
	where := f.Origin.Object
	if where == "" {
		where = f.Origin.File
	}
	if where != "" && f.Origin.Field != "" {
		s += where + " "
	} else if where != "" {
		s += where + ": "
	}
	s += f.Detail()
	if p := f.Origin.Place(); p != "" && (f.Origin.Object != "" || f.Origin.Line > 0) {
		s += " (" + p + ")"
	}
	return s
}

// Detail returns the finding without severity, object and place, for lists that give those once:
//
//	spec.imageDigestMirrors[0].source: "quay.io:tag": … [invalid-source, refused by the API server]
func (f Finding) Detail() string {
	f = f.Shown()
	var b strings.Builder
	if f.Origin.Field != "" {
		b.WriteString(f.Origin.Field + ": ")
	}
	if f.Value != "" {
		b.WriteString(`"` + f.Value + `": `) // what had to be escaped is
	}
	b.WriteString(f.Message)
	b.WriteString(" [" + string(f.Code))
	if f.Platform != "" {
		b.WriteString(", " + string(f.Platform))
	}
	switch f.RefusedBy {
	case APIServer, ClusterService, Client, NodePool:
		b.WriteString(", refused by the " + string(f.RefusedBy))
	case MCO:
		b.WriteString(", refused by MCO")
	}
	b.WriteString("]")
	return b.String()
}

// Findings is a list of findings. The functions of this module return it sorted; see Sort.
type Findings []Finding

// Sort orders the findings by file, document, line, object, field, code, platform, value and message,
// and drops repetitions, so that the same input gives the same list. It returns the sorted list, whose
// findings are as [Finding.Shown] returns them, for those who print the fields themselves.
func (fs Findings) Sort() Findings {
	for i := range fs {
		if f := fs[i].Shown(); f != fs[i] { // what is read elsewhere meanwhile is not written without need
			fs[i] = f
		}
	}
	slices.SortFunc(fs, func(a, b Finding) int { return compareFindings(&a, &b) })
	return slices.Compact(fs)
}

func compareFindings(a, b *Finding) int {
	// One after the other, as the first nearly always decides.
	if c := a.Origin.compare(&b.Origin); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Platform, b.Platform),
		cmp.Compare(a.Value, b.Value),
		cmp.Compare(a.Message, b.Message),
		cmp.Compare(a.Severity, b.Severity),
		cmp.Compare(a.RefusedBy, b.RefusedBy),
		a.Related.compare(&b.Related),
	)
}

// Compare orders origins by file, document, line, object and field; numbers inside a field compare as
// numbers, so that mirrors[2] stands before mirrors[10].
func (o Origin) Compare(p Origin) int { return o.compare(&p) }

func (o *Origin) compare(p *Origin) int {
	if o.File != p.File || o.Document != p.Document || o.Line != p.Line {
		return cmp.Or(cmp.Compare(o.File, p.File), cmp.Compare(o.Document, p.Document), cmp.Compare(o.Line, p.Line))
	}
	if c := strings.Compare(o.Object, p.Object); c != 0 {
		return c
	}
	return cmp.Or(compareNatural(o.Field, p.Field), compareNatural(o.Wrapper, p.Wrapper))
}

// For returns the findings that concern nodes of a platform. What holds for every containerd is said of that
// platform.
func (fs Findings) For(p Platform) Findings {
	var kept Findings
	for _, f := range fs {
		if f.Platform == Containerd && p == Windows {
			f.Platform = p
		}
		if f.Platform == "" || f.Platform == p {
			kept = append(kept, f)
		}
	}
	return kept
}

// Err returns a *RefusedError that holds the findings which refuse the input, and nil where none does.
func (fs Findings) Err() error {
	var refused Findings
	for _, f := range fs {
		if f.Refused() {
			refused = append(refused, f)
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return &RefusedError{Findings: refused}
}

// RefusedError says that an input is refused, with every reason.
type RefusedError struct {
	// Findings holds the refusals only, at least one.
	Findings Findings
}

// Is reports whether a target that is a [Code] is the code of one of the refusals.
func (e *RefusedError) Is(target error) bool {
	code, ok := target.(Code)
	return ok && slices.ContainsFunc(e.Findings, func(f Finding) bool { return f.Code == code })
}

// Error lists every refusal, one a line.
func (e *RefusedError) Error() string {
	lines := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// compareNatural compares two strings, runs of digits as numbers.
func compareNatural(a, b string) int {
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	for same > 0 && digits(a[same-1:same]) > 0 { // a number counts as a whole
		same--
	}
	a, b = a[same:], b[same:]
	da, db := digits(a), digits(b)
	if da > 0 && db > 0 {
		na, nb := strings.TrimLeft(a[:da], "0"), strings.TrimLeft(b[:db], "0")
		if c := cmp.Or(cmp.Compare(len(na), len(nb)), cmp.Compare(na, nb), cmp.Compare(da, db)); c != 0 {
			return c
		}
	}
	return cmp.Compare(a, b)
}

// digits returns the length of the run of digits that s starts with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
