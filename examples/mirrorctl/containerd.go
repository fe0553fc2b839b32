package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
	"github.com/spf13/cobra"
)

// containerd is the platform of a Linux node with containerd. Its files and plans are those of a
// Windows node, without what only Windows does.
const containerd finding.Platform = "containerd"

// nodePlatform is the flag --platform where containerd on Linux is answered for as well.
type nodePlatform finding.Platform

var nodePlatforms = append(slices.Clone(platforms), string(containerd))

func nodePlatformFlag(c *cobra.Command) *nodePlatform {
	on := new(nodePlatform)
	addFlag(c, on, "platform", "", "the nodes to answer for: windows, linux, or containerd, which is that "+
		"on Linux", nodePlatforms)
	return on
}

func (p *nodePlatform) String() string { return string(*p) }

func (p *nodePlatform) Type() string { return "PLATFORM" }

func (p *nodePlatform) Set(s string) error {
	switch {
	case *p != "":
		return errors.New("is a second platform; this command answers for one")
	case !slices.Contains(nodePlatforms, s):
		return fmt.Errorf("is to be %s%s", alternatives(nodePlatforms), didYouMean(s, nodePlatforms))
	}
	*p = nodePlatform(s)
	return nil
}

// files returns the platform whose files and tables the nodes have.
func (p nodePlatform) files() finding.Platform {
	if finding.Platform(p) == containerd {
		return finding.Windows
	}
	return finding.Platform(p)
}

// plans says of plans, and of what was found with them, for whom they are.
func (p nodePlatform) plans(plans []resolve.Plan) {
	for i := range plans {
		if finding.Platform(p) == containerd {
			plans[i].Platform, plans[i].Findings = containerd, p.findings(plans[i].Findings)
		}
	}
}

// findings leaves out what only Windows does, and names the platform. A finding of a table says "on
// Windows" of what containerd does anywhere.
func (p nodePlatform) findings(findings finding.Findings) finding.Findings {
	if finding.Platform(p) != containerd {
		return findings
	}
	kept := slices.DeleteFunc(slices.Clone(findings), func(f finding.Finding) bool {
		return slices.Contains([]finding.Code{finding.CodeReservedName, finding.CodeHostClash, finding.CodeWMCODiffers}, f.Code)
	})
	for i := range kept {
		if f := &kept[i]; f.Platform == finding.Windows {
			f.Platform, f.Message = containerd, strings.ReplaceAll(f.Message, "on Windows", "on containerd")
		}
	}
	return kept
}

// way says whose answer it is, where that is not the only one that the node's programs give.
func (p *program) way(on finding.Platform) {
	if on == containerd {
		fmt.Fprintln(p.stdout, "  as the kubelet pulls it (CRI); ctr reads these files with --hosts-dir only")
	}
}
