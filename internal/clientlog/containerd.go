package clientlog

import "strings"

// The texts of containerd 1.6.20, 1.7.35 and 2.4.2: remotes/docker/resolver.go and fetcher.go (core/remotes/docker in
// 2.x), remotes/docker/config/hosts.go, and of CRI pkg/cri/sbserver and internal/cri (instrumented_service.go).
//
// At level info 1.x has a line where a request failed and where the answer was 404, and none for another answer;
// 2.x has one for each, and says "fetch failed" of the last host. 2.4 says that of each fetch too, at level debug.
const (
	nextHost, fetchFailed = "trying next host", "fetch failed"
	// 1.x: trying next host - response was http.StatusNotFound.
	notFound = "response was http.StatusNotFound"
	// 2.x: trying next host after status: 404 Not Found.
	afterStatus = " after status: "
	// At level debug, with the field url, and response.status.
	doRequest, response = "do request", "fetch response received"
	// hosts.go: the file is ignored.
	decodeFails = "failed to decode "
	// CRI: PullImage "IMAGE", PullImage "IMAGE" failed, PullImage "IMAGE" returns image reference.
	pullImage = `PullImage "`
	// resolver.go of 1.6: pulling from host HOST failed with status code [manifests REFERENCE]: STATUS.
	fromHost, withStatus = "pulling from host ", " failed with status code ["
	// client/pull.go and CRI.
	pullFails, resolveFail = `failed to pull and unpack image "`, `failed to resolve reference "`
)

// containerd takes what containerd says.
func (r *reader) containerd(m message) bool {
	text := m.text
	switch {
	case strings.HasPrefix(text, nextHost), strings.HasPrefix(text, fetchFailed):
		return r.leavesHost(m)
	case text == doRequest && m.fields["url"] != "":
		r.onHost(m, Event{Kind: Asks})
		return true
	case text == response && m.fields["url"] != "":
		r.onHost(m, Event{Kind: Answers, Answer: statusOf(m.fields["response.status"])})
		return true
	case strings.HasPrefix(text, decodeFails) && strings.Contains(text, "hosts.toml"):
		r.add(Event{Kind: Ignores, Client: Containerd, Location: registryOf(text),
			Answer: Answer{Class: OtherFailure, Said: m.fields["error"]}})
		return true
	}
	return r.criImage(m) || r.containerdError(text)
}

// leavesHost takes the line in which containerd goes on to the next host, or ends.
func (r *reader) leavesHost(m message) bool {
	answer := answerOf(m.fields["error"])
	_, line, found := strings.Cut(m.text, afterStatus)
	switch {
	case found:
		answer = statusOf(line)
	case strings.Contains(m.text, notFound):
		answer = Answer{Class: NotFound, Status: 404}
	}
	if answer.Class == None {
		return false
	}
	r.onHost(m, Event{Kind: Answers, Answer: answer})
	r.told = true
	return true
}

// onHost adds an event at the place that the fields of a line, or the error in it, name.
func (r *reader) onHost(m message, e Event) {
	p, ok := placeOf(m.fields["url"])
	switch digest := m.fields["digest"]; {
	case ok && digest != "" && e.Kind == Asks:
		r.requested[digest] = p
	case !ok && digest != "": // the error may name where a redirect led
		p, ok = r.requested[digest]
	}
	if !ok {
		p, ok = urlIn(m.fields["error"])
	}
	if !ok {
		p = place{location: m.fields["host"]} // 1.x looks for a blob of the digest too, with the same line
	}
	r.containerdAt(p, e)
}

// containerdAt adds an event of containerd at a place.
func (r *reader) containerdAt(p place, e Event) {
	e.Client, e.Location, e.Reference, e.Object = Containerd, p.location, p.reference, p.object
	e.Namespace = p.namespace
	r.add(e)
}

// criImage takes what the CRI plugin says of an image.
func (r *reader) criImage(m message) bool {
	_, rest, found := strings.Cut(m.text, pullImage)
	if !found {
		return false
	}
	image, rest, _ := strings.Cut(rest, `"`)
	switch {
	case strings.HasPrefix(rest, " failed"):
		r.add(Event{Kind: Ends, Client: Containerd, Image: image, Summary: true, Answer: Answer{Class: OtherFailure}})
	case strings.HasPrefix(rest, " returns image reference"):
		r.add(Event{Kind: Ends, Client: Containerd, Image: image, Answer: Answer{Class: Served}})
	default:
		r.add(Event{Kind: Begins, Client: Containerd, Image: image})
	}
	return true
}

// containerdError takes an error of containerd: that of the location which failed first, or which answered
// what counts most (resolver.go, firstErrPriority).
func (r *reader) containerdError(text string) bool {
	image, found := "", false
	for _, begin := range []string{resolveFail, pullFails} {
		if _, rest, ok := strings.Cut(text, begin); ok {
			image, _, _ = strings.Cut(rest, `"`)
			found = true
			break
		}
	}
	if !found && !containsAny(text, "failed to do request: ", "unexpected status from ", "content at http",
		"unexpected status code http", "no resolve hosts: not found", withStatus) {
		return false
	}
	p, ok := urlIn(text)
	if tokenServer(text) != "" {
		p = place{} // it says nothing of the host whose token that is
	}
	if _, rest, found := strings.Cut(text, fromHost); found && !ok {
		p = placeOfStatus(rest)
	}
	_, said, ok := strings.Cut(text, `": `)
	if !ok {
		said = text
	}
	answer := answerOf(said)
	r.add(Event{Kind: Ends, Client: Containerd, Image: image, Summary: true, Answer: answer})
	if p.location != "" { // else every location answered so: IMAGE: not found
		r.containerdAt(p, Event{Kind: Answers, Image: image, Answer: answer, Summary: true})
	}
	return true
}

// placeOfStatus returns the place that 1.6 names behind fromHost.
func placeOfStatus(text string) (p place) {
	host, rest, found := strings.Cut(text, withStatus)
	object, _, _ := strings.Cut(rest, "]")
	kind, reference, ok := strings.Cut(object, " ")
	if !found || strings.Contains(host, " ") {
		return p
	}
	p.location = host
	if ok {
		p.reference, p.object = reference, Object(strings.TrimSuffix(kind, "s"))
	}
	return p
}

// registryOf returns the registry that a hosts.toml is for, by the path in a text: …/quay.io/hosts.toml.
func registryOf(text string) string {
	dir, _, found := strings.Cut(strings.ReplaceAll(text, `\`, "/"), "/hosts.toml")
	if !found {
		return ""
	}
	return dir[strings.LastIndexByte(dir, '/')+1:]
}
