package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// An Operator answers for nodes whose files an operator of OpenShift writes: made of the same
// objects, and in some places not those of this module. The zero value answers nothing.
type Operator struct {
	code     finding.Code
	name     string
	platform finding.Platform
	// Linux and Containerd are the table of its files; nil where it is the operator of other nodes, or
	// writes none.
	Linux      *LinuxTable
	Containerd *ContainerdTable
	// Err says why the operator ends in an error and writes nothing, so that nodes keep what they have.
	Err error

	// Of Image, which WMCO does not read: its blocked scopes, and where each scope of it stands.
	blocked scopeSet
	scopes  scopeMap[finding.Origin]
}

// MCO returns the Machine Config Operator of a cluster with these rules (see [LinuxTable.EditAsMCO]).
// The blocked scopes are to be those that it blocks in registries.conf, which depends on the release
// payload.
func MCO(rules *mirrorset.Rules) Operator {
	table, err := (&LinuxTable{search: defaultSearchRegistries}).EditAsMCO(rules)
	return Operator{code: finding.CodeMCODiffers, name: "MCO", platform: finding.Linux, Linux: table, Err: err}
}

// WMCO returns the Windows Machine Config Operator of a cluster with these rules (see
// [NewWMCOTable]).
func WMCO(rules *mirrorset.Rules) Operator {
	o := Operator{code: finding.CodeWMCODiffers, name: "WMCO", platform: finding.Windows,
		Containerd: NewWMCOTable(rules)}
	rules = complete(rules)
	for _, s := range slices.Concat(rules.Insecure, rules.Blocked) {
		o.scopes.set(s.Value, s.Origin)
	}
	for _, s := range rules.Blocked {
		o.blocked.add(s.Value)
	}
	return o
}

// Check compares a plan with that of a node under the operator, and returns a finding where the two
// ask other locations, in another order, or for other things: a tag, plain HTTP.
func (o Operator) Check(ours Plan) (finding.Finding, bool) {
	if ours.Platform != o.platform || o.name == "" {
		return finding.Finding{}, false
	}
	if f, fails := o.Fails(); fails {
		return f, true
	}
	var theirs Plan
	var err error
	if o.Linux != nil {
		theirs, err = o.Linux.Plan(ours.Image)
	} else {
		theirs, err = o.Containerd.Plan(ours.Image)
	}
	if err != nil {
		return finding.Finding{}, false
	}
	return o.Differs(ours.Image, ours, theirs)
}

// Differs returns the finding that images, of which the two plans are an example, go another way on
// nodes under the operator, and false where they do not.
func (o Operator) Differs(images string, ours, theirs Plan) (finding.Finding, bool) {
	if o.sameRequests(ours.Pull, theirs.Pull) && o.sameRequests(ours.Resolve, theirs.Resolve) {
		return finding.Finding{}, false
	}
	f := finding.Finding{Code: o.code, Severity: finding.SeverityWarning, Platform: o.platform, Value: images,
		Origin: planOrigin(ours, theirs)}
	if f.Origin == (finding.Origin{}) {
		f.Origin = o.scopeOrigin(ours)
	}
	if sameLocations(ours, theirs) {
		f.Severity = finding.SeverityInfo
		f.Message = fmt.Sprintf("on nodes whose files %s writes, the same locations are asked in another "+
			"order: %s", o.name, ways(theirs))
		return f, true
	}
	f.Message = fmt.Sprintf("on nodes whose files %s writes, %s; with these files, %s%s", o.name, ways(theirs),
		ways(ours), o.why(ours))
	return f, true
}

// sameRequests reports whether attempts are the same to the network. A location in two spellings,
// one behind the other, is asked once more for nothing on Linux, which is no difference; containerd
// asks it for each layer.
func (o Operator) sameRequests(a, b []Attempt) bool {
	a, b = onTheWire(a), onTheWire(b)
	if o.Linux != nil {
		a, b = withoutRepeats(a), withoutRepeats(b)
	}
	return sameAttempts(a, b)
}

