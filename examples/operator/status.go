package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/recorder"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/pullroute/pullroute/registriesconf"
)

// How much statuses and events hold. Objects of the API server have about a megabyte; a thousand mirror
// entries have thousands of findings.
const (
	maxFindings = 50   // in the status of ClusterPulls
	maxEvents   = 20   // of one rendering
	maxFailures = 20   // in the status of NodePulls
	maxKept     = 20   // in the status of NodePulls
	maxReasons  = 20   // for a drain
	maxMessage  = 4096 // bytes of a condition's message
	maxNote     = 1000 // bytes of an event's note; the API server takes 1024
)

// setRendered says whether the objects were taken, and if not, which field of which object is refused.
func (c *ClusterPulls) setRendered(refused error) {
	condition := metav1.Condition{Type: conditionRendered, Status: metav1.ConditionTrue, Reason: "Rendered",
		Message: "the objects are rendered", ObservedGeneration: c.Generation}
	if refused != nil {
		condition.Status, condition.Reason = metav1.ConditionFalse, "Refused"
		condition.Message = truncate("the nodes keep the last good files: "+refused.Error(), maxMessage)
	}
	meta.SetStatusCondition(&c.Status.Conditions, condition)
}

// setUnread says that the objects cannot be read.
func (c *ClusterPulls) setUnread(cause error) {
	meta.SetStatusCondition(&c.Status.Conditions, metav1.Condition{
		Type: conditionRendered, Status: metav1.ConditionFalse, Reason: "Unread", ObservedGeneration: c.Generation,
		Message: truncate("the nodes keep the last good files: the objects cannot be read: "+cause.Error(), maxMessage),
	})
}

// setStored says whether the last good files are in the store, and if not, why.
func (c *ClusterPulls) setStored(problem error) {
	condition := metav1.Condition{Type: conditionStored, Status: metav1.ConditionTrue, Reason: "Stored",
		Message: "a restart finds the last good files", ObservedGeneration: c.Generation}
	if errors.Is(problem, errLeftBehind) {
		condition.Reason, condition.Message = "LeftBehind", truncate(problem.Error(), maxMessage)
	} else if problem != nil {
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, "NotStored", problem.Error()
		switch {
		case errors.Is(problem, errNoneStored):
			condition.Reason = "NothingStored"
		case errors.Is(problem, errDamaged):
			condition.Reason = "Damaged"
		case errors.Is(problem, errNewer):
			condition.Reason = "NewerVersion"
		}
		if lasting(problem) {
			condition.Message += "; nodes keep what they have, and new ones get no files until the " +
				"objects are not refused any more"
		}
		condition.Message = truncate(condition.Message, maxMessage)
	}
	meta.SetStatusCondition(&c.Status.Conditions, condition)
}

// tell sends an event where a condition is or was bad news.
func tell(events recorder.EventRecorder, regarding client.Object, condition, action string,
	before, after []metav1.Condition) {
	was, is := meta.FindStatusCondition(before, condition), meta.FindStatusCondition(after, condition)
	switch {
	case is == nil || was != nil && was.Status == is.Status && was.Reason == is.Reason && was.Message == is.Message:
	case is.Status == metav1.ConditionFalse:
		events.Eventf(regarding, nil, "Warning", is.Reason, action, "%s", truncate(is.Message, maxNote))
	case was != nil && was.Status == metav1.ConditionFalse:
		events.Eventf(regarding, nil, "Normal", is.Reason, action, "%s", truncate(is.Message, maxNote))
	}
}

// setFindings counts all findings and lists the gravest.
func (c *ClusterPulls) setFindings(findings finding.Findings) {
	c.Status.Errors, c.Status.Warnings, c.Status.Infos = 0, 0, 0
	for _, f := range findings {
		switch f.Severity {
		case finding.SeverityError:
			c.Status.Errors++
		case finding.SeverityWarning:
			c.Status.Warnings++
		default:
			c.Status.Infos++
		}
	}
	listed := slices.Clone(findings)
	slices.SortStableFunc(listed, func(a, b finding.Finding) int { return cmp.Compare(rank(a), rank(b)) })
	c.Status.Findings = listed[:min(len(listed), maxFindings)]
}

// rank orders findings: what refuses the objects, other errors, warnings, the rest.
func rank(f finding.Finding) int {
	switch {
	case f.Refused():
		return 0
	case f.Severity == finding.SeverityError:
		return 1
	case f.Severity == finding.SeverityWarning:
		return 2
	}
	return 3
}

// State is what is known of a node's files.
type State string

const (
	StatePending  State = "pending"  // it has not been tried since the files changed, or there are none
	StateApplied  State = "applied"  // it has all of them
	StateConflict State = "conflict" // other hands' files are in the way of some; it has the others
	StatePartial  State = "partial"  // it cannot have some, whose names it has no room for; it has the others
	StateFailed   State = "failed"   // the last try ended with an error
	StateTimedOut State = "timedout" // the last try did not end in time
)

// states lists all of them.
var states = []State{StatePending, StateApplied, StateConflict, StatePartial, StateFailed, StateTimedOut}

// lasting reports whether trying again is of no use before somebody has changed the objects or the node.
func (s State) lasting() bool { return s == StateConflict || s == StatePartial }

