package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// Outcome is what a location, or all of them, make of an image.
type Outcome string

const (
	Serves       Outcome = "serves"
	Incomplete   Outcome = "incomplete"   // the manifest, and not all that it names
	NoPlatform   Outcome = "no-platform"  // the index has no image for the node
	NotFound     Outcome = "not-found"    // 404
	Unauthorized Outcome = "unauthorized" // 401 or 403, by it or its token server
	Throttled    Outcome = "throttled"    // 429
	Untrusted    Outcome = "untrusted"    // TLS
	Unreachable  Outcome = "unreachable"  // no connection, no name, no answer in time
	Failed       Outcome = "failed"       // another answer
	NotAsked     Outcome = "not-asked"

	// Of an image:
	Served    Outcome = "served"
	NotServed Outcome = "not-served"
	Refused   Outcome = "refused" // by policy.json, whatever its locations have
)

// Purpose is what a location is asked for.
type Purpose string

const (
	ForTag    Purpose = "tag"
	ForDigest Purpose = "digest"
)

// Report is what was learnt of one image.
type Report struct {
	Image    string           `json:"image"`
	Platform finding.Platform `json:"platform"`
	Node     string           `json:"node"` // os/arch
	Outcome  Outcome          `json:"outcome"`
	// By and Digest are the location that serves a node, and what it serves.
	By       string    `json:"by,omitempty"`
	Digest   string    `json:"digest,omitempty"`
	Attempts []*Answer `json:"attempts"`
	// Tags are the digests that a tag stands for, where locations disagree.
	Tags     []Tag            `json:"tags,omitempty"`
	Message  string           `json:"message,omitempty"`
	Findings finding.Findings `json:"findings"`
}

// Tag is what a tag stands for at some locations.
type Tag struct {
	Digest    string   `json:"digest"`
	Locations []string `json:"locations"`
}

// Answer is what one location answered.
type Answer struct {
	For      Purpose      `json:"for"`
	Location string       `json:"location"`
	Role     resolve.Role `json:"role"`
	Scheme   string       `json:"scheme"`
	Origin   string       `json:"origin,omitempty"`
	Outcome  Outcome      `json:"outcome"`
	Status   int          `json:"status,omitempty"` // of the location's last answer
	Message  string       `json:"message,omitempty"`
	// Credential says which one there is for the location, not what it is.
	Credential string `json:"credential,omitempty"`
	Digest     string `json:"digest,omitempty"`
	MediaType  string `json:"mediaType,omitempty"`
	// InIndex says whether an index has the node's platform; Platforms are those that it has.
	InIndex   *bool    `json:"inIndex,omitempty"`
	Platforms []string `json:"platforms,omitempty"`
	// Blobs are those that the location has, and Missing those that it does not give. URLs are of layers
	// that clients fetch from there first.
	Blobs    []string  `json:"blobs,omitempty"`
	Missing  []Blob    `json:"missing,omitempty"`
	URLs     []string  `json:"urls,omitempty"`
	Requests []Request `json:"requests,omitempty"`
}

// Blob is one that a location does not give.
type Blob struct {
	Digest string `json:"digest"`
	// Foreign is set where the layer has urls, so that it need not be there.
	Foreign bool   `json:"foreign,omitempty"`
	Message string `json:"message"`
}

func newAnswer(at resolve.Attempt, purpose Purpose) *Answer {
	a := &Answer{For: purpose, Location: shown.Value(at.Location), Role: at.Role, Scheme: at.Scheme}
	if len(at.Origins) > 0 {
		a.Origin = at.Origins[0].String()
	}
	return a
}

func (a *Answer) addURL(from string) {
	if u, err := url.Parse(from); err == nil {
		from = withoutQuery(u)
	}
	if from = shown.Location(from); !slices.Contains(a.URLs, from) {
		a.URLs = append(a.URLs, from)
	}
}

func (r *Report) fail(err error) { r.Outcome, r.Message = NotServed, plain(err).Error() }

// judge says what becomes of the pull; the attempts to fetch begin at number first.
func (r *Report) judge(p *planned, first int) {
	r.Outcome = NotServed
	r.compareTags()
	pull := r.Attempts[first:]
	for i, a := range pull {
		if a.Outcome != Serves && a.Outcome != Incomplete {
			continue
		}
		r.Digest = a.Digest
		if a.Outcome == Serves || othersHave(pull[i:], a, p.After(i, resolve.BlobUnknown) == resolve.StepNext) {
			r.Outcome, r.By = Served, a.Location
		}
		return // a client stays with the first that has the manifest
	}
}

// othersHave reports whether the blobs that a location lacks are at others, where the client asks these.
func othersHave(others []*Answer, a *Answer, asks bool) bool {
	return asks && len(a.Missing) > 0 && !slices.ContainsFunc(a.Missing, func(b Blob) bool {
		return !b.Foreign && !slices.ContainsFunc(others, func(o *Answer) bool { return slices.Contains(o.Blobs, b.Digest) })
	})
}

