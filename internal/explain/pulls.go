package explain

import (
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/clientlog"
	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/resolve"
)

// Pull is what a log says of one image and one client.
type Pull struct {
	// Image is as the log names it first; empty where it does not, and then Guesses are what it may be.
	Image   string
	Guesses []string
	// Client is empty where only the kubelet speaks.
	Client clientlog.Client
	Events []clientlog.Event
	open   bool
}

// Pulls returns the pulls of a log, in the order in which it names them. What names no image belongs to the
// pull that has begun, or else to the one whose end is told next, as a trace is followed by its error.
func Pulls(log *clientlog.Log) []*Pull {
	s := &sorter{}
	for _, e := range log.Events {
		if e.Image != "" {
			s.named(e)
		} else {
			s.unnamed(e)
		}
	}
	s.rest()
	for _, p := range s.pulls {
		slices.SortStableFunc(p.Events, func(a, b clientlog.Event) int { return a.Line - b.Line })
	}
	return s.pulls
}

type sorter struct {
	pulls   []*Pull
	pending []clientlog.Event
}

// named takes an event that names its image.
func (s *sorter) named(e clientlog.Event) {
	p := s.of(e.Image, e.Client)
	if p.Client == "" && e.Client != clientlog.Kubelet {
		p.Client = e.Client
	}
	p.open = e.Kind == clientlog.Begins || p.open && e.Kind != clientlog.Ends
	kept := s.pending[:0]
	for _, earlier := range s.pending {
		if sameClient(p.Client, earlier.Client) {
			if p.Client == "" {
				p.Client = earlier.Client
			}
			p.Events = append(p.Events, earlier)
		} else {
			kept = append(kept, earlier)
		}
	}
	s.pending = kept
	p.Events = append(p.Events, e)
}

// unnamed takes one that does not: of several pulls that are open, the last one that is for the same tag or
// digest, or else the last.
func (s *sorter) unnamed(e clientlog.Event) {
	var into *Pull
	for _, p := range slices.Backward(s.pulls) {
		if !p.open || !sameClient(p.Client, e.Client) {
			continue
		}
		if e.Reference != "" && e.Object == clientlog.Manifest && strings.HasSuffix(p.Image, e.Reference) {
			into = p
			break
		}
		if into == nil {
			into = p
		}
	}
	if into == nil {
		s.pending = append(s.pending, e)
		return
	}
	if into.Client == "" && e.Client != clientlog.Kubelet {
		into.Client = e.Client
	}
	into.Events = append(into.Events, e)
	if e.Kind == clientlog.Ends {
		into.open = false
	}
}

// of returns the pull of an image by a client.
func (s *sorter) of(image string, client clientlog.Client) *Pull {
	for _, p := range s.pulls {
		if SameImage(p.Image, image) && sameClient(p.Client, client) {
			return p
		}
	}
	p := &Pull{Image: image}
	s.pulls = append(s.pulls, p)
	return p
}

// rest gives what is left to the last pull of its client, or to one without a name.
func (s *sorter) rest() {
	for _, e := range s.pending {
		var into *Pull
		for _, p := range slices.Backward(s.pulls) {
			if sameClient(p.Client, e.Client) {
				into = p
				break
			}
		}
		if into == nil {
			into = &Pull{Client: e.Client}
			s.pulls = append(s.pulls, into)
		}
		into.Events = append(into.Events, e)
	}
	for _, p := range s.pulls {
		if p.Image == "" {
			p.Guesses = guesses(p.Events)
		}
	}
}

// sameClient reports whether two events may be of one client. The kubelet speaks for any.
func sameClient(a, b clientlog.Client) bool {
	return a == b || a == "" || b == "" || a == clientlog.Kubelet || b == clientlog.Kubelet
}

// SameImage reports whether two names are of one image: the kubelet has the pod's, the client the full one.
func SameImage(a, b string) bool {
	if a == b {
		return true
	}
	one, err := resolve.ParseReference(a)
	other, bad := resolve.ParseReference(b)
	return err == nil && bad == nil && one.String() == other.String()
}

// most is how many guesses are made.
const most = 64

// guesses returns what the image may be, by the locations that were asked and the references that they were
// asked for. containers-image asks the image's own location last. containerd tells a mirror the registry of
// the image, and asks it for the whole repository behind the mirror's own path.
func guesses(events []clientlog.Event) (all []string) {
	var references []string
	for _, e := range events {
		if e.Reference != "" && e.Object == clientlog.Manifest && !slices.Contains(references, e.Reference) &&
			len(references) < most {
			references = append(references, e.Reference)
		}
	}
	for _, e := range slices.Backward(events) {
		for _, name := range namesOf(e) {
			for _, reference := range references {
				separator := ":"
				if strings.Contains(reference, ":") {
					separator = "@"
				}
				if image := name + separator + reference; !slices.Contains(all, image) && len(all) < most {
					all = append(all, image)
				}
			}
		}
	}
	return all
}

// namesOf returns the names that an image may have which is asked for at a location.
func namesOf(e clientlog.Event) (names []string) {
	_, path := network.SplitHost(e.Location)
	if path == "" {
		return nil
	}
	if e.Namespace == "" {
		return []string{e.Location}
	}
	for path != "" {
		names = append(names, e.Namespace+path)
		_, path = network.SplitHost(path[1:])
	}
	return names
}

// Guess returns the guess whose plan has most of what the log shows, and empty where none has any of it.
// planOf returns the plan of an image.
func (p *Pull) Guess(planOf func(image string) (resolve.Plan, error)) string {
	best, score := "", 0
	for _, image := range p.Guesses {
		plan, err := planOf(image)
		if err != nil || len(plan.Pull) == 1 && plan.Pull[0].Role == resolve.RoleSource && len(p.Guesses) > 1 {
			continue // of an image without a rule the plan is its own location, which proves nothing
		}
		e := Of(p.Events, plan)
		if n := 2*e.asked() - len(e.Others); e.asked() > 0 && (best == "" || n > score) {
			best, score = image, n
		}
	}
	if best == "" && len(p.Guesses) == 1 {
		return p.Guesses[0]
	}
	return best
}
