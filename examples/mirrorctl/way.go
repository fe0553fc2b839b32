package main

import (
	"fmt"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// notedWay says whose pulls an answer is about, where a node's programs ask differently; see resolve.Way.
func (p *program) notedWay(on finding.Platform) {
	if on == finding.Containerd {
		fmt.Fprintln(p.stderr, "note: these are the kubelet's pulls (CRI); ctr, nerdctl and other callers of the "+
			"transfer service find these files in their own way: docs/node.md")
	}
}
