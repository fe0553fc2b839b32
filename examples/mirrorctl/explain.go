package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/clientlog"
	"github.com/pullroute/pullroute/internal/explain"
	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
	"github.com/spf13/cobra"
)

func (p *program) explain() *cobra.Command {
	c := &cobra.Command{Use: "explain [LOG]", Short: "hold a client's log or error against the plan",
		Long: "explain reads what a client says of a pull that failed, and holds it against the plan: the error of\n" +
			"podman, skopeo and CRI-O, a trace of --log-level=debug, events and the journal of the kubelet, the\n" +
			"journal of containerd. LOG is a file; without it, or for -, standard input is read."}
	files := inputFlag(c, anyInput)
	on := platformFlag(c, "the nodes to answer for: "+nodes+"; else those of the client that speaks, and of "+
		"containerd Windows")
	out := formFlag(c, "one object with findings, attempts and images")
	hosts := hostsFlag(c)
	read := choiceFlags(c)
	image := c.Flags().String("image", "", "the `IMAGE` that was pulled, where the log does not say it")
	c.RunE = func(_ *cobra.Command, args []string) error {
		switch {
		case len(*files) == 0:
			return errNoInput
		case len(args) > 1:
			return fmt.Errorf("%w: \"%s\" is a second log; give one", errUsage, shown.Location(args[1]))
		}
		log, err := p.readLog(args, *files)
		if err != nil {
			return err
		}
		in, err := p.read(*files)
		if err != nil {
			return err
		}
		x := &explainer{in: in, hosts: *hosts, read: read, on: finding.Platform(*on), sources: map[finding.Platform]*source{}}
		if err := x.all(log, *image); err != nil {
			return err
		}
		if out.name == "json" {
			return p.encode(x.document(log))
		}
		p.showExplained(x, log)
		return nil
	}
	return c
}

// mostLog is how long a log may be.
const mostLog = 64 << 20

// readLog reads the log that an argument names, or standard input.
func (p *program) readLog(args, files []string) (*clientlog.Log, error) {
	name, from := "-", p.stdin
	if len(args) == 1 {
		name = args[0]
	}
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from = file
	} else if slices.Contains(files, "-") {
		return nil, fmt.Errorf("%w: -f - and the log cannot both be standard input; name a file for one", errUsage)
	}
	text, err := io.ReadAll(io.LimitReader(from, mostLog+1))
	if err != nil {
		return nil, err
	}
	if len(text) > mostLog {
		return nil, fmt.Errorf("the log is longer than %d MiB; give the part about the image", mostLog>>20)
	}
	log := clientlog.Read(text)
	if len(log.Events) == 0 {
		return nil, fmt.Errorf("no line of the log (%d) is one that a client is known to write of a pull; give the "+
			"error, the events of the pod, or the journal of the node", log.Lines)
	}
	return log, nil
}

// explainer explains the pulls of a log.
type explainer struct {
	in       *input.Input
	hosts    []string
	read     *choice
	on       finding.Platform
	sources  map[finding.Platform]*source
	pulls    []explainedPull
	left     int // pulls of a client that the platform has not
	findings finding.Findings
	about    finding.Findings // of the input, about the entries that govern the images
}

// explainedPull is one pull.
type explainedPull struct {
	*explain.Explanation
	client clientlog.Client
	on     finding.Platform
	// guessed is set where the log does not name the image.
	guessed bool
	// copies are the commands that fill a location.
	copies map[string]resolve.Copy
	// blocked are the places that forbid the source.
	blocked []finding.Origin
}

// source returns what plans for a platform are asked of.
func (x *explainer) source(on finding.Platform) (*source, error) {
	if s := x.sources[on]; s != nil {
		return s, nil
	}
	s, err := sourceOf(x.in, on, x.hosts, x.read)
	if err != nil {
		return nil, err
	}
	x.sources[on] = s
	x.findings = append(x.findings, s.beside...)
	return s, nil
}

// all explains every pull of a log.
func (x *explainer) all(log *clientlog.Log, image string) error {
	pulls := explain.Pulls(log)
	if image != "" {
		pulls = only(pulls, image)
	}
	for _, pull := range pulls {
		on, ok := x.platform(pull, log)
		if !ok {
			x.left++
			continue
		}
		if err := x.one(pull, on); err != nil {
			return err
		}
	}
	if len(x.pulls) == 0 {
		return fmt.Errorf("%w: the log is not of a client of --platform %s", errUsage, string(x.on))
	}
	return nil
}

// only returns the pull of one image: what the log says of it, or where it names none, all that it says.
func only(pulls []*explain.Pull, image string) []*explain.Pull {
	one := &explain.Pull{Image: image}
	for _, p := range pulls {
		if p.Image == "" || explain.SameImage(p.Image, image) {
			one.Events = append(one.Events, p.Events...)
			if one.Client == "" {
				one.Client = p.Client
			}
		}
	}
	if len(one.Events) == 0 && len(pulls) == 1 {
		one.Events, one.Client = pulls[0].Events, pulls[0].Client
	}
	return []*explain.Pull{one}
}

