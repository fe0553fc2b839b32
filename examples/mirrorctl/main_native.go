//go:build !js

package main

import (
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func main() {
	// A process of a fraction of a second need not collect what it has allocated.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// ofStores returns the commands that keep something in a file.
func (p *program) ofStores() []*cobra.Command { return append(p.asRosa(), p.imageMirror()) }
