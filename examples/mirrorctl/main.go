// Command mirrorctl shows everything that pullroute does: it turns manifests into the files of Linux and
// Windows nodes, says where an image will be pulled from and why, and checks manifests in CI.
//
//	mirrorctl render  --platform windows|containerd|linux -f FILE [--out DIR]
//	mirrorctl resolve --platform windows|containerd|linux -f FILE IMAGE...
//	mirrorctl lint    -f FILE
//	mirrorctl routes  --platform windows|containerd|linux -f FILE
//	mirrorctl assert  -f FILE STATEMENTS...
//	mirrorctl diff    --platform windows|containerd|linux OLD NEW
//	mirrorctl copy-plan -f FILE IMAGE...
//	mirrorctl explain -f FILE [LOG]
//
// Results go to standard output, findings and errors to standard error. The exit code is 0 where the
// question was answered, whatever was found; 1 where the input was refused and nothing was written or
// planned, for lint where a finding fails it, for assert where a statement does not hold, and for
// diff --exit-code and render --check where something differs (for these three a refused input is 3); 2
// for wrong usage.
package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/internal/near"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/spf13/cobra"
)

// program is what a command runs with.
type program struct {
	stdin          io.Reader
	stdout, stderr *output
	command        *cobra.Command // the one that runs
	memory         memory
}

// A memory holds what was read, for further commands over the same files. A process that runs one
// command has none.
type memory map[string]source

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
	return runWith(nil, args, stdin, stdout, stderr)
}

// runWith runs a command that may take what was read from a memory.
func runWith(m memory, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{stdin: stdin, stdout: newOutput(stdout), stderr: newOutput(stderr), memory: m}
	defer p.stderr.Flush()
	defer p.stdout.Flush()
	root := p.root()
	p.command = root
	err := singleDash(root, args)
	if err == nil {
		root.SetArgs(append([]string{}, args...))
		p.command, err = root.ExecuteC()
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		p.usage(err)
		return exitUsage
	case errors.Is(err, errRefusedInput):
		p.refuse(err)
		return exitRefusedInput
	case !errors.Is(err, errFailed):
		p.refuse(err)
	}
	return exitRefused
}

// root returns the command mirrorctl, with all others below it.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "mirrorctl COMMAND",
		Short: "say where images are pulled from, and write the files that make it so",
		Long: "mirrorctl turns the mirror objects of a cluster into the files of its nodes, says where an image\n" +
			"will be pulled from and why, and checks manifests in CI.",
		SilenceErrors: true, SilenceUsage: true, DisableFlagsInUseLine: true,
		Args: cobra.ArbitraryArgs, RunE: oneOf, Version: versionText(),
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetFlagErrorFunc(flagMistake)
	root.SetHelpCommand(&cobra.Command{Use: "help [COMMAND]", Short: "say more of a command", RunE: helpOf})
	root.AddCommand(p.render(), p.resolve(), p.lint(), p.routes(), p.assert(), p.diff(), p.copyPlan(), p.explain(),
		p.migrateICSP(), p.version(), p.completion())
	root.AddCommand(p.ofStores()...)
	return root
}

// oneOf is what a command does that has others below it, and was called without the name of one.
func oneOf(c *cobra.Command, args []string) error {
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			names = append(names, sub.Name())
		}
	}
	if len(args) == 0 {
		return fmt.Errorf("%w: no command; name one of %s", errUsage, strings.Join(names, ", "))
	}
	return fmt.Errorf("%w: \"%s\" is no command%s", errUsage, shown.Location(args[0]),
		didYouMean(args[0], names))
}

// helpOf shows the help of the command that arguments name.
func helpOf(c *cobra.Command, args []string) error {
	found, rest, err := c.Root().Find(args)
	if err == nil && len(rest) > 0 {
		return oneOf(found, rest)
	}
	return errors.Join(err, found.Help())
}

// didYouMean is what to put behind the name of something that there is not.
func didYouMean(word string, words []string) string {
	if meant := near.Word(word, words); meant != "" {
		return "; did you mean " + meant + "?"
	}
	return ""
}

// usage says in two lines what is wrong with a call, and how the command is called.
func (p *program) usage(err error) {
	path := p.command.CommandPath()
	fmt.Fprintf(p.stderr, "%s: %s\n", path, shown.Text(strings.ReplaceAll(input.ErrorText(err), "\n", "; ")))
	fmt.Fprintf(p.stderr, "usage: %s; %s -h says more\n", p.command.UseLine(), path)
}

// noArguments refuses an argument of a command that takes none.
func noArguments(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: \"%s\" is not a flag; give the input with -f", errUsage, shown.Location(args[0]))
	}
	return nil
}
