package clientlog

import "strings"

// The texts of containers-image, in docker/docker_image_src.go and docker/docker_client.go of 5.22 (podman 4, skopeo
// 1.9), 5.38 (CRI-O 1.37) and 5.42 (podman 6), and of CRI-O 1.37 (server/image_pull.go, internal/storage/image.go).
const (
	// newImageSource; CRI-O has it at level info.
	trying = `Trying to access "`
	// newImageSource: Accessing "REFERENCE" failed: ERROR.
	accessing, accessFailed = `Accessing "`, `" failed: `
	// newImageSource: (Mirrors also failed: [REFERENCE: ERROR]…): REFERENCE: ERROR.
	mirrorsFailed, listEnd = "(Mirrors also failed: ", "]): "
	// getBlobWithMirrorFallback, from 5.39: (Fallback sources also failed: [REFERENCE: ERROR]…): ERROR.
	othersFailed = "(Fallback sources also failed: "
	// GetBlob, from 5.39: Blob DIGEST fetch from "REFERENCE" failed (ERROR), trying fallback sources.
	elsewhere = "), trying fallback sources"
	// tryGetBlob, from 5.39: Transient error fetching blob DIGEST from "REFERENCE", retrying: ERROR.
	transient = "Transient error fetching "
	// getBlobWithMirrorFallback, from 5.39.
	fallbackHad = `Blob fetch succeeded from fallback source "`
	// copy.go: initializing source docker://REFERENCE: ERROR.
	initializing = "nitializing source docker://"
	// makeRequestToResolvedURLOnce: GET URL.
	getting = "GET "
	// newDockerClient: registry SCOPE is blocked in one of FILES; up to 5.38 is blocked in FILE or DIRECTORY.
	blockedText = " is blocked in "
	// containers/common, of podman 4 and 5: Trying to pull REFERENCE...
	podmanTrying = "Trying to pull "
	// CRI-O, PullImage.
	crioPulling, crioPulled = "Pulling image: ", "Pulled image: "
	// CRI-O, pullImageImplementation.
	fallingBack, artifactError = "Falling back to pull ", "; artifact err: "
)

// containersImage takes what containers-image and the programs on it say.
func (r *reader) containersImage(m message) bool {
	text := m.text
	switch {
	case strings.Contains(text, fallingBack):
		r.fallsBack(text)
		return true
	case containsAny(text, mirrorsFailed, othersFailed, initializing, artifactError):
		r.ofError(text)
		return true
	case strings.HasPrefix(text, trying) && strings.Contains(text[len(trying):], `"`): // else it is cut short
		reference, _, _ := strings.Cut(text[len(trying):], `"`)
		r.access(reference, Event{Kind: Asks})
		return true
	case strings.HasPrefix(text, accessing) && strings.Contains(text, accessFailed):
		reference, said, _ := strings.Cut(text[len(accessing):], accessFailed)
		r.access(reference, Event{Kind: Answers, Answer: answerOf(said)})
		return true
	case strings.HasPrefix(text, crioPulling):
		r.artifact, r.fallback = false, false
		r.add(Event{Kind: Begins, Client: ContainersImage, Image: firstWord(text[len(crioPulling):])})
		return true
	case strings.HasPrefix(text, crioPulled):
		r.add(Event{Kind: Ends, Client: ContainersImage, Answer: Answer{Class: Served}})
		return true
	case strings.HasPrefix(text, podmanTrying) && strings.HasSuffix(strings.TrimSpace(text), "..."):
		image := strings.TrimSuffix(strings.TrimSpace(text[len(podmanTrying):]), "...")
		r.add(Event{Kind: Begins, Client: ContainersImage, Image: image})
		return true
	}
	return r.request(text) || r.bareError(text)
}

// access takes what newImageSource says, and in the same words getBlobWithMirrorFallback of a blob.
func (r *reader) access(reference string, e Event) {
	p := named(reference)
	if r.fallback {
		p.object, p.reference = Blob, ""
	}
	r.at(p, e)
}

