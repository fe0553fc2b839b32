// Package explain holds what a log says of the pull of an image against the plan of it: which of the planned
// locations were asked, what they answered, and where the node first did something else.
//
//	e := explain.Of(log.Events, plan)
//	for _, a := range e.Attempts {
//		fmt.Println(a.Location, a.Asked, a.Answer.Class)
//	}
//
// It claims no more than the log shows. Clients do not log everything: containerd 1.x says nothing of an answer
// other than 404 below level debug, and a log may begin or end anywhere.
package explain

import (
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/clientlog"
	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// Explanation is what a log says of one image.
type Explanation struct {
	Plan resolve.Plan
	// Attempts are those of the plan, in order: the ones that resolve a tag, and then those that fetch.
	Attempts []Attempt
	// Others are places outside of the plan that were asked, in the order of the log.
	Others []Other
	// Contacted is set where a source that may not be asked was asked: the first line that shows it.
	Contacted int
	// Differs is the first thing that the node did and the plan does not say; nil where there is none.
	Differs *Difference
	// Artifact counts what was left out of CRI-O's second round, in which it tries the image as an OCI
	// artifact.
	Artifact int
	// Blocked is the line in which the client finds the image's own location blocked, as the plan has it; 0
	// where the log does not show it.
	Blocked int
	// Ended is the last that the log says of the whole pull, without a location.
	Ended clientlog.Answer
}

// Shown reports whether the log shows anything that was asked.
func (e *Explanation) Shown() bool {
	return len(e.Others) > 0 || e.Blocked > 0 || e.asked() > 0
}

// asked counts the attempts that the log shows.
func (e *Explanation) asked() (n int) {
	for i := range e.Attempts {
		if e.Attempts[i].Asked == Yes || e.Attempts[i].Answers > 0 {
			n++
		}
	}
	return n
}

// Attempt is one of the plan, and what the log says of it.
type Attempt struct {
	resolve.Attempt
	// Resolving is set for an attempt to turn a tag into a digest.
	Resolving bool
	Asked     Asked
	// Line is the first that shows it.
	Line int
	// Answer is the last answer that is told, and Told the line of it; Answers counts those that are told.
	Answer  clientlog.Answer
	Told    int
	Answers int
	// Object is what the answer is about; empty where that is not told.
	Object clientlog.Object
	// Elsewhere is the host that it redirects to, where the request failed there.
	Elsewhere string
	// Lacks is set where the location does not have the manifest.
	Lacks bool
	// Why says why the location was not asked, where that can be told.
	Why string
}

// Asked says whether a log shows that a location was asked.
type Asked string

const (
	// Yes: a line shows the request, or an answer.
	Yes Asked = "yes"
	// No: the log shows that the client did without.
	No Asked = "no"
	// NotShown: the log says nothing of it.
	NotShown Asked = "not shown"
)

// Unresolved is why nothing is fetched where no location knew the tag.
const Unresolved = "no location said what the tag stands for"

// Other is a place that was asked and that the plan does not have.
type Other struct {
	Location string
	Line     int
	Answer   clientlog.Answer
	// Source is set where it is the image's own location.
	Source bool
	// Blob is set where it was asked for a layer or a configuration only: a redirect, or the urls of a layer,
	// may have led there.
	Blob bool
}

// Difference is the first line in which a node did not do what the plan says.
type Difference struct {
	Line   int
	What   string // what it did
	Likely string // the likely reason
}

// Of explains a pull by the events that are about it, in order.
func Of(events []clientlog.Event, plan resolve.Plan) *Explanation {
	e := &Explanation{Plan: plan}
	for _, a := range plan.Resolve {
		e.Attempts = append(e.Attempts, Attempt{Attempt: a, Resolving: true, Asked: NotShown})
	}
	pull := plan.Pull
	if plan.Outcome == resolve.OutcomeRefused {
		pull = plan.Asked
	}
	for _, a := range pull {
		e.Attempts = append(e.Attempts, Attempt{Attempt: a, Asked: NotShown})
	}
	w := &walk{Explanation: e, blocked: blockedIn(events), listed: map[int]int{}, last: -1, manifest: -1}
	for _, event := range events {
		if event.Kind == clientlog.Answers && event.Location != "" {
			w.listed[event.Line]++
		}
	}
	for _, event := range events {
		switch {
		case event.Artifact:
			if event.Kind != clientlog.Ends {
				e.Artifact++
			}
		case event.Kind == clientlog.Ends, event.Answer.Class == clientlog.PolicyRejected:
			w.ends(event)
		case event.Kind == clientlog.Ignores:
			of := "the hosts.toml of " + shown.Location(event.Location)
			if event.Location == "" {
				of = "a hosts.toml, this version does not log which" // 1.7.35, hosts.go, loadHostDir
			}
			w.differs(event.Line, "containerd ignores "+of+", and asks the registry itself",
				"the file on the node has a mistake that this containerd refuses; the same line of the log says which")
		case event.Kind == clientlog.Asks, event.Kind == clientlog.Answers:
			w.at(event)
		}
	}
	w.close(events)
	return e
}

// ends takes what is said of the whole pull. That it failed says less than why.
func (w *walk) ends(event clientlog.Event) {
	if w.Ended.Class == clientlog.None || event.Answer.Class != clientlog.OtherFailure {
		w.Ended = event.Answer
	}
	if event.Answer.Class == clientlog.PolicyRejected && w.Plan.Outcome == "" && len(w.Plan.Signatures) == 0 {
		w.differs(event.Line, "policy.json of the node rejects the image, and that of the input takes it",
			"an Image with allowedRegistries or blockedRegistries, or a policy for signatures, that is not in the input")
	}
}

// walk goes through the events.
type walk struct {
	*Explanation
	blocked map[string]bool // locations that the client found blocked
	listed  map[int]int     // how many locations a line tells of
	last    int             // the attempt that was asked last, -1 where there is none
	blobs   string          // where a layer was asked for last
	// manifest is the attempt that was asked for the manifest last, -1 where there is none.
	manifest int
}

// blockedIn returns the locations of which the client says that they are blocked. It says that it tries
// them, and sends nothing.
func blockedIn(events []clientlog.Event) map[string]bool {
	blocked := map[string]bool{}
	for _, e := range events {
		if e.Answer.Class == clientlog.Blocked {
			blocked[canonical(e)] = true
		}
	}
	return blocked
}

// canonical returns the location of an event as the network sees it. containers-image writes names, and
// containerd the URL that it asks.
func canonical(e clientlog.Event) string {
	host, rest := network.SplitHost(e.Location)
	if e.Client == clientlog.ContainersImage {
		return network.Host(host) + rest
	}
	return network.Place(e.Location)
}

// at takes an event at a place.
func (w *walk) at(event clientlog.Event) {
	location := canonical(event)
	if location == "" { // the client names no place: a layer is asked of the one that had the manifest
		switch {
		case event.Answer.Class == clientlog.None:
		case w.last >= 0 && event.Object == clientlog.Blob:
			w.Attempts[w.last].answers(event)
		default:
			w.Ended = event.Answer
		}
		return
	}
	found := w.find(event, location)
	if found < 0 {
		w.other(event, location)
		return
	}
	a := &w.Attempts[found]
	if event.Answer.Class == clientlog.Blocked {
		w.differs(event.Line, "the client finds "+a.Location+" blocked, which these objects leave open",
			"another entry on the node blocks it: other objects than these, a drop-in, or a registries.conf from before")
		a.answers(event)
		return
	}
	if a.Asked != Yes {
		a.Asked, a.Line = Yes, event.Line
	}
	if w.asBlob(event) {
		return
	}
	w.inOrder(event, found)
	w.movesOn(event, a.Location)
	w.last = found
	if event.Object != clientlog.Blob {
		w.manifest = found
	}
	a.answers(event)
}

// asBlob reports whether an event is of containerd's search for a blob that has the digest of the image, which
// follows where no host had the manifest (resolver.go, Resolve): it finds none.
func (w *walk) asBlob(event clientlog.Event) bool {
	return event.Client == clientlog.Containerd && event.Object == clientlog.Blob && event.Reference != "" &&
		slices.ContainsFunc(w.Plan.References, func(reference string) bool {
			return strings.HasSuffix(reference, "@"+event.Reference)
		})
}

// answers keeps what a location answered. A summary repeats what was told before.
func (a *Attempt) answers(event clientlog.Event) {
	if event.Answer.Class == clientlog.None {
		return
	}
	if a.Asked != Yes {
		a.Line = event.Line
		if event.Answer.Class != clientlog.Blocked {
			a.Asked = Yes
		}
	}
	if a.Resolving && event.Object == "" {
		event.Object = clientlog.Manifest
	}
	if event.Summary && a.Answer.Class == event.Answer.Class && a.Object == event.Object {
		return
	}
	if event.Object == "" && a.Object == clientlog.Manifest && a.Answer.Class != clientlog.Served {
		return // the line tells less than the one before
	}
	a.Answer, a.Told, a.Object, a.Elsewhere = event.Answer, event.Line, event.Object, event.Elsewhere
	a.Answers++
	if event.Object == clientlog.Manifest {
		a.Lacks = event.Answer.Class == clientlog.NotFound
	}
}

// find returns the attempt that an event is about, -1 where there is none. Where only the host is told, it
// is the first attempt there, from the one that was asked last on.
func (w *walk) find(event clientlog.Event, location string) int {
	resolving := w.resolves(event)
	from, best := max(0, w.last), -1
	for k := range w.Attempts {
		i := (from + k) % len(w.Attempts)
		a := &w.Attempts[i]
		place := network.Place(a.Location)
		if a.Resolving != resolving {
			continue
		}
		if place == location {
			return i
		}
		if host, _ := network.SplitHost(place); best < 0 && host == location {
			best = i
		}
	}
	return best
}

// resolves reports whether an event is of the phase in which containerd asks what a tag stands for.
func (w *walk) resolves(event clientlog.Event) bool {
	switch {
	case len(w.Plan.Resolve) == 0, event.Object == clientlog.Blob, strings.Contains(event.Reference, ":"):
		return false
	case event.Reference != "":
		return true
	}
	return !slices.ContainsFunc(w.Attempts, func(a Attempt) bool { return !a.Resolving && a.Asked == Yes })
}

// other takes a place that the plan does not have.
func (w *walk) other(event clientlog.Event, location string) {
	source := w.isSource(location)
	if source && (w.blocked[location] || w.blocked[w.ownLocation(location)] || w.onlyTries(event)) {
		if event.Answer.Class == clientlog.Blocked && w.Blocked == 0 {
			w.Blocked = event.Line
		}
		return // as planned: it says that it tries the source, and finds it blocked
	}
	for i := range w.Others {
		if w.Others[i].Location == event.Location {
			if event.Answer.Class != clientlog.None {
				w.Others[i].Answer = event.Answer
			}
			return
		}
	}
	w.Others = append(w.Others, Other{Location: event.Location, Line: event.Line, Answer: event.Answer, Source: source,
		Blob: event.Object == clientlog.Blob})
	switch {
	case source:
		if w.Contacted == 0 {
			w.Contacted = event.Line
		}
		w.differs(event.Line, "the source "+shown.Location(event.Location)+" is asked, which may not be contacted",
			"the node's files are not those of these objects: not rolled out yet, written before the policy, or "+
				"changed by a drop-in")
	case event.Object != clientlog.Blob:
		w.differs(event.Line, shown.Location(event.Location)+" is asked, which no entry of these objects names for "+
			"this image",
			"another file decides: a drop-in, an object that is not in the input, or files from before a change")
	}
}

// ownLocation returns the blocked location on a host, where an event tells the host alone.
func (w *walk) ownLocation(location string) string {
	for blocked := range w.blocked {
		if strings.HasPrefix(blocked, location+"/") {
			return blocked
		}
	}
	return location
}

// onlyTries reports whether an event shows no more than that containers-image looks at a location: it
// says so before it finds that the location is blocked.
func (w *walk) onlyTries(event clientlog.Event) bool {
	return event.Client == clientlog.ContainersImage && event.Kind == clientlog.Asks && event.Object != clientlog.Blob
}

// differs keeps the first difference.
func (w *walk) differs(line int, what, likely string) {
	if w.Differs == nil || line < w.Differs.Line {
		w.Differs = &Difference{line, shown.Text(what), likely}
	}
}

// inOrder looks for attempts that were passed over.
func (w *walk) inOrder(event clientlog.Event, found int) {
	if w.Plan.Platform != finding.Linux || event.Object == clientlog.Blob || w.Attempts[found].Answers > 0 {
		return // containerd does not log each attempt
	}
	if event.Kind != clientlog.Asks && w.listed[event.Line] < 2 {
		return // a part of an error
	}
	for i := range found {
		if a := &w.Attempts[i]; a.Asked == NotShown {
			w.differs(event.Line, w.Attempts[found].Location+" is asked, and "+a.Location+" before it was not",
				"the node's files do not have that mirror, or not in that place: not rolled out yet, or another entry decides; "+
					"or the log begins later")
			return
		}
	}
}

// movesOn looks for layers that are asked of a second location, which containers-image does from 5.39 on
// (resolve, Client.After).
func (w *walk) movesOn(event clientlog.Event, location string) {
	if event.Object != clientlog.Blob || event.Client != clientlog.ContainersImage {
		return
	}
	if w.blobs != "" && w.blobs != location && w.Plan.Client != resolve.ContainersImage542 {
		w.differs(event.Line, "a layer is asked of "+location+" behind "+w.blobs,
			"the client is another version than the plan is for: containers-image from 5.39 on, as in podman 6 "+
				"(--client podman)")
	}
	w.blobs = location
}

// close says of what was not asked why, once everything was seen.
func (w *walk) close(events []clientlog.Event) {
	if w.Plan.Platform == finding.Linux {
		w.closeLinux(events)
		return
	}
	if n := len(w.Plan.Resolve); n > 0 && !slices.ContainsFunc(w.Attempts[:n], func(a Attempt) bool {
		return a.Asked != Yes || a.Answer.Class == clientlog.Served || a.Answer.Class == clientlog.None
	}) {
		for i := range w.Attempts[n:] {
			if a := &w.Attempts[n+i]; a.Asked == NotShown {
				a.Asked, a.Why = No, Unresolved
			}
		}
	}
	for _, resolving := range []bool{true, false} {
		served := ""
		for i := range w.Attempts {
			a := &w.Attempts[i]
			if a.Resolving != resolving {
				continue
			}
			if a.Asked == NotShown && served != "" {
				a.Asked, a.Why = No, served+" had it before"
			}
			if a.Answer.Class == clientlog.Served && served == "" {
				served = a.Location
			}
		}
	}
}

// closeLinux does so for containers-image, which stays with the location that has the manifest.
func (w *walk) closeLinux(events []clientlog.Event) {
	w.alone(events)
	last := w.manifest
	if last < 0 {
		return
	}
	a := &w.Attempts[last]
	pulled := w.Ended.Class == clientlog.Served || slices.ContainsFunc(events, func(e clientlog.Event) bool {
		return e.Object == clientlog.Blob && !e.Artifact
	})
	if a.Answer.Class == clientlog.None && pulled {
		a.Answer, a.Told, a.Object = clientlog.Answer{Class: clientlog.Served}, a.Line, clientlog.Manifest
	}
	for i := last + 1; i < len(w.Attempts); i++ {
		served := a.Answer.Class == clientlog.Served || a.Object == clientlog.Blob
		if served && w.Attempts[i].Asked == NotShown && (w.blobs == "" || w.blobs == a.Location) {
			w.Attempts[i].Asked, w.Attempts[i].Why = No, a.Location+" had the manifest before"
		}
	}
}

// alone looks at an error without a list of mirrors: containers-image writes the list wherever it tried more
// than one location (docker_image_src.go, newImageSource).
func (w *walk) alone(events []clientlog.Event) {
	var only *clientlog.Event
	for i := range events {
		e := &events[i]
		if e.Artifact || e.Kind != clientlog.Answers && e.Kind != clientlog.Asks {
			continue
		}
		if !e.Summary || e.Object == clientlog.Blob || only != nil && canonical(*only) != canonical(*e) {
			return // there is more
		}
		if only == nil {
			only = e
		}
	}
	mirrors := slices.ContainsFunc(w.Attempts, func(a Attempt) bool { return a.Role == resolve.RoleMirror })
	if only == nil || !mirrors || len(w.Plan.References) != 1 || !w.isSource(canonical(*only)) {
		return
	}
	w.Differs = nil
	w.differs(only.Line, shown.Location(only.Location)+" is the only location that was tried: with mirrors the "+
		"error lists them",
		"the node's files have no mirror for this image: not rolled out yet, or an entry of another file, with a longer "+
			"prefix, hides the mirrors")
}

// isSource reports whether a location is the image's own, or the host of it.
func (w *walk) isSource(location string) bool {
	return slices.ContainsFunc(w.Plan.References, func(reference string) bool {
		r, err := resolve.ParseReference(reference)
		if err != nil {
			return false
		}
		host, rest := network.SplitHost(r.Name())
		host = network.Host(host)
		return host+rest == location || host == location
	})
}
