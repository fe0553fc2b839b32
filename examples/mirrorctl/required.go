package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// Codes of the findings of required images, beside those of package finding.
const (
	codeRequiredImage finding.Code = "required-image" // where an image that was required is served
	codeNotMirrored   finding.Code = "not-mirrored"   // an image that has to be served by a mirror and is not
)

// pauseImage is the image of every Windows pod's sandbox: without it no pod starts.
const pauseImage = "mcr.microsoft.com/oss/kubernetes/pause:3.9"

// images says of each required image whether a mirror serves it, where, and without its source.
func (l *linter) images(t planner, images []string) error {
	for _, image := range images {
		plan, err := t.Plan(image)
		if err != nil {
			return err
		}
		l.findings = append(l.findings, plan.Findings...)
		if len(plan.Pull) == 0 {
			continue // a finding of the plan says why
		}
		l.findings = append(l.findings, l.required(plan))
	}
	return nil
}

func (l *linter) required(plan resolve.Plan) finding.Finding {
	f := finding.Finding{
		Code: codeNotMirrored, Severity: finding.SeverityError, Platform: plan.Platform, Value: plan.Image,
	}
	var mirrors, doubtful []string
	answers := func(a resolve.Attempt) bool { return a.Role == resolve.RoleMirror && l.doubt(plan, a) == "" }
	for _, a := range plan.Pull {
		switch {
		case answers(a):
			mirrors = append(mirrors, shown.Value(a.Location))
		case a.Role == resolve.RoleMirror:
			doubtful = append(doubtful, shown.Value(a.Location))
		}
	}
	resolvable := len(plan.Resolve) == 0 || slices.ContainsFunc(plan.Resolve, answers)
	switch {
	case len(mirrors) == 0 && len(doubtful) > 0:
		f.Severity = finding.SeverityWarning
		f.Message = "is required, and it is not known that a mirror serves it: " + strings.Join(doubtful, ", ") +
			" is where few registries answer, or none; see the findings of its host"
	case len(mirrors) == 0:
		f.Message = "is required, and no mirror serves it: it is pulled from its source; add a rule for it"
		if l.disconnected {
			f.Message = "is required, and no mirror serves it: its source is out of reach; add a rule for it"
		}
	case !resolvable && l.disconnected:
		f.Message = "is required, and cannot be pulled while its source is out of reach: no mirror may say what its tag stands for; add an ImageTagMirrorSet, or pull by digest"
	default:
		f.Code, f.Severity = codeRequiredImage, finding.SeverityInfo
		f.Message = "is served by " + strings.Join(mirrors, ", ") + ", also while its source is out of reach"
		if !resolvable {
			f.Severity = finding.SeverityWarning
			f.Message = "is served by " + strings.Join(mirrors, ", ") + ", but not while its source is out of reach: no mirror may say what its tag stands for"
		}
	}
	return f
}

// doubt returns the code of the finding for which an attempt may be answered by nobody.
func (l *linter) doubt(plan resolve.Plan, a resolve.Attempt) finding.Code {
	doubts := []finding.Code{finding.CodeOtherPath, finding.CodeDockerIOServer, finding.CodeUnreachableHost}
	for _, f := range plan.Findings {
		if f.Code == finding.CodeOtherPath && f.Value == shown.Location(a.Location) {
			return f.Code
		}
	}
	for _, f := range l.findings {
		if slices.Contains(doubts, f.Code) && slices.ContainsFunc(a.Origins, func(o finding.Origin) bool { return o.File == f.Origin.File && o.Field == f.Origin.Field }) {
			return f.Code
		}
	}
	return ""
}

// readImages reads a file of images: manifests with pod specs, or one image a line, where empty lines and
// those that begin with # do not count.
func readImages(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var images []string
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
		switch {
		case line == "", strings.HasPrefix(line, "#"):
		case images == nil && (strings.ContainsAny(line, " {[") || strings.HasSuffix(line, ":") || line == "---"):
			return podImages(path, bytes.NewReader(data)) // no image looks like this
		default:
			if _, err := resolve.ParseReference(line); err != nil {
				// Without the text: whatever file was named by mistake, its lines are not printed.
				return nil, fmt.Errorf("%w: %s:%d: is not an image reference, host[:port]/repository with a tag or a digest", errUsage, path, i+1)
			}
			images = append(images, line)
		}
	}
	return images, nil
}