// platform returns the platform of a pull: that of the client, or the one that was asked for. ok is false
// where the two are not one.
func (x *explainer) platform(pull *explain.Pull, log *clientlog.Log) (on finding.Platform, ok bool) {
	told := finding.Platform("")
	switch {
	case pull.Client == clientlog.ContainersImage:
		told = finding.Linux
	case pull.Client == clientlog.Containerd || log.Windows:
		told = finding.Windows
	}
	switch {
	case x.on == "" && told == "":
		return finding.Linux, true
	case x.on == "":
		return told, true
	}
	return x.on, told == "" || told.ReadsHosts() == x.on.ReadsHosts()
}

// one explains a pull.
func (x *explainer) one(pull *explain.Pull, on finding.Platform) error {
	from, err := x.source(on)
	if err != nil {
		return err
	}
	image := pull.Image
	if image == "" {
		if image = pull.Guess(from.Plan); image == "" {
			return fmt.Errorf("%w: the log names no image; name it with --image", errUsage)
		}
	}
	plans, err := from.plans([]string{image})
	if err != nil {
		return err
	}
	plan := plans[0]
	found := append(slices.Clone(plan.Findings), reasons(from.rules, from.planner, plan)...)
	x.about = append(x.about, from.about(plan)...)
	done := explainedPull{explain.Of(pull.Events, plans[0]), pull.Client, on, pull.Image == "", copiesOf(from, image),
		blockedBy(from, plans[0])}
	x.pulls = append(x.pulls, done)
	x.findings = append(append(x.findings, found...), done.findings()...)
	return nil
}

// blockedBy returns the places that forbid an image's own location: entries under NeverContactSource, of
// either kind of pull, and blocked scopes; of a node's own files the entry.
func blockedBy(from *source, plan resolve.Plan) (by []finding.Origin) {
	for i, reference := range plan.References {
		if from.rules == nil {
			by = append(by, from.origins(plan.Scopes[i])...)
			continue
		}
		name, _, _ := strings.Cut(reference, "@")
		if r, err := resolve.ParseReference(reference); err == nil {
			name = r.Name()
		}
		for _, kind := range []string{anyTag, anyDigest} {
			matching, _ := resolve.Matching(from.rules, name+kind)
			for _, rule := range matching {
				for _, e := range rule.Entries {
					if e.Policy == mirrorset.NeverContactSource {
						by = append(by, e.Origin)
					}
				}
			}
		}
		for _, scope := range from.rules.Blocked {
			if blocks(scope.Value, reference) {
				by = append(by, scope.Origin)
			}
		}
	}
	return by
}

// copiesOf returns the copies that fill the locations of an image.
func copiesOf(from *source, image string) map[string]resolve.Copy {
	var linux *resolve.LinuxTable
	var containerd *resolve.ContainerdTable
	for _, t := range []planner{from.planner, from.other} {
		switch t := t.(type) {
		case *resolve.LinuxTable:
			linux = t
		case *resolve.ContainerdTable:
			containerd = t
		}
	}
	by := map[string]resolve.Copy{}
	copies, _ := resolve.Copies(linux, containerd, image) // of a name without a registry there are none
	for _, c := range copies {
		for _, to := range destinations([]resolve.Copy{c}) {
			by[to] = c
		}
	}
	return by
}

// findings returns what is found of a pull: a source that may not be asked and was, and the first thing
// that the plan does not say.
func (e *explainedPull) findings() finding.Findings {
	var found finding.Findings
	if e.Contacted > 0 {
		found = append(found, finding.Finding{
			Code: codeSourceContacted, Severity: finding.SeverityError, Platform: e.Plan.Platform,
			Value: e.Plan.Image, Message: fmt.Sprintf("its source was asked, which may not be contacted; line %d of the log "+
				"shows it: look at the files of the node", e.Contacted),
		})
	}
	if e.Differs != nil {
		found = append(found, finding.Finding{
			Code: codeNodeDiffers, Severity: finding.SeverityWarning, Platform: e.Plan.Platform, Value: e.Plan.Image,
			Message: fmt.Sprintf("the node does not do what the plan says, first in line %d of the log: %s; likely: %s",
				e.Differs.Line, e.Differs.What, e.Differs.Likely),
		})
	}
	return found
}

// copyOf returns the command that fills the location of an attempt that lacks the image, empty where there
// is none.
func (e *explainedPull) copyOf(a explain.Attempt) string {
	c, ok := e.copies[shown.Value(a.Location)]
	if !ok || !a.Missing() || a.Role != resolve.RoleMirror {
		return ""
	}
	return copyCommand(c)
}

// says returns an answer in words.
func says(a clientlog.Answer) string {
	if a.Status > 0 && a.Class != clientlog.Served {
		return fmt.Sprintf("%s (%d)", a.Class, a.Status)
	}
	return string(a.Class)
}

// list joins numbers, some of many.
func list(numbers []int) string {
	var b strings.Builder
	for i, n := range numbers {
		switch {
		case i == 10:
			fmt.Fprintf(&b, " and %d more", len(numbers)-i)
			return b.String()
		case i > 0:
			b.WriteString(", ")
		}
		fmt.Fprint(&b, n)
	}
	return b.String()
}