// request takes the requests of a debug trace, and what became of them.
func (r *reader) request(text string) bool {
	switch {
	case strings.HasPrefix(text, getting):
		p, ok := placeOf(firstWord(text[len(getting):]))
		if !ok || p.object != Blob { // "Trying to access" told of the manifest
			return false
		}
		r.at(p, Event{Kind: Asks})
		return true
	case strings.HasSuffix(text, elsewhere) && strings.Contains(text, ` fetch from "`):
		r.fallback = true
		_, rest, _ := strings.Cut(text, ` fetch from "`)
		reference, said, _ := strings.Cut(rest, `" failed (`)
		said = strings.TrimSuffix(said, elsewhere)
		r.blobAt(reference, said)
		return true
	case strings.HasPrefix(text, fallbackHad):
		r.access(firstWord(text[len(fallbackHad):]), Event{Kind: Answers, Answer: Answer{Class: Served}})
		r.fallback = false
		return true
	case strings.HasPrefix(text, transient) && strings.Contains(text, `", retrying: `):
		_, rest, _ := strings.Cut(text, ` from "`)
		reference, said, _ := strings.Cut(rest, `", retrying: `)
		r.blobAt(reference, said)
		return true
	}
	return false
}

// blobAt adds what a location answered when it was asked for a blob.
func (r *reader) blobAt(reference, said string) {
	p := named(reference)
	p.object, p.reference = Blob, ""
	r.at(p, Event{Kind: Answers, Answer: answerOf(said)})
}

// at adds an event of containers-image at a place.
func (r *reader) at(p place, e Event) {
	e.Client, e.Location, e.Reference, e.Object = ContainersImage, p.location, p.reference, p.object
	e.Artifact = r.artifact
	r.add(e)
}

// fallsBack takes the line in which CRI-O says why it tries an artifact: it repeats the error of the first
// round, and everything behind it is of the second.
func (r *reader) fallsBack(text string) {
	r.artifact = false
	_, said, _ := strings.Cut(text, " as an OCI artifact: ")
	r.ofError(said)
	r.artifact = true
}

// ofError takes an error with everything that it repeats: of CRI-O the rounds for the image and for the
// artifact, of each round the mirrors and the location that came last.
func (r *reader) ofError(text string) {
	r.fallback = false
	image, second, two := strings.Cut(text, artifactError)
	round := r.artifact
	r.artifact = round && !two
	r.ofRound(image)
	if two {
		r.artifact = true
		r.ofRound(second)
		round = false // the pull is over
	}
	r.artifact = round
}

// ofRound takes the error of one round.
func (r *reader) ofRound(text string) {
	image := r.imageOf(text)
	for _, list := range []struct {
		begins string
		object Object
	}{{mirrorsFailed, Manifest}, {othersFailed, Blob}} {
		_, rest, found := strings.Cut(text, list.begins)
		if !found {
			continue
		}
		body, last, complete := strings.Cut(rest, listEnd)
		if !complete {
			body, last = rest, ""
		}
		entries := splitList(body)
		if list.object == Blob { // the first failure stands last, without its location
			r.blobsFailed(entries, last)
		} else {
			r.manifestsFailed(image, entries, last)
		}
		return
	}
	r.single(image, text)
}

// imageOf returns the image that an error names, and says that its pull ended.
func (r *reader) imageOf(text string) string {
	_, rest, found := strings.Cut(text, initializing)
	if !found {
		return ""
	}
	image := strings.TrimSuffix(firstWord(rest), ":")
	r.add(Event{Kind: Ends, Client: ContainersImage, Image: image, Summary: true, Artifact: r.artifact,
		Answer: Answer{Class: OtherFailure}})
	return image
}

// manifestsFailed adds the locations of a list of mirrors, and the one behind it.
func (r *reader) manifestsFailed(image string, entries []string, last string) {
	reference, _, _ := strings.Cut(last, ": ")
	if last != "" {
		entries = append(entries, last)
		if image == "" {
			r.add(Event{Kind: Ends, Client: ContainersImage, Image: reference, Summary: true, Artifact: r.artifact,
				Answer: Answer{Class: OtherFailure}})
		}
	}
	for _, entry := range entries {
		reference, said, _ := strings.Cut(entry, ": ")
		if strings.ContainsAny(reference, " \"") {
			continue // no reference: the list is not what it seems
		}
		r.at(named(reference), Event{Kind: Answers, Answer: answerOf(said), Summary: true})
	}
}

