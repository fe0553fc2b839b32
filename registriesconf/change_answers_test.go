package registriesconf_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/pullroute/pullroute/internal/faults"
	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

// A part is what lies on a node, a path and a content a line: "config HOST", "search HOST" and "policy SCOPE" are files
// that Render made, "-> TARGET" is a symbolic link, and a path that ends in a slash a directory. The lines "new config
// HOST" and so on are what is to be there, and "option NAME" says how. It is answered with what is done, what is kept
// and why, the error, and what lies there then.
func TestANodeIsChangedInTheseSteps(t *testing.T) {
	scenario.Answers(t, "testdata/changes.txtar", func(t *testing.T, name, text string) string {
		return changed(text)
	})
}

func changed(lines string) string {
	node := map[string]string{}
	var new registriesconf.Files
	var o registriesconf.Options
	for line := range strings.Lines(lines) {
		first, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		what, host, _ := strings.Cut(rest, " ")
		switch {
		case first == "new" && what == "config":
			new.Config = blocking(host)
		case first == "new" && what == "search":
			new.Search = searching(host)
		case first == "new":
			new.Policies = signed(host)
		case first == "option":
			o.Overwrite, o.KeepStale, o.LeavePolicies = o.Overwrite || what == "overwrite", o.KeepStale || what == "keep", o.LeavePolicies || what == "leave"
		case what == "config":
			node[first] = text(blocking(host))
		case what == "search":
			node[first] = text(searching(host))
		case what == "policy":
			node[first] = string(signed(host).InContainers()[first])
		case what == "template":
			node[first] = string(policyjson.Template())
		default:
			node[first] = rest
		}
	}
	site := faults.NewMemory(faults.Case{Node: node})
	c, err := new.Apply(context.Background(), site, o)
	var b strings.Builder
	for _, op := range c.Operations {
		fmt.Fprintf(&b, "%s %s: %s\n", op.Action, op.File, op)
	}
	for _, k := range c.Kept {
		fmt.Fprintf(&b, "kept %s %s: %s\n", k.Code, k.Path, k.Message)
	}
	if err != nil {
		fmt.Fprintln(&b, err)
	}
	for line := range strings.Lines(site.Listing()) {
		if kind, path, ok := strings.Cut(line, "--------- "); ok && kind != "" {
			b.WriteString(kind + " " + path)
		}
	}
	return b.String()
}
