package main

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/spf13/cobra"
)

func (p *program) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "print the version of the module, the revision and the version of Go",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("%w: \"%s\" is one argument too many", errUsage, shown.Location(args[0]))
			}
			fmt.Fprintf(p.stdout, "mirrorctl %s\n", versionText())
			return nil
		},
	}
}

// versionText says what this program was built from, as far as that is known.
func versionText() string {
	module, revision, modified := "(devel)", "", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			module = info.Main.Version
		}
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				modified = ", modified"
			}
		}
	}
	if revision == "" {
		revision = "unknown"
	}
	return fmt.Sprintf("%s\nrevision %s%s\n%s %s/%s", module, revision, modified, runtime.Version(),
		runtime.GOOS, runtime.GOARCH)
}

func (p *program) completion() *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "print the script that has a shell complete commands, flags and codes",
		Long: "completion prints a script for a shell. To have it in every new one:\n\n" +
			"  bash  mirrorctl completion bash >/etc/bash_completion.d/mirrorctl (needs bash-completion)\n" +
			"  zsh   mirrorctl completion zsh >\"${fpath[1]}/_mirrorctl\" (needs compinit)\n" +
			"  fish  mirrorctl completion fish >~/.config/fish/completions/mirrorctl.fish",
		ValidArgs: shells,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(shells, args[0]) {
				return fmt.Errorf("%w: name one shell: bash, zsh or fish", errUsage)
			}
			var script bytes.Buffer
			var err error
			switch args[0] {
			case "bash":
				err = c.Root().GenBashCompletionV2(&script, true)
			case "zsh":
				err = c.Root().GenZshCompletion(&script)
			case "fish":
				err = c.Root().GenFishCompletion(&script, true)
			}
			if err != nil {
				return err
			}
			return p.stdout.result(script.Bytes())
		},
	}
}
