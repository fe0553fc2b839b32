package hoststoml_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/faults"
	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// A part is what lies on a node, a path and a content a line: "ours MIRROR" is a file that Render made, "-> TARGET" a
// symbolic link, and a path that ends in a slash a directory. The lines "tree HOST MIRROR", with " ca" for a file beside
// it, are what is to be there, and "option NAME" says how. It is answered with what is done, what is kept and why, the error, and what lies there then.
func TestANodeIsChangedInTheseSteps(t *testing.T) {
	scenario.Answers(t, "testdata/changes.txtar", func(t *testing.T, name, text string) string {
		node := map[string]string{}
		var tree hoststoml.Tree
		var o hoststoml.Options
		for line := range strings.Lines(text) {
			first, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			switch first {
			case "tree":
				host, mirror, _ := strings.Cut(rest, " ")
				rf := registry(host, "https://"+strings.TrimSuffix(mirror, " ca"))
				if strings.HasSuffix(mirror, " ca") {
					rf.Extra = hoststoml.Extra{hoststoml.ExtraName("ca.pem", nil): hoststoml.NewSecret([]byte("x"))}
				}
				tree = append(tree, rf)
			case "option":
				o.Overwrite, o.Purge, o.KeepStale = o.Overwrite || rest == "overwrite", o.Purge || rest == "purge", o.KeepStale || rest == "keep stale"
				o.TakeOverWMCO = o.TakeOverWMCO || rest == "take over"
				if rest == "linux" {
					o.Platform = finding.Containerd
				}
			default:
				if mirror, ok := strings.CutPrefix(rest, "ours "); ok {
					rest = string(registry("x", "https://"+mirror).File.Bytes())
				}
				node[first] = rest
			}
		}
		site := faults.NewMemory(faults.Case{Node: node})
		c, err := tree.Apply(context.Background(), site, o)
		var b strings.Builder
		for _, op := range c.Operations {
			fmt.Fprintf(&b, "%s %s: %s\n", op.Action, op.Registry, op)
		}
		for _, k := range c.Kept {
			fmt.Fprintf(&b, "kept %s %s: %s\n", k.Code, k.Path, k.Message)
		}
		if err != nil {
			fmt.Fprintln(&b, err)
		}
		again, err := hoststoml.ReadNode(context.Background(), site)
		require.NoError(t, err)
		after, _ := hoststoml.Diff(again, tree, o)
		fmt.Fprintf(&b, "%d operations are left\n", len(after.Operations))
		for line := range strings.Lines(site.Listing()) {
			if kind, path, ok := strings.Cut(line, "--------- "); ok && kind != "" {
				b.WriteString(kind + " " + path)
			}
		}
		return b.String()
	})
}
