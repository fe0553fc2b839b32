package registriesconf_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/pullroute/pullroute/internal/faults"
	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

// A part is what lies on a node, a path and a content a line: "config HOST", "search HOST" and "policy SCOPE" are files
// that Render made, "-> TARGET" is a symbolic link, and a path that ends in a slash a directory. The lines "new config
// HOST" and so on are what is to be there, and "option NAME" says how. "fails list DIRECTORY" and "fails read FILE" are
// what the transport refuses. It is answered with what is done, what is kept and why, the error, and what lies there then.
// With "option namespaces" the node's directory is that of the policies of namespaces, "new namespace NAME SCOPE".
func TestANodeIsChangedInTheseSteps(t *testing.T) {
	scenario.Answers(t, "testdata/changes.txtar", func(t *testing.T, name, text string) string {
		return changed(text)
	})
}

func changed(lines string) string {
	node := map[string]string{}
	var new registriesconf.Files
	var o registriesconf.Options
	var refusing refusing
	namespaces := false
	for line := range strings.Lines(lines) {
		first, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		what, host, _ := strings.Cut(rest, " ")
		switch {
		case first == "new" && what == "config":
			new.Config = blocking(host)
		case first == "new" && what == "search":
			new.Search = searching(host)
		case first == "new" && what == "namespace":
			namespace, scope, _ := strings.Cut(host, " ")
			if new.Policies.Namespaces == nil {
				new.Policies.Namespaces = map[string]*policyjson.Policy{}
			}
			new.Policies.Namespaces[namespace] = signed(scope).Policy
		case first == "new":
			new.Policies = signed(host)
		case first == "fails" && what == "list":
			refusing.list = host
		case first == "fails":
			refusing.read = host
		case first == "option" && what == "namespaces":
			namespaces = true
		case first == "option":
			o.Overwrite, o.KeepStale, o.LeavePolicies = o.Overwrite || what == "overwrite", o.KeepStale || what == "keep", o.LeavePolicies || what == "leave"
		case what == "config":
			node[first] = text(blocking(host))
		case what == "search":
			node[first] = text(searching(host))
		case what == "policy":
			node[first] = string(signed(host).InContainers()[first])
			if namespaces {
				node[first] = string(signed(host).PolicyJSON)
			}
		case what == "template":
			node[first] = string(policyjson.Template())
		default:
			node[first] = rest
		}
	}
	site := faults.NewMemory(faults.Case{Node: node})
	apply := new.Apply
	if namespaces {
		apply = new.ApplyNamespaces
	}
	refusing.Transport = site
	c, err := apply(context.Background(), refusing, o)
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

// refusing is a Transport that does not show a directory and a file.
type refusing struct {
	nodefiles.Transport
	list, read string
}

func (r refusing) List(ctx context.Context, dir string) ([]nodefiles.DirEntry, error) {
	if dir == r.list {
		return nil, fs.ErrPermission
	}
	return r.Transport.List(ctx, dir)
}

func (r refusing) ReadFile(ctx context.Context, name string) ([]byte, error) {
	if name == r.read {
		return nil, fs.ErrPermission
	}
	return r.Transport.ReadFile(ctx, name)
}
