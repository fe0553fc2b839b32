// Command embed shows how a program embeds pullroute: it reads manifests, asks where an image goes on both
// platforms, and makes the files of both kinds of node.
package main

import (
	"fmt"
	"log"
	"os"
	"slices"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: embed MANIFEST IMAGE")
	}
	set, err := mirrorset.ReadFiles(os.Args[1])
	if err != nil {
		log.Fatal(err) // every document, field and value that cannot be read
	}
	rules, err := set.Rules()
	if err != nil {
		log.Fatal(err) // what the API server or MCO refuses
	}

	files, linux, findings := registriesconf.Render(rules, registriesconf.RenderOptions{})
	tree, windows, more := hoststoml.Render(rules, hoststoml.RenderOptions{})
	for _, ask := range []func(string) (resolve.Plan, error){linux.Plan, windows.Plan} {
		plan, err := ask(os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		for _, attempt := range plan.Pull {
			fmt.Println(plan.Platform, attempt.Role, attempt.Location)
		}
	}

	fmt.Printf("%s", files.Config.Bytes())
	for _, registry := range tree {
		fmt.Printf("# %s\n%s", registry.Path(), registry.File.Bytes())
	}
	for _, finding := range slices.Concat(rules.Findings, findings, more) {
		log.Println(finding)
	}
}
