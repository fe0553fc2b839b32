// Command mirrorctl shows everything that pullroute does: it turns manifests into the files of Linux and
// Windows nodes, says where an image will be pulled from and why, and checks manifests in CI.
//
//	mirrorctl render  --platform windows|linux -f FILE [--out DIR]
//	mirrorctl resolve --platform windows|linux -f FILE IMAGE...
//	mirrorctl lint    -f FILE
//	mirrorctl routes  --platform windows|linux -f FILE
//	mirrorctl assert  -f FILE STATEMENTS...
//	mirrorctl diff    --platform windows|linux OLD NEW
//	mirrorctl copy-plan -f FILE IMAGE...
//
// Results go to standard output, findings and errors to standard error. The exit code is 0 where the
// question was answered, whatever was found; 1 where the input was refused and nothing was written or
// planned, and for lint where a finding fails it; 2 for wrong usage.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// program is what a command runs with.
type program struct {
	stdin          io.Reader
	stdout, stderr *output
	flagSet        *flag.FlagSet // of the command
}

// command is one of the commands. run gets the arguments behind its name.
type command struct {
	name, synopsis string
	run            func(p *program, args []string) error
}

var commands = []command{
	{"render", "write the files that nodes read", (*program).render},
	{"resolve", "say where images will be pulled from", (*program).resolve},
	{"lint", "report everything worth knowing of the manifests", (*program).lint},
	{"routes", "say where every image will be pulled from, class by class", (*program).routes},
	{"assert", "say whether statements about all images hold, with a counterexample where not", (*program).assert},
	{"diff", "say what changes on a node between two inputs, and what it costs", (*program).diff},
	{"copy-plan", "print the skopeo commands that fill the mirrors", (*program).copyPlan},
	{"migrate-icsp", "print ImageDigestMirrorSets for ImageContentSourcePolicies", (*program).migrateICSP},
	{"image-mirror", "create, edit, list and delete the image mirrors of managed clusters", (*program).imageMirror},
}

const (
	exitRefused = 1
	exitUsage   = 2
	// exitRefusedInput is for commands whose exit code 1 is an answer.
	exitRefusedInput = 3
)

// errUsage marks a wrong use of the command line.
var errUsage = errors.New("wrong usage")

// errFailed ends a command with exit code 1 after everything was said.
var errFailed = errors.New("failed")

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{stdin: stdin, stdout: &output{to: stdout}, stderr: &output{to: stderr}}
	defer p.stderr.Flush()
	defer p.stdout.Flush()
	if len(args) == 0 {
		usage(p.stderr)
		return exitUsage
	}
	for _, c := range commands {
		if c.name != args[0] {
			continue
		}
		err := c.run(p, args[1:])
		switch {
		case err == nil, errors.Is(err, flag.ErrHelp):
			return 0
		case errors.Is(err, errUsage):
			p.fail(c.name, fmt.Errorf("%w; see mirrorctl %s -h", err, c.name))
			return exitUsage
		case errors.Is(err, errRefusedInput):
			p.refuse(c.name, err)
			return exitRefusedInput
		case errors.Is(err, errFailed):
		default:
			p.refuse(c.name, err)
		}
		return exitRefused
	}
	switch args[0] {
	case "-h", "-help", "--help", "help":
		usage(p.stdout)
		return 0
	}
	fmt.Fprintf(p.stderr, "mirrorctl: \"%s\" is no command\n", shown.Location(args[0]))
	usage(p.stderr)
	return exitUsage
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: mirrorctl COMMAND [flags] [arguments]")
	for _, c := range commands {
		fmt.Fprintf(w, "  %-12s %s\n", c.name, c.synopsis)
	}
	fmt.Fprintln(w, "mirrorctl COMMAND -h shows the flags of a command")
}

// flags returns an empty flag set for a command. arguments names what it takes beside flags.
func (p *program) flags(name, arguments string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	p.flagSet = fs
	fs.SetOutput(io.Discard)
	fs.Usage = func() {
		fs.SetOutput(p.stdout)
		fmt.Fprintf(p.stdout, "usage: mirrorctl %s [flags] %s\n", name, arguments)
		fs.PrintDefaults()
		fs.SetOutput(io.Discard)
	}
	return fs
}

// parse parses flags wherever they stand and returns the arguments between them.
func parse(fs *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for {
		if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			return nil, fmt.Errorf("%w: %s", errUsage, flagMistake(err.Error()))
		}
		if fs.NArg() == 0 {
			return rest, nil
		}
		// What stands behind "--" is an argument, whatever it looks like.
		if i := len(args) - fs.NArg(); i > 0 && args[i-1] == "--" {
			return append(rest, fs.Args()...), nil
		}
		rest, args = append(rest, fs.Arg(0)), fs.Args()[1:]
	}
}

// flagMistake is what package flag says, with a value or a name that it repeats as that may be shown.
func flagMistake(message string) string {
	for _, repeated := range []*regexp.Regexp{invalidValue, unknownFlag} {
		if at := repeated.FindStringSubmatchIndex(message); at != nil {
			value := message[at[2]:at[3]]
			if unquoted, err := strconv.Unquote(value); err == nil {
				value = unquoted
			}
			return message[:at[2]] + shown.Location(value) + message[at[3]:]
		}
	}
	return message
}

var (
	invalidValue = regexp.MustCompile(`^invalid (?:boolean )?value ("(?:[^"\\]|\\.)*") for `)
	unknownFlag  = regexp.MustCompile(`(?s)^flag provided but not defined: -(.*)$`)
)

// texts is a flag that repeats.
type texts []string

func (t *texts) String() string { return strings.Join(*t, ",") }

func (t *texts) Set(s string) error {
	if s == "" {
		return errors.New("is empty")
	}
	*t = append(*t, s)
	return nil
}

// platform is the flag --platform.
type platform finding.Platform

func (p *platform) String() string { return string(*p) }

func (p *platform) Set(s string) error {
	switch finding.Platform(s) {
	case finding.Linux, finding.Windows:
		*p = platform(s)
		return nil
	}
	return errors.New("is to be windows or linux")
}

// concerning returns the findings that do not speak of the other platform only.
func concerning(platform finding.Platform, findings finding.Findings) finding.Findings {
	var kept finding.Findings
	for _, f := range findings {
		if f.Platform == "" || f.Platform == platform {
			kept = append(kept, f)
		}
	}
	return kept
}