// Reason says why a registry does not have its file.
type Reason string

const (
	ReasonConflict      Reason = "Conflict"      // another hand's file is in the way
	ReasonReservedName  Reason = "ReservedName"  // Windows can have no directory of its name
	ReasonSameDirectory Reason = "SameDirectory" // Windows takes its directory for that of another registry
	ReasonWaits         Reason = "Waits"         // for another registry that failed
	ReasonFailed        Reason = "Failed"        // the node did not do it; it is tried again
)

// reasonOf tells why a registry has failed.
func reasonOf(err error) Reason {
	switch {
	case errors.Is(err, nodefiles.ErrConflict):
		return ReasonConflict
	case errors.Is(err, hoststoml.ErrName):
		return ReasonReservedName
	case errors.Is(err, hoststoml.ErrSameDirectory):
		return ReasonSameDirectory
	case errors.Is(err, nodefiles.ErrWaits):
		return ReasonWaits
	}
	return ReasonFailed
}

// stateOf tells a node's state by the error of its last try. Of several failures the one counts
// that trying again may mend.
func stateOf(err error) State {
	switch {
	case err == nil:
		return StateApplied
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errStillRunning):
		return StateTimedOut
	}
	failed := hoststoml.RegistryErrors(err)
	has := func(r Reason) bool {
		return slices.ContainsFunc(failed, func(e *hoststoml.RegistryError) bool { return reasonOf(e) == r })
	}
	switch {
	case len(failed) == 0 || has(ReasonFailed):
		return StateFailed
	case has(ReasonConflict):
		return StateConflict
	}
	return StatePartial
}

// setApplied says how bringing the files with this hash to the node went.
func (n *NodePulls) setApplied(desired string, kept []nodefiles.Kept, err error) State {
	state := stateOf(err)
	n.Status.Desired = desired
	condition := metav1.Condition{Type: conditionApplied, Status: metav1.ConditionFalse,
		ObservedGeneration: n.Generation}
	if err != nil {
		condition.Message = err.Error()
	}
	switch state {
	case StateApplied:
		n.Status.Applied = desired
		condition.Status, condition.Reason, condition.Message = metav1.ConditionTrue, "Applied", "the "+
			"node has its files"
	case StateConflict:
		condition.Reason = "Conflict"
	case StatePartial:
		condition.Reason = "Partial"
	case StateTimedOut:
		condition.Reason = "TimedOut"
	default:
		condition.Reason = "Failed"
	}
	condition.Message = truncate(condition.Message, maxMessage)
	if failed := hoststoml.RegistryErrors(err); err == nil || len(failed) > 0 { // otherwise nobody has looked
		n.Status.Failures = nil
		for _, e := range failed[:min(len(failed), maxFailures)] {
			n.Status.Failures = append(n.Status.Failures,
				Failure{e.Registry, reasonOf(e), truncate(e.Err.Error(), maxNote)})
		}
		if more := len(failed) - maxFailures; more > 0 {
			condition.Message = fmt.Sprintf("%s; %d more registries than status.failures lists have failed",
				condition.Message, more)
		}
		if more := len(kept) - maxKept; more > 0 {
			condition.Message = fmt.Sprintf("%s; %d more names than status.kept lists are of other hands",
				condition.Message, more)
		}
		n.Status.Kept = slices.Clone(kept[:min(len(kept), maxKept)])
	}
	meta.SetStatusCondition(&n.Status.Conditions, condition)
	return state
}

// setNoFiles says why a node that comes new gets no files.
func (n *NodePulls) setNoFiles(why string) {
	meta.SetStatusCondition(&n.Status.Conditions, metav1.Condition{
		Type: conditionApplied, Status: metav1.ConditionFalse, Reason: "NoFiles", ObservedGeneration: n.Generation,
		Message: truncate("there are no files for the node, and without any it contacts every source "+
			"itself: "+why, maxMessage),
	})
}

// newDrain says what a change costs a node.
func newDrain(hash string, impact registriesconf.NodeImpact) *Drain {
	d := &Drain{For: hash, Reboot: impact.Reboot, Reasons: []string{}}
	for i, reason := range impact.Reasons {
		if i == maxReasons {
			d.Reasons = append(d.Reasons, fmt.Sprintf("and %d more", len(impact.Reasons)-i))
			break
		}
		d.Reasons = append(d.Reasons, truncate(reason.String(), maxMessage))
	}
	return d
}

// reason turns a finding's code into the CamelCase that events have: spillover, Spillover.
func reason(f finding.Finding) string {
	var b strings.Builder
	for word := range strings.SplitSeq(string(f.Code), "-") {
		b.WriteString(strings.ToUpper(word[:min(1, len(word))]) + word[min(1, len(word)):])
	}
	return b.String()
}

// note returns the note of an event about several things.
func note(lines []string) string {
	count := ""
	if len(lines) > 1 {
		count = fmt.Sprintf("%d: ", len(lines))
	}
	return truncate(count+strings.Join(lines, "; "), maxNote)
}

// truncate shortens a text to a number of bytes, and shows that it did.
func truncate(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit-len("…")], "") + "…"
}
