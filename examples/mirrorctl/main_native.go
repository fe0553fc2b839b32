//go:build !js

package main

import (
	"os"
	"runtime/debug"
)

func main() {
	// A process of a fraction of a second need not collect what it has allocated.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
