package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// Codes of the findings of this program, beside those of package finding: of required images, of comments
// that leave findings out, of what WMCO does not read, and of logs.
const (
	codeUnusedIgnore  finding.Code = "unused-ignore"  // a comment pullroute:ignore that leaves nothing out
	codeICSPWindows   finding.Code = "icsp-windows"   // Windows: an ImageContentSourcePolicy, which WMCO does not read
	codeRequiredImage finding.Code = "required-image" // where an image that was required is served
	codeNotMirrored   finding.Code = "not-mirrored"   // an image that has to be served by a mirror and is not
	codeRuleNotUsed   finding.Code = "rule-not-used"  // an entry around an image that does not serve it
	codeShortName     finding.Code = "short-name"     // an image that is named without a registry
	// Of logs: a source that may not be asked was asked, and what a node did and the plan does not say.
	codeSourceContacted finding.Code = "source-contacted"
	codeNodeDiffers     finding.Code = "node-differs"
)

// pauseImage is the image of every Windows pod's sandbox: without it no pod starts.
const pauseImage = "mcr.microsoft.com/oss/kubernetes/pause:3.9"

// images says of each required image whether a mirror serves it, where, and without its source.
func (l *linter) images(t planner, images []input.Image) error {
	for _, image := range images {
		plan, err := t.Plan(image.Name)
		if err != nil {
			return err
		}
		plan = l.policy.Apply(plan)
		l.findings = slices.Concat(l.findings, plan.Findings, reasons(l.rules, t, plan),
			misplaced(image, plan.Platform, mirrorsOf(plan)))
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
		f.Message = "is required, and cannot be pulled while its source is out of reach: no mirror may " +
			"say what its tag stands for; add an ImageTagMirrorSet, or pull by digest"
	default:
		f.Code, f.Severity = codeRequiredImage, finding.SeverityInfo
		f.Message = "is served by " + strings.Join(mirrors, ", ") + ", also while its source is out of reach"
		if !resolvable {
			f.Severity = finding.SeverityWarning
			f.Message = "is served by " + strings.Join(mirrors, ", ") + ", but not while its source is " +
				"out of reach: no mirror may say what its tag stands for"
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
		// A certificate that is not here may be on the node; without it every pull from the registry fails.
		certificate := f.Code == finding.CodeInvalidFile &&
			(strings.HasSuffix(f.Origin.Field, "ca") || strings.HasSuffix(f.Origin.Field, "client"))
		if (certificate || slices.Contains(doubts, f.Code)) && slices.ContainsFunc(a.Origins, func(o finding.Origin) bool {
			return o.File == f.Origin.File && (certificate || o.Field == f.Origin.Field)
		}) {
			return f.Code
		}
	}
	return ""
}

// requireFrom reads lists of images that a mirror has to serve.
func requireFrom(files []string) ([]input.Image, finding.Findings, error) {
	var images []input.Image
	var findings finding.Findings
	for _, file := range files {
		list, err := input.ReadImages(file)
		if err != nil {
			return nil, nil, err
		}
		images = append(images, list.Images...)
		findings = append(findings, transports(file, list)...)
	}
	return images, findings, nil
}

// transports says that docker:// was taken off.
func transports(file string, list *input.Images) finding.Findings {
	if list.Transports == 0 {
		return nil
	}
	return finding.Findings{{
		Code: codeRequiredImage, Severity: finding.SeverityInfo, Origin: finding.Origin{File: file},
		Message: fmt.Sprintf("docker:// was taken off images (%d): pods name images without it", list.Transports),
	}}
}

// misplaced returns the finding about an image that was copied to where no node asks for it.
func misplaced(image input.Image, platform finding.Platform, asked []string) finding.Findings {
	r, err := resolve.ParseReference(image.Destination)
	if image.Destination == "" || strings.HasPrefix(image.Destination, "file://") {
		return nil
	}
	destination := image.Destination
	if err == nil {
		destination = location(r)
		if slices.Contains(asked, destination) {
			return nil
		}
	}
	f := finding.Finding{
		Code: codeNotMirrored, Severity: finding.SeverityError, Platform: platform, Value: image.Name,
		Message: "is copied to " + shown.Location(destination) + ", which no node asks for it; ",
	}
	if len(asked) == 0 {
		f.Message += "no mirror is asked: add a rule for it"
		return finding.Findings{f}
	}
	f.Message += "nodes ask " + strings.Join(asked, ", ") + ": copy it there, or name the other location as a mirror"
	return finding.Findings{f}
}

// location returns the location of a reference as plans name it.
func location(r resolve.Reference) string {
	host, rest, _ := strings.Cut(r.Name(), "/")
	if host == "docker.io" {
		host = network.DockerHub
	}
	return shown.Value(host + "/" + rest)
}

// mirrorsOf returns the locations of the mirrors that a plan asks.
func mirrorsOf(plan resolve.Plan) []string {
	var mirrors []string
	for _, a := range plan.Pull {
		if a.Role == resolve.RoleMirror {
			mirrors = append(mirrors, shown.Value(a.Location))
		}
	}
	return mirrors
}
