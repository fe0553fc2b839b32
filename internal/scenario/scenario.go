// Package scenario reads the stories in testdata. A scenario is one .txtar file: what goes in, and below
// it what comes out, so that who opens a file understands one behaviour. It holds
//
//	*.yaml                           the manifests
//	hosts                            registry hosts named for Windows, one a line (optional)
//	base.conf                        the registries.conf to edit (optional)
//	images                           the images to plan, one a line (optional)
//	findings.txt                     of reading, validating and merging: package mirrorset
//	linux/findings.txt, plans.txt    of the Linux table: package resolve
//	windows/findings.txt, plans.txt  of the containerd table: package resolve
//	linux/policy-findings.txt, registries.conf (.d), policy.json, registries.d/, crio/policies/
//	                                 package registriesconf
//	windows/HOST/hosts.toml          package hoststoml
//
// Each package's test computes the parts it owns. With -update it writes them.
package scenario

import (
	"errors"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the results in testdata")

// Update reports whether results are to be rewritten rather than compared.
func Update() bool { return *update }

// Dir is testdata as the tests of a top-level package see it.
const Dir = "../testdata"

// Scenario is one story.
type Scenario struct {
	Name  string
	files []txtar.File
}

// Run calls compute for every scenario and compares what it returns, a content by file name, with the
// files of the scenario that owned says are its.
func Run(t *testing.T, owned func(name string) bool, compute func(t *testing.T, s *Scenario) map[string]string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(Dir, "*.txtar"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			require.NoError(t, err)
			got := map[string]string{}
			maps.Copy(got, compute(t, &Scenario{Name: path, files: archive.Files}))
			for name := range got {
				require.True(t, owned(name), "%s is not this test's", name)
				if got[name] == "" {
					delete(got, name)
				}
			}
			if *update {
				rewrite(t, path, owned, got)
				return
			}
			want := map[string]string{}
			for _, f := range archive.Files {
				if owned(f.Name) {
					want[f.Name] = string(f.Data)
				}
			}
			require.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)))
			for name := range want {
				require.Equal(t, want[name], got[name], name)
			}
		})
	}
}

// rewrite replaces the owned files of an archive. Tests of several packages do so at once, so each
// holds a lock while it reads and writes.
func rewrite(t *testing.T, path string, owned func(string) bool, got map[string]string) {
	lock := path + ".lock"
	for {
		f, err := os.OpenFile(lock, os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			f.Close()
			break
		}
		require.ErrorIs(t, err, fs.ErrExist)
		time.Sleep(10 * time.Millisecond)
	}
	defer os.Remove(lock)
	archive, err := txtar.ParseFile(path)
	require.NoError(t, err)
	archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return owned(f.Name) })
	for name, content := range got {
		archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(content)})
	}
	slices.SortStableFunc(archive.Files, func(a, b txtar.File) int {
		if c := place(a.Name) - place(b.Name); c != 0 {
			return c
		}
		if place(a.Name) == 0 {
			return 0 // what goes in stays as it was written
		}
		return strings.Compare(a.Name, b.Name)
	})
	require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o644))
}

// place orders the parts of an archive: what goes in, then findings, then the platforms.
func place(name string) int {
	switch {
	case name == "findings.txt":
		return 1
	case strings.HasPrefix(name, "linux/"):
		return 2
	case strings.HasPrefix(name, "windows/"):
		return 3
	}
	return 0
}

// Rules reads the manifests of the scenario. ok is false where they are refused; findings then holds the
// refusals, else all findings.
func (s *Scenario) Rules(t *testing.T) (rules *mirrorset.Rules, findings finding.Findings, ok bool) {
	set := &mirrorset.Set{}
	var refused finding.Findings
	collect := func(err error) {
		var r *finding.RefusedError
		if errors.As(err, &r) {
			refused = append(refused, r.Findings...)
		} else {
			require.NoError(t, err)
		}
	}
	for _, f := range s.files {
		if place(f.Name) == 0 && strings.HasSuffix(f.Name, ".yaml") {
			one, err := mirrorset.Decode(f.Name, strings.NewReader(string(f.Data)))
			collect(err)
			set.Add(one)
		}
	}
	rules, err := set.Rules()
	collect(err)
	if refused != nil {
		return nil, refused.Sort(), false
	}
	return rules, rules.Findings, true
}

// Lines returns the lines of a file of the scenario, and nil where there is no such file.
func (s *Scenario) Lines(name string) []string {
	return strings.FieldsFunc(s.Text(name), func(r rune) bool { return r == '\n' })
}

// Text returns a file of the scenario, empty where there is no such file.
func (s *Scenario) Text(name string) string {
	for _, f := range s.files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// Text writes findings one a line.
func Text(findings finding.Findings) string {
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(f.String())
		b.WriteByte('\n')
	}
	return b.String()
}
