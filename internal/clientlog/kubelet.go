package clientlog

import "strings"

// The texts of the kubelet (pkg/kubelet/images/image_manager.go and pkg/kubelet/kuberuntime/kuberuntime_image.go,
// Kubernetes 1.24 to 1.34), in events and in its journal.
const (
	kubeletFails   = `Failed to pull image "`       // event: Failed to pull image "IMAGE": ERROR
	kubeletPulling = `Pulling image "`              // event
	kubeletPulled  = `Successfully pulled image "`  // event
	kubeletBackOff = `Back-off pulling image "`     // event, ImagePullBackOff
	kubeletService = "PullImage from image service" // journal: "… failed" err="…" image="…"
)

// kubelet takes what the kubelet says. The error of the client that it repeats is taken by the reader of
// that client's texts.
func (r *reader) kubelet(m message) bool {
	text := m.text
	for _, of := range []struct {
		begins string
		event  Event
	}{
		{kubeletPulled, Event{Kind: Ends, Answer: Answer{Class: Served}}},
		{kubeletBackOff, Event{Kind: Ends, Summary: true, Answer: Answer{Class: OtherFailure}}},
		{kubeletFails, Event{Kind: Ends, Summary: true, Answer: Answer{Class: OtherFailure}}},
		{kubeletPulling, Event{Kind: Begins}},
	} {
		if _, rest, found := strings.Cut(text, of.begins); found {
			of.event.Client = Kubelet
			of.event.Image, _, _ = strings.Cut(rest, `"`)
			r.add(of.event)
			return true
		}
	}
	if strings.HasPrefix(text, kubeletService) && m.fields["image"] != "" {
		r.add(Event{Kind: Ends, Client: Kubelet, Image: m.fields["image"], Summary: true,
			Answer: Answer{Class: OtherFailure}})
		return true
	}
	return false
}
