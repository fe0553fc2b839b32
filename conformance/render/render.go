// Package render makes the files of nodes, for tests that need one of the results of the library's
// Render calls.
package render

import (
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

// Linux returns the files of a Linux node, and the table that they are to mean. A nil base is that
// of MCO.
func Linux(rules *mirrorset.Rules, base *registriesconf.Config) (registriesconf.Files, *resolve.LinuxTable) {
	files, table, _ := registriesconf.Render(rules, registriesconf.RenderOptions{Base: base, BaseName: "base"})
	return files, table
}

// Tree returns the hosts.toml files of a node.
func Tree(rules *mirrorset.Rules, hosts ...string) hoststoml.Tree {
	tree, _, _ := hoststoml.Render(rules, hoststoml.RenderOptions{Hosts: hosts})
	return tree
}
