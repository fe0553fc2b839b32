// Command embed prints where an image is pulled from on both kinds of node, and the files that make them do it.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
)

func main() {
	set, err := mirrorset.ReadFiles(os.Args[1])
	check(err) // every document, field and value that cannot be read
	rules, err := set.Rules()
	check(err) // what the API server or MCO refuses
	files, linux, findings := registriesconf.Render(rules, registriesconf.RenderOptions{})
	tree, windows, more := hoststoml.Render(rules, hoststoml.RenderOptions{})
	onLinux, err := linux.Plan(os.Args[2])
	check(err)
	onWindows, err := windows.Plan(os.Args[2])
	check(err)
	fmt.Println(onLinux.Pull, onWindows.Resolve, onWindows.Pull)
	fmt.Printf("%s\n%v\n", files.Config.Bytes(), findings)
	for _, registry := range tree {
		fmt.Printf("# %s\n%s\n", registry.Path(), registry.File.Bytes())
	}
	fmt.Println(more)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
