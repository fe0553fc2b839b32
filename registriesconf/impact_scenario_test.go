package registriesconf_test

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/registriesconf"
)

// Every word of what a change costs, for the changes of testdata/impact-*.txtar. Each is three files: NAME/old.conf,
// NAME/new.conf and, written by -update, NAME/impact.txt: the verdict, each change as a line and below it what was and
// what is, and what drains beside the changes.
func TestImpactInWords(t *testing.T) {
	paths, err := filepath.Glob("testdata/impact-*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, file := range paths {
		archive, err := txtar.ParseFile(file)
		require.NoError(t, err)
		var files []txtar.File
		configs := map[string]*registriesconf.Config{}
		want := map[string]string{}
		for _, f := range archive.Files {
			if path.Base(f.Name) == "impact.txt" {
				want[path.Dir(f.Name)] = string(f.Data)
			}
		}
		for _, f := range archive.Files {
			if path.Base(f.Name) == "impact.txt" {
				continue
			}
			files = append(files, f)
			config, findings := registriesconf.Parse(f.Name, f.Data)
			require.NotNil(t, config, findings)
			configs[f.Name] = config
			if name := path.Dir(f.Name); path.Base(f.Name) == "new.conf" {
				t.Run(name, func(t *testing.T) {
					got := inWords(registriesconf.Impact(configs[name+"/old.conf"], config))
					files = append(files, txtar.File{Name: name + "/impact.txt", Data: []byte(got)})
					if !scenario.Update() {
						require.Equal(t, want[name], got)
					}
				})
			}
		}
		if scenario.Update() {
			archive.Files = files
			require.NoError(t, os.WriteFile(file, txtar.Format(archive), 0o644))
		}
	}
}

func inWords(n registriesconf.NodeImpact) string {
	var b strings.Builder
	fmt.Fprintln(&b, n.Verdict())
	changes := map[string]bool{}
	for _, c := range n.Differences {
		changes[c.String()] = true
		fmt.Fprintf(&b, "%s\n  scope %q, mirror %q, was %q, is %q, drains: %t\n", c, c.Scope, c.Mirror, c.Old, c.New, c.Drains)
	}
	for _, c := range n.Reasons {
		if !changes[c.String()] {
			fmt.Fprintf(&b, "beside the changes: %s\n  scope %q, mirror %q, was %q, is %q, drains: %t\n", c, c.Scope, c.Mirror, c.Old, c.New, c.Drains)
		}
	}
	return b.String()
}
