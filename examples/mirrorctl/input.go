package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

// inputFlag adds -f.
func inputFlag(fs *flag.FlagSet, what string) *texts {
	files := new(texts)
	fs.Var(files, "f", what+", `FILE`, directory or - for standard input; repeats")
	return files
}

const manifests = "manifests"

// readRules reads manifests and merges them. The error refuses them; the rules are then what could be made
// of the rest.
func (p *program) readRules(paths []string) (*mirrorset.Rules, error) {
	_, rules, err := p.readSet(paths)
	return rules, err
}

// readSet reads manifests, and returns the objects beside what readRules does.
func (p *program) readSet(paths []string) (*mirrorset.Set, *mirrorset.Rules, error) {
	if len(paths) == 0 {
		return nil, nil, fmt.Errorf("%w: no input; give manifests with -f", errUsage)
	}
	set := &mirrorset.Set{}
	var refused finding.Findings
	for i, path := range paths {
		if slices.Contains(paths[:i], path) {
			return nil, nil, fmt.Errorf("%w: -f %s is given twice", errUsage, path)
		}
		var one *mirrorset.Set
		var err error
		if path == "-" {
			one, err = mirrorset.Decode("-", p.stdin)
		} else {
			one, err = mirrorset.ReadFiles(path)
		}
		var r *finding.RefusedError
		if errors.As(err, &r) {
			refused = append(refused, r.Findings...)
		} else if err != nil {
			return nil, nil, err
		}
		set.Add(one)
	}
	rules, err := set.Rules()
	if refused != nil {
		// What is read of a refused input is not all of it; still, all that is wrong is said at once.
		err = append(refused, refusals(err)...).Sort().Err()
	}
	return set, rules, err
}

// refusals returns the findings of a *RefusedError.
func refusals(err error) finding.Findings {
	var r *finding.RefusedError
	if errors.As(err, &r) {
		return r.Findings
	}
	return nil
}

// planner answers for images: one of the two tables.
type planner interface {
	Plan(image string) (resolve.Plan, error)
}

// source is what plans are asked of, and what was found on the way to it.
type source struct {
	planner
	findings finding.Findings
	// origins returns, for a plan's scope, the fields that made the entry there what it is.
	origins func(scope string) []finding.Origin
	// rules are what the tables were built from, and other is the table of the other platform; nil for a
	// node's own files.
	rules *mirrorset.Rules
	other planner
}

// readSource reads manifests, or a node's own files, for one platform.
func (p *program) readSource(platform finding.Platform, paths, hosts []string) (*source, error) {
	if len(paths) == 1 && paths[0] != "-" {
		if s, err := readNodeFiles(platform, paths[0]); s != nil || err != nil {
			return s, err
		}
	}
	rules, err := p.readRules(paths)
	if err != nil {
		return nil, err
	}
	_, linux, more := registriesconf.Render(rules, registriesconf.RenderOptions{})
	_, windows, moreWindows := hoststoml.Render(rules, hoststoml.RenderOptions{Hosts: hosts})
	s := imageSource(linux, append(slices.Clone(rules.Findings), more...))
	s.other = windows
	if platform == finding.Windows {
		s = registrySource(windows, append(slices.Clone(rules.Findings), moreWindows...))
		s.other = linux
	}
	s.rules = rules
	return s, nil
}

func imageSource(t *resolve.LinuxTable, findings finding.Findings) *source {
	return &source{planner: t, findings: findings, origins: func(scope string) []finding.Origin {
		for _, e := range t.Entries() {
			if e.Prefix == scope {
				return e.Origins
			}
		}
		return nil
	}}
}

func registrySource(t *resolve.ContainerdTable, findings finding.Findings) *source {
	return &source{planner: t, findings: findings, origins: func(scope string) []finding.Origin {
		r, _ := t.Find(scope)
		return r.Origins
	}}
}

// nodePlatform returns the platform whose own files a path holds, and "" for manifests.
func nodePlatform(path string) finding.Platform {
	if trees, err := filepath.Glob(filepath.Join(path, "*", hoststoml.FileName)); err == nil && len(trees) > 0 {
		return finding.Windows
	}
	if _, err := os.Stat(filepath.Join(path, "registries.conf")); err == nil || strings.HasSuffix(path, ".conf") {
		return finding.Linux
	}
	return ""
}

// readNodeFiles reads a registries.conf, a directory that holds one, or a containerd config_path; nil for
// anything else.
func readNodeFiles(platform finding.Platform, path string) (*source, error) {
	trees, err := filepath.Glob(filepath.Join(path, "*", hoststoml.FileName))
	if err != nil {
		return nil, err
	}
	conf := path
	if info, err := os.Stat(filepath.Join(path, "registries.conf")); err == nil && !info.IsDir() {
		conf = filepath.Join(path, "registries.conf")
	}
	switch {
	case len(trees) > 0:
		if platform != finding.Windows {
			return nil, fmt.Errorf("%w: %s holds hosts.toml files, which --platform windows reads", errUsage, path)
		}
		tree, findings, err := hoststoml.ReadTree(path)
		if err != nil {
			return nil, err
		}
		return registrySource(tree.Table(path), findings), nil
	case strings.HasSuffix(conf, ".conf"):
		if platform != finding.Linux {
			return nil, fmt.Errorf("%w: %s is a registries.conf, which --platform linux reads", errUsage, path)
		}
		node, err := readNodeLinux(conf, conf != path)
		if err != nil {
			return nil, err
		}
		c := node.main
		for _, d := range node.dropIns {
			c = c.Overlay(d.config)
		}
		return imageSource(c.Table(conf), node.findings), nil
	}
	return nil, nil
}

// nodeLinux is what a Linux node reads.
type nodeLinux struct {
	main     *registriesconf.Config
	dropIns  []dropIn // in the order the client reads them in
	findings finding.Findings
}

// dropIn is a file of registries.conf.d, named from the directory of registries.conf.
type dropIn struct {
	name   string
	config *registriesconf.Config
}

// readNodeLinux reads a registries.conf and, if asked to, the drop-ins beside it.
func readNodeLinux(conf string, withDropIns bool) (*nodeLinux, error) {
	n := &nodeLinux{}
	var err error
	if n.main, n.findings, err = readRegistriesConf(conf); err != nil || !withDropIns {
		return n, err
	}
	dir := path.Dir(registriesconf.SearchDropIn)
	paths, err := filepath.Glob(filepath.Join(filepath.Dir(conf), dir, "*.conf"))
	if err != nil {
		return nil, err
	}
	for _, p := range paths {
		c, findings, err := readRegistriesConf(p)
		if err != nil {
			return nil, err
		}
		n.findings = append(n.findings, findings...)
		n.dropIns = append(n.dropIns, dropIn{path.Join(dir, filepath.Base(p)), c})
	}
	return n, nil
}

// readRegistriesConf reads one file; what the client refuses is refused.
func readRegistriesConf(path string) (*registriesconf.Config, finding.Findings, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	c, findings := registriesconf.Parse(path, data)
	return c, findings, findings.Err()
}