// compareTags notes what the tag stands for where locations disagree.
func (r *Report) compareTags() {
	for _, a := range r.Attempts {
		if a.For != ForTag || a.Digest == "" {
			continue
		}
		i := slices.IndexFunc(r.Tags, func(t Tag) bool { return t.Digest == a.Digest })
		if i < 0 {
			i = len(r.Tags)
			r.Tags = append(r.Tags, Tag{Digest: a.Digest})
		}
		if t := &r.Tags[i]; !slices.Contains(t.Locations, a.Location) {
			t.Locations = append(t.Locations, a.Location)
		}
	}
	if len(r.Tags) < 2 {
		r.Tags = nil
	}
}

// show prints the reports.
func show(to io.Writer, reports []*Report, asJSON bool) error {
	if asJSON {
		for _, r := range reports {
			r.Attempts = append([]*Answer{}, r.Attempts...)
			r.Findings = append(finding.Findings{}, r.Findings...)
		}
		e := json.NewEncoder(to)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(reports)
	}
	var b strings.Builder
	served := 0
	for _, r := range reports {
		if r.Outcome == Served {
			served++
		}
		r.write(&b)
	}
	fmt.Fprintf(&b, "%d of %d images are served\n", served, len(reports))
	_, err := io.WriteString(to, b.String())
	return err
}

func (r *Report) write(b *strings.Builder) {
	fmt.Fprintf(b, "%s on %s: %s\n", r.Image, r.Platform, r.verdict())
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for i, a := range r.Attempts {
		fmt.Fprintf(w, "  %d.\t%s\t%s\t%s\t%s\n", i+1, a.Role, a.Location, a.what(), a.detail())
	}
	w.Flush()
	for _, t := range r.Tags {
		fmt.Fprintf(b, "  the tag is %s at %s\n", t.Digest, strings.Join(t.Locations, ", "))
	}
	if len(r.Tags) > 0 {
		fmt.Fprintln(b, "  the locations disagree on the tag: what a node gets depends on which of them answers")
	}
	r.writeAside(b)
	for _, f := range r.Findings {
		fmt.Fprintf(b, "  %s: %s\n", f.Severity, f.Message)
	}
}

// writeAside says what else was asked, and what never is.
func (r *Report) writeAside(b *strings.Builder) {
	var urls, elsewhere []string
	for _, a := range r.Attempts {
		urls = append(urls, a.URLs...)
		for _, request := range a.Requests {
			if request.Why != WhyPlan {
				elsewhere = append(elsewhere, fmt.Sprintf("%s (%s of %s)", request.URL, request.Why, a.Location))
			}
		}
	}
	slices.Sort(urls)
	for _, u := range slices.Compact(urls) {
		fmt.Fprintf(b, "  a layer has urls, and a client fetches it from there first: %s (not asked)\n", u)
	}
	slices.Sort(elsewhere)
	for _, e := range slices.Compact(elsewhere) {
		fmt.Fprintf(b, "  asked as well: %s\n", e)
	}
}

func (r *Report) verdict() string {
	switch {
	case r.Outcome == Served:
		return fmt.Sprintf("served by %s, %s", r.By, r.Digest)
	case r.Outcome == Refused:
		return "refused by policy.json; nothing was asked"
	case r.Message != "":
		return "not served: " + r.Message
	case len(r.Attempts) == 0:
		return "not served: the plan has no location"
	}
	return "not served"
}

// what says in a word or two what a location answered.
func (a *Answer) what() string {
	words := map[Outcome]string{
		Serves: "serves it", Incomplete: "lacks a part", NoPlatform: "has none for the node", NotFound: "does not have it",
		Unauthorized: "refuses the credential", Throttled: "asks to wait", Untrusted: "no trust", Unreachable: "not reached",
		Failed: "fails", NotAsked: "not asked",
	}
	if a.Outcome == Unauthorized && a.Credential == "" {
		return "wants a credential"
	}
	return words[a.Outcome]
}

func (a *Answer) detail() string {
	if a.Outcome == Serves {
		text := "by " + string(a.For) + ", " + a.Digest
		if a.InIndex != nil {
			text += ", an index"
		}
		if len(a.Blobs) > 0 {
			text += fmt.Sprintf(", %d blobs", len(a.Blobs))
		}
		return text
	}
	text := cmp.Or(a.Message, string(a.Outcome))
	for _, b := range a.Missing {
		text += "; " + b.Digest + ": " + b.Message
	}
	if a.Outcome == NoPlatform {
		text += ", but for " + strings.Join(a.Platforms, ", ")
	}
	if a.Outcome == Unauthorized && a.Credential != "" {
		text += "; it is that for " + a.Credential
	}
	return text
}

// progress counts images on a terminal.
type progress struct {
	to         *os.File
	mu         sync.Mutex
	count, all int
}

func newProgress(to io.Writer, all int) *progress {
	p := &progress{all: all}
	if f, ok := to.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.to = f
		}
	}
	return p
}

func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	if p.to != nil {
		fmt.Fprintf(p.to, "\r%d of %d images asked for", p.count, p.all)
	}
}

// end clears the line.
func (p *progress) end() {
	if p.to != nil {
		fmt.Fprint(p.to, "\r\x1b[K")
	}
}