// onTheWire returns attempts with their locations as the network sees them.
func onTheWire(attempts []Attempt) []Attempt {
	wire := slices.Clone(attempts)
	for i := range wire {
		wire[i].Location = network.Place(wire[i].Location)
	}
	return wire
}

func withoutRepeats(attempts []Attempt) (kept []Attempt) {
	for _, a := range attempts {
		kept = appendAttempt(kept, a)
	}
	return kept
}

// Fails returns the finding that the operator writes nothing, and false where it does.
func (o Operator) Fails() (finding.Finding, bool) {
	if o.Err == nil {
		return finding.Finding{}, false
	}
	return finding.Finding{Code: o.code, Severity: finding.SeverityWarning, Platform: o.platform, Message: fmt.Sprintf(
		"%s ends in an error over these objects and writes no file, so that its nodes keep what they have: %s",
		o.name, shown.Text(o.Err.Error()))}, true
}

// why names what WMCO does not read; the other differences stand in the documentation.
func (o Operator) why(ours Plan) string {
	if o.Containerd == nil {
		return ""
	}
	icsp := false
	for _, a := range slices.Concat(ours.Resolve, ours.Pull) {
		icsp = icsp || slices.ContainsFunc(a.Origins, fromICSP)
	}
	if icsp {
		return " (WMCO does not read ImageContentSourcePolicy; mirrorctl migrate-icsp converts it)"
	}
	for _, reference := range ours.References {
		if r, err := ParseReference(reference); err == nil && len(ours.Pull) == 0 && o.blocked.covers(r.Name()) {
			return " (WMCO does not read the blocked registries of Image)"
		}
	}
	if slices.ContainsFunc(ours.Pull, func(a Attempt) bool { return a.Insecure }) {
		return " (WMCO does not read the insecure registries of Image)"
	}
	return ""
}

// scopeOrigin returns the field of Image that makes a plan what it is where no field of a mirror does.
func (o Operator) scopeOrigin(ours Plan) finding.Origin {
	names := make([]string, 0, len(ours.References)+len(ours.Pull))
	for _, text := range ours.References {
		if r, err := ParseReference(text); err == nil {
			names = append(names, r.Name())
		}
	}
	for _, a := range ours.Pull {
		names = append(names, a.Location)
	}
	for _, name := range names {
		for _, origin := range o.scopes.around(name) {
			return origin
		}
	}
	return finding.Origin{}
}

// ways says in words what a plan asks.
func ways(p Plan) string {
	if len(p.Pull) == 0 {
		return "there is nothing to pull from"
	}
	list := func(attempts []Attempt) string {
		words := make([]string, len(attempts))
		for i, a := range attempts {
			words[i] = shown.Value(a.Location)
			if a.Insecure {
				words[i] += " (insecure)"
			}
		}
		return strings.Join(words, ", ")
	}
	pull := list(p.Pull)
	if tags := list(p.Resolve); tags != "" && tags != pull {
		return fmt.Sprintf("the tag is resolved at %s and the image fetched from %s", tags, pull)
	}
	return "the image is asked for at " + pull
}

func sameAttempts(a, b []Attempt) bool {
	return slices.EqualFunc(a, b, func(a, b Attempt) bool {
		return a.Location == b.Location &&
			a.Insecure == b.Insecure
	})
}

// sameLocations reports whether two plans ask the same locations in any order.
func sameLocations(a, b Plan) bool {
	sorted := func(attempts []Attempt) []Attempt {
		attempts = slices.Clone(attempts)
		slices.SortStableFunc(attempts, func(a, b Attempt) int { return strings.Compare(a.Location, b.Location) })
		return attempts
	}
	return sameAttempts(sorted(a.Pull), sorted(b.Pull)) && sameAttempts(sorted(a.Resolve), sorted(b.Resolve))
}

// planOrigin returns the first field that either plan has.
func planOrigin(plans ...Plan) finding.Origin {
	for _, p := range plans {
		for _, a := range slices.Concat(p.Resolve, p.Pull) {
			if len(a.Origins) > 0 {
				return a.Origins[0]
			}
		}
	}
	return finding.Origin{}
}