// blobsFailed adds the locations that were asked for a blob after another had failed; that one is not
// named.
func (r *reader) blobsFailed(entries []string, first string) {
	if first != "" {
		r.at(place{object: Blob}, Event{Kind: Answers, Answer: answerOf(first), Summary: true})
	}
	for _, entry := range entries {
		reference, said, _ := strings.Cut(entry, ": ")
		p := named(reference)
		p.object, p.reference = Blob, ""
		r.at(p, Event{Kind: Answers, Answer: answerOf(said), Summary: true})
	}
}

// splitList splits "[A] [B]" at what stands between the brackets of two entries; an entry may have other
// brackets in it.
func splitList(text string) []string {
	text = strings.TrimPrefix(strings.TrimSpace(text), "[")
	var entries []string
	begin := 0
	for i := 0; i < len(text); i++ {
		if text[i] != ']' {
			continue
		}
		j := i + 1
		for j < len(text) && strings.IndexByte(" \n\t\r", text[j]) >= 0 {
			j++
		}
		if j > i+1 && j < len(text) && text[j] == '[' {
			entries = append(entries, text[begin:i])
			begin = j + 1
		}
		i = j - 1
	}
	return append(entries, text[begin:])
}

// single takes an error without a list: of an image without mirrors, or about something else than the
// manifest.
func (r *reader) single(image, text string) {
	p, ok := r.within(text)
	if !ok && image != "" {
		p = named(image)
		ok = true
	}
	if ok {
		if p.object == "" && image != "" && named(image).location != "" {
			if own := named(image); strings.HasPrefix(own.location, p.location+"/") {
				p = own // an image without mirrors: nothing else was asked
			}
		}
		answer := answerOf(fromError(text))
		r.at(p, Event{Kind: Answers, Answer: answer, Summary: true})
	}
}

// fromError returns the part of a text that begins with the error of the client.
func fromError(text string) string {
	for _, begin := range []string{initializing, "eading manifest ", "etching manifest ", "inging container registry ",
		"eading blob ", "etching blob", "arsing image configuration"} {
		if i := strings.Index(text, begin); i > 0 {
			return text[i-1:]
		}
	}
	return text
}

// within returns the place that an error names: reading manifest TAG in NAME, pinging container registry
// HOST, or a URL.
func (r *reader) within(text string) (place, bool) {
	for _, verb := range []string{"eading manifest ", "etching manifest "} {
		_, rest, found := strings.Cut(text, verb)
		if !found {
			continue
		}
		reference, rest, _ := strings.Cut(rest, " in ")
		name, _, ok := strings.Cut(rest, ": ")
		if ok && !strings.Contains(name, " ") {
			return place{location: name, reference: reference, object: Manifest}, true
		}
	}
	if _, rest, found := strings.Cut(text, "inging container registry "); found {
		host, _, _ := strings.Cut(rest, ": ")
		return place{location: host}, host != "" && !strings.Contains(host, " ")
	}
	if strings.Contains(text, "eading blob ") || strings.Contains(text, "etching blob") {
		return place{object: Blob}, true
	}
	return place{}, false
}

// bareError takes an error that stands without the words of the program around it.
func (r *reader) bareError(text string) bool {
	if strings.Contains(text, blockedText) {
		// It names the scope that is blocked, and no location.
		r.at(place{}, Event{Kind: Answers, Answer: answerOf(text), Summary: true})
		return true
	}
	if strings.HasPrefix(text, "Ping ") {
		return false // the debug line; an error of it follows
	}
	p, ok := r.within(text)
	if !ok {
		if !strings.Contains(text, "Source image rejected: ") {
			return false
		}
		p = place{object: Manifest}
	}
	r.at(p, Event{Kind: Answers, Answer: answerOf(fromError(text)), Summary: true})
	return true
}

// firstWord returns a text up to its first white space.
func firstWord(text string) string {
	if end := strings.IndexAny(text, " \t\n\""); end >= 0 {
		return text[:end]
	}
	return text
}

// containsAny reports whether a text contains one of others.
func containsAny(text string, others ...string) bool {
	for _, other := range others {
		if strings.Contains(text, other) {
			return true
		}
	}
	return false
}
